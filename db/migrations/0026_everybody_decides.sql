-- Teasers and folders are decided as a name is: by everybody whom the mandate names, each with a code or on a paper of their own.

-- Some functions here ask tables of other files: their bodies are checked when first used.
SET LOCAL check_function_bodies = off;

-- ---------------------------------------------------------------- who is asked, and what each answered
-- As name_clear_person and name_clear_answer, which stay where they are: chains commit to their rows.
CREATE TABLE vault.decider (                   -- frozen with the question, by the database
    subject_id uuid NOT NULL,                  -- the proposal or the folder permission
    number smallint NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('teaser', 'folder')),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    deal_id uuid REFERENCES vault.deal,        -- NULL: a teaser is shown to more than one
    owner_contact_id uuid REFERENCES vault.owner_contact,  -- NULL: answered before persons were kept apart
    name text NOT NULL,
    representative boolean NOT NULL,
    PRIMARY KEY (subject_id, number),
    UNIQUE (subject_id, owner_contact_id)
);
CREATE INDEX ON vault.decider (listing_id);

CREATE TABLE vault.decider_answer (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    subject_id uuid NOT NULL,
    number smallint NOT NULL,
    listing_id uuid NOT NULL,
    deal_id uuid,
    decision text NOT NULL CHECK (decision IN ('yes', 'no', 'ask_adviser', 'withdrawn')),
    audiences smallint CHECK (audiences BETWEEN 1 AND 15),  -- ticked by this person; a teaser is shown to whom everybody ticked
    answered_by text NOT NULL,                 -- the name as given
    method text NOT NULL CHECK (method IN ('link', 'paper')),
    owner_link_id uuid UNIQUE REFERENCES vault.owner_link,
    code_id uuid UNIQUE,                       -- the one-time code that was spent for it
    paper_evidence_id uuid UNIQUE REFERENCES vault.paper_evidence,
    shown_hash bytea NOT NULL,
    evidence jsonb NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (subject_id, number) REFERENCES vault.decider (subject_id, number),
    CONSTRAINT decider_answer_method CHECK (paper_evidence_id IS NULL OR (method = 'paper' AND owner_link_id IS NULL AND code_id IS NULL)),
    CONSTRAINT decider_answer_audiences CHECK (audiences IS NULL OR decision = 'yes')
);
CREATE UNIQUE INDEX decider_answer_once ON vault.decider_answer (subject_id, number) WHERE decision IN ('yes', 'no');
CREATE UNIQUE INDEX decider_withdrawn_once ON vault.decider_answer (subject_id, number) WHERE decision = 'withdrawn';
CREATE INDEX ON vault.decider_answer (subject_id, number, answered_at);

-- ---------------------------------------------------------------- one question, whatever it is about
-- open: an answer counts; agreed: everybody said yes, and that stands; ended: nobody is told any more who answered.
CREATE FUNCTION vault.owner_question(wanted uuid)
    RETURNS TABLE (id uuid, purpose text, listing_id uuid, deal_id uuid, intermediary_id uuid, asked_by uuid, shown_hash bytea,
                   audiences smallint, open boolean, agreed boolean, ended boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.id, 'name_clear', c.listing_id, c.deal_id, d.intermediary_id, c.asked_by, c.shown_hash, NULL::smallint,
           c.revoked_at IS NULL AND c.decision IS DISTINCT FROM 'no' AND c.expires_at > now() AND d.terminal IS NULL,
           c.revoked_at IS NULL AND c.decision IS NOT DISTINCT FROM 'yes', c.revoked_at IS NOT NULL OR c.decision IS NOT DISTINCT FROM 'no'
    FROM vault.name_clear c JOIN vault.deal d ON d.id = c.deal_id WHERE c.id = wanted
    UNION ALL
    SELECT p.id, 'folder', p.listing_id, p.deal_id, d.intermediary_id, p.asked_by, p.shown_hash, NULL,
           p.revoked_at IS NULL AND p.decision IS DISTINCT FROM 'no' AND p.expires_at > now() AND d.terminal IS NULL,
           p.revoked_at IS NULL AND p.decision IS NOT DISTINCT FROM 'yes', p.revoked_at IS NOT NULL OR p.decision IS NOT DISTINCT FROM 'no'
    FROM vault.folder_permission p JOIN vault.deal d ON d.id = p.deal_id WHERE p.id = wanted
    UNION ALL
    SELECT p.id, 'teaser', p.listing_id, NULL, l.intermediary_id, p.proposed_by, p.canonical_hash, p.audiences,
           p.decision IS NULL AND p.superseded_at IS NULL AND l.state NOT IN ('withdrawn', 'succeeded'),
           p.decision IS NOT DISTINCT FROM 'approved', p.decision IS NOT DISTINCT FROM 'refused' OR (p.decision IS NULL AND p.superseded_at IS NOT NULL)
    FROM vault.teaser_proposal p JOIN vault.listing l ON l.id = p.listing_id WHERE p.id = wanted
$$;
-- Everybody asked, and the answer of each that counts.
CREATE FUNCTION vault.asked(question uuid)
    RETURNS TABLE (number smallint, listing_id uuid, owner_contact_id uuid, name text, representative boolean, decision text, audiences smallint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.number, p.listing_id, p.owner_contact_id, p.name, p.representative, (
        SELECT a.decision FROM vault.name_clear_answer a WHERE a.name_clear_id = p.name_clear_id AND a.number = p.number
        ORDER BY a.decision = 'ask_adviser', a.decision <> 'withdrawn' LIMIT 1), NULL::smallint
    FROM vault.name_clear_person p WHERE p.name_clear_id = question
    UNION ALL
    SELECT p.number, p.listing_id, p.owner_contact_id, p.name, p.representative, a.decision, a.audiences
    FROM vault.decider p LEFT JOIN LATERAL (
        SELECT x.decision, x.audiences FROM vault.decider_answer x WHERE x.subject_id = p.subject_id AND x.number = p.number
        ORDER BY x.decision = 'ask_adviser', x.decision <> 'withdrawn' LIMIT 1) a ON true
    WHERE p.subject_id = question
$$;
-- The same for the program: what each answered is read in the owner's own session alone.
CREATE FUNCTION vault.persons_asked(question uuid)
    RETURNS TABLE (number smallint, owner_contact_id uuid, name text, representative boolean, decision text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.number, p.owner_contact_id, p.name, p.representative, CASE WHEN vault.is_owner(p.listing_id) THEN p.decision END
    FROM vault.asked(question) p WHERE vault.is_owner(p.listing_id) OR vault.holds(p.listing_id) ORDER BY p.number
$$;
-- What the answers come to: a no closes, a yes needs everybody, and for a teaser something that everybody ticked.
CREATE FUNCTION vault.deciders_verdict(question uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN bool_or(p.decision IN ('no', 'withdrawn')) THEN 'no'
                WHEN bool_and(p.decision IS NOT DISTINCT FROM 'yes') THEN CASE WHEN bit_and(p.audiences) = 0 THEN 'no' ELSE 'yes' END
                WHEN bool_or(p.decision = 'ask_adviser') THEN 'ask_adviser' END
    FROM vault.asked(question) p
$$;

-- Whoever decides when the question is put has to say yes to it; persons whom the mandate names must be among them.
CREATE FUNCTION vault.freeze_deciders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.decision IS NOT NULL THEN
        RETURN NULL;  -- only the seeding role puts a question that is answered already
    END IF;
    INSERT INTO vault.decider
    SELECT new.id, row_number() OVER (ORDER BY c.name, c.id), tg_argv[0], new.listing_id, (to_jsonb(new) ->> 'deal_id')::uuid, c.id, c.name,
           c.role = 'representative'
    FROM vault.owner_contact c WHERE c.listing_id = new.listing_id AND c.decides AND c.removed_at IS NULL;
    IF ops.kind() IS NOT NULL AND (NOT FOUND OR EXISTS (
        SELECT FROM vault.mandate m CROSS JOIN jsonb_array_elements_text(coalesce(m.terms -> 'persons_who_decide', '[]')) AS named(name)
        WHERE m.listing_id = new.listing_id AND m.state = 'active' AND NOT EXISTS (
            SELECT FROM vault.decider p WHERE p.subject_id = new.id AND vault.same_name(p.name, named.name))))
    THEN
        RAISE EXCEPTION 'a person whom the mandate names is not on record' USING ERRCODE = 'SU002', CONSTRAINT = 'deciders_missing';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER deciders AFTER INSERT ON vault.teaser_proposal FOR EACH ROW EXECUTE FUNCTION vault.freeze_deciders('teaser');
CREATE TRIGGER deciders AFTER INSERT ON vault.folder_permission FOR EACH ROW EXECUTE FUNCTION vault.freeze_deciders('folder');

-- One answer of one person, under the same conditions as for a name (vault.answer_causes).
CREATE FUNCTION vault.decider_answer_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    question record;
    person record;
BEGIN
    IF ops.kind() IS NULL THEN
        RETURN new;  -- bulk loading: only the seeding role writes without a scope
    END IF;
    PERFORM FROM vault.teaser_proposal p WHERE p.id = new.subject_id FOR UPDATE;
    PERFORM FROM vault.folder_permission p WHERE p.id = new.subject_id FOR UPDATE;
    SELECT * INTO question FROM vault.owner_question(new.subject_id);
    SELECT * INTO person FROM vault.asked(new.subject_id) a WHERE a.number = new.number;
    IF ops.kind() <> 'owner' OR ops.owner_listing() IS DISTINCT FROM question.listing_id
       OR (new.listing_id, new.deal_id) IS DISTINCT FROM (question.listing_id, question.deal_id) THEN
        RAISE EXCEPTION 'only the owner decides' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    IF new.shown_hash IS DISTINCT FROM question.shown_hash
       OR (new.decision = 'withdrawn' AND (person.decision IS DISTINCT FROM 'yes' OR question.ended OR (question.purpose = 'teaser' AND question.agreed)))
       OR (new.decision <> 'withdrawn' AND (NOT question.open OR person.decision IN ('yes', 'no', 'withdrawn')))
    THEN
        RAISE EXCEPTION 'this question is no longer open' USING ERRCODE = 'SU002', CONSTRAINT = 'deciders_closed';
    END IF;
    IF (question.purpose = 'teaser' AND new.decision = 'yes') <> (new.audiences IS NOT NULL) OR new.audiences & ~question.audiences <> 0 THEN
        RAISE EXCEPTION 'a yes to a teaser is for audiences that were asked for' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    IF new.method = 'link' THEN
        IF NOT EXISTS (SELECT FROM vault.owner_link k WHERE k.id = new.owner_link_id AND k.subject_id = question.id AND k.used_at IS NOT NULL
                       AND k.purpose = question.purpose AND k.owner_contact_id = person.owner_contact_id) THEN
            RAISE EXCEPTION 'this link is somebody else''s' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
        END IF;
        IF new.decision = 'yes' AND NOT EXISTS (
            SELECT FROM ops.one_time_code o JOIN vault.owner_link k ON k.id = new.owner_link_id
            WHERE o.id = new.code_id AND o.spent_at IS NOT NULL AND o.purpose = question.purpose AND o.subject_id = question.id
              AND o.holder = 'contact:' || person.owner_contact_id
              AND CASE WHEN o.channel = 'spoken' THEN vault.may_speak(question.id, k.handed_by, o.issued_by) ELSE k.handed_by IS NULL END)
        THEN
            RAISE EXCEPTION 'a yes needs its code' USING ERRCODE = 'SU002', CONSTRAINT = 'decider_code';
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM vault.paper_evidence e
        WHERE e.id = new.paper_evidence_id AND e.listing_id = question.listing_id AND e.subject_id = question.id
          AND e.owner_contact_id = person.owner_contact_id AND e.confirmed_at IS NOT NULL AND e.confirmed_by <> e.entered_by
          AND CASE e.decision WHEN 'approved' THEN new.decision = 'yes' AND e.audiences = new.audiences
                              WHEN 'refused' THEN new.decision IN ('no', 'withdrawn') ELSE e.decision = new.decision END)
    THEN
        RAISE EXCEPTION 'only the owner decides' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    new.answered_at := now();
    RETURN new;
END $$;
CREATE TRIGGER answer_causes BEFORE INSERT ON vault.decider_answer FOR EACH ROW EXECUTE FUNCTION vault.decider_answer_causes();

-- The question says what its answers come to, and nothing else; who said no stands in the answers alone.
CREATE FUNCTION vault.decider_answers_count() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    verdict text := vault.deciders_verdict(new.subject_id);
    told text := (SELECT string_agg(a.answered_by, '、' ORDER BY a.number) FROM vault.decider_answer a
                  WHERE a.subject_id = new.subject_id AND a.decision IN ('yes', 'no')
                    AND (verdict = 'yes' OR 1 = (SELECT count(*) FROM vault.decider p WHERE p.subject_id = new.subject_id)));
BEGIN
    IF ops.kind() IS NULL THEN
        RETURN NULL;
    END IF;
    UPDATE vault.folder_permission SET revoked_at = now() WHERE id = new.subject_id AND new.decision = 'withdrawn' AND revoked_at IS NULL;
    UPDATE vault.folder_permission SET decision = verdict, decided_at = now(), method = new.method, paper_evidence_id = new.paper_evidence_id,
        decided_by = told
    WHERE id = new.subject_id AND new.decision <> 'withdrawn' AND verdict IS NOT NULL AND decision IS DISTINCT FROM verdict;
    UPDATE vault.teaser_proposal SET decision = CASE verdict WHEN 'yes' THEN 'approved' ELSE 'refused' END, decided_at = now(), method = new.method,
        paper_evidence_id = new.paper_evidence_id, decided_by = told,
        audiences_granted = CASE WHEN verdict = 'yes' THEN (SELECT bit_and(a.audiences) FROM vault.asked(new.subject_id) a) END
    WHERE id = new.subject_id AND verdict IN ('yes', 'no') AND decision IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER answers_count AFTER INSERT ON vault.decider_answer FOR EACH ROW EXECUTE FUNCTION vault.decider_answers_count();
CREATE FUNCTION vault.deciders_decided() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NOT NULL AND new.decision IS DISTINCT FROM (CASE WHEN tg_op = 'UPDATE' THEN old.decision END)
       AND (CASE new.decision WHEN 'approved' THEN 'yes' WHEN 'refused' THEN 'no' ELSE new.decision END)
           IS DISTINCT FROM vault.deciders_verdict(new.id) THEN
        RAISE EXCEPTION 'only the owner decides' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    RETURN new;
END $$;
DROP TRIGGER owner_decides ON vault.teaser_proposal;
DROP TRIGGER owner_decides ON vault.folder_permission;
DROP FUNCTION vault.owner_decides();
CREATE TRIGGER owner_decides BEFORE INSERT OR UPDATE ON vault.teaser_proposal FOR EACH ROW EXECUTE FUNCTION vault.deciders_decided();
CREATE TRIGGER owner_decides BEFORE INSERT OR UPDATE ON vault.folder_permission FOR EACH ROW EXECUTE FUNCTION vault.deciders_decided();
-- Which audiences a paper names is compared with that person's answer now, not with what everybody ticked.
CREATE OR REPLACE FUNCTION vault.proposal_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF (new.id, new.listing_id, new.canonical, new.canonical_hash, new.rendering_ja, new.cell_id, new.audiences, new.consent_months,
        new.proposed_by, new.proposed_at)
       IS DISTINCT FROM
       (old.id, old.listing_id, old.canonical, old.canonical_hash, old.rendering_ja, old.cell_id, old.audiences, old.consent_months,
        old.proposed_by, old.proposed_at)
       OR (old.decision IS NOT NULL AND
           (new.decision, new.audiences_granted, new.decided_at, new.decided_by, new.method, new.paper_evidence_id, new.evidence)
           IS DISTINCT FROM
           (old.decision, old.audiences_granted, old.decided_at, old.decided_by, old.method, old.paper_evidence_id, old.evidence))
    THEN
        RAISE EXCEPTION 'what the owner was shown and answered stands' USING ERRCODE = 'SU001';
    END IF;
    IF old.decision IS NULL AND new.decision IS NOT NULL AND old.superseded_at IS NOT NULL THEN
        RAISE EXCEPTION 'a newer teaser was put before the owner' USING ERRCODE = 'SU002', CONSTRAINT = 'proposal_superseded';
    END IF;
    RETURN new;
END $$;

-- ---------------------------------------------------------------- what was asked of name clears is asked of every question
CREATE OR REPLACE FUNCTION vault.may_speak(question uuid, handed_by uuid, speaker text)
    RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.owner_question(question) q
        JOIN vault.member m ON 'member:' || m.id = speaker AND m.status = 'active' AND m.id IS DISTINCT FROM q.asked_by
                           AND m.id IS DISTINCT FROM handed_by
        JOIN vault.organisation o ON o.id = m.organisation_id
        WHERE o.id = q.intermediary_id OR (
            o.kind = 'operator' AND m.role IN ('admin', 'reviewer') AND 1 = (
                SELECT count(*) FROM vault.member x WHERE x.organisation_id = q.intermediary_id AND x.status = 'active')))
$$;
-- The person to call or to hand a link to. `reachable`: an answer of theirs counts; `agreed`: there is a yes to take back.
DROP FUNCTION vault.person_to_call(uuid, uuid);
CREATE FUNCTION vault.person_to_call(question uuid, contact uuid)
    RETURNS TABLE (listing_id uuid, purpose text, name text, phone text, open boolean, agreed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT q.listing_id, q.purpose, p.name, k.phone, q.open AND k.removed_at IS NULL AND coalesce(p.decision = 'ask_adviser', true), q.agreed
    FROM vault.owner_question(question) q CROSS JOIN vault.asked(question) p JOIN vault.owner_contact k ON k.id = p.owner_contact_id
    WHERE p.owner_contact_id = contact AND (vault.holds(q.listing_id) OR vault.may_speak(question, NULL, 'member:' || ops.member()))
$$;
-- To whom a link goes: who has not answered yet; once all agreed, everybody, to take it back. Read by the program alone.
CREATE OR REPLACE FUNCTION vault.persons_to_ask(question uuid) RETURNS TABLE (contact_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.owner_contact_id FROM vault.owner_question(question) q CROSS JOIN vault.asked(question) p
    WHERE p.owner_contact_id IS NOT NULL AND (vault.holds(q.listing_id) OR vault.is_owner(q.listing_id))
      AND (q.agreed OR coalesce(p.decision = 'ask_adviser', true))
    UNION ALL  -- agreed before persons were kept apart: whoever decides today
    SELECT k.id FROM vault.owner_question(question) q JOIN vault.owner_contact k ON k.listing_id = q.listing_id AND k.decides AND k.removed_at IS NULL
    WHERE q.agreed AND (vault.holds(q.listing_id) OR vault.is_owner(q.listing_id)) AND NOT EXISTS (SELECT FROM vault.asked(question))
$$;
-- How many have answered, while that tells nobody who refused: nothing once it has ended.
CREATE OR REPLACE FUNCTION vault.answers_given(question uuid) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT (SELECT count(*)::int FROM vault.asked(question) p WHERE p.decision <> 'ask_adviser') FROM vault.owner_question(question) q
    WHERE NOT q.ended AND (vault.holds(q.listing_id) OR vault.is_owner(q.listing_id))
$$;

-- ---------------------------------------------------------------- evidence, policies, grants
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['decider', 'decider_answer'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.%I FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()', name);
        EXECUTE format('CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.%I FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change()', name);
        EXECUTE format('GRANT SELECT, INSERT ON vault.%I TO succession_definer, succession_seeder', name);
    END LOOP;
END $$;
GRANT SELECT ON vault.decider TO succession_app;
GRANT SELECT, INSERT ON vault.decider_answer TO succession_app;
CREATE POLICY seller ON vault.decider FOR SELECT TO succession_app USING (vault.holds(listing_id));
CREATE POLICY owner ON vault.decider FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
-- Who answered what is between that person and the record: the adviser reads what the answers come to.
CREATE POLICY owner ON vault.decider_answer FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY owner_answer ON vault.decider_answer FOR INSERT TO succession_app WITH CHECK (vault.is_owner(listing_id));
-- Nobody writes what the answers come to: the answers do.
REVOKE UPDATE ON vault.teaser_proposal, vault.folder_permission FROM succession_app;
GRANT UPDATE (superseded_at) ON vault.teaser_proposal TO succession_app;
DROP POLICY owner_edit ON vault.teaser_proposal;
DROP POLICY owner_edit ON vault.folder_permission;
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['owner_question(uuid)', 'asked(uuid)', 'persons_asked(uuid)', 'deciders_verdict(uuid)', 'freeze_deciders()',
        'decider_answer_causes()', 'decider_answers_count()', 'deciders_decided()', 'person_to_call(uuid, uuid)'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION vault.%s FROM PUBLIC', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION vault.persons_asked(uuid), vault.person_to_call(uuid, uuid) TO succession_app;

-- Questions put before this file: folders that were answered by whoever answered, open questions by whoever decides today.
SET LOCAL ROLE succession_seeder;
INSERT INTO vault.decider
SELECT p.id, 1, 'folder', p.listing_id, p.deal_id, k.id, coalesce(p.decided_by, ''), true
FROM vault.folder_permission p LEFT JOIN vault.paper_evidence e ON e.id = p.paper_evidence_id
LEFT JOIN vault.owner_contact k ON k.id = coalesce(e.owner_contact_id, (p.evidence ->> 'contact_id')::uuid) WHERE p.decision IN ('yes', 'no');
INSERT INTO vault.decider_answer (subject_id, number, listing_id, deal_id, decision, answered_by, method, paper_evidence_id, shown_hash, evidence, answered_at)
SELECT p.id, 1, p.listing_id, p.deal_id, p.decision, coalesce(p.decided_by, ''), p.method, p.paper_evidence_id, p.shown_hash,
       coalesce(p.evidence, '{}'), coalesce(p.decided_at, p.asked_at) FROM vault.folder_permission p WHERE p.decision IN ('yes', 'no');
INSERT INTO vault.decider
SELECT q.id, row_number() OVER (PARTITION BY q.id ORDER BY k.name, k.id), q.purpose, q.listing_id, q.deal_id, k.id, k.name, k.role = 'representative'
FROM (SELECT p.id, 'folder' AS purpose, p.listing_id, p.deal_id FROM vault.folder_permission p WHERE coalesce(p.decision, 'ask_adviser') = 'ask_adviser'
      UNION ALL
      SELECT t.id, 'teaser', t.listing_id, NULL FROM vault.teaser_proposal t WHERE t.decision IS NULL AND t.superseded_at IS NULL) q
JOIN vault.owner_contact k ON k.listing_id = q.listing_id AND k.decides AND k.removed_at IS NULL;
RESET ROLE;

-- ---------------------------------------------------------------- a representative's own data, in the view itself
-- Is there a live grant of the asker's whose buyer may be told of the representative? One statement that forgets to ask again
-- reads nothing of a person it may not.
CREATE FUNCTION vault.personal_data_granted(listing uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.disclosure_grant g
                   WHERE g.listing_id = listing AND g.level = 'dossier' AND vault.party(g.deal_id) IN ('buyer', 'representative')
                     AND vault.personal_data_open(g.deal_id) AND vault.grant_holds(g.id))
$$;
ALTER FUNCTION vault.personal_data_granted(uuid) OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.personal_data_granted(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.personal_data_granted(uuid) TO succession_app;
DO $$
DECLARE
    block record;
    columns text;
BEGIN  -- the columns of disclosure/personal_data.py, whichever others the views have; a test compares
    FOR block IN SELECT * FROM (VALUES
        ('listing_contact', '{representative_name,representative_kana,representative_romaji}'::text[]),
        ('listing_profile', '{owner_birth_year}')) AS t(name, personal)
    LOOP
        SELECT string_agg(CASE WHEN a.attname = ANY (block.personal)
                               THEN format('CASE WHEN vault.holds(listing_id) OR vault.personal_data_granted(listing_id) THEN %1$I END AS %1$I', a.attname)
                               ELSE quote_ident(a.attname) END, ', ' ORDER BY a.attnum) INTO columns
        FROM pg_attribute a WHERE a.attrelid = format('vault.%I', 'shown_' || block.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped;
        EXECUTE format('CREATE OR REPLACE VIEW vault.%I WITH (security_barrier = true) AS SELECT %s FROM vault.%I '
                       'WHERE vault.holds(listing_id) OR vault.live_grant(listing_id, ''dossier'')', 'shown_' || block.name, columns, block.name);
    END LOOP;
END $$;

-- ---------------------------------------------------------------- who is bound by an agreement is looked for in lists as well
CREATE OR REPLACE FUNCTION vault.parties_of(deal uuid)
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
        UNION ALL SELECT m.name, 'nda_member', 'person', NULL, NULL, '{}'
                  FROM d JOIN vault.nda n ON n.deal_id = d.deal_id AND n.signed_at IS NOT NULL AND n.ended_at IS NULL
                  JOIN vault.nda_member m ON m.nda_id = n.id AND m.released_at IS NULL
    ) p WHERE p.name IS NOT NULL
$$;
-- The same as rescreening_due for one deal, when somebody was named under its agreement.
CREATE FUNCTION vault.rescreening_of(deal uuid)
    RETURNS TABLE (deal_id uuid, listing_id uuid, buyer_id uuid, intermediary_id uuid, project_name text, occasion text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT d.id, d.listing_id, d.buyer_id, d.intermediary_id, d.project_name, w.occasion
    FROM vault.deal d CROSS JOIN LATERAL vault.last_screening(d.id) s CROSS JOIN LATERAL (SELECT vault.run_stale(d.id) AS occasion) w
    WHERE d.id = deal AND d.terminal IS NULL AND s.decision = 'cleared' AND s.expires_at > now() AND w.occasion IS NOT NULL
$$;
ALTER FUNCTION vault.rescreening_of(uuid) OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.rescreening_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.rescreening_of(uuid) TO succession_worker;
-- Was this person found in the last run, and has nobody cleared that yet? One reads nothing until two persons have.
CREATE FUNCTION vault.member_stopped(deal uuid, person text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM (SELECT r.candidates FROM vault.screening_run r WHERE r.deal_id = deal ORDER BY r.ran_at DESC, r.id LIMIT 1) r
        CROSS JOIN LATERAL jsonb_array_elements(r.candidates) c
        WHERE c ->> 'party_role' = 'nda_member' AND c ->> 'party_name' = person AND NOT EXISTS (
            SELECT FROM vault.last_screening(deal) s CROSS JOIN LATERAL jsonb_array_elements(s.candidates) k
            WHERE k ->> 'list_code' = c ->> 'list_code' AND k ->> 'party_name' = person
              AND coalesce(k ->> 'entry_ref', k ->> 'entry_name') = coalesce(c ->> 'entry_ref', c ->> 'entry_name')))
$$;
ALTER FUNCTION vault.member_stopped(uuid, text) OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.member_stopped(uuid, text) FROM PUBLIC;
CREATE OR REPLACE FUNCTION vault.bound_by(wanted uuid, reader uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.nda_member b
                   JOIN vault.member m ON m.id = b.member_id AND m.organisation_id = b.organisation_id AND m.status = 'active'
                   WHERE b.nda_id = wanted AND b.member_id = reader AND b.acknowledged_at IS NOT NULL AND b.released_at IS NULL
                     AND NOT vault.member_stopped(b.deal_id, b.name))
$$;

-- ---------------------------------------------------------------- what a published adverse event put on the internal list goes with it
INSERT INTO ops.retention_rows (class, position, relation, due_when) VALUES
    ('adverse_event', 2, 'vault.screening_list_entry', 't.list_code = ''adverse_events'' AND t.added_at < now() - KEEP AND NOT EXISTS '
     '(SELECT FROM vault.buyer_adverse_event e WHERE e.id::text = split_part(t.ref, '':'', 1))');
GRANT SELECT, DELETE ON vault.screening_list_entry TO succession_purger;
-- A list that lost names is another version: nobody consults a copy of the old one, and deals under way are looked at again.
CREATE FUNCTION vault.list_entries_purged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO vault.screening_list_version (list_code, number, label, as_of, format, file_hash, entries, added, removed, changed)
    SELECT v.list_code, v.number + 1, v.label, ops.today(), 'entries', sha256(convert_to(g.ids, 'UTF8')), v.entries - g.number, 0, g.number, 0
    FROM (SELECT p.list_code, count(*) AS number, string_agg(p.id::text, ',' ORDER BY p.id) AS ids FROM purged p WHERE p.removed_at IS NULL
          GROUP BY p.list_code) g
    JOIN LATERAL (SELECT * FROM vault.screening_list_version x WHERE x.list_code = g.list_code ORDER BY x.number DESC LIMIT 1) v ON true;
    RETURN NULL;
END $$;
ALTER FUNCTION vault.list_entries_purged() OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.list_entries_purged() FROM PUBLIC;
GRANT INSERT ON vault.screening_list_version TO succession_definer;
CREATE TRIGGER entries_purged AFTER DELETE ON vault.screening_list_entry REFERENCING OLD TABLE AS purged
    FOR EACH STATEMENT EXECUTE FUNCTION vault.list_entries_purged();

-- ---------------------------------------------------------------- the owner is told of a later screening
ALTER TABLE vault.owner_link DROP CONSTRAINT owner_link_purpose_check;
ALTER TABLE vault.owner_link ADD CONSTRAINT owner_link_purpose_check CHECK (purpose IN ('folder', 'teaser', 'name_clear', 'screening'));

-- ---------------------------------------------------------------- third persons stay by role in every text that goes out
-- Whose names are known with a company: the family, and whoever was asked for a consent. Spaces between the parts of a name vary.
CREATE FUNCTION vault.known_third_persons(listing uuid) RETURNS TABLE (name text, role text, pattern text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT DISTINCT ON (p.name) p.name, p.role, regexp_replace(regexp_replace(btrim(p.name, E' \u3000'), '([.*+?^${}()|\[\]\\])', '\\\1', 'g'),
                                                              '[ \u3000]+', '[ \u3000]*', 'g')
    FROM (SELECT f.person ->> 'name' AS name, 'family' AS role FROM vault.listing_contact k
          CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(k.family) WHEN 'array' THEN k.family ELSE '[]' END) AS f(person)
          WHERE k.listing_id = listing
          UNION ALL SELECT t.name, t.role FROM vault.third_person_consent t WHERE t.listing_id = listing) p
    WHERE length(regexp_replace(p.name, '[ \u3000]', '', 'g')) >= 2 ORDER BY p.name, p.role
$$;
-- A text as the buyer of this deal may be told it. JSON goes through as it is: a name holds neither quotes nor line ends.
CREATE FUNCTION vault.by_role(listing uuid, deal uuid, words text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    person record;
BEGIN
    IF vault.party(deal) IS NULL THEN
        RETURN words;  -- a stranger's own words, which tell it nothing
    END IF;
    FOR person IN SELECT p.pattern, p.role FROM vault.known_third_persons(listing) p WHERE NOT vault.third_person_open(deal, p.name)
                  ORDER BY length(p.name) DESC, p.name LOOP
        words := regexp_replace(words, person.pattern, CASE person.role WHEN 'family' THEN '［家族］' WHEN 'officer' THEN '［役員］'
            WHEN 'shareholder' THEN '［株主］' WHEN 'employee' THEN '［従業員］' WHEN 'customer_person' THEN '［取引先の担当者］' ELSE '［関係者］' END, 'g');
    END LOOP;
    RETURN words;
END $$;
-- The known person whom these words name, for whoever holds the company: titles and folders name nobody.
CREATE FUNCTION vault.third_person_named(listing uuid, words text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.name FROM vault.known_third_persons(listing) p WHERE vault.holds(listing) AND words ~ p.pattern ORDER BY p.name LIMIT 1
$$;
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['known_third_persons(uuid)', 'by_role(uuid, uuid, text)', 'third_person_named(uuid, text)'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION vault.%s FROM PUBLIC', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION vault.by_role(uuid, uuid, text), vault.third_person_named(uuid, text) TO succession_app;
-- A name that becomes known is hidden from then on: what was shown is compared again.
DROP TRIGGER facts_changed ON vault.third_person_consent;
CREATE TRIGGER facts_changed AFTER INSERT OR UPDATE ON vault.third_person_consent FOR EACH ROW EXECUTE FUNCTION vault.third_person_changed();

-- ---------------------------------------------------------------- the certificate of a registered seal (印鑑証明), as a scan
ALTER TABLE vault.paper_evidence ADD COLUMN seal_certificate_scan bytea;
ALTER TABLE vault.paper_evidence ADD COLUMN seal_certificate_media_type text;
ALTER TABLE vault.paper_evidence ADD CONSTRAINT paper_certificate_scan CHECK (
    (seal_certificate_scan IS NULL) = (seal_certificate_media_type IS NULL)
    AND (seal_certificate_scan IS NULL OR (seal_certificate_hash IS NOT NULL AND seal_certificate_hash = sha256(seal_certificate_scan))));
