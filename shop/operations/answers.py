"""The answer file of an installation (config/answers.example.toml)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shop.settings import PREFIX, variables

ROLES: Final = ("web", "worker", "beat", "relay", "proxy", "redis")
REQUIRED: Final = ("url", "database_url", "mail_url", "mail_sender")
MADE_HERE: Final = ("secret_keys", "host", "port", "socket", "state")


class AnswersError(Exception):
    """One sentence naming the answer that is missing or wrong."""


class Host(BaseModel):
    """What a host is like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processes: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=49)
    concurrency: int = Field(default=2, ge=1, le=64)
    listen: str = Field(default="", pattern=r"^[0-9a-zA-Z.:-]*$")
    web: tuple[str, ...] = ()
    metrics: str = "127.0.0.1:9600"
    certificate: str = Field(default="", pattern=r"^[^\s;{}]*$")
    certificate_key: str = Field(default="", pattern=r"^[^\s;{}]*$")
    requests_per_second: int = Field(default=20, ge=1)
    connections: int = Field(default=60, ge=1)
    patience: int = Field(default=12, ge=9)
    http: str = Field(default="80", pattern=r"^[0-9.:]+$")
    https: str = Field(default="443", pattern=r"^[0-9.:]+$")


class Answers(BaseModel):
    """Settings by their names, and the host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Mapping[str, str | int]
    host: Host = Field(default_factory=Host)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises AnswersError."""
        try:
            given: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
            answers = cls(**given)
        except (OSError, tomllib.TOMLDecodeError) as problem:
            raise AnswersError(f"{path} cannot be read: {problem}.") from None
        except ValidationError as problem:
            first = problem.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise AnswersError(f"{path}: {place}: {first['msg']}.") from None
        answers.check()
        return answers

    def check(self) -> None:
        """Raises AnswersError for a setting that is not one, is missing, or is made by the installation itself."""
        for name in self.settings:
            if f"{PREFIX}{name.upper()}" not in variables():
                raise AnswersError(f"settings.{name} is not a setting; config/environment.example lists them all.")
            if name in MADE_HERE:
                raise AnswersError(f"settings.{name} is made by the installation; leave it out.")
        for name in REQUIRED:
            if not self.settings.get(name):
                raise AnswersError(f"settings.{name} is missing.")
        if self.host.listen and self.host.processes > 9:
            raise AnswersError("host.processes: on ports there may be nine; leave host.listen out for more.")
        if not self.url.startswith("https://"):
            raise AnswersError("settings.url has to begin with https://, as in https://shop.example.")

    @property
    def url(self) -> str:
        return str(self.settings["url"]).rstrip("/")

    @property
    def authority(self) -> str:
        """The host as browsers name it, with a port that is not the usual one."""
        return urlsplit(self.url).netloc

    @property
    def hostname(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def has_own_redis(self) -> bool:
        """Whether the two Redis servers of the host are used."""
        return not (self.settings.get("redis_url") and self.settings.get("broker_url"))
