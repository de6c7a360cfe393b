"""Registrations that wait for their mail to be answered, each with the password that was chosen in it."""

from alembic import op

revision = "0090"
down_revision = "0080"
branch_labels = None
depends_on = None

PENDING = """
CREATE TABLE pending_registrations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    username text NOT NULL,
    username_key text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    language text NOT NULL,
    terms_accepted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pending_registrations_by_account ON pending_registrations (account_id, id);
CREATE INDEX pending_registrations_by_age ON pending_registrations (created_at)
"""

# Accounts that nobody has confirmed keep their one registration, and no password of their own.
CARRY = """
INSERT INTO pending_registrations (account_id, username, username_key, password_hash, language, terms_accepted_at)
SELECT id, username, username_key, password_hash, language, terms_accepted_at
FROM accounts WHERE activated_at IS NULL AND erased_at IS NULL;
UPDATE accounts SET password_hash = '!' WHERE activated_at IS NULL AND erased_at IS NULL
"""


def upgrade() -> None:
    op.execute(PENDING)
    op.execute(CARRY)


def downgrade() -> None:
    op.execute("""
        UPDATE accounts AS a SET username = p.username, username_key = p.username_key, password_hash = p.password_hash
        FROM pending_registrations p WHERE p.account_id = a.id AND a.activated_at IS NULL
            AND p.id = (SELECT max(id) FROM pending_registrations WHERE account_id = a.id)""")
    op.execute("DROP TABLE pending_registrations")
