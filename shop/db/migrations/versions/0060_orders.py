"""Delivery, coupons, baskets, orders and the ledger of goods."""

from alembic import op

from shop.db.migrations import web_role

revision = "0060"
down_revision = "0020"
branch_labels = None
depends_on = None

DELIVERY = """
CREATE TABLE delivery_zones (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL DEFAULT 'delivery' CHECK (kind IN ('delivery', 'pickup')),
    name jsonb NOT NULL CHECK (jsonb_typeof(name) = 'object' AND name <> '{}'),
    address jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(address) = 'object'),
    freight bigint NOT NULL DEFAULT 0 CHECK (freight >= 0),
    free_from bigint CHECK (free_from >= 0),
    minimum_order bigint NOT NULL DEFAULT 0 CHECK (minimum_order >= 0),
    position bigint NOT NULL DEFAULT 0,
    is_active boolean NOT NULL DEFAULT true
);

CREATE TABLE delivery_areas (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    zone_id bigint NOT NULL REFERENCES delivery_zones ON DELETE CASCADE,
    country text NOT NULL DEFAULT 'CN' CHECK (country ~ '^[A-Z]{2}$'),
    city_key text NOT NULL DEFAULT '',
    district_key text NOT NULL DEFAULT '',
    postcode_prefix text NOT NULL DEFAULT '',
    CONSTRAINT delivery_areas_once UNIQUE (country, city_key, district_key, postcode_prefix)
);
CREATE INDEX delivery_areas_by_zone ON delivery_areas (zone_id);

CREATE TABLE delivery_plan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    zone_id bigint NOT NULL REFERENCES delivery_zones ON DELETE CASCADE,
    weekday bigint NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    starts time NOT NULL,
    ends time NOT NULL CHECK (ends > starts),
    cutoff_minutes bigint NOT NULL DEFAULT 120 CHECK (cutoff_minutes >= 0),
    capacity bigint NOT NULL CHECK (capacity > 0),
    UNIQUE (zone_id, weekday, starts, ends)
);

CREATE TABLE delivery_windows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    zone_id bigint NOT NULL REFERENCES delivery_zones ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    cutoff_at timestamptz NOT NULL,
    capacity bigint NOT NULL,
    taken bigint NOT NULL DEFAULT 0,
    UNIQUE (zone_id, starts_at, ends_at),
    CONSTRAINT delivery_windows_have_room CHECK (taken BETWEEN 0 AND capacity)
)
"""

COUPONS = """
CREATE TABLE coupons (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code <> ''),
    kind text NOT NULL CHECK (kind IN ('fixed', 'percent')),
    value bigint NOT NULL CHECK (value > 0),
    minimum bigint NOT NULL DEFAULT 0 CHECK (minimum >= 0),
    "limit" bigint CHECK ("limit" > 0),
    once_per_customer boolean NOT NULL DEFAULT true,
    starts_at timestamptz,
    ends_at timestamptz,
    is_active boolean NOT NULL DEFAULT true,
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    CONSTRAINT coupons_within_limit CHECK (used <= "limit"),
    CONSTRAINT coupons_percent CHECK (kind <> 'percent' OR value <= 100),
    CONSTRAINT coupons_last CHECK (ends_at > starts_at)
);

CREATE TABLE cart_rules (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name jsonb NOT NULL CHECK (jsonb_typeof(name) = 'object' AND name <> '{}'),
    kind text NOT NULL CHECK (kind IN ('fixed', 'percent')),
    value bigint NOT NULL CHECK (value > 0),
    category_id bigint REFERENCES categories ON DELETE CASCADE,
    sku_ids bigint[] NOT NULL DEFAULT '{}',
    from_quantity bigint NOT NULL DEFAULT 1 CHECK (from_quantity > 0),
    from_sum bigint NOT NULL DEFAULT 0 CHECK (from_sum >= 0),
    starts_at timestamptz,
    ends_at timestamptz,
    position bigint NOT NULL DEFAULT 0,
    is_active boolean NOT NULL DEFAULT true,
    CONSTRAINT cart_rules_percent CHECK (kind <> 'percent' OR value <= 100),
    CONSTRAINT cart_rules_last CHECK (ends_at > starts_at),
    CONSTRAINT cart_rules_cover_something CHECK (category_id IS NOT NULL OR sku_ids <> '{}')
)
"""

CARTS = """
CREATE TABLE carts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint UNIQUE REFERENCES accounts ON DELETE CASCADE,
    cookie_hash bytea UNIQUE CHECK (length(cookie_hash) = 32),
    version bigint NOT NULL DEFAULT 0,
    coupon_code text,
    place jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(place) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT carts_have_one_owner CHECK (num_nonnulls(account_id, cookie_hash) = 1)
);

CREATE TABLE cart_lines (
    cart_id bigint NOT NULL REFERENCES carts ON DELETE CASCADE,
    sku_id bigint NOT NULL REFERENCES skus ON DELETE CASCADE,
    quantity bigint NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    is_saved boolean NOT NULL DEFAULT false,
    price_seen bigint NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cart_id, sku_id)
);
CREATE INDEX cart_lines_by_sku ON cart_lines (sku_id)
"""

ORDERS = """
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL UNIQUE,
    checkout_id uuid NOT NULL UNIQUE,
    fingerprint bytea NOT NULL,
    account_id bigint REFERENCES accounts,
    email text NOT NULL,
    email_key text NOT NULL,
    lang text NOT NULL,
    network text NOT NULL DEFAULT '',
    placed_at timestamptz NOT NULL DEFAULT now(),
    payment text NOT NULL DEFAULT 'due' CHECK (payment IN ('due', 'paid', 'partly_refunded', 'refunded')),
    fulfilment text NOT NULL DEFAULT 'placed' CHECK (fulfilment IN
        ('placed', 'packed', 'shipped', 'delivered', 'finished', 'cancelled', 'returned')),
    goods text NOT NULL DEFAULT 'held' CHECK (goods IN ('held', 'sold', 'back')),
    method text NOT NULL,
    hold_until timestamptz,
    currency text NOT NULL,
    goods_total bigint NOT NULL,
    discount bigint NOT NULL,
    freight bigint NOT NULL CHECK (freight >= 0),
    freight_tax_rate bigint NOT NULL,
    total bigint NOT NULL,
    refunded bigint NOT NULL DEFAULT 0,
    coupon_code text,
    zone_id bigint NOT NULL REFERENCES delivery_zones,
    window_id bigint NOT NULL REFERENCES delivery_windows,
    zone_kind text NOT NULL,
    zone_name jsonb NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    address jsonb NOT NULL,
    note text NOT NULL DEFAULT '',
    CONSTRAINT orders_add_up CHECK (total = goods_total - discount + freight),
    CONSTRAINT orders_discount CHECK (discount BETWEEN 0 AND goods_total),
    CONSTRAINT orders_refunded CHECK (refunded BETWEEN 0 AND total)
);
CREATE INDEX orders_by_account ON orders (account_id, id);
CREATE INDEX orders_by_email ON orders (email_key, id);
CREATE INDEX orders_unpaid ON orders (hold_until) WHERE hold_until IS NOT NULL;
CREATE INDEX orders_unpaid_by_account ON orders (account_id) WHERE hold_until IS NOT NULL;
CREATE INDEX orders_unpaid_by_email ON orders (email_key) WHERE hold_until IS NOT NULL;
CREATE INDEX orders_unpaid_by_network ON orders (network) WHERE hold_until IS NOT NULL;

CREATE TABLE order_lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    sku_id bigint NOT NULL REFERENCES skus,
    product_id bigint NOT NULL REFERENCES products,
    name jsonb NOT NULL,
    unit jsonb NOT NULL,
    quantity bigint NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    unit_price bigint NOT NULL CHECK (unit_price > 0),
    discount bigint NOT NULL CHECK (discount BETWEEN 0 AND quantity * unit_price),
    tax_rate bigint NOT NULL CHECK (tax_rate >= 0),
    UNIQUE (order_id, sku_id)
);
CREATE INDEX order_lines_by_sku ON order_lines (sku_id);

CREATE TABLE order_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    machine text NOT NULL CHECK (machine IN ('payment', 'fulfilment', 'note')),
    old text NOT NULL DEFAULT '',
    new text NOT NULL,
    actor text NOT NULL CHECK (actor IN ('customer', 'shop', 'staff', 'provider')),
    account_id bigint REFERENCES accounts,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX order_events_by_order ON order_events (order_id, id);

CREATE TABLE return_requests (
    order_id bigint PRIMARY KEY REFERENCES orders,
    reason text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    is_accepted boolean,
    CONSTRAINT return_requests_decided CHECK ((decided_at IS NULL) = (is_accepted IS NULL))
);

CREATE TABLE coupon_redemptions (
    order_id bigint PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    coupon_id bigint NOT NULL REFERENCES coupons,
    account_id bigint REFERENCES accounts,
    email_key text NOT NULL,
    is_once boolean NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    redeemed_at timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz
);
CREATE INDEX coupon_redemptions_by_coupon ON coupon_redemptions (coupon_id);
CREATE UNIQUE INDEX coupon_redemptions_once_per_account ON coupon_redemptions (coupon_id, account_id)
    WHERE is_once AND released_at IS NULL;
CREATE UNIQUE INDEX coupon_redemptions_once_per_email ON coupon_redemptions (coupon_id, email_key)
    WHERE is_once AND released_at IS NULL
"""

STOCK = """
CREATE TABLE stock_moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku_id bigint NOT NULL REFERENCES skus,
    order_id bigint REFERENCES orders,
    kind text NOT NULL CHECK (kind IN ('received', 'held', 'released', 'sold', 'returned', 'written_off')),
    quantity bigint NOT NULL CHECK (quantity > 0),
    note text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stock_moves_by_sku ON stock_moves (sku_id, id);
CREATE UNIQUE INDEX stock_moves_once_per_order ON stock_moves (order_id, sku_id, kind) WHERE order_id IS NOT NULL;

INSERT INTO stock_moves (sku_id, kind, quantity) SELECT id, 'received', stock FROM skus WHERE stock > 0
"""

# surprise: whoever makes a SKU may say how many there are; the ledger hears of it all the same.
OPENING_STOCK = """
CREATE FUNCTION skus_open_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stock_moves (sku_id, kind, quantity) VALUES (NEW.id, 'received', NEW.stock);
    RETURN NULL;
END $$;
CREATE TRIGGER skus_opening_stock AFTER INSERT ON skus
    FOR EACH ROW WHEN (NEW.stock > 0) EXECUTE FUNCTION skus_open_stock()
"""

TABLES = (
    "stock_moves",
    "coupon_redemptions",
    "return_requests",
    "order_events",
    "order_lines",
    "orders",
    "cart_lines",
    "carts",
    "cart_rules",
    "coupons",
    "delivery_windows",
    "delivery_plan",
    "delivery_areas",
    "delivery_zones",
)


def upgrade() -> None:
    for statements in (DELIVERY, COUPONS, CARTS, ORDERS, STOCK, OPENING_STOCK):
        op.execute(statements)
    for ledger in ("stock_moves", "order_events"):
        op.execute(f"REVOKE UPDATE, DELETE ON {ledger} FROM {web_role()}")


def downgrade() -> None:
    op.execute("DROP TRIGGER skus_opening_stock ON skus")
    op.execute("DROP FUNCTION skus_open_stock()")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
