-- Questions about a company, and how far an answer may reach. Before the name clear: a coded reply to a coded question, or a
-- text that the scanner and a second person let through. Afterwards free, to the asker alone or to everybody who knows the name.

CREATE TABLE ops.question_reply (              -- which coded reply fits which coded question: disclosure/question_codes.py, compared by a test
    question text NOT NULL,
    reply text NOT NULL,
    PRIMARY KEY (question, reply)
);
GRANT SELECT ON ops.question_reply TO succession_app, succession_definer, succession_seeder;
INSERT INTO ops.question_reply
SELECT q, unnest(replies || '{after_name_clear,cannot_say}'::text[]) FROM (VALUES
    ('handover_length', '{up_to_half_a_year,half_to_one_year,over_a_year,negotiable}'::text[]),
    ('owner_stays_in_touch', '{yes,no,negotiable}'),
    ('staff_kept', '{yes,no,negotiable}'),
    ('name_kept', '{yes,no,negotiable}'),
    ('guarantee_released', '{yes,no,negotiable}'),
    ('price_open', '{yes,no}'),
    ('minority_first', '{yes,no,negotiable}'),
    ('other_talks', '{yes,no}'),
    ('visit_possible', '{after_letter_of_intent,negotiable,no}'),
    ('papers_in_english', '{yes,partly,no}'),
    ('answer_within', '{two_weeks,one_month,two_months}'),
    ('family_agrees', '{yes,not_yet_asked}')) AS known(q, replies);

CREATE TABLE vault.question (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    code text,
    words text CHECK (length(words) BETWEEN 1 AND 2000),
    asked_by uuid NOT NULL REFERENCES vault.member,
    asked_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id),
    UNIQUE (id, deal_id, listing_id),
    CONSTRAINT question_code_or_words CHECK ((code IS NULL) <> (words IS NULL))
);
CREATE INDEX ON vault.question (deal_id, asked_at, id);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.question FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.question FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

CREATE TABLE vault.answer (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    question_id uuid NOT NULL,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    reply text,
    words text CHECK (length(words) BETWEEN 1 AND 4000),
    locale text CHECK (locale IN ('ja', 'en')),
    before_name_clear boolean NOT NULL DEFAULT true,  -- the database says which it was
    reach text NOT NULL CHECK (reach IN ('asker', 'cleared')),
    question_shown text CHECK (length(question_shown) BETWEEN 1 AND 2000),  -- to the others, in the adviser's words
    written_by uuid NOT NULL REFERENCES vault.member,
    written_at timestamptz NOT NULL DEFAULT now(),
    review text CHECK (review IN ('passed', 'refused')),
    reviewed_by uuid REFERENCES vault.member,
    reviewed_at timestamptz,
    released_at timestamptz,
    FOREIGN KEY (question_id, deal_id, listing_id) REFERENCES vault.question (id, deal_id, listing_id),
    CONSTRAINT answer_reply_or_words CHECK ((reply IS NULL) <> (words IS NULL) AND (words IS NULL) = (locale IS NULL)),
    CONSTRAINT answer_reach CHECK (reach = 'asker' OR NOT before_name_clear),
    CONSTRAINT answer_reach_words CHECK ((question_shown IS NULL) = (reach = 'asker')),
    CONSTRAINT answer_second_person CHECK (reviewed_by <> written_by),
    CHECK ((review IS NULL) = (reviewed_by IS NULL) AND (review IS NULL) = (reviewed_at IS NULL)),
    CHECK (review IS DISTINCT FROM 'refused' OR released_at IS NULL)
);
CREATE INDEX ON vault.answer (question_id, written_at);
CREATE INDEX ON vault.answer (listing_id) WHERE reach = 'cleared';
CREATE INDEX ON vault.answer (written_at, id) WHERE before_name_clear AND words IS NOT NULL AND review IS NULL;
CREATE TRIGGER evidence BEFORE DELETE ON vault.answer FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.answer FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- What the scanner said of a text, each time it looked.
CREATE TABLE vault.answer_scan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    answer_id uuid NOT NULL REFERENCES vault.answer,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL CHECK (state IN ('clean', 'found', 'unknown')),
    engine text NOT NULL,
    findings jsonb NOT NULL                    -- [{start, end, kind}]
);
CREATE INDEX ON vault.answer_scan (answer_id, at);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.answer_scan FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- Does the buyer of this deal know the name, on a release that holds at this moment?
CREATE FUNCTION vault.name_told(deal uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.deal_id = deal AND g.level = 'dossier' AND g.revoked_at IS NULL
                   AND g.expires_at > now() AND vault.nda_in_force(g.nda_id) AND vault.consent_stands(g.name_clear_id)
                   AND vault.causes_hold(deal))
$$;

CREATE FUNCTION vault.answer_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    asked text;
BEGIN
    IF tg_op = 'INSERT' THEN
        SELECT q.code INTO asked FROM vault.question q WHERE q.id = new.question_id;
        new.before_name_clear := NOT vault.name_told(new.deal_id);
        new.released_at := CASE WHEN new.words IS NULL OR NOT new.before_name_clear THEN now() END;
        IF new.review IS NOT NULL THEN
            RAISE EXCEPTION 'an answer is read after it was written' USING ERRCODE = 'SU002', CONSTRAINT = 'answer_not_clean';
        END IF;
        IF new.reply IS NOT NULL AND new.reply NOT IN ('after_name_clear', 'cannot_say') AND NOT EXISTS (
            SELECT FROM ops.question_reply r WHERE r.question = asked AND r.reply = new.reply) THEN
            RAISE EXCEPTION 'this reply does not fit the question' USING ERRCODE = 'SU002', CONSTRAINT = 'answer_reply_fits';
        END IF;
        RETURN new;
    END IF;
    IF to_jsonb(new) - '{review,reviewed_by,reviewed_at,released_at}'::text[] IS DISTINCT FROM
       to_jsonb(old) - '{review,reviewed_by,reviewed_at,released_at}'::text[]
       OR old.review IS NOT NULL OR NOT old.before_name_clear OR old.words IS NULL THEN
        RAISE EXCEPTION 'what was answered stands' USING ERRCODE = 'SU001';
    END IF;
    IF new.review = 'passed' AND 'clean' IS DISTINCT FROM (
        SELECT s.state FROM vault.answer_scan s WHERE s.answer_id = new.id ORDER BY s.at DESC, s.id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'the scanner did not let this text through' USING ERRCODE = 'SU002', CONSTRAINT = 'answer_not_clean';
    END IF;
    new.reviewed_at := now();
    new.released_at := CASE WHEN new.review = 'passed' THEN now() END;
    RETURN new;
END $$;
CREATE TRIGGER held BEFORE INSERT OR UPDATE ON vault.answer FOR EACH ROW EXECUTE FUNCTION vault.answer_held();

-- What is answered before the name clear is shown of the company: an exposure, like everything else that is.
ALTER TABLE vault.exposure DROP CONSTRAINT exposure_channel_check;
ALTER TABLE vault.exposure ADD CONSTRAINT exposure_channel_check
    CHECK (channel IN ('publication', 'introduction', 'nda', 'answer', 'dossier', 'data_room'));
CREATE FUNCTION vault.expose_answer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO vault.exposure (listing_id, ref, channel, organisation_id)
    SELECT d.listing_id, d.teaser_ref, 'answer', told.id
    FROM vault.deal d CROSS JOIN LATERAL (VALUES (d.buyer_id), (d.representative_id)) AS told(id)
    WHERE d.id = new.deal_id AND told.id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER exposed AFTER INSERT ON vault.answer
    FOR EACH ROW WHEN (new.before_name_clear AND new.released_at IS NOT NULL) EXECUTE FUNCTION vault.expose_answer();
CREATE TRIGGER exposed_when_passed AFTER UPDATE ON vault.answer
    FOR EACH ROW WHEN (new.before_name_clear AND new.released_at IS NOT NULL AND old.released_at IS NULL) EXECUTE FUNCTION vault.expose_answer();

INSERT INTO ops.ledger_kind VALUES
    ('asked', '{buyer}', true),
    ('answered', '{seller}', true);

-- ---------------------------------------------------------------- who may
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['question', 'answer', 'answer_scan'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT ON vault.%I TO succession_app, succession_definer, succession_seeder', name);
    END LOOP;
END $$;
GRANT UPDATE (review, reviewed_by, reviewed_at, released_at) ON vault.answer TO succession_app;

CREATE POLICY see ON vault.question FOR SELECT TO succession_app USING (vault.party(deal_id) IS NOT NULL);
CREATE POLICY ask ON vault.question FOR INSERT TO succession_app
    WITH CHECK (vault.party(deal_id) IN ('buyer', 'representative') AND asked_by = ops.member());
CREATE POLICY seller ON vault.answer FOR SELECT TO succession_app USING (vault.holds(listing_id) OR vault.is_owner(listing_id));
CREATE POLICY seller_answer ON vault.answer FOR INSERT TO succession_app
    WITH CHECK (vault.party(deal_id) = 'seller' AND written_by = ops.member());
CREATE POLICY seller_review ON vault.answer FOR UPDATE TO succession_app
    USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller' AND reviewed_by = ops.member());
-- What was free because the name was known is read while it may be known.
CREATE POLICY asker ON vault.answer FOR SELECT TO succession_app
    USING (released_at IS NOT NULL AND vault.party(deal_id) IN ('buyer', 'representative')
           AND (before_name_clear OR vault.live_grant(listing_id, 'dossier')));
CREATE POLICY cleared ON vault.answer FOR SELECT TO succession_app
    USING (reach = 'cleared' AND released_at IS NOT NULL AND vault.live_grant(listing_id, 'dossier'));
CREATE POLICY seller ON vault.answer_scan FOR SELECT TO succession_app USING (vault.holds(listing_id));
CREATE POLICY seller_write ON vault.answer_scan FOR INSERT TO succession_app WITH CHECK (vault.holds(listing_id));

ALTER FUNCTION vault.name_told(uuid) OWNER TO succession_definer;
ALTER FUNCTION vault.answer_held() OWNER TO succession_definer;
ALTER FUNCTION vault.expose_answer() OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.name_told(uuid) TO succession_app;
