"""What Redis keeps for one account, under one hash tag: session copies, browsing history, basket count.

The tag is random, not the account's number: a dump of Redis tells nothing about who it is, and one script may touch all
three keys in a cluster.
"""

from __future__ import annotations

from typing import Final

HISTORY_LENGTH: Final = 20
HISTORY_SECONDS: Final = 90 * 86_400

# Newest first, each product once, never longer than it may be: doing it twice is doing it once.
NOTE_LUA: Final = f"""
local function note(key, product)
  redis.call('LREM', key, 0, product)
  redis.call('LPUSH', key, product)
  redis.call('LTRIM', key, 0, {HISTORY_LENGTH - 1})
  redis.call('EXPIRE', key, {HISTORY_SECONDS})
end
"""


def session_key(tag: str, id_hash: bytes, kind: str = "s") -> str:
    """The copy of a session, by the SHA-256 of its secret; those of the staff are of another kind."""
    return f"{kind}:{{{tag}}}:{id_hash.hex()}"


def history_key(tag: str) -> str:
    """The list of product ids an account looked at, newest first."""
    return f"h:{{{tag}}}"


def basket_key(tag: str) -> str:
    """How many pieces lie in the account's basket."""
    return f"n:{{{tag}}}"
