"""What the log shows, and what it never shows."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shop import logs
from shop.tokens import Tokens


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, kept = logging.root, (logging.root.handlers[:], logging.root.level)
    lines = io.StringIO()
    yield lines
    root.handlers[:], root.level = kept[0], kept[1]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_an_event_is_one_json_line_with_its_request(stream: io.StringIO) -> None:
    logs.configure(development=False, service="web", stream=stream)
    structlog.contextvars.bind_contextvars(request="5f0c")
    structlog.get_logger("shop.web").info("page answered", status=200)
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert {name: event[name] for name in ("event", "request", "service", "level", "logger", "status")} == {
        "event": "page answered",
        "request": "5f0c",
        "service": "web",
        "level": "info",
        "logger": "shop.web",
        "status": 200,
    }
    assert event["timestamp"].endswith("Z")


def test_the_standard_library_and_tracebacks_are_one_json_line_too(stream: io.StringIO) -> None:
    logs.configure(development=False, service="worker", stream=stream)
    try:
        raise ValueError("no password=hunter2 here")
    except ValueError:
        logging.getLogger("celery.worker").exception("task %s failed", 7)
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event["event"] == "task 7 failed"
    assert "ValueError: no password=[masked] here" in event["exception"]


@pytest.mark.parametrize("development", [True, False])
def test_s66_passwords_tokens_cards_and_cookies_are_masked(stream: io.StringIO, development: bool) -> None:
    token = Tokens([b"k" * 32]).sign("activation", {"account": 7})
    canaries = ["hunter2", token, "4111 1111 1111 1111", "s3ss10n", "br0ker"]
    logs.configure(development=development, service="web", stream=stream)
    log = structlog.get_logger("shop.web")
    log.info(
        "form",
        password="hunter2",
        fields={"password_again": "hunter2", "cookies": ["s3ss10n"]},
        note="card 4111 1111 1111 1111",
    )
    log.info(f"GET /activation/{token}", path=f"/zh/activation/{token}", bare=token)
    log.info("dependency", error=OSError("redis://shop:br0ker@cache:6379/0 refused"), header="Authorization: hunter2")
    logging.getLogger("aiohttp.server").warning("bad link %s", token)
    seen = stream.getvalue()
    assert [canary for canary in canaries if canary in seen] == []
    assert "redis://shop:[masked]@cache:6379/0 refused" in seen


@pytest.mark.parametrize("development", [True, False])
def test_s66_a_line_break_in_a_value_forges_no_line(stream: io.StringIO, development: bool) -> None:
    logs.configure(development=development, service="web", stream=stream)
    structlog.get_logger("shop.web").info("seen", agent='Mozilla\r\n{"event": "owner signed in"}\u2028x')
    assert len(stream.getvalue().splitlines()) == 1


def test_an_order_number_is_not_taken_for_a_card() -> None:
    assert logs.mask_text("order 2026112200000017") == "order 2026112200000017"
