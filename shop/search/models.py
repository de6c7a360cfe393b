"""What search keeps of its own: words that mean the same, and what people asked for in vain."""

from datetime import datetime

from sqlalchemy import Identity, Index, Text, func
from sqlalchemy.dialects.postgresql import ARRAY

from shop.db import Model, column


class Synonyms(Model):
    """Words for one thing, each in the form that `words.canonical` gives, and the pinyin of the Chinese ones."""

    __tablename__ = "search_synonyms"
    __table_args__ = (
        Index("search_synonyms_by_word", "words", postgresql_using="gin"),
        Index("search_synonyms_by_reading", "readings", postgresql_using="gin"),
    )
    id: int = column(Identity(always=True), primary_key=True)
    words: list[str] = column(ARRAY(Text()))
    readings: list[str] = column(ARRAY(Text()), server_default="{}")


class Miss(Model):
    """A search that found nothing, how often and when."""

    __tablename__ = "search_misses"
    words: str = column(primary_key=True)
    lang: str = column()
    times: int = column(server_default="1")
    first_at: datetime = column(server_default=func.now())
    last_at: datetime = column(server_default=func.now())
