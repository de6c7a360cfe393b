"""The weekly plan of a zone is edited by several people: versions."""

from alembic import op

revision = "0270"
down_revision = "0260"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE delivery_plan ADD COLUMN version bigint NOT NULL DEFAULT 1")


def downgrade() -> None:
    op.execute("ALTER TABLE delivery_plan DROP COLUMN version")
