-- The NDA as evidence: one-time codes that bind whoever acts, an agreement that names its terms, its people and its
-- countersignature, one's own paper with equal weight, and the sealed document both sides keep.

-- ---------------------------------------------------------------- one-time codes
-- Six digits that bind an act to who holds a mailbox or was spoken to. Nobody reads this table, not even to ask what is
-- in it: who issues and who spends may work in different scopes (an adviser speaks, the owner types).
CREATE TABLE ops.one_time_code (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    purpose text NOT NULL CHECK (purpose ~ '^[a-z_]{1,40}$'),
    subject_id uuid NOT NULL,                  -- what is done with it: an NDA, a question
    holder text NOT NULL CHECK (length(holder) BETWEEN 1 AND 200),  -- "member:<id>", "contact:<id>"
    channel text NOT NULL CHECK (channel IN ('mail', 'spoken')),
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),        -- keyed: a reader of backups finds no code by trying all
    issued_by text,                            -- the actor of the transaction that issued it
    issued_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    wrong_tries smallint NOT NULL DEFAULT 0 CHECK (wrong_tries BETWEEN 0 AND 5),
    replaced_at timestamptz,                   -- a newer one was issued
    spent_at timestamptz,
    CHECK (replaced_at IS NULL OR spent_at IS NULL)
);
CREATE UNIQUE INDEX one_time_code_one_open ON ops.one_time_code (purpose, subject_id, holder) WHERE spent_at IS NULL AND replaced_at IS NULL;
CREATE INDEX ON ops.one_time_code (holder, issued_at);
ALTER TABLE ops.one_time_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.one_time_code FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON ops.one_time_code TO succession_definer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.one_time_code TO succession_seeder;

-- Replaces the open code of this holder for this act. `wait_s`: how long until another may be issued, NULL when one was.
-- Five an hour and ten a day, so that guessing has at most fifty tries a day among a million codes.
CREATE FUNCTION ops.issue_code(for_purpose text, subject uuid, for_holder text, through text, hash bytea, valid_s int)
    RETURNS TABLE (code_id uuid, wait_s int) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    free_at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(for_purpose || ' ' || subject || ' ' || for_holder, 7305424));
    SELECT max(f.at) INTO free_at FROM (
        (SELECT c.issued_at + interval '1 hour' AS at FROM ops.one_time_code c
         WHERE c.purpose = for_purpose AND c.subject_id = subject AND c.holder = for_holder AND c.issued_at > now() - interval '1 hour'
         ORDER BY c.issued_at DESC OFFSET 4 LIMIT 1)
        UNION ALL
        (SELECT c.issued_at + interval '1 day' FROM ops.one_time_code c
         WHERE c.purpose = for_purpose AND c.subject_id = subject AND c.holder = for_holder AND c.issued_at > now() - interval '1 day'
         ORDER BY c.issued_at DESC OFFSET 9 LIMIT 1)) f;
    IF free_at IS NOT NULL THEN
        RETURN QUERY SELECT NULL::uuid, greatest(1, ceil(extract(epoch FROM free_at - now())))::int;
        RETURN;
    END IF;
    UPDATE ops.one_time_code c SET replaced_at = now()
    WHERE c.purpose = for_purpose AND c.subject_id = subject AND c.holder = for_holder AND c.spent_at IS NULL AND c.replaced_at IS NULL;
    RETURN QUERY INSERT INTO ops.one_time_code (purpose, subject_id, holder, channel, code_hash, issued_by, expires_at)
        VALUES (for_purpose, subject, for_holder, through, hash, nullif(current_setting('succession.actor', true), ''),
                now() + make_interval(secs => valid_s))
        RETURNING id, NULL::int;
END $$;

-- Is this the open code? A wrong one is counted, in a transaction that nothing rolls back. 'right', 'wrong', 'expired' or 'used_up'.
CREATE FUNCTION ops.try_code(for_purpose text, subject uuid, for_holder text, hash bytea)
    RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    open ops.one_time_code;
BEGIN
    SELECT * INTO open FROM ops.one_time_code c
    WHERE c.purpose = for_purpose AND c.subject_id = subject AND c.holder = for_holder AND c.spent_at IS NULL AND c.replaced_at IS NULL
    FOR UPDATE;
    IF open.id IS NULL THEN
        RETURN 'wrong';
    ELSIF open.wrong_tries >= 5 THEN
        RETURN 'used_up';
    ELSIF open.expires_at <= clock_timestamp() THEN
        RETURN 'expired';
    ELSIF open.code_hash = hash THEN
        RETURN 'right';
    END IF;
    UPDATE ops.one_time_code SET wrong_tries = wrong_tries + 1 WHERE id = open.id;
    RETURN CASE WHEN open.wrong_tries >= 4 THEN 'used_up' ELSE 'wrong' END;
END $$;

-- Once, in the transaction of the act itself: a code of an act that failed is still there.
CREATE FUNCTION ops.spend_code(for_purpose text, subject uuid, for_holder text, hash bytea)
    RETURNS TABLE (code_id uuid, sent_through text, issued timestamptz, spent timestamptz)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE ops.one_time_code c SET spent_at = now()
    WHERE c.purpose = for_purpose AND c.subject_id = subject AND c.holder = for_holder AND c.code_hash = hash
      AND c.spent_at IS NULL AND c.replaced_at IS NULL AND c.wrong_tries < 5 AND c.expires_at > now()
    RETURNING c.id, c.channel, c.issued_at, c.spent_at
$$;
ALTER FUNCTION ops.issue_code(text, uuid, text, text, bytea, int) OWNER TO succession_definer;
ALTER FUNCTION ops.try_code(text, uuid, text, bytea) OWNER TO succession_definer;
ALTER FUNCTION ops.spend_code(text, uuid, text, bytea) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION ops.issue_code(text, uuid, text, text, bytea, int), ops.try_code(text, uuid, text, bytea),
    ops.spend_code(text, uuid, text, bytea) TO succession_app;
