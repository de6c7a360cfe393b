"""What is in a basket, as its owner sees it now; names and units stay in all their languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shop.cart.models import AT_MOST, Cart, CartLine
from shop.catalog.queries import OFFER_NOW
from shop.db import Connection, Row, Sum
from shop.delivery.queries import Place


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose basket: a member's, or that of the guest whose cookie has this SHA-256."""

    account_id: int | None = None
    cookie_hash: bytes | None = None

    @property
    def key(self) -> dict[str, object]:
        """By which column the basket is found; not for Owner(), who has none."""
        if self.account_id is not None:
            return {"account_id": self.account_id}
        return {"cookie_hash": self.cookie_hash}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: what is wanted, what it costs now (minor units), and what has changed since its owner last set it."""

    sku_id: int
    product_id: int
    category_id: int
    slugs: Mapping[str, str]
    name: Mapping[str, str]
    sku_name: Mapping[str, str]
    unit: Mapping[str, str]
    fingerprint: str | None
    quantity: int
    is_saved: bool
    price: int
    list_price: int
    price_seen: int
    tax_class: str
    tax_rate: int | None
    stock: int
    is_sold: bool

    @property
    def amount(self) -> int:
        return self.quantity * self.price

    @property
    def available(self) -> int:
        """How many one order can have at the moment."""
        return min(self.stock, AT_MOST) if self.is_sold else 0

    @property
    def is_short(self) -> bool:
        """Whether more is wanted than can be had."""
        return self.quantity > self.available

    @property
    def has_new_price(self) -> bool:
        return self.price != self.price_seen


@dataclass(frozen=True, slots=True)
class Basket:
    """A whole basket; one that was never begun has id None and version 0."""

    id: int | None
    version: int
    coupon_code: str | None
    place: Place
    lines: tuple[Line, ...]
    saved: tuple[Line, ...]

    @property
    def count(self) -> int:
        """How many pieces."""
        return sum(line.quantity for line in self.lines)

    @property
    def can_be_ordered(self) -> bool:
        """Whether there is something in it and every line can be had."""
        return bool(self.lines) and not any(line.is_short for line in self.lines)


EMPTY = Basket(None, 0, None, Place(), (), ())


async def basket_of(conn: Connection, owner: Owner) -> Basket:
    """The owner's basket with today's names, prices and stock."""
    cart = None if owner == Owner() else await Cart.objects.using(conn).filter(**owner.key).first()
    if cart is None:
        return EMPTY
    lines = [line_of(row) for row in await conn.fetch_all(LINES, {"cart": cart.id})]
    return Basket(
        cart.id,
        cart.version,
        cart.coupon_code,
        Place(**cart.place),
        tuple(line for line in lines if not line.is_saved),
        tuple(line for line in lines if line.is_saved),
    )


async def count_of(conn: Connection, owner: Owner) -> int:
    """How many pieces are in the owner's basket, for the header."""
    if owner == Owner():
        return 0
    wanted = CartLine.objects.using(conn).filter(
        is_saved=False, **{f"cart__{name}": value for name, value in owner.key.items()}
    )
    return (await wanted.aggregate(pieces=Sum("quantity")))["pieces"] or 0


async def goods_on_sale(conn: Connection, sku_ids: Sequence[int]) -> dict[int, Row]:
    """Price now and stock of those of the SKUs that are on sale."""
    rows = await conn.fetch_all(ON_SALE, {"ids": list(sku_ids)})
    return {row.id: row for row in rows}


def line_of(row: Row) -> Line:
    """A line from a row of LINES."""
    return Line(**row.mapping)


PRICE_NOW = f"coalesce({OFFER_NOW}, s.price)"
# A product whose time has run out may stand in lists for a moment more, but is not sold.
IS_SOLD = """(s.status = 'online' AND p.status = 'online' AND p.deleted_at IS NULL
        AND coalesce(now() < p.online_until, true))"""

# Six tables, the price of this moment and the first picture (LATERAL) in one trip, for the basket is on many pages.
# In the order in which things were added, and so that a changed quantity does not move its line.
LINES = f"""
SELECT s.id AS sku_id, s.product_id, s.category_id, p.slugs, p.name, s.name AS sku_name, s.unit, pic.fingerprint,
       l.quantity, l.is_saved, {PRICE_NOW} AS price, s.price AS list_price, l.price_seen, s.tax_class, t.rate AS tax_rate, s.stock,
       {IS_SOLD} AS is_sold
FROM cart_lines l JOIN skus s ON s.id = l.sku_id JOIN products p ON p.id = s.product_id
JOIN tax_classes t ON t.code = s.tax_class LEFT JOIN LATERAL (
    SELECT fingerprint FROM pictures WHERE product_id = p.id ORDER BY position LIMIT 1) pic ON true
WHERE l.cart_id = %(cart)s ORDER BY l.added_at, l.sku_id
"""  # noqa: S608 - the shop's own words

# The price of this moment is the server's to say.
ON_SALE = f"""
SELECT s.id, {PRICE_NOW} AS price, s.stock FROM skus s JOIN products p ON p.id = s.product_id
WHERE s.id = ANY(%(ids)s) AND {IS_SOLD}
"""  # noqa: S608 - the shop's own words
