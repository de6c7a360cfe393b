"""Every page of the back office as it can be reached by following links, and what is wrong with one of them."""

from __future__ import annotations

import asyncio
import html
import re
from collections import defaultdict, deque
from functools import cache
from typing import Any, Final

from playwright.async_api import Page

from shop.backoffice.routes import ROUTES
from shop.urls import PATHS
from tests.test_translations import catalogue

GET: Final = {route.name for route in ROUTES if "GET" in route.methods}
HREF: Final = re.compile(r'href="(?:/zh)?(/backoffice[^"#]*)')
# Where a list is asked for what it does not show by itself.
STARTS: Final = (
    "/backoffice",
    "/backoffice/orders?state=all",
    "/backoffice/mails?state=sent",
    "/backoffice/reviews?status=shown",
)
# So many addresses of one route are looked at for further links, such as orders in different states.
LOOKED_AT: Final = 4
# The window has no scroll bar of its own, there is one heading, and whatever can be used can be reached and shows that it was.
LOOK: Final = """() => {
  const wrong = [];
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 0) wrong.push(`too wide by ${over}`);
  const headings = document.querySelectorAll("h1").length;
  if (headings !== 1) wrong.push(`${headings} first headings`);
  for (const one of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
    if (one.disabled || one.type === "hidden" || !one.checkVisibility()) continue;
    if (one.closest("[aria-hidden=true], .tox")) continue; // the editor walks its own buttons by arrow keys
    if (one.tabIndex !== 0) { wrong.push(`out of the order of Tab: ${one.outerHTML.slice(0, 120)}`); continue; }
    one.focus({ focusVisible: true, preventScroll: true });
    const style = getComputedStyle(one);
    const ring = [style, getComputedStyle(one, "::after")].some((some) => some.outlineStyle !== "none");
    if (document.activeElement !== one) wrong.push(`cannot be focused: ${one.outerHTML.slice(0, 120)}`);
    else if (!ring && style.boxShadow === "none") wrong.push(`no ring: ${one.outerHTML.slice(0, 120)}`);
  }
  document.activeElement?.blur();
  return wrong;
}"""
# Every text that is shown or read out, as it was written.
TEXTS: Final = """() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, data } = walker.currentNode;
    if (data.trim() && !parent.closest("script, style, textarea, code, .prose, .changes, .tox, [lang=en]")) texts.push(data.trim());
  }
  for (const one of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]")) {
    for (const name of ["aria-label", "placeholder", "title", "alt"]) if (one.getAttribute(name)) texts.push(one.getAttribute(name));
  }
  return texts;
}"""


def name_of(path: str) -> str | None:
    """The route of an address of the back office, without its query."""
    plain = path.partition("?")[0]
    return _literal().get(plain) or next((name for name, pattern in _patterns() if pattern.fullmatch(plain)), None)


async def reached(page: Page) -> dict[str, list[str]]:
    """Addresses by route, as links lead to them; only pages, not files to save."""
    found: dict[str, list[str]] = defaultdict(list)
    waiting, seen = deque(STARTS), set(STARTS)
    while waiting:
        path = waiting.popleft()
        name = name_of(path)
        if name not in GET or len(found[name]) >= LOOKED_AT:
            continue
        answer = await page.request.get(path)
        assert answer.status == 200, (path, answer.status)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        found[name].append(path)
        for link in HREF.findall(await answer.text()):
            if (link := html.unescape(link)) not in seen:
                seen.add(link)
                waiting.append(link)
    return {name: paths for name, paths in found.items() if paths}


async def visit(page: Page, path: str) -> None:
    """Opens it; the editor, where there is one, is ready."""
    answer = await page.goto(path)
    assert answer is not None
    assert answer.status == 200, path
    if await page.locator("textarea[data-editor]").count():
        await page.locator("[data-editor-ready]").last.wait_for()


async def complaints(page: Page, axe: str) -> list[Any]:
    """What is wrong with the page that is shown; what people of the Chinese pages read is Chinese."""
    await page.evaluate(axe)
    ours = "{ exclude: [['.tox-statusbar__branding']] }"  # the editor's own signature
    found = await page.evaluate(f"axe.run({ours}, {{ resultTypes: ['violations'] }})")
    told: list[Any] = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]
    told += await page.evaluate(LOOK)
    if "/zh/" in page.url:
        english = await asyncio.to_thread(_english)  # it reads files
        told += [f"not translated: {text}" for text in await page.evaluate(TEXTS) if text in english]
    return [(page.url, page.viewport_size, one) for one in told]


@cache
def _literal() -> dict[str, str]:
    return {path: name for name, path in PATHS.items() if name.startswith("backoffice.") and "{" not in path}


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    named = [(name, path) for name, path in PATHS.items() if name.startswith("backoffice.") and "{" in path]
    return [(name, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))) for name, path in named]


@cache
def _english() -> frozenset[str]:
    """Messages that read otherwise in Chinese."""
    return frozenset(text for text, chinese in catalogue("zh").items() if chinese != text)
