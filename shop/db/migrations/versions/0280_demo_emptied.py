"""The demo can be emptied, once, by the web role too, which may otherwise take nothing away from the ledgers.

security: the function does nothing without the mark of the demo, which nobody can set on a shop that holds anything.
"""

from alembic import op

from shop.db.migrations import web_role

revision = "0280"
down_revision = "0270"
branch_labels = None
depends_on = None

# Whatever is not named stays: staff, log, settings, texts, zones and plan, files of pictures (which are collected when nothing
# refers to them any more). Sequences go on: no number that somebody or something remembers is given away again.
EMPTY = """
CREATE FUNCTION empty_the_demo() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM shop_facts WHERE key = 'demo';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this shop is not the demo' USING ERRCODE = 'insufficient_privilege';
    END IF;
    TRUNCATE accounts, addresses, block_goods, blocks, cart_lines, cart_rules, carts, categories, category_facets,
        category_slugs, coupon_redemptions, coupons, delivery_windows, email_changes, mails_sent, order_events, order_lines,
        orders, origins, payment_notices, payments, pending_registrations, pictures, product_slugs, product_words, products,
        recovery_codes, refunds, refused_lines, reserved_usernames, return_requests, reviews, search_misses, search_synonyms,
        second_factors, security_events, sessions, skus, stock_moves, table_imports, vocabulary;
    DELETE FROM media_mentions WHERE NOT starts_with(place, 'content_pages:');
    DELETE FROM outbox WHERE args <> '{}' AND NOT starts_with(task, 'tasks.media.') AND strpos(task, '.send_staff_') = 0;
    PERFORM cache_touch(ARRAY['*']);
END $$
"""
GUARD = """
CREATE FUNCTION shop_fact_demo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM products) OR EXISTS (SELECT FROM accounts) OR EXISTS (SELECT FROM orders) THEN
        RAISE EXCEPTION 'a shop that holds something cannot be made the demo' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER shop_facts_demo BEFORE INSERT OR UPDATE OF key ON shop_facts FOR EACH ROW
    WHEN (NEW.key = 'demo') EXECUTE FUNCTION shop_fact_demo()
"""


def upgrade() -> None:
    op.execute(EMPTY)
    op.execute("REVOKE ALL ON FUNCTION empty_the_demo() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION empty_the_demo() TO {web_role()}")
    op.execute(GUARD)


def downgrade() -> None:
    op.execute("DROP TRIGGER shop_facts_demo ON shop_facts; DROP FUNCTION shop_fact_demo()")
    op.execute("DROP FUNCTION empty_the_demo()")
