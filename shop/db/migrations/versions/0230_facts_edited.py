"""Facts of the shop are edited by several people, may show a picture, and are told to every process."""

from alembic import op

revision = "0230"
down_revision = "0220"
branch_labels = None
depends_on = None

# Versions come from a sequence: a fact that was forgotten and stated again never has one that somebody saw before.
COLUMNS = """
CREATE SEQUENCE shop_fact_versions;
ALTER TABLE shop_facts
    ADD COLUMN version bigint NOT NULL DEFAULT nextval('shop_fact_versions'),
    ADD COLUMN picture text REFERENCES media_files;
CREATE INDEX shop_facts_by_picture ON shop_facts (picture) WHERE picture IS NOT NULL
"""
TOLD = """
CREATE FUNCTION shop_fact_versioned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := nextval('shop_fact_versions');
    RETURN NEW;
END $$;
CREATE TRIGGER shop_facts_versioned BEFORE UPDATE ON shop_facts FOR EACH ROW EXECUTE FUNCTION shop_fact_versioned();

CREATE FUNCTION cache_touch_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cache_touch(ARRAY['fact:' || CASE WHEN TG_OP = 'DELETE' THEN OLD.key ELSE NEW.key END]);
    RETURN NULL;
END $$;
CREATE TRIGGER cache_shop_facts_changed AFTER INSERT OR UPDATE OR DELETE ON shop_facts
    FOR EACH ROW EXECUTE FUNCTION cache_touch_fact()
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(TOLD)


def downgrade() -> None:
    op.execute("DROP TRIGGER cache_shop_facts_changed ON shop_facts; DROP FUNCTION cache_touch_fact()")
    op.execute("DROP TRIGGER shop_facts_versioned ON shop_facts; DROP FUNCTION shop_fact_versioned()")
    op.execute("ALTER TABLE shop_facts DROP COLUMN version, DROP COLUMN picture")
    op.execute("DROP SEQUENCE shop_fact_versions")
