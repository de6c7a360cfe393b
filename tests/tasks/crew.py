"""A real mail server whose answers a test decides, and the worker and relay as processes of their own."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from redis import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from shop.embedded import valkey_server
from shop.settings import DEVELOPMENT_MARK, HOME, Settings
from tasks.app import KEY_PREFIX, QUEUE

Answer = Callable[[str], str]


def accept(_receiver: str) -> str:
    return "250 OK"


class MailServer:
    """aiosmtpd on a port of its own; `answer` decides what it says to a mail, `goes_on` when."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.mails: list[EmailMessage] = []
        self.answer: Answer = accept
        self.sessions = 0
        self.began = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def open(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def shut(self) -> None:
        if self._controller:
            self._controller.stop(no_assert=True)
            self._controller = None

    def to(self, receiver: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"].addresses[0].addr_spec == receiver]

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions += 1
        return answers

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.began.set()
        await server.loop.run_in_executor(None, self.goes_on.wait, 20)
        answer = self.answer(envelope.rcpt_tos[0])
        if answer.startswith("250"):
            mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.SMTP)
            self.mails.append(cast("EmailMessage", mail))
        return answer


class MortalBroker:
    """A Valkey that only these tests use; it can be killed, silenced and started again while a loop runs."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self.socket = home / "broker.sock"
        self._command = [
            str(valkey_server()), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(home),
            "--appendonly", "yes", "--save", "", "--logfile", str(home / "log"),
        ]  # fmt: skip
        self.redis = Redis(unix_socket_path=str(self.socket))
        self.start()

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=0"

    @property
    def length(self) -> int:
        """How many messages no worker has taken."""
        return int(self.redis.llen(KEY_PREFIX + QUEUE))

    def start(self) -> None:
        self._server = subprocess.Popen(self._command)
        while True:
            with suppress(RedisConnectionError, BusyLoadingError):
                self.redis.ping()
                return
            time.sleep(0.02)

    def kill(self) -> None:
        self._server.kill()
        self._server.wait()
        self.redis.close()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """It accepts connections and says nothing."""
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)


def environment(settings: Settings) -> dict[str, str]:
    """What a worker or relay inherits from the command that starts it."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
        DEVELOPMENT_MARK: "1",
        "SHOP_DATABASE_URL": settings.database_url,
        "SHOP_REDIS_URL": settings.redis_url,
        "SHOP_BROKER_URL": settings.broker_url,
        "SHOP_MAIL_URL": settings.mail_url,
        "SHOP_PORT": str(settings.port),
        "SHOP_SECRET_KEYS": ",".join(base64.b64encode(key).decode() for key in settings.secret_keys),
        "SHOP_STATE": str(settings.state),
    }


class Crew:
    """The processes beside the web server; each in a group of its own, so that all of one can be killed at once."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._environment = environment(settings)
        self._log = log
        self._members: list[subprocess.Popen[bytes]] = []

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        chosen = options or ("-P", "solo")
        quick = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        return self._start("celery", "-A", "tasks.app", "worker", "-l", "info", *quick, *chosen)

    def relay(self) -> subprocess.Popen[bytes]:
        return self._start("tasks.relay")

    def kill(self, member: subprocess.Popen[bytes]) -> None:
        """`kill -9` of a whole group at once."""
        os.killpg(member.pid, signal.SIGKILL)
        member.wait()

    def dismiss(self) -> None:
        for member in self._members:
            if member.poll() is None:
                self.kill(member)

    def told(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            member = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdout=log, stderr=log, cwd=HOME, env=self._environment, start_new_session=True,
            )  # fmt: skip
        self._members.append(member)
        return member
