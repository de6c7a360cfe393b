"""What blocks and pages share: an order of their own."""

from __future__ import annotations

from collections.abc import Sequence


def completed(order: Sequence[int], known: Sequence[int]) -> list[int]:
    """That order without what is gone; what was added meanwhile comes last."""
    return [*(one for one in order if one in known), *(one for one in known if one not in order)]
