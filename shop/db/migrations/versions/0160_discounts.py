"""Coupons and cart rules are edited: each has a version."""

from alembic import op

revision = "0160"
down_revision = "0150"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("coupons", "cart_rules"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN version bigint NOT NULL DEFAULT 1")


def downgrade() -> None:
    for table in ("coupons", "cart_rules"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN version")
