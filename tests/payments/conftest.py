"""A market, and the sandbox bank listening where the shop's settings say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestServer

from shop.db import Database
from shop.payments.bank.server import create_bank
from shop.payments.providers.seals import secret_of
from shop.settings import Settings
from tests.orders.market import Market


@pytest.fixture
async def market(db: Database) -> Market:
    """Goods can be brought for 10.00."""
    return await Market.open(db)


@pytest.fixture
async def bank(settings: Settings) -> AsyncIterator[TestServer]:
    """The sandbox bank; "pay later" takes a fifth of a second."""
    secret, pauses = secret_of(settings.secret_keys), (0.2,) * 20
    app = await asyncio.to_thread(create_bank, secret, settings.url, later_seconds=0.2, pauses=pauses)
    port = urlsplit(settings.payment_sandbox_url).port
    async with TestServer(app, host="127.0.0.1", port=port) as server:
        yield server
