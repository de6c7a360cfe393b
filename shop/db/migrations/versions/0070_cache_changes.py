"""What caches must forget: every change of the catalogue and of the shop's own words, whoever makes it, inside its transaction."""

from alembic import op

revision = "0070"
down_revision = "0060"
branch_labels = None
depends_on = None

# surprise: rows are only added, never updated, so that two transactions which touch the same tag never wait for each other.
TABLE = """
CREATE TABLE cache_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tag text NOT NULL,
    transaction_id bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX cache_changes_by_time ON cache_changes (changed_at)
"""

# A kept page asks when the next offer starts or ends.
TURNS = """
CREATE INDEX skus_by_offer_start ON skus (offer_from) WHERE offer_price IS NOT NULL;
CREATE INDEX skus_by_offer_end ON skus (offer_until) WHERE offer_price IS NOT NULL
"""

# More than this many tags in one statement (an import, say) are one: everything.
TOUCH = """
CREATE FUNCTION cache_touch(tags text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    told text[] := CASE WHEN cardinality(tags) > 100 THEN ARRAY['*'] ELSE tags END;
BEGIN
    INSERT INTO cache_changes (tag) SELECT DISTINCT unnest(told);
    PERFORM pg_notify('cache_changes', pg_current_xact_id()::text || ' ' || tag) FROM (SELECT DISTINCT unnest(told) AS tag) t;
END $$
"""

FUNCTIONS = """
CREATE FUNCTION cache_touch_skus() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cache_touch(ARRAY(
        SELECT DISTINCT unnest(ARRAY['product:' || product_id, 'category:' || category_id]) FROM changed));
    RETURN NULL;
END $$;

CREATE FUNCTION cache_touch_sku() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cache_touch(ARRAY['product:' || NEW.product_id, 'category:' || OLD.category_id, 'category:' || NEW.category_id]);
    RETURN NULL;
END $$;

CREATE FUNCTION cache_touch_products() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cache_touch(ARRAY(SELECT DISTINCT unnest(ARRAY['product:' || id, 'category:' || category_id]) FROM changed));
    RETURN NULL;
END $$;

CREATE FUNCTION cache_touch_moved_products() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cache_touch(ARRAY(
        SELECT DISTINCT unnest(ARRAY['product:' || id, 'category:' || category_id])
        FROM (SELECT id, category_id FROM before UNION SELECT id, category_id FROM changed) both_of_them));
    RETURN NULL;
END $$;

CREATE FUNCTION cache_touch_pictures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cache_touch(ARRAY(
        SELECT DISTINCT unnest(ARRAY['product:' || p.id, 'category:' || p.category_id])
        FROM changed JOIN products p ON p.id = changed.product_id));
    RETURN NULL;
END $$;

CREATE FUNCTION cache_touch_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cache_touch(ARRAY[TG_ARGV[0]]);
    RETURN NULL;
END $$
"""

# A sale changes stock and sold: pages are told only when goods run out or come back, and then by row, for a checkout must stay cheap.
SKU_UPDATED = """
CREATE TRIGGER cache_sku_updated AFTER UPDATE ON skus FOR EACH ROW
WHEN (
    (OLD.stock = 0) <> (NEW.stock = 0)
    OR (OLD.product_id, OLD.category_id, OLD.code, OLD.name, OLD.unit, OLD.price, OLD.offer_price, OLD.offer_from, OLD.offer_until,
        OLD.weight, OLD.sold_by_weight, OLD.origin_id, OLD.allergens, OLD.tax_class, OLD.status, OLD.position, OLD.is_listed, OLD.featured)
    IS DISTINCT FROM
       (NEW.product_id, NEW.category_id, NEW.code, NEW.name, NEW.unit, NEW.price, NEW.offer_price, NEW.offer_from, NEW.offer_until,
        NEW.weight, NEW.sold_by_weight, NEW.origin_id, NEW.allergens, NEW.tax_class, NEW.status, NEW.position, NEW.is_listed, NEW.featured)
) EXECUTE FUNCTION cache_touch_sku()
"""

EACH = """
CREATE TRIGGER cache_{table}_inserted AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION {function}();
CREATE TRIGGER cache_{table}_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION {function}()
"""

UPDATED = """
CREATE TRIGGER cache_products_updated AFTER UPDATE ON products REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION cache_touch_moved_products();
CREATE TRIGGER cache_pictures_updated AFTER UPDATE ON pictures REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION cache_touch_pictures()
"""

NAMED = """
CREATE TRIGGER cache_{table}_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION cache_touch_named('{tag}')
"""
TAGS = {
    "categories": "categories",
    "category_slugs": "categories",
    "origins": "*",
    "blocks": "blocks",
    "block_goods": "blocks",
    "content_pages": "content",
}
FULL = {"skus": "cache_touch_skus", "products": "cache_touch_products", "pictures": "cache_touch_pictures"}


def upgrade() -> None:
    for statement in (TABLE, TURNS, TOUCH, FUNCTIONS, SKU_UPDATED, UPDATED):
        op.execute(statement)
    for table, function in FULL.items():
        op.execute(EACH.format(table=table, function=function))
    for table, tag in TAGS.items():
        op.execute(NAMED.format(table=table, tag=tag))


def downgrade() -> None:
    for table in TAGS:
        op.execute(f"DROP TRIGGER cache_{table}_changed ON {table}")
    for table in FULL:
        op.execute(f"DROP TRIGGER cache_{table}_inserted ON {table}; DROP TRIGGER cache_{table}_deleted ON {table}")
    for name, table in (("sku", "skus"), ("products", "products"), ("pictures", "pictures")):
        op.execute(f"DROP TRIGGER cache_{name}_updated ON {table}")
    for name in ("skus", "sku", "products", "moved_products", "pictures", "named"):
        op.execute(f"DROP FUNCTION cache_touch_{name}()")
    op.execute("DROP FUNCTION cache_touch(text[])")
    op.execute("DROP TABLE cache_changes")
    op.execute("DROP INDEX skus_by_offer_start; DROP INDEX skus_by_offer_end")
