"""What can go wrong with pictures. The child process that reads them imports this, so it imports nothing."""

from enum import StrEnum


class MediaError(Exception):
    """Something between the shop and its pictures."""


class MediaMissing(MediaError):
    """No such file in the store."""


class MediaAway(MediaError):
    """The store does not answer, or not in time; nothing is wrong with the picture."""


class MediaFull(MediaError):
    """The store has no room left."""


class MediaCorrupt(MediaError):
    """What was read back is not what was stored."""


class Refusal(StrEnum):
    """Why a picture is not taken; shop.media.words says it to a person."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNKNOWN_KIND = "unknown_kind"
    DRAWING = "drawing"
    TOO_MANY_PIXELS = "too_many_pixels"
    BROKEN = "broken"
    TOO_MUCH_WORK = "too_much_work"
    BUSY = "busy"
    PERSONS_QUOTA = "persons_quota"
    SHOPS_QUOTA = "shops_quota"


class PictureRefused(MediaError):
    """The picture is not taken."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason
