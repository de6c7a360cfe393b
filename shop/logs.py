"""One log line an event: JSON on a server, readable in development; secrets and line breaks never get through."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

MASK: Final = "[masked]"
SECRET_NAMES: Final = re.compile(
    r"passw|secret|token|cookie|authorization|csrf|api_?key|card|cvv|cvc|session_id$", re.I
)
SECRET_VALUES: Final = (
    # what itsdangerous signs: payload, time, signature
    re.compile(r"(?P<keep>)[A-Za-z0-9_.-]{2,}\.[A-Za-z0-9_-]{5,8}\.[A-Za-z0-9_-]{40,}"),
    re.compile(r"(?P<keep>/(?:activation|password-reset)/)[^\s/?\"'<>]+"),
    re.compile(
        r"(?P<keep>(?:passw(?:or)?d|secret|token|cookie|csrf_token|authorization)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&;,]+",
        re.I,
    ),
    re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]+(?=@)", re.I),
)
CARD_NUMBER: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
QUIET: Final = ("aiohttp.access", "asyncio", "kombu", "amqp", "mail.log")


def configure(*, development: bool, service: str, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers to one stream (stderr); `service` is web, worker, relay."""
    structlog.contextvars.clear_contextvars()
    structlog.configure(
        processors=[*_shared(service), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(development, service))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide secrets by the name of the field and by the look of the value, and escape control characters."""
    return {name: value if name.startswith("_") else _clean(name, value) for name, value in event.items()}


def mask_text(text: str) -> str:
    """Hide what looks like a signed token, a password in an address or a card number."""
    for pattern in SECRET_VALUES:
        text = pattern.sub(rf"\g<keep>{MASK}", text)
    return CARD_NUMBER.sub(_mask_card, text)


def _shared(service: str) -> list[Processor]:
    def named(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        named,
    ]


def _formatter(development: bool, service: str) -> logging.Formatter:
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
        if development
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(service),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            masked,
            renderer,
        ],
    )


def _clean(name: str, value: Any) -> Any:
    if SECRET_NAMES.search(name):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = mask_text(value if isinstance(value, str) else str(value))
    # security: in the readable form a line break in a value would be a line that nobody wrote
    return text if name == "exception" else CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _mask_card(found: re.Match[str]) -> str:
    """Mask what passes the check digit of card numbers (ISO/IEC 7812), so that order numbers stay readable."""
    total = 0
    for place, char in enumerate(reversed([char for char in found[0] if char.isdigit()])):
        total += sum(divmod(int(char) * (1 + place % 2), 10))
    return MASK if total % 10 == 0 else found[0]
