"""A market for every test of payments."""

import pytest

from shop.db import Database
from tests.orders.market import Market


@pytest.fixture
async def market(db: Database) -> Market:
    """Goods can be brought for 10.00."""
    return await Market.open(db)
