"""Payments, the notices of their providers, and what went back."""

from alembic import op

from shop.db.migrations import web_role

revision = "0130"
down_revision = "0120"
branch_labels = None
depends_on = None

# At most one payment of an order is open, and at most one counts; a second one that comes all the same is surplus.
PAYMENTS = """
CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    provider text NOT NULL,
    reference text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'captured', 'surplus', 'closed', 'mismatch')),
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    trade_no text,
    refunded bigint NOT NULL DEFAULT 0,
    problem jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    asked_at timestamptz,
    ask_at timestamptz,
    settled_at timestamptz,
    CONSTRAINT payments_once UNIQUE (provider, reference),
    CONSTRAINT payments_one_trade UNIQUE (provider, trade_no),
    CONSTRAINT payments_with_trade CHECK (state NOT IN ('captured', 'surplus') OR trade_no IS NOT NULL),
    CONSTRAINT payments_refunded CHECK (refunded BETWEEN 0 AND amount)
);
CREATE INDEX payments_by_order ON payments (order_id, id);
CREATE INDEX payments_to_ask ON payments (ask_at) WHERE ask_at IS NOT NULL;
CREATE UNIQUE INDEX payments_one_open ON payments (order_id) WHERE state = 'open';
CREATE UNIQUE INDEX payments_one_captured ON payments (order_id) WHERE state = 'captured'
"""

NOTICES = """
CREATE TABLE payment_notices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL,
    event_id text NOT NULL,
    reference text NOT NULL,
    status text NOT NULL,
    trade_no text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    outcome text NOT NULL DEFAULT '',
    CONSTRAINT payment_notices_once UNIQUE (provider, event_id)
);
CREATE INDEX payment_notices_kept ON payment_notices (provider, reference) WHERE processed_at IS NULL
"""

REFUNDS = """
CREATE TABLE refunds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id bigint NOT NULL REFERENCES payments,
    key text NOT NULL UNIQUE,
    amount bigint NOT NULL CHECK (amount > 0),
    reason text NOT NULL DEFAULT '',
    account_id bigint REFERENCES accounts,
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'done', 'refused')),
    asked_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
);
CREATE INDEX refunds_by_payment ON refunds (payment_id, id)
"""


def upgrade() -> None:
    for statements in (PAYMENTS, NOTICES, REFUNDS):
        op.execute(statements)
    for table in ("payments", "payment_notices", "refunds"):
        op.execute(f"REVOKE DELETE ON {table} FROM {web_role()}")


def downgrade() -> None:
    for table in ("refunds", "payment_notices", "payments"):
        op.execute(f"DROP TABLE {table}")
