"""What search knows of the goods: words made in Python, looked up by the database."""

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from shop.db import Model, column


class ProductWords(Model):
    """The words of a product: `name_keys` it is called exactly, words of its name, and all its words."""

    __tablename__ = "product_words"
    __table_args__ = (
        Index("product_words_keys", "name_keys", postgresql_using="gin"),
        Index("product_words_names", "name_words", postgresql_using="gin"),
        Index("product_words_all", "words", postgresql_using="gin"),
    )
    product_id: int = column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    name_keys: list[str] = column(ARRAY(Text()))
    name_words: str = column(TSVECTOR())
    words: str = column(TSVECTOR())


class Vocabulary(Model):
    """A word of the goods under each of its variants (shop/words.py), so that a slip of the finger finds it."""

    __tablename__ = "vocabulary"
    variant: str = column(primary_key=True)
    word: str = column(primary_key=True)
