"""A return is decided first and received later; the open orders, those of a window and the open returns are found at once."""

from alembic import op

revision = "0190"
down_revision = "0180"
branch_labels = None
depends_on = None

RECEIVED = """
ALTER TABLE return_requests ADD COLUMN received_at timestamptz;
UPDATE return_requests SET received_at = decided_at WHERE is_accepted;
ALTER TABLE return_requests ADD CONSTRAINT return_requests_received CHECK (received_at IS NULL OR is_accepted);
CREATE INDEX return_requests_open ON return_requests (order_id) WHERE is_accepted IS NOT FALSE AND received_at IS NULL;
CREATE INDEX orders_by_window ON orders (window_id);
CREATE INDEX orders_open ON orders (id) WHERE fulfilment IN ('placed', 'packed', 'shipped')
"""


def upgrade() -> None:
    op.execute(RECEIVED)


def downgrade() -> None:
    op.execute("DROP INDEX orders_open")
    op.execute("DROP INDEX orders_by_window")
    op.execute("DROP INDEX return_requests_open")
    op.execute("ALTER TABLE return_requests DROP COLUMN received_at")
