"""What a picture of a product is: a stored file, its words for those who cannot see it, its place."""

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint

from shop.catalog.models import Product
from shop.db import Model, column, to_one


class ProductPicture(Model):
    """A picture in a product's gallery; position 0 stands on cards."""

    __tablename__ = "pictures"
    __table_args__ = (
        UniqueConstraint("product_id", "position", deferrable=True, initially="DEFERRED"),
        Index("pictures_by_fingerprint", "fingerprint"),
    )
    id: int = column(Identity(always=True), primary_key=True)
    product_id: int = column(ForeignKey("products.id", ondelete="CASCADE"))
    fingerprint: str = column(ForeignKey("media_files.fingerprint"))
    alt: dict[str, str] = column(server_default="{}")
    position: int = column(server_default="0")
    product: Product = to_one("product_id")
