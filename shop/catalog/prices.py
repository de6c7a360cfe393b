"""Prices derived from prices: the one place where the catalogue rounds."""


def price_per_kg(price: int, grams: int) -> int:
    """The price of a kilogram in minor units, half up, of goods that cost `price` for `grams`."""
    return (price * 2000 + grams) // (2 * grams)
