"""Staff, their roles, sessions and second factors, and the log of what they did, which nobody can rewrite unseen."""

from alembic import op

from shop.db.migrations import web_role

revision = "0140"
down_revision = "0130"
branch_labels = None
depends_on = None

STAFF = """
CREATE TABLE roles (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    names jsonb NOT NULL CHECK (jsonb_typeof(names) = 'object'),
    permissions jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(permissions) = 'array'),
    version bigint NOT NULL DEFAULT 1
);
INSERT INTO roles (code, names, permissions) VALUES
    ('owner', '{"en": "Owner", "zh": "店主"}',
     '["catalogue", "orders", "customers", "content", "settings", "reports", "staff"]'),
    ('manager', '{"en": "Manager", "zh": "店长"}', '["catalogue", "orders", "customers", "content", "reports"]'),
    ('editor', '{"en": "Editor", "zh": "编辑"}', '["catalogue", "content"]'),
    ('packer', '{"en": "Packer", "zh": "配货员"}', '["orders"]');
CREATE TABLE staff (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tag text NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text, '-', ''),
    name text NOT NULL,
    email text NOT NULL,
    email_key text NOT NULL UNIQUE,
    role_id bigint NOT NULL REFERENCES roles,
    language text NOT NULL DEFAULT 'en',
    password_hash text NOT NULL DEFAULT '!',
    link_serial bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    disabled_at timestamptz
);
CREATE INDEX staff_by_role ON staff (role_id);
CREATE TABLE staff_sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id_hash bytea NOT NULL UNIQUE CHECK (octet_length(id_hash) = 32),
    account_id bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    signed_in_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    idle_seconds bigint NOT NULL CHECK (idle_seconds > 0),
    until_browser_closes boolean NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    network text NOT NULL DEFAULT '',
    device text NOT NULL DEFAULT '',
    version bigint NOT NULL DEFAULT 1,
    fields jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(fields) = 'object')
);
CREATE INDEX staff_sessions_by_account ON staff_sessions (account_id);
CREATE INDEX staff_sessions_revoked ON staff_sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE TABLE staff_second_factors (
    account_id bigint PRIMARY KEY REFERENCES staff ON DELETE CASCADE,
    sealed_secret bytea NOT NULL,
    last_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz
);
CREATE TABLE staff_recovery_codes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    used_at timestamptz
);
CREATE INDEX staff_recovery_codes_by_account ON staff_recovery_codes (account_id)
"""

# Number, time, and hashes are the trigger's: the lock makes one chain of entries that are written at once, and a number
# that is missing in it was taken out. clock_timestamp(), for now() is when a transaction began, and they overtake each other.
AUDIT = """
CREATE TABLE audit_log (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    staff_id bigint REFERENCES staff,
    staff_name text NOT NULL,
    address text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    changes jsonb NOT NULL CHECK (jsonb_typeof(changes) = 'object'),
    previous bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX audit_log_by_object ON audit_log (object, id);
CREATE INDEX audit_log_by_staff ON audit_log (staff_id, id);
CREATE INDEX audit_log_by_action ON audit_log (action, id)
"""
CHAIN = """
CREATE FUNCTION audit_hash(e audit_log) RETURNS bytea LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        e.id, extract(epoch FROM e.at)::text, e.staff_id, e.staff_name, e.address, e.action, e.object, e.changes,
        encode(e.previous, 'hex'))::text, 'UTF8'))
$$;
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7242692);
    SELECT id + 1, hash INTO NEW.id, NEW.previous FROM audit_log ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(NEW.id, 1);
    NEW.previous := coalesce(NEW.previous, sha256(''));
    NEW.at := clock_timestamp();
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END $$;
CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_chain();
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log EXECUTE FUNCTION audit_stays()
"""


def upgrade() -> None:
    op.execute(STAFF)
    op.execute(AUDIT)
    op.execute(CHAIN)
    web = web_role()
    op.execute(f"REVOKE ALL ON audit_log FROM {web}")
    op.execute(f"GRANT SELECT ON audit_log TO {web}")
    op.execute(f"GRANT INSERT (staff_id, staff_name, address, action, object, changes) ON audit_log TO {web}")


def downgrade() -> None:
    op.execute("DROP TABLE audit_log, staff_recovery_codes, staff_second_factors, staff_sessions, staff, roles")
    op.execute("DROP FUNCTION audit_chain, audit_stays")
