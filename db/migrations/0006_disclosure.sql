-- From the request on a teaser to the release of the dossier: every step points at the one before it.

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
    CONSTRAINT deal_terminal_reason CHECK ((terminal IS NULL) = (terminal_reason IS NULL)),
    CONSTRAINT deal_representative CHECK ((origin = 'representation') = (representative_id IS NOT NULL))
);
CREATE UNIQUE INDEX deal_one_open ON vault.deal (listing_id, buyer_id) WHERE terminal IS NULL;
CREATE INDEX ON vault.deal (intermediary_id, id);
CREATE INDEX ON vault.deal (buyer_id, id);

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
    words_for_owner text NOT NULL,             -- the outcome in plain words (guideline G9)
    decided_by uuid NOT NULL REFERENCES vault.member,
    decided_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    UNIQUE (id, deal_id)
);
CREATE INDEX ON vault.screening (deal_id);

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
    CONSTRAINT nda_signature CHECK ((signed_at IS NULL) = (signer_name IS NULL) AND (signed_at IS NULL) = (expires_at IS NULL))
);
CREATE UNIQUE INDEX nda_one_open ON vault.nda (deal_id) WHERE ended_at IS NULL;

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
    CHECK ((decision IS NULL) = (method IS NULL))
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
BEGIN
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
    FOREIGN KEY (name_clear_id, deal_id) REFERENCES vault.name_clear (id, deal_id)
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

-- The four causes, asked again whenever anything depends on them.
CREATE FUNCTION vault.causes_hold(deal uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.deal d
        JOIN vault.organisation b ON b.id = d.buyer_id AND b.status = 'verified'
        JOIN vault.nda n ON n.deal_id = d.id AND n.signed_at IS NOT NULL AND n.ended_at IS NULL AND n.expires_at > now()
        JOIN vault.name_clear c ON c.deal_id = d.id AND c.nda_id = n.id AND c.decision = 'yes' AND c.revoked_at IS NULL
        JOIN vault.screening s ON s.id = c.screening_id AND s.decision = 'cleared'
        WHERE d.id = deal AND d.terminal IS NULL
          AND NOT EXISTS (SELECT FROM vault.screening later WHERE later.deal_id = d.id AND later.decision = 'refused'
                          AND later.decided_at > s.decided_at)
          AND NOT EXISTS (SELECT FROM vault.exclusion e JOIN vault.organisation_key k
                          ON k.kind = e.kind AND lower(k.value) = lower(e.value)
                          WHERE e.listing_id = d.listing_id AND k.organisation_id = d.buyer_id))
$$;

CREATE FUNCTION vault.grant_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT vault.causes_hold(new.deal_id) THEN
        RAISE EXCEPTION 'screening, NDA, owner''s consent or absence of a block is missing'
            USING ERRCODE = 'SU002', CONSTRAINT = 'grant_causes';
    END IF;
    IF EXISTS (SELECT FROM vault.name_clear c WHERE c.id = new.name_clear_id AND c.expires_at <= now()) THEN
        RAISE EXCEPTION 'the owner''s consent has expired' USING ERRCODE = 'SU002', CONSTRAINT = 'grant_consent_expired';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER grant_causes BEFORE INSERT ON vault.disclosure_grant FOR EACH ROW EXECUTE FUNCTION vault.grant_causes();

CREATE FUNCTION vault.name_clear_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM vault.nda n JOIN vault.screening s ON s.id = new.screening_id
        WHERE n.id = new.nda_id AND n.deal_id = new.deal_id AND n.signed_at IS NOT NULL AND n.ended_at IS NULL
          AND n.expires_at > now() AND s.deal_id = new.deal_id AND s.decision = 'cleared' AND s.expires_at > now())
    THEN
        RAISE EXCEPTION 'name clear needs a signed NDA and a cleared, current screening'
            USING ERRCODE = 'SU002', CONSTRAINT = 'name_clear_causes';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER name_clear_causes BEFORE INSERT ON vault.name_clear FOR EACH ROW EXECUTE FUNCTION vault.name_clear_causes();

CREATE FUNCTION vault.nda_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.text_ja, new.text_en, new.text_hash, new.template_version, new.form, new.deal_id)
        IS DISTINCT FROM (old.text_ja, old.text_en, old.text_hash, old.template_version, old.form, old.deal_id)
       OR (old.signed_at IS NOT NULL AND (new.signed_at, new.signer_name, new.signer_member_id, new.signer_title)
           IS DISTINCT FROM (old.signed_at, old.signer_name, old.signer_member_id, old.signer_title))
    THEN
        RAISE EXCEPTION 'an NDA is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER nda_frozen BEFORE UPDATE ON vault.nda FOR EACH ROW EXECUTE FUNCTION vault.nda_frozen();

-- Does the organisation of this transaction hold a live grant, with its ledger entry, for this listing at this level?
CREATE FUNCTION vault.live_grant(listing uuid, wanted text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.disclosure_grant g
        JOIN vault.ledger_entry e ON e.id = g.ledger_entry_id AND e.listing_id = g.listing_id
        WHERE g.listing_id = listing AND g.buyer_id = ops.organisation() AND g.level = wanted
          AND ops.kind() = 'acquirer' AND g.revoked_at IS NULL AND g.expires_at > now()
          AND vault.causes_hold(g.deal_id))
$$;
