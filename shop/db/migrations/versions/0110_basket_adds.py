"""What was lately put into a basket, by ids of the browser's own, so that a repeated request adds nothing."""

from alembic import op

revision = "0110"
down_revision = "0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE carts ADD COLUMN recent_adds uuid[] NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    op.execute("ALTER TABLE carts DROP COLUMN recent_adds")
