"""Holes: the few places where a page differs from visitor to visitor.

A template writes `{{ hole("visitor") }}`; the page around it is the same for all, is rendered once and cut into bytes and names of holes.
"""

import re
import secrets
from collections.abc import Iterable, Mapping

from markupsafe import Markup

# security: a random mark of this process, so that no text of an editor or a shopper can be taken for a hole.
_MARK = secrets.token_hex(8)
_HOLE = re.compile(f"\x00{_MARK}:([a-z]+)\x00")

Pieces = tuple[bytes | str, ...]


def hole(name: str) -> Markup:
    """The place of `name` in a page that is being rendered."""
    return Markup(f"\x00{_MARK}:{name}\x00")  # noqa: S704  (a mark of ours, no markup)


def cut(page: str) -> Pieces:
    """A rendered page as bytes with the names of its holes (str) between them."""
    parts = _HOLE.split(page)
    return tuple(part if n % 2 else part.encode() for n, part in enumerate(parts) if part)


def names(pieces: Pieces) -> frozenset[str]:
    """The holes of a page."""
    return frozenset(piece for piece in pieces if isinstance(piece, str))


def fill(pieces: Iterable[bytes | str], values: Mapping[str, bytes]) -> bytes:
    """The page with every hole filled; KeyError when one is left open."""
    return b"".join([piece if isinstance(piece, bytes) else values[piece] for piece in pieces])
