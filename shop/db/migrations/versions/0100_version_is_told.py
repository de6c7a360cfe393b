"""The web role may read which schema this is, so that the doctor needs no owner; dead letters are found at once.

Revision ID: 0100
Revises: 0090
"""

from __future__ import annotations

from alembic import op

from shop.db.migrations import web_role

revision = "0100"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(f"GRANT SELECT ON alembic_version TO {web_role()}")
    op.execute("CREATE INDEX outbox_buried ON outbox (id) WHERE buried_at IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP INDEX outbox_buried")
    op.execute(f"REVOKE SELECT ON alembic_version FROM {web_role()}")  # noqa: S608 - the name is quoted
