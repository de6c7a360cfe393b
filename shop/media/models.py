"""What a stored picture is: its fingerprint, and proof that it was read back whole."""

from datetime import datetime

from sqlalchemy import func

from shop.db import Model, column


class MediaFile(Model):
    """A picture in the store: the row exists only once all its renditions do. Sizes in pixels and bytes."""

    __tablename__ = "media_files"
    fingerprint: str = column(primary_key=True)
    width: int = column()
    height: int = column()
    size: int = column()
    created_at: datetime = column(server_default=func.now())
