"""`run.py migrate`: brings the database to the newest schema."""

from __future__ import annotations

import argparse
import os
import sys

from shop.db.migrations import migrate, plan

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
    if args.plan:
        print(plan(args.url) or "-- nothing to do")
        return 0
    applied = migrate(args.url)
    print("applied: " + ", ".join(applied) if applied else "nothing to do")
    return 0
