-- The optional short text of a teaser. It is off until somebody writes one, and it is shown only while all of this holds: the
-- scanner found nothing in it when it was written and again when it went up, a second person read it, and the owner approved
-- these very words (they are part of the canonical teaser).

CREATE TABLE vault.teaser_prose (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing ON DELETE CASCADE,
    ja text NOT NULL CHECK (char_length(ja) BETWEEN 1 AND 300),
    en text NOT NULL CHECK (char_length(en) BETWEEN 1 AND 600),
    written_by uuid NOT NULL REFERENCES vault.member,
    written_at timestamptz NOT NULL,
    review text CHECK (review IN ('passed', 'refused')),
    reviewed_by uuid REFERENCES vault.member,
    reviewed_by_name text,
    reviewed_at timestamptz,
    superseded_at timestamptz,                 -- written anew, or taken away
    CHECK ((review IS NULL) = (reviewed_by IS NULL) AND (review IS NULL) = (reviewed_at IS NULL)
           AND (review IS NULL) = (reviewed_by_name IS NULL)),
    CONSTRAINT prose_needs_second_person CHECK (reviewed_by <> written_by)
);
CREATE UNIQUE INDEX teaser_prose_current ON vault.teaser_prose (listing_id) WHERE superseded_at IS NULL;
CREATE TRIGGER frozen BEFORE UPDATE OF id, listing_id, ja, en, written_by, written_at ON vault.teaser_prose
    FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- One row per look of the scanner: evidence of what it said, in which version.
CREATE TABLE vault.prose_scan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    prose_id uuid NOT NULL REFERENCES vault.teaser_prose ON DELETE CASCADE,
    listing_id uuid NOT NULL REFERENCES vault.listing ON DELETE CASCADE,
    stage text NOT NULL CHECK (stage IN ('write', 'publish', 'published')),
    at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('clean', 'found', 'unknown')),
    engine text NOT NULL,
    findings jsonb NOT NULL                    -- [{locale, start, end, kind}]: places in the text, not the words again
);
CREATE INDEX ON vault.prose_scan (prose_id, at);
CREATE TRIGGER evidence BEFORE UPDATE ON vault.prose_scan FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- A person passes only what the scanner let through.
CREATE FUNCTION vault.prose_reviewed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF old.review IS NOT NULL AND (new.review, new.reviewed_by, new.reviewed_at, new.reviewed_by_name)
            IS DISTINCT FROM (old.review, old.reviewed_by, old.reviewed_at, old.reviewed_by_name) THEN
        RAISE EXCEPTION 'a review stands' USING ERRCODE = 'SU002', CONSTRAINT = 'prose_review_stands';
    END IF;
    IF old.superseded_at IS NOT NULL THEN
        RAISE EXCEPTION 'this text was replaced' USING ERRCODE = 'SU002', CONSTRAINT = 'prose_review_stands';
    END IF;
    IF new.review = 'passed' AND old.review IS NULL AND 'clean' IS DISTINCT FROM (
            SELECT s.state FROM vault.prose_scan s WHERE s.prose_id = new.id ORDER BY s.at DESC, s.id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'the scanner did not let this text through' USING ERRCODE = 'SU002', CONSTRAINT = 'prose_not_clean';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER reviewed BEFORE UPDATE ON vault.teaser_prose FOR EACH ROW EXECUTE FUNCTION vault.prose_reviewed();

-- What a text must not repeat, for the scan right before and after publication: by the worker, which otherwise reads no
-- identity, and only for a publication that is waiting or up and has such a text.
CREATE FUNCTION vault.identity_beside_prose(publication uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT to_jsonb(i) || to_jsonb(c) || jsonb_build_object(
               'municipality', f.municipality, 'products', f.products, 'permits', f.permits, 'guarantees', f.guarantees,
               'real_estate', f.real_estate, 'intellectual_property', f.intellectual_property)
    FROM vault.publication p JOIN vault.teaser_proposal q ON q.id = p.proposal_id AND q.canonical ? 'prose'
    JOIN vault.listing_identity i ON i.listing_id = p.listing_id
    JOIN vault.listing_contact c ON c.listing_id = p.listing_id
    JOIN vault.listing_profile f ON f.listing_id = p.listing_id
    WHERE p.ref = publication AND p.state <> 'taken_down'
$$;

-- The published side: words beside a teaser, gone with it, seen by whoever sees it.
CREATE TABLE market.teaser_prose (
    ref uuid PRIMARY KEY REFERENCES market.teaser ON DELETE CASCADE,
    ja text NOT NULL,
    en text NOT NULL
);
CREATE TRIGGER frozen BEFORE UPDATE ON market.teaser_prose FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- Whoever inserts: the words are the approved ones, a second person passed them, and the scanner's last look, in this very
-- transaction or within the hour, found nothing.
CREATE FUNCTION market.prose_allowed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM vault.publication p
        JOIN vault.teaser_proposal q ON q.id = p.proposal_id AND q.decision = 'approved'
        JOIN vault.teaser_prose v ON v.listing_id = p.listing_id AND v.ja = new.ja AND v.en = new.en
             AND v.review = 'passed' AND v.superseded_at IS NULL
        WHERE p.ref = new.ref AND p.state = 'published'
          AND q.canonical -> 'prose' = jsonb_build_object('ja', new.ja, 'en', new.en)
          AND 'clean' = (SELECT s.state FROM vault.prose_scan s WHERE s.prose_id = v.id AND s.stage = 'publish'
                           AND s.at > p.published_at - interval '1 hour' ORDER BY s.at DESC, s.id DESC LIMIT 1))
    THEN
        RAISE EXCEPTION 'words that nobody let through' USING ERRCODE = 'SU002', CONSTRAINT = 'prose_not_clean';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER allowed BEFORE INSERT ON market.teaser_prose FOR EACH ROW EXECUTE FUNCTION market.prose_allowed();

-- ---------------------------------------------------------------- who may
ALTER TABLE vault.teaser_prose ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.teaser_prose FORCE ROW LEVEL SECURITY;
ALTER TABLE vault.prose_scan ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.prose_scan FORCE ROW LEVEL SECURITY;
ALTER TABLE market.teaser_prose ENABLE ROW LEVEL SECURITY;
ALTER TABLE market.teaser_prose FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON vault.teaser_prose, vault.prose_scan, market.teaser_prose TO succession_definer, succession_seeder;
GRANT SELECT, INSERT ON vault.teaser_prose TO succession_app;
GRANT UPDATE (review, reviewed_by, reviewed_by_name, reviewed_at, superseded_at) ON vault.teaser_prose TO succession_app;
GRANT SELECT, INSERT ON vault.prose_scan TO succession_app, succession_worker;
GRANT SELECT ON vault.teaser_prose TO succession_worker;
GRANT SELECT ON market.teaser_prose TO market_public, market_buyer, market_desk, market_domestic;
GRANT SELECT, INSERT ON market.teaser_prose TO succession_worker;

CREATE POLICY hold ON vault.teaser_prose FOR SELECT TO succession_app USING (vault.holds(listing_id));
CREATE POLICY hold_write ON vault.teaser_prose FOR INSERT TO succession_app
    WITH CHECK (vault.holds(listing_id) AND written_by = ops.member() AND review IS NULL);
-- Replaced by whoever works on it; passed or refused in one's own name only.
CREATE POLICY hold_review ON vault.teaser_prose FOR UPDATE TO succession_app
    USING (vault.holds(listing_id))
    WITH CHECK (vault.holds(listing_id) AND (superseded_at IS NOT NULL OR reviewed_by = ops.member()));
CREATE POLICY worker ON vault.teaser_prose FOR SELECT TO succession_worker USING (true);
CREATE POLICY hold ON vault.prose_scan FOR SELECT TO succession_app USING (vault.holds(listing_id));
CREATE POLICY hold_write ON vault.prose_scan FOR INSERT TO succession_app WITH CHECK (vault.holds(listing_id) AND stage = 'write');
CREATE POLICY worker ON vault.prose_scan FOR SELECT TO succession_worker USING (true);
CREATE POLICY worker_write ON vault.prose_scan FOR INSERT TO succession_worker WITH CHECK (stage <> 'write');
-- Seen with its teaser: market.teaser's own policies decide.
CREATE POLICY audience ON market.teaser_prose FOR SELECT TO market_public, market_buyer, market_desk, market_domestic
    USING (EXISTS (SELECT FROM market.teaser t WHERE t.ref = teaser_prose.ref));
CREATE POLICY worker ON market.teaser_prose FOR SELECT TO succession_worker USING (true);
CREATE POLICY worker_publish ON market.teaser_prose FOR INSERT TO succession_worker WITH CHECK (true);

ALTER FUNCTION vault.prose_reviewed() OWNER TO succession_definer;
ALTER FUNCTION vault.identity_beside_prose(uuid) OWNER TO succession_definer;
ALTER FUNCTION market.prose_allowed() OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.identity_beside_prose(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.identity_beside_prose(uuid) TO succession_worker;
