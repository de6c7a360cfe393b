"""A real browser in front of the whole demo shop, started as `make run` starts it, on servers of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState, async_playwright

from tests.browser.journey import Person, activate, goods, register
from tests.servers import scratch_folder

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# The shell is the same engine without windows, at less than half the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
START_SECONDS = 120

# Chromium asks Google for this and that by itself; tests speak to this machine only.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Browse = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The system's Chromium; the tests are skipped, and say why, where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install your system's package `chromium` to run the browser tests")
    return found


@pytest.fixture(scope="session")
async def chromium(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def shop(chromium_path: str) -> Iterator[str]:
    """The address of the running demo shop, with its worker, relay and mail room."""
    with running_shop() as url:
        yield url


@contextmanager
def running_shop() -> Iterator[str]:
    """A demo shop on servers of its own, ended with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://localhost:{port}"
    with scratch_folder() as folder, (folder / "log").open("wb") as log:
        environment = {**os.environ, "SHOP_PORT": str(port), "SHOP_STATE": str(folder / "var")}
        command = [sys.executable, str(ROOT / "run.py"), "dev"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(url, process, folder / "log")
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


@pytest.fixture
async def browse(chromium: Browser, shop: str) -> AsyncIterator[Browse]:
    """Call it for the browser of one more person; what any of them complains about (script, content policy, lost files) fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def arrive(**options: object) -> Page:
        context = await chromium.new_context(
            **{"base_url": shop, "locale": "en-US", "reduced_motion": "reduce", **options}
        )  # type: ignore[arg-type]
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.extend(_complaint(page, message)))
        return page

    yield arrive
    for context in contexts:
        await context.close()
    assert complaints == []


def _complaint(page: Page, message: ConsoleMessage) -> list[str]:
    """An error page on purpose is no complaint; what the content policy keeps from running always is."""
    if "Content Security Policy" in message.text:
        return [f"{page.url}: {message.text}"]
    if message.type not in {"error", "warning"} or message.location.get("url") == page.url:
        return []
    return [f"{page.url}: {message.text}"]


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the shop did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture(scope="session")
async def member(chromium: Browser, shop: str) -> StorageState:
    """The cookies of somebody who registered and activated, and is signed in by that."""
    person = Person()
    context = await chromium.new_context(base_url=shop, locale="en-US")
    page = await context.new_page()
    await register(page, person)
    await activate(page, person)
    for path in await goods(page, 2):
        await page.goto(path)
    state = await context.storage_state()
    await context.close()
    return state


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `python run.py prepare` fetches it")
    return AXE.read_text()
