-- Organisations, their members, their keys, and who verified them.

CREATE TABLE vault.organisation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('intermediary', 'acquirer', 'agency', 'operator')),
    intermediary_kind text CHECK (intermediary_kind IN ('center', 'bank', 'registered_institution')),
    agency_role text CHECK (agency_role IN ('desk', 'monitor')),
    buyer_kind text CHECK (buyer_kind IN ('company', 'holding', 'fund', 'state_owned', 'individual')),
    legal_name text NOT NULL CHECK (length(legal_name) BETWEEN 1 AND 200),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    corporate_number text CHECK (corporate_number ~ '^[1-9][0-9]{12}$'),
    registry_number text,
    lei text CHECK (lei ~ '^[A-Z0-9]{18}[0-9]{2}$'),
    head_office_country text CHECK (head_office_country ~ '^[A-Z]{2}$'),
    ultimate_parent text,
    ultimate_parent_country text CHECK (ultimate_parent_country ~ '^[A-Z]{2}$'),
    group_name text,
    without_beneficial_owner text CHECK (without_beneficial_owner IN ('listed', 'state', 'nobody_above')),  -- why none is named
    website text,
    business text,
    registration jsonb NOT NULL DEFAULT '{}',  -- registered M&A support institution, domain 3.5
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'verified', 'refused', 'suspended')),
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT organisation_intermediary_kind CHECK ((kind = 'intermediary') = (intermediary_kind IS NOT NULL)),
    CONSTRAINT organisation_agency_role CHECK ((kind = 'agency') = (agency_role IS NOT NULL)),
    CONSTRAINT organisation_buyer_kind CHECK ((kind = 'acquirer') = (buyer_kind IS NOT NULL))
);
-- Unique among those the operator has verified, not among those who merely say so: a stranger can neither take another's
-- number by registering first, nor learn from a refusal who is here.
CREATE UNIQUE INDEX organisation_corporate_number_key ON vault.organisation (corporate_number)
    WHERE status IN ('verified', 'suspended');
CREATE UNIQUE INDEX organisation_lei_key ON vault.organisation (lei) WHERE status IN ('verified', 'suspended');
CREATE UNIQUE INDEX organisation_registry_unique ON vault.organisation (country, registry_number)
    WHERE status IN ('verified', 'suspended');
CREATE INDEX ON vault.organisation (created_at, id);

CREATE TABLE vault.beneficial_owner (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    name text NOT NULL,
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    share_percent numeric(5, 2) NOT NULL CHECK (share_percent > 25 AND share_percent <= 100)
);
CREATE INDEX ON vault.beneficial_owner (organisation_id);

-- Everything an exclusion can name an organisation by; kept by trigger so that no path forgets it.
CREATE TABLE vault.organisation_key (
    organisation_id uuid NOT NULL REFERENCES vault.organisation ON DELETE CASCADE,
    kind text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (organisation_id, kind, value)
);
CREATE INDEX ON vault.organisation_key (kind, value);

CREATE FUNCTION vault.refresh_organisation_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog AS $$
DECLARE
    subject uuid := CASE WHEN tg_table_name = 'organisation' THEN (to_jsonb(coalesce(new, old)) ->> 'id')::uuid
                         ELSE (to_jsonb(coalesce(new, old)) ->> 'organisation_id')::uuid END;
BEGIN
    DELETE FROM vault.organisation_key WHERE organisation_id = subject;
    INSERT INTO vault.organisation_key
    SELECT subject, k.kind, k.value
    FROM vault.organisation o CROSS JOIN LATERAL (VALUES
        ('organisation', o.id::text), ('registry', o.country || ':' || o.registry_number), ('lei', o.lei),
        ('corporate_number', o.corporate_number), ('group', lower(o.group_name)),
        ('ultimate_parent', lower(o.ultimate_parent)), ('buyer_kind', o.buyer_kind), ('country', o.country),
        ('country', o.head_office_country), ('country', o.ultimate_parent_country)
    ) AS k(kind, value)
    WHERE o.id = subject AND k.value IS NOT NULL
    UNION
    SELECT subject, k.kind, k.value
    FROM vault.beneficial_owner b CROSS JOIN LATERAL (VALUES ('country', b.country), ('person', lower(b.name))) AS k(kind, value)
    WHERE b.organisation_id = subject;
    RETURN NULL;
END $$;
CREATE TRIGGER keys AFTER INSERT OR UPDATE ON vault.organisation
    FOR EACH ROW EXECUTE FUNCTION vault.refresh_organisation_keys();
CREATE TRIGGER keys AFTER INSERT OR UPDATE OR DELETE ON vault.beneficial_owner
    FOR EACH ROW EXECUTE FUNCTION vault.refresh_organisation_keys();

CREATE TABLE vault.member (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    email text NOT NULL CHECK (email = lower(email)),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    role text NOT NULL CHECK (role IN ('admin', 'member', 'reviewer')),
    locale text NOT NULL DEFAULT 'ja',
    password_hash text,
    status text NOT NULL DEFAULT 'invited' CHECK (status IN ('invited', 'active', 'left')),
    session_epoch int NOT NULL DEFAULT 1,      -- raised on password change or leaving: older sessions die
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- An address is somebody's once they proved it by its single-use link; until then anybody may write it down.
CREATE UNIQUE INDEX member_email_unique ON vault.member (email) WHERE status = 'active';
CREATE UNIQUE INDEX member_once ON vault.member (organisation_id, email) WHERE status <> 'left';
CREATE INDEX ON vault.member (organisation_id);

CREATE TABLE vault.member_token (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    member_id uuid NOT NULL REFERENCES vault.member,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    purpose text NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    token_hash bytea NOT NULL UNIQUE,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX ON vault.member_token (member_id);

CREATE TABLE vault.api_key (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    member_id uuid NOT NULL REFERENCES vault.member,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    prefix text NOT NULL,
    key_hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX ON vault.api_key (organisation_id);

CREATE TABLE vault.verification (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    decision text NOT NULL CHECK (decision IN ('verified', 'refused', 'suspended')),
    evidence jsonb NOT NULL,
    note text,                                 -- the organisation reads it
    organisation_version int NOT NULL,         -- what was looked at
    decided_by uuid NOT NULL REFERENCES vault.member,
    decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON vault.verification (organisation_id);

CREATE TABLE vault.audit_event (               -- who did what; ids only, never a name of a listing
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor_kind text NOT NULL,
    organisation_id uuid,
    member_id uuid,
    action text NOT NULL,
    object_id text,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON vault.audit_event (organisation_id, id);

CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.verification FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.verification FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.audit_event FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.audit_event FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- Before anybody is known, four questions may be asked, each by the exact secret or address and nothing else.
CREATE FUNCTION vault.member_for_sign_in(address text)
    RETURNS TABLE (member_id uuid, organisation_id uuid, password_hash text, member_status text, session_epoch int)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT id, organisation_id, password_hash, status, session_epoch FROM vault.member
    WHERE email = lower(address) AND status = 'active'
$$;
CREATE FUNCTION vault.member_for_token(hash bytea)
    RETURNS TABLE (token_id uuid, member_id uuid, organisation_id uuid, purpose text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT id, member_id, organisation_id, purpose FROM vault.member_token
    WHERE token_hash = hash AND used_at IS NULL AND expires_at > now()
$$;
CREATE FUNCTION vault.actor_for_member(member uuid)
    RETURNS TABLE (member_id uuid, organisation_id uuid, name text, role text, locale text, member_status text, session_epoch int,
                   kind text, intermediary_kind text, agency_role text, organisation_status text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT m.id, o.id, m.name, m.role, m.locale, m.status, m.session_epoch, o.kind, o.intermediary_kind, o.agency_role, o.status
    FROM vault.member m JOIN vault.organisation o ON o.id = m.organisation_id WHERE m.id = member
$$;
CREATE FUNCTION vault.member_for_api_key(hash bytea)
    RETURNS TABLE (key_id uuid, member_id uuid, scopes text[])
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH live AS (SELECT id, member_id, scopes, last_used_at FROM vault.api_key
                  WHERE key_hash = hash AND revoked_at IS NULL AND expires_at > now()),
         seen AS (UPDATE vault.api_key k SET last_used_at = now() FROM live
                  WHERE k.id = live.id AND (live.last_used_at IS NULL OR live.last_used_at < now() - interval '1 minute'))
    SELECT id, member_id, scopes FROM live
$$;
