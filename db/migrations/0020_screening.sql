-- Screening: lists with versions and terms, runs that are kept, decisions of two persons, screenings that are fresh for the
-- step they carry; and adverse events of buyers, with due process and ten years of memory.

-- ---------------------------------------------------------------- lists
CREATE TABLE vault.screening_list (
    code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]{1,39}$'),
    kind text NOT NULL CHECK (kind IN ('sanctions', 'end_user', 'bad_buyer', 'internal')),
    title_ja text NOT NULL CHECK (length(title_ja) BETWEEN 1 AND 200),  -- as owners read it
    title_en text NOT NULL CHECK (length(title_en) BETWEEN 1 AND 200),
    source text NOT NULL CHECK (length(source) BETWEEN 1 AND 500),
    terms text NOT NULL CHECK (length(terms) BETWEEN 1 AND 1000),       -- on what terms it may be used
    licensed_only boolean NOT NULL,            -- consulted for, and shown to, licensed members alone
    created_by uuid REFERENCES vault.member,   -- NULL: by command
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    CONSTRAINT screening_list_licensed CHECK (kind <> 'bad_buyer' OR licensed_only)
);

CREATE TABLE vault.screening_list_version (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    list_code text NOT NULL REFERENCES vault.screening_list,
    number int NOT NULL CHECK (number > 0),
    label text NOT NULL,                       -- what its publisher calls it
    as_of date NOT NULL,
    format text NOT NULL CHECK (format IN ('csv', 'un_xml', 'ofac_xml', 'generic_xml', 'entries')),
    file_name text,
    file_hash bytea NOT NULL CHECK (octet_length(file_hash) = 32),
    entries int NOT NULL,
    added int NOT NULL,                        -- against the version before it
    removed int NOT NULL,
    changed int NOT NULL,
    imported_by uuid REFERENCES vault.member,  -- NULL: by command
    imported_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (list_code, number)
);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.screening_list_version FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.screening_list_version FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- What stood on lists before they had versions becomes version 1 of an internal list.
GRANT SELECT, INSERT ON vault.screening_list, vault.screening_list_version TO succession_seeder;
SET LOCAL ROLE succession_seeder;  -- the owner is bound by row-level security
INSERT INTO vault.screening_list (code, kind, title_ja, title_en, source, terms, licensed_only)
SELECT DISTINCT list_code, 'internal', list_code, list_code, 'entered by the operator', 'not stated', false FROM vault.screening_list_entry;
INSERT INTO vault.screening_list_version (list_code, number, label, as_of, format, file_hash, entries, added, removed, changed, imported_at)
SELECT list_code, 1, (array_agg(list_version ORDER BY added_at DESC, id DESC))[1], max(added_at)::date, 'entries',
       sha256(convert_to(string_agg(id::text, ',' ORDER BY id), 'UTF8')), count(*) FILTER (WHERE removed_at IS NULL), count(*), 0, 0, max(added_at)
FROM vault.screening_list_entry GROUP BY list_code;
RESET ROLE;

-- An entry belongs to the versions from `from_version` up to, not including, `until_version`.
ALTER TABLE vault.screening_list_entry
    ADD COLUMN from_version int NOT NULL DEFAULT 1,
    ADD COLUMN until_version int,
    ADD COLUMN ref text,                       -- the publisher's own number of it
    ADD COLUMN content_hash bytea,
    ADD COLUMN weak_aliases text[] NOT NULL DEFAULT '{}',
    ADD COLUMN countries text[] NOT NULL DEFAULT '{}',
    ADD COLUMN birth_years int[] NOT NULL DEFAULT '{}',
    ADD COLUMN identifiers text[] NOT NULL DEFAULT '{}',
    ADD COLUMN listed_on date,
    ADD CONSTRAINT screening_entry_version FOREIGN KEY (list_code, from_version) REFERENCES vault.screening_list_version (list_code, number),
    ADD CONSTRAINT screening_entry_until CHECK (until_version > from_version OR (until_version = from_version AND removed_at IS NOT NULL));
SET LOCAL ROLE succession_seeder;
UPDATE vault.screening_list_entry SET until_version = 1 WHERE removed_at IS NOT NULL;
RESET ROLE;
ALTER TABLE vault.screening_list_entry ALTER COLUMN from_version DROP DEFAULT;
CREATE INDEX ON vault.screening_list_entry (list_code, from_version);

CREATE FUNCTION vault.list_entry_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.removed_at IS NOT NULL OR to_jsonb(new) - '{until_version,removed_at}'::text[] IS DISTINCT FROM to_jsonb(old) - '{until_version,removed_at}'::text[]
    THEN
        RAISE EXCEPTION 'an entry of a list leaves it, once, and is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER list_entry_frozen BEFORE UPDATE ON vault.screening_list_entry FOR EACH ROW EXECUTE FUNCTION vault.list_entry_frozen();

-- Who may consult a list that is shared among licensed members: on evidence the operator has seen.
CREATE TABLE vault.list_licence (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    list_code text NOT NULL REFERENCES vault.screening_list,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    from_date date NOT NULL,
    until_date date NOT NULL,
    evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 500),
    evidence_hash bytea NOT NULL CHECK (octet_length(evidence_hash) = 32),
    confirmed_by uuid NOT NULL REFERENCES vault.member,
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK (until_date >= from_date)
);
CREATE INDEX ON vault.list_licence (organisation_id, list_code);
CREATE FUNCTION vault.licence_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' AND NOT EXISTS (
        SELECT FROM vault.organisation o, vault.screening_list l WHERE o.id = new.organisation_id AND o.kind = 'intermediary'
        AND l.code = new.list_code AND l.licensed_only)
    THEN
        RAISE EXCEPTION 'an intermediary is licensed for a list that asks for it' USING ERRCODE = 'SU002', CONSTRAINT = 'licence_causes';
    END IF;
    IF tg_op = 'UPDATE' AND (old.ended_at IS NOT NULL OR to_jsonb(new) - 'ended_at' IS DISTINCT FROM to_jsonb(old) - 'ended_at') THEN
        RAISE EXCEPTION 'a licence ends, once, and is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER licence_causes BEFORE INSERT OR UPDATE ON vault.list_licence FOR EACH ROW EXECUTE FUNCTION vault.licence_causes();

-- The lists an intermediary consults today, each at its newest version. A list it has no licence for is not among them,
-- and nothing it can ask tells that it exists.
CREATE FUNCTION vault.lists_open_to(wanted uuid)
    RETURNS TABLE (code text, kind text, title_ja text, title_en text, version_id uuid, number int, label text, as_of date, entries int, imported_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.code, l.kind, l.title_ja, l.title_en, v.id, v.number, v.label, v.as_of, v.entries, v.imported_at
    FROM vault.screening_list l
    JOIN LATERAL (SELECT * FROM vault.screening_list_version x WHERE x.list_code = l.code ORDER BY x.number DESC LIMIT 1) v ON true
    WHERE l.retired_at IS NULL AND (NOT l.licensed_only OR EXISTS (
        SELECT FROM vault.list_licence k WHERE k.list_code = l.code AND k.organisation_id = wanted AND k.ended_at IS NULL
        AND ops.today() BETWEEN k.from_date AND k.until_date))
$$;
CREATE FUNCTION vault.lists_consulted()
    RETURNS TABLE (code text, kind text, title_ja text, title_en text, version_id uuid, number int, label text, as_of date, entries int, imported_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.* FROM vault.lists_open_to(ops.organisation()) l WHERE ops.kind() = 'intermediary'
$$;

-- ---------------------------------------------------------------- whom a screening looks for
CREATE TABLE vault.organisation_officer (      -- declared by the acquirer; who leaves is kept with the day
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    native_name text CHECK (length(native_name) BETWEEN 1 AND 200),
    role text NOT NULL CHECK (role IN ('representative', 'director', 'auditor', 'executive', 'other')),
    nationality text NOT NULL CHECK (nationality ~ '^[A-Z]{2}$'),
    birth_year int CHECK (birth_year BETWEEN 1900 AND 2100),
    declared_by uuid NOT NULL REFERENCES vault.member,
    declared_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX ON vault.organisation_officer (organisation_id);
CREATE TABLE vault.organisation_name (         -- names beside the registered one
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    kind text NOT NULL CHECK (kind IN ('former', 'native', 'trading')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    declared_by uuid NOT NULL REFERENCES vault.member,
    declared_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX ON vault.organisation_name (organisation_id);
CREATE FUNCTION vault.declared_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.ended_at IS NOT NULL OR to_jsonb(new) - 'ended_at' IS DISTINCT FROM to_jsonb(old) - 'ended_at' THEN
        RAISE EXCEPTION 'what was declared ends, once, and is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER declared_once BEFORE UPDATE ON vault.organisation_officer FOR EACH ROW EXECUTE FUNCTION vault.declared_once();
CREATE TRIGGER declared_once BEFORE UPDATE ON vault.organisation_name FOR EACH ROW EXECUTE FUNCTION vault.declared_once();

-- A beneficial owner and a group are sought among persons and organisations as far as either can be one.
CREATE FUNCTION vault.parties_of(deal uuid)
    RETURNS TABLE (name text, role text, kind text, country text, birth_year int, identifiers text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH d AS (SELECT o.*, d.id AS deal_id FROM vault.deal d JOIN vault.organisation o ON o.id = d.buyer_id WHERE d.id = deal)
    SELECT p.name, p.role, p.kind, p.country, p.birth_year, p.identifiers FROM (
        SELECT legal_name AS name, 'organisation' AS role, 'organisation' AS kind, country, NULL::int AS birth_year,
               array_remove(ARRAY[registry_number, lei, corporate_number], NULL) AS identifiers FROM d
        UNION ALL SELECT n.name, CASE n.kind WHEN 'former' THEN 'former_name' ELSE 'other_name' END, 'organisation', d.country, NULL, '{}'
                  FROM d JOIN vault.organisation_name n ON n.organisation_id = d.id AND n.ended_at IS NULL
        UNION ALL SELECT ultimate_parent, 'parent', 'organisation', ultimate_parent_country, NULL, '{}' FROM d
        UNION ALL SELECT group_name, 'group', 'organisation', NULL, NULL, '{}' FROM d
        UNION ALL SELECT b.name, 'beneficial_owner', k.kind, b.country, NULL, '{}'
                  FROM d JOIN vault.beneficial_owner b ON b.organisation_id = d.id CROSS JOIN (VALUES ('person'), ('organisation')) AS k(kind)
        UNION ALL SELECT x.name, 'officer', 'person', f.nationality, f.birth_year, '{}'
                  FROM d JOIN vault.organisation_officer f ON f.organisation_id = d.id AND f.ended_at IS NULL
                  CROSS JOIN LATERAL (VALUES (f.name), (f.native_name)) AS x(name)
        UNION ALL SELECT n.signer_name, 'signer', 'person', NULL, NULL, '{}'
                  FROM d JOIN vault.nda n ON n.deal_id = d.deal_id AND n.signed_at IS NOT NULL AND n.ended_at IS NULL
    ) p WHERE p.name IS NOT NULL
$$;
CREATE FUNCTION vault.parties_hash(deal uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT encode(sha256(convert_to(coalesce(string_agg(p::text, E'\n' ORDER BY p::text), ''), 'UTF8')), 'hex') FROM vault.parties_of(deal) p
$$;
-- The same for whoever screens: the adviser of the seller, for its own deal.
CREATE FUNCTION vault.screening_parties(deal uuid)
    RETURNS TABLE (name text, role text, kind text, country text, birth_year int, identifiers text[], hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.*, vault.parties_hash(deal) FROM vault.parties_of(deal) p WHERE vault.party(deal) = 'seller'
$$;

-- ---------------------------------------------------------------- runs, alerts, decisions
CREATE TABLE vault.screening_run (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    occasion text NOT NULL CHECK (occasion IN ('request', 'nda', 'mou', 'closing', 'manual', 'list_changed', 'parties_changed')),
    matcher text NOT NULL,                     -- rules and tables it was made with
    parties_hash text NOT NULL,
    parties int NOT NULL,
    lists jsonb NOT NULL,                      -- [{code, kind, title_ja, title_en, version_id, version, as_of, entries}]
    candidates jsonb NOT NULL,
    fingerprint text NOT NULL,                 -- of lists and candidates: who decides names what was read
    ran_by uuid REFERENCES vault.member,       -- NULL: by the calendar
    ran_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    UNIQUE (id, deal_id)
);
CREATE INDEX ON vault.screening_run (deal_id, ran_at DESC);
CREATE TABLE vault.screening_alert (           -- something new was found without anybody looking: a task for a person
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    run_id uuid NOT NULL,
    candidates jsonb NOT NULL,                 -- those nobody has decided on
    suspends boolean NOT NULL,                 -- nothing is read until somebody has
    opened_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id),
    FOREIGN KEY (run_id, deal_id) REFERENCES vault.screening_run (id, deal_id)
);
CREATE INDEX ON vault.screening_alert (deal_id, opened_at DESC);
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['screening_run', 'screening_alert'] LOOP
        EXECUTE format('CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.%I FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()', kept);
        EXECUTE format('CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.%I FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change()', kept);
    END LOOP;
END $$;

ALTER TABLE vault.screening
    ADD COLUMN run_id uuid,                    -- NULL: decided before runs were kept
    ADD COLUMN explanation text CHECK (length(explanation) <= 1000),
    ADD COLUMN confirmed_by uuid REFERENCES vault.member,
    ADD COLUMN confirmed_at timestamptz,
    ADD FOREIGN KEY (run_id, deal_id) REFERENCES vault.screening_run (id, deal_id),
    ADD CONSTRAINT screening_confirmed_whole CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    ADD CONSTRAINT screening_second_confirmation CHECK (confirmed_by IS NULL OR confirmed_by <> decided_by);

-- The last decision that counts: a refusal, a clearing that found nothing, or one that two persons made.
CREATE FUNCTION vault.last_screening(deal uuid) RETURNS SETOF vault.screening LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.* FROM vault.screening s
    WHERE s.deal_id = deal AND (s.decision = 'refused' OR s.run_id IS NULL OR s.candidates = '[]' OR s.confirmed_by IS NOT NULL)
    ORDER BY s.decided_at DESC, s.id LIMIT 1
$$;
-- The last screening of a deal decides, and only while it is current: an alert that suspends ends it until somebody has looked.
CREATE OR REPLACE FUNCTION vault.screened(deal uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.id FROM vault.last_screening(deal) s LEFT JOIN vault.screening_run r ON r.id = s.run_id
    WHERE s.decision = 'cleared' AND s.expires_at > now()
      AND NOT EXISTS (SELECT FROM vault.screening_alert a
                      WHERE a.deal_id = deal AND a.suspends AND a.opened_at > coalesce(r.ran_at, s.decided_at))
$$;
-- Why the last run of a deal no longer says what a run would say today, or NULL.
CREATE FUNCTION vault.run_stale(deal uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM vault.lists_open_to(d.intermediary_id) l
                     WHERE CASE WHEN r.id IS NULL THEN l.imported_at > s.decided_at
                                ELSE NOT r.lists @> jsonb_build_array(jsonb_build_object('version_id', l.version_id)) END) THEN 'list_changed'
        WHEN r.parties_hash <> vault.parties_hash(d.id) THEN 'parties_changed' END
    FROM vault.deal d
    LEFT JOIN LATERAL (SELECT * FROM vault.screening_run x WHERE x.deal_id = d.id ORDER BY x.ran_at DESC, x.id LIMIT 1) r ON true
    LEFT JOIN LATERAL vault.last_screening(d.id) s ON true
    WHERE d.id = deal
$$;
-- May a step rest on the screening that asks for a fresh one: NDA, memorandum, closing? Decided on a run of the last 30
-- days, no task open since, and the last run consulted today's lists about today's people.
CREATE FUNCTION vault.screening_fresh(deal uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.last_screening(deal) s LEFT JOIN vault.screening_run r ON r.id = s.run_id
        WHERE s.id = vault.screened(deal) AND coalesce(r.ran_at, s.decided_at) > now() - interval '30 days'
          AND NOT EXISTS (SELECT FROM vault.screening_alert a WHERE a.deal_id = deal AND a.opened_at > coalesce(r.ran_at, s.decided_at))
          AND vault.run_stale(deal) IS NULL)
$$;
-- The same for a party of the deal: all it learns is whether the step is open.
CREATE FUNCTION vault.may_step(deal uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT vault.party(deal) IS NOT NULL AND vault.screening_fresh(deal)
$$;
CREATE FUNCTION vault.rescreening_due(most int)
    RETURNS TABLE (deal_id uuid, listing_id uuid, buyer_id uuid, intermediary_id uuid, project_name text, occasion text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT d.id, d.listing_id, d.buyer_id, d.intermediary_id, d.project_name, w.occasion
    FROM vault.deal d CROSS JOIN LATERAL vault.last_screening(d.id) s CROSS JOIN LATERAL (SELECT vault.run_stale(d.id) AS occasion) w
    WHERE d.terminal IS NULL AND d.stage IS DISTINCT FROM 'closing' AND d.stage IS DISTINCT FROM 'post_closing'
      AND s.decision = 'cleared' AND s.expires_at > now() AND w.occasion IS NOT NULL
    ORDER BY s.decided_at, d.id LIMIT most
$$;
-- What was decided on: beside a run that nobody asked for, this tells what is new in it.
CREATE FUNCTION vault.candidates_decided(deal uuid) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT s.candidates FROM vault.last_screening(deal) s), '[]')
           || coalesce((SELECT jsonb_agg(c) FROM vault.last_screening(deal) s LEFT JOIN vault.screening_run r ON r.id = s.run_id
                        JOIN vault.screening_alert a ON a.deal_id = deal AND a.opened_at > coalesce(r.ran_at, s.decided_at)
                        CROSS JOIN LATERAL jsonb_array_elements(a.candidates) c), '[]')
$$;

-- In these triggers a transaction without a scope is the seeding role, as in 0006.
CREATE FUNCTION vault.screening_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' THEN
        IF ops.kind() IS NOT NULL AND (new.confirmed_by IS NOT NULL OR NOT EXISTS (
            SELECT FROM vault.screening_run r WHERE r.id = new.run_id AND r.deal_id = new.deal_id AND r.ran_by = new.decided_by
            AND r.lists = new.lists AND r.candidates = new.candidates))
        THEN
            RAISE EXCEPTION 'a decision rests on a run' USING ERRCODE = 'SU002', CONSTRAINT = 'screening_needs_run';
        END IF;
        RETURN new;
    END IF;
    IF old.confirmed_by IS NOT NULL OR new.decision <> 'cleared'
       OR to_jsonb(new) - '{confirmed_by,confirmed_at,words_for_owner,words_for_owner_en}'::text[]
          IS DISTINCT FROM to_jsonb(old) - '{confirmed_by,confirmed_at,words_for_owner,words_for_owner_en}'::text[]
       OR new.confirmed_by IS NULL OR (ops.kind() IS NOT NULL AND new.confirmed_by IS DISTINCT FROM ops.member())
    THEN
        RAISE EXCEPTION 'a decision is confirmed by whoever does it, once, and is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    IF EXISTS (SELECT FROM vault.screening s WHERE s.deal_id = new.deal_id AND (s.decided_at, s.id) > (new.decided_at, new.id))
       OR EXISTS (SELECT FROM vault.screening_alert a JOIN vault.screening_run r ON r.id = new.run_id
                  WHERE a.deal_id = new.deal_id AND a.opened_at > r.ran_at)
       OR EXISTS (SELECT FROM vault.deal d WHERE d.id = new.deal_id AND d.terminal IS NOT NULL)
    THEN
        RAISE EXCEPTION 'something newer stands in its place' USING ERRCODE = 'SU002', CONSTRAINT = 'screening_superseded';
    END IF;
    new.confirmed_at := now();
    RETURN new;
END $$;
CREATE TRIGGER screening_causes BEFORE INSERT OR UPDATE ON vault.screening FOR EACH ROW EXECUTE FUNCTION vault.screening_causes();

CREATE FUNCTION vault.step_needs_fresh_screening() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NOT NULL AND NOT vault.screening_fresh(new.deal_id) THEN
        RAISE EXCEPTION 'this step needs a fresh screening' USING ERRCODE = 'SU002', CONSTRAINT = 'screening_fresh';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER needs_fresh_screening BEFORE INSERT ON vault.nda FOR EACH ROW EXECUTE FUNCTION vault.step_needs_fresh_screening();
-- After the row, so that an event off the road is refused as that.
CREATE TRIGGER needs_fresh_screening AFTER INSERT ON vault.deal_event
    FOR EACH ROW WHEN (new.action IN ('sign_mou', 'close_deal')) EXECUTE FUNCTION vault.step_needs_fresh_screening();

-- ---------------------------------------------------------------- adverse events of buyers
CREATE TABLE vault.buyer_adverse_event (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    buyer_id uuid NOT NULL REFERENCES vault.organisation,
    reason text NOT NULL CHECK (reason IN ('guarantee_not_released', 'collateral_not_released', 'consideration_not_paid', 'assets_moved',
        'obligation_not_kept', 'confidentiality_breached', 'false_statement', 'anti_social_forces')),
    occurred_on date NOT NULL,
    evidence_title text NOT NULL CHECK (length(evidence_title) BETWEEN 1 AND 200),
    evidence_hash bytea NOT NULL CHECK (octet_length(evidence_hash) = 32),
    reported_at timestamptz NOT NULL DEFAULT now(),
    notice text CHECK (length(notice) BETWEEN 1 AND 2000),  -- what the buyer is told, in the operator's words
    persons text[] NOT NULL DEFAULT '{}',      -- who would be listed beside the buyer: told in the notice
    notified_by uuid REFERENCES vault.member,
    notified_at timestamptz,
    objection_until date,
    objection text CHECK (length(objection) BETWEEN 1 AND 4000),
    objected_by uuid REFERENCES vault.member,
    objected_at timestamptz,
    decision text CHECK (decision IN ('published', 'dismissed')),
    decision_words text CHECK (length(decision_words) BETWEEN 1 AND 2000),
    proposed_by uuid REFERENCES vault.member,
    proposed_at timestamptz,
    confirmed_by uuid REFERENCES vault.member,
    confirmed_at timestamptz,
    retain_until date NOT NULL DEFAULT (ops.today() + interval '10 years')::date,
    CONSTRAINT adverse_event_retention CHECK (retain_until >= ((reported_at AT TIME ZONE 'Asia/Tokyo')::date + interval '10 years')::date),
    CONSTRAINT adverse_event_notice CHECK ((notified_at IS NULL) = (notice IS NULL) AND (notified_at IS NULL) = (objection_until IS NULL)),
    CONSTRAINT adverse_event_second_confirmation CHECK (confirmed_by IS NULL OR confirmed_by <> proposed_by),
    CONSTRAINT adverse_event_confirmed CHECK (confirmed_at IS NULL OR decision IS NOT NULL)
);
CREATE INDEX ON vault.buyer_adverse_event (buyer_id);
CREATE TABLE vault.adverse_event_reporter (    -- apart, so that no reading of the event tells who reported it
    event_id uuid PRIMARY KEY REFERENCES vault.buyer_adverse_event ON DELETE CASCADE,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    member_id uuid NOT NULL REFERENCES vault.member,
    deal_id uuid REFERENCES vault.deal,
    statement text NOT NULL CHECK (length(statement) BETWEEN 1 AND 4000)
);
CREATE TRIGGER evidence BEFORE UPDATE ON vault.adverse_event_reporter FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- Reported, told to the buyer, answered or left unanswered, proposed, confirmed: in this order, each once, by whom it is for.
CREATE FUNCTION vault.adverse_event_road() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    was jsonb := to_jsonb(old);
    now_is jsonb := to_jsonb(new);
    part text[];
    parts text[] := ARRAY['{notice,persons,notified_by,notified_at,objection_until}', '{objection,objected_by,objected_at}',
                          '{decision,decision_words,proposed_by,proposed_at}', '{confirmed_by,confirmed_at}'];
    touched int[] := '{}';
BEGIN
    IF now_is - '{notice,persons,notified_by,notified_at,objection_until,objection,objected_by,objected_at,decision,decision_words,proposed_by,proposed_at,confirmed_by,confirmed_at,retain_until}'::text[]
       IS DISTINCT FROM was - '{notice,persons,notified_by,notified_at,objection_until,objection,objected_by,objected_at,decision,decision_words,proposed_by,proposed_at,confirmed_by,confirmed_at,retain_until}'::text[]
       OR new.retain_until < old.retain_until OR old.confirmed_at IS NOT NULL
    THEN
        RAISE EXCEPTION 'what was reported is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    FOR number IN 1..4 LOOP
        part := parts[number]::text[];
        IF EXISTS (SELECT FROM unnest(part) c WHERE was -> c IS DISTINCT FROM now_is -> c) THEN
            touched := touched || number;
        END IF;
    END LOOP;
    IF cardinality(touched) <> 1
       OR (touched[1] = 1 AND (old.notified_at IS NOT NULL OR ops.kind() IS DISTINCT FROM 'operator'))
       OR (touched[1] = 2 AND (old.notified_at IS NULL OR old.objected_at IS NOT NULL OR old.decision IS NOT NULL
                               OR ops.today() > old.objection_until OR ops.kind() IS DISTINCT FROM 'acquirer'))
       OR (touched[1] = 3 AND (ops.kind() IS DISTINCT FROM 'operator' OR new.proposed_by IS DISTINCT FROM ops.member()
                               OR (new.decision = 'published' AND (old.notified_at IS NULL
                                   OR (old.objected_at IS NULL AND ops.today() <= old.objection_until)))))
       OR (touched[1] = 4 AND (old.decision IS NULL OR ops.kind() IS DISTINCT FROM 'operator' OR new.confirmed_by IS DISTINCT FROM ops.member()))
    THEN
        RAISE EXCEPTION 'an adverse event goes its road step by step' USING ERRCODE = 'SU002', CONSTRAINT = 'adverse_event_road';
    END IF;
    IF touched[1] = 1 AND new.objection_until < ops.today() + 14 THEN
        RAISE EXCEPTION 'a buyer has two weeks at least' USING ERRCODE = 'SU002', CONSTRAINT = 'adverse_event_period';
    END IF;
    IF touched[1] = 4 THEN
        new.retain_until := greatest(new.retain_until, (ops.today() + interval '10 years')::date);
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER adverse_event_road BEFORE UPDATE ON vault.buyer_adverse_event FOR EACH ROW EXECUTE FUNCTION vault.adverse_event_road();
CREATE FUNCTION vault.adverse_event_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.retain_until >= ops.today() THEN
        RAISE EXCEPTION 'kept until %', old.retain_until USING ERRCODE = 'SU001';
    END IF;
    RETURN old;
END $$;
-- Nobody may delete: what has had its time is purged by the table of retentions (0022), and this refuses even that before.
CREATE TRIGGER adverse_event_kept BEFORE DELETE ON vault.buyer_adverse_event FOR EACH ROW EXECUTE FUNCTION vault.adverse_event_kept();

-- ---------------------------------------------------------------- who reads and writes what
DO $$
DECLARE
    name text;
    signature text;
BEGIN
    FOREACH name IN ARRAY ARRAY['screening_list', 'screening_list_version', 'list_licence', 'organisation_officer', 'organisation_name',
        'screening_run', 'screening_alert', 'buyer_adverse_event', 'adverse_event_reporter'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT ON vault.%I TO succession_seeder', name);
        EXECUTE format('GRANT SELECT ON vault.%I TO succession_definer', name);
    END LOOP;
    FOREACH signature IN ARRAY ARRAY['licence_causes()', 'lists_open_to(uuid)', 'lists_consulted()', 'parties_of(uuid)', 'parties_hash(uuid)',
        'screening_parties(uuid)', 'last_screening(uuid)', 'run_stale(uuid)', 'screening_fresh(uuid)', 'may_step(uuid)', 'rescreening_due(int)',
        'candidates_decided(uuid)', 'screening_causes()', 'step_needs_fresh_screening()', 'adverse_event_road()'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', signature);
    END LOOP;
END $$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA vault TO succession_seeder, succession_app, succession_worker;
GRANT UPDATE ON vault.screening_list, vault.organisation_officer, vault.organisation_name, vault.list_licence TO succession_seeder;
GRANT EXECUTE ON FUNCTION vault.lists_consulted(), vault.screening_parties(uuid), vault.may_step(uuid) TO succession_app;
GRANT EXECUTE ON FUNCTION vault.lists_open_to(uuid), vault.parties_of(uuid), vault.parties_hash(uuid), vault.rescreening_due(int),
    vault.candidates_decided(uuid) TO succession_worker;

GRANT SELECT, INSERT ON vault.screening_list, vault.screening_list_version, vault.list_licence, vault.organisation_officer,
    vault.organisation_name, vault.screening_run, vault.buyer_adverse_event, vault.adverse_event_reporter TO succession_app;
GRANT SELECT ON vault.screening_alert TO succession_app;
GRANT UPDATE (retired_at) ON vault.screening_list TO succession_app;
GRANT UPDATE (ended_at) ON vault.list_licence, vault.organisation_officer, vault.organisation_name TO succession_app;
GRANT UPDATE (confirmed_by, confirmed_at, words_for_owner, words_for_owner_en) ON vault.screening TO succession_app;
GRANT UPDATE (notice, persons, notified_by, notified_at, objection_until, objection, objected_by, objected_at, decision, decision_words,
    proposed_by, proposed_at, confirmed_by, confirmed_at) ON vault.buyer_adverse_event TO succession_app;
REVOKE UPDATE ON vault.screening_list_entry FROM succession_app;
GRANT UPDATE (until_version, removed_at) ON vault.screening_list_entry TO succession_app;
GRANT SELECT ON vault.screening_list_entry TO succession_worker;
GRANT SELECT, INSERT ON vault.screening_run, vault.screening_alert TO succession_worker;

CREATE POLICY operator ON vault.screening_list TO succession_app USING (ops.kind() = 'operator') WITH CHECK (ops.kind() = 'operator');
CREATE POLICY operator ON vault.screening_list_version TO succession_app USING (ops.kind() = 'operator')
    WITH CHECK (ops.kind() = 'operator' AND imported_by = ops.member());
CREATE POLICY operator ON vault.list_licence TO succession_app USING (ops.kind() = 'operator')
    WITH CHECK (ops.kind() = 'operator');
CREATE POLICY confirmed ON vault.list_licence AS RESTRICTIVE FOR INSERT TO succession_app WITH CHECK (confirmed_by = ops.member());
CREATE POLICY own ON vault.list_licence FOR SELECT TO succession_app USING (ops.kind() = 'intermediary' AND organisation_id = ops.organisation());
CREATE POLICY consult ON vault.screening_list FOR SELECT TO succession_app USING (code IN (SELECT c.code FROM vault.lists_consulted() c));
CREATE POLICY consult ON vault.screening_list_version FOR SELECT TO succession_app
    USING (list_code IN (SELECT c.code FROM vault.lists_consulted() c));
DROP POLICY consult ON vault.screening_list_entry;
CREATE POLICY consult ON vault.screening_list_entry FOR SELECT TO succession_app
    USING (list_code IN (SELECT c.code FROM vault.lists_consulted() c));
CREATE POLICY worker ON vault.screening_list_entry FOR SELECT TO succession_worker USING (true);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['organisation_officer', 'organisation_name'] LOOP
        EXECUTE format('CREATE POLICY own ON vault.%I TO succession_app USING (organisation_id = ops.organisation()) '
                       'WITH CHECK (ops.kind() = ''acquirer'' AND organisation_id = ops.organisation())', name);
        EXECUTE format('CREATE POLICY see ON vault.%I FOR SELECT TO succession_app USING (ops.kind() = ''operator'' OR '
                       '(ops.kind() IN (''intermediary'', ''owner'') AND vault.knows(organisation_id)))', name);
    END LOOP;
END $$;

CREATE POLICY seller ON vault.screening_run TO succession_app USING (vault.party(deal_id) = 'seller')
    WITH CHECK (vault.party(deal_id) = 'seller' AND ran_by = ops.member());
CREATE POLICY reviewer ON vault.screening_run FOR SELECT TO succession_app USING (
    vault.needs_reviewer(listing_id) AND EXISTS (SELECT FROM vault.screening s WHERE s.run_id = screening_run.id));
CREATE POLICY worker ON vault.screening_run TO succession_worker USING (true) WITH CHECK (ran_by IS NULL);
CREATE POLICY seller ON vault.screening_alert FOR SELECT TO succession_app USING (vault.party(deal_id) = 'seller');
CREATE POLICY worker ON vault.screening_alert TO succession_worker USING (true) WITH CHECK (true);
CREATE POLICY seller_confirm ON vault.screening FOR UPDATE TO succession_app USING (vault.party(deal_id) = 'seller')
    WITH CHECK (vault.party(deal_id) = 'seller' AND confirmed_by = ops.member());
-- Where a firm has a single member, the second person is a reviewer of the operator, as for papers and mandates.
-- It reads what waits for it, and what it confirmed itself.
CREATE POLICY reviewer ON vault.screening FOR SELECT TO succession_app USING (
    decision = 'cleared' AND run_id IS NOT NULL AND candidates <> '[]' AND (confirmed_by IS NULL OR confirmed_by = ops.member())
    AND vault.needs_reviewer(listing_id));
CREATE POLICY reviewer_confirm ON vault.screening FOR UPDATE TO succession_app
    USING (vault.needs_reviewer(listing_id)) WITH CHECK (vault.needs_reviewer(listing_id) AND confirmed_by = ops.member());

CREATE POLICY operator ON vault.buyer_adverse_event TO succession_app USING (ops.kind() = 'operator') WITH CHECK (ops.kind() = 'operator');
CREATE POLICY report ON vault.buyer_adverse_event FOR INSERT TO succession_app
    WITH CHECK (ops.kind() = 'intermediary' AND vault.knows(buyer_id) AND notified_at IS NULL AND decision IS NULL AND confirmed_at IS NULL
                AND objected_at IS NULL);
CREATE POLICY reported ON vault.buyer_adverse_event FOR SELECT TO succession_app USING (ops.kind() = 'intermediary' AND EXISTS (
    SELECT FROM vault.adverse_event_reporter r WHERE r.event_id = id AND r.organisation_id = ops.organisation()));
CREATE POLICY concerned ON vault.buyer_adverse_event FOR SELECT TO succession_app
    USING (ops.kind() = 'acquirer' AND buyer_id = ops.organisation() AND notified_at IS NOT NULL);
CREATE POLICY object ON vault.buyer_adverse_event FOR UPDATE TO succession_app
    USING (ops.kind() = 'acquirer' AND buyer_id = ops.organisation() AND notified_at IS NOT NULL)
    WITH CHECK (ops.kind() = 'acquirer' AND buyer_id = ops.organisation() AND objected_by = ops.member());
CREATE POLICY operator ON vault.adverse_event_reporter FOR SELECT TO succession_app USING (ops.kind() = 'operator');
CREATE POLICY own ON vault.adverse_event_reporter TO succession_app
    USING (ops.kind() IN ('intermediary', 'operator') AND organisation_id = ops.organisation())
    WITH CHECK (ops.kind() IN ('intermediary', 'operator') AND organisation_id = ops.organisation() AND member_id = ops.member());

-- ---------------------------------------------------------------- the ledger
INSERT INTO ops.ledger_kind VALUES ('screening_confirmed', '{seller}', false);
CREATE POLICY append_reviewer ON vault.ledger_entry FOR INSERT TO succession_app
    WITH CHECK (kind = 'screening_confirmed' AND vault.needs_reviewer(listing_id));
