"""What lists in an order of their own share: the order as it was dragged, then the arrow that was pressed."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shop.web.bodies import posted

STEPS: Final = {"up": -1, "down": 1}


async def wanted_order(request: web.Request) -> list[int]:
    """The numbers in the order that is asked for: fields `one`, and "up 7" or "down 7" in `do`; what is no number is dropped."""
    sent = await posted(request)
    texts = dict.fromkeys(text for text in sent.getall("one", []) if text.isascii() and text.isdigit())
    verb, _, moved = sent.get("do", "").partition(" ")
    order = list(texts)
    if moved in texts and verb in STEPS:
        here = order.index(moved)
        order.insert(min(max(here + STEPS[verb], 0), len(order) - 1), order.pop(here))
    return [int(text) for text in order]
