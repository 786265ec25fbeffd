-- What an acquirer looks for and offers, which searches somebody wants letters about, and that no teaser is told of twice.

CREATE TABLE vault.acquirer_profile (
    organisation_id uuid PRIMARY KEY REFERENCES vault.organisation,
    code uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),  -- what an intermediary sees in place of a name
    wishes jsonb NOT NULL,                     -- market/matching.py, struct Wishes: published codes only
    visible_to_intermediaries boolean NOT NULL DEFAULT false,
    version int NOT NULL DEFAULT 1,
    updated_by uuid NOT NULL REFERENCES vault.member,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE vault.saved_search (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    member_id uuid NOT NULL REFERENCES vault.member,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    asked jsonb NOT NULL,                      -- field -> sets of published codes: one of each set has to be shown
    possible boolean NOT NULL,                 -- teasers too coarse to say count as well
    frequency text NOT NULL CHECK (frequency IN ('instant', 'daily', 'weekly', 'off')),
    locale text CHECK (locale IN ('ja', 'en')),  -- of the letters; NULL: the member's
    matched_batch int NOT NULL DEFAULT 0,      -- every batch up to this one has been looked at
    looked_at timestamptz NOT NULL DEFAULT now(),
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON vault.saved_search (member_id, created_at, id);
CREATE INDEX saved_search_due ON vault.saved_search (frequency, member_id, matched_batch, looked_at) WHERE frequency <> 'off';

-- A teaser belongs to one batch for good (market.teaser, publication_pinned), so a search and a batch once is a search and a
-- teaser once. A row stands for what a letter told; it is written with the letter.
CREATE TABLE vault.alert (
    saved_search_id uuid NOT NULL REFERENCES vault.saved_search ON DELETE CASCADE,
    batch int NOT NULL,
    teasers int NOT NULL CHECK (teasers > 0),
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT alert_once PRIMARY KEY (saved_search_id, batch)
);
CREATE TRIGGER frozen BEFORE UPDATE ON vault.alert FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- The links of RFC 8058. They outlive the search: whoever finds an old letter is told the truth.
CREATE TABLE vault.unsubscribe_link (
    token_hash bytea PRIMARY KEY,
    saved_search_id uuid,
    member_id uuid,
    frequency text CHECK (frequency IN ('daily', 'weekly')),
    CHECK ((saved_search_id IS NULL) <> (member_id IS NULL) AND (member_id IS NULL) = (frequency IS NULL))
);
CREATE TRIGGER frozen BEFORE UPDATE ON vault.unsubscribe_link FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- Letters tell of what comes: a search begins after the last batch, whenever it begins. A member has fifty.
CREATE FUNCTION vault.saved_search_begins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' THEN
        PERFORM FROM vault.member m WHERE m.id = new.member_id AND m.organisation_id = new.organisation_id FOR NO KEY UPDATE;
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
CREATE TRIGGER begins BEFORE INSERT OR UPDATE OF organisation_id, member_id, asked, frequency ON vault.saved_search
    FOR EACH ROW EXECUTE FUNCTION vault.saved_search_begins();

-- Stops what a link stands for, however often it is pressed. Whether there is such a link.
CREATE FUNCTION vault.unsubscribe(hash bytea) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE vault.saved_search s SET frequency = 'off', version = s.version + 1
    FROM vault.unsubscribe_link u
    WHERE u.token_hash = hash AND s.frequency <> 'off'
      AND (s.id = u.saved_search_id OR (s.member_id = u.member_id AND s.frequency = u.frequency));
    SELECT EXISTS (SELECT FROM vault.unsubscribe_link u WHERE u.token_hash = hash)
$$;
CREATE FUNCTION vault.unsubscribe_known(hash bytea) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.unsubscribe_link u WHERE u.token_hash = hash)
$$;

-- What the owners of these batches' teasers never want these organisations to see. The worker learns pairs, never a key.
CREATE FUNCTION market.excluded_from(organisations uuid[], after_batch int) RETURNS TABLE (organisation_id uuid, refs uuid[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.organisation_id, array_agg(DISTINCT p.ref)
    FROM vault.publication p JOIN vault.exclusion e ON e.listing_id = p.listing_id
    JOIN vault.organisation_key k ON k.kind = e.kind AND lower(k.value) = lower(e.value)
    WHERE p.state = 'published' AND p.batch > after_batch AND k.organisation_id = ANY (organisations)
    GROUP BY 1
$$;

-- For the holder of a listing: acquirers that let intermediaries see what they look for, under a code. Who is excluded is
-- not there. `wants`, `where_wanted`: the wished-for codes that touch the teaser's industry and place.
CREATE FUNCTION vault.visible_buyers(listing uuid, wants text[], where_wanted text[])
    RETURNS TABLE (code uuid, buyer_kind text, country text, wishes jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.code, o.buyer_kind, o.country, f.wishes
    FROM vault.acquirer_profile f JOIN vault.organisation o ON o.id = f.organisation_id
    WHERE vault.holds(listing) AND f.visible_to_intermediaries AND o.kind = 'acquirer' AND o.status = 'verified'
      AND (f.wishes -> 'industries' = '[]' OR f.wishes -> 'industries' ?| wants)
      AND (f.wishes -> 'places' = '[]' OR f.wishes -> 'places' ?| where_wanted)
      AND NOT EXISTS (SELECT FROM vault.organisation_key k JOIN vault.exclusion e ON e.kind = k.kind AND lower(e.value) = lower(k.value)
                      WHERE k.organisation_id = o.id AND e.listing_id = listing)
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{acquirer_profile,saved_search,alert,unsubscribe_link}'::text[] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON vault.%I TO succession_definer, succession_seeder', name);
    END LOOP;
    FOREACH name IN ARRAY '{saved_search_begins(),unsubscribe(bytea),unsubscribe_known(bytea),"visible_buyers(uuid, text[], text[])"}'::text[] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', name);
    END LOOP;
END $$;
ALTER FUNCTION market.excluded_from(uuid[], int) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.unsubscribe(bytea), vault.unsubscribe_known(bytea), vault.visible_buyers(uuid, text[], text[]) TO succession_app;
GRANT EXECUTE ON FUNCTION market.excluded_from(uuid[], int) TO succession_worker;

GRANT SELECT, INSERT ON vault.acquirer_profile TO succession_app;
GRANT UPDATE (wishes, visible_to_intermediaries, version, updated_by, updated_at) ON vault.acquirer_profile TO succession_app;
GRANT SELECT, INSERT, DELETE ON vault.saved_search TO succession_app;
GRANT UPDATE (name, possible, frequency, locale, version) ON vault.saved_search TO succession_app;
GRANT SELECT ON vault.saved_search, vault.alert TO succession_worker;
GRANT UPDATE (matched_batch, looked_at) ON vault.saved_search TO succession_worker;
GRANT INSERT, DELETE ON vault.alert TO succession_worker;
GRANT INSERT ON vault.unsubscribe_link TO succession_worker;

CREATE POLICY own ON vault.acquirer_profile TO succession_app
    USING (ops.kind() = 'acquirer' AND organisation_id = ops.organisation())
    WITH CHECK (ops.kind() = 'acquirer' AND organisation_id = ops.organisation());
CREATE POLICY own ON vault.saved_search TO succession_app
    USING (organisation_id = ops.organisation() AND member_id = ops.member())
    WITH CHECK (organisation_id = ops.organisation() AND member_id = ops.member());
CREATE POLICY worker ON vault.saved_search TO succession_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON vault.alert FOR INSERT TO succession_worker WITH CHECK (true);
CREATE POLICY worker_see ON vault.alert FOR SELECT TO succession_worker USING (true);
CREATE POLICY worker_forget ON vault.alert FOR DELETE TO succession_worker USING (at < now() - interval '400 days');
CREATE POLICY worker ON vault.unsubscribe_link FOR INSERT TO succession_worker WITH CHECK (true);

-- A batch may bring a hundred thousand letters: a code somebody waits for does not stand behind them.
ALTER TABLE ops.outbox ADD COLUMN bulk boolean NOT NULL DEFAULT false;
DROP INDEX ops.outbox_waiting;
CREATE INDEX outbox_waiting ON ops.outbox (bulk, available_at, id) WHERE done_at IS NULL AND dead_at IS NULL;
