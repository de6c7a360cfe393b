"""Reviews, and the kept product pages that show them."""

from alembic import op

revision = "0080"
down_revision = "0070"
branch_labels = None
depends_on = None

REVIEWS = """
CREATE TABLE reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts,
    stars bigint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    text text NOT NULL DEFAULT '' CHECK (length(text) <= 2000),
    lang text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'shown', 'hidden')),
    written_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, product_id)
);
CREATE INDEX reviews_shown ON reviews (product_id, id) WHERE status = 'shown';
CREATE INDEX reviews_pending ON reviews (id) WHERE status = 'pending'
"""

# A kept product page is told only what its readers can see.
TOUCH = """
CREATE FUNCTION cache_touch_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status = 'shown' THEN PERFORM cache_touch(ARRAY['product:' || OLD.product_id]); END IF;
    ELSIF NEW.status = 'shown' OR OLD.status = 'shown' THEN
        PERFORM cache_touch(ARRAY['product:' || NEW.product_id]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER cache_reviews_changed AFTER INSERT OR UPDATE OR DELETE ON reviews
    FOR EACH ROW EXECUTE FUNCTION cache_touch_review()
"""


def upgrade() -> None:
    op.execute(REVIEWS)
    op.execute(TOUCH)


def downgrade() -> None:
    op.execute("DROP TABLE reviews")
    op.execute("DROP FUNCTION cache_touch_review()")
