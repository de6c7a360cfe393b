"""What fills the holes of a page: small pieces of HTML that differ from visitor to visitor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from aiohttp import web

from shop.deadline import deadline
from shop.keys import LANG
from shop.web import holes
from shop.web.flash import flashes_of
from shop.web.rendering import language_of, partial
from shop.web.visitor import GUEST, Visitor

REMEMBERED: Final = 4096
ASKING_SECONDS: Final = 3.0  # the budget of a page, where none has begun yet


class Filling(NamedTuple):
    """What templates/partials/{hole}.html says, in values that can be compared, and what fills holes of its own."""

    says: Mapping[str, Hashable]
    parts: Mapping[str, bytes] = MappingProxyType({})


# Answers at once where it can: a filler that has to ask somebody returns what is to be awaited.
Filler = Callable[[web.Request, Visitor], Filling | Awaitable[Filling]]

# What a page says that asks nobody.
NOBODY: Final = Filling(
    {"name": "", "is_signed_in": False, "flashes": (), "has_cards": False, "basket_count": None}, {"cards": b""}
)


class Partials:
    """Fills holes; a partial that says the same again is not rendered again."""

    def __init__(self, fillers: Mapping[str, Filler]) -> None:
        self._fillers = fillers
        self._rendered: dict[tuple[Hashable, ...], holes.Pieces] = {}

    async def filled(self, request: web.Request, pieces: holes.Pieces, visitor: Visitor, token: bytes) -> list[bytes]:
        """The page for this visitor, whose forms carry `token`, still in pieces: whoever sends them need not join them."""
        lang, field = request.get(LANG) or language_of(request), csrf_field(token)
        filled: list[bytes] = []
        for piece in pieces:
            if isinstance(piece, bytes):
                filled.append(piece)
            elif piece == "csrf":
                filled.append(field)
            else:
                filling = self._fillers[piece](request, visitor)
                if not isinstance(filling, Filling):
                    with deadline(ASKING_SECONDS):
                        filling = await filling
                for part in self._pieces(request, lang, piece, filling):
                    filled.append(part if isinstance(part, bytes) else filling.parts.get(part, field))
        return filled

    def nobodys(self, request: web.Request, names: Iterable[str]) -> dict[str, bytes]:
        """What fills the named holes for a guest about whom nothing is known, asking nobody."""
        values, lang = {"csrf": b"", **NOBODY.parts}, request.get(LANG) or language_of(request)
        return values | {
            name: holes.fill(self._pieces(request, lang, name, NOBODY), values) for name in names if name != "csrf"
        }

    def _pieces(self, request: web.Request, lang: str, name: str, filling: Filling) -> holes.Pieces:
        key = (lang, name, *filling.says.values())
        pieces = self._rendered.get(key)
        if pieces is None:
            if len(self._rendered) >= REMEMBERED:
                self._rendered.clear()
            pieces = self._rendered[key] = partial(request, lang, name, filling.says)
        return pieces


PARTIALS = web.AppKey("PARTIALS", Partials)


def visitor_hole(request: web.Request, visitor: Visitor) -> Filling:
    """What the header says about the visitor."""
    return Filling({"is_signed_in": visitor is not GUEST, "name": visitor.name})


def flashes_hole(request: web.Request, visitor: Visitor) -> Filling:
    """What the visitor is told once."""
    return Filling({"flashes": tuple(flashes_of(request))})


def csrf_field(token: bytes) -> bytes:
    """The hidden field with the visitor's token; nothing for guests without cookies."""
    # URL-safe base64 needs no escaping
    return b'<input type="hidden" name="csrf_token" value="%b">' % token if token else b""
