"""`run.py migrate`: brings the database to the newest schema."""

from __future__ import annotations

import argparse
import os
import sys

from psycopg2.extensions import parse_dsn

from shop.db.migrations import migrate, plan
from shop.db.migrations.roles import WEB

HELP = "bring the database to the newest schema (--plan shows the SQL and changes nothing)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", action="store_true", help="print the SQL that would run, change nothing")
    parser.add_argument(
        "--url", default=os.environ.get("SHOP_DATABASE_OWNER_URL"), help="owner's URL (SHOP_DATABASE_OWNER_URL)"
    )


def main(args: argparse.Namespace) -> int:
    if not args.url:
        print("set SHOP_DATABASE_OWNER_URL (or --url) to the database as its owner", file=sys.stderr)
        return 2
    # Whoever the shop connects as gets the rights, whatever the role is called.
    web = parse_dsn(os.environ.get("SHOP_DATABASE_URL") or "").get("user", WEB)
    if args.plan:
        print(plan(args.url, web_role=web) or "-- nothing to do")
        return 0
    applied = migrate(args.url, web_role=web)
    print("applied: " + ", ".join(applied) if applied else "nothing to do")
    return 0
