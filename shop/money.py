"""Money: whole minor units (fen, cents) with a currency, rounded in one place."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision

from shop.i18n import locale_of


@lru_cache(4096)
def format_money(minor: int, currency: str, lang: str) -> str:
    """1250 in CNY is "¥12.50"; `minor` counts the currency's smallest unit."""
    digits = get_currency_precision(currency)
    text = str(format_currency(Decimal(minor).scaleb(-digits), currency, locale=locale_of(lang)))
    return text.replace("CN¥", "¥")  # English writes CN¥ beside other currencies; a shop has one


def decimal_string(minor: int, currency: str) -> str:
    """1250 in CNY is "12.50": for structured data and machines."""
    digits = get_currency_precision(currency)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"


def round_minor(amount: Decimal) -> int:
    """The one rounding rule: halves away from zero, as on a till receipt."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def share(amount: int, part: int, whole: int) -> int:
    """`amount * part / whole` for amounts that are not negative, by the same rule in whole numbers only."""
    return (2 * amount * part + whole) // (2 * whole)


def price_per_kg(price: int, grams: int) -> int:
    """The price of a kilogram, in minor units, of goods that cost `price` for `grams`."""
    return round_minor(Decimal(price * 1000) / grams)
