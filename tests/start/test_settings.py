"""Settings come from the environment, whole, or the shop does not start and says why."""

from __future__ import annotations

import argparse
import base64
import re

import pytest

from shop.commands import programs, serve
from shop.settings import HOME, Settings, SettingsError, variables

KEY = base64.b64encode(b"k" * 32).decode()
OLD_KEY = base64.b64encode(b"o" * 32).decode()
REAL = {
    "SHOP_URL": "https://shop.example",
    "SHOP_DATABASE_URL": "postgresql://shop_web:dbsecret@db.example/shop",
    "SHOP_REDIS_URL": "redis://:redissecret@redis.example/0",
    "SHOP_BROKER_URL": "redis://:brokersecret@redis.example/2",
    "SHOP_MAIL_URL": "smtp://shop:mailsecret@mail.example:587",
    "SHOP_MAIL_SENDER": "Daily Fresh <shop@shop.example>",
    "SHOP_MEDIA_URL": "file:///srv/media",
    "SHOP_SECRET_KEYS": f"{KEY},{OLD_KEY}",
}


def test_every_setting_stands_in_the_example_with_a_sentence() -> None:
    text = (HOME / "config/environment.example").read_text()
    explained = re.findall(r"((?:^#.*\n)+)(SHOP_[A-Z_]+)=", text, flags=re.MULTILINE)
    assert {name for _, name in explained} == variables()
    assert all(sentence.rstrip().endswith(".") for sentence, _ in explained)


def test_the_example_itself_is_a_valid_environment_of_development() -> None:
    lines = (HOME / "config/environment.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line.startswith("SHOP_"))
    assert Settings.load(example, development=True) == Settings.load({}, development=True)


def test_development_needs_no_setting() -> None:
    settings = Settings.load({}, development=True)
    assert (settings.host, settings.port, settings.url) == ("127.0.0.1", 8000, "http://localhost:8000")
    assert settings.mail_url == "mailroom:"
    assert settings.languages == ("en", "zh")
    assert settings.hosts == {"localhost:8000", "127.0.0.1:8000"}


def test_another_port_moves_the_address_too() -> None:
    assert Settings.load({"SHOP_PORT": "8123"}, development=True).url == "http://localhost:8123"


def test_a_real_shop_reads_everything() -> None:
    settings = Settings.load(REAL, development=False)
    assert settings.hosts == {"shop.example"}
    assert settings.is_secure
    assert settings.secret_keys == (b"k" * 32, b"o" * 32)
    assert settings.cache_url == settings.redis_url
    assert settings.database_listen_url == settings.database_url


@pytest.mark.parametrize("name", sorted(REAL))
def test_a_real_shop_does_not_start_without(name: str) -> None:
    rest = {key: value for key, value in REAL.items() if key != name}
    with pytest.raises(SettingsError, match=f"^{name} is missing; a real shop cannot start without it.$"):
        Settings.load(rest, development=False)


def test_an_unknown_variable_stops_the_start_with_its_name() -> None:
    with pytest.raises(SettingsError, match=r"^SHOP_DATABSE_URL is not a setting of this shop; "):
        Settings.load({"SHOP_DATABSE_URL": "postgresql:///x"}, development=True)


def test_whether_it_is_development_cannot_be_set() -> None:
    with pytest.raises(SettingsError, match="SHOP_DEVELOPMENT is not a setting"):
        Settings.load({**REAL, "SHOP_DEVELOPMENT": "1"}, development=False)


def test_a_real_shop_refuses_the_mail_room() -> None:
    with pytest.raises(SettingsError, match="mail room, which exists only in development"):
        Settings.load({**REAL, "SHOP_MAIL_URL": "mailroom:"}, development=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_PORT", "eighty"),
        ("SHOP_PORT", "70000"),
        ("SHOP_URL", "shop.example"),
        ("SHOP_URL", "https://shop.example/somewhere"),
        ("SHOP_URL", "https://user@shop.example"),
        ("SHOP_DATABASE_URL", "mysql://db.example"),
        ("SHOP_REDIS_URL", "memcached://x"),
        ("SHOP_BROKER_URL", "amqp://x"),
        ("SHOP_MAIL_URL", "pigeon://roof"),
        ("SHOP_MEDIA_URL", "ftp://x"),
        ("SHOP_SECRET_KEYS", "short"),
        ("SHOP_SECRET_KEYS", f"{KEY},c2hvcnQ="),
        ("SHOP_LANGUAGES", "en,tlh"),
        ("SHOP_LANGUAGES", "en,en"),
        ("SHOP_CURRENCY", "yuan"),
        ("SHOP_TIMEZONE", "Asia/Atlantis"),
        ("SHOP_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("SHOP_TRUSTED_PROXIES", "nginx"),
    ],
)
def test_a_malformed_variable_stops_the_start_with_its_name_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.load({**REAL, name: value}, development=False)
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} is malformed: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_s66_neither_settings_nor_complaints_show_a_secret() -> None:
    settings = Settings.load(REAL, development=False)
    for text in (repr(settings), str(settings)):
        assert "secret@" not in text
        assert "kkkk" not in text
    with pytest.raises(SettingsError) as refused:
        Settings.load({**REAL, "SHOP_DATABASE_URL": "mysql://x:dbsecret@y"}, development=False)
    assert "dbsecret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_settings_are_frozen() -> None:
    settings = Settings.load({}, development=True)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_only_named_networks_and_our_own_socket_may_name_the_visitor() -> None:
    settings = Settings.load({"SHOP_TRUSTED_PROXIES": "10.0.0.0/24, ::1"}, development=True)
    assert settings.trusts("10.0.0.7")
    assert settings.trusts("::1")
    assert settings.trusts("")
    assert not settings.trusts("10.0.1.7")
    assert not Settings.load({}, development=True).trusts("127.0.0.1")


def test_a_real_shop_takes_cash_until_it_says_otherwise() -> None:
    assert Settings.load(REAL, development=False).payment_methods == ("cash",)
    development = Settings.load({"SHOP_PORT": "8123"}, development=True)
    assert development.payment_methods == ("sandbox", "cash")
    assert development.payment_sandbox_url == "http://127.0.0.1:8124"


@pytest.mark.parametrize(
    ("methods", "sentence"),
    [
        ("alipay", "SHOP_PAYMENT_ALIPAY_APP_ID is missing; Alipay cannot be switched on without it.\n"),
        ("cash,sandbox", "SHOP_PAYMENT_METHODS names the sandbox, where nobody pays; it exists only in development.\n"),
        ("paypal", "SHOP_PAYMENT_METHODS names paypal; there are alipay, cash, sandbox.\n"),
    ],
)
def test_s43_a_way_to_pay_without_its_secret_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], methods: str, sentence: str
) -> None:
    for name, value in {**REAL, "SHOP_PAYMENT_METHODS": methods}.items():
        monkeypatch.setenv(name, value)
    assert serve.main(argparse.Namespace(number=0)) == 1
    assert capsys.readouterr().err == sentence
    with pytest.raises(SystemExit, match=sentence.strip()):
        programs.become(["/bin/false"], 0)


@pytest.mark.parametrize("gateway", ["http://openapi.alipay.com/gateway.do", "openapi.alipay.com", "https://"])
def test_alipays_gateway_is_spoken_to_over_tls(gateway: str) -> None:
    with pytest.raises(SettingsError, match="SHOP_PAYMENT_ALIPAY_GATEWAY is malformed"):
        Settings.load({"SHOP_PAYMENT_ALIPAY_GATEWAY": gateway}, development=True)
