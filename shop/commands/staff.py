"""`run.py staff`: the first of the staff, a lost way in, the end of access, and the log looked through."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from shop.accounts.models import is_email
from shop.backoffice.audit.models import Actor
from shop.backoffice.audit.queries import check_chain
from shop.backoffice.roles.models import LastOwner
from shop.backoffice.roles.queries import role_by_code, roles
from shop.backoffice.staff import service
from shop.backoffice.staff.models import StaffMember
from shop.backoffice.staff.queries import member_by_email
from shop.commands.local import settings_at_hand
from shop.db import Connection, Database, DbError
from shop.passwords import hash_password
from shop.placement import EmbeddedError
from shop.settings import Settings, SettingsError
from shop.tokens import Tokens
from shop.urls import Urls

HELP = "let somebody into the back office (staff add), help who is locked out (staff reset), look through the log (staff audit)"
SHORTEST_PASSWORD = 8

Work = Callable[[Settings, Connection, argparse.Namespace], Awaitable[str]]


class Refused(Exception):
    """What was asked for cannot be done; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and for whom."""
    parser.add_argument("--environment", type=Path, help="the environment file of the shop's units")
    todo = parser.add_subparsers(dest="todo", required=True, metavar="add|reset|disable|audit")
    add = todo.add_parser("add", help="add somebody; prints a link that works once, within 24 hours")
    add.add_argument("name")
    add.add_argument("email")
    add.add_argument("--role", default="owner", help="owner, manager, editor, packer, or a role of your own (owner)")
    add.add_argument("--language", default="", help="of their mails: en or zh")
    add.add_argument("--password", action="store_true", help="ask for the password here instead")
    add.set_defaults(work=_add)
    reset = todo.add_parser("reset", help="forget password and second factor; prints a link for a new password")
    reset.add_argument("email")
    reset.set_defaults(work=_reset)
    disable = todo.add_parser("disable", help="end somebody's access at once")
    disable.add_argument("email")
    disable.set_defaults(work=_disable)
    todo.add_parser("audit", help="check every entry of the log").set_defaults(work=_audit)


def main(arguments: argparse.Namespace) -> int:
    """Exit status 0 when it was done, 1 when it could not be, or the log is not whole."""
    try:
        with settings_at_hand(arguments.environment) as settings:
            print(asyncio.run(_do(settings, arguments)))
    except (EmbeddedError, SettingsError, DbError, OSError, Refused) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


async def _do(settings: Settings, arguments: argparse.Namespace) -> str:
    database = await Database.open(url=settings.database_url, min_size=0, max_size=1)
    work: Work = arguments.work
    try:
        async with database.transaction() as conn:
            return await work(settings, conn, arguments)
    finally:
        await database.close()


async def _add(settings: Settings, conn: Connection, arguments: argparse.Namespace) -> str:
    role = await role_by_code(conn, arguments.role)
    if role is None:
        known = ", ".join(one.code for one in await roles(conn))
        raise Refused(f"There is no role {arguments.role}; there are: {known}.")
    if not is_email(arguments.email):
        raise Refused(f"{arguments.email} is not an address.")
    lang = arguments.language if arguments.language in settings.languages else settings.languages[0]
    told = {"name": arguments.name, "email": arguments.email, "language": lang}
    try:
        member = await service.invite(conn, _actor(), role_id=role.id, mail=False, **told)
    except service.EmailTaken:
        raise Refused(f"Somebody of the staff has {arguments.email} already; `staff reset` helps.") from None
    if not arguments.password:
        return _link(settings, member)
    hashed = await asyncio.to_thread(hash_password, _asked())
    await service.set_password(conn, _actor(), member, hashed)
    return f"{member.name} signs in at {_urls(settings).absolute('backoffice.login', lang)}"


async def _reset(settings: Settings, conn: Connection, arguments: argparse.Namespace) -> str:
    member = await _known(conn, arguments.email)
    await service.reset_second_factor(conn, _actor(), member)
    member = await service.renew_link(conn, _actor(), member)
    return _link(settings, member)


async def _disable(settings: Settings, conn: Connection, arguments: argparse.Namespace) -> str:
    try:
        await service.disable(conn, _actor(), await _known(conn, arguments.email))
    except LastOwner:
        raise Refused("Somebody has to be left who may manage the staff.") from None
    return f"{arguments.email} has no access any more."


async def _audit(settings: Settings, conn: Connection, arguments: argparse.Namespace) -> str:
    chain = await check_chain(conn)
    if not chain.is_whole:
        raise Refused(f"Entry {chain.broken_at} is not as it was written, or one before it is missing.")
    return f"{chain.entries} entries, each as it was written; the last one's hash: {chain.head}"


async def _known(conn: Connection, email: str) -> StaffMember:
    member = await member_by_email(conn, email)
    if member is None:
        raise Refused(f"Nobody of the staff has the address {email}.")
    if member.disabled_at is not None:
        raise Refused(f"The access of {email} has ended; a colleague can let them in again in the back office.")
    return member


def _asked() -> str:
    password = getpass.getpass("Password: ")
    if len(password) < SHORTEST_PASSWORD:
        raise Refused(f"A password has at least {SHORTEST_PASSWORD} characters.")
    if password != getpass.getpass("Once more: "):
        raise Refused("These were two different passwords.")
    return password


def _actor() -> Actor:
    return Actor(None, f"command line ({getpass.getuser()})", "localhost")


def _link(settings: Settings, member: StaffMember) -> str:
    token = service.invitation_token(Tokens(settings.secret_keys), member)
    link = _urls(settings).absolute("backoffice.invitation", member.language, token=token)
    return f"This link lets {member.name} choose a password, once, within 24 hours:\n{link}"


def _urls(settings: Settings) -> Urls:
    return Urls(settings.url, settings.languages)
