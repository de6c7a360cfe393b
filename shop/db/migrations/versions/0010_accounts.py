"""Accounts: customers, reserved names, addresses, second factors and the security record."""

from alembic import op

from shop.db.migrations import web_role

revision = "0010"
down_revision = "0001"
branch_labels = None
depends_on = None

ACCOUNTS = """
CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tag text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
    username text NOT NULL,
    username_key text NOT NULL UNIQUE,
    email text NOT NULL,
    email_key text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    language text NOT NULL DEFAULT 'en',
    terms_accepted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    link_serial bigint NOT NULL DEFAULT 0,
    erased_at timestamptz
);

CREATE TABLE reserved_usernames (
    username_key text PRIMARY KEY,
    reserved_at timestamptz NOT NULL DEFAULT now()
)
"""

ADDRESSES = """
CREATE TABLE addresses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    receiver text NOT NULL,
    phone text NOT NULL,
    country text NOT NULL DEFAULT 'CN' CHECK (country ~ '^[A-Z]{2}$'),
    province text NOT NULL DEFAULT '',
    city text NOT NULL DEFAULT '',
    district text NOT NULL DEFAULT '',
    street text NOT NULL,
    postcode text,
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX addresses_by_account ON addresses (account_id, updated_at);
CREATE UNIQUE INDEX addresses_default ON addresses (account_id) WHERE is_default
"""

SECURITY = """
CREATE TABLE security_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint REFERENCES accounts,
    kind text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    network text NOT NULL DEFAULT '',
    device text NOT NULL DEFAULT '',
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX security_events_by_account ON security_events (account_id, id);

CREATE TABLE second_factors (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    sealed_secret bytea NOT NULL,
    last_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz
);

CREATE TABLE recovery_codes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    used_at timestamptz
);
CREATE INDEX recovery_codes_by_account ON recovery_codes (account_id);

CREATE TABLE email_changes (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    email text NOT NULL,
    nonce text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now()
)
"""

TABLES = (
    "email_changes",
    "recovery_codes",
    "second_factors",
    "security_events",
    "addresses",
    "reserved_usernames",
    "accounts",
)


def upgrade() -> None:
    for statement in (ACCOUNTS, ADDRESSES, SECURITY):
        op.execute(statement)
    op.execute(f"REVOKE UPDATE, DELETE ON security_events FROM {web_role()}")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
