"""Accounts that nobody ever activated are forgotten; their lines in the record of safety too, which the web role alone cannot delete."""

from alembic import op

from shop.db.migrations import web_role

revision = "0290"
down_revision = "0280"
branch_labels = None
depends_on = None

INDEX = """
CREATE INDEX accounts_never_activated ON accounts (created_at)
    WHERE activated_at IS NULL AND erased_at IS NULL AND deactivated_at IS NULL
"""

OLD = """a.activated_at IS NULL AND a.erased_at IS NULL AND a.deactivated_at IS NULL AND a.created_at < now() - interval '30 days'
            AND NOT EXISTS (SELECT FROM pending_registrations p
                WHERE p.account_id = a.id AND p.created_at >= now() - interval '30 days')
            AND NOT EXISTS (SELECT FROM orders o WHERE o.account_id = a.id)
            AND NOT EXISTS (SELECT FROM reviews r WHERE r.account_id = a.id)"""

# surprise: judged again once they are locked, by a statement of its own, which sees what whoever registered again has just committed.
# security: the condition stands here, so that the web role can forget nobody else.
FORGET = """
CREATE FUNCTION forget_never_activated(at_most bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone bigint[];
BEGIN
    gone := ARRAY(
        SELECT a.id FROM accounts a WHERE @old@
        ORDER BY a.created_at, a.id LIMIT at_most FOR UPDATE SKIP LOCKED);
    gone := ARRAY(
        SELECT a.id FROM accounts a WHERE a.id = ANY(gone) AND @old@);
    DELETE FROM security_events WHERE account_id = ANY(gone);
    DELETE FROM accounts WHERE id = ANY(gone);
    RETURN cardinality(gone);
END $$
""".replace("@old@", OLD)


def upgrade() -> None:
    op.execute(INDEX)
    op.execute(FORGET)
    op.execute("REVOKE ALL ON FUNCTION forget_never_activated(bigint) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION forget_never_activated(bigint) TO {web_role()}")


def downgrade() -> None:
    op.execute("DROP FUNCTION forget_never_activated(bigint)")
    op.execute("DROP INDEX accounts_never_activated")
