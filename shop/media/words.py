"""What a person is told about a picture that was not taken: a sentence and a status of HTTP, for each thing that can happen."""

from collections.abc import Mapping
from typing import Final

from shop.i18n import N_
from shop.media.errors import MediaError, MediaFull, PictureRefused, Refusal

REASONS: Final[Mapping[Refusal, str]] = {
    Refusal.EMPTY: N_("No picture arrived. Please choose a file."),
    Refusal.TOO_LARGE: N_("This file is larger than 10 MB. Please make the picture smaller."),
    Refusal.UNKNOWN_KIND: N_("This is not a picture we can use. Please choose a JPEG, PNG, WebP or GIF file."),
    Refusal.DRAWING: N_("SVG drawings can carry programs and are not taken. Please save the drawing as PNG."),
    Refusal.TOO_MANY_PIXELS: N_("This picture has more than 25 megapixels. Please make it smaller."),
    Refusal.BROKEN: N_("This picture is damaged and cannot be read."),
    Refusal.TOO_MUCH_WORK: N_("This picture takes too much work to read. Please save it anew and try again."),
    Refusal.BUSY: N_("Many pictures are being read just now. Please try again in a few seconds."),
    Refusal.PERSONS_QUOTA: N_("You have added as many pictures as one person may within a day."),
    Refusal.SHOPS_QUOTA: N_("The shop has no room for more pictures. Please remove some, or ask for more room."),
}
STATUSES: Final[Mapping[Refusal, int]] = {
    Refusal.TOO_LARGE: 413,
    Refusal.BUSY: 503,
    Refusal.PERSONS_QUOTA: 429,
    Refusal.SHOPS_QUOTA: 507,
}
FULL: Final = N_("There is no room for pictures left. Please tell whoever looks after the shop.")
AWAY: Final = N_("Pictures cannot be stored just now. Nothing of yours is lost; please try again in a minute.")


def explained(problem: MediaError) -> tuple[int, str]:
    """The status of the answer and the sentence, to be translated, for what store_picture raised."""
    match problem:
        case PictureRefused(reason=reason):
            return STATUSES.get(reason, 400), REASONS[reason]
        case MediaFull():
            return 507, FULL
        case _:
            return 503, AWAY
