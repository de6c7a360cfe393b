"""How values become bytes: msgpack unless somebody asks for another; never a format that runs code when it is read."""

from __future__ import annotations

from typing import Any, Protocol, cast

import msgpack
import orjson


class Unreadable(ValueError):
    """What lies in Redis was not written by this serializer, or was altered since."""


class Serializer(Protocol):
    """Whoever turns values into bytes and back."""

    def dumps(self, value: Any) -> bytes:
        """Bytes for a value; raises TypeError or ValueError for a value it does not know."""

    def loads(self, data: bytes) -> Any:
        """The value again; raises Unreadable."""


class Msgpack:
    """Text, bytes, numbers, lists, dicts and aware datetimes (they come back in UTC); tuples come back as lists."""

    def dumps(self, value: Any) -> bytes:
        return cast(bytes, msgpack.packb(value, datetime=True))

    def loads(self, data: bytes) -> Any:
        try:
            return msgpack.unpackb(data, timestamp=3, strict_map_key=False)
        # surprise: every kind of broken input has a class of its own
        except (ValueError, TypeError, RecursionError, OverflowError, msgpack.UnpackException) as error:
            raise Unreadable(str(error)) from None


class Json:
    """What JSON knows, readable by other programs and by people."""

    def dumps(self, value: Any) -> bytes:
        return orjson.dumps(value)

    def loads(self, data: bytes) -> Any:
        try:
            return orjson.loads(data)
        except ValueError as error:
            raise Unreadable(str(error)) from None
