-- The data room: folders, each released to one buyer with the owner's permission; steps of know-how in their order; a
-- competitor's clean team; and what a document says of itself against where its recipient is.

-- ---------------------------------------------------------------- the information memorandum: what was not asked so far
ALTER TABLE vault.listing_profile
    ADD COLUMN business_model text,
    ADD COLUMN history text,
    ADD COLUMN officers jsonb,                 -- by role, never by name
    ADD COLUMN shareholders jsonb,             -- by kind and share
    ADD COLUMN staff jsonb,                    -- by role
    ADD COLUMN qualifications jsonb,
    ADD COLUMN market_outline text,
    ADD COLUMN plan_outline text,
    ADD COLUMN plan_years jsonb;

-- ---------------------------------------------------------------- steps of know-how
-- The same table as STEPS in disclosure/know_how.py; a test compares them. `stages`: NULL for any; an `event` on the deal's
-- road opens it as well.
CREATE TABLE ops.know_how_step (
    step text PRIMARY KEY,
    position smallint NOT NULL UNIQUE,
    stages text[],
    event text,
    clean_team boolean NOT NULL,               -- for every buyer; a competitor has one from `of_competitor` on
    of_competitor boolean NOT NULL,
    view_only boolean NOT NULL
);
INSERT INTO ops.know_how_step VALUES
    ('K0', 0, NULL, NULL, false, false, false),                                              -- that it exists, and its kind
    ('K1', 1, NULL, NULL, false, false, false),                                              -- what it achieves
    ('K2', 2, NULL, NULL, false, false, false),                                              -- its principle, or a closed demonstration
    ('K3', 3, '{definitive,closing,post_closing}', 'sign_mou', true, true, true),            -- its parameters
    ('K4', 4, '{closing,post_closing}', NULL, false, true, true);                            -- the recipe
GRANT SELECT ON ops.know_how_step TO succession_app, succession_seeder, succession_definer;

-- ---------------------------------------------------------------- folders and documents
CREATE TABLE vault.folder (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    position int NOT NULL DEFAULT 0 CHECK (position BETWEEN 0 AND 9999),
    know_how_step text REFERENCES ops.know_how_step,
    competitor_sensitive boolean NOT NULL DEFAULT false,
    view_only boolean NOT NULL DEFAULT false,
    added_by uuid REFERENCES vault.member,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    version int NOT NULL DEFAULT 1,
    UNIQUE (id, listing_id)
);
CREATE UNIQUE INDEX folder_name_once ON vault.folder (listing_id, lower(name)) WHERE removed_at IS NULL;

ALTER TABLE vault.document
    ADD COLUMN folder_id uuid,                 -- of the data room; what lies with the dossier has no folder to release
    ADD COLUMN contains_personal_data boolean, -- NULL: nobody has said, and nobody abroad or at home reads it
    ADD COLUMN appi_basis text CHECK (appi_basis IN ('consent', 'equivalent_measures', 'adequate_country', 'succession_domestic')),
    ADD COLUMN export_control_class text NOT NULL DEFAULT 'unknown'
        CHECK (export_control_class IN ('none', 'list_controlled', 'catch_all', 'unknown')),
    ADD FOREIGN KEY (folder_id, listing_id) REFERENCES vault.folder (id, listing_id);
INSERT INTO vault.folder (listing_id, name)
    SELECT DISTINCT ON (listing_id, lower(folder)) listing_id, folder FROM vault.document
    WHERE level = 'data_room' ORDER BY listing_id, lower(folder), added_at;
UPDATE vault.document d SET folder_id = f.id FROM vault.folder f
    WHERE d.level = 'data_room' AND f.listing_id = d.listing_id AND lower(f.name) = lower(d.folder);
ALTER TABLE vault.document ADD CONSTRAINT document_folder CHECK ((level = 'data_room') = (folder_id IS NOT NULL));
CREATE INDEX ON vault.document (folder_id);

-- A document put into a folder by its name makes the folder where there is none, as a directory is made: nobody reads a
-- folder before it is released. It stands in one release as it was that day: see folder_grant.documents.
CREATE FUNCTION vault.document_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.level = 'data_room' AND new.folder_id IS NULL THEN
        INSERT INTO vault.folder (listing_id, name, added_by) VALUES (new.listing_id, new.folder, new.added_by)
        ON CONFLICT (listing_id, lower(name)) WHERE removed_at IS NULL DO NOTHING;
        SELECT f.id INTO new.folder_id FROM vault.folder f
        WHERE f.listing_id = new.listing_id AND lower(f.name) = lower(new.folder) AND f.removed_at IS NULL;
    END IF;
    IF new.folder_id IS NOT NULL THEN
        SELECT f.name INTO new.folder FROM vault.folder f WHERE f.id = new.folder_id;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER document_placed BEFORE INSERT OR UPDATE OF folder_id ON vault.document
    FOR EACH ROW EXECUTE FUNCTION vault.document_placed();

-- ---------------------------------------------------------------- the owner's permission, for one buyer
CREATE TABLE vault.folder_permission (         -- one question may name several folders; the answer is one
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    folder_ids uuid[] NOT NULL CHECK (cardinality(folder_ids) BETWEEN 1 AND 50),
    shown jsonb NOT NULL,
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
    expires_at timestamptz NOT NULL,           -- a permission not used by then is none; what was released on it goes on
    revoked_at timestamptz,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    UNIQUE (id, deal_id),
    CHECK ((decision IS NULL) = (method IS NULL)),
    CONSTRAINT folder_permission_shown_hash CHECK (shown_hash = sha256(convert_to(shown_text_ja, 'UTF8'))),
    CONSTRAINT folder_permission_expiry CHECK (expires_at <= asked_at + interval '181 days')
);
CREATE INDEX ON vault.folder_permission (deal_id, asked_at DESC);
CREATE TRIGGER owner_decides BEFORE INSERT OR UPDATE ON vault.folder_permission
    FOR EACH ROW EXECUTE FUNCTION vault.owner_decides();

CREATE FUNCTION vault.folder_permission_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answer text[] := '{decision,decided_at,decided_by,method,paper_evidence_id,evidence,revoked_at}';
BEGIN
    IF to_jsonb(new) - answer IS DISTINCT FROM to_jsonb(old) - answer OR old.revoked_at IS NOT NULL
       OR (old.decision IN ('yes', 'no') AND to_jsonb(new) - 'revoked_at' IS DISTINCT FROM to_jsonb(old) - 'revoked_at')
    THEN
        RAISE EXCEPTION 'what the owner was shown and answered is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    IF new.decision IS DISTINCT FROM old.decision AND (old.expires_at <= now() OR new.revoked_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this question is no longer open' USING ERRCODE = 'SU002', CONSTRAINT = 'folder_permission_closed';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER folder_permission_frozen BEFORE UPDATE ON vault.folder_permission
    FOR EACH ROW EXECUTE FUNCTION vault.folder_permission_frozen();
CREATE TRIGGER evidence BEFORE DELETE ON vault.folder_permission FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- What a folder is (a step of know-how, a competitor's temptation) stays once an owner was asked about it.
CREATE FUNCTION vault.folder_settled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF (new.id, new.listing_id) IS DISTINCT FROM (old.id, old.listing_id) OR (old.removed_at IS NOT NULL AND new.removed_at IS NULL) THEN
        RAISE EXCEPTION 'a folder stays where it is, and a removed one removed' USING ERRCODE = 'SU001';
    END IF;
    IF (new.know_how_step IS DISTINCT FROM old.know_how_step OR old.competitor_sensitive > new.competitor_sensitive OR old.view_only > new.view_only)
       AND EXISTS (SELECT FROM vault.folder_permission p WHERE new.id = ANY (p.folder_ids)) THEN
        RAISE EXCEPTION 'an owner was asked about this folder as it is' USING ERRCODE = 'SU002', CONSTRAINT = 'folder_settled';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER folder_settled BEFORE UPDATE ON vault.folder FOR EACH ROW EXECUTE FUNCTION vault.folder_settled();
CREATE TRIGGER evidence BEFORE DELETE ON vault.folder FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE FUNCTION vault.folder_view_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.view_only := new.view_only OR coalesce((SELECT k.view_only FROM ops.know_how_step k WHERE k.step = new.know_how_step), false);
    RETURN new;
END $$;
CREATE TRIGGER folder_view_only BEFORE INSERT OR UPDATE ON vault.folder FOR EACH ROW EXECUTE FUNCTION vault.folder_view_only();

-- ---------------------------------------------------------------- competitors and their clean teams
CREATE TABLE vault.competitor_declaration (    -- of a buyer against a listing; a later one never erases an earlier
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    competes boolean NOT NULL,
    declared_for text NOT NULL CHECK (declared_for IN ('seller', 'buyer')),
    words text NOT NULL CHECK (length(words) BETWEEN 1 AND 1000),
    declared_by uuid NOT NULL REFERENCES vault.member,
    declared_at timestamptz NOT NULL DEFAULT now(),
    confirmed_by uuid REFERENCES vault.member,
    confirmed_by_name text,
    confirmed_words text CHECK (length(confirmed_words) BETWEEN 1 AND 1000),
    confirmed_at timestamptz,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL) AND (confirmed_by IS NULL) = (confirmed_by_name IS NULL)
           AND (confirmed_by IS NULL) = (confirmed_words IS NULL))
);
CREATE INDEX ON vault.competitor_declaration (listing_id, buyer_id, number DESC);

-- 'competes' counts from the moment anybody says so; 'apart' only once the seller's side confirmed it by name.
CREATE FUNCTION vault.competition(deal uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT CASE WHEN c.competes THEN 'competes' ELSE 'apart' END
                     FROM vault.deal d JOIN vault.competitor_declaration c ON c.listing_id = d.listing_id AND c.buyer_id = d.buyer_id
                     WHERE d.id = deal AND (c.competes OR c.confirmed_at IS NOT NULL) ORDER BY c.number DESC LIMIT 1), 'undeclared')
$$;
CREATE FUNCTION vault.competitor_confirmed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    mark text[] := '{confirmed_by,confirmed_by_name,confirmed_words,confirmed_at}';
BEGIN
    IF to_jsonb(new) - mark IS DISTINCT FROM to_jsonb(old) - mark OR old.confirmed_at IS NOT NULL THEN
        RAISE EXCEPTION 'what was declared is never rewritten' USING ERRCODE = 'SU001';
    END IF;
    IF EXISTS (SELECT FROM vault.competitor_declaration c WHERE c.listing_id = new.listing_id AND c.buyer_id = new.buyer_id AND c.number > new.number) THEN
        RAISE EXCEPTION 'a later declaration stands' USING ERRCODE = 'SU002', CONSTRAINT = 'competitor_superseded';
    END IF;
    new.confirmed_at := now();
    new.confirmed_by_name := (SELECT m.name FROM vault.member m WHERE m.id = new.confirmed_by);
    RETURN new;
END $$;
CREATE TRIGGER competitor_confirmed BEFORE UPDATE ON vault.competitor_declaration
    FOR EACH ROW EXECUTE FUNCTION vault.competitor_confirmed();
CREATE TRIGGER evidence BEFORE DELETE ON vault.competitor_declaration FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

CREATE TABLE vault.clean_team_member (         -- who reads is named, signs in, and has given an undertaking of their own
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    member_id uuid NOT NULL REFERENCES vault.member,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    outside_firm text CHECK (length(outside_firm) BETWEEN 1 AND 200),  -- NULL: of the buyer's own house
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),              -- where they read
    undertaking_hash bytea NOT NULL CHECK (octet_length(undertaking_hash) = 32),
    undertaken_on date NOT NULL,
    nominated_by uuid NOT NULL REFERENCES vault.member,
    nominated_at timestamptz NOT NULL DEFAULT now(),
    accepted_by uuid REFERENCES vault.member,
    accepted_by_name text,
    accepted_at timestamptz,
    ended_at timestamptz,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    CHECK ((accepted_by IS NULL) = (accepted_at IS NULL) AND (accepted_by IS NULL) = (accepted_by_name IS NULL))
);
CREATE UNIQUE INDEX clean_team_once ON vault.clean_team_member (deal_id, member_id) WHERE ended_at IS NULL;

CREATE FUNCTION vault.clean_team_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM vault.deal d JOIN vault.member m ON m.organisation_id IN (d.buyer_id, d.representative_id)
                       WHERE d.id = new.deal_id AND m.id = new.member_id AND m.status = 'active') THEN
            RAISE EXCEPTION 'a clean team reads under the buyer''s agreement' USING ERRCODE = 'SU002', CONSTRAINT = 'clean_team_of_buyer';
        END IF;
        IF new.accepted_at IS NOT NULL OR new.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'nobody is accepted before they were named' USING ERRCODE = 'SU002', CONSTRAINT = 'clean_team_accepted_by_seller';
        END IF;
        RETURN new;
    END IF;
    IF to_jsonb(new) - '{accepted_by,accepted_by_name,accepted_at,ended_at}'::text[]
       IS DISTINCT FROM to_jsonb(old) - '{accepted_by,accepted_by_name,accepted_at,ended_at}'::text[] OR old.ended_at IS NOT NULL
       OR (old.accepted_at IS NOT NULL AND (new.accepted_by, new.accepted_at) IS DISTINCT FROM (old.accepted_by, old.accepted_at))
    THEN
        RAISE EXCEPTION 'who was in a clean team is evidence' USING ERRCODE = 'SU001';
    END IF;
    IF old.accepted_at IS NULL AND new.accepted_at IS NOT NULL THEN
        IF ops.kind() IS NOT NULL AND (vault.party(new.deal_id) IS DISTINCT FROM 'seller' OR new.accepted_by IS DISTINCT FROM ops.member()) THEN
            RAISE EXCEPTION 'the seller''s side accepts' USING ERRCODE = 'SU002', CONSTRAINT = 'clean_team_accepted_by_seller';
        END IF;
        new.accepted_at := now();
        new.accepted_by_name := (SELECT m.name FROM vault.member m WHERE m.id = new.accepted_by);
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER clean_team_kept BEFORE INSERT OR UPDATE ON vault.clean_team_member FOR EACH ROW EXECUTE FUNCTION vault.clean_team_kept();
CREATE TRIGGER evidence BEFORE DELETE ON vault.clean_team_member FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- Does this folder ask for the clean team of this deal?
CREATE FUNCTION vault.needs_clean_team(wanted uuid, deal uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(k.clean_team, false)
        OR (vault.competition(deal) = 'competes' AND (f.competitor_sensitive OR coalesce(k.of_competitor, false)))
    FROM vault.folder f LEFT JOIN ops.know_how_step k ON k.step = f.know_how_step WHERE f.id = wanted
$$;
CREATE FUNCTION vault.in_clean_team(deal uuid, reader uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.clean_team_member t JOIN vault.member m ON m.id = t.member_id AND m.status = 'active'
                   WHERE t.deal_id = deal AND t.accepted_at IS NOT NULL AND t.ended_at IS NULL AND (reader IS NULL OR t.member_id = reader))
$$;

-- ---------------------------------------------------------------- what a document says of itself, and where it would go
-- The same lists as disclosure/recipient_checks.py; a test compares them. EU and EEA members, and the United Kingdom:
-- db/reference/appi_countries.tsv names the sources.
CREATE FUNCTION ops.appi_adequate(country text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN country = ANY ('{AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,FR,GB,GR,HR,HU,IE,IS,IT,LI,LT,LU,LV,MT,NL,NO,PL,PT,RO,SE,SI,SK}'::text[]);

-- Where a recipient is: the buyer, who represents it, and whom the seller accepted into its clean team.
CREATE FUNCTION vault.recipient_countries(deal uuid) RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(DISTINCT c.country ORDER BY c.country), '{}') FROM (
        SELECT unnest(ARRAY[b.country, b.head_office_country, r.country]) AS country
        FROM vault.deal d JOIN vault.organisation b ON b.id = d.buyer_id LEFT JOIN vault.organisation r ON r.id = d.representative_id
        WHERE d.id = deal
        UNION SELECT t.country FROM vault.clean_team_member t WHERE t.deal_id = deal AND t.accepted_at IS NOT NULL AND t.ended_at IS NULL) c
    WHERE c.country IS NOT NULL
$$;

-- Hints, 'code:COUNTRY', sorted: nothing here says that a transfer is allowed.
CREATE FUNCTION ops.recipient_hints(personal boolean, basis text, export_class text, countries text[], parent text) RETURNS text[]
    LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(DISTINCT h.hint ORDER BY h.hint), '{}') FROM (
        SELECT 'personal_data_unknown:-' AS hint WHERE personal IS NULL
        UNION ALL SELECT 'appi_basis_missing:-' WHERE personal AND basis IS NULL
        UNION ALL SELECT 'personal_data_domestic:JP' WHERE personal AND basis IS NOT NULL AND countries <@ '{JP}'
        UNION ALL
        SELECT CASE basis WHEN 'consent' THEN 'appi_consent:' WHEN 'equivalent_measures' THEN 'appi_equivalent_measures:'
                          WHEN 'succession_domestic' THEN 'appi_domestic_only:'
                          ELSE CASE WHEN ops.appi_adequate(c) THEN 'appi_adequate_country:' ELSE 'appi_not_adequate:' END END || c
        FROM unnest(countries) c WHERE personal AND basis IS NOT NULL AND c <> 'JP'
        UNION ALL SELECT 'export_' || export_class || ':' || c FROM unnest(countries) c WHERE export_class <> 'none' AND c <> 'JP'
        UNION ALL SELECT 'export_' || export_class || ':' || parent WHERE export_class <> 'none' AND parent <> 'JP') h
$$;
-- Hints that no reason answers: the document has to say more, or something else.
CREATE FUNCTION ops.hints_block(hints text[]) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN EXISTS (SELECT FROM unnest(hints) h WHERE split_part(h, ':', 1) = ANY (
        '{personal_data_unknown,appi_basis_missing,appi_domestic_only,appi_not_adequate,export_unknown}'::text[]));

CREATE TABLE vault.recipient_confirmation (    -- a named person read these hints and takes it upon themselves
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL REFERENCES vault.document,
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    hints text[] NOT NULL CHECK (cardinality(hints) BETWEEN 1 AND 100),
    words text NOT NULL CHECK (length(words) BETWEEN 1 AND 1000),
    confirmed_by uuid NOT NULL REFERENCES vault.member,
    confirmed_by_name text NOT NULL,
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id)
);
CREATE INDEX ON vault.recipient_confirmation (document_id, deal_id);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.recipient_confirmation FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.recipient_confirmation FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

CREATE FUNCTION vault.hints_of(wanted uuid, deal uuid) RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ops.recipient_hints(d.contains_personal_data, d.appi_basis, d.export_control_class, vault.recipient_countries(deal),
                               (SELECT b.ultimate_parent_country FROM vault.deal x JOIN vault.organisation b ON b.id = x.buyer_id WHERE x.id = deal))
    FROM vault.document d WHERE d.id = wanted
$$;
CREATE FUNCTION vault.recipient_confirmed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.hints IS DISTINCT FROM vault.hints_of(new.document_id, new.deal_id) OR ops.hints_block(new.hints)
       OR NOT EXISTS (SELECT FROM vault.document d WHERE d.id = new.document_id AND d.listing_id = new.listing_id) THEN
        RAISE EXCEPTION 'other hints than those that stand' USING ERRCODE = 'SU002', CONSTRAINT = 'recipient_hints_stand';
    END IF;
    new.confirmed_by_name := (SELECT m.name FROM vault.member m WHERE m.id = new.confirmed_by);
    RETURN new;
END $$;
CREATE TRIGGER recipient_confirmed BEFORE INSERT ON vault.recipient_confirmation FOR EACH ROW EXECUTE FUNCTION vault.recipient_confirmed();
-- Nothing to look at, or looked at by somebody who has a name, for exactly what stands today.
CREATE FUNCTION vault.recipient_checked(wanted uuid, deal uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT h.hints = '{}' OR (NOT ops.hints_block(h.hints) AND EXISTS (
        SELECT FROM vault.recipient_confirmation c WHERE c.document_id = wanted AND c.deal_id = deal AND c.hints @> h.hints))
    FROM (SELECT vault.hints_of(wanted, deal) AS hints) h
$$;

-- ---------------------------------------------------------------- releasing one folder
CREATE TABLE vault.folder_grant (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    listing_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    folder_id uuid NOT NULL,
    documents uuid[] NOT NULL CHECK (cardinality(documents) <= 500),  -- what lay in it: what is added later is released anew
    room_grant_id uuid NOT NULL REFERENCES vault.disclosure_grant,
    permission_id uuid NOT NULL,
    ledger_entry_id uuid NOT NULL UNIQUE REFERENCES vault.ledger_entry DEFERRABLE INITIALLY DEFERRED,
    granted_by uuid NOT NULL REFERENCES vault.member,
    granted_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    revoke_reason text,
    FOREIGN KEY (deal_id, listing_id, buyer_id) REFERENCES vault.deal (id, listing_id, buyer_id),
    FOREIGN KEY (folder_id, listing_id) REFERENCES vault.folder (id, listing_id),
    FOREIGN KEY (permission_id, deal_id) REFERENCES vault.folder_permission (id, deal_id)
);
CREATE UNIQUE INDEX folder_grant_one_live ON vault.folder_grant (deal_id, folder_id) WHERE revoked_at IS NULL;
CREATE INDEX ON vault.folder_grant (folder_id) WHERE revoked_at IS NULL;
CREATE TRIGGER grant_frozen BEFORE UPDATE ON vault.folder_grant FOR EACH ROW EXECUTE FUNCTION vault.grant_frozen();
CREATE TRIGGER evidence BEFORE DELETE ON vault.folder_grant FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- May this release of a folder be read on now, by this reader? Without one: is it in force at all?
CREATE FUNCTION vault.folder_grant_holds(wanted uuid, reader uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.folder_grant g
        JOIN vault.folder f ON f.id = g.folder_id AND f.removed_at IS NULL
        JOIN vault.ledger_entry e ON e.id = g.ledger_entry_id AND e.listing_id = g.listing_id AND e.kind = 'folder_released'
        JOIN vault.folder_permission p ON p.id = g.permission_id AND p.decision = 'yes' AND p.revoked_at IS NULL
        JOIN vault.disclosure_grant o ON o.deal_id = g.deal_id AND o.level = 'dossier' AND o.revoked_at IS NULL AND o.expires_at > now()
        WHERE g.id = wanted AND g.revoked_at IS NULL AND g.expires_at > now() AND vault.grant_holds(g.room_grant_id)
          AND (NOT vault.needs_clean_team(g.folder_id, g.deal_id) OR vault.in_clean_team(g.deal_id, reader)))
$$;
-- Has the deal come as far as this step of know-how asks, and was the step before it released and not taken back?
CREATE FUNCTION vault.know_how_stage(wanted text, deal uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.stages IS NULL
        OR EXISTS (SELECT FROM vault.deal d WHERE d.id = deal AND d.stage = ANY (k.stages))
        OR EXISTS (SELECT FROM vault.deal_event e WHERE e.deal_id = deal AND e.action = k.event)
    FROM ops.know_how_step k WHERE k.step = wanted
$$;
CREATE FUNCTION vault.know_how_before(wanted text, deal uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.position = 0 OR EXISTS (
        SELECT FROM vault.folder_grant g JOIN vault.folder f ON f.id = g.folder_id AND f.removed_at IS NULL
        JOIN ops.know_how_step b ON b.step = f.know_how_step AND b.position = k.position - 1
        WHERE g.deal_id = deal AND vault.folder_grant_holds(g.id, NULL))
    FROM ops.know_how_step k WHERE k.step = wanted
$$;

-- Is this folder open to this member, in this transaction's scope? Beside vault.live_grant, which answers for a level.
CREATE FUNCTION vault.folder_open(wanted uuid, reader uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT reader IS NOT NULL AND EXISTS (
        SELECT FROM vault.folder_grant g WHERE g.folder_id = wanted AND g.revoked_at IS NULL
          AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.folder_grant_holds(g.id, reader))
$$;
-- The same for one document: under the grant of its level or folder, as the folder was released, and with nothing left to look at.
CREATE FUNCTION vault.document_open(wanted uuid, reader uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT reader IS NOT NULL AND EXISTS (
        SELECT FROM vault.document d WHERE d.id = wanted AND d.removed_at IS NULL AND CASE d.level
            WHEN 'dossier' THEN EXISTS (
                SELECT FROM vault.disclosure_grant g WHERE g.listing_id = d.listing_id AND g.level = 'dossier'
                  AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.grant_holds(g.id)
                  AND vault.recipient_checked(d.id, g.deal_id))
            ELSE EXISTS (
                SELECT FROM vault.folder_grant g WHERE g.folder_id = d.folder_id AND g.revoked_at IS NULL AND d.id = ANY (g.documents)
                  AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.folder_grant_holds(g.id, reader)
                  AND vault.recipient_checked(d.id, g.deal_id)) END)
$$;
-- May it be looked at only, page by page, and never taken along? Not for who holds the listing.
CREATE FUNCTION vault.document_view_only(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.document d JOIN vault.folder f ON f.id = d.folder_id AND f.view_only WHERE d.id = wanted)
$$;

CREATE FUNCTION vault.folder_grant_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    folder vault.folder;
    said jsonb := (SELECT convert_from(e.body, 'UTF8')::jsonb FROM vault.ledger_entry e WHERE e.id = new.ledger_entry_id
                   AND e.listing_id = new.listing_id AND e.deal_id = new.deal_id AND e.kind = 'folder_released');
    refused text;
BEGIN
    SELECT * INTO folder FROM vault.folder f WHERE f.id = new.folder_id AND f.listing_id = new.listing_id AND f.removed_at IS NULL;
    refused := CASE
        WHEN NOT vault.causes_hold(new.deal_id) OR vault.parked(new.deal_id) OR folder.id IS NULL THEN 'grant_causes'
        WHEN NOT EXISTS (SELECT FROM vault.disclosure_grant g JOIN vault.disclosure_grant o ON o.deal_id = g.deal_id AND o.level = 'dossier'
                              AND o.revoked_at IS NULL AND o.expires_at > now()
                         WHERE g.id = new.room_grant_id AND g.deal_id = new.deal_id AND g.level = 'data_room' AND g.revoked_at IS NULL
                           AND g.expires_at > now() AND new.expires_at <= g.expires_at) THEN 'folder_needs_room'
        WHEN NOT EXISTS (SELECT FROM vault.folder_permission p WHERE p.id = new.permission_id AND p.deal_id = new.deal_id
                           AND new.folder_id = ANY (p.folder_ids) AND p.decision = 'yes' AND p.revoked_at IS NULL
                           AND p.expires_at > now()) THEN 'folder_needs_permission'
        WHEN said ->> 'grant_id' IS DISTINCT FROM new.id::text OR said ->> 'folder_id' IS DISTINCT FROM new.folder_id::text
             OR said -> 'documents' IS DISTINCT FROM to_jsonb(new.documents) THEN 'folder_needs_entry'
        WHEN EXISTS (SELECT FROM unnest(new.documents) d(id) LEFT JOIN vault.document x ON x.id = d.id AND x.folder_id = new.folder_id
                       AND x.removed_at IS NULL WHERE x.id IS NULL) THEN 'folder_documents'
        WHEN folder.know_how_step IS NOT NULL AND NOT vault.know_how_stage(folder.know_how_step, new.deal_id) THEN 'know_how_stage'
        WHEN folder.know_how_step IS NOT NULL AND NOT vault.know_how_before(folder.know_how_step, new.deal_id) THEN 'know_how_order'
        WHEN (folder.know_how_step IS NOT NULL OR folder.competitor_sensitive) AND vault.competition(new.deal_id) = 'undeclared'
             THEN 'competitor_undeclared'
        WHEN vault.needs_clean_team(new.folder_id, new.deal_id) AND NOT vault.in_clean_team(new.deal_id, NULL) THEN 'clean_team_needed'
        WHEN EXISTS (SELECT FROM unnest(new.documents) d(id) WHERE NOT vault.recipient_checked(d.id, new.deal_id)) THEN 'recipient_check_open'
    END;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'a folder is not released like this: %', refused USING ERRCODE = 'SU002', CONSTRAINT = refused;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER grant_causes BEFORE INSERT ON vault.folder_grant FOR EACH ROW EXECUTE FUNCTION vault.folder_grant_causes();

-- ---------------------------------------------------------------- the owner's page and paper know a further question
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT c.conname, c.conrelid::regclass AS of, pg_get_constraintdef(c.oid) AS said FROM pg_constraint c
                 WHERE c.conname IN ('owner_link_purpose_check', 'paper_evidence_purpose_check')
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.of, found.conname);
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', found.of, found.conname, replace(found.said, 'ARRAY[', 'ARRAY[''folder''::text, '));
    END LOOP;
END $$;

-- ---------------------------------------------------------------- kinds of ledger entries
INSERT INTO ops.ledger_kind VALUES
    ('folder_permission_asked', '{seller}', false),
    ('folder_permission_decided', '{owner}', false),
    ('folder_permission_revoked', '{owner}', false),
    ('folder_released', '{seller}', true),
    ('folder_revoked', '{seller,owner}', false),
    ('recipient_confirmed', '{seller}', false),
    ('competitor_declared', '{seller,buyer}', false),
    ('competitor_confirmed', '{seller}', false),
    ('clean_team_nominated', '{buyer}', true),
    ('clean_team_accepted', '{seller}', true),
    ('clean_team_ended', '{seller,buyer}', true);

-- ---------------------------------------------------------------- who may
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['folder', 'folder_permission', 'folder_grant', 'competitor_declaration', 'clean_team_member', 'recipient_confirmation'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON vault.%I TO succession_definer, succession_seeder', name);
        EXECUTE format('GRANT SELECT, INSERT ON vault.%I TO succession_app', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['folder_settled()', 'competition(uuid)', 'competitor_confirmed()', 'clean_team_kept()',
        'needs_clean_team(uuid, uuid)', 'in_clean_team(uuid, uuid)', 'recipient_countries(uuid)', 'hints_of(uuid, uuid)',
        'recipient_confirmed()', 'recipient_checked(uuid, uuid)', 'know_how_stage(text, uuid)', 'know_how_before(text, uuid)',
        'folder_grant_holds(uuid, uuid)', 'folder_open(uuid, uuid)', 'document_open(uuid, uuid)', 'document_view_only(uuid)',
        'folder_grant_causes()'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', name);
    END LOOP;
END $$;
REVOKE UPDATE, DELETE ON vault.recipient_confirmation FROM succession_definer, succession_seeder;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA vault TO succession_app, succession_seeder;
GRANT UPDATE (name, position, know_how_step, competitor_sensitive, view_only, removed_at, version) ON vault.folder TO succession_app;
GRANT UPDATE (decision, decided_at, decided_by, method, paper_evidence_id, evidence, revoked_at) ON vault.folder_permission TO succession_app;
GRANT UPDATE (revoked_at, revoked_by, revoke_reason) ON vault.folder_grant TO succession_app;
GRANT UPDATE (confirmed_by, confirmed_by_name, confirmed_words, confirmed_at) ON vault.competitor_declaration TO succession_app;
GRANT UPDATE (accepted_by, accepted_by_name, accepted_at, ended_at) ON vault.clean_team_member TO succession_app;
GRANT EXECUTE ON FUNCTION vault.competition(uuid), vault.needs_clean_team(uuid, uuid), vault.in_clean_team(uuid, uuid),
    vault.recipient_countries(uuid), vault.hints_of(uuid, uuid), vault.recipient_checked(uuid, uuid), vault.know_how_stage(text, uuid),
    vault.know_how_before(text, uuid), vault.folder_grant_holds(uuid, uuid), vault.folder_open(uuid, uuid), vault.document_open(uuid, uuid),
    vault.document_view_only(uuid) TO succession_app;
GRANT EXECUTE ON FUNCTION ops.appi_adequate(text), ops.recipient_hints(boolean, text, text, text[], text), ops.hints_block(text[])
    TO succession_app, succession_definer, succession_seeder;

CREATE POLICY hold ON vault.folder TO succession_app USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id));
CREATE POLICY granted ON vault.folder FOR SELECT TO succession_app USING (vault.folder_open(id, ops.member()));
DROP POLICY granted ON vault.document;
CREATE POLICY granted ON vault.document FOR SELECT TO succession_app USING (vault.document_open(id, ops.member()));
DROP POLICY granted ON vault.document_content;
CREATE POLICY granted ON vault.document_content FOR SELECT TO succession_app USING (vault.document_open(document_id, ops.member()));

CREATE POLICY seller ON vault.folder_permission TO succession_app
    USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY owner ON vault.folder_permission FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY owner_edit ON vault.folder_permission FOR UPDATE TO succession_app
    USING (vault.is_owner(listing_id)) WITH CHECK (vault.is_owner(listing_id));
CREATE POLICY seller ON vault.folder_grant TO succession_app
    USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY buyer ON vault.folder_grant FOR SELECT TO succession_app  -- as with grants: who ended one, and why, is not the buyer's to read
    USING ((vault.party(deal_id) IN ('buyer', 'representative') AND revoked_at IS NULL) OR vault.is_owner(listing_id));
CREATE POLICY owner_edit ON vault.folder_grant FOR UPDATE TO succession_app
    USING (vault.is_owner(listing_id)) WITH CHECK (vault.is_owner(listing_id));
CREATE POLICY seller ON vault.competitor_declaration TO succession_app USING (vault.party(deal_id) = 'seller')
    WITH CHECK (vault.party(deal_id) = 'seller' AND (
        (declared_for = 'seller' AND declared_by = ops.member() AND confirmed_by IS NULL) OR confirmed_by = ops.member()));
CREATE POLICY buyer ON vault.competitor_declaration FOR SELECT TO succession_app  -- what the adviser thinks of a buyer is not the buyer's to read
    USING (vault.party(deal_id) IN ('buyer', 'representative') AND declared_for = 'buyer');
CREATE POLICY buyer_declare ON vault.competitor_declaration FOR INSERT TO succession_app
    WITH CHECK (vault.party(deal_id) IN ('buyer', 'representative') AND declared_for = 'buyer' AND declared_by = ops.member() AND confirmed_by IS NULL);
CREATE POLICY party ON vault.clean_team_member FOR SELECT TO succession_app
    USING (vault.party(deal_id) IN ('seller', 'buyer', 'representative'));
CREATE POLICY buyer_nominate ON vault.clean_team_member FOR INSERT TO succession_app
    WITH CHECK (vault.party(deal_id) IN ('buyer', 'representative') AND nominated_by = ops.member());
CREATE POLICY party_edit ON vault.clean_team_member FOR UPDATE TO succession_app
    USING (vault.party(deal_id) IN ('seller', 'buyer', 'representative')) WITH CHECK (vault.party(deal_id) IN ('seller', 'buyer', 'representative'));
CREATE POLICY seller ON vault.recipient_confirmation FOR SELECT TO succession_app USING (vault.party(deal_id) = 'seller');
CREATE POLICY seller_confirm ON vault.recipient_confirmation FOR INSERT TO succession_app
    WITH CHECK (vault.party(deal_id) = 'seller' AND confirmed_by = ops.member());
