-- The owner's consent: one buyer, every person the mandate names, each by an own link with a code or on an own paper; what
-- the law asks for personal data that goes abroad; and who else in a company may be told by name.

-- Some functions here ask tables of other files: their bodies are checked when first used.
SET LOCAL check_function_bodies = off;

-- ---------------------------------------------------------------- who decides, and how they are reached
ALTER TABLE vault.owner_contact ADD COLUMN decides boolean NOT NULL DEFAULT true;  -- must say yes before a name is told
ALTER TABLE vault.owner_contact ADD COLUMN phone text CHECK (length(phone) BETWEEN 1 AND 40);
ALTER TABLE vault.owner_contact DROP CONSTRAINT owner_contact_role_check;
ALTER TABLE vault.owner_contact ADD CONSTRAINT owner_contact_role_check CHECK (role IN ('representative', 'co_owner', 'informed'));
ALTER TABLE vault.organisation ADD COLUMN phone text CHECK (length(phone) BETWEEN 1 AND 40);  -- for owners who would rather call
SET LOCAL ROLE succession_seeder;
UPDATE vault.owner_contact SET decides = false WHERE role = 'informed';
RESET ROLE;
ALTER TABLE vault.owner_contact ADD CONSTRAINT owner_contact_informed CHECK (NOT (decides AND role = 'informed'));

-- A link that was handed over instead of mailed: its yes needs a code that somebody else speaks.
ALTER TABLE vault.owner_link ADD COLUMN handed_by uuid REFERENCES vault.member;
CREATE FUNCTION vault.link_handed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.handed_by IS NOT NULL AND ops.kind() IS NOT NULL AND new.handed_by IS DISTINCT FROM ops.member() THEN
        RAISE EXCEPTION 'who hands a link over is who acts' USING ERRCODE = 'SU002', CONSTRAINT = 'link_handed_by_actor';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER link_handed BEFORE INSERT ON vault.owner_link FOR EACH ROW EXECUTE FUNCTION vault.link_handed();
DROP FUNCTION vault.owner_link_for(bytea);
CREATE FUNCTION vault.owner_link_for(hash bytea)
    RETURNS TABLE (link_id uuid, listing_id uuid, purpose text, subject_id uuid, contact_id uuid, owner_name text, email text, locale text,
                   handed boolean, used boolean, expired boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.id, k.listing_id, k.purpose, k.subject_id, c.id, c.name, c.email, c.locale, k.handed_by IS NOT NULL,
           k.used_at IS NOT NULL, k.expires_at <= now()
    FROM vault.owner_link k JOIN vault.owner_contact c ON c.id = k.owner_contact_id WHERE k.token_hash = hash
$$;
-- Whom to call: the adviser's own line, and who looks after this company.
CREATE FUNCTION vault.adviser_of(listing uuid) RETURNS TABLE (adviser text, member text, phone text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT o.legal_name, m.name, o.phone FROM vault.listing l JOIN vault.organisation o ON o.id = l.intermediary_id
    LEFT JOIN vault.member m ON m.id = l.responsible_member_id AND m.status = 'active'
    WHERE l.id = listing AND (vault.is_owner(l.id) OR vault.holds(l.id))
$$;

-- A paper says whose it is and how it was sealed: a registered seal (実印) may come with its certificate, an everyday one
-- (認印) or a signature without. All weigh the same.
ALTER TABLE vault.paper_evidence ADD COLUMN owner_contact_id uuid REFERENCES vault.owner_contact;
ALTER TABLE vault.paper_evidence ADD COLUMN personal_data boolean NOT NULL DEFAULT false;  -- the separate consent was ticked
ALTER TABLE vault.paper_evidence ADD COLUMN seal text CHECK (seal IN ('registered_seal', 'everyday_seal', 'signature'));
ALTER TABLE vault.paper_evidence ADD COLUMN seal_certificate_hash bytea CHECK (length(seal_certificate_hash) = 32);
ALTER TABLE vault.paper_evidence ADD COLUMN seal_certificate_on date;
ALTER TABLE vault.paper_evidence ADD CONSTRAINT paper_certificate CHECK (
    (seal_certificate_hash IS NULL) = (seal_certificate_on IS NULL) AND (seal_certificate_hash IS NULL OR seal = 'registered_seal'));

-- ---------------------------------------------------------------- the persons asked, and what each answered
CREATE TABLE vault.name_clear_person (         -- frozen with the question, by the database
    name_clear_id uuid NOT NULL,
    number smallint NOT NULL,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    owner_contact_id uuid REFERENCES vault.owner_contact,  -- NULL: answered before persons were kept apart
    name text NOT NULL,
    representative boolean NOT NULL,           -- whose own personal data a dossier holds
    PRIMARY KEY (name_clear_id, number),
    UNIQUE (name_clear_id, owner_contact_id),
    FOREIGN KEY (name_clear_id, deal_id) REFERENCES vault.name_clear (id, deal_id),
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id)
);
CREATE INDEX ON vault.name_clear_person (listing_id);

CREATE TABLE vault.name_clear_answer (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name_clear_id uuid NOT NULL,
    number smallint NOT NULL,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    decision text NOT NULL CHECK (decision IN ('yes', 'no', 'ask_adviser', 'withdrawn')),
    personal_data boolean NOT NULL DEFAULT false,
    answered_by text NOT NULL,                 -- the name as given
    method text NOT NULL CHECK (method IN ('link', 'paper')),
    owner_link_id uuid UNIQUE REFERENCES vault.owner_link,
    code_id uuid UNIQUE,                       -- the one-time code that was spent for it
    paper_evidence_id uuid UNIQUE REFERENCES vault.paper_evidence,
    shown_hash bytea NOT NULL,
    evidence jsonb NOT NULL,                   -- address, agent, language, way of the code; or the scan's hash, witness, day
    answered_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (name_clear_id, number) REFERENCES vault.name_clear_person (name_clear_id, number),
    CONSTRAINT answer_method CHECK (paper_evidence_id IS NULL OR (method = 'paper' AND owner_link_id IS NULL AND code_id IS NULL)),
    CONSTRAINT answer_personal_data CHECK (NOT personal_data OR decision = 'yes')
);
CREATE UNIQUE INDEX name_clear_answer_once ON vault.name_clear_answer (name_clear_id, number) WHERE decision IN ('yes', 'no');
CREATE UNIQUE INDEX name_clear_withdrawn_once ON vault.name_clear_answer (name_clear_id, number) WHERE decision = 'withdrawn';
CREATE INDEX ON vault.name_clear_answer (name_clear_id, number, answered_at);

-- What the answers come to: a no closes, a yes needs everybody, a wish to talk is told meanwhile.
CREATE FUNCTION vault.consent_verdict(wanted uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE WHEN bool_or(a.decision IN ('no', 'withdrawn')) THEN 'no'
                WHEN bool_and(a.decision IS NOT DISTINCT FROM 'yes') THEN 'yes'
                WHEN bool_or(a.decision = 'ask_adviser') THEN 'ask_adviser' END
    FROM vault.name_clear_person p LEFT JOIN LATERAL (
        SELECT x.decision FROM vault.name_clear_answer x WHERE x.name_clear_id = p.name_clear_id AND x.number = p.number
        ORDER BY x.decision = 'ask_adviser', x.decision <> 'withdrawn', x.answered_at DESC LIMIT 1) a ON true
    WHERE p.name_clear_id = wanted
$$;

-- Whoever decides when the question is put has to say yes to it; persons whom the mandate names must be among them.
CREATE FUNCTION vault.same_name(one text, other text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN regexp_replace(normalize(one, NFKC), '\s', '', 'g') = regexp_replace(normalize(other, NFKC), '\s', '', 'g');
CREATE FUNCTION vault.freeze_persons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.decision IS NOT NULL THEN           -- only the seeding role puts a question that is answered already
        INSERT INTO vault.name_clear_person VALUES (new.id, 1, new.deal_id, new.listing_id, NULL, coalesce(new.decided_by, ''), true);
        INSERT INTO vault.name_clear_answer (name_clear_id, number, deal_id, listing_id, decision, answered_by, method, paper_evidence_id,
                                             shown_hash, evidence, answered_at)
        VALUES (new.id, 1, new.deal_id, new.listing_id, new.decision, coalesce(new.decided_by, ''), new.method, new.paper_evidence_id,
                new.shown_hash, coalesce(new.evidence, '{}'), coalesce(new.decided_at, new.asked_at));
        RETURN NULL;
    END IF;
    INSERT INTO vault.name_clear_person
    SELECT new.id, row_number() OVER (ORDER BY c.name, c.id), new.deal_id, new.listing_id, c.id, c.name, c.role = 'representative'
    FROM vault.owner_contact c WHERE c.listing_id = new.listing_id AND c.decides AND c.removed_at IS NULL;
    IF NOT FOUND OR EXISTS (
        SELECT FROM vault.mandate m CROSS JOIN jsonb_array_elements_text(coalesce(m.terms -> 'persons_who_decide', '[]')) AS named(name)
        WHERE m.listing_id = new.listing_id AND m.state = 'active' AND NOT EXISTS (
            SELECT FROM vault.name_clear_person p WHERE p.name_clear_id = new.id AND vault.same_name(p.name, named.name)))
    THEN
        RAISE EXCEPTION 'a person whom the mandate names is not on record' USING ERRCODE = 'SU002', CONSTRAINT = 'name_clear_persons';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER persons AFTER INSERT ON vault.name_clear FOR EACH ROW EXECUTE FUNCTION vault.freeze_persons();

-- One answer of one person: in the owner's own session, through that person's own link with a code for a yes, or on that
-- person's own confirmed paper. Whoever puts the question or hands the link over never speaks the code.
CREATE FUNCTION vault.answer_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    question vault.name_clear;
    person vault.name_clear_person;
    earlier text;
BEGIN
    IF ops.kind() IS NULL THEN
        RETURN new;  -- bulk loading: only the seeding role writes without a scope
    END IF;
    SELECT * INTO question FROM vault.name_clear WHERE id = new.name_clear_id FOR UPDATE;
    SELECT * INTO person FROM vault.name_clear_person WHERE name_clear_id = new.name_clear_id AND number = new.number;
    SELECT decision INTO earlier FROM vault.name_clear_answer WHERE name_clear_id = new.name_clear_id AND number = new.number
    ORDER BY decision = 'ask_adviser', decision <> 'withdrawn' LIMIT 1;
    IF ops.kind() <> 'owner' OR ops.owner_listing() IS DISTINCT FROM question.listing_id
       OR (new.deal_id, new.listing_id) IS DISTINCT FROM (question.deal_id, question.listing_id) THEN
        RAISE EXCEPTION 'only the owner decides' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    IF question.revoked_at IS NOT NULL OR question.decision = 'no' OR new.shown_hash IS DISTINCT FROM question.shown_hash
       OR EXISTS (SELECT FROM vault.deal d WHERE d.id = question.deal_id AND d.terminal IS NOT NULL)
       OR (new.decision = 'withdrawn' AND earlier IS DISTINCT FROM 'yes')
       OR (new.decision <> 'withdrawn' AND (question.expires_at <= now() OR earlier IN ('yes', 'no', 'withdrawn')))
    THEN
        RAISE EXCEPTION 'this question is no longer open' USING ERRCODE = 'SU002', CONSTRAINT = 'name_clear_closed';
    END IF;
    IF new.method = 'link' THEN
        IF NOT EXISTS (SELECT FROM vault.owner_link k WHERE k.id = new.owner_link_id AND k.subject_id = question.id AND k.used_at IS NOT NULL
                       AND k.purpose = 'name_clear' AND k.owner_contact_id = person.owner_contact_id) THEN
            RAISE EXCEPTION 'this link is somebody else''s' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
        END IF;
        IF new.decision = 'yes' AND NOT EXISTS (
            SELECT FROM ops.one_time_code o JOIN vault.owner_link k ON k.id = new.owner_link_id
            WHERE o.id = new.code_id AND o.spent_at IS NOT NULL AND o.purpose = 'name_clear' AND o.subject_id = question.id
              AND o.holder = 'contact:' || person.owner_contact_id
              AND CASE WHEN o.channel = 'spoken' THEN vault.may_speak(question.id, k.handed_by, o.issued_by) ELSE k.handed_by IS NULL END)
        THEN
            RAISE EXCEPTION 'a yes needs its code' USING ERRCODE = 'SU002', CONSTRAINT = 'name_clear_code';
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM vault.paper_evidence e
        WHERE e.id = new.paper_evidence_id AND e.listing_id = question.listing_id AND e.subject_id = question.id
          AND e.owner_contact_id = person.owner_contact_id AND e.decision = new.decision AND e.personal_data = new.personal_data
          AND e.confirmed_at IS NOT NULL AND e.confirmed_by <> e.entered_by)
    THEN
        RAISE EXCEPTION 'only the owner decides' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    IF new.personal_data AND NOT person.representative THEN
        RAISE EXCEPTION 'only the representative decides about data of their own' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    new.answered_at := now();
    RETURN new;
END $$;
CREATE TRIGGER answer_causes BEFORE INSERT ON vault.name_clear_answer FOR EACH ROW EXECUTE FUNCTION vault.answer_causes();

-- May the code of this question be spoken by this actor ("member:<id>")? Not by who asked, nor by who handed the link over; by a
-- colleague of theirs, or by a reviewer of the operator where the firm has one member.
CREATE FUNCTION vault.may_speak(question uuid, handed_by uuid, speaker text)
    RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.name_clear c JOIN vault.deal d ON d.id = c.deal_id
        JOIN vault.member m ON 'member:' || m.id = speaker AND m.status = 'active' AND m.id <> c.asked_by AND m.id IS DISTINCT FROM handed_by
        JOIN vault.organisation o ON o.id = m.organisation_id
        WHERE c.id = question AND (o.id = d.intermediary_id OR (
            o.kind = 'operator' AND m.role IN ('admin', 'reviewer') AND 1 = (
                SELECT count(*) FROM vault.member x WHERE x.organisation_id = d.intermediary_id AND x.status = 'active'))))
$$;
-- The person to call, for who may speak the code to them; nobody else learns that there is such a question.
CREATE FUNCTION vault.person_to_call(question uuid, contact uuid)
    RETURNS TABLE (listing_id uuid, name text, phone text, open boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.listing_id, p.name, k.phone, c.revoked_at IS NULL AND c.decision IS DISTINCT FROM 'no' AND c.expires_at > now()
           AND d.terminal IS NULL AND k.removed_at IS NULL AND NOT EXISTS (
               SELECT FROM vault.name_clear_answer a WHERE a.name_clear_id = p.name_clear_id AND a.number = p.number AND a.decision <> 'ask_adviser')
    FROM vault.name_clear_person p JOIN vault.name_clear c ON c.id = p.name_clear_id JOIN vault.deal d ON d.id = c.deal_id
    JOIN vault.owner_contact k ON k.id = p.owner_contact_id
    WHERE p.name_clear_id = question AND p.owner_contact_id = contact
      AND (vault.holds(p.listing_id) OR vault.may_speak(question, NULL, 'member:' || ops.member()))
$$;

-- To whom a link goes: who has not answered yet; once all agreed, everybody, to take it back. Read by the program alone.
CREATE FUNCTION vault.persons_to_ask(question uuid) RETURNS TABLE (contact_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.owner_contact_id FROM vault.name_clear_person p JOIN vault.name_clear c ON c.id = p.name_clear_id
    WHERE p.name_clear_id = question AND p.owner_contact_id IS NOT NULL AND (vault.holds(p.listing_id) OR vault.is_owner(p.listing_id))
      AND (c.decision = 'yes' OR NOT EXISTS (SELECT FROM vault.name_clear_answer a WHERE a.name_clear_id = p.name_clear_id
                                             AND a.number = p.number AND a.decision <> 'ask_adviser'))
$$;
-- Do others decide today than those this question was put to? Then it cannot be answered as it should, and makes room for another.
CREATE FUNCTION vault.persons_changed(question uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT vault.holds(c.listing_id) AND EXISTS (
        (SELECT k.id FROM vault.owner_contact k WHERE k.listing_id = c.listing_id AND k.decides AND k.removed_at IS NULL
         EXCEPT SELECT p.owner_contact_id FROM vault.name_clear_person p WHERE p.name_clear_id = c.id)
        UNION ALL
        (SELECT p.owner_contact_id FROM vault.name_clear_person p WHERE p.name_clear_id = c.id
         EXCEPT SELECT k.id FROM vault.owner_contact k WHERE k.listing_id = c.listing_id AND k.decides AND k.removed_at IS NULL))
    FROM vault.name_clear c WHERE c.id = question
$$;
-- How many have answered, while that tells nobody who refused: nothing once it has ended.
CREATE FUNCTION vault.answers_given(question uuid) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT count(DISTINCT a.number)::int FROM vault.name_clear c
    LEFT JOIN vault.name_clear_answer a ON a.name_clear_id = c.id AND a.decision <> 'ask_adviser'
    WHERE c.id = question AND (vault.holds(c.listing_id) OR vault.is_owner(c.listing_id))
      AND c.revoked_at IS NULL AND c.decision IS DISTINCT FROM 'no' GROUP BY c.id
$$;

-- The question says what its answers come to, and nothing else; who said no stands in the answers alone.
CREATE FUNCTION vault.answers_count() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    verdict text := vault.consent_verdict(new.name_clear_id);
BEGIN
    IF ops.kind() IS NULL THEN
        RETURN NULL;
    ELSIF new.decision = 'withdrawn' THEN
        UPDATE vault.name_clear SET revoked_at = now() WHERE id = new.name_clear_id AND revoked_at IS NULL;
    ELSE
        UPDATE vault.name_clear SET decision = verdict, decided_at = CASE WHEN verdict IS NOT NULL THEN now() END,
            method = CASE WHEN verdict IS NOT NULL THEN new.method END,
            decided_by = CASE WHEN verdict = 'yes' THEN (SELECT string_agg(p.name, '、' ORDER BY p.number) FROM vault.name_clear_person p
                                                         WHERE p.name_clear_id = new.name_clear_id) END
        WHERE id = new.name_clear_id AND decision IS DISTINCT FROM verdict;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER answers_count AFTER INSERT ON vault.name_clear_answer FOR EACH ROW EXECUTE FUNCTION vault.answers_count();
CREATE FUNCTION vault.name_clear_decided() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NOT NULL AND new.decision IS DISTINCT FROM (CASE WHEN tg_op = 'UPDATE' THEN old.decision END)
       AND new.decision IS DISTINCT FROM vault.consent_verdict(new.id) THEN
        RAISE EXCEPTION 'only the owner decides' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    RETURN new;
END $$;
DROP TRIGGER owner_decides ON vault.name_clear;
CREATE TRIGGER owner_decides BEFORE INSERT OR UPDATE ON vault.name_clear FOR EACH ROW EXECUTE FUNCTION vault.name_clear_decided();

-- A consent stands while everybody's yes does, and nobody took theirs back; one that was not used in time is none.
CREATE OR REPLACE FUNCTION vault.consent_stands(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.name_clear c
        WHERE c.id = wanted AND c.decision = 'yes' AND c.revoked_at IS NULL
          AND (c.expires_at > now() OR EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.name_clear_id = c.id))
          AND vault.consent_verdict(c.id) = 'yes')
$$;

-- ---------------------------------------------------------------- personal data abroad (APPI Art. 28)
-- Which countries the Commission has named: ops.appi_adequate, in the next file.
CREATE TABLE vault.appi_country_note (         -- what the operator says of a country's system, on whose word, as of when
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    system_ja text NOT NULL CHECK (length(system_ja) BETWEEN 1 AND 2000),
    source text NOT NULL CHECK (length(source) BETWEEN 1 AND 500),
    as_of date NOT NULL,
    stated_by uuid NOT NULL REFERENCES vault.member,
    stated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON vault.appi_country_note (country, stated_at DESC, id);
CREATE TABLE vault.appi_measures (             -- what a buyer declares of how it protects personal data
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    measures text NOT NULL CHECK (length(measures) BETWEEN 1 AND 2000),
    declared_by uuid NOT NULL REFERENCES vault.member,
    declared_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON vault.appi_measures (organisation_id, declared_at DESC, id);

-- May the representative's personal data go to the buyer of this deal? In Japan and to countries the Commission has named, yes;
-- to others when every representative who was asked agreed to that separately.
CREATE FUNCTION vault.personal_data_open(deal uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.deal d JOIN vault.organisation b ON b.id = d.buyer_id
        WHERE d.id = deal AND (b.country = 'JP' OR ops.appi_adequate(b.country) OR EXISTS (
            SELECT FROM vault.name_clear c WHERE c.deal_id = d.id AND vault.consent_stands(c.id)
              AND EXISTS (SELECT FROM vault.name_clear_person p WHERE p.name_clear_id = c.id AND p.representative)
              AND NOT EXISTS (SELECT FROM vault.name_clear_person p WHERE p.name_clear_id = c.id AND p.representative AND NOT EXISTS (
                  SELECT FROM vault.name_clear_answer a WHERE a.name_clear_id = p.name_clear_id AND a.number = p.number AND a.personal_data)))))
$$;
-- Third persons (family, officers, employees, persons at customers) are told by role; by name to one buyer, once they agreed.
CREATE TABLE vault.third_person_consent (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    role text NOT NULL CHECK (role IN ('family', 'officer', 'shareholder', 'employee', 'customer_person', 'other')),
    document_hash bytea NOT NULL CHECK (length(document_hash) = 32),  -- of what the person signed
    signed_on date NOT NULL,
    told_country boolean NOT NULL,             -- they were told what Art. 28 asks, where the buyer is outside the countries named
    entered_by uuid NOT NULL REFERENCES vault.member,
    entered_at timestamptz NOT NULL DEFAULT now(),
    confirmed_by uuid REFERENCES vault.member,
    confirmed_at timestamptz,
    withdrawn_at timestamptz,
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CONSTRAINT third_person_second_confirmation CHECK (confirmed_by IS DISTINCT FROM entered_by OR confirmed_by IS NULL)
);
INSERT INTO ops.ledger_kind VALUES ('third_person_consent', '{seller}', false);
CREATE INDEX ON vault.third_person_consent (deal_id, entered_at, id);
CREATE FUNCTION vault.third_person_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(new) - '{confirmed_by,confirmed_at,withdrawn_at}'::text[] IS DISTINCT FROM
       to_jsonb(old) - '{confirmed_by,confirmed_at,withdrawn_at}'::text[]
       OR old.withdrawn_at IS NOT NULL
       OR (old.confirmed_at IS NOT NULL AND (new.confirmed_by, new.confirmed_at) IS DISTINCT FROM (old.confirmed_by, old.confirmed_at))
       OR (old.confirmed_at IS NULL AND new.confirmed_at IS NOT NULL AND new.confirmed_by IS DISTINCT FROM ops.member()) THEN
        RAISE EXCEPTION 'a consent is confirmed once and ended once' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER third_person_stands BEFORE UPDATE ON vault.third_person_consent FOR EACH ROW EXECUTE FUNCTION vault.third_person_stands();
CREATE TRIGGER evidence BEFORE DELETE ON vault.third_person_consent FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- May this person be told by name to the buyer of this deal?
CREATE FUNCTION vault.third_person_open(deal uuid, person text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.third_person_consent t JOIN vault.deal d ON d.id = t.deal_id JOIN vault.organisation b ON b.id = d.buyer_id
        WHERE t.deal_id = deal AND vault.same_name(t.name, person) AND t.confirmed_at IS NOT NULL AND t.withdrawn_at IS NULL
          AND (t.told_country OR b.country = 'JP' OR ops.appi_adequate(b.country)))
$$;
-- What is shown changed, though the listing did not: the next reading compares with the ledger again.
CREATE FUNCTION vault.third_person_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO vault.facts_version SELECT new.listing_id, 1
    WHERE EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.listing_id = new.listing_id)
    ON CONFLICT (listing_id) DO UPDATE SET version = facts_version.version + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER facts_changed AFTER UPDATE ON vault.third_person_consent FOR EACH ROW EXECUTE FUNCTION vault.third_person_changed();

-- What the law wants kept of each transfer, three years: written by the database with the release itself.
CREATE TABLE vault.appi_transfer (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    grant_id uuid NOT NULL UNIQUE REFERENCES vault.disclosure_grant,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    country text NOT NULL,                     -- the buyer's, on that day
    basis text NOT NULL CHECK (basis IN ('domestic', 'adequate_country', 'consent', 'withheld')),
    name_clear_id uuid NOT NULL,
    items text[] NOT NULL,                     -- kinds of personal data; empty when withheld
    transferred_at timestamptz NOT NULL DEFAULT now(),
    keep_until date NOT NULL
);
CREATE INDEX ON vault.appi_transfer (listing_id, transferred_at, id);
CREATE INDEX ON vault.appi_transfer (keep_until);
CREATE FUNCTION vault.record_transfer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO vault.appi_transfer (grant_id, deal_id, listing_id, buyer_id, country, basis, name_clear_id, items, transferred_at, keep_until)
    SELECT new.id, new.deal_id, new.listing_id, new.buyer_id, b.country, w.basis, new.name_clear_id,
           CASE WHEN w.basis = 'withheld' THEN '{}' ELSE '{representative}'::text[] END, new.granted_at,
           (new.granted_at AT TIME ZONE 'Asia/Tokyo' + interval '3 years')::date
    FROM vault.organisation b CROSS JOIN LATERAL (SELECT CASE
        WHEN b.country = 'JP' THEN 'domestic'
        WHEN ops.appi_adequate(b.country) THEN 'adequate_country'
        WHEN vault.personal_data_open(new.deal_id) THEN 'consent' ELSE 'withheld' END AS basis) w
    WHERE b.id = new.buyer_id;
    RETURN NULL;
END $$;
CREATE TRIGGER transfer AFTER INSERT ON vault.disclosure_grant FOR EACH ROW WHEN (new.level = 'dossier') EXECUTE FUNCTION vault.record_transfer();

-- ---------------------------------------------------------------- evidence, policies, grants
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['name_clear_person', 'name_clear_answer', 'appi_country_note', 'appi_measures', 'third_person_consent',
                                'appi_transfer'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.%I FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change()', name);
        EXECUTE format('GRANT SELECT, INSERT ON vault.%I TO succession_definer, succession_seeder', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['name_clear_person', 'name_clear_answer', 'appi_country_note', 'appi_measures'] LOOP
        EXECUTE format('CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.%I FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()', name);
    END LOOP;
END $$;
CREATE TRIGGER evidence BEFORE UPDATE ON vault.appi_transfer FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
GRANT DELETE ON vault.appi_transfer TO succession_seeder;  -- after keep_until

GRANT SELECT ON vault.name_clear_person, vault.appi_transfer TO succession_app;
GRANT SELECT, INSERT ON vault.name_clear_answer, vault.appi_country_note, vault.appi_measures, vault.third_person_consent TO succession_app;
GRANT UPDATE (confirmed_by, confirmed_at, withdrawn_at) ON vault.third_person_consent TO succession_app;

CREATE POLICY seller ON vault.name_clear_person FOR SELECT TO succession_app USING (vault.party(deal_id) = 'seller');
CREATE POLICY owner ON vault.name_clear_person FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
-- Who answered what is between that person and the record: the adviser reads what the answers come to.
CREATE POLICY owner ON vault.name_clear_answer FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY owner_answer ON vault.name_clear_answer FOR INSERT TO succession_app WITH CHECK (vault.is_owner(listing_id));
CREATE POLICY see ON vault.appi_country_note FOR SELECT TO succession_app
    USING (ops.kind() IN ('operator', 'intermediary', 'acquirer', 'owner'));
CREATE POLICY state ON vault.appi_country_note FOR INSERT TO succession_app
    WITH CHECK (ops.kind() = 'operator' AND stated_by = ops.member());
CREATE POLICY see ON vault.appi_measures FOR SELECT TO succession_app
    USING (organisation_id = ops.organisation() OR (ops.kind() IN ('intermediary', 'owner', 'operator') AND vault.knows(organisation_id)));
CREATE POLICY declare ON vault.appi_measures FOR INSERT TO succession_app
    WITH CHECK (ops.kind() = 'acquirer' AND organisation_id = ops.organisation() AND declared_by = ops.member());
CREATE POLICY hold ON vault.third_person_consent TO succession_app USING (vault.party(deal_id) = 'seller')
    WITH CHECK (vault.party(deal_id) = 'seller' AND (entered_by = ops.member() OR confirmed_by = ops.member() OR withdrawn_at IS NOT NULL));
CREATE POLICY owner ON vault.third_person_consent FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY reviewer ON vault.third_person_consent FOR SELECT TO succession_app USING (vault.needs_reviewer(listing_id));
CREATE POLICY reviewer_edit ON vault.third_person_consent FOR UPDATE TO succession_app
    USING (vault.needs_reviewer(listing_id)) WITH CHECK (vault.needs_reviewer(listing_id) AND confirmed_by = ops.member());
CREATE POLICY see ON vault.appi_transfer FOR SELECT TO succession_app
    USING (vault.holds(listing_id) OR vault.is_owner(listing_id) OR ops.kind() = 'operator');

DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['owner_link_for(bytea)', 'adviser_of(uuid)', 'consent_verdict(uuid)', 'freeze_persons()', 'answer_causes()',
        'may_speak(uuid, uuid, text)', 'person_to_call(uuid, uuid)', 'persons_to_ask(uuid)', 'persons_changed(uuid)', 'answers_given(uuid)', 'answers_count()', 'name_clear_decided()', 'personal_data_open(uuid)',
        'third_person_open(uuid, text)', 'third_person_changed()', 'record_transfer()'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', signature);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION vault.owner_link_for(bytea), vault.adviser_of(uuid), vault.person_to_call(uuid, uuid), vault.persons_to_ask(uuid), vault.persons_changed(uuid), vault.answers_given(uuid), vault.same_name(text, text),
    vault.may_speak(uuid, uuid, text), vault.personal_data_open(uuid), vault.third_person_open(uuid, text) TO succession_app;
GRANT EXECUTE ON FUNCTION vault.same_name(text, text), vault.is_owner(uuid) TO succession_definer;

-- Questions put before this file: answered ones by the name that was recorded, open ones by whoever decides today.
SET LOCAL ROLE succession_seeder;
INSERT INTO vault.name_clear_person
SELECT c.id, 1, c.deal_id, c.listing_id, NULL, coalesce(c.decided_by, ''), true FROM vault.name_clear c WHERE c.decision IN ('yes', 'no');
INSERT INTO vault.name_clear_answer (name_clear_id, number, deal_id, listing_id, decision, answered_by, method, paper_evidence_id, shown_hash,
                                     evidence, answered_at)
SELECT c.id, 1, c.deal_id, c.listing_id, c.decision, coalesce(c.decided_by, ''), c.method, c.paper_evidence_id, c.shown_hash,
       coalesce(c.evidence, '{}'), c.decided_at FROM vault.name_clear c WHERE c.decision IN ('yes', 'no');
INSERT INTO vault.name_clear_person
SELECT c.id, row_number() OVER (PARTITION BY c.id ORDER BY k.name, k.id), c.deal_id, c.listing_id, k.id, k.name, k.role = 'representative'
FROM vault.name_clear c JOIN vault.owner_contact k ON k.listing_id = c.listing_id AND k.decides AND k.removed_at IS NULL
WHERE c.decision IS NULL OR c.decision = 'ask_adviser';
RESET ROLE;
