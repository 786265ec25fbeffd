-- From the request on a teaser to the release of the dossier: every step points at the one before it.

-- Some functions here ask tables and functions of the next two files: their bodies are checked when first used.
SET LOCAL check_function_bodies = off;

CREATE TABLE vault.deal (                      -- opened by the disclosure request: one per listing and buyer
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL,
    intermediary_id uuid NOT NULL,
    buyer_id uuid NOT NULL REFERENCES vault.organisation,
    representative_id uuid REFERENCES vault.organisation,  -- intermediary acting for the buyer
    teaser_ref uuid NOT NULL REFERENCES vault.publication,
    origin text NOT NULL CHECK (origin IN ('direct', 'desk', 'representation')),
    introduction_id uuid,
    project_name text NOT NULL UNIQUE,         -- random; the only name used before the name clear
    purpose text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 1000),
    requested_by uuid REFERENCES vault.member,
    requested_at timestamptz NOT NULL DEFAULT now(),
    stage text,                                -- NULL while projected from disclosure facts, then deals/lifecycle.py
    furthest text,
    terminal text,
    terminal_reason text,
    closed_at timestamptz,
    version int NOT NULL DEFAULT 1,
    FOREIGN KEY (listing_id, intermediary_id) REFERENCES vault.listing (id, intermediary_id),
    UNIQUE (id, listing_id, buyer_id),
    UNIQUE (id, listing_id),
    CONSTRAINT deal_terminal_reason CHECK ((terminal IS NULL) = (terminal_reason IS NULL)),
    CONSTRAINT deal_representative CHECK ((origin = 'representation') = (representative_id IS NOT NULL))
);
CREATE UNIQUE INDEX deal_one_open ON vault.deal (listing_id, buyer_id) WHERE terminal IS NULL;
CREATE INDEX ON vault.deal (intermediary_id, requested_at DESC, id);
CREATE INDEX ON vault.deal (buyer_id, requested_at DESC, id);
CREATE INDEX ON vault.deal (representative_id, requested_at DESC, id) WHERE representative_id IS NOT NULL;

-- In these triggers a transaction without a scope is the seeding role: succession_app without one passes no row policy.
CREATE FUNCTION vault.deal_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' THEN
        IF ops.kind() IS NOT NULL AND NOT EXISTS (
            SELECT FROM vault.listing_behind(new.teaser_ref, new.buyer_id) l
            WHERE l.listing_id = new.listing_id AND l.intermediary_id = new.intermediary_id)
        THEN
            RAISE EXCEPTION 'no teaser that this buyer may ask about' USING ERRCODE = 'SU002', CONSTRAINT = 'deal_causes';
        END IF;
    ELSIF (new.id, new.listing_id, new.intermediary_id, new.buyer_id, new.representative_id, new.teaser_ref, new.origin,
           new.introduction_id, new.project_name, new.purpose, new.requested_by, new.requested_at)
        IS DISTINCT FROM (old.id, old.listing_id, old.intermediary_id, old.buyer_id, old.representative_id, old.teaser_ref, old.origin,
                          old.introduction_id, old.project_name, old.purpose, old.requested_by, old.requested_at)
       OR (old.terminal IS NOT NULL AND (new.terminal, new.terminal_reason) IS DISTINCT FROM (old.terminal, old.terminal_reason))
    THEN
        RAISE EXCEPTION 'who asked what about whom is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER deal_causes BEFORE INSERT OR UPDATE ON vault.deal FOR EACH ROW EXECUTE FUNCTION vault.deal_causes();

CREATE TABLE vault.screening_list_entry (      -- operator's block lists
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    list_code text NOT NULL,
    list_version text NOT NULL,
    name text NOT NULL,
    normalised text NOT NULL,
    aliases text[] NOT NULL DEFAULT '{}',
    country text,
    kind text NOT NULL CHECK (kind IN ('organisation', 'person')),
    reason text,
    added_by uuid REFERENCES vault.member,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE INDEX ON vault.screening_list_entry (normalised) WHERE removed_at IS NULL;

CREATE TABLE vault.screening (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    lists jsonb NOT NULL,                      -- [{code, version, entries}] consulted
    candidates jsonb NOT NULL,                 -- what the matcher found, with score and reason
    decision text NOT NULL CHECK (decision IN ('cleared', 'refused')),
    words_for_owner text NOT NULL,             -- the outcome in plain Japanese (guideline G9)
    words_for_owner_en text NOT NULL,
    decided_by uuid NOT NULL REFERENCES vault.member,
    decided_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    UNIQUE (id, deal_id),
    -- six months, to the end of that day in Japan; months differ in length
    CONSTRAINT screening_expiry CHECK (expires_at <= decided_at + interval '6 months 5 days')
);
CREATE INDEX ON vault.screening (deal_id, decided_at DESC);

-- The last screening of a deal decides, and only while it is current.
CREATE FUNCTION vault.screened(deal uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.id FROM (SELECT * FROM vault.screening WHERE deal_id = deal ORDER BY decided_at DESC, id LIMIT 1) s
    WHERE s.decision = 'cleared' AND s.expires_at > now()
$$;

CREATE TABLE vault.nda (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    screening_id uuid NOT NULL,                -- no paper is put before a buyer nobody looked at
    form text NOT NULL CHECK (form IN ('two_party', 'one_way')),
    template_version text NOT NULL,
    text_ja text NOT NULL,
    text_en text NOT NULL,
    text_hash bytea NOT NULL,                  -- sha256 over exactly what was shown
    term_months smallint NOT NULL CHECK (term_months BETWEEN 6 AND 60),
    offered_by uuid NOT NULL REFERENCES vault.member,
    offered_at timestamptz NOT NULL DEFAULT now(),
    signer_member_id uuid REFERENCES vault.member,
    signer_name text,
    signer_title text,
    locale_shown text,
    address text,
    agent text,
    signed_at timestamptz,
    expires_at timestamptz,
    ended_at timestamptz,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    FOREIGN KEY (screening_id, deal_id) REFERENCES vault.screening (id, deal_id),
    UNIQUE (id, deal_id),
    CONSTRAINT nda_signature CHECK ((signed_at IS NULL) = (signer_name IS NULL) AND (signed_at IS NULL) = (expires_at IS NULL)),
    CONSTRAINT nda_text_hash CHECK (text_hash = sha256(convert_to(text_ja || E'\n\n\n' || text_en, 'UTF8')))
);
CREATE UNIQUE INDEX nda_one_open ON vault.nda (deal_id) WHERE ended_at IS NULL;

CREATE FUNCTION vault.nda_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.screening_id IS DISTINCT FROM vault.screened(new.deal_id)
       OR EXISTS (SELECT FROM vault.deal d WHERE d.id = new.deal_id AND d.terminal IS NOT NULL)
    THEN
        RAISE EXCEPTION 'an NDA needs an open deal and a cleared, current screening'
            USING ERRCODE = 'SU002', CONSTRAINT = 'nda_causes';
    END IF;
    IF ops.kind() IS NOT NULL AND (new.signed_at IS NOT NULL OR new.ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'an NDA is offered before it is signed' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_signed_by_buyer';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER nda_causes BEFORE INSERT ON vault.nda FOR EACH ROW EXECUTE FUNCTION vault.nda_causes();

-- Offered by one side, signed once by a member of the other, ended once by the first. The database reads the clock.
CREATE FUNCTION vault.nda_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.id, new.deal_id, new.screening_id, new.form, new.template_version, new.text_ja, new.text_en, new.text_hash,
        new.term_months, new.offered_by, new.offered_at)
        IS DISTINCT FROM (old.id, old.deal_id, old.screening_id, old.form, old.template_version, old.text_ja, old.text_en,
                          old.text_hash, old.term_months, old.offered_by, old.offered_at)
       OR (old.signed_at IS NOT NULL AND (new.signed_at, new.expires_at, new.signer_member_id, new.signer_name, new.signer_title,
                                          new.locale_shown, new.address, new.agent)
           IS DISTINCT FROM (old.signed_at, old.expires_at, old.signer_member_id, old.signer_name, old.signer_title,
                             old.locale_shown, old.address, old.agent))
       OR (old.ended_at IS NOT NULL AND new.ended_at IS DISTINCT FROM old.ended_at)
    THEN
        RAISE EXCEPTION 'an NDA is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    IF old.signed_at IS NULL AND new.signed_at IS NOT NULL THEN
        IF ops.kind() IS NOT NULL AND (vault.party(new.deal_id) IS DISTINCT FROM 'buyer' OR old.ended_at IS NOT NULL
                                       OR new.signer_member_id IS DISTINCT FROM ops.member()) THEN
            RAISE EXCEPTION 'only a member of the buyer signs' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_signed_by_buyer';
        END IF;
        new.signed_at := now();
        new.expires_at := now() + make_interval(months => new.term_months);
    END IF;
    IF old.ended_at IS NULL AND new.ended_at IS NOT NULL AND ops.kind() IS NOT NULL
       AND vault.party(new.deal_id) IS DISTINCT FROM 'seller' THEN
        RAISE EXCEPTION 'a buyer does not end its own duty of secrecy' USING ERRCODE = 'SU002', CONSTRAINT = 'nda_ended_by_seller';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER nda_frozen BEFORE UPDATE ON vault.nda FOR EACH ROW EXECUTE FUNCTION vault.nda_frozen();

CREATE TABLE vault.name_clear (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    nda_id uuid NOT NULL,
    screening_id uuid NOT NULL,
    shown jsonb NOT NULL,                      -- buyer's name, country, parent, purpose, screening, prior deals
    shown_text_ja text NOT NULL,
    shown_hash bytea NOT NULL,
    asked_by uuid NOT NULL REFERENCES vault.member,
    asked_at timestamptz NOT NULL DEFAULT now(),
    decision text CHECK (decision IN ('yes', 'no', 'ask_adviser')),
    decided_at timestamptz,
    decided_by text,
    method text CHECK (method IN ('link', 'paper')),
    paper_evidence_id uuid REFERENCES vault.paper_evidence,
    evidence jsonb,
    expires_at timestamptz NOT NULL,           -- a consent not used by then is no consent
    revoked_at timestamptz,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    FOREIGN KEY (nda_id, deal_id) REFERENCES vault.nda (id, deal_id),
    FOREIGN KEY (screening_id, deal_id) REFERENCES vault.screening (id, deal_id),
    UNIQUE (id, deal_id),
    CHECK ((decision IS NULL) = (method IS NULL)),
    CONSTRAINT name_clear_shown_hash CHECK (shown_hash = sha256(convert_to(shown_text_ja, 'UTF8'))),
    CONSTRAINT name_clear_expiry CHECK (expires_at <= asked_at + interval '120 days')
);
CREATE UNIQUE INDEX name_clear_one_open ON vault.name_clear (deal_id) WHERE revoked_at IS NULL AND decision IS DISTINCT FROM 'no';
CREATE TRIGGER owner_decides BEFORE INSERT OR UPDATE ON vault.name_clear FOR EACH ROW EXECUTE FUNCTION vault.owner_decides();

-- The ledger: ids and salted commitments, never names; one chain per listing.
CREATE TABLE vault.ledger_head (
    listing_id uuid PRIMARY KEY REFERENCES vault.listing,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE vault.ledger_entry (
    id uuid PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    seq bigint NOT NULL,
    kind text NOT NULL,
    deal_id uuid,
    body bytea NOT NULL,                       -- disclosure/canonical.py, version inside
    prev bytea NOT NULL,
    hash bytea NOT NULL,
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id),
    UNIQUE (listing_id, seq),
    CONSTRAINT ledger_hash CHECK (hash = sha256(prev || body))
);
CREATE TABLE vault.ledger_subject (            -- what the commitments commit to; erased without breaking the chain
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    kind text NOT NULL,
    data jsonb NOT NULL,
    salt bytea NOT NULL,
    commitment text NOT NULL
);
CREATE INDEX ON vault.ledger_subject (listing_id);

CREATE FUNCTION vault.chain_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    head vault.ledger_head;
    said jsonb := convert_from(new.body, 'UTF8')::jsonb;
BEGIN
    -- The hash covers the body alone: the columns beside it may only repeat what it says.
    IF (said ->> 'entry_id', said ->> 'listing_id', said ->> 'kind', said ->> 'deal_id')
        IS DISTINCT FROM (new.id::text, new.listing_id::text, new.kind, new.deal_id::text) THEN
        RAISE EXCEPTION 'columns of an entry differ from its body' USING ERRCODE = 'SU002', CONSTRAINT = 'ledger_body';
    END IF;
    INSERT INTO vault.ledger_head VALUES (new.listing_id, 0, sha256(convert_to('succession-ledger:' || new.listing_id, 'UTF8')))
    ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM vault.ledger_head WHERE listing_id = new.listing_id FOR UPDATE;
    new.seq := head.seq + 1;
    new.prev := head.hash;
    new.hash := sha256(head.hash || new.body);
    UPDATE vault.ledger_head SET seq = new.seq, hash = new.hash WHERE listing_id = new.listing_id;
    RETURN new;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON vault.ledger_entry FOR EACH ROW EXECUTE FUNCTION vault.chain_entry();
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.ledger_entry FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.ledger_head FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();
-- Erasing a person is a DELETE here, by the seeding role; rewriting what a commitment commits to is nobody's.
CREATE TRIGGER evidence BEFORE UPDATE ON vault.ledger_subject FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.ledger_subject FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- After the name clear the NDA is bound to the company it was given for.
CREATE TABLE vault.nda_schedule (
    id uuid PRIMARY KEY,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    nda_id uuid NOT NULL,
    name_clear_id uuid NOT NULL UNIQUE,
    text_ja text NOT NULL,
    text_en text NOT NULL,
    text_hash bytea NOT NULL,
    ledger_entry_id uuid NOT NULL REFERENCES vault.ledger_entry,
    bound_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    FOREIGN KEY (nda_id, deal_id) REFERENCES vault.nda (id, deal_id),
    FOREIGN KEY (name_clear_id, deal_id) REFERENCES vault.name_clear (id, deal_id),
    CONSTRAINT nda_schedule_text_hash CHECK (text_hash = sha256(convert_to(text_ja || E'\n\n\n' || text_en, 'UTF8')))
);
CREATE INDEX ON vault.nda_schedule (deal_id);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.nda_schedule FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.nda_schedule FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- Release: the grant exists only with its ledger entry.
CREATE TABLE vault.disclosure_grant (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    level text NOT NULL CHECK (level IN ('dossier', 'data_room')),
    nda_id uuid NOT NULL,
    name_clear_id uuid NOT NULL,
    ledger_entry_id uuid NOT NULL UNIQUE REFERENCES vault.ledger_entry DEFERRABLE INITIALLY DEFERRED,
    granted_by uuid NOT NULL REFERENCES vault.member,
    granted_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    revoke_reason text,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    FOREIGN KEY (nda_id, deal_id) REFERENCES vault.nda (id, deal_id),
    FOREIGN KEY (name_clear_id, deal_id) REFERENCES vault.name_clear (id, deal_id),
    CONSTRAINT grant_consent_used UNIQUE (name_clear_id, level)  -- a consent is used once (guideline G1)
);
CREATE UNIQUE INDEX grant_one_live ON vault.disclosure_grant (deal_id, level) WHERE revoked_at IS NULL;
CREATE INDEX ON vault.disclosure_grant (listing_id, buyer_id);

CREATE TABLE vault.access (                    -- who opened what, committed before the first byte leaves
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    grant_id uuid NOT NULL REFERENCES vault.disclosure_grant,
    listing_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    member_id uuid NOT NULL,
    what text NOT NULL,                        -- 'dossier' or 'document:<id>'
    at timestamptz NOT NULL DEFAULT now(),
    address text,
    agent text
);
CREATE INDEX ON vault.access (listing_id, id);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.access FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.access FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- The four causes, asked again whenever anything depends on them: buyer verified and screened, NDA in force, owner's
-- consent for this buyer, nothing that blocks.
CREATE FUNCTION vault.causes_hold(deal uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.deal d
        JOIN vault.organisation b ON b.id = d.buyer_id AND b.status = 'verified'
        JOIN vault.listing l ON l.id = d.listing_id AND l.state <> 'withdrawn'
        JOIN vault.nda n ON n.deal_id = d.id AND n.signed_at IS NOT NULL AND n.ended_at IS NULL AND n.expires_at > now()
        JOIN vault.name_clear c ON c.deal_id = d.id AND c.nda_id = n.id AND c.decision = 'yes' AND c.revoked_at IS NULL
        WHERE d.id = deal AND d.terminal IS NULL AND vault.screened(d.id) IS NOT NULL
          AND NOT EXISTS (SELECT FROM vault.exclusion e JOIN vault.organisation_key k
                          ON k.kind = e.kind AND lower(k.value) = lower(e.value)
                          WHERE e.listing_id = d.listing_id AND k.organisation_id = d.buyer_id))
$$;

CREATE FUNCTION vault.grant_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT vault.causes_hold(new.deal_id) OR vault.parked(new.deal_id) THEN
        RAISE EXCEPTION 'screening, NDA, owner''s consent or absence of a block is missing'
            USING ERRCODE = 'SU002', CONSTRAINT = 'grant_causes';
    END IF;
    IF NOT EXISTS (SELECT FROM vault.name_clear c JOIN vault.nda n ON n.id = c.nda_id
                   WHERE c.id = new.name_clear_id AND n.id = new.nda_id AND c.decision = 'yes' AND c.revoked_at IS NULL
                     AND c.expires_at > now() AND new.expires_at <= n.expires_at) THEN
        RAISE EXCEPTION 'the owner''s consent has expired or is another one' USING ERRCODE = 'SU002', CONSTRAINT = 'grant_consent_expired';
    END IF;
    IF NOT EXISTS (SELECT FROM vault.ledger_entry e
                   WHERE e.id = new.ledger_entry_id AND e.listing_id = new.listing_id AND e.deal_id = new.deal_id
                     AND e.kind = 'released' AND convert_from(e.body, 'UTF8')::jsonb ->> 'grant_id' = new.id::text
                     AND convert_from(e.body, 'UTF8')::jsonb ->> 'level' = new.level) THEN
        RAISE EXCEPTION 'a release without its ledger entry' USING ERRCODE = 'SU002', CONSTRAINT = 'grant_needs_entry';
    END IF;
    IF new.level = 'data_room' AND NOT EXISTS (
        SELECT FROM vault.disclosure_grant g WHERE g.deal_id = new.deal_id AND g.level = 'dossier'
          AND g.name_clear_id = new.name_clear_id AND g.revoked_at IS NULL AND g.expires_at > now()) THEN
        RAISE EXCEPTION 'the dossier comes before the data room' USING ERRCODE = 'SU002', CONSTRAINT = 'grant_causes';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER grant_causes BEFORE INSERT ON vault.disclosure_grant FOR EACH ROW EXECUTE FUNCTION vault.grant_causes();

-- A grant is revoked once and changed in no other way.
CREATE FUNCTION vault.grant_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.revoked_at IS NOT NULL
       OR to_jsonb(new) - '{revoked_at,revoked_by,revoke_reason}'::text[] IS DISTINCT FROM
          to_jsonb(old) - '{revoked_at,revoked_by,revoke_reason}'::text[]
    THEN
        RAISE EXCEPTION 'a grant is revoked, never changed' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER grant_frozen BEFORE UPDATE ON vault.disclosure_grant FOR EACH ROW EXECUTE FUNCTION vault.grant_frozen();

CREATE FUNCTION vault.name_clear_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.screening_id IS DISTINCT FROM vault.screened(new.deal_id) OR NOT EXISTS (
        SELECT FROM vault.nda n JOIN vault.deal d ON d.id = n.deal_id
        WHERE n.id = new.nda_id AND n.deal_id = new.deal_id AND n.signed_at IS NOT NULL AND n.ended_at IS NULL
          AND n.expires_at > now() AND d.terminal IS NULL)
    THEN
        RAISE EXCEPTION 'name clear needs a signed NDA and a cleared, current screening'
            USING ERRCODE = 'SU002', CONSTRAINT = 'name_clear_causes';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER name_clear_causes BEFORE INSERT ON vault.name_clear FOR EACH ROW EXECUTE FUNCTION vault.name_clear_causes();

-- What the owner was shown stays; an answer comes in time, is given once, and can be taken back once.
CREATE FUNCTION vault.name_clear_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answer text[] := '{decision,decided_at,decided_by,method,paper_evidence_id,evidence,revoked_at}';
BEGIN
    IF to_jsonb(new) - answer IS DISTINCT FROM to_jsonb(old) - answer OR old.revoked_at IS NOT NULL
       OR (old.decision IN ('yes', 'no') AND to_jsonb(new) - 'revoked_at' IS DISTINCT FROM to_jsonb(old) - 'revoked_at')
    THEN
        RAISE EXCEPTION 'what the owner was shown and answered is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    IF new.decision IS DISTINCT FROM old.decision AND (old.expires_at <= now() OR new.revoked_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this question is no longer open' USING ERRCODE = 'SU002', CONSTRAINT = 'name_clear_closed';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER name_clear_frozen BEFORE UPDATE ON vault.name_clear FOR EACH ROW EXECUTE FUNCTION vault.name_clear_frozen();

-- May this grant be read on today? Its own NDA and consent must hold: a later consent never brings an older grant back.
CREATE FUNCTION vault.grant_holds(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.disclosure_grant g
        JOIN vault.ledger_entry e ON e.id = g.ledger_entry_id AND e.listing_id = g.listing_id AND e.kind = 'released'
        JOIN vault.nda n ON n.id = g.nda_id AND n.ended_at IS NULL AND n.expires_at > now()
        JOIN vault.name_clear c ON c.id = g.name_clear_id AND c.decision = 'yes' AND c.revoked_at IS NULL
        WHERE g.id = wanted AND g.revoked_at IS NULL AND g.expires_at > now()
          AND vault.party(g.deal_id) IS NOT NULL AND vault.causes_hold(g.deal_id))
$$;

-- Does the organisation of this transaction hold a live grant, with its ledger entry, for this listing at this level?
-- An intermediary that represents the buyer reads under the buyer's NDA, while its representation is in force.
CREATE FUNCTION vault.live_grant(listing uuid, wanted text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.disclosure_grant g
                   WHERE g.listing_id = listing AND g.level = wanted
                     AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.grant_holds(g.id))
$$;

-- What the road of deals asks of disclosure, in four words: a buyer learns these of its own deal, and nothing more.
CREATE FUNCTION vault.disclosure_facts(deal uuid)
    RETURNS TABLE (nda_in_force boolean, name_cleared boolean, dossier_released boolean, screening_current boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = d.id AND n.signed_at IS NOT NULL AND n.ended_at IS NULL AND n.expires_at > now()),
           EXISTS (SELECT FROM vault.name_clear c WHERE c.deal_id = d.id AND c.decision = 'yes' AND c.revoked_at IS NULL),
           EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.deal_id = d.id AND g.level = 'dossier' AND g.revoked_at IS NULL),
           vault.screened(d.id) IS NOT NULL
    FROM vault.deal d WHERE d.id = deal AND vault.party(deal) IS NOT NULL
$$;
