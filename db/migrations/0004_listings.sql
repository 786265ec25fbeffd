-- The confidential side: what is true of a company, who speaks for it, and what its owner allowed.

CREATE TABLE vault.listing (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    intermediary_id uuid NOT NULL REFERENCES vault.organisation,
    responsible_member_id uuid REFERENCES vault.member,
    internal_reference text CHECK (length(internal_reference) <= 80),
    state text NOT NULL DEFAULT 'intake'
        CHECK (state IN ('intake', 'mandated', 'preparing', 'listed', 'approached', 'suspended', 'withdrawn', 'succeeded')),
    state_reason text,                         -- why it rests: a coded reason of listings/road.py
    flags text[] NOT NULL DEFAULT '{}',        -- 'figures_old', 'figures_outside_band'
    import_id uuid,
    import_row int,
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (id, intermediary_id),
    CONSTRAINT listing_import_once UNIQUE (import_id, import_row)
);
CREATE INDEX listing_newest ON vault.listing (intermediary_id, created_at DESC, id DESC);

-- The profile, as listings/profile.py spells it. NULL is "not answered yet"; an empty list is an answer, "there are none".
CREATE TABLE vault.succession_status (
    listing_id uuid PRIMARY KEY REFERENCES vault.listing ON DELETE CASCADE,
    status text CHECK (status IN ('none_decided', 'family_declined', 'employees_declined', 'undecided')),
    declared_by text,
    declared_on date,
    checkup_reference text,
    alternatives_tried text[],
    first_consulted_on date,
    channel text
);

CREATE TABLE vault.listing_identity (
    listing_id uuid PRIMARY KEY REFERENCES vault.listing ON DELETE CASCADE,
    intermediary_id uuid NOT NULL,
    legal_name text,
    name_kana text,
    name_en text,
    name_en_declared_none boolean,
    name_romaji text,
    name_romaji_confirmed boolean,
    legal_form text,
    corporate_number text CHECK (corporate_number ~ '^[1-9][0-9]{12}$'),
    internal_key text,                         -- a sole proprietor has no corporate number
    brands jsonb,
    former_names jsonb,
    group_companies jsonb,
    main_customers jsonb,
    main_suppliers jsonb,
    FOREIGN KEY (listing_id, intermediary_id) REFERENCES vault.listing (id, intermediary_id) ON DELETE CASCADE,
    CONSTRAINT listing_corporate_number_unique UNIQUE (intermediary_id, corporate_number),
    CONSTRAINT listing_internal_key_unique UNIQUE (intermediary_id, internal_key)
);

CREATE TABLE vault.listing_contact (
    listing_id uuid PRIMARY KEY REFERENCES vault.listing ON DELETE CASCADE,
    representative_name text,
    representative_kana text,
    representative_romaji text,
    family jsonb,
    sites jsonb,
    phones jsonb,
    urls jsonb,
    email_domains jsonb
);

CREATE TABLE vault.listing_profile (
    listing_id uuid PRIMARY KEY REFERENCES vault.listing ON DELETE CASCADE,
    jsic_code text,
    prefecture text CHECK (prefecture ~ '^JP-(0[1-9]|[1-3][0-9]|4[0-7])$'),
    municipality text,
    founded_on date,
    founded_year smallint CHECK (founded_year BETWEEN 500 AND 2200),
    employees int CHECK (employees >= 0),
    capital_yen bigint CHECK (capital_yen >= 0),
    outline text,
    strengths text,
    products jsonb,
    owner_birth_year smallint CHECK (owner_birth_year BETWEEN 1880 AND 2100),
    reason text,
    reason_note text,
    schemes text[],
    timing text,
    asking_price_yen bigint CHECK (asking_price_yen >= 0),
    price_negotiable boolean,
    price_basis text CHECK (price_basis IN ('equity', 'enterprise', 'business')),
    price_method text,
    price_as_of date,
    price_indicative boolean,
    conditions jsonb,
    facts text[],
    guarantees jsonb,                          -- per lender (guideline G11)
    permits jsonb,
    real_estate jsonb,
    intellectual_property jsonb
);

CREATE TABLE vault.listing_financials (
    listing_id uuid NOT NULL REFERENCES vault.listing ON DELETE CASCADE,
    period_end date NOT NULL,
    revenue_yen bigint CHECK (revenue_yen >= 0),
    operating_profit_yen bigint,
    adjusted_ebitda_yen bigint,
    net_assets_yen bigint,
    debt_yen bigint CHECK (debt_yen >= 0),
    PRIMARY KEY (listing_id, period_end)
);

CREATE TABLE vault.exclusion (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('organisation', 'registry', 'lei', 'corporate_number', 'group', 'ultimate_parent',
                                       'person', 'country', 'buyer_kind')),
    value text NOT NULL CHECK (length(value) BETWEEN 1 AND 200),
    note text,
    CONSTRAINT exclusion_unique UNIQUE (listing_id, kind, value)
);
CREATE INDEX ON vault.exclusion (kind, value);

CREATE TABLE vault.owner_contact (             -- whom links are sent to; every person the mandate names
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing ON DELETE CASCADE,
    name text NOT NULL,
    email text,
    role text NOT NULL DEFAULT 'representative' CHECK (role IN ('representative', 'informed')),
    locale text NOT NULL DEFAULT 'ja',
    removed_at timestamptz
);
CREATE INDEX ON vault.owner_contact (listing_id);

CREATE TABLE vault.mandate (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    kind text NOT NULL CHECK (kind IN ('center_support', 'brokerage', 'adviser')),
    terms jsonb NOT NULL,                      -- listings/guideline.py, struct Mandate
    edition text NOT NULL,                     -- guideline edition the terms were checked against
    document_hash bytea,                       -- of the written explanation (guideline G2); a Center has none to give
    signed_on date NOT NULL,
    ends_on date,
    ended_on date,
    tail_until date,                           -- known once it ended
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'ended')),
    created_by uuid REFERENCES vault.member,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (kind = 'center_support' OR document_hash IS NOT NULL),
    CHECK ((state = 'ended') = (ended_on IS NOT NULL))
);
CREATE INDEX ON vault.mandate (listing_id);
CREATE UNIQUE INDEX mandate_one_active ON vault.mandate (listing_id) WHERE state = 'active';

CREATE TABLE vault.owner_link (                -- single use; only its hash is here
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    owner_contact_id uuid NOT NULL REFERENCES vault.owner_contact,
    purpose text NOT NULL CHECK (purpose IN ('teaser', 'name_clear')),
    subject_id uuid NOT NULL,                  -- teaser_proposal.id or name_clear.id
    token_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX ON vault.owner_link (listing_id);

CREATE TABLE vault.paper_evidence (            -- what the owner signed on paper, as one member read it and another confirmed
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    purpose text NOT NULL CHECK (purpose IN ('teaser', 'name_clear', 'withdrawal')),
    subject_id uuid NOT NULL,
    decision text NOT NULL CHECK (decision IN ('approved', 'refused', 'yes', 'no', 'ask_adviser', 'withdrawn')),
    audiences smallint CHECK (audiences BETWEEN 1 AND 15),
    signer text NOT NULL CHECK (length(signer) BETWEEN 1 AND 200),
    scan bytea NOT NULL CHECK (octet_length(scan) BETWEEN 1 AND 5242880),
    media_type text NOT NULL CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png')),
    scan_hash bytea NOT NULL CHECK (scan_hash = sha256(scan)),
    witness text NOT NULL,
    signed_on date NOT NULL,
    entered_by uuid NOT NULL REFERENCES vault.member,
    entered_at timestamptz NOT NULL DEFAULT now(),
    confirmed_by uuid REFERENCES vault.member,
    confirmed_at timestamptz,
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CONSTRAINT paper_second_confirmation CHECK (confirmed_by IS DISTINCT FROM entered_by OR confirmed_by IS NULL)
);
CREATE INDEX ON vault.paper_evidence (listing_id);

-- What is put before the owner: canonical teaser, its Japanese rendering verbatim, the audiences asked for.
CREATE TABLE vault.teaser_proposal (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    canonical jsonb NOT NULL,
    canonical_hash bytea NOT NULL,
    rendering_ja text NOT NULL,
    cell_id int NOT NULL,
    audiences smallint NOT NULL CHECK (audiences BETWEEN 1 AND 15),  -- asked for
    consent_months smallint NOT NULL DEFAULT 12 CHECK (consent_months BETWEEN 1 AND 36),
    proposed_by uuid REFERENCES vault.member,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz,                 -- a newer proposal was put before the owner
    decision text CHECK (decision IN ('approved', 'refused')),
    audiences_granted smallint CHECK (audiences_granted BETWEEN 1 AND 15),
    decided_at timestamptz,
    decided_by text,                           -- the owner's name as given
    method text CHECK (method IN ('link', 'paper')),
    paper_evidence_id uuid REFERENCES vault.paper_evidence,
    evidence jsonb,                            -- address, agent, language, hash shown
    CHECK ((decision IS NULL) = (method IS NULL)),
    CHECK ((method = 'paper') = (paper_evidence_id IS NOT NULL) OR method IS NULL),
    CHECK ((decision IS NOT DISTINCT FROM 'approved') = (audiences_granted IS NOT NULL)),
    CHECK (audiences_granted & ~audiences = 0)
);
CREATE INDEX ON vault.teaser_proposal (listing_id);

CREATE TABLE vault.audience_consent (          -- one per audience; default none
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    proposal_id uuid NOT NULL REFERENCES vault.teaser_proposal,
    audience text NOT NULL CHECK (audience IN ('public', 'verified_buyers', 'agency_desk', 'domestic_institutions')),
    granted_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    UNIQUE (proposal_id, audience)
);
CREATE INDEX ON vault.audience_consent (listing_id);

CREATE TABLE vault.publication (               -- apart from the listing: re-listing makes a new one
    ref uuid PRIMARY KEY,                      -- 128 random bits
    listing_id uuid NOT NULL REFERENCES vault.listing,
    proposal_id uuid NOT NULL REFERENCES vault.teaser_proposal,
    codebook_version text NOT NULL,
    vocabulary_version text NOT NULL,
    population_version text NOT NULL,
    cell_id int NOT NULL,
    audiences smallint NOT NULL CHECK (audiences BETWEEN 1 AND 15),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'published', 'taken_down')),
    batch int REFERENCES ops.batch,
    queued_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    taken_down_at timestamptz,
    take_down_reason text
);
CREATE UNIQUE INDEX publication_one_live ON vault.publication (listing_id) WHERE state IN ('queued', 'published');
CREATE INDEX publication_queue ON vault.publication (queued_at) WHERE state = 'queued';
CREATE INDEX ON vault.publication (listing_id);

CREATE TABLE vault.preview (                   -- a preview is an oracle: counted and kept
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    member_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    facts_hash bytea NOT NULL
);
CREATE INDEX ON vault.preview (member_id, at);

CREATE TABLE vault.listing_import (            -- the file itself is not kept: its rows are, and its hash
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    intermediary_id uuid NOT NULL REFERENCES vault.organisation,
    filename text NOT NULL CHECK (length(filename) <= 200),
    content_hash bytea NOT NULL,
    reading jsonb NOT NULL,                    -- columns, problems of the sheet, counts
    rows_total int NOT NULL,
    rows_importable int NOT NULL,
    rows_done int NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'read' CHECK (state IN ('read', 'committed')),
    created_by uuid NOT NULL REFERENCES vault.member,
    created_at timestamptz NOT NULL DEFAULT now(),
    committed_by uuid REFERENCES vault.member,
    committed_at timestamptz,
    CHECK ((state = 'committed') = (committed_at IS NOT NULL)),
    CONSTRAINT import_same_file_once UNIQUE (intermediary_id, content_hash)
);
ALTER TABLE vault.listing ADD FOREIGN KEY (import_id) REFERENCES vault.listing_import;
CREATE TABLE vault.listing_import_row (
    import_id uuid NOT NULL REFERENCES vault.listing_import,
    intermediary_id uuid NOT NULL,
    number int NOT NULL,                       -- as the spreadsheet shows it
    reading jsonb NOT NULL,                    -- per cell: understood, assumed, or why not
    entry jsonb,                               -- the draft it becomes; NULL: not importable
    outcome text CHECK (outcome IN ('entered', 'held_already')),
    listing_id uuid REFERENCES vault.listing,
    PRIMARY KEY (import_id, number),
    CHECK ((outcome IS NOT DISTINCT FROM 'entered') = (listing_id IS NOT NULL))
);

CREATE TABLE vault.document (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    level text NOT NULL CHECK (level IN ('dossier', 'data_room')),
    folder text NOT NULL DEFAULT '/',
    title text NOT NULL,
    media_type text NOT NULL,
    size_bytes int NOT NULL CHECK (size_bytes BETWEEN 1 AND 10485760),
    content_hash bytea NOT NULL,
    added_by uuid NOT NULL REFERENCES vault.member,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE INDEX ON vault.document (listing_id);
CREATE TABLE vault.document_content (
    document_id uuid PRIMARY KEY REFERENCES vault.document,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    level text NOT NULL CHECK (level IN ('dossier', 'data_room')),
    content bytea NOT NULL
);

-- Only the owner decides. The intermediary can carry paper, never the decision: by link the session must be the
-- owner's, on paper a second person must have confirmed the scan for exactly this subject.
CREATE FUNCTION vault.owner_decides() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.decision IS NOT DISTINCT FROM (CASE WHEN tg_op = 'UPDATE' THEN old.decision END) THEN
        RETURN new;
    END IF;
    IF ops.kind() IS NULL THEN
        RETURN new;  -- bulk loading: only the seeding role writes without a scope
    END IF;
    IF tg_op = 'UPDATE' AND old.decision IS NOT NULL AND old.decision <> 'ask_adviser' THEN
        RAISE EXCEPTION 'a decision of the owner stands' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decision_stands';
    END IF;
    IF new.method = 'link' AND ops.kind() = 'owner' AND ops.owner_listing() = new.listing_id THEN
        RETURN new;
    END IF;
    IF new.method = 'paper' AND EXISTS (
        SELECT FROM vault.paper_evidence e
        WHERE e.id = new.paper_evidence_id AND e.listing_id = new.listing_id AND e.subject_id = new.id
          AND e.decision = new.decision AND e.confirmed_at IS NOT NULL AND e.confirmed_by <> e.entered_by)
    THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION 'only the owner decides' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
END $$;
CREATE TRIGGER owner_decides BEFORE INSERT OR UPDATE ON vault.teaser_proposal
    FOR EACH ROW EXECUTE FUNCTION vault.owner_decides();

-- What was put before the owner is never rewritten, nor is the answer. A paper grants the audiences it names.
CREATE FUNCTION vault.proposal_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
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
    IF new.method = 'paper' AND new.audiences_granted IS DISTINCT FROM
       (SELECT e.audiences FROM vault.paper_evidence e WHERE e.id = new.paper_evidence_id) THEN
        RAISE EXCEPTION 'the paper names other audiences' USING ERRCODE = 'SU002', CONSTRAINT = 'owner_decides';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER proposal_stands BEFORE UPDATE ON vault.teaser_proposal FOR EACH ROW EXECUTE FUNCTION vault.proposal_stands();

-- A scan is evidence; it is confirmed once, by who is acting.
CREATE FUNCTION vault.paper_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(new) - 'confirmed_by' - 'confirmed_at' - 'scan' IS DISTINCT FROM to_jsonb(old) - 'confirmed_by' - 'confirmed_at' - 'scan'
       OR new.scan_hash <> old.scan_hash OR old.confirmed_at IS NOT NULL OR new.confirmed_by IS DISTINCT FROM ops.member() THEN
        RAISE EXCEPTION 'a scan is evidence' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER paper_stands BEFORE UPDATE ON vault.paper_evidence FOR EACH ROW EXECUTE FUNCTION vault.paper_stands();
CREATE TRIGGER evidence BEFORE DELETE ON vault.paper_evidence FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- What has ended stays ended: a used link, a withdrawn consent.
CREATE FUNCTION vault.stays_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(old) ->> tg_argv[0] IS NOT NULL AND to_jsonb(new) IS DISTINCT FROM to_jsonb(old) THEN
        RAISE EXCEPTION '% stays ended', tg_table_name USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER stays_ended BEFORE UPDATE ON vault.owner_link FOR EACH ROW EXECUTE FUNCTION vault.stays_ended('used_at');
CREATE TRIGGER stays_ended BEFORE UPDATE ON vault.audience_consent FOR EACH ROW EXECUTE FUNCTION vault.stays_ended('withdrawn_at');
CREATE TRIGGER stays_ended BEFORE UPDATE ON vault.mandate FOR EACH ROW EXECUTE FUNCTION vault.stays_ended('ended_on');

-- An audience may be shown a teaser only as far as the owner approved this very proposal for it.
CREATE FUNCTION vault.consent_needs_approval() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM vault.teaser_proposal p
        WHERE p.id = new.proposal_id AND p.listing_id = new.listing_id AND p.decision = 'approved'
          AND p.audiences_granted & (CASE new.audience WHEN 'public' THEN 1 WHEN 'verified_buyers' THEN 2
                                                       WHEN 'agency_desk' THEN 4 ELSE 8 END) <> 0
          AND new.expires_at <= p.decided_at + make_interval(months => p.consent_months))
    THEN
        RAISE EXCEPTION 'no approval of the owner for this audience' USING ERRCODE = 'SU002', CONSTRAINT = 'consent_needs_approval';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER consent_needs_approval BEFORE INSERT ON vault.audience_consent
    FOR EACH ROW EXECUTE FUNCTION vault.consent_needs_approval();

-- A publication needs: succession status, active mandate, approval of exactly this cell, live consent for each audience,
-- and no `public` audience when anything is excluded.
CREATE FUNCTION vault.publication_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.state = 'taken_down' THEN
        RETURN new;
    END IF;
    -- Publishing, withdrawing, excluding and ending the mandate queue here: each sees what the one before it committed.
    -- Whoever updates a publication locks its listing first, or two of them could wait for each other.
    PERFORM FROM vault.listing l WHERE l.id = new.listing_id FOR UPDATE;
    IF NOT EXISTS (SELECT FROM vault.succession_status s WHERE s.listing_id = new.listing_id AND s.status IS NOT NULL) THEN
        RAISE EXCEPTION 'no succession status' USING ERRCODE = 'SU002', CONSTRAINT = 'publication_needs_succession_status';
    END IF;
    IF NOT EXISTS (SELECT FROM vault.mandate m WHERE m.listing_id = new.listing_id AND m.state = 'active'
                   AND (m.ends_on IS NULL OR m.ends_on >= ops.today())) THEN
        RAISE EXCEPTION 'no active mandate' USING ERRCODE = 'SU002', CONSTRAINT = 'publication_needs_mandate';
    END IF;
    IF NOT EXISTS (SELECT FROM vault.teaser_proposal p WHERE p.id = new.proposal_id AND p.listing_id = new.listing_id
                   AND p.decision = 'approved' AND p.cell_id = new.cell_id) THEN
        RAISE EXCEPTION 'the owner did not approve this teaser' USING ERRCODE = 'SU002', CONSTRAINT = 'publication_needs_approval';
    END IF;
    IF new.audiences <> coalesce((
        SELECT sum(DISTINCT CASE c.audience WHEN 'public' THEN 1 WHEN 'verified_buyers' THEN 2
                                            WHEN 'agency_desk' THEN 4 ELSE 8 END)
        FROM vault.audience_consent c
        WHERE c.proposal_id = new.proposal_id AND c.withdrawn_at IS NULL AND c.expires_at > now()), 0) THEN
        RAISE EXCEPTION 'audiences differ from the live consents' USING ERRCODE = 'SU002', CONSTRAINT = 'publication_needs_consent';
    END IF;
    IF new.audiences & 1 <> 0 AND EXISTS (SELECT FROM vault.exclusion e WHERE e.listing_id = new.listing_id) THEN
        RAISE EXCEPTION 'a listing with exclusions cannot be public' USING ERRCODE = 'SU002', CONSTRAINT = 'excluded_never_public';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER publication_causes BEFORE INSERT OR UPDATE ON vault.publication
    FOR EACH ROW EXECUTE FUNCTION vault.publication_causes();

CREATE FUNCTION vault.exclusion_not_public() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM vault.listing l WHERE l.id = new.listing_id FOR UPDATE;
    IF EXISTS (SELECT FROM vault.publication p WHERE p.listing_id = new.listing_id
               AND p.state IN ('queued', 'published') AND p.audiences & 1 <> 0) THEN
        RAISE EXCEPTION 'a public listing cannot exclude anybody' USING ERRCODE = 'SU002', CONSTRAINT = 'excluded_never_public';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER exclusion_not_public BEFORE INSERT ON vault.exclusion
    FOR EACH ROW EXECUTE FUNCTION vault.exclusion_not_public();
