"""What the shop says and where it delivers is edited by several people: versions."""

from alembic import op

revision = "0180"
down_revision = "0170"
branch_labels = None
depends_on = None

VERSIONED = ("blocks", "content_pages", "delivery_zones")


def upgrade() -> None:
    for table in VERSIONED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN version bigint NOT NULL DEFAULT 1")


def downgrade() -> None:
    for table in VERSIONED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN version")
