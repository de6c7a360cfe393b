"""What search engines and chats are told about the goods."""

import json
import re

from shop.catalog.service import set_status
from shop.db import Database
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor


async def test_robots_are_kept_from_private_pages_and_shown_the_map(client: Visitor) -> None:
    text = await (await client.get("/robots.txt")).text()
    assert "Disallow: /account\n" in text
    assert "Disallow: /zh/search\n" in text
    assert "Disallow: /products" not in text
    assert "Disallow: /account/" not in text, "the shorter line says it"
    assert "backoffice" not in text, "no map for those who should not come"
    assert len(text) < 1000
    assert re.search(r"^Sitemap: http://\S+/sitemap\.xml$", text, re.M)


async def test_the_map_names_everything_that_can_be_seen_in_each_language(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    async with db.transaction() as conn:
        await set_status(conn, stall.products["Pears"], "offline")
    index = await (await client.get("/sitemap.xml")).text()
    parts = re.findall(r"<loc>http://[^/]+(/sitemaps/\w+\.xml)</loc>", index)
    assert parts == ["/sitemaps/pages.xml", "/sitemaps/0.xml"]
    pages, goods = [await (await client.get(part)).text() for part in parts]
    assert "/zh/categories/shui-guo</loc>" in pages
    assert "/products/apples</loc><lastmod>" in goods
    assert re.search(r'hreflang="zh" href="http://[^"]+/zh/products/apples-zh"', goods)
    assert "pears" not in goods
    for path in ("/sitemaps/secrets.xml", "/sitemaps/99999999.xml"):
        assert (await client.get(path)).status == 404
    assert "<url>" not in await (await client.get("/sitemaps/77.xml")).text()


async def test_structured_data_says_what_the_page_says(db: Database, client: Visitor) -> None:
    await put_up_stall(db)
    page = await (await client.get("/products/apples")).text()
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    assert data is not None
    product = json.loads(data[1])
    assert product["@type"] == "Product"
    assert [(o["sku"], o["price"], o["priceCurrency"], o["availability"]) for o in product["offers"]] == [
        ("APPLES-1", "12.00", "CNY", "https://schema.org/InStock"),
        ("APPLES-2", "24.00", "CNY", "https://schema.org/InStock"),
    ]
    assert re.search(r'<link rel="canonical" href="http://[^"]+/products/apples">', page)
    assert '<meta property="og:title" content="Apples">' in page


async def test_a_name_cannot_leave_the_structured_data(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    async with db.transaction() as conn:
        name = {"en": "</script><script>alert(1)</script>"}
        sql = "UPDATE products SET name = %(name)s WHERE id = %(id)s"
        await conn.execute(sql, {"name": name, "id": stall.products["Apples"]})
    page = await (await client.get("/products/apples")).text()
    assert "<script>alert" not in page
