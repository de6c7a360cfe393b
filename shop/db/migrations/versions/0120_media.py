"""Pictures with every file they consist of, who added them, and which texts show them."""

from alembic import op

revision = "0120"
down_revision = "0110"
branch_labels = None
depends_on = None

FILES = """
ALTER TABLE media_files
    ADD COLUMN created_by text NOT NULL DEFAULT '',
    ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX media_files_by_creator ON media_files (created_by, created_at);
CREATE INDEX media_files_by_use ON media_files (used_at);

CREATE TABLE media_objects (
    name text PRIMARY KEY CHECK (name ~ '^[0-9a-f]{64}(-[0-9]{2,4})?[.]webp$'),
    fingerprint text NOT NULL REFERENCES media_files ON DELETE CASCADE,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    size bigint NOT NULL CHECK (size > 0),
    kept_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT media_objects_name_carries_fingerprint CHECK (left(name, 64) = fingerprint),
    CONSTRAINT media_objects_original_is_its_fingerprint CHECK (length(name) > 69 OR digest = fingerprint)
);
CREATE INDEX media_objects_by_fingerprint ON media_objects (fingerprint);

CREATE TABLE media_locations (
    cluster text NOT NULL,
    name text NOT NULL,
    file_id text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster, name)
)
"""

# surprise: no column of a text can refer to a row, so a trigger writes down which pictures each text shows; the foreign
# key then refuses a text with a picture that does not exist, and keeps those that do.
MENTIONS = """
CREATE TABLE media_mentions (
    place text NOT NULL,
    fingerprint text NOT NULL REFERENCES media_files,
    PRIMARY KEY (place, fingerprint)
);
CREATE INDEX media_mentions_by_fingerprint ON media_mentions (fingerprint);

CREATE FUNCTION media_mentioned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE here text := TG_TABLE_NAME || ':' || coalesce(NEW.id, OLD.id);
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM media_mentions WHERE place = here;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO media_mentions (place, fingerprint)
        SELECT DISTINCT here, shown[1]
        FROM regexp_matches(to_jsonb(NEW) ->> TG_ARGV[0], '/media/([0-9a-f]{64})', 'g') AS shown;
    END IF;
    RETURN NULL;
END $$
"""

TEXTS = {"products": "description", "content_pages": "body"}

# Pictures that were stored before: the original is as good as its name, renditions are made and noted anew.
CARRY = """
INSERT INTO media_objects (name, fingerprint, digest, size)
SELECT fingerprint || '.webp', fingerprint, fingerprint, size FROM media_files;
INSERT INTO outbox (task, args)
SELECT 'tasks.media.make_renditions', jsonb_build_object('fingerprint', fingerprint) FROM media_files;
INSERT INTO media_mentions (place, fingerprint)
SELECT DISTINCT place, found[1]
FROM (SELECT 'products:' || id, description::text FROM products
      UNION ALL SELECT 'content_pages:' || id, body::text FROM content_pages) AS texts (place, html),
     regexp_matches(html, '/media/([0-9a-f]{64})', 'g') AS found
WHERE EXISTS (SELECT FROM media_files WHERE fingerprint = found[1])
"""


def upgrade() -> None:
    op.execute(FILES)
    op.execute(MENTIONS)
    op.execute(CARRY)
    for table, text in TEXTS.items():
        op.execute(f"""
            CREATE TRIGGER media_mentioned_first AFTER INSERT ON {table} FOR EACH ROW
            WHEN (NEW.{text}::text LIKE '%/media/%') EXECUTE FUNCTION media_mentioned('{text}')""")
        op.execute(f"""
            CREATE TRIGGER media_mentioned_again AFTER UPDATE OF {text} ON {table} FOR EACH ROW
            WHEN (OLD.{text} IS DISTINCT FROM NEW.{text}) EXECUTE FUNCTION media_mentioned('{text}')""")
        op.execute(f"""
            CREATE TRIGGER media_mentioned_last AFTER DELETE ON {table} FOR EACH ROW
            WHEN (OLD.{text}::text LIKE '%/media/%') EXECUTE FUNCTION media_mentioned('{text}')""")


def downgrade() -> None:
    for table in TEXTS:
        for name in ("first", "again", "last"):
            op.execute(f"DROP TRIGGER media_mentioned_{name} ON {table}")
    op.execute("DROP FUNCTION media_mentioned()")
    for table in ("media_mentions", "media_locations", "media_objects"):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE media_files DROP COLUMN created_by, DROP COLUMN used_at")
