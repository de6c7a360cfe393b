"""Pages that say how few are left are told of every change among those few (LOW_STOCK in shop/catalog/queries.py), not only of the last."""

from alembic import op

revision = "0240"
down_revision = "0230"
branch_labels = None
depends_on = None

# A sale of plenty still says nothing, for a checkout must stay cheap.
SKU_UPDATED = """
CREATE OR REPLACE TRIGGER cache_sku_updated AFTER UPDATE ON skus FOR EACH ROW
WHEN (
    {stock}
    OR (OLD.product_id, OLD.category_id, OLD.code, OLD.name, OLD.unit, OLD.price, OLD.offer_price, OLD.offer_from, OLD.offer_until,
        OLD.weight, OLD.sold_by_weight, OLD.origin_id, OLD.allergens, OLD.tax_class, OLD.status, OLD.position, OLD.is_listed, OLD.featured)
    IS DISTINCT FROM
       (NEW.product_id, NEW.category_id, NEW.code, NEW.name, NEW.unit, NEW.price, NEW.offer_price, NEW.offer_from, NEW.offer_until,
        NEW.weight, NEW.sold_by_weight, NEW.origin_id, NEW.allergens, NEW.tax_class, NEW.status, NEW.position, NEW.is_listed, NEW.featured)
) EXECUTE FUNCTION cache_touch_sku()
"""


def upgrade() -> None:
    op.execute(SKU_UPDATED.format(stock="least(OLD.stock, 6) <> least(NEW.stock, 6)"))


def downgrade() -> None:
    op.execute(SKU_UPDATED.format(stock="(OLD.stock = 0) <> (NEW.stock = 0)"))
