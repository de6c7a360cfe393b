"""Sessions: the authority on who is signed in."""

from alembic import op

revision = "0020"
down_revision = "0040"
branch_labels = None
depends_on = None

SESSIONS = """
CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id_hash bytea NOT NULL UNIQUE CHECK (octet_length(id_hash) = 32),
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    signed_in_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    idle_seconds bigint NOT NULL CHECK (idle_seconds > 0),
    until_browser_closes boolean NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    network text NOT NULL DEFAULT '',
    device text NOT NULL DEFAULT '',
    version bigint NOT NULL DEFAULT 1,
    fields jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(fields) = 'object')
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL
"""


def upgrade() -> None:
    op.execute(SESSIONS)


def downgrade() -> None:
    op.execute("DROP TABLE sessions")
