"""Origins are looked after in the back office: versions, and those that are offered no more."""

from alembic import op

revision = "0250"
down_revision = "0240"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE origins ADD COLUMN version bigint NOT NULL DEFAULT 1, ADD COLUMN is_offered boolean NOT NULL DEFAULT true"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE origins DROP COLUMN version, DROP COLUMN is_offered")
