"""Calls to providers, within their budgets: a second to connect, five to answer, less when the page has less left; never repeated here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp

from shop.deadline import remaining
from shop.payments.providers.base import ProviderAway

CONNECT_SECONDS: Final = 1.0
REPLY_SECONDS: Final = 5.0
# What a page still needs for the database and itself after the provider has answered.
RESERVED_SECONDS: Final = 1.0
LARGEST_ANSWER: Final = 256 * 1024


class Client:
    """One pool of connections to all providers; it opens at its first call."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The body of a 200; raises ProviderAway for everything else."""
        seconds = min(REPLY_SECONDS, remaining(REPLY_SECONDS + RESERVED_SECONDS) - RESERVED_SECONDS)
        if seconds <= 0:
            raise ProviderAway("no time left to ask")
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_SECONDS, seconds))
        try:
            async with self._opened().post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return await _read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise ProviderAway(f"{type(problem).__name__}: {problem}") from problem

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=50, limit_per_host=20)
            # security: no cookies, no proxies or passwords from the environment
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status != 200:
        raise ProviderAway(f"status {answer.status}")
    body = await answer.content.read(LARGEST_ANSWER)
    while not answer.content.at_eof():
        more = await answer.content.read(LARGEST_ANSWER)
        body += more
        if len(body) > LARGEST_ANSWER:
            raise ProviderAway("an answer without end")
    return body
