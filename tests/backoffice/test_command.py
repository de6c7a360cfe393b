"""`run.py staff`: the first owner, a lost way in, the end of access, the log."""

from __future__ import annotations

import argparse
import base64

import psycopg2
import pytest

from shop.commands import staff as command
from shop.embedded import DATABASE, Postgres
from shop.settings import DEVELOPMENT_MARK, Settings


@pytest.fixture
def run(settings: Settings, clean: None, monkeypatch: pytest.MonkeyPatch) -> object:
    """Call it with the words behind `run.py staff`."""
    monkeypatch.setenv("SHOP_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("SHOP_SECRET_KEYS", ",".join(base64.b64encode(key).decode() for key in settings.secret_keys))
    monkeypatch.setenv(DEVELOPMENT_MARK, "1")

    def call(*words: str) -> int:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        return command.main(parser.parse_args(words))

    return call


def test_adding_resetting_and_disabling(
    run: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    assert callable(run)
    assert run("add", "Rose", "rose@dailyfresh.example", "--language", "zh") == 0
    assert "/zh/backoffice/invitations/" in capsys.readouterr().out
    assert run("add", "Rose", "ROSE@dailyfresh.example") == 1
    assert "has ROSE@dailyfresh.example already" in capsys.readouterr().err
    assert run("add", "Tom", "tom@dailyfresh.example", "--role", "chef") == 1
    assert "There is no role chef; there are: owner, manager, editor, packer" in capsys.readouterr().err

    monkeypatch.setattr(command.getpass, "getpass", lambda prompt: "three-ripe-mangoes")
    assert run("add", "Tom", "tom@dailyfresh.example", "--role", "packer", "--password") == 0
    assert run("reset", "tom@dailyfresh.example") == 0
    assert "/backoffice/invitations/" in capsys.readouterr().out
    assert run("reset", "nobody@dailyfresh.example") == 1
    assert run("disable", "tom@dailyfresh.example") == 1  # nobody who manages the staff has come in yet
    assert "Somebody has to be left" in capsys.readouterr().err

    assert run("audit") == 0
    assert capsys.readouterr().out.startswith("4 entries, each as it was written")
    thief = psycopg2.connect(postgres.superuser_url, dbname=DATABASE)
    with thief, thief.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM audit_log WHERE id = 2")
    thief.close()
    assert run("audit") == 1
    assert capsys.readouterr().err.startswith("Entry 3 is not as it was written")
