"""What everybody knows of the demo: the name of its mark among the facts, and the password of its people."""

from __future__ import annotations

from typing import Final

MARK: Final = "demo"
PASSWORD: Final = "fresh-every-day"  # noqa: S105  (it stands in the README; a real shop refuses to start on the demo)
