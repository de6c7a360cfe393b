"""Tables that staff bring, and the lines of them that were refused."""

from alembic import op

revision = "0150"
down_revision = "0140"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE table_imports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('products', 'stock')),
    state text NOT NULL DEFAULT 'checking' CHECK (state IN ('checking', 'checked', 'applying', 'done', 'failed')),
    data bytea NOT NULL CHECK (octet_length(data) <= 10485760),
    lines bigint NOT NULL DEFAULT 0 CHECK (lines >= 0),
    seen bigint NOT NULL DEFAULT 0 CHECK (seen BETWEEN 0 AND lines),
    refused bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
    problem jsonb NOT NULL DEFAULT '{}',
    by jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);

CREATE TABLE refused_lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id bigint NOT NULL REFERENCES table_imports ON DELETE CASCADE,
    line bigint NOT NULL,
    cell text NOT NULL,
    message text NOT NULL,
    "values" jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX refused_lines_by_line ON refused_lines (import_id, line)
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE refused_lines")
    op.execute("DROP TABLE table_imports")
