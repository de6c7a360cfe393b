"""What the shop does with pictures: store all files of one, then write its row."""

from shop.db import Connection
from shop.media.models import MediaFile
from shop.media.renditions import Renditions
from shop.media.store import MediaStore


async def keep_files(store: MediaStore, picture: Renditions) -> None:
    """Puts those files of the picture into the store that are not there yet."""
    for name, data in picture.files.items():
        if not await store.exists(name):
            await store.put(name, data)


async def record_picture(conn: Connection, picture: Renditions) -> str:
    """Writes the row of a picture whose files are all kept; its fingerprint. The same picture twice is one row."""
    values = {"width": picture.width, "height": picture.height, "size": picture.size}
    await MediaFile.objects.using(conn).get_or_create(values, fingerprint=picture.fingerprint)
    return picture.fingerprint
