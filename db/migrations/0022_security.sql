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
