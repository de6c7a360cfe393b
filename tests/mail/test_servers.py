"""What the shop makes of a mail server's answers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shop import mail
from shop.mail import MailDeferred, MailRefused, MailServer, MailServerAway
from shop.settings import Settings, SettingsError

MAIL = b"From: shop@localhost\r\nTo: lin@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
GREETING = "220 mail.example ESMTP"


def server(port: int, query: str = "") -> MailServer:
    return MailServer(urlsplit(f"smtp://127.0.0.1:{port}{query}"), local_hostname="shop.example")


async def deliver(port: int) -> None:
    await server(port).deliver("shop@localhost", "lin@example.com", MAIL)


@asynccontextmanager
async def scripted(answers: dict[str, str], greeting: str = GREETING) -> AsyncIterator[tuple[int, list[str]]]:
    """A server that answers each command as told ("" is silence, "-" hangs up); its port and what it heard."""
    heard: list[str] = []
    taken = {
        "EHLO": "250 mail.example",
        "MAIL": "250 OK",
        "RCPT": "250 OK",
        "DATA": "354 go",
        ".": "250 OK",
        "QUIT": "221",
    }

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said, in_data = greeting, False
        while said != "-":
            writer.write(f"{said}\r\n".encode() if said else b"")
            raw = await reader.readline()
            if not raw:
                break
            line = raw.decode().strip()
            heard.append(line)
            if in_data and line != ".":
                said = ""
                continue
            word = line.split(" ")[0]
            said = (taken | answers).get(word, "500 what?")
            in_data = said.startswith("354")
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], heard


async def test_a_mail_is_taken() -> None:
    async with scripted({}) as (port, heard):
        await deliver(port)
    assert heard[:3] == ["EHLO shop.example", "MAIL FROM:<shop@localhost>", "RCPT TO:<lin@example.com>"]
    assert heard[-1] == "QUIT"


@pytest.mark.parametrize("word", ["RCPT", "DATA", "."])
async def test_f_m2_a_final_no_is_final(word: str) -> None:
    async with scripted({word: "550 no such user"}) as (port, _):
        with pytest.raises(MailRefused, match="550 no such user"):
            await deliver(port)


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA", "."])
async def test_f_m2_not_now_is_not_never(word: str) -> None:
    async with scripted({word: "451 try later"}) as (port, _):
        with pytest.raises(MailDeferred, match="451 try later"):
            await deliver(port)


@pytest.mark.parametrize(
    "answers",
    [
        {"EHLO": "554 go away", "HELO": "554 go away"},
        {"MAIL": "421 closing"},
        {"MAIL": "550 sender not yours"},
        {"RCPT": "421 closing"},
        {".": "421 closing"},
    ],
)
async def test_f_m1_a_server_that_takes_nobodys_mail_is_away(answers: dict[str, str]) -> None:
    async with scripted(answers) as (port, _):
        with pytest.raises(MailServerAway):
            await deliver(port)


@pytest.mark.parametrize("greeting", ["554 no service", "421 too busy", "-"])
async def test_f_m1_a_server_that_does_not_greet_is_away(greeting: str) -> None:
    async with scripted({}, greeting) as (port, _):
        with pytest.raises(MailServerAway):
            await deliver(port)


async def test_f_m1_a_closed_port_is_away(unused_tcp_port: int) -> None:
    with pytest.raises(MailServerAway):
        await deliver(unused_tcp_port)


async def test_f_m2_a_silent_server_costs_only_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(mail, "REPLY_SECONDS", 0.2)
    async with asyncio.timeout(2):
        async with scripted({}, "") as (port, _):
            with pytest.raises(MailServerAway):
                await deliver(port)
        async with scripted({".": ""}) as (port, _):
            with pytest.raises(MailDeferred):
                await deliver(port)


async def test_a_slow_goodbye_does_not_undo_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "GOODBYE_SECONDS", 0.1)
    for answer in ("", "-", "500 no"):
        async with asyncio.timeout(1), scripted({"QUIT": answer}) as (port, _):
            await deliver(port)


async def test_tls_is_never_given_up_for_plain_text() -> None:
    async with scripted({}) as (port, heard):
        with pytest.raises(MailServerAway):
            await server(port, "?starttls=1").deliver("shop@localhost", "lin@example.com", MAIL)
    assert not [line for line in heard if line.startswith(("MAIL", "AUTH"))]


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("smtp://mail.example:587", True),
        ("smtp://mail.example:587?starttls=1", True),
        ("smtp://mail.example:25?starttls=0", False),
        ("smtp://127.0.0.1:2525", False),
        ("smtp://localhost:2525?starttls=1", True),
        ("smtps://mail.example:465", False),
    ],
)
def test_another_machine_is_spoken_to_over_tls(url: str, wanted: bool) -> None:
    options = MailServer(urlsplit(url), local_hostname="shop.example")._options
    assert options["start_tls"] is wanted
    assert options["use_tls"] is url.startswith("smtps")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail_url", "smtp://mail.example?starttls=yes"),
        ("mail_url", "smtp://mail.example?tls=1"),
        ("mail_url", "smtp:///"),
        ("mail_url", "http://mail.example"),
        ("mail_sender", "Daily Fresh"),
        ("mail_sender", "Daily Fresh\r\nBcc: all@example.com <shop@localhost>"),
    ],
)
def test_an_unclear_mail_server_or_sender_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"SHOP_{name.upper()} is malformed"):
        Settings.of(development=True, **{name: value})


class Guarded(Controller):
    """A mail server that speaks only over TLS and only to those who log in."""

    def __init__(self, certificate: Path, port: int) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        self.logins: list[tuple[bytes, bytes]] = []
        super().__init__(
            Sink(), hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True,
            auth_required=True, authenticator=self._check,
        )  # fmt: skip

    def _check(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, login: LoginPassword
    ) -> AuthResult:
        self.logins.append((login.login, login.password))
        return AuthResult(success=login.password == b"p@ss:word", handled=False)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate that it signed for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, *form) + made.public_bytes(pem))
    return path


@pytest.fixture
def guarded(certificate: Path, unused_tcp_port: int) -> Iterator[Guarded]:
    controller = Guarded(certificate, unused_tcp_port)
    controller.start()
    yield controller
    controller.stop()


async def over_tls(port: int, password: str) -> None:
    url = urlsplit(f"smtp://shop:{password}@localhost:{port}?starttls=1")
    await MailServer(url, local_hostname="shop.example").deliver("shop@localhost", "lin@example.com", MAIL)


async def test_we_log_in_over_tls(guarded: Guarded, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    await over_tls(guarded.port, "p%40ss%3Aword")
    assert guarded.logins == [(b"shop", b"p@ss:word")]


async def test_a_password_the_server_refuses_keeps_all_mails(
    guarded: Guarded, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(MailServerAway, match="535"):
        await over_tls(guarded.port, "wrong")


async def test_a_server_with_a_strange_certificate_gets_no_password(guarded: Guarded) -> None:
    with pytest.raises(MailServerAway, match="certificate"):
        await over_tls(guarded.port, "p%40ss%3Aword")
    assert guarded.logins == []
