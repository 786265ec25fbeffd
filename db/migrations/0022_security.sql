-- What a security officer asks of the database: who confirmed with a second factor before a release, under which key each
-- secret lies, and what is kept for how long.

-- ---------------------------------------------------------------- the second factor
-- The secret of a member's authenticator app, sealed under a key that is not in this database. One in use, one being set up.
CREATE TABLE vault.second_factor (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    member_id uuid NOT NULL REFERENCES vault.member,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    secret_sealed bytea NOT NULL,
    key_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz                   -- a code of it was seen: in use from then on
);
CREATE UNIQUE INDEX second_factor_in_use ON vault.second_factor (member_id) WHERE confirmed_at IS NOT NULL;
CREATE UNIQUE INDEX second_factor_being_set_up ON vault.second_factor (member_id) WHERE confirmed_at IS NULL;

CREATE TABLE vault.recovery_code (             -- for who has lost the app; each once
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    member_id uuid NOT NULL REFERENCES vault.member,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    code_hash bytea NOT NULL,
    used_at timestamptz,
    UNIQUE (member_id, code_hash)
);

-- Every code that was right, and what for. The same step of time is never taken twice, whatever for.
CREATE TABLE vault.second_factor_confirmation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    member_id uuid NOT NULL REFERENCES vault.member,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    at timestamptz NOT NULL DEFAULT now(),     -- written by trigger: nobody confirms for a time to come
    method text NOT NULL CHECK (method IN ('totp', 'recovery_code')),
    purpose text NOT NULL CHECK (purpose IN ('enrolment', 'sign_in', 'step_up')),
    time_step bigint,
    recovery_code_id uuid,
    address text,
    CHECK ((method = 'totp') = (time_step IS NOT NULL) AND (method = 'recovery_code') = (recovery_code_id IS NOT NULL)),
    CONSTRAINT second_factor_code_used UNIQUE (member_id, time_step),
    CONSTRAINT recovery_code_used UNIQUE (recovery_code_id)
);
CREATE INDEX ON vault.second_factor_confirmation (member_id, at);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.second_factor_confirmation FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.second_factor_confirmation
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

CREATE FUNCTION vault.confirmation_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    new.at := now();
    IF NOT EXISTS (SELECT FROM vault.second_factor f WHERE f.member_id = new.member_id
                   AND (f.confirmed_at IS NOT NULL OR new.purpose = 'enrolment'))
       OR (new.method = 'recovery_code' AND NOT EXISTS (
           SELECT FROM vault.recovery_code r WHERE r.id = new.recovery_code_id AND r.member_id = new.member_id))
    THEN
        RAISE EXCEPTION 'there is nothing to confirm with' USING ERRCODE = 'SU002', CONSTRAINT = 'second_factor_unknown';
    END IF;
    IF new.time_step IS NOT NULL AND (abs(new.time_step - floor(extract(epoch FROM clock_timestamp()) / 30)) > 2 OR EXISTS (
           SELECT FROM vault.second_factor_confirmation c WHERE c.member_id = new.member_id AND c.time_step >= new.time_step))
    THEN
        RAISE EXCEPTION 'this code was used, or is not of now' USING ERRCODE = 'SU002', CONSTRAINT = 'second_factor_code_used';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER confirmation_causes BEFORE INSERT ON vault.second_factor_confirmation
    FOR EACH ROW EXECUTE FUNCTION vault.confirmation_causes();

-- Did this member confirm, apart from signing in, within the last ten minutes, with a factor that is still theirs?
CREATE FUNCTION vault.second_factor_fresh(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.second_factor_confirmation c
                   JOIN vault.second_factor f ON f.member_id = c.member_id AND f.confirmed_at <= c.at
                   WHERE c.member_id = wanted AND c.purpose = 'step_up' AND c.at > now() - interval '10 minutes')
$$;
-- Before anybody is known this may be asked by the exact member, as the password's hash is (0003).
CREATE FUNCTION vault.second_factor_of(wanted uuid) RETURNS TABLE (enrolled boolean, fresh boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.second_factor f WHERE f.member_id = wanted AND f.confirmed_at IS NOT NULL),
           vault.second_factor_fresh(wanted)
$$;

-- A release is of the member who confirmed it, and of nobody else. Without a scope (the seeding role; no policy lets the API write
-- without one) nobody is there to be asked.
CREATE FUNCTION vault.grant_second_factor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ops.kind() IS NOT NULL AND (new.granted_by IS DISTINCT FROM ops.member() OR NOT vault.second_factor_fresh(new.granted_by)) THEN
        RAISE EXCEPTION 'who releases confirms with a second factor first' USING ERRCODE = 'SU002', CONSTRAINT = 'second_factor_needed';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER second_factor BEFORE INSERT ON vault.disclosure_grant FOR EACH ROW EXECUTE FUNCTION vault.grant_second_factor();
CREATE TRIGGER second_factor BEFORE INSERT ON vault.folder_grant FOR EACH ROW EXECUTE FUNCTION vault.grant_second_factor();

CREATE FUNCTION vault.hold_second_factor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decider uuid := CASE WHEN new.confirmed_by IS DISTINCT FROM old.confirmed_by THEN new.confirmed_by
                         WHEN new.decided_by IS DISTINCT FROM old.decided_by THEN new.decided_by END;
BEGIN
    IF decider IS NOT NULL AND (decider IS DISTINCT FROM ops.member() OR NOT vault.second_factor_fresh(decider)) THEN
        RAISE EXCEPTION 'who decides confirms with a second factor first' USING ERRCODE = 'SU002', CONSTRAINT = 'second_factor_needed';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER second_factor BEFORE UPDATE ON vault.hold FOR EACH ROW EXECUTE FUNCTION vault.hold_second_factor();

-- Lost app, lost codes: another administrator of the organisation, or the operator, never the member. Sessions end with it.
CREATE FUNCTION vault.reset_second_factor(whom uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF whom = ops.member() OR NOT EXISTS (
        SELECT FROM vault.member them JOIN vault.member me ON me.id = ops.member() AND me.status = 'active'
        JOIN vault.organisation mine ON mine.id = me.organisation_id AND mine.kind = ops.kind()
        WHERE them.id = whom AND (
            (me.organisation_id = them.organisation_id AND me.role = 'admin')
            OR (mine.kind = 'operator' AND me.role IN ('admin', 'reviewer'))))
    THEN
        RAISE EXCEPTION 'somebody else resets a second factor' USING ERRCODE = 'SU002', CONSTRAINT = 'second_factor_reset_by_another';
    END IF;
    DELETE FROM vault.recovery_code WHERE member_id = whom;
    DELETE FROM vault.second_factor WHERE member_id = whom;
    UPDATE vault.member SET session_epoch = session_epoch + 1 WHERE id = whom AND FOUND;
    RETURN FOUND;
END $$;

-- ---------------------------------------------------------------- who may touch it
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['second_factor', 'recovery_code', 'second_factor_confirmation'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON vault.%I TO succession_app USING (member_id = ops.member()) '
                       'WITH CHECK (member_id = ops.member() AND organisation_id = ops.organisation())', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE ON vault.second_factor, vault.recovery_code TO succession_app;
GRANT UPDATE (confirmed_at) ON vault.second_factor TO succession_app;
GRANT UPDATE (used_at) ON vault.recovery_code TO succession_app;
GRANT SELECT, INSERT ON vault.second_factor_confirmation TO succession_app, succession_seeder;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.second_factor, vault.recovery_code TO succession_definer, succession_seeder;
GRANT SELECT ON vault.second_factor_confirmation TO succession_definer;
ALTER FUNCTION vault.confirmation_causes() OWNER TO succession_definer;
ALTER FUNCTION vault.second_factor_fresh(uuid) OWNER TO succession_definer;
ALTER FUNCTION vault.second_factor_of(uuid) OWNER TO succession_definer;
ALTER FUNCTION vault.reset_second_factor(uuid) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.second_factor_fresh(uuid) TO succession_app, succession_seeder;
GRANT EXECUTE ON FUNCTION vault.second_factor_of(uuid), vault.reset_second_factor(uuid) TO succession_app;

-- ---------------------------------------------------------------- what is kept for how long
-- The one table. `keep` counts from `counted_from`; `how`: 'purge' by ops.purge, 'job' by a job of its own (jobs.py), 'expires' by itself,
-- 'kept' for good, `basis` says why.
CREATE TABLE ops.retention (
    class text PRIMARY KEY CHECK (class ~ '^[a-z_]{3,40}$'),
    keep interval,
    counted_from text NOT NULL,
    how text NOT NULL CHECK (how IN ('purge', 'job', 'expires', 'kept')),
    basis text NOT NULL,
    CHECK ((how = 'kept') = (keep IS NULL))
);
-- Of which rows that is true, in which order: children first. KEEP stands for the interval above, so that no row can do without it.
-- A relation that this database does not have yet is passed over.
CREATE TABLE ops.retention_rows (
    class text NOT NULL REFERENCES ops.retention,
    position smallint NOT NULL,
    relation text NOT NULL CHECK (relation ~ '^(vault|ops)\.[a-z_]+$'),
    due_when text NOT NULL CHECK (position('KEEP' IN due_when) > 0),
    act text NOT NULL DEFAULT 'delete' CHECK (act IN ('delete', 'erase')),  -- erase: destroy the key under which its documents lie
    PRIMARY KEY (class, position)
);
CREATE TABLE ops.retention_run (               -- what was purged, and when: counts, never what
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    class text NOT NULL REFERENCES ops.retention,
    at timestamptz NOT NULL DEFAULT now(),
    purged bigint NOT NULL CHECK (purged > 0)
);
CREATE TABLE vault.legal_hold (                -- nothing of this listing is purged while one is in force
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
    placed_at timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz
);
CREATE UNIQUE INDEX legal_hold_in_force ON vault.legal_hold (listing_id) WHERE lifted_at IS NULL;

INSERT INTO ops.retention (class, keep, counted_from, how, basis) VALUES
    ('disclosure_log', '10 years', 'end of the listing and of its last deal', 'purge',
     'who read what, confirmations of releases, and what the commitments of the ledger commit to: tail of the NDA and limitation of claims'),
    ('document', '10 years', 'end of the listing and of its last deal', 'purge', 'as long as the log of who read it; the key of the listing is destroyed'),
    ('ledger', NULL, 'never', 'kept', 'ids and commitments; a chain with a hole proves nothing. What was shown lies sealed: two persons destroy its key'),
    ('nda_and_consent', NULL, 'never', 'kept', 'what grants and chain point at; erased for one person by destroying their key'),
    ('audit', '10 years', 'the event', 'purge', 'as long as the disclosures it explains'),
    ('appi_transfer', '3 years', 'the transfer', 'purge', 'APPI: records of transfers to third parties abroad'),
    ('adverse_event', '10 years', 'the report', 'purge', 'bad-buyer lists of licensed members: ten years at least'),
    ('registration', '30 days', 'the registration', 'purge', 'nobody opened the letter: an address somebody typed is not ours to keep'),
    ('member_link', '30 days', 'use or expiry', 'purge', 'invitations and password resets; only their hashes are here'),
    ('owner_link', '1 year', 'expiry, unused', 'purge', 'a used one is evidence of who decided, and kept with the consent'),
    ('one_time_code', '30 days', 'expiry', 'purge', 'the act it bound carries its own evidence'),
    ('second_factor_draft', '1 day', 'setting up', 'purge', 'an app whose code was never seen'),
    ('api_key', '1 year', 'expiry or revocation', 'purge', 'only hashes; the audit says what was made'),
    ('delivery', '30 days', 'delivery; 90 days after the last failure', 'job', 'that something was sent, and to whom'),
    ('idempotency', '24 hours', 'the first answer', 'job', 'sealed answers for repeated requests'),
    ('filter_use', '1 year', 'the day', 'job', 'what buyers filtered by, without who'),
    ('session', '12 hours', 'signing in (SUCCESSION_SESSION_ABSOLUTE_S)', 'expires', 'in Redis, by the hash of its token');

-- Ended so long ago, its deals as well, and no legal hold.
CREATE FUNCTION vault.ended_before(listing uuid, keep interval) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.listing l WHERE l.id = listing AND l.state IN ('withdrawn', 'succeeded') AND l.updated_at < now() - keep)
       AND NOT EXISTS (SELECT FROM vault.deal d WHERE d.listing_id = listing AND (d.terminal IS NULL OR d.closed_at >= now() - keep))
       AND NOT EXISTS (SELECT FROM vault.legal_hold h WHERE h.listing_id = listing AND h.lifted_at IS NULL)
$$;
-- Registered, and nobody ever opened the letter nor looked at it.
CREATE FUNCTION vault.never_confirmed(organisation uuid, keep interval) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.organisation o WHERE o.id = organisation AND o.status = 'pending' AND o.created_at < now() - keep)
       AND NOT EXISTS (SELECT FROM vault.member m WHERE m.organisation_id = organisation AND m.status <> 'invited')
       AND NOT EXISTS (SELECT FROM vault.verification v WHERE v.organisation_id = organisation)
$$;

INSERT INTO ops.retention_rows (class, position, relation, due_when) VALUES
    ('disclosure_log', 1, 'vault.document_mark', 't.access_id IN (SELECT a.id FROM vault.access a WHERE a.at < now() - KEEP AND vault.ended_before(a.listing_id, KEEP))'),
    ('disclosure_log', 2, 'vault.access', 't.at < now() - KEEP AND vault.ended_before(t.listing_id, KEEP)'),
    ('disclosure_log', 3, 'vault.ledger_subject', 'vault.ended_before(t.listing_id, KEEP)'),
    ('disclosure_log', 4, 'vault.second_factor_confirmation', 't.at < now() - KEEP'),
    ('audit', 1, 'vault.audit_event', 't.at < now() - KEEP'),
    ('appi_transfer', 1, 'vault.appi_transfer', 't.transferred_at < now() - KEEP AND t.keep_until < ops.today() AND NOT EXISTS '
     '(SELECT FROM vault.legal_hold h WHERE h.listing_id = t.listing_id AND h.lifted_at IS NULL)'),
    ('adverse_event', 1, 'vault.buyer_adverse_event', 't.reported_at < now() - KEEP AND t.retain_until < ops.today()'),
    ('registration', 1, 'vault.member_token', 'vault.never_confirmed(t.organisation_id, KEEP)'),
    ('registration', 2, 'vault.beneficial_owner', 'vault.never_confirmed(t.organisation_id, KEEP)'),
    ('registration', 3, 'vault.member', 'vault.never_confirmed(t.organisation_id, KEEP)'),
    ('registration', 4, 'vault.organisation', 'vault.never_confirmed(t.id, KEEP)'),
    ('member_link', 1, 'vault.member_token', 'coalesce(t.used_at, t.expires_at) < now() - KEEP'),
    ('owner_link', 1, 'vault.owner_link', 't.used_at IS NULL AND t.expires_at < now() - KEEP'),
    ('one_time_code', 1, 'ops.one_time_code', 't.expires_at < now() - KEEP'),
    ('second_factor_draft', 1, 'vault.second_factor', 't.confirmed_at IS NULL AND t.created_at < now() - KEEP'),
    ('api_key', 1, 'vault.api_key', 'least(t.expires_at, t.revoked_at) < now() - KEEP');

INSERT INTO ops.retention_rows (class, position, relation, due_when, act) VALUES
    ('document', 1, 'vault.listing_key', 't.destroyed_at IS NULL AND vault.ended_before(t.listing_id, KEEP)', 'erase');

-- Evidence is removed by one function alone, when its time has passed: a role nobody can log in as, which owns nothing else.
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(7305421);
    BEGIN
        CREATE ROLE succession_purger NOLOGIN BYPASSRLS;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    IF NOT pg_has_role(current_user, 'succession_purger', 'SET') THEN
        EXECUTE format('GRANT succession_purger TO %I', current_user);
    END IF;
END $$;
GRANT USAGE ON SCHEMA vault, ops TO succession_purger;
GRANT CREATE ON SCHEMA ops TO succession_purger;

CREATE OR REPLACE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op = 'DELETE' AND current_user = 'succession_purger' THEN
        RETURN old;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: rows there are evidence', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'SU001';
END $$;

-- At most so many rows of each relation of a class whose time has passed. The dates are read here, from the table above: whoever calls
-- has no say in them.
CREATE FUNCTION ops.purge(wanted text, most int) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    one record;
    gone bigint;
    total bigint := 0;
BEGIN
    IF most NOT BETWEEN 1 AND 5000 THEN
        RAISE EXCEPTION 'a batch has 1 to 5000 rows' USING ERRCODE = '22023';
    END IF;
    FOR one IN SELECT s.relation, s.act, replace(s.due_when, 'KEEP', format('%L::interval', r.keep)) AS due
               FROM ops.retention r JOIN ops.retention_rows s USING (class)
               WHERE r.class = wanted AND r.how = 'purge' AND to_regclass(s.relation) IS NOT NULL ORDER BY s.position
    LOOP
        IF one.act = 'erase' THEN
            EXECUTE format('SELECT count(*) FILTER (WHERE vault.erase_documents_kept_until(due.listing_id, %L)) '
                           'FROM (SELECT t.listing_id FROM %s t WHERE %s LIMIT %s) due', wanted, one.relation, one.due, most) INTO gone;
        ELSE
            EXECUTE format('DELETE FROM %1$s t WHERE t.ctid = ANY (ARRAY(SELECT t.ctid FROM %1$s t WHERE %2$s LIMIT %3$s))',
                           one.relation, one.due, most);
            GET DIAGNOSTICS gone = ROW_COUNT;
        END IF;
        total := total + gone;
    END LOOP;
    IF total > 0 THEN
        INSERT INTO ops.retention_run (class, purged) VALUES (wanted, total);
        INSERT INTO vault.audit_event (actor_kind, action, object_id, detail) VALUES ('system', 'purged', wanted, jsonb_build_object('rows', total));
    END IF;
    RETURN total;
END $$;

-- How many rows are due, counted up to ten thousand of each relation.
CREATE FUNCTION ops.retention_due() RETURNS TABLE (class text, due bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    one record;
    found bigint;
BEGIN
    FOR one IN SELECT r.class, s.relation, replace(s.due_when, 'KEEP', format('%L::interval', r.keep)) AS due
               FROM ops.retention r JOIN ops.retention_rows s USING (class)
               WHERE r.how = 'purge' AND to_regclass(s.relation) IS NOT NULL
    LOOP
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %1$s t WHERE %2$s LIMIT 10000) counted', one.relation, one.due) INTO found;
        class := one.class;
        due := found;
        RETURN NEXT;
    END LOOP;
END $$;

DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT DISTINCT relation FROM ops.retention_rows WHERE to_regclass(relation) IS NOT NULL LOOP
        EXECUTE format('GRANT SELECT, DELETE ON %s TO succession_purger', one.relation);
    END LOOP;
END $$;
GRANT SELECT ON ops.retention, ops.retention_rows, ops.retention_run, vault.legal_hold TO succession_purger;
GRANT INSERT ON ops.retention_run, vault.audit_event TO succession_purger;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ops, vault TO succession_purger;
GRANT EXECUTE ON FUNCTION vault.erase_documents_kept_until(uuid, text) TO succession_purger;
GRANT DELETE ON vault.organisation_key TO succession_purger;  -- goes with its organisation
ALTER FUNCTION vault.ended_before(uuid, interval) OWNER TO succession_definer;
ALTER FUNCTION vault.never_confirmed(uuid, interval) OWNER TO succession_definer;
GRANT SELECT ON vault.legal_hold TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.ended_before(uuid, interval), vault.never_confirmed(uuid, interval) TO succession_purger;
ALTER FUNCTION ops.purge(text, int) OWNER TO succession_purger;
ALTER FUNCTION ops.retention_due() OWNER TO succession_purger;
GRANT EXECUTE ON FUNCTION ops.purge(text, int) TO succession_worker;
GRANT EXECUTE ON FUNCTION ops.retention_due() TO succession_app, succession_worker, succession_seeder;
GRANT SELECT ON ops.retention, ops.retention_rows, ops.retention_run TO succession_app, succession_worker, succession_seeder;
GRANT SELECT, INSERT, UPDATE (lifted_at) ON vault.legal_hold TO succession_seeder;
ALTER TABLE vault.legal_hold ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.legal_hold FORCE ROW LEVEL SECURITY;
