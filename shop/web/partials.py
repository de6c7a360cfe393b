"""What fills the holes of a page: small pieces of HTML that differ from visitor to visitor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from aiohttp import web

from shop.keys import LANG
from shop.web import holes
from shop.web.csrf import token_of
from shop.web.flash import flashes_of
from shop.web.rendering import language_of, partial
from shop.web.visitor import GUEST, Visitor

REMEMBERED: Final = 4096


class Filling(NamedTuple):
    """What templates/partials/{hole}.html says, in values that can be compared, and what fills holes of its own."""

    says: Mapping[str, Hashable]
    parts: Mapping[str, bytes] = MappingProxyType({})


Filler = Callable[[web.Request, Visitor], Awaitable[Filling]]

# What a page says that asks nobody.
NOBODY: Final = Filling(
    {"name": "", "is_signed_in": False, "flashes": (), "has_cards": False, "basket_count": None}, {"cards": b""}
)


class Partials:
    """Fills holes; a partial that says the same again is not rendered again."""

    def __init__(self, fillers: Mapping[str, Filler]) -> None:
        self._fillers = fillers
        self._rendered: dict[tuple[Hashable, ...], holes.Pieces] = {}

    async def fillings(self, request: web.Request, names: Iterable[str], visitor: Visitor) -> dict[str, bytes]:
        """What goes into the named holes of a page for this visitor."""
        token = csrf_field(request)
        values = {"csrf": token}
        for name in names:
            if name not in values:
                filling = await self._fillers[name](request, visitor)
                values[name] = self._filled(request, name, filling, token)
        return values

    def nobodys(self, request: web.Request, names: Iterable[str]) -> dict[str, bytes]:
        """The same as to a guest about whom nothing is known, asking nobody."""
        return {name: b"" if name == "csrf" else self._filled(request, name, NOBODY, b"") for name in names}

    def _filled(self, request: web.Request, name: str, filling: Filling, token: bytes) -> bytes:
        lang = request.get(LANG) or language_of(request)
        key = (lang, name, *filling.says.values())
        pieces = self._rendered.get(key)
        if pieces is None:
            if len(self._rendered) >= REMEMBERED:
                self._rendered.clear()
            pieces = self._rendered[key] = partial(request, lang, name, filling.says)
        if len(pieces) == 1 and isinstance(pieces[0], bytes):
            return pieces[0]
        return holes.fill(pieces, {"csrf": token, **filling.parts})


PARTIALS = web.AppKey("PARTIALS", Partials)


async def visitor_hole(request: web.Request, visitor: Visitor) -> Filling:
    """What the header says about the visitor."""
    return Filling({"is_signed_in": visitor is not GUEST, "name": visitor.name})


async def flashes_hole(request: web.Request, visitor: Visitor) -> Filling:
    """What the visitor is told once."""
    return Filling({"flashes": tuple(flashes_of(request))})


def csrf_field(request: web.Request) -> bytes:
    """The hidden field with the visitor's token; nothing for guests without cookies."""
    token = token_of(request)
    # URL-safe base64 needs no escaping
    return f'<input type="hidden" name="csrf_token" value="{token}">'.encode() if token else b""
