"""The catalogue: categories, products, SKUs, pictures, home-page blocks and content pages."""

from alembic import op

revision = "0030"
down_revision = "0010"
branch_labels = None
depends_on = None

FACTS = """
CREATE TABLE shop_facts (
    key text PRIMARY KEY,
    value jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
)
"""

MEDIA = """
CREATE TABLE media_files (
    fingerprint text PRIMARY KEY CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    width bigint NOT NULL CHECK (width > 0),
    height bigint NOT NULL CHECK (height > 0),
    size bigint NOT NULL CHECK (size > 0),
    created_at timestamptz NOT NULL DEFAULT now()
)
"""

CATEGORIES = """
CREATE TABLE categories (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id bigint REFERENCES categories ON DELETE RESTRICT CHECK (parent_id <> id),
    name jsonb NOT NULL CHECK (jsonb_typeof(name) = 'object' AND name <> '{}'),
    description jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(description) = 'object'),
    slugs jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(slugs) = 'object'),
    picture text REFERENCES media_files,
    position bigint NOT NULL DEFAULT 0,
    is_visible boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX categories_by_parent ON categories (parent_id, position, id);

CREATE TABLE category_slugs (
    lang text NOT NULL CHECK (lang ~ '^[a-z]{2}$'),
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 80),
    category_id bigint NOT NULL REFERENCES categories ON DELETE CASCADE,
    is_current boolean NOT NULL DEFAULT true,
    PRIMARY KEY (slug, lang)
);
CREATE UNIQUE INDEX category_slugs_current ON category_slugs (category_id, lang) WHERE is_current
"""

PRODUCTS = """
CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id bigint NOT NULL REFERENCES categories ON DELETE RESTRICT,
    name jsonb NOT NULL CHECK (jsonb_typeof(name) = 'object' AND name <> '{}'),
    subtitle jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(subtitle) = 'object'),
    description jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(description) = 'object'),
    ingredients jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(ingredients) = 'object'),
    storage jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(storage) = 'object'),
    slugs jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(slugs) = 'object'),
    keeping text NOT NULL DEFAULT 'ambient' CHECK (keeping IN ('ambient', 'chilled', 'frozen')),
    shelf_life_days bigint CHECK (shelf_life_days > 0),
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'online', 'offline')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    UNIQUE (id, category_id, keeping)
);
CREATE INDEX products_by_category ON products (category_id);

CREATE TABLE product_slugs (
    lang text NOT NULL CHECK (lang ~ '^[a-z]{2}$'),
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 80),
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    is_current boolean NOT NULL DEFAULT true,
    PRIMARY KEY (slug, lang)
);
CREATE UNIQUE INDEX product_slugs_current ON product_slugs (product_id, lang) WHERE is_current;

CREATE TABLE pictures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    fingerprint text NOT NULL REFERENCES media_files,
    alt jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(alt) = 'object'),
    position bigint NOT NULL DEFAULT 0,
    UNIQUE (product_id, position) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX pictures_by_fingerprint ON pictures (fingerprint)
"""

# Category and keeping are copied onto the SKU so that a category page is one index walk; the composite key keeps the
# copies true.
SKUS = """
CREATE TABLE origins (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name jsonb NOT NULL CHECK (jsonb_typeof(name) = 'object' AND name <> '{}')
);

CREATE TABLE skus (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL,
    category_id bigint NOT NULL,
    code text NOT NULL UNIQUE CHECK (code <> ''),
    name jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(name) = 'object'),
    unit jsonb NOT NULL CHECK (jsonb_typeof(unit) = 'object' AND unit <> '{}'),
    price bigint NOT NULL CHECK (price > 0),
    offer_price bigint CHECK (offer_price > 0),
    offer_from timestamptz,
    offer_until timestamptz,
    weight bigint NOT NULL CHECK (weight > 0),
    price_per_kg bigint GENERATED ALWAYS AS (
        CASE WHEN sold_by_weight THEN round(price * 1000.0 / nullif(weight, 0))::bigint END)
        STORED,
    sold_by_weight boolean NOT NULL DEFAULT true,
    stock bigint NOT NULL DEFAULT 0 CHECK (stock >= 0),
    sold bigint NOT NULL DEFAULT 0 CHECK (sold >= 0),
    origin_id bigint REFERENCES origins,
    allergens text[] NOT NULL DEFAULT '{}' CHECK (allergens <@ ARRAY['celery', 'crustaceans', 'eggs', 'fish', 'gluten',
        'lupin', 'milk', 'molluscs', 'mustard', 'nuts', 'peanuts', 'sesame', 'soya', 'sulphites']),
    tax_class text NOT NULL DEFAULT 'reduced' CHECK (tax_class IN ('standard', 'reduced', 'zero')),
    status text NOT NULL DEFAULT 'online' CHECK (status IN ('online', 'offline')),
    position bigint NOT NULL DEFAULT 0,
    keeping text NOT NULL DEFAULT 'ambient',
    featured bigint NOT NULL DEFAULT 0,
    is_listed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (product_id, category_id, keeping) REFERENCES products (id, category_id, keeping)
        ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT skus_offer_is_cheaper CHECK (offer_price < price),
    CONSTRAINT skus_offer_is_whole CHECK (num_nonnulls(offer_price, offer_from, offer_until) IN (0, 3)),
    CONSTRAINT skus_offer_has_length CHECK (offer_until > offer_from)
);
CREATE INDEX skus_by_product ON skus (product_id, position, id);
CREATE UNIQUE INDEX skus_one_listed ON skus (product_id) WHERE is_listed;
CREATE INDEX skus_by_category ON skus (category_id, id DESC) WHERE is_listed;
CREATE INDEX skus_by_feature ON skus (category_id, featured DESC, id DESC) WHERE is_listed;
CREATE INDEX skus_on_offer ON skus (category_id, offer_until) WHERE is_listed AND offer_price IS NOT NULL
"""

# surprise: a card shows one SKU of a product, its first that is online. The database itself keeps that mark, whoever
# writes the row.
LISTING = """
CREATE FUNCTION list_first_sku(wanted bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE skus SET is_listed = false
    WHERE product_id = wanted AND is_listed AND id IS DISTINCT FROM (
        SELECT s.id FROM skus s JOIN products p ON p.id = s.product_id
        WHERE s.product_id = wanted AND s.status = 'online' AND p.status = 'online' AND p.deleted_at IS NULL
        ORDER BY s.position, s.id LIMIT 1);
    UPDATE skus SET is_listed = true
    WHERE NOT is_listed AND id = (
        SELECT s.id FROM skus s JOIN products p ON p.id = s.product_id
        WHERE s.product_id = wanted AND s.status = 'online' AND p.status = 'online' AND p.deleted_at IS NULL
        ORDER BY s.position, s.id LIMIT 1)
$$;

CREATE FUNCTION skus_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM list_first_sku(CASE WHEN TG_OP = 'DELETE' THEN OLD.product_id ELSE NEW.product_id END);
    RETURN NULL;
END $$;

CREATE FUNCTION products_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM list_first_sku(NEW.id);
    RETURN NULL;
END $$;

CREATE FUNCTION skus_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_listed := NEW.status = 'online' AND NOT EXISTS (SELECT FROM skus WHERE product_id = NEW.product_id)
        AND EXISTS (SELECT FROM products WHERE id = NEW.product_id AND status = 'online' AND deleted_at IS NULL);
    RETURN NEW;
END $$;

CREATE TRIGGER skus_first BEFORE INSERT ON skus FOR EACH ROW EXECUTE FUNCTION skus_first();
CREATE TRIGGER skus_added AFTER INSERT ON skus
    FOR EACH ROW WHEN (NOT NEW.is_listed) EXECUTE FUNCTION skus_changed();
CREATE TRIGGER skus_listing AFTER DELETE OR UPDATE OF status, position ON skus
    FOR EACH ROW EXECUTE FUNCTION skus_changed();
CREATE TRIGGER products_listing AFTER UPDATE OF status, deleted_at ON products
    FOR EACH ROW EXECUTE FUNCTION products_changed()
"""

# How many goods of a category share a trait, so that a list can offer its filters without counting all its goods.
FACETS = """
CREATE TABLE category_facets (
    category_id bigint NOT NULL REFERENCES categories ON DELETE CASCADE,
    origin_id bigint NOT NULL DEFAULT 0,
    keeping text NOT NULL,
    goods bigint NOT NULL,
    PRIMARY KEY (category_id, origin_id, keeping)
);

CREATE FUNCTION facets_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.is_listed THEN
        UPDATE category_facets SET goods = goods - 1 WHERE category_id = OLD.category_id
            AND origin_id = coalesce(OLD.origin_id, 0) AND keeping = OLD.keeping;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.is_listed THEN
        INSERT INTO category_facets AS f (category_id, origin_id, keeping, goods)
        VALUES (NEW.category_id, coalesce(NEW.origin_id, 0), NEW.keeping, 1)
        ON CONFLICT (category_id, origin_id, keeping) DO UPDATE SET goods = f.goods + 1;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER skus_facets AFTER INSERT OR DELETE OR UPDATE OF is_listed, category_id, keeping, origin_id ON skus
    FOR EACH ROW EXECUTE FUNCTION facets_changed()
"""

CONTENT = """
CREATE TABLE content_pages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title jsonb NOT NULL CHECK (jsonb_typeof(title) = 'object' AND title <> '{}'),
    body jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(body) = 'object'),
    position bigint NOT NULL DEFAULT 0,
    is_published boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE blocks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('banner', 'promotion', 'shelf')),
    title jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(title) = 'object'),
    text jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(text) = 'object'),
    picture text REFERENCES media_files,
    tone text NOT NULL DEFAULT 'leaf' CHECK (tone IN ('leaf', 'warm', 'sky', 'berry', 'sand')),
    category_id bigint REFERENCES categories ON DELETE CASCADE,
    product_id bigint REFERENCES products ON DELETE CASCADE,
    page_id bigint REFERENCES content_pages ON DELETE CASCADE,
    position bigint NOT NULL DEFAULT 0,
    starts_at timestamptz,
    ends_at timestamptz,
    is_visible boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT blocks_last CHECK (ends_at > starts_at),
    CONSTRAINT blocks_lead_to_one_place CHECK (num_nonnulls(category_id, product_id, page_id) <= 1),
    CONSTRAINT blocks_shelf_has_category CHECK (kind <> 'shelf' OR category_id IS NOT NULL)
);
CREATE INDEX blocks_by_position ON blocks (position, id);

CREATE TABLE block_goods (
    block_id bigint NOT NULL REFERENCES blocks ON DELETE CASCADE,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    shown_as text NOT NULL DEFAULT 'picture' CHECK (shown_as IN ('picture', 'text')),
    position bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (block_id, product_id, shown_as)
)
"""

TABLES = (
    "category_facets",
    "block_goods",
    "blocks",
    "content_pages",
    "skus",
    "origins",
    "pictures",
    "product_slugs",
    "products",
    "category_slugs",
    "categories",
    "media_files",
    "shop_facts",
)


def upgrade() -> None:
    for statements in (FACTS, MEDIA, CATEGORIES, PRODUCTS, SKUS, LISTING, FACETS, CONTENT):
        op.execute(statements)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    for function in (
        "skus_first()",
        "skus_changed()",
        "products_changed()",
        "facets_changed()",
        "list_first_sku(bigint)",
    ):
        op.execute(f"DROP FUNCTION {function}")
