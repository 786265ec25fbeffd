-- Whoever leaves an organisation searches for it no more: what they wanted letters about goes with the membership.
CREATE FUNCTION vault.member_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM vault.saved_search s WHERE s.member_id = new.id;
    RETURN NULL;
END $$;
ALTER FUNCTION vault.member_left() OWNER TO succession_definer;
CREATE TRIGGER searches_end AFTER UPDATE OF status ON vault.member
    FOR EACH ROW WHEN (new.status = 'left' AND old.status <> 'left') EXECUTE FUNCTION vault.member_left();

-- As in 0031, and nobody who has left meanwhile saves another: the lock waits for who leaves at this moment.
CREATE OR REPLACE FUNCTION vault.saved_search_begins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' THEN
        PERFORM FROM vault.member m WHERE m.id = new.member_id AND m.organisation_id = new.organisation_id AND m.status <> 'left' FOR NO KEY UPDATE;
        IF NOT found OR (SELECT count(*) FROM vault.saved_search s WHERE s.member_id = new.member_id) >= 50 THEN
            RAISE EXCEPTION 'fifty saved searches' USING ERRCODE = 'SU002', CONSTRAINT = 'saved_searches_most';
        END IF;
    ELSIF (new.organisation_id, new.member_id, new.asked) IS DISTINCT FROM (old.organisation_id, old.member_id, old.asked) THEN
        RAISE EXCEPTION 'a saved search keeps what it asks for' USING ERRCODE = 'SU001';
    END IF;
    IF tg_op = 'INSERT' OR (old.frequency = 'off' AND new.frequency <> 'off') THEN
        new.matched_batch := (SELECT coalesce(max(b.number), 0) FROM ops.batch b);
        new.looked_at := now();
    END IF;
    RETURN new;
END $$;

-- One click ends the searches that the letter was about, and no others. `frequency`: of digests sent before this file, which said that they
-- end all of a member's of that frequency. A link outlives its searches, and is forgotten a year after the last letter that carried it.
DROP TRIGGER frozen ON vault.unsubscribe_link;
ALTER TABLE vault.unsubscribe_link DROP CONSTRAINT unsubscribe_link_check;
ALTER TABLE vault.unsubscribe_link ALTER COLUMN saved_search_id TYPE uuid[]
    USING CASE WHEN saved_search_id IS NOT NULL THEN ARRAY[saved_search_id] END;
ALTER TABLE vault.unsubscribe_link RENAME COLUMN saved_search_id TO saved_search_ids;
ALTER TABLE vault.unsubscribe_link ADD COLUMN sent_at timestamptz NOT NULL DEFAULT now();
SET LOCAL ROLE succession_seeder;  -- the owner is bound by row-level security
UPDATE vault.unsubscribe_link u SET member_id = s.member_id FROM vault.saved_search s WHERE s.id = ANY (u.saved_search_ids);
DELETE FROM vault.saved_search s USING vault.member m WHERE m.id = s.member_id AND m.status = 'left';
RESET ROLE;
ALTER TABLE vault.unsubscribe_link
    ADD CHECK ((saved_search_ids IS NULL) = (frequency IS NOT NULL)), ADD CHECK (member_id IS NOT NULL OR frequency IS NULL),
    ADD CHECK (cardinality(saved_search_ids) BETWEEN 1 AND 50);
CREATE TRIGGER frozen BEFORE UPDATE OF token_hash, saved_search_ids, member_id, frequency ON vault.unsubscribe_link
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
GRANT SELECT (token_hash, sent_at), UPDATE (sent_at) ON vault.unsubscribe_link TO succession_worker;
CREATE POLICY worker_again ON vault.unsubscribe_link FOR SELECT TO succession_worker USING (true);
CREATE POLICY worker_sent ON vault.unsubscribe_link FOR UPDATE TO succession_worker USING (true) WITH CHECK (true);

-- Stops what a link stands for, or with `everything` all letters of its member's saved searches, however often it is pressed. Whether
-- there is such a link.
DROP FUNCTION vault.unsubscribe(bytea);
CREATE FUNCTION vault.unsubscribe(hash bytea, everything boolean) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE vault.saved_search s SET frequency = 'off', version = s.version + 1
    FROM vault.unsubscribe_link u
    WHERE u.token_hash = hash AND s.frequency <> 'off'
      AND (s.id = ANY (u.saved_search_ids) OR (s.member_id = u.member_id AND (everything OR s.frequency = u.frequency)));
    SELECT EXISTS (SELECT FROM vault.unsubscribe_link u WHERE u.token_hash = hash)
$$;
ALTER FUNCTION vault.unsubscribe(bytea, boolean) OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.unsubscribe(bytea, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.unsubscribe(bytea, boolean) TO succession_app;

INSERT INTO ops.retention (class, keep, counted_from, how, basis) VALUES
    ('letter_link', '1 year', 'the last letter that carried it', 'purge', 'what ends letters of saved searches; only hashes');
INSERT INTO ops.retention_rows (class, position, relation, due_when) VALUES
    ('letter_link', 1, 'vault.unsubscribe_link', 't.sent_at < now() - KEEP');
GRANT SELECT, DELETE ON vault.unsubscribe_link TO succession_purger;
