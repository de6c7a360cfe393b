"""What a mail says, and what nobody can make it say."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest

from shop.mail import Mailer, MailRefused, MailRoom, mail_room
from shop.settings import Settings

REFERENCE = UUID("3e2f4c1a-9a5b-4d0e-8f63-1f2a3b4c5d6e")
LINK = "https://shop.example/activation/abc.def"


@pytest.fixture
def mailer(settings: Settings) -> Mailer:
    sender = {"url": "https://shop.example", "mail_sender": "Daily Fresh <hello@shop.example>", "name": "Daily Fresh"}
    chosen = settings.model_copy(update=sender)
    return Mailer(chosen, MailRoom(mail_room(chosen)))


def letter(mailer: Mailer, **changes: object) -> EmailMessage:
    words = {"to": "lin@example.com", "name": "lin", "lang": "en", "reference": REFERENCE, "link": LINK, "days": 1}
    message = mailer.write("activation", **(words | changes))
    parsed = message_from_bytes(message.as_bytes(), policy=policy.SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed


def text(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return part.get_content()


def test_a_mail_is_text_and_html_with_the_same_link(mailer: Mailer) -> None:
    message = letter(mailer)
    assert message["From"] == "Daily Fresh <hello@shop.example>"
    assert message["To"] == "lin <lin@example.com>"
    assert message["Subject"] == "Confirm your e-mail address for Daily Fresh"
    assert message["Message-ID"] == f"<{REFERENCE}@shop.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "en"
    assert message.get_content_type() == "multipart/alternative"
    assert message["Date"].datetime.tzinfo is not None
    assert f"\n{LINK}\n" in text(message, "plain").replace("\r\n", "\n")
    assert text(message, "html").count(f'href="{LINK}"') == 2


def test_a_mail_speaks_the_readers_language(mailer: Mailer) -> None:
    message = letter(mailer, lang="zh")
    assert message["Subject"] == "请验证您在 Daily Fresh 的邮箱"
    assert message["Content-Language"] == "zh-Hans"
    assert "链接 1 天内有效。" in text(message, "plain")
    assert 'lang="zh-Hans"' in text(message, "html")


def test_a_language_the_shop_no_longer_speaks_becomes_its_first(mailer: Mailer) -> None:
    assert letter(mailer, lang="fr")["Content-Language"] == "en"


def test_the_same_promise_has_the_same_message_id(mailer: Mailer) -> None:
    assert letter(mailer)["Message-ID"] == letter(mailer)["Message-ID"]
    assert letter(mailer, reference=uuid4())["Message-ID"] != letter(mailer)["Message-ID"]


@pytest.mark.parametrize(
    "address",
    [
        "lin@example.com\r\nBcc: all@example.com",
        "lin@example.com\nBcc: all@example.com",
        "lin\r@example.com",
        "lin@example.com\u2028Bcc: all@example.com",
        "lin@example.com\x00",
        "lin@example.com, all@example.com",
        "lin@example.com> <all@example.com",
        "林@example.com",
        "lin@" + "x" * 80 + ".com",
        "@example.com",
        "lin@",
        "lin",
        "",
    ],
)
def test_s70_an_address_that_smuggles_or_is_none_is_refused(mailer: Mailer, address: str) -> None:
    with pytest.raises(MailRefused):
        letter(mailer, to=address)


@pytest.mark.parametrize("name", ["lin\r\nBcc: all@example.com", "lin\nX", "lin\x0b", "lin\x85Bcc: a", "lin\u2029x"])
def test_s70_a_name_with_a_line_break_is_refused(mailer: Mailer, name: str) -> None:
    with pytest.raises(MailRefused):
        letter(mailer, name=name)


def test_s70_a_name_of_header_syntax_stays_a_name(mailer: Mailer) -> None:
    name = '"Bcc: all@example.com" <all@example.com>,'
    message = letter(mailer, name=name)
    assert [address.addr_spec for address in message["To"].addresses] == ["lin@example.com"]
    assert message["To"].addresses[0].display_name == name
    assert message["Bcc"] is None


def test_a_name_is_no_markup_in_the_html(mailer: Mailer) -> None:
    message = letter(mailer, name="<img src=x>&")
    assert "<img" not in text(message, "html")
    assert "Hello &lt;img src=x&gt;&amp;!" in text(message, "html")
    assert "Hello <img src=x>&!" in text(message, "plain")


def test_a_domain_in_chinese_is_written_as_mail_servers_know_it(mailer: Mailer) -> None:
    assert letter(mailer, to="lin@天天.example")["To"].addresses[0].addr_spec == "lin@xn--rssa.example"


async def test_the_mail_room_keeps_each_mail_in_a_file(mailer: Mailer, settings: Settings) -> None:
    before = set(mail_room(settings).glob("*"))
    for _ in range(2):
        await mailer.send(
            "activation", to="lin@example.com", name="lin", lang="en", reference=REFERENCE, link=LINK, days=1
        )
    new = sorted(set(mail_room(settings).glob("*")) - before)
    assert [path.suffix for path in new] == [".eml", ".eml"]
    assert f"Message-ID: <{REFERENCE}@shop.example>\r\n".encode() in new[0].read_bytes()
