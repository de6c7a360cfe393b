"""What a place decides about its shop: one frozen object, read once from the environment by the command that starts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

PREFIX: Final = "SHOP_"
DEVELOPMENT_MARK: Final = "BAYBERRY_DEVELOPMENT"
MAIL_ROOM: Final = "mailroom:"
HOME: Final = Path(__file__).resolve().parent.parent
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SENTINELS: Final = ("redis+sentinel", "rediss+sentinel")
CACHE_SCHEMES: Final = ("redis", "rediss", "unix", *SENTINELS)
REQUIRED_FOR_REAL: Final = (
    "url",
    "database_url",
    "redis_url",
    "broker_url",
    "mail_url",
    "mail_sender",
    "media_url",
    "secret_keys",
)

Network = IPv4Network | IPv6Network


class SettingsError(Exception):
    """One sentence naming the SHOP_ variable that stops the start; it never shows a value."""


def _listed(value: object) -> object:
    """Split "a,b" into ("a", "b"), for people write lists with commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _url(value: str, schemes: tuple[str, ...]) -> str:
    if urlsplit(value).scheme not in schemes:
        raise ValueError(f"has to start with {' or '.join(f'{scheme}:' for scheme in schemes)}")
    return value


def _postgres(value: str) -> str:
    return _url(value, ("postgresql", "postgres")) if value else value


def _redis(value: str) -> str:
    return _url(value, ("redis", "rediss", "unix", *SENTINELS)) if value else value


def _cache(value: str) -> str:
    return _url(value, CACHE_SCHEMES) if value else value


def _key(text: object) -> bytes:
    try:
        key = text if isinstance(text, bytes) else base64.b64decode(str(text), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ValueError("has to be keys of 32 bytes in base64, newest first, with commas between")
    return key


PostgresUrl = Annotated[str, BeforeValidator(_postgres), Field(repr=False)]
RedisUrl = Annotated[str, BeforeValidator(_redis), Field(repr=False)]
CacheUrl = Annotated[str, BeforeValidator(_cache), Field(repr=False)]
Key = Annotated[bytes, BeforeValidator(_key)]


class Settings(BaseModel):
    """Every choice of a place; field `name` is the variable `SHOP_NAME`, but the command decides on `development`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    development: bool = False

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    socket: Path | None = None
    url: str = ""
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_listed)] = ()
    metrics_listen: str = Field(default="", pattern=r"^([0-9a-zA-Z.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$|^$")

    database_url: PostgresUrl = ""
    database_owner_url: PostgresUrl = ""
    database_listen_url: PostgresUrl = ""
    replica_url: PostgresUrl = ""
    processes: int = Field(default=1, ge=1)

    redis_url: RedisUrl = ""
    cache_url: CacheUrl = ""
    broker_url: str = Field(default="", repr=False)

    mail_url: str = Field(default="", repr=False)
    mail_sender: str = "Daily Fresh <shop@localhost>"
    media_url: str = Field(default="", repr=False)
    media_quota: int = Field(default=50_000, ge=1)
    media_user_quota: int = Field(default=1_000, ge=1)
    secret_keys: Annotated[tuple[Key, ...], BeforeValidator(_listed), Field(repr=False)] = ()

    name: str = Field(default="Daily Fresh · 天天生鲜", min_length=1, max_length=60)
    languages: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ("en", "zh")
    staff_networks: Annotated[tuple[Network, ...], BeforeValidator(_listed)] = ()
    staff_second_factor: Literal["required", "relaxed"] = "required"

    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")
    timezone: ZoneInfo = ZoneInfo("Asia/Shanghai")

    tax_standard: int = Field(default=1300, ge=0, le=10_000)
    tax_reduced: int = Field(default=900, ge=0, le=10_000)
    cash_ceiling: int = Field(default=50_000, ge=0)
    open_orders: int = Field(default=3, ge=1)
    units_per_order: int = Field(default=99, ge=1, le=99)
    order_mails: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()

    payment_methods: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ("cash",)
    payment_sandbox_url: str = ""
    payment_alipay_app_id: str = ""
    payment_alipay_seller_id: str = ""
    payment_alipay_private_key: Path | None = None
    payment_alipay_public_key: Path | None = None
    payment_alipay_gateway: str = "https://openapi.alipay.com/gateway.do"

    state: Path = HOME / "var"

    @classmethod
    def load(cls, environ: Mapping[str, str], *, development: bool) -> Self:
        """Read every SHOP_ variable; raises SettingsError naming one that is unknown, malformed or missing."""
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        for name in sorted(given):
            if name not in variables():
                raise SettingsError(f"{name} is not a setting of this shop; config/environment.example lists them all.")
        values = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
        if not development:
            _require(values)
        return cls.of(development=development, **values)

    @classmethod
    def inherit(cls, environ: Mapping[str, str]) -> Self:
        """Read what the parent command handed down; it has also written whether this is development."""
        return cls.load(environ, development=environ.get(DEVELOPMENT_MARK) == "1")

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Build settings from fields by name; raises SettingsError in one sentence."""
        try:
            return cls(**values)
        except ValidationError as problem:
            raise SettingsError(_sentence(problem)) from None

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers that are answered; development also answers to localhost and 127.0.0.1."""
        own = {urlsplit(self.url).netloc}
        if self.development:
            own |= {f"localhost:{self.port}", f"127.0.0.1:{self.port}"}
        return frozenset(own)

    @property
    def tax_rates(self) -> Mapping[str, int]:
        """The tax contained in prices, by tax class, in hundredths of a percent."""
        return {"standard": self.tax_standard, "reduced": self.tax_reduced, "zero": 0}

    @property
    def is_secure(self) -> bool:
        """Whether visitors come over TLS, and cookies therefore carry Secure and __Host-."""
        return self.url.startswith("https:")

    def trusts(self, peer: str) -> bool:
        """Whether this peer may name the visitor's address; "" is one on our unix socket, which only a proxy opens."""
        if not peer:
            return True
        address = ip_address(peer)
        return any(address in network for network in self.trusted_proxies)

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _no_world(cls, networks: tuple[Network, ...]) -> tuple[Network, ...]:
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError("would let anybody claim any address")
        return networks

    @field_validator("languages", mode="after")
    @classmethod
    def _spoken(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if not languages or set(languages) - {"en", "zh"} or len(set(languages)) < len(languages):
            raise ValueError("has to name languages the shop speaks, each once: en, zh")
        return languages

    @field_validator("mail_url", mode="after")
    @classmethod
    def _mail(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(_url(value, ("smtp", "smtps", "mailroom")))
        if parts.scheme != "mailroom" and (not parts.hostname or not set(parse_qs(parts.query)) <= {"starttls"}):
            raise ValueError("has to name a server, and may say ?starttls=1 or ?starttls=0 and nothing else")
        if parse_qs(parts.query).get("starttls", ["1"]) not in (["0"], ["1"]):
            raise ValueError("says starttls=1 or starttls=0")
        return value

    @field_validator("mail_sender", mode="after")
    @classmethod
    def _sender(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1] or not value.isprintable():
            raise ValueError("has to be an address, as in Daily Fresh <shop@shop.example>")
        return value

    @field_validator("broker_url", mode="after")
    @classmethod
    def _broker(cls, value: str) -> str:
        return _url(value, ("redis", "rediss", "redis+socket", *SENTINELS)) if value else value

    @field_validator("media_url", mode="after")
    @classmethod
    def _media(cls, value: str) -> str:
        return _url(value, ("file", "fastdfs", "s3")) if value else value

    @field_validator("payment_alipay_gateway", mode="after")
    @classmethod
    def _gateway(cls, value: str) -> str:
        parts = urlsplit(_url(value, ("https", "http")))
        if not parts.hostname or (parts.scheme == "http" and parts.hostname not in LOOPBACK):
            raise ValueError("has to be a full https: address")
        return value

    @field_validator("url", mode="after")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(_url(value, ("http", "https")))
        if not parts.netloc or "@" in parts.netloc or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("has to be a scheme and a host, as in https://shop.example")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Fill what follows from another setting; only development may fill the rest by itself."""
        filled = {name: value for name, value in values.items() if value != ""}
        if filled.get("development"):
            filled.setdefault("url", f"http://localhost:{filled.get('port', 8000)}")
            filled.setdefault("mail_url", MAIL_ROOM)
            filled.setdefault("payment_methods", ("sandbox", "cash"))
            # Another name than localhost makes it another site too, as a real bank is.
            port = str(filled.get("port", 8000))
            beside = int(port) + 1 if port.isdecimal() else 8001
            filled.setdefault("payment_sandbox_url", f"http://127.0.0.1:{beside}")
            filled.setdefault("media_url", f"file://{Path(filled.get('state', HOME / 'var')).resolve()}/media")
        elif str(filled.get("mail_url", "")).startswith(MAIL_ROOM):
            raise ValueError("SHOP_MAIL_URL asks for the mail room, which exists only in development.")
        elif filled.get("staff_second_factor", "required") != "required":
            raise ValueError("SHOP_STAFF_SECOND_FACTOR may be relaxed only in development.")
        filled.setdefault("database_listen_url", filled.get("database_url", ""))
        filled.setdefault("cache_url", filled.get("redis_url", ""))
        return filled


def variables() -> frozenset[str]:
    """The names of all environment variables the shop reads."""
    return frozenset(PREFIX + name.upper() for name in Settings.model_fields if name != "development")


def _require(values: Mapping[str, str]) -> None:
    for name in REQUIRED_FOR_REAL:
        if not values.get(name):
            raise SettingsError(f"{PREFIX}{name.upper()} is missing; a real shop cannot start without it.")


def _sentence(problem: ValidationError) -> str:
    first = problem.errors(include_input=False, include_url=False, include_context=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return reason
    return f"{PREFIX}{str(first['loc'][0]).upper()} is malformed: {reason}."
