"""The classes of tax are rows that staff make and change; what a size names has to be one of them."""

from alembic import op

revision = "0260"
down_revision = "0250"
branch_labels = None
depends_on = None

# Without a rate the settings of the start say it, which know these two.
TABLE = """
CREATE TABLE tax_classes (
    code text PRIMARY KEY CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,19}$'),
    name jsonb NOT NULL,
    rate bigint CHECK (rate BETWEEN 0 AND 9999),
    position bigint NOT NULL DEFAULT 0,
    is_active boolean NOT NULL DEFAULT true,
    version bigint NOT NULL DEFAULT 1,
    CHECK (rate IS NOT NULL OR code IN ('standard', 'reduced'))
);
INSERT INTO tax_classes (code, name, rate, position) VALUES
    ('standard', '{"en": "Standard rate", "zh": "标准税率"}', NULL, 0),
    ('reduced', '{"en": "Reduced rate", "zh": "优惠税率"}', NULL, 1),
    ('zero', '{"en": "Zero rate", "zh": "零税率"}', 0, 2)
"""
OF_GOODS = """
ALTER TABLE skus DROP CONSTRAINT skus_tax_class_check;
ALTER TABLE skus ADD CONSTRAINT skus_tax_class_fkey FOREIGN KEY (tax_class) REFERENCES tax_classes;
CREATE INDEX skus_by_tax_class ON skus (tax_class)
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(OF_GOODS)


def downgrade() -> None:
    op.execute("DROP INDEX skus_by_tax_class; ALTER TABLE skus DROP CONSTRAINT skus_tax_class_fkey")
    op.execute(
        "ALTER TABLE skus ADD CONSTRAINT skus_tax_class_check CHECK (tax_class IN ('standard', 'reduced', 'zero'))"
    )
    op.execute("DROP TABLE tax_classes")
