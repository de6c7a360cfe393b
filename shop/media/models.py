"""What a stored picture is: its fingerprint, its files, and who speaks of it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func

from shop.db import Model, column


class MediaFile(Model):
    """A picture in the store: the row exists only once the original was read back and matched. Sizes in pixels and bytes.

    `used_at` is when it was last added; a picture that nothing refers to is forgotten some time after.
    """

    __tablename__ = "media_files"
    __table_args__ = (
        Index("media_files_by_creator", "created_by", "created_at"),
        Index("media_files_by_use", "used_at"),
    )
    fingerprint: str = column(primary_key=True)
    width: int = column()
    height: int = column()
    size: int = column()
    created_at: datetime = column(server_default=func.now())
    created_by: str = column(server_default="")
    used_at: datetime = column(server_default=func.now())


class MediaObject(Model):
    """A file of a picture that is in the store: the original or one of its renditions, with its own SHA-256."""

    __tablename__ = "media_objects"
    __table_args__ = (Index("media_objects_by_fingerprint", "fingerprint"),)
    name: str = column(primary_key=True)
    fingerprint: str = column(ForeignKey("media_files.fingerprint", ondelete="CASCADE"))
    digest: str = column()
    size: int = column()
    kept_at: datetime = column(server_default=func.now())


class MediaLocation(Model):
    """Where a file lies in a cluster that names its files itself."""

    __tablename__ = "media_locations"
    cluster: str = column(primary_key=True)
    name: str = column(primary_key=True)
    file_id: str = column()
    kept_at: datetime = column(server_default=func.now())


class MediaMention(Model):
    """A picture inside a text: the text is `place`, as in products:7, and a trigger keeps the row."""

    __tablename__ = "media_mentions"
    __table_args__ = (Index("media_mentions_by_fingerprint", "fingerprint"),)
    place: str = column(primary_key=True)
    fingerprint: str = column(ForeignKey("media_files.fingerprint"), primary_key=True)
