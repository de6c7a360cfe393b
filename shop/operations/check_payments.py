"""Can the providers that are switched on be reached, and are their keys there? Money is not asked for."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final
from urllib.parse import urlsplit

from shop.operations.findings import Finding, error, fine
from shop.settings import Settings

PAYMENTS: Final = "payments"
CONNECT_SECONDS: Final = 3.0


async def check_payments(settings: Settings) -> list[Finding]:
    """Each provider of SHOP_PAYMENT_METHODS; cash needs nobody."""
    found: list[Finding] = []
    if "alipay" in settings.payment_methods:
        found += await asyncio.to_thread(_alipay_keys, settings)
        found += await _reach("Alipay", settings.payment_alipay_gateway)
    return found or [fine(PAYMENTS, f"{', '.join(settings.payment_methods)}.")]


def _alipay_keys(settings: Settings) -> list[Finding]:
    keys = {
        "SHOP_PAYMENT_ALIPAY_PRIVATE_KEY": settings.payment_alipay_private_key,
        "SHOP_PAYMENT_ALIPAY_PUBLIC_KEY": settings.payment_alipay_public_key,
    }
    return [
        error(PAYMENTS, f"the file of {name} cannot be read; put the key there, readable for the shop's user.")
        for name, path in keys.items()
        if path is None or not path.is_file()
    ]


async def _reach(name: str, url: str) -> list[Finding]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    context = ssl.create_default_context() if secure else None
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    except (OSError, TimeoutError) as problem:
        reason = str(problem) or f"silent for {CONNECT_SECONDS:.0f} s"
        return [
            error(PAYMENTS, f"{name} cannot be reached ({reason[:150]}); let this host reach {parts.hostname}:{port}.")
        ]
    writer.close()
    return []
