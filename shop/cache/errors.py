"""What callers of Redis have to expect."""

from __future__ import annotations


class RedisAway(Exception):
    """Redis is dead, too slow, or takes no commands at the moment: go on without it."""


class ConnectionLost(RedisAway):
    """The connection broke while the command was under way: it may have been carried out or not."""


class RedisRefuses(RedisAway):
    """Redis lives but is full, loading, a replica, or cannot save: it takes no writes at the moment."""
