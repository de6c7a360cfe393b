"""Takes the pictures of docs/images/ from a running demo shop: `python docs/screenshots.py http://localhost:8000`.

Needs Playwright (config/locks/test.txt) and the system's Chromium. Every page is taken in both languages, wide and narrow, light and dark;
shop.png and shop-zh.png are the pictures of the READMEs.
"""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, sync_playwright

OUT = Path(__file__).parent / "images"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
DESK, PHONE = (1280, 900), (360, 740)
LOOKS = tuple(itertools.product(("", "/zh"), (DESK, PHONE), ("light", "dark")))


def main(base: str) -> None:
    """Writes every picture."""
    OUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        for prefix, window, scheme in LOOKS:
            _take_all(browser, base, prefix, window, scheme)
        for name, desk, phone in (("shop", "/", "/zh"), ("shop-zh", "/zh", "/")):
            _save(
                _together(_take(browser, base, desk, DESK, "light"), _take(browser, base, phone, PHONE, "dark")), name
            )
        browser.close()


def _take_all(browser: Browser, base: str, prefix: str, window: tuple[int, int], scheme: str) -> None:
    paths = {"home": prefix or "/", "search": f"{prefix}/search?q={'草莓' if prefix else 'apple'}"}
    page = _open(browser, base, paths["home"], window, scheme)
    page.goto(paths["home"])
    for name, link in (("category", ".rail__link"), ("product", "article.card a")):
        paths[name] = page.locator(link).first.get_attribute("href") or "/"
    page.context.close()
    for name, path in paths.items():
        shot = _take(browser, base, path, window, scheme)
        _save(shot, f"{name}-{prefix.strip('/') or 'en'}-{window[0]}-{scheme}")


def _take(browser: Browser, base: str, path: str, window: tuple[int, int], scheme: str) -> Image.Image:
    page = _open(browser, base, path, window, scheme)
    page.goto(path, wait_until="networkidle")
    file = OUT / "taking.png"
    page.screenshot(path=file)
    page.context.close()
    with Image.open(file) as shot:
        image = shot.convert("RGB")
    file.unlink()
    return image


def _open(browser: Browser, base: str, path: str, window: tuple[int, int], scheme: str) -> Page:
    width, height = window
    context = browser.new_context(
        base_url=base,
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="zh-CN" if path.startswith("/zh") else "en-US",
        reduced_motion="reduce",
        is_mobile=True,  # scroll bars over the page, not beside it
    )
    return context.new_page()


def _together(desk: Image.Image, phone: Image.Image) -> Image.Image:
    """The shop on a desk and in a hand."""
    canvas = Image.new("RGB", (desk.width + 140, desk.height + 60), "#e9f2e7")
    canvas.paste(desk, (0, 0))
    frame = Image.new("L", phone.size, 0)
    ImageDraw.Draw(frame).rounded_rectangle((0, 0, *phone.size), 28, fill=255)
    place = (canvas.width - phone.width - 24, canvas.height - phone.height - 24)
    ImageDraw.Draw(canvas).rounded_rectangle(
        (place[0] - 8, place[1] - 8, place[0] + phone.width + 8, place[1] + phone.height + 8), 34, fill="#1d2922"
    )
    canvas.paste(phone, place, frame)
    return canvas


def _save(image: Image.Image, name: str) -> None:
    """With a palette: a third of the size, and nobody sees it."""
    palette = image.quantize(256)
    palette.putpalette([255 if part > 246 else part for part in palette.getpalette() or []])  # paper stays white
    image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(OUT / f"{name}.png", optimize=True)


def _chromium() -> str:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if found is None:
        sys.exit("Install your system's package `chromium`: the pictures are taken with it.")
    return found


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000")
