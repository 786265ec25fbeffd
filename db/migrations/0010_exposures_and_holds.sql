-- What was shown of a company, to whom and by which channel; which listings are about one company; what waits for a person.
--
-- Whoever shows something leaves a row here by trigger, so that no writer can forget it. market/exposures.py lists the channels.

-- ---------------------------------------------------------------- one company, whoever lists it
-- A key is a keyed hash, and its salt is read by nobody who logs in: thirteen digits are soon tried one after the other.
CREATE TABLE vault.company_salt (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    salt bytea NOT NULL CHECK (octet_length(salt) = 32)
);
CREATE TABLE vault.company_key (               -- every key a listing ever had: a number typed again does not undo the first
    listing_id uuid NOT NULL REFERENCES vault.listing ON DELETE CASCADE,
    key bytea NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (listing_id, key)
);
CREATE INDEX ON vault.company_key (key);

-- How a name or an address is written once, for comparing: width, case, separators and the usual legal forms do not count.
CREATE FUNCTION vault.written_once(words text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN nullif(regexp_replace(lower(normalize(words, NFKC)),
        '株式会社|有限会社|合同会社|合資会社|合名会社|\(株\)|\(有\)|\(同\)|[[:space:]‐‑‒–—―−ー・,.、。()''-]', '', 'g'), '');

CREATE FUNCTION vault.keep_company_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO vault.company_key (listing_id, key)
    SELECT DISTINCT new.listing_id, sha256(s.salt || convert_to(said.words, 'UTF8'))
    FROM vault.company_salt s
    CROSS JOIN vault.listing_identity i LEFT JOIN vault.listing_contact c ON c.listing_id = i.listing_id
    CROSS JOIN LATERAL (
        SELECT 'number:' || i.corporate_number
        UNION ALL  -- a sole proprietor has no number; and a number can be typed wrongly
        SELECT 'named:' || vault.written_once(i.legal_name) || '|' || vault.written_once(site ->> 'address')
        FROM jsonb_array_elements(CASE jsonb_typeof(c.sites) WHEN 'array' THEN c.sites ELSE '[]' END) AS site
    ) AS said(words)
    WHERE i.listing_id = new.listing_id AND said.words IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER company_keys AFTER INSERT OR UPDATE ON vault.listing_identity
    FOR EACH ROW EXECUTE FUNCTION vault.keep_company_keys();
CREATE TRIGGER company_keys AFTER INSERT OR UPDATE ON vault.listing_contact
    FOR EACH ROW EXECUTE FUNCTION vault.keep_company_keys();

-- The listings about the company of this one, itself included, whoever holds them.
CREATE FUNCTION vault.same_company(listing uuid) RETURNS TABLE (listing_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT o.listing_id FROM vault.company_key k JOIN vault.company_key o ON o.key = k.key WHERE k.listing_id = listing
    UNION SELECT listing
$$;

-- Whoever counts what was shown of a company and then shows more waits for whoever is doing the same: two counts at once would
-- each miss what the other is about to show. In order, and no more locks than there are slots.
CREATE FUNCTION vault.lock_companies(listings uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    slot int;
BEGIN
    FOR slot IN SELECT DISTINCT get_byte(k.key, 0) * 4 + get_byte(k.key, 1) / 64 FROM vault.company_key k
                WHERE k.listing_id = ANY(listings) ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(7305425, slot);
    END LOOP;
END $$;

-- ---------------------------------------------------------------- exposures
-- What a whole audience could see counts as seen by all of it, from the moment it went up: searches, facets, candidates,
-- alerts and exports show it and need no row of their own. What one organisation is told directly has a row for it.
CREATE TABLE vault.exposure (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    ref uuid NOT NULL REFERENCES vault.publication,
    channel text NOT NULL CHECK (channel IN ('publication', 'introduction', 'nda', 'dossier', 'data_room')),
    audiences smallint CHECK (audiences BETWEEN 1 AND 15),
    organisation_id uuid REFERENCES vault.organisation,
    cell_id int REFERENCES market.cell,        -- the cell or label shown; every language says the same
    facts jsonb NOT NULL DEFAULT '{}',         -- attribute -> code said besides: {"place": "JP-29"} by a Center's name
    identifies boolean NOT NULL DEFAULT false, -- from here on this organisation knows who it is
    in_force text REFERENCES market.codebook,  -- the codebook in force that day, where what is shown is true of that day
    at timestamptz NOT NULL DEFAULT now(),
    CHECK ((audiences IS NULL) <> (organisation_id IS NULL))
);
CREATE INDEX ON vault.exposure (listing_id);
CREATE INDEX ON vault.exposure (organisation_id) WHERE organisation_id IS NOT NULL;
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.exposure FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.exposure FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- What the name of the intermediary tells. A Center works for one prefecture. Of anybody else who declares the prefecture
-- the company is in, or none, the same is assumed: wherever the guess would be right it counts as told.
CREATE FUNCTION vault.told_by_name(listing uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN o.intermediary_kind = 'center' OR coalesce(o.registration ->> 'prefecture', p.prefecture) = p.prefecture
                THEN jsonb_build_object('place', p.prefecture) ELSE '{}' END
    FROM vault.listing l JOIN vault.organisation o ON o.id = l.intermediary_id
    JOIN vault.listing_profile p ON p.listing_id = l.id AND p.prefecture IS NOT NULL WHERE l.id = listing
$$;

CREATE FUNCTION vault.expose_publication() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.published_at IS NULL OR (tg_op = 'UPDATE' AND old.published_at IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    INSERT INTO vault.exposure (listing_id, ref, channel, audiences, cell_id, in_force, at)
    VALUES (new.listing_id, new.ref, 'publication', new.audiences, new.cell_id,
            coalesce((SELECT version FROM market.codebook WHERE current), new.codebook_version), new.published_at);
    RETURN NULL;
END $$;
CREATE TRIGGER exposed AFTER INSERT OR UPDATE OF state, published_at ON vault.publication
    FOR EACH ROW EXECUTE FUNCTION vault.expose_publication();

-- An introduction that is accepted opens the teaser to one acquirer, and names the intermediary to it and to the desk.
CREATE FUNCTION vault.expose_introduction() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO vault.exposure (listing_id, ref, channel, organisation_id, cell_id, facts)
    SELECT p.listing_id, p.ref, 'introduction', told.organisation_id, told.cell_id, told.facts
    FROM vault.publication p CROSS JOIN LATERAL (VALUES
        (new.acquirer_id, p.cell_id, '{}'::jsonb),
        (new.acquirer_id, NULL, coalesce(vault.told_by_name(p.listing_id), '{}')),
        (new.agency_id, NULL, coalesce(vault.told_by_name(p.listing_id), '{}'))) AS told(organisation_id, cell_id, facts)
    WHERE p.ref = new.teaser_ref;
    RETURN NULL;
END $$;
CREATE TRIGGER exposed AFTER UPDATE OF state ON vault.introduction
    FOR EACH ROW WHEN (new.state = 'accepted' AND old.state <> 'accepted') EXECUTE FUNCTION vault.expose_introduction();
CREATE TRIGGER exposed_at_once AFTER INSERT ON vault.introduction
    FOR EACH ROW WHEN (new.state = 'accepted') EXECUTE FUNCTION vault.expose_introduction();

-- The paper of an NDA names the intermediary to the buyer and to who represents it; a grant says who the company is.
CREATE FUNCTION vault.expose_to_buyer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    level text := to_jsonb(new) ->> 'level';
BEGIN
    INSERT INTO vault.exposure (listing_id, ref, channel, organisation_id, facts, identifies)
    SELECT d.listing_id, d.teaser_ref, coalesce(level, 'nda'), told.id,
           CASE WHEN level IS NULL THEN coalesce(vault.told_by_name(d.listing_id), '{}') ELSE '{}' END, level IS NOT NULL
    FROM vault.deal d CROSS JOIN LATERAL (VALUES (d.buyer_id), (d.representative_id)) AS told(id)
    WHERE d.id = new.deal_id AND told.id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER exposed AFTER INSERT ON vault.nda FOR EACH ROW EXECUTE FUNCTION vault.expose_to_buyer();
CREATE TRIGGER exposed AFTER INSERT ON vault.disclosure_grant FOR EACH ROW EXECUTE FUNCTION vault.expose_to_buyer();

-- Whose knowledge counts together: organisations of one group (they declare the same parent, group, number or owner, or one is
-- the other's parent), and whoever acts for one of them: its representatives and the desks it filed a brief with. Told to such
-- an agent, it is told to everybody it acts for.
CREATE FUNCTION vault.knowing_together(told uuid[]) RETURNS TABLE (organisation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH RECURSIVE kin(id) AS (
        SELECT unnest(told)
        UNION
        SELECT near.organisation_id FROM kin
        JOIN vault.organisation_key own ON own.organisation_id = kin.id
        JOIN vault.organisation_key near ON near.kind = own.kind AND near.value = own.value
        WHERE own.kind IN ('registry', 'lei', 'corporate_number', 'group', 'ultimate_parent', 'person')
    ), named AS (
        SELECT id FROM kin
        UNION SELECT o.id FROM kin JOIN vault.organisation_key k ON k.organisation_id = kin.id AND k.kind IN ('group', 'ultimate_parent')
              JOIN vault.organisation o ON lower(o.legal_name) = k.value
        UNION SELECT k.organisation_id FROM kin JOIN vault.organisation o ON o.id = kin.id
              JOIN vault.organisation_key k ON k.kind IN ('group', 'ultimate_parent') AND k.value = lower(o.legal_name)
    )
    SELECT id FROM named
    UNION SELECT r.intermediary_id FROM named JOIN vault.representation r ON r.acquirer_id = named.id AND r.confirmed_at IS NOT NULL
    UNION SELECT r.acquirer_id FROM named JOIN vault.representation r ON r.intermediary_id = named.id AND r.confirmed_at IS NOT NULL
    UNION SELECT b.agency_id FROM named JOIN vault.brief b ON b.acquirer_id = named.id
    UNION SELECT b.acquirer_id FROM named JOIN vault.brief b ON b.agency_id = named.id
$$;

-- ---------------------------------------------------------------- holds
-- A release after which too few companies would be left waits here for two persons of the operator.
CREATE TABLE vault.hold (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    step text NOT NULL CHECK (step IN ('publication', 'introduction', 'nda')),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    ref uuid NOT NULL REFERENCES vault.publication,
    intermediary_id uuid NOT NULL,                        -- who is made to wait; written by trigger
    told_id uuid REFERENCES vault.organisation,           -- to whom; a publication is for its audiences
    reason text NOT NULL CHECK (reason IN ('few_candidates', 'same_company', 'figures_moved', 'cannot_count', 'spot_check')),
    candidates int,                                       -- left after the release; NULL where nothing can be counted
    needed int,
    opened_at timestamptz NOT NULL DEFAULT now(),
    decision text CHECK (decision IN ('release', 'refuse')),
    words text CHECK (length(words) BETWEEN 1 AND 1000),
    for_every_buyer boolean NOT NULL DEFAULT false,
    decided_by uuid REFERENCES vault.member,
    decided_at timestamptz,
    confirmed_by uuid REFERENCES vault.member,
    confirmed_at timestamptz,
    lapsed_at timestamptz,                                -- there is nothing left to decide
    state text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN decision = 'refuse' THEN 'refused' WHEN confirmed_at IS NOT NULL THEN 'released'
             WHEN lapsed_at IS NOT NULL THEN 'lapsed' WHEN decision = 'release' THEN 'proposed' ELSE 'open' END) STORED,
    CHECK ((step = 'publication') = (told_id IS NULL)),
    CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (words IS NULL)),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL) AND (confirmed_by IS NULL OR decision = 'release')),
    CONSTRAINT hold_second_confirmation CHECK (confirmed_by IS NULL OR confirmed_by <> decided_by)
);
CREATE UNIQUE INDEX hold_one_waiting ON vault.hold (step, listing_id, told_id, ref) NULLS NOT DISTINCT WHERE state IN ('open', 'proposed');
CREATE INDEX ON vault.hold (opened_at, id);
CREATE INDEX ON vault.hold (listing_id);

CREATE FUNCTION vault.hold_whose() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    SELECT l.intermediary_id INTO new.intermediary_id FROM vault.listing l WHERE l.id = new.listing_id;
    RETURN new;
END $$;
CREATE TRIGGER hold_whose BEFORE INSERT ON vault.hold FOR EACH ROW EXECUTE FUNCTION vault.hold_whose();

CREATE FUNCTION vault.hold_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answer text[] := '{decision,words,for_every_buyer,decided_by,decided_at,confirmed_by,confirmed_at,lapsed_at,state}';
BEGIN
    IF to_jsonb(new) - answer IS DISTINCT FROM to_jsonb(old) - answer OR old.state IN ('refused', 'released', 'lapsed')
       OR (new.confirmed_at IS NOT NULL AND (new.decision, new.words, new.for_every_buyer, new.decided_by, new.decided_at)
           IS DISTINCT FROM (old.decision, old.words, old.for_every_buyer, old.decided_by, old.decided_at))
    THEN
        RAISE EXCEPTION 'what was counted and decided stands' USING ERRCODE = 'SU001';
    END IF;
    IF new.lapsed_at IS NULL AND (ops.kind() IS DISTINCT FROM 'operator'
       OR coalesce(new.confirmed_by, new.decided_by) IS DISTINCT FROM ops.member()) THEN
        RAISE EXCEPTION 'a person of the operator decides, by name' USING ERRCODE = 'SU002', CONSTRAINT = 'hold_by_operator';
    END IF;
    IF new.decision IS DISTINCT FROM old.decision OR new.decided_by IS DISTINCT FROM old.decided_by THEN
        new.decided_at := now();
    END IF;
    new.confirmed_at := CASE WHEN new.confirmed_by IS NOT NULL THEN now() END;
    RETURN new;
END $$;
CREATE TRIGGER hold_stands BEFORE UPDATE ON vault.hold FOR EACH ROW EXECUTE FUNCTION vault.hold_stands();
CREATE TRIGGER evidence BEFORE DELETE ON vault.hold FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

CREATE FUNCTION vault.lapse_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE vault.hold SET lapsed_at = now() WHERE ref = new.ref AND step = 'publication' AND state IN ('open', 'proposed');
    RETURN NULL;
END $$;
CREATE TRIGGER lapse_holds AFTER UPDATE OF state ON vault.publication
    FOR EACH ROW WHEN (new.state = 'taken_down') EXECUTE FUNCTION vault.lapse_holds();

-- Nothing that is held goes out, whoever forgets to ask.
CREATE FUNCTION vault.held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    what text := tg_argv[0];
    going jsonb := to_jsonb(new);
    about uuid := coalesce((going ->> 'listing_id')::uuid,
                           (SELECT p.listing_id FROM vault.publication p WHERE p.ref = (going ->> 'teaser_ref')::uuid));
    told uuid := coalesce(going ->> 'acquirer_id', going ->> 'buyer_id')::uuid;
BEGIN
    IF EXISTS (
        SELECT FROM vault.hold h
        WHERE h.step = what AND h.listing_id = about AND h.told_id IS NOT DISTINCT FROM told
          AND (what <> 'publication' OR h.ref = (going ->> 'ref')::uuid)
          AND (h.state = 'refused' OR (h.state IN ('open', 'proposed') AND NOT EXISTS (
               SELECT FROM vault.hold e WHERE e.step = what AND e.listing_id = about AND e.for_every_buyer AND e.state = 'released'))))
    THEN
        RAISE EXCEPTION 'a person looks at it first' USING ERRCODE = 'SU002', CONSTRAINT = 'held_for_person';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER held BEFORE UPDATE OF state ON vault.publication
    FOR EACH ROW WHEN (new.state = 'published' AND old.state <> 'published') EXECUTE FUNCTION vault.held('publication');
CREATE TRIGGER held BEFORE INSERT ON vault.nda FOR EACH ROW EXECUTE FUNCTION vault.held('nda');
CREATE TRIGGER held BEFORE UPDATE OF state ON vault.introduction
    FOR EACH ROW WHEN (new.state = 'accepted' AND old.state <> 'accepted') EXECUTE FUNCTION vault.held('introduction');

-- ---------------------------------------------------------------- the questions that are asked
-- Everything shown of this company so far, whoever lists it: to all audiences, and directly to those who know together with
-- `told` (NULL: to anybody). From whoever knows the company already there is nothing to keep: what it was told is left out.
-- `settled`: a person has since let a cell go that contradicts an earlier one (market/exposures.py). A label that says less than
-- its cell counts as the cell: somebody may guess what the companies of each cell choose to say.
CREATE FUNCTION vault.shown_about(listing uuid, told uuid[])
    RETURNS TABLE (own boolean, settled boolean, codebook_version text, cell int, codes text[], facts jsonb, in_force text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH company AS MATERIALIZED (SELECT s.listing_id AS id FROM vault.same_company(listing) s),
    settled AS MATERIALIZED (SELECT max(h.confirmed_at) AS at FROM vault.hold h JOIN company c ON c.id = h.listing_id
                             WHERE h.reason IN ('figures_moved', 'same_company') AND h.state = 'released')
    SELECT DISTINCT e.listing_id = listing, e.at <= coalesce((SELECT at FROM settled), '-infinity'), c.codebook_version, c.number,
           CASE WHEN c.id IS NOT NULL THEN ARRAY[c.place, c.industry, c.founded, c.employees, c.revenue, c.margin] END, e.facts, e.in_force
    FROM company JOIN vault.exposure e ON e.listing_id = company.id LEFT JOIN market.cell s ON s.id = e.cell_id
    LEFT JOIN market.cell c ON c.codebook_version = s.codebook_version AND c.number = coalesce(s.number, s.parent)
    WHERE NOT e.identifies
      AND (e.audiences IS NOT NULL
           OR (told IS NULL AND NOT EXISTS (SELECT FROM vault.exposure k JOIN company n ON n.id = k.listing_id
                                            WHERE k.organisation_id = e.organisation_id AND k.identifies))
           OR e.organisation_id IN (SELECT t.organisation_id FROM vault.knowing_together(told) t))
$$;
-- The same for the holder of the listing, which passes it to the count and to nobody.
CREATE FUNCTION vault.shown_so_far(listing uuid, told uuid[])
    RETURNS TABLE (own boolean, settled boolean, codebook_version text, cell int, codes text[], facts jsonb, in_force text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.* FROM vault.shown_about(listing, told) s WHERE vault.holds(listing)
$$;
CREATE FUNCTION vault.own_name_tells(listing uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT vault.told_by_name(listing) WHERE vault.holds(listing)
$$;
CREATE FUNCTION vault.knows_company(listing uuid, buyer uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT vault.holds(listing) AND EXISTS (SELECT FROM vault.same_company(listing) s JOIN vault.exposure e ON e.listing_id = s.listing_id
                   WHERE e.organisation_id = buyer AND e.identifies)
$$;
-- What was decided about this step so far: nothing of the reason, which may be another intermediary's listing.
CREATE FUNCTION vault.hold_standing(the_step text, listing uuid, told uuid, teaser uuid)
    RETURNS TABLE (state text, candidates int, for_all boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT h.state, h.candidates, h.for_every_buyer FROM vault.hold h
    WHERE h.step = the_step AND h.listing_id = listing AND (h.told_id IS NOT DISTINCT FROM told OR h.for_every_buyer)
      AND (the_step <> 'publication' OR h.ref = teaser) AND (ops.kind() IS NULL OR vault.holds(listing))
$$;
-- Some companies are looked at though nothing was found, the same ones each time: who is made to wait learns nothing from it.
CREATE FUNCTION vault.spot_checked(listing uuid, percent int) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT get_byte(k.key, 0) * 256 + get_byte(k.key, 1) < percent * 655.36
                     FROM vault.company_key k WHERE k.listing_id = listing ORDER BY k.since, k.key LIMIT 1), false)
$$;

-- For the operator, who decides without learning which company it is.
CREATE FUNCTION vault.shown_for_hold(wanted uuid)
    RETURNS TABLE (listing_id uuid, intermediary_id uuid, channel text, audiences smallint, organisation_id uuid,
                   place text, industry text, founded text, employees text, revenue text, margin text, facts jsonb, batch int, day date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT e.listing_id, l.intermediary_id, e.channel, e.audiences, e.organisation_id, c.place, c.industry, c.founded, c.employees,
           c.revenue, c.margin, e.facts, p.batch, (e.at AT TIME ZONE 'Asia/Tokyo')::date
    FROM vault.hold h CROSS JOIN LATERAL vault.same_company(h.listing_id) s
    JOIN vault.exposure e ON e.listing_id = s.listing_id AND NOT e.identifies
    JOIN vault.listing l ON l.id = e.listing_id JOIN vault.publication p ON p.ref = e.ref
    LEFT JOIN market.cell c ON c.id = e.cell_id
    WHERE h.id = wanted AND ops.kind() = 'operator' ORDER BY e.at, e.id
$$;
CREATE FUNCTION vault.operators() RETURNS TABLE (organisation_id uuid)  -- whom to tell
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT id FROM vault.organisation WHERE kind = 'operator' AND status = 'verified'
$$;
CREATE FUNCTION vault.listed_twice()
    RETURNS TABLE (first_listing uuid, first_intermediary uuid, first_state text, second_listing uuid, second_intermediary uuid,
                   second_state text, since timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT a.id, a.intermediary_id, a.state, b.id, b.intermediary_id, b.state, min(greatest(x.since, y.since))
    FROM vault.company_key x JOIN vault.company_key y ON y.key = x.key
    JOIN vault.listing a ON a.id = x.listing_id JOIN vault.listing b ON b.id = y.listing_id
    WHERE (a.created_at, a.id) < (b.created_at, b.id) AND a.intermediary_id <> b.intermediary_id
      AND a.state NOT IN ('withdrawn', 'succeeded') AND b.state NOT IN ('withdrawn', 'succeeded') AND ops.kind() = 'operator'
    GROUP BY a.id, b.id
$$;

-- ---------------------------------------------------------------- one request per teaser, not per listing
-- "You have asked already" told a buyer that a teaser it had never seen is one it asked about before it came down.
DROP INDEX vault.deal_one_open;
CREATE UNIQUE INDEX deal_one_open ON vault.deal (listing_id, buyer_id, teaser_ref) WHERE terminal IS NULL;

-- ---------------------------------------------------------------- who may
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['company_salt', 'company_key', 'exposure', 'hold'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['keep_company_keys()', 'same_company(uuid)', 'lock_companies(uuid[])', 'told_by_name(uuid)', 'expose_publication()',
        'expose_introduction()', 'expose_to_buyer()', 'knowing_together(uuid[])', 'hold_whose()', 'lapse_holds()', 'held()', 'shown_about(uuid, uuid[])',
        'shown_so_far(uuid, uuid[])', 'own_name_tells(uuid)', 'knows_company(uuid, uuid)', 'hold_standing(text, uuid, uuid, uuid)', 'spot_checked(uuid, int)',
        'shown_for_hold(uuid)', 'listed_twice()', 'operators()'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON vault.company_salt TO succession_definer;
GRANT SELECT, INSERT ON vault.company_key, vault.exposure TO succession_definer;
GRANT SELECT, INSERT, UPDATE ON vault.hold TO succession_definer;
GRANT SELECT ON vault.company_salt, vault.company_key, vault.exposure, vault.hold TO succession_seeder;
GRANT EXECUTE ON FUNCTION vault.written_once(text) TO succession_definer;

-- An intermediary and an owner read what was shown of their own listing, and of no other.
GRANT SELECT ON vault.exposure TO succession_app;
CREATE POLICY hold ON vault.exposure FOR SELECT TO succession_app USING (vault.holds(listing_id));
CREATE POLICY owner ON vault.exposure FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
-- Whoever holds a listing can be made to wait, and cannot read why. The operator decides and cannot add.
GRANT SELECT ON vault.hold TO succession_app;
GRANT INSERT (step, listing_id, ref, told_id, reason, candidates, needed) ON vault.hold TO succession_app, succession_worker;
GRANT UPDATE (decision, words, for_every_buyer, decided_by, confirmed_by) ON vault.hold TO succession_app;
CREATE POLICY wait ON vault.hold FOR INSERT TO succession_app WITH CHECK (vault.holds(listing_id));
CREATE POLICY operator ON vault.hold FOR SELECT TO succession_app USING (ops.kind() = 'operator');
CREATE POLICY operator_decide ON vault.hold FOR UPDATE TO succession_app USING (ops.kind() = 'operator') WITH CHECK (ops.kind() = 'operator');
GRANT SELECT ON vault.hold TO succession_worker;
CREATE POLICY worker ON vault.hold TO succession_worker USING (true) WITH CHECK (true);

GRANT EXECUTE ON FUNCTION vault.lock_companies(uuid[]) TO succession_app, succession_worker;
GRANT EXECUTE ON FUNCTION vault.own_name_tells(uuid), vault.shown_so_far(uuid, uuid[]), vault.knows_company(uuid, uuid),
    vault.hold_standing(text, uuid, uuid, uuid), vault.shown_for_hold(uuid), vault.listed_twice(), vault.operators() TO succession_app;
GRANT EXECUTE ON FUNCTION vault.same_company(uuid), vault.shown_about(uuid, uuid[]), vault.hold_standing(text, uuid, uuid, uuid),
    vault.spot_checked(uuid, int), vault.operators() TO succession_worker;

-- ---------------------------------------------------------------- what is there already
SET LOCAL ROLE succession_definer;
INSERT INTO vault.company_salt (salt) SELECT sha256(convert_to(string_agg(gen_random_uuid()::text, ''), 'UTF8')) FROM generate_series(1, 4);
UPDATE vault.listing_identity SET legal_name = legal_name;
INSERT INTO vault.exposure (listing_id, ref, channel, audiences, cell_id, in_force, at)
SELECT listing_id, ref, 'publication', audiences, cell_id, codebook_version, published_at FROM vault.publication
WHERE published_at IS NOT NULL ORDER BY published_at, ref;
INSERT INTO vault.exposure (listing_id, ref, channel, organisation_id, cell_id, facts, at)
SELECT p.listing_id, p.ref, 'introduction', told.organisation_id, told.cell_id, told.facts, coalesce(i.decided_at, now())
FROM vault.introduction i JOIN vault.publication p ON p.ref = i.teaser_ref CROSS JOIN LATERAL (VALUES
    (i.acquirer_id, p.cell_id, '{}'::jsonb),
    (i.acquirer_id, NULL, coalesce(vault.told_by_name(p.listing_id), '{}')),
    (i.agency_id, NULL, coalesce(vault.told_by_name(p.listing_id), '{}'))) AS told(organisation_id, cell_id, facts)
WHERE i.state = 'accepted';
INSERT INTO vault.exposure (listing_id, ref, channel, organisation_id, facts, identifies, at)
SELECT d.listing_id, d.teaser_ref, coalesce(shown.level, 'nda'), told.id,
       CASE WHEN shown.level IS NULL THEN coalesce(vault.told_by_name(d.listing_id), '{}') ELSE '{}' END, shown.level IS NOT NULL, shown.at
FROM (SELECT deal_id, NULL AS level, offered_at AS at FROM vault.nda
      UNION ALL SELECT deal_id, level, granted_at FROM vault.disclosure_grant) AS shown
JOIN vault.deal d ON d.id = shown.deal_id CROSS JOIN LATERAL (VALUES (d.buyer_id), (d.representative_id)) AS told(id)
WHERE told.id IS NOT NULL;
RESET ROLE;
