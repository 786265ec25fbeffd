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

-- ---------------------------------------------------------------- what is agreed, and since when
ALTER TABLE vault.nda
    ADD governing_law text NOT NULL DEFAULT 'japan'
        CHECK (governing_law IN ('japan', 'singapore', 'england_and_wales', 'new_york', 'as_stated')),
    ADD forum text NOT NULL DEFAULT 'tokyo_district_court'
        CHECK (forum IN ('tokyo_district_court', 'osaka_district_court', 'jcaa_tokyo', 'siac_singapore', 'as_stated')),
    ADD prevailing_language text NOT NULL DEFAULT 'ja' CHECK (prevailing_language IN ('ja', 'en', 'as_stated')),
    ADD recipients text[] NOT NULL DEFAULT '{staff,advisers,lenders}'
        CHECK (recipients <@ '{staff,advisers,lenders,group,co_investors}'),
    ADD paper_id uuid UNIQUE,                  -- agreed on a party's own paper: the row records it
    ADD signer_authority text,
    ADD countersigned_at timestamptz,          -- two_party: by the intermediary
    ADD in_force_at timestamptz,               -- one_way: when the buyer signed; two_party: when both had; paper: when confirmed
    ADD CONSTRAINT nda_as_stated CHECK (paper_id IS NOT NULL OR 'as_stated' NOT IN (governing_law, forum, prevailing_language)),
    ADD CONSTRAINT nda_in_force_when_signed CHECK (in_force_at IS NULL OR signed_at IS NOT NULL);

-- A party's own paper: the PDF, what it says of itself, and the second person who read it.
CREATE TABLE vault.nda_paper (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    side text NOT NULL CHECK (side IN ('seller', 'buyer')),
    form text NOT NULL CHECK (form IN ('two_party', 'one_way')),
    term_months smallint NOT NULL CHECK (term_months BETWEEN 6 AND 60),
    governing_law text NOT NULL CHECK (governing_law IN ('japan', 'singapore', 'england_and_wales', 'new_york', 'as_stated')),
    prevailing_language text NOT NULL CHECK (prevailing_language IN ('ja', 'en', 'as_stated')),
    signed_on date NOT NULL,
    signer_name text NOT NULL,
    signer_title text NOT NULL,
    content bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 10485760),
    content_hash bytea NOT NULL,
    entered_by uuid NOT NULL REFERENCES vault.member,
    entered_at timestamptz NOT NULL DEFAULT now(),
    decision text CHECK (decision IN ('confirmed', 'refused')),
    decided_by uuid REFERENCES vault.member,
    decided_at timestamptz,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    CONSTRAINT nda_paper_hash CHECK (content_hash = sha256(content)),
    CONSTRAINT nda_paper_decided CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL))
);
CREATE UNIQUE INDEX nda_paper_one_open ON vault.nda_paper (deal_id) WHERE decision IS NULL;
CREATE INDEX ON vault.nda_paper (deal_id, entered_at DESC);
ALTER TABLE vault.nda ADD FOREIGN KEY (paper_id) REFERENCES vault.nda_paper;

-- To go on under the same terms: its own text, its own signatures.
CREATE TABLE vault.nda_renewal (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    nda_id uuid NOT NULL,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    text_ja text NOT NULL,
    text_en text NOT NULL,
    text_hash bytea NOT NULL,
    old_expires_at timestamptz NOT NULL,
    new_expires_at timestamptz NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    in_force_at timestamptz,
    FOREIGN KEY (nda_id, deal_id) REFERENCES vault.nda (id, deal_id),
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    UNIQUE (nda_id, old_expires_at),           -- one for every end of the term
    UNIQUE (id, nda_id),
    CONSTRAINT nda_renewal_text_hash CHECK (text_hash = sha256(convert_to(text_ja || E'\n\n\n' || text_en, 'UTF8')))
);

-- Who signed what, where, in which language, on which authority, proven by which code. Only ever added to.
CREATE TABLE vault.nda_signature (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    nda_id uuid NOT NULL,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    renewal_id uuid,
    act text NOT NULL CHECK (act IN ('signature', 'countersignature', 'renewal', 'renewal_countersignature')),
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    member_id uuid NOT NULL REFERENCES vault.member,
    name text NOT NULL,
    title text NOT NULL,
    authority text NOT NULL CHECK (authority IN ('legal_representative', 'authorised_in_writing')),
    email text NOT NULL,                       -- where the code went
    locale_shown text NOT NULL,
    address text,
    agent text,
    text_hash bytea NOT NULL,                  -- of what was on the page
    code_id uuid NOT NULL UNIQUE,              -- of ops.one_time_code, whose rows are forgotten: what they prove stays here
    code_channel text,
    code_issued_at timestamptz,
    signed_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (nda_id, deal_id) REFERENCES vault.nda (id, deal_id),
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id),
    FOREIGN KEY (renewal_id, nda_id) REFERENCES vault.nda_renewal (id, nda_id),
    CONSTRAINT nda_signature_of_renewal CHECK ((act IN ('renewal', 'renewal_countersignature')) = (renewal_id IS NOT NULL)),
    CONSTRAINT nda_signed_once UNIQUE NULLS NOT DISTINCT (nda_id, act, renewal_id)
);

-- One NDA binds the firm, and of its people those who are named and have acknowledged it themselves.
CREATE TABLE vault.nda_member (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    nda_id uuid NOT NULL,
    deal_id uuid NOT NULL,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,  -- the buyer, or the intermediary that represents it
    member_id uuid NOT NULL REFERENCES vault.member,
    name text NOT NULL,                        -- as it was that day
    named_by uuid NOT NULL REFERENCES vault.member,
    named_at timestamptz NOT NULL DEFAULT now(),
    acknowledged_at timestamptz,
    acknowledged_hash bytea,                   -- of the text they read
    address text,
    agent text,
    released_at timestamptz,
    released_by uuid REFERENCES vault.member,
    FOREIGN KEY (nda_id, deal_id) REFERENCES vault.nda (id, deal_id),
    CONSTRAINT nda_member_acknowledged CHECK ((acknowledged_at IS NULL) = (acknowledged_hash IS NULL)),
    CONSTRAINT nda_member_released CHECK ((released_at IS NULL) = (released_by IS NULL))
);
CREATE UNIQUE INDEX nda_member_once ON vault.nda_member (nda_id, member_id) WHERE released_at IS NULL;

-- The sealed PDF both sides keep. A new version for every fact that joins the evidence: in force, schedule, renewal.
CREATE TABLE vault.nda_document (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    nda_id uuid NOT NULL,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    version smallint NOT NULL CHECK (version >= 1),
    names_company boolean NOT NULL,            -- holds the schedule
    content bytea NOT NULL,
    content_hash bytea NOT NULL,
    seal_key_id text NOT NULL,
    time_stamped boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (nda_id, deal_id) REFERENCES vault.nda (id, deal_id),
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    CONSTRAINT nda_document_once UNIQUE (nda_id, version),
    CONSTRAINT nda_document_hash CHECK (content_hash = sha256(content))
);
CREATE INDEX ON vault.nda_document (deal_id, made_at DESC);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['nda_signature', 'nda_document'] LOOP
        EXECUTE format('CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.%I FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['nda_signature', 'nda_document', 'nda_paper', 'nda_renewal', 'nda_member'] LOOP
        EXECUTE format('CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.%I FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change()', name);
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;

-- ---------------------------------------------------------------- the causes of an NDA
-- Offered before it is signed; or recorded from a paper that a second person has read in this very transaction.
CREATE OR REPLACE FUNCTION vault.nda_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    paper vault.nda_paper;
BEGIN
    IF new.screening_id IS DISTINCT FROM vault.screened(new.deal_id)
       OR EXISTS (SELECT FROM vault.deal d WHERE d.id = new.deal_id AND d.terminal IS NOT NULL)
    THEN
        RAISE EXCEPTION 'an NDA needs an open deal and a cleared, current screening'
            USING ERRCODE = 'SU002', CONSTRAINT = 'nda_causes';
    END IF;
    IF ops.kind() IS NOT NULL AND (new.signed_at IS NOT NULL OR new.ended_at IS NOT NULL OR new.countersigned_at IS NOT NULL
                                   OR new.in_force_at IS NOT NULL) THEN
        RAISE EXCEPTION 'an NDA is offered before it is signed' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_signed_by_buyer';
    END IF;
    IF new.paper_id IS NOT NULL AND ops.kind() IS NOT NULL THEN
        SELECT * INTO paper FROM vault.nda_paper p WHERE p.id = new.paper_id AND p.deal_id = new.deal_id;
        IF paper.decision IS DISTINCT FROM 'confirmed' OR paper.decided_by IS DISTINCT FROM ops.member() OR paper.decided_at <> now()
           OR (paper.form, paper.term_months, paper.signer_name, paper.signer_title)
              IS DISTINCT FROM (new.form, new.term_months, new.signer_name, new.signer_title) THEN
            RAISE EXCEPTION 'a paper counts when a second person confirms it' USING ERRCODE = 'SU002', CONSTRAINT = 'paper_second_confirmation';
        END IF;
        new.signed_at := now();
        new.in_force_at := now();
        new.expires_at := (paper.signed_on + make_interval(months => paper.term_months))::timestamp AT TIME ZONE 'Asia/Tokyo';
        IF new.expires_at <= now() THEN
            RAISE EXCEPTION 'the term of this paper has ended' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_paper_over';
        END IF;
    END IF;
    RETURN new;
END $$;

-- Signed by a row of nda_signature, ended once by the seller. The database reads the clock.
CREATE OR REPLACE FUNCTION vault.nda_frozen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    moving text[] := '{signed_at,expires_at,signer_member_id,signer_name,signer_title,signer_authority,locale_shown,address,agent,countersigned_at,in_force_at,ended_at}';
    signs boolean := old.signed_at IS NULL AND new.signed_at IS NOT NULL;
    countersigns boolean := old.countersigned_at IS NULL AND new.countersigned_at IS NOT NULL;
    renews boolean := new.expires_at IS DISTINCT FROM old.expires_at AND EXISTS (
        SELECT FROM vault.nda_renewal r WHERE r.nda_id = new.id AND r.in_force_at IS NOT NULL
          AND r.old_expires_at = old.expires_at AND r.new_expires_at = new.expires_at);
BEGIN
    IF to_jsonb(new) - moving IS DISTINCT FROM to_jsonb(old) - moving
       OR (old.signed_at IS NOT NULL AND (new.signed_at, new.signer_member_id, new.signer_name, new.signer_title, new.signer_authority,
                                          new.locale_shown, new.address, new.agent)
           IS DISTINCT FROM (old.signed_at, old.signer_member_id, old.signer_name, old.signer_title, old.signer_authority,
                             old.locale_shown, old.address, old.agent))
       OR (old.countersigned_at IS NOT NULL AND new.countersigned_at IS DISTINCT FROM old.countersigned_at)
       OR (old.in_force_at IS NOT NULL AND new.in_force_at IS DISTINCT FROM old.in_force_at)
       OR (new.expires_at IS DISTINCT FROM old.expires_at AND NOT (signs OR countersigns OR renews))
       OR (old.ended_at IS NOT NULL AND new.ended_at IS DISTINCT FROM old.ended_at)
    THEN
        RAISE EXCEPTION 'an NDA is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    IF signs AND ops.kind() IS NOT NULL AND (old.ended_at IS NOT NULL OR NOT EXISTS (
        SELECT FROM vault.nda_signature s WHERE s.nda_id = new.id AND s.act = 'signature' AND s.member_id = new.signer_member_id)) THEN
        RAISE EXCEPTION 'only a member of the buyer signs' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_signed_by_buyer';
    END IF;
    IF (countersigns OR (new.form = 'two_party' AND old.in_force_at IS NULL AND new.in_force_at IS NOT NULL)) AND ops.kind() IS NOT NULL
       AND NOT EXISTS (SELECT FROM vault.nda_signature s WHERE s.nda_id = new.id AND s.act = 'countersignature') THEN
        RAISE EXCEPTION 'only the intermediary countersigns' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_signed_by_buyer';
    END IF;
    IF signs THEN
        new.signed_at := now();
    END IF;
    IF (signs AND new.form = 'one_way') OR countersigns THEN
        new.in_force_at := now();
    END IF;
    IF signs OR countersigns THEN
        new.expires_at := now() + make_interval(months => new.term_months);
    END IF;
    IF old.ended_at IS NULL AND new.ended_at IS NOT NULL AND ops.kind() IS NOT NULL
       AND vault.party(new.deal_id) IS DISTINCT FROM 'seller' THEN
        RAISE EXCEPTION 'a buyer does not end its own duty of secrecy' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_ended_by_seller';
    END IF;
    RETURN new;
END $$;

-- A signature is its own side's, of exactly the text that stands there, with a code spent for it in this transaction.
CREATE FUNCTION vault.nda_signature_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    signed vault.nda;
    renewal vault.nda_renewal;
    code ops.one_time_code;
    by_buyer boolean := new.act IN ('signature', 'renewal');
BEGIN
    SELECT * INTO signed FROM vault.nda n WHERE n.id = new.nda_id AND n.deal_id = new.deal_id FOR NO KEY UPDATE;
    SELECT * INTO renewal FROM vault.nda_renewal r WHERE r.id = new.renewal_id FOR NO KEY UPDATE;
    SELECT * INTO code FROM ops.one_time_code c WHERE c.id = new.code_id AND c.purpose = 'nda_' || new.act AND c.subject_id = new.nda_id
        AND c.holder = 'member:' || ops.member() AND c.spent_at = now();
    IF vault.party(new.deal_id) IS DISTINCT FROM (CASE WHEN by_buyer THEN 'buyer' ELSE 'seller' END)
       OR new.member_id IS DISTINCT FROM ops.member() OR new.organisation_id IS DISTINCT FROM ops.organisation()
       OR code.id IS NULL THEN
        RAISE EXCEPTION 'a signature is of one''s own side, with one''s own code' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_signed_by_buyer';
    END IF;
    IF signed.ended_at IS NOT NULL OR signed.paper_id IS NOT NULL AND new.act NOT LIKE 'renewal%'
       OR new.text_hash IS DISTINCT FROM coalesce(renewal.text_hash, signed.text_hash)
       OR (new.act = 'countersignature' AND (signed.signed_at IS NULL OR signed.form <> 'two_party'))
       OR (new.act = 'renewal_countersignature' AND (renewal.in_force_at IS NOT NULL OR signed.form <> 'two_party'))
       OR (new.act = 'signature' AND vault.screened(new.deal_id) IS NULL)
       OR (renewal.id IS NOT NULL AND signed.expires_at <= now()) THEN
        RAISE EXCEPTION 'this cannot be signed now' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_not_open';
    END IF;
    new.signed_at := now();
    new.code_channel := code.channel;
    new.code_issued_at := code.issued_at;
    RETURN new;
END $$;
CREATE TRIGGER nda_signature_causes BEFORE INSERT ON vault.nda_signature FOR EACH ROW EXECUTE FUNCTION vault.nda_signature_causes();

-- What follows from a signature: the agreement is signed, countersigned, goes on; and its signer is bound in person.
CREATE FUNCTION vault.nda_signature_counts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    mutual boolean := (SELECT n.form = 'two_party' FROM vault.nda n WHERE n.id = new.nda_id);
BEGIN
    IF new.act = 'signature' THEN
        UPDATE vault.nda SET signed_at = now(), expires_at = now(), signer_member_id = new.member_id, signer_name = new.name,
            signer_title = new.title, signer_authority = new.authority, locale_shown = new.locale_shown, address = new.address, agent = new.agent
        WHERE id = new.nda_id;
        INSERT INTO vault.nda_member (nda_id, deal_id, organisation_id, member_id, name, named_by, acknowledged_at, acknowledged_hash, address, agent)
        VALUES (new.nda_id, new.deal_id, new.organisation_id, new.member_id, new.name, new.member_id, now(), new.text_hash, new.address, new.agent)
        ON CONFLICT (nda_id, member_id) WHERE released_at IS NULL DO UPDATE
            SET acknowledged_at = excluded.acknowledged_at, acknowledged_hash = excluded.acknowledged_hash, address = excluded.address, agent = excluded.agent;
    ELSIF new.act = 'countersignature' THEN
        UPDATE vault.nda SET countersigned_at = now() WHERE id = new.nda_id;
    ELSIF new.act = 'renewal_countersignature' OR NOT mutual THEN
        UPDATE vault.nda_renewal SET in_force_at = now() WHERE id = new.renewal_id;
        UPDATE vault.nda n SET expires_at = r.new_expires_at FROM vault.nda_renewal r WHERE r.id = new.renewal_id AND n.id = new.nda_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER nda_signature_counts AFTER INSERT ON vault.nda_signature FOR EACH ROW EXECUTE FUNCTION vault.nda_signature_counts();

-- Whoever handed in the buyer's own paper has read it; the others are named.
CREATE FUNCTION vault.nda_paper_binds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO vault.nda_member (nda_id, deal_id, organisation_id, member_id, name, named_by, acknowledged_at, acknowledged_hash)
    SELECT new.id, new.deal_id, new.buyer_id, m.id, m.name, m.id, now(), new.text_hash
    FROM vault.nda_paper p JOIN vault.member m ON m.id = p.entered_by AND m.organisation_id = new.buyer_id
    WHERE p.id = new.paper_id AND p.side = 'buyer';
    RETURN NULL;
END $$;
CREATE TRIGGER nda_paper_binds AFTER INSERT ON vault.nda FOR EACH ROW WHEN (new.paper_id IS NOT NULL) EXECUTE FUNCTION vault.nda_paper_binds();

-- A buyer hands in its own paper in answer to an offer: before that it does not know with whom it would agree.
CREATE FUNCTION vault.nda_paper_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' THEN
        IF new.decision IS NOT NULL OR new.entered_by IS DISTINCT FROM ops.member() OR new.side IS DISTINCT FROM vault.party(new.deal_id) THEN
            RAISE EXCEPTION 'a paper is entered by its own side' USING ERRCODE = 'SU002', CONSTRAINT = 'paper_second_confirmation';
        END IF;
        IF vault.screened(new.deal_id) IS NULL OR EXISTS (SELECT FROM vault.deal d WHERE d.id = new.deal_id AND d.terminal IS NOT NULL) THEN
            RAISE EXCEPTION 'an NDA needs an open deal and a cleared, current screening' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_causes';
        END IF;
        IF EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = new.deal_id AND vault.nda_in_force(n.id))
           OR (new.side = 'buyer' AND NOT EXISTS (
               SELECT FROM vault.nda n WHERE n.deal_id = new.deal_id AND n.signed_at IS NULL AND n.ended_at IS NULL)) THEN
            RAISE EXCEPTION 'no offer is open' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_not_open';
        END IF;
        RETURN new;
    END IF;
    IF old.decision IS NOT NULL OR new.decision IS NULL
       OR to_jsonb(new) - '{decision,decided_by,decided_at}'::text[] IS DISTINCT FROM to_jsonb(old) - '{decision,decided_by,decided_at}'::text[] THEN
        RAISE EXCEPTION 'a paper is decided once and never changed' USING ERRCODE = 'SU001';
    END IF;
    IF new.decided_by IS DISTINCT FROM ops.member() OR (new.decision = 'confirmed' AND (
           old.entered_by = ops.member() OR vault.party(new.deal_id) IS DISTINCT FROM 'seller')) THEN
        RAISE EXCEPTION 'a second person of the intermediary confirms' USING ERRCODE = 'SU002', CONSTRAINT = 'paper_second_confirmation';
    END IF;
    new.decided_at := now();
    RETURN new;
END $$;
CREATE TRIGGER nda_paper_causes BEFORE INSERT OR UPDATE ON vault.nda_paper FOR EACH ROW EXECUTE FUNCTION vault.nda_paper_causes();

-- The same terms, as long again, in the last sixty days of the term.
CREATE FUNCTION vault.nda_renewal_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'UPDATE' THEN
        IF old.in_force_at IS NOT NULL OR to_jsonb(new) - 'in_force_at' IS DISTINCT FROM to_jsonb(old) - 'in_force_at' THEN
            RAISE EXCEPTION 'a renewal is never rewritten' USING ERRCODE = 'SU001';
        END IF;
    ELSIF new.in_force_at IS NOT NULL OR NOT EXISTS (
        SELECT FROM vault.nda n WHERE n.id = new.nda_id AND vault.nda_in_force(n.id) AND n.expires_at = new.old_expires_at
          AND n.expires_at <= now() + interval '60 days' AND new.new_expires_at = n.expires_at + make_interval(months => n.term_months)) THEN
        RAISE EXCEPTION 'there is nothing to renew yet' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_not_open';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER nda_renewal_causes BEFORE INSERT OR UPDATE ON vault.nda_renewal FOR EACH ROW EXECUTE FUNCTION vault.nda_renewal_causes();

-- ---------------------------------------------------------------- who is bound
CREATE OR REPLACE FUNCTION vault.nda_in_force(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.nda n WHERE n.id = wanted AND n.in_force_at IS NOT NULL AND n.ended_at IS NULL AND n.expires_at > now())
$$;

-- Named, acknowledged in person, not released, and still working there: whoever leaves reads nothing from that moment on.
CREATE OR REPLACE FUNCTION vault.bound_by(wanted uuid, reader uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.nda_member b
                   JOIN vault.member m ON m.id = b.member_id AND m.organisation_id = b.organisation_id AND m.status = 'active'
                   WHERE b.nda_id = wanted AND b.member_id = reader AND b.acknowledged_at IS NOT NULL AND b.released_at IS NULL)
$$;

-- Named by an administrator of the same firm or by somebody bound already; acknowledged by the person alone.
CREATE FUNCTION vault.nda_member_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NULL THEN
        RETURN new;
    ELSIF tg_op = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM vault.deal d JOIN vault.nda n ON n.deal_id = d.id AND n.id = new.nda_id AND n.ended_at IS NULL
                       JOIN vault.member m ON m.id = new.member_id AND m.organisation_id = new.organisation_id AND m.status = 'active'
                       WHERE d.id = new.deal_id AND new.organisation_id IN (d.buyer_id, d.representative_id))
           OR NOT (new.named_by = new.member_id AND new.acknowledged_at IS NOT DISTINCT FROM now()  -- by signing or by handing in one's paper: no policy lets more
                   OR (new.named_by = ops.member() AND new.acknowledged_at IS NULL AND (vault.bound_by(new.nda_id, ops.member()) OR EXISTS (
                       SELECT FROM vault.member m WHERE m.id = ops.member() AND m.role = 'admin' AND m.organisation_id = new.organisation_id)))) THEN
            RAISE EXCEPTION 'who may be named, and by whom' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_member_causes';
        END IF;
        RETURN new;
    END IF;
    IF to_jsonb(new) - '{acknowledged_at,acknowledged_hash,address,agent,released_at,released_by}'::text[]
       IS DISTINCT FROM to_jsonb(old) - '{acknowledged_at,acknowledged_hash,address,agent,released_at,released_by}'::text[]
       OR old.released_at IS NOT NULL
       OR (old.acknowledged_at IS NOT NULL AND (new.acknowledged_at, new.acknowledged_hash, new.address, new.agent)
           IS DISTINCT FROM (old.acknowledged_at, old.acknowledged_hash, old.address, old.agent)) THEN
        RAISE EXCEPTION 'who was bound, and since when, is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    IF old.acknowledged_at IS NULL AND new.acknowledged_at IS NOT NULL AND (
           new.member_id IS DISTINCT FROM ops.member()
           OR NOT EXISTS (SELECT FROM vault.nda n WHERE n.id = new.nda_id AND n.text_hash = new.acknowledged_hash)) THEN
        RAISE EXCEPTION 'one acknowledges in person what one has read' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_member_causes';
    END IF;
    IF new.released_at IS NOT NULL THEN
        new.released_at := now();
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER nda_member_causes BEFORE INSERT OR UPDATE ON vault.nda_member FOR EACH ROW EXECUTE FUNCTION vault.nda_member_causes();

-- ---------------------------------------------------------------- what else asks whether an NDA is signed
CREATE OR REPLACE FUNCTION vault.name_clear_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.screening_id IS DISTINCT FROM vault.screened(new.deal_id) OR NOT vault.nda_in_force(new.nda_id) OR NOT EXISTS (
        SELECT FROM vault.nda n JOIN vault.deal d ON d.id = n.deal_id
        WHERE n.id = new.nda_id AND n.deal_id = new.deal_id AND d.terminal IS NULL)
    THEN
        RAISE EXCEPTION 'name clear needs an NDA in force and a cleared, current screening'
            USING ERRCODE = 'SU002', CONSTRAINT = 'name_clear_causes';
    END IF;
    RETURN new;
END $$;
CREATE OR REPLACE FUNCTION vault.disclosure_facts(deal uuid)
    RETURNS TABLE (nda_in_force boolean, name_cleared boolean, dossier_released boolean, screening_current boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = d.id AND vault.nda_in_force(n.id)),
           EXISTS (SELECT FROM vault.name_clear c WHERE c.deal_id = d.id AND vault.consent_stands(c.id)),
           EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.deal_id = d.id AND g.level = 'dossier' AND g.revoked_at IS NULL),
           vault.screened(d.id) IS NOT NULL
    FROM vault.deal d WHERE d.id = deal AND vault.party(deal) IS NOT NULL
$$;
CREATE OR REPLACE FUNCTION vault.projected_stage(deal uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(d.stage,
        CASE WHEN EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.deal_id = d.id) THEN 'im_disclosed'
             WHEN EXISTS (SELECT FROM vault.name_clear c WHERE c.deal_id = d.id AND c.decision = 'yes') THEN 'name_cleared'
             WHEN EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = d.id AND n.in_force_at IS NOT NULL) THEN 'nda_signed'
             ELSE 'interested' END)
    FROM vault.deal d WHERE d.id = deal AND vault.party(deal) IS NOT NULL
$$;

-- ---------------------------------------------------------------- the worker sets the document
-- Everything one document says, while a version of it is due and not longer: the worker reads no company at leisure.
CREATE FUNCTION vault.nda_to_set(wanted uuid) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH n AS (
        SELECT n.*, (1 + (SELECT count(*) FROM vault.nda_schedule s WHERE s.nda_id = n.id)
                       + (SELECT count(*) FROM vault.nda_renewal r WHERE r.nda_id = n.id AND r.in_force_at IS NOT NULL))::smallint AS version
        FROM vault.nda n WHERE n.id = wanted AND n.in_force_at IS NOT NULL)
    SELECT jsonb_build_object(
        'version', n.version, 'deal_id', n.deal_id, 'listing_id', n.listing_id, 'buyer_id', n.buyer_id, 'project', d.project_name,
        'discloser', s.legal_name, 'recipient', b.legal_name, 'recipient_country', b.country, 'form', n.form, 'text_ja', n.text_ja, 'text_en', n.text_en,
        'text_hash', encode(n.text_hash, 'hex'), 'template_version', n.template_version, 'offered_at', n.offered_at,
        'in_force_at', n.in_force_at, 'expires_at', n.expires_at,
        'paper', (SELECT jsonb_build_object('content_hash', encode(p.content_hash, 'hex'), 'signed_on', p.signed_on, 'signer_name', p.signer_name,
                         'signer_title', p.signer_title, 'side', p.side, 'entered_at', p.entered_at, 'decided_at', p.decided_at,
                         'entered_by', e.name, 'decided_by', c.name)
                  FROM vault.nda_paper p JOIN vault.member e ON e.id = p.entered_by JOIN vault.member c ON c.id = p.decided_by
                  WHERE p.id = n.paper_id),
        'signatures', coalesce((SELECT jsonb_agg(jsonb_build_object(
                'act', x.act, 'organisation', o.legal_name, 'name', x.name, 'title', x.title, 'authority', x.authority, 'email', x.email,
                'locale_shown', x.locale_shown, 'address', x.address, 'agent', x.agent, 'text_hash', encode(x.text_hash, 'hex'),
                'code_id', x.code_id, 'code_channel', x.code_channel, 'code_issued_at', x.code_issued_at, 'signed_at', x.signed_at) ORDER BY x.signed_at, x.act)
            FROM vault.nda_signature x JOIN vault.organisation o ON o.id = x.organisation_id
            WHERE x.nda_id = n.id), '[]'),
        'members', coalesce((SELECT jsonb_agg(jsonb_build_object('name', m.name, 'named_at', m.named_at, 'acknowledged_at', m.acknowledged_at,
                'released_at', m.released_at) ORDER BY m.named_at, m.name) FROM vault.nda_member m WHERE m.nda_id = n.id), '[]'),
        'renewals', coalesce((SELECT jsonb_agg(jsonb_build_object('text_ja', r.text_ja, 'text_en', r.text_en, 'text_hash', encode(r.text_hash, 'hex'),
                'in_force_at', r.in_force_at, 'new_expires_at', r.new_expires_at) ORDER BY r.in_force_at)
            FROM vault.nda_renewal r WHERE r.nda_id = n.id AND r.in_force_at IS NOT NULL), '[]'),
        'schedules', coalesce((SELECT jsonb_agg(jsonb_build_object('text_ja', h.text_ja, 'text_en', h.text_en, 'text_hash', encode(h.text_hash, 'hex'),
                'ledger_entry_id', h.ledger_entry_id, 'bound_at', h.bound_at) ORDER BY h.bound_at)
            FROM vault.nda_schedule h WHERE h.nda_id = n.id), '[]'),
        'entries', coalesce((SELECT jsonb_agg(jsonb_build_object('id', l.id, 'seq', l.seq, 'kind', l.kind, 'hash', encode(l.hash, 'hex')) ORDER BY l.seq)
            FROM vault.ledger_entry l WHERE l.deal_id = n.deal_id AND l.kind LIKE 'nda%'
              AND convert_from(l.body, 'UTF8')::jsonb ->> 'nda_id' = n.id::text), '[]'))
    FROM n JOIN vault.deal d ON d.id = n.deal_id JOIN vault.organisation s ON s.id = d.intermediary_id JOIN vault.organisation b ON b.id = d.buyer_id
    WHERE NOT EXISTS (SELECT FROM vault.nda_document o WHERE o.nda_id = n.id AND o.version >= n.version)
$$;

-- ---------------------------------------------------------------- who may see and write what
REVOKE UPDATE ON vault.nda FROM succession_app;
GRANT UPDATE (ended_at) ON vault.nda TO succession_app;
DROP POLICY buyer_sign ON vault.nda;
GRANT SELECT, INSERT ON vault.nda_paper, vault.nda_renewal, vault.nda_signature, vault.nda_member TO succession_app;
GRANT UPDATE (decision, decided_by, decided_at) ON vault.nda_paper TO succession_app;
GRANT UPDATE (acknowledged_at, acknowledged_hash, address, agent, released_at, released_by) ON vault.nda_member TO succession_app;
GRANT SELECT ON vault.nda_document TO succession_app;
GRANT INSERT ON vault.nda_document TO succession_worker;
GRANT SELECT, INSERT, UPDATE ON vault.nda_paper, vault.nda_renewal, vault.nda_member TO succession_definer, succession_seeder;
GRANT SELECT, INSERT ON vault.nda_signature, vault.nda_document TO succession_definer, succession_seeder;

CREATE POLICY seller ON vault.nda_paper TO succession_app USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY buyer ON vault.nda_paper TO succession_app USING (vault.party(deal_id) = 'buyer') WITH CHECK (vault.party(deal_id) = 'buyer');
CREATE POLICY owner ON vault.nda_paper FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY party ON vault.nda_renewal FOR SELECT TO succession_app USING (vault.party(deal_id) IN ('seller', 'buyer', 'representative', 'owner'));
CREATE POLICY buyer ON vault.nda_renewal FOR INSERT TO succession_app WITH CHECK (vault.party(deal_id) = 'buyer');
CREATE POLICY party ON vault.nda_signature FOR SELECT TO succession_app USING (vault.party(deal_id) IN ('seller', 'buyer', 'owner'));
CREATE POLICY sign ON vault.nda_signature FOR INSERT TO succession_app
    WITH CHECK (vault.party(deal_id) IN ('seller', 'buyer') AND member_id = ops.member());
CREATE POLICY party ON vault.nda_member FOR SELECT TO succession_app USING (
    vault.party(deal_id) IN ('seller', 'buyer', 'owner') OR (vault.party(deal_id) = 'representative' AND organisation_id = ops.organisation()));
CREATE POLICY own_name ON vault.nda_member FOR INSERT TO succession_app
    WITH CHECK (vault.party(deal_id) IN ('buyer', 'representative') AND organisation_id = ops.organisation()
                AND named_by = ops.member() AND acknowledged_at IS NULL AND released_at IS NULL);
CREATE POLICY own_edit ON vault.nda_member FOR UPDATE TO succession_app
    USING (vault.party(deal_id) IN ('buyer', 'representative') AND organisation_id = ops.organisation())
    WITH CHECK (vault.party(deal_id) IN ('buyer', 'representative') AND organisation_id = ops.organisation());
CREATE POLICY party ON vault.nda_document FOR SELECT TO succession_app USING (
    vault.party(deal_id) IN ('seller', 'owner')
    OR (vault.party(deal_id) IN ('buyer', 'representative') AND (NOT names_company OR vault.live_grant(listing_id, 'dossier'))));
CREATE POLICY worker ON vault.nda_document FOR INSERT TO succession_worker WITH CHECK (true);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['nda_causes()', 'nda_frozen()', 'nda_signature_causes()', 'nda_signature_counts()', 'nda_paper_binds()',
        'nda_paper_causes()', 'nda_renewal_causes()', 'nda_member_causes()', 'nda_to_set(uuid)'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', name);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION vault.nda_to_set(uuid) TO succession_worker;

INSERT INTO ops.ledger_kind VALUES
    ('nda_countersigned', '{seller}', true),
    ('nda_paper_entered', '{seller,buyer}', true),
    ('nda_paper_decided', '{seller,buyer}', true),
    ('nda_renewed', '{buyer}', true),
    ('nda_member_named', '{buyer}', true),
    ('nda_member_bound', '{buyer}', true),
    ('nda_member_released', '{buyer}', true);

-- ---------------------------------------------------------------- what is there already
-- Earlier agreements were in force from the buyer's signature on, for whoever signed; colleagues acknowledge them.
ALTER TABLE vault.nda DISABLE TRIGGER nda_frozen;
SET LOCAL ROLE succession_seeder;
UPDATE vault.nda SET in_force_at = signed_at WHERE signed_at IS NOT NULL;
INSERT INTO vault.nda_member (nda_id, deal_id, organisation_id, member_id, name, named_by, named_at, acknowledged_at, acknowledged_hash)
SELECT n.id, n.deal_id, m.organisation_id, m.id, coalesce(n.signer_name, m.name), m.id, n.signed_at, n.signed_at, n.text_hash
FROM vault.nda n JOIN vault.member m ON m.id = n.signer_member_id WHERE n.signed_at IS NOT NULL;
RESET ROLE;
ALTER TABLE vault.nda ENABLE TRIGGER nda_frozen;
