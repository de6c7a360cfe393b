"""Pages are light: at most 100 KB over the wire in at most 8 requests, pictures not counted."""

from __future__ import annotations

import pytest
from playwright.async_api import Request

from tests.browser.conftest import Browse
from tests.browser.journey import goods

pytestmark = pytest.mark.browser

PICTURES = "/media/"


@pytest.mark.parametrize("prefix", ["", "/zh"])
async def test_home_and_a_product_page_are_light(browse: Browse, prefix: str) -> None:
    page = await browse()
    for path in (prefix or "/", *await goods(page, 1, prefix)):
        fresh = await browse()
        requests: list[Request] = []
        fresh.on("requestfinished", lambda request, seen=requests: seen.append(request))
        await fresh.goto(path, wait_until="networkidle")
        counted = [request for request in requests if PICTURES not in request.url]
        sizes = {request.url: await request.sizes() for request in counted}
        weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes.values())
        assert len(counted) <= 8, sorted(sizes)
        assert weight <= 100_000, path


async def test_nothing_moves_when_pictures_arrive(browse: Browse) -> None:
    """Every picture says its size, so the layout shift of a whole visit stays nought."""
    page = await browse(viewport={"width": 360, "height": 740})
    for path in ["/", (await goods(page, 1))[0]]:
        await page.goto(path, wait_until="networkidle")
        shift = await page.evaluate(SHIFT)
        assert shift < 0.01
        assert await page.locator("img:not([width]), img:not([height])").count() == 0


SHIFT = """
new Promise(resolve => {
  let sum = 0;
  new PerformanceObserver(list => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 300);
})
"""
