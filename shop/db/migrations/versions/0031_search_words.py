"""Search: words of the goods, what typing errors are compared with, synonyms, and what was sought in vain."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# Words are made in Python (shop/words.py); the database only looks them up, so that any PostgreSQL will do.
WORDS = """
CREATE TABLE product_words (
    product_id bigint PRIMARY KEY REFERENCES products ON DELETE CASCADE,
    name_keys text[] NOT NULL,
    name_words tsvector NOT NULL,
    words tsvector NOT NULL
);
CREATE INDEX product_words_keys ON product_words USING gin (name_keys);
CREATE INDEX product_words_names ON product_words USING gin (name_words);
CREATE INDEX product_words_all ON product_words USING gin (words);

-- The best kind of match first; the next kind is looked up only while too few were found, and no word, however common or
-- rare, makes the database read the whole table.
CREATE FUNCTION products_meant(keys text[], exactly tsquery, beginning tsquery, wanted bigint)
RETURNS TABLE (product_id bigint, tier bigint) LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    found bigint;
    still bigint := wanted;
BEGIN
    RETURN QUERY SELECT w.product_id, 0::bigint FROM product_words w WHERE w.name_keys && keys LIMIT still;
    GET DIAGNOSTICS found = ROW_COUNT;
    still := still - found;
    IF still <= 0 THEN RETURN; END IF;
    RETURN QUERY SELECT w.product_id, 1::bigint FROM product_words w WHERE w.name_words @@ exactly LIMIT wanted;
    GET DIAGNOSTICS found = ROW_COUNT;
    still := still - found;
    IF still <= 0 THEN RETURN; END IF;
    RETURN QUERY SELECT w.product_id, 2::bigint FROM product_words w WHERE w.name_words @@ beginning LIMIT wanted;
    GET DIAGNOSTICS found = ROW_COUNT;
    still := still - found;
    IF still <= 0 THEN RETURN; END IF;
    RETURN QUERY SELECT w.product_id, 3::bigint FROM product_words w WHERE w.words @@ exactly LIMIT wanted;
END $$;

CREATE FUNCTION products_touched(asked tsquery, wanted bigint)
RETURNS TABLE (product_id bigint, rank real) LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY SELECT few.product_id, ts_rank(few.name_words, asked) FROM (
        SELECT w.product_id, w.name_words FROM product_words w WHERE w.name_words @@ asked LIMIT wanted) few;
END $$;

CREATE TABLE vocabulary (
    variant text NOT NULL,
    word text NOT NULL,
    PRIMARY KEY (variant, word)
);

CREATE TABLE search_synonyms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    words text[] NOT NULL CHECK (cardinality(words) BETWEEN 2 AND 20),
    readings text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX search_synonyms_by_word ON search_synonyms USING gin (words);
CREATE INDEX search_synonyms_by_reading ON search_synonyms USING gin (readings);

CREATE TABLE search_misses (
    words text PRIMARY KEY CHECK (length(words) <= 100),
    lang text NOT NULL,
    times bigint NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now()
)
"""


def upgrade() -> None:
    op.execute(WORDS)


def downgrade() -> None:
    op.execute("DROP FUNCTION products_meant(text[], tsquery, tsquery, bigint)")
    op.execute("DROP FUNCTION products_touched(tsquery, bigint)")
    for table in ("search_misses", "search_synonyms", "vocabulary", "product_words"):
        op.execute(f"DROP TABLE {table}")
