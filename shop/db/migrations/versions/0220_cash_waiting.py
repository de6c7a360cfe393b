"""Cash orders whose goods wait to be packed are counted by account and by e-mail."""

from alembic import op

revision = "0220"
down_revision = "0210"
branch_labels = None
depends_on = None

WAITING = """
CREATE INDEX orders_cash_by_account ON orders (account_id)
    WHERE method = 'cash' AND payment = 'due' AND fulfilment = 'placed';
CREATE INDEX orders_cash_by_email ON orders (email_key)
    WHERE method = 'cash' AND payment = 'due' AND fulfilment = 'placed'
"""


def upgrade() -> None:
    op.execute(WAITING)


def downgrade() -> None:
    op.execute("DROP INDEX orders_cash_by_account, orders_cash_by_email")
