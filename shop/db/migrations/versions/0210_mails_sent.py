"""Mails that left the shop are kept for some time, as template and parameters."""

from alembic import op

revision = "0210"
down_revision = "0200"
branch_labels = None
depends_on = None

SENT = """
CREATE TABLE mails_sent (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference uuid NOT NULL UNIQUE,
    task text NOT NULL,
    args jsonb NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mails_sent_by_age ON mails_sent (sent_at)
"""


def upgrade() -> None:
    op.execute(SENT)


def downgrade() -> None:
    op.execute("DROP TABLE mails_sent")
