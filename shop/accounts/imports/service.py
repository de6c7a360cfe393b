"""Taking accounts over from a table: each line is looked at by itself, and what cannot be taken says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shop.accounts.models import Account, ReservedUsername, identity_key, is_email, is_username, narrowed
from shop.db import Connection
from shop.passwords import NO_PASSWORD, UnknownHash, check_hash

COLUMNS: Final = ("username", "email", "password_hash")
OPTIONAL: Final = ("language", "created_at", "active")
TRUE: Final = frozenset({"", "1", "true", "yes", "t", "y"})
FALSE: Final = frozenset({"0", "false", "no", "f", "n"})

# A batch of lines as arrays (unnest) into two tables that belong together.
# Who was not active there has to confirm the address here, as after a registration.
ADMIT = """
    WITH given AS (
        SELECT * FROM unnest(%(usernames)s::text[], %(username_keys)s::text[], %(emails)s::text[], %(email_keys)s::text[],
            %(hashes)s::text[], %(languages)s::text[], %(created)s::timestamptz[], %(active)s::boolean[])
            AS line (username, username_key, email, email_key, hash, language, created_at, is_active)
    ), made AS (
        INSERT INTO accounts (username, username_key, email, email_key, password_hash, language, created_at, activated_at)
        SELECT username, username_key, email, email_key, CASE WHEN is_active THEN hash ELSE %(nothing)s END, language,
            coalesce(created_at, now()), CASE WHEN is_active THEN coalesce(created_at, now()) END
        FROM given RETURNING id, username_key)
    INSERT INTO pending_registrations (account_id, username, username_key, password_hash, language)
    SELECT made.id, username, username_key, hash, language FROM given JOIN made USING (username_key) WHERE NOT is_active"""


class LineRefused(Exception):
    """Why a line cannot be taken over, in a few words for whoever mends the file."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One line that can become an account; `old_hash` is as the other shop kept it."""

    username: str
    email: str
    old_hash: str
    language: str
    created_at: datetime | None
    is_active: bool

    @property
    def keys(self) -> tuple[str, str]:
        """What must be the only one of its kind: user name and e-mail."""
        return identity_key(self.username), identity_key(self.email)


def read_line(line: Mapping[str, str | None], languages: Sequence[str]) -> Newcomer:
    """Look at one line by itself; raises LineRefused."""
    username, email = (narrowed(line.get(name) or "") or "" for name in ("username", "email"))
    if not is_username(username):
        raise LineRefused("username: 2 to 30 letters, digits, dots, hyphens and underscores")
    if not is_email(email):
        raise LineRefused("email: not an address")
    old_hash = (line.get("password_hash") or "").strip()
    try:
        check_hash(old_hash)
    except UnknownHash as problem:
        raise LineRefused(f"password_hash: {problem}") from None
    language = line.get("language") or languages[0]
    if language not in languages:
        raise LineRefused(f"language: one of {', '.join(languages)}")
    return Newcomer(username, email, old_hash, language, _moment(line.get("created_at")), _answer(line.get("active")))


async def refusals(conn: Connection, newcomers: Sequence[Newcomer]) -> dict[int, str]:
    """Which of them (by place) cannot come because the shop knows their name or address already."""
    names, emails = ([newcomer.keys[which] for newcomer in newcomers] for which in (0, 1))
    reserved = ReservedUsername.objects.using(conn).filter(username_key__in=names)
    known_names = set(await reserved.values_list("username_key", flat=True))
    accounts = Account.objects.using(conn).filter(email_key__in=emails)
    known_emails = set(await accounts.values_list("email_key", flat=True))
    found = {place: "email: this shop has an account for it" for place, key in enumerate(emails) if key in known_emails}
    return found | {place: "username: taken in this shop" for place, key in enumerate(names) if key in known_names}


async def admit(conn: Connection, newcomers: Sequence[Newcomer], hashes: Sequence[str]) -> None:
    """Make accounts of lines without refusals; `hashes` are what may be stored of their passwords."""
    columns: dict[str, Any] = {
        "usernames": [newcomer.username for newcomer in newcomers],
        "username_keys": [newcomer.keys[0] for newcomer in newcomers],
        "emails": [newcomer.email for newcomer in newcomers],
        "email_keys": [newcomer.keys[1] for newcomer in newcomers],
        "hashes": list(hashes),
        "languages": [newcomer.language for newcomer in newcomers],
        "created": [newcomer.created_at for newcomer in newcomers],
        "active": [newcomer.is_active for newcomer in newcomers],
    }
    names = [ReservedUsername(username_key=key) for key in columns["username_keys"]]
    await ReservedUsername.objects.using(conn).bulk_create(names)
    await conn.execute(ADMIT, {**columns, "nothing": NO_PASSWORD})


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise LineRefused("created_at: a moment like 2024-05-01T12:00:00+08:00") from None
    if moment.tzinfo is None:
        raise LineRefused("created_at: say the time zone, as in 2024-05-01T12:00:00+08:00")
    return moment


def _answer(text: str | None) -> bool:
    answer = (text or "").strip().lower()
    if answer not in TRUE | FALSE:
        raise LineRefused("active: yes or no")
    return answer in TRUE
