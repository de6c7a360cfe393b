"""Two editors of one thing: whoever saves second is shown what the first has saved, and neither is lost."""

from __future__ import annotations


class EditConflict(Exception):
    """The row is not of the version that was edited: somebody saved another one meanwhile, or removed it."""
