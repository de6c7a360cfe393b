"""Goods are edited by several people: versions, and the moments at which a product goes online and offline by itself."""

from alembic import op

revision = "0170"
down_revision = "0160"
branch_labels = None
depends_on = None

VERSIONED = ("categories", "products", "skus")
DATES = """
ALTER TABLE products
    ADD COLUMN online_from timestamptz,
    ADD COLUMN online_until timestamptz,
    ADD CONSTRAINT products_online_has_length CHECK (online_until > online_from);
CREATE INDEX products_by_online_from ON products (online_from) WHERE online_from IS NOT NULL;
CREATE INDEX products_by_online_until ON products (online_until) WHERE online_until IS NOT NULL
"""


def upgrade() -> None:
    for table in VERSIONED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN version bigint NOT NULL DEFAULT 1")
    op.execute(DATES)


def downgrade() -> None:
    op.execute("ALTER TABLE products DROP COLUMN online_from, DROP COLUMN online_until")
    for table in VERSIONED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN version")
