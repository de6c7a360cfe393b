"""The outbox: promises made in a transaction, and the breakers of the services they need."""

from alembic import op

revision = "0040"
down_revision = "0031"
branch_labels = None
depends_on = None

OUTBOX = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference uuid NOT NULL DEFAULT gen_random_uuid(),
    task text NOT NULL CHECK (task ~ '^tasks\\.[a-z_]+\\.[a-z_]+$'),
    args jsonb NOT NULL CHECK (jsonb_typeof(args) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    held_until timestamptz,
    lease uuid,
    attempts bigint NOT NULL DEFAULT 0,
    last_error text,
    buried_at timestamptz
);
CREATE INDEX outbox_open ON outbox (held_until NULLS FIRST, due_at, id) WHERE buried_at IS NULL;

CREATE TABLE outbox_breakers (
    service text PRIMARY KEY,
    opened_at timestamptz NOT NULL DEFAULT now(),
    probe_at timestamptz NOT NULL,
    probe_id bigint,
    failures bigint NOT NULL DEFAULT 1
)
"""


def upgrade() -> None:
    op.execute(OUTBOX)


def downgrade() -> None:
    op.execute("DROP TABLE outbox_breakers")
    op.execute("DROP TABLE outbox")
