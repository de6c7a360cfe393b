"""The web role reads and writes the rows of every table to come, and makes no table.

A ledger takes UPDATE and DELETE away again in the migration that creates it:
`op.execute(f"REVOKE UPDATE, DELETE ON stock_moves FROM {web_role()}")`.
"""

from alembic import op

from shop.db.migrations import web_role

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    web = web_role()
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {web}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {web}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {web}")
