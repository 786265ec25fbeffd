-- What exactly was shown to whom, under which version; keys that can be destroyed; signed checkpoints over all ledgers.

SET LOCAL check_function_bodies = off;  -- some ask what later files make

INSERT INTO ops.ledger_kind VALUES
    ('disclosed', '{seller,buyer}', true),     -- one per fact group or document, version and recipient
    ('subject_erased', '{}', false);           -- written by the operator's command alone

-- ---------------------------------------------------------------- keys of persons and companies
-- What a commitment commits to lies under a key of the person or company it is about; the key lies here under one that is
-- outside of the database. Destroying it erases, and the chain stays as it is.
CREATE TABLE vault.subject_key (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('listing', 'owner', 'member', 'organisation')),  -- an owner is known by its listing
    subject_id uuid NOT NULL,
    wrapped bytea,                             -- NULL once destroyed
    wrapped_by text NOT NULL,                  -- which key it lies under
    made_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    erased_by uuid REFERENCES vault.member,
    erased_with uuid REFERENCES vault.member,
    erased_reason text,
    CONSTRAINT subject_key_erased CHECK (num_nulls(wrapped, erased_at) = 1 AND num_nulls(erased_at, erased_by, erased_with, erased_reason) IN (0, 4)),
    CONSTRAINT erasure_second_person CHECK (erased_by <> erased_with)
);
CREATE UNIQUE INDEX subject_key_in_use ON vault.subject_key (kind, subject_id) WHERE erased_at IS NULL;

CREATE FUNCTION vault.subject_key_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.erased_at IS NOT NULL OR (new.id, new.kind, new.subject_id, new.made_at) IS DISTINCT FROM (old.id, old.kind, old.subject_id, old.made_at)
    THEN
        RAISE EXCEPTION 'a destroyed key stays destroyed' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER subject_key_frozen BEFORE UPDATE ON vault.subject_key FOR EACH ROW EXECUTE FUNCTION vault.subject_key_frozen();
CREATE TRIGGER evidence BEFORE DELETE ON vault.subject_key FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.subject_key FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- The key in use of each subject, in the order asked for; `fresh` becomes one where there is none.
CREATE FUNCTION vault.keys_of_subjects(kinds text[], subjects uuid[], fresh bytea[], fresh_by text)
    RETURNS TABLE (key_id uuid, wrapped bytea, wrapped_by text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NULL OR ops.kind() = 'anonymous' THEN
        RETURN;
    END IF;
    INSERT INTO vault.subject_key (kind, subject_id, wrapped, wrapped_by)
    SELECT a.kind, a.subject_id, a.wrapped, fresh_by FROM unnest(kinds, subjects, fresh) AS a (kind, subject_id, wrapped)
    WHERE NOT EXISTS (SELECT FROM vault.subject_key k WHERE k.kind = a.kind AND k.subject_id = a.subject_id AND k.erased_at IS NULL)
    ORDER BY 1, 2
    ON CONFLICT (kind, subject_id) WHERE erased_at IS NULL DO NOTHING;
    RETURN QUERY
    SELECT k.id, k.wrapped, k.wrapped_by FROM unnest(kinds, subjects) WITH ORDINALITY AS a (kind, subject_id, n)
    JOIN vault.subject_key k ON k.kind = a.kind AND k.subject_id = a.subject_id AND k.erased_at IS NULL ORDER BY a.n;
END $$;

-- The salt is inside: with it a name could be found by trying all of them. The columns before are of entries written before.
ALTER TABLE vault.ledger_subject ADD key_id uuid REFERENCES vault.subject_key, ADD sealed bytea,
    ALTER data DROP NOT NULL, ALTER salt DROP NOT NULL,
    ADD CONSTRAINT ledger_subject_sealed CHECK ((sealed IS NULL) = (data IS NOT NULL) AND (sealed IS NULL) = (salt IS NOT NULL)
                                                AND (sealed IS NULL) = (key_id IS NULL));
CREATE FUNCTION vault.subject_sealed_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.sealed IS NOT NULL OR new.sealed IS NULL
       OR (new.id, new.listing_id, new.kind, new.commitment) IS DISTINCT FROM (old.id, old.listing_id, old.kind, old.commitment)
    THEN
        RAISE EXCEPTION 'what a commitment commits to is sealed once and never changed' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
DROP TRIGGER evidence ON vault.ledger_subject;
CREATE TRIGGER evidence BEFORE UPDATE ON vault.ledger_subject FOR EACH ROW EXECUTE FUNCTION vault.subject_sealed_once();

-- Why a subject may not be erased now, or NULL: it is being talked with, a hold forbids it, or its records are still to be kept. A
-- claim of the person (APPI) goes before the last of these, never before the others. Holds and dates are of 0022.
CREATE FUNCTION vault.erasure_refused(wanted_kind text, wanted uuid, reason text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH theirs AS (
        SELECT d.listing_id, d.terminal IS NULL AS open FROM vault.deal d LEFT JOIN vault.member m ON m.id = wanted AND wanted_kind = 'member'
        WHERE (wanted_kind IN ('listing', 'owner') AND d.listing_id = wanted)
           OR (wanted_kind = 'organisation' AND wanted IN (d.buyer_id, d.intermediary_id, d.representative_id))
           OR m.organisation_id IN (d.buyer_id, d.intermediary_id, d.representative_id)
        UNION SELECT wanted, false WHERE wanted_kind IN ('listing', 'owner'))
    SELECT CASE WHEN EXISTS (SELECT FROM theirs WHERE open) THEN 'open_deal'
                WHEN EXISTS (SELECT FROM theirs t JOIN vault.legal_hold h ON h.listing_id = t.listing_id AND h.lifted_at IS NULL) THEN 'legal_hold'
                WHEN reason <> 'claim' AND EXISTS (SELECT FROM theirs t WHERE NOT vault.ended_before(t.listing_id, interval '10 years'))
                THEN 'retention' END
$$;

-- ---------------------------------------------------------------- versions of what is shown
-- Counted from the first release on: a reading refers to the version it compared with what was entered in the ledger.
CREATE TABLE vault.facts_version (
    listing_id uuid PRIMARY KEY REFERENCES vault.listing ON DELETE CASCADE,
    version bigint NOT NULL
);
CREATE FUNCTION vault.facts_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    changed uuid := CASE WHEN tg_op = 'DELETE' THEN old.listing_id ELSE new.listing_id END;
BEGIN
    IF tg_op = 'UPDATE' AND new IS NOT DISTINCT FROM old THEN
        RETURN NULL;
    END IF;
    INSERT INTO vault.facts_version SELECT changed, 1 WHERE EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.listing_id = changed)
    ON CONFLICT (listing_id) DO UPDATE SET version = facts_version.version + 1;
    RETURN NULL;
END $$;
DO $$
DECLARE
    shown text;
BEGIN  -- every table a dossier is built from; a test compares with disclosure/levels.py
    FOREACH shown IN ARRAY ARRAY['succession_status', 'listing_identity', 'listing_contact', 'listing_profile', 'listing_financials',
                                'document', 'document_object', 'folder', 'folder_grant', 'name_clear_answer']
    LOOP
        EXECUTE format('CREATE TRIGGER facts_changed AFTER INSERT OR UPDATE OR DELETE ON vault.%I '
                       'FOR EACH ROW EXECUTE FUNCTION vault.facts_changed()', shown);
    END LOOP;
END $$;

-- One version of one fact group, as its readers read it; under the key of the listing. `mark`: HMAC under that key, which
-- tells whether a content is this version and nothing else.
CREATE TABLE vault.fact_version (
    id uuid PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    fact_group text NOT NULL,
    key_id uuid NOT NULL REFERENCES vault.subject_key,
    mark bytea NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fact_version_once UNIQUE (listing_id, fact_group, mark)
);
-- That this version was shown under this grant: never without its entry in the ledger.
CREATE TABLE vault.disclosed (
    entry_id uuid PRIMARY KEY REFERENCES vault.ledger_entry,
    grant_id uuid NOT NULL REFERENCES vault.disclosure_grant,
    listing_id uuid NOT NULL,
    deal_id uuid NOT NULL,
    fact_group text NOT NULL,                  -- a block of the dossier, or 'document:<id>'
    version_id uuid NOT NULL REFERENCES vault.fact_version,
    at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (deal_id, listing_id) REFERENCES vault.deal (id, listing_id),
    CONSTRAINT disclosed_once UNIQUE (grant_id, fact_group, version_id)
);
CREATE INDEX ON vault.disclosed (listing_id);

CREATE FUNCTION vault.disclosed_by_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM vault.ledger_entry e JOIN vault.disclosure_grant g ON g.id = new.grant_id
        JOIN vault.fact_version v ON v.id = new.version_id AND v.fact_group = new.fact_group AND v.listing_id = new.listing_id,
        LATERAL (SELECT convert_from(e.body, 'UTF8')::jsonb AS said) b
        WHERE e.id = new.entry_id AND e.kind = 'disclosed' AND (e.listing_id, e.deal_id) = (new.listing_id, new.deal_id)
          AND (g.listing_id, g.deal_id) = (new.listing_id, new.deal_id)
          AND (b.said ->> 'grant_id', b.said ->> 'fact_group', b.said ->> 'version_id')
              = (new.grant_id::text, new.fact_group, new.version_id::text))
    THEN
        RAISE EXCEPTION 'shown without its ledger entry' USING ERRCODE = 'SU002', CONSTRAINT = 'disclosed_needs_entry';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER disclosed_by_entry BEFORE INSERT ON vault.disclosed FOR EACH ROW EXECUTE FUNCTION vault.disclosed_by_entry();

-- What an entry of a release has to say, for the parties of the deal alone. `listing_version` is what its holder sees as ETag.
CREATE FUNCTION vault.recipient(wanted uuid)
    RETURNS TABLE (grant_id uuid, deal_id uuid, listing_id uuid, level text, buyer_id uuid, representative_id uuid, nda_id uuid,
                   nda_hash bytea, name_clear_id uuid, listing_version int, facts_version bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT g.id, g.deal_id, g.listing_id, g.level, g.buyer_id, d.representative_id, g.nda_id, n.text_hash, g.name_clear_id, l.version,
           coalesce((SELECT v.version FROM vault.facts_version v WHERE v.listing_id = g.listing_id), 0)
    FROM vault.disclosure_grant g JOIN vault.deal d ON d.id = g.deal_id JOIN vault.nda n ON n.id = g.nda_id
    JOIN vault.listing l ON l.id = g.listing_id
    WHERE g.id = wanted AND vault.party(g.deal_id) IN ('seller', 'buyer', 'representative')
$$;
CREATE FUNCTION vault.facts_version_of(listing uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT v.version FROM vault.facts_version v WHERE v.listing_id = listing), 0)
    WHERE vault.holds(listing) OR vault.live_grant(listing, 'dossier')
$$;

-- ---------------------------------------------------------------- a reading refers to its entries
ALTER TABLE vault.access ADD entries uuid[], ADD facts_version bigint;
CREATE FUNCTION vault.access_disclosed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NULL OR NOT vault.grant_holds(new.grant_id) THEN
        RETURN new;  -- the seeding role; and what row-level security refuses by itself
    END IF;
    IF new.what = 'dossier' THEN
        IF new.facts_version IS DISTINCT FROM coalesce((SELECT v.version FROM vault.facts_version v WHERE v.listing_id = new.listing_id), 0)
           OR coalesce(cardinality(new.entries), 0) = 0
           OR EXISTS (SELECT FROM unnest(new.entries) e (id)
                      WHERE NOT EXISTS (SELECT FROM vault.disclosed d WHERE d.entry_id = e.id AND d.grant_id = new.grant_id))
           OR EXISTS (SELECT d.fact_group FROM vault.disclosed d WHERE d.grant_id = new.grant_id AND d.fact_group NOT LIKE 'document:%'
                      EXCEPT SELECT d.fact_group FROM vault.disclosed d WHERE d.entry_id = ANY (new.entries))
        THEN
            RAISE EXCEPTION 'a reading of what is not in the ledger' USING ERRCODE = 'SU002', CONSTRAINT = 'access_needs_entry';
        END IF;
    ELSIF new.what LIKE 'document:%' THEN
        new.entries := ARRAY(SELECT d.entry_id FROM vault.disclosed d JOIN vault.disclosure_grant g ON g.id = d.grant_id
                             WHERE g.id = new.grant_id AND d.fact_group = 'document:' || split_part(new.what, ':', 2) ORDER BY d.at DESC, d.entry_id LIMIT 1);
        IF cardinality(new.entries) = 0 THEN
            RAISE EXCEPTION 'a reading of what is not in the ledger' USING ERRCODE = 'SU002', CONSTRAINT = 'access_needs_entry';
        END IF;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER access_disclosed BEFORE INSERT ON vault.access FOR EACH ROW EXECUTE FUNCTION vault.access_disclosed();

-- ---------------------------------------------------------------- checkpoints over all ledgers
-- Signed with a key that is not in this database. What is signed (`statement`) holds no count: those are in the tree, under a
-- salt, and so is every leaf, so that a proof tells its reader nothing of anybody else (disclosure/merkle.py).
CREATE TABLE vault.ledger_checkpoint (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    at timestamptz NOT NULL,
    listings bigint NOT NULL,
    entries bigint NOT NULL,
    salt bytea NOT NULL CHECK (octet_length(salt) = 32),
    merkle_root bytea NOT NULL CHECK (octet_length(merkle_root) = 32),
    previous bytea NOT NULL CHECK (octet_length(previous) = 32),
    statement bytea NOT NULL,
    signature bytea NOT NULL CHECK (octet_length(signature) = 64),
    key_id text NOT NULL,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32)
);
CREATE TABLE vault.ledger_checkpoint_head (    -- only the heads that moved since the checkpoint before
    listing_id uuid NOT NULL,
    checkpoint bigint NOT NULL REFERENCES vault.ledger_checkpoint,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (listing_id, checkpoint)
);
CREATE FUNCTION vault.checkpoint_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    last vault.ledger_checkpoint;
    said jsonb := convert_from(new.statement, 'UTF8')::jsonb;
BEGIN
    SELECT * INTO last FROM vault.ledger_checkpoint ORDER BY seq DESC LIMIT 1;
    IF new.seq <> coalesce(last.seq, 0) + 1 OR new.previous <> coalesce(sha256(last.statement), decode(repeat('00', 32), 'hex'))
       OR (said ->> 'seq', said ->> 'merkle_root', said ->> 'previous', said ->> 'key_id')
          IS DISTINCT FROM (new.seq::text, encode(new.merkle_root, 'hex'), encode(new.previous, 'hex'), new.key_id)
    THEN
        RAISE EXCEPTION 'a checkpoint that does not follow the last one' USING ERRCODE = 'SU002', CONSTRAINT = 'checkpoint_follows';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER checkpoint_follows BEFORE INSERT ON vault.ledger_checkpoint FOR EACH ROW EXECUTE FUNCTION vault.checkpoint_follows();

-- The worker signs heads without reading what is in the ledgers. `deals`: those opened on the listing so far.
CREATE FUNCTION vault.ledger_heads() RETURNS TABLE (listing_id uuid, seq bigint, hash bytea, deals uuid[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT h.listing_id, h.seq, h.hash, ARRAY(
        SELECT e.deal_id FROM vault.ledger_entry e WHERE e.listing_id = h.listing_id AND e.kind = 'request_opened' ORDER BY 1)
    FROM vault.ledger_head h WHERE h.seq > 0 ORDER BY h.listing_id
$$;
CREATE INDEX ledger_entry_requests ON vault.ledger_entry (listing_id, seq) WHERE kind = 'request_opened';

-- Whom a copy of a checkpoint is sent: who holds a listing whose head moved, and a buyer that has something new to read in it
-- itself. Another buyer's step tells it nothing.
CREATE FUNCTION vault.checkpoint_readers(wanted bigint) RETURNS TABLE (organisation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH moved AS (
        SELECT h.listing_id, h.seq, coalesce((SELECT max(b.seq) FROM vault.ledger_checkpoint_head b
                                              WHERE b.listing_id = h.listing_id AND b.checkpoint < h.checkpoint), 0) AS before
        FROM vault.ledger_checkpoint_head h WHERE h.checkpoint = wanted)
    SELECT l.intermediary_id FROM moved m JOIN vault.listing l ON l.id = m.listing_id
    UNION SELECT d.buyer_id FROM moved m JOIN vault.ledger_entry e ON e.listing_id = m.listing_id AND e.seq > m.before AND e.seq <= m.seq
        JOIN ops.ledger_kind k ON k.kind = e.kind AND k.buyer_reads JOIN vault.deal d ON d.id = e.deal_id
    ORDER BY 1
$$;

-- The way from the leaf of a listing or a deal to the root, for a party to it alone; disclosure/merkle.py computes the same.
CREATE FUNCTION vault.checkpoint_proof(wanted bigint, leaf_kind text, leaf_id uuid)
    RETURNS TABLE (leaf_index int, leaf bytea, path bytea[], head_seq bigint, head_hash bytea, leaf_salt bytea)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    point vault.ledger_checkpoint;
    level bytea[];
    size int;
BEGIN
    IF NOT (CASE leaf_kind WHEN 'listing' THEN vault.holds(leaf_id) OR vault.is_owner(leaf_id) OR coalesce(ops.kind() = 'operator', false)
                           WHEN 'deal' THEN vault.party(leaf_id) IS NOT NULL ELSE false END) THEN
        RETURN;
    END IF;
    SELECT * INTO point FROM vault.ledger_checkpoint c WHERE c.seq = wanted;
    IF leaf_kind = 'listing' THEN
        SELECT h.seq, h.hash INTO head_seq, head_hash FROM vault.ledger_checkpoint_head h
        WHERE h.listing_id = leaf_id AND h.checkpoint <= wanted ORDER BY h.checkpoint DESC LIMIT 1;
    ELSE
        SELECT h.seq, h.hash INTO head_seq, head_hash FROM vault.ledger_checkpoint_head h
        JOIN vault.ledger_entry e ON e.listing_id = h.listing_id AND e.kind = 'request_opened' AND e.deal_id = leaf_id AND e.seq <= h.seq
        WHERE h.checkpoint <= wanted ORDER BY h.checkpoint DESC LIMIT 1;
    END IF;
    IF point.seq IS NULL OR head_seq IS NULL THEN
        RETURN;
    END IF;
    leaf_salt := sha256(point.salt || uuid_send(leaf_id));
    leaf := vault.checkpoint_leaf(leaf_salt, upper(left(leaf_kind, 1)), leaf_id, head_seq, head_hash);
    level := vault.checkpoint_leaves(wanted);
    leaf_index := array_position(level, leaf) - 1;
    path := '{}';
    size := leaf_index;
    WHILE cardinality(level) > 1 LOOP
        path := path || level[(size # 1) + 1];
        SELECT array_agg(sha256('\x01'::bytea || level[2 * i + 1] || level[2 * i + 2]) ORDER BY i) INTO level
        FROM generate_series(0, cardinality(level) / 2 - 1) i;
        size := size / 2;
    END LOOP;
    RETURN NEXT;
END $$;
CREATE FUNCTION vault.checkpoint_leaf(leaf_salt bytea, kind text, id uuid, seq bigint, hash bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN sha256('\x00'::bytea || leaf_salt || convert_to(kind, 'UTF8') || uuid_send(id) || int8send(seq) || hash);
CREATE FUNCTION vault.checkpoint_leaves(wanted bigint) RETURNS bytea[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH point AS (SELECT * FROM vault.ledger_checkpoint WHERE seq = wanted),
    heads AS (
        SELECT DISTINCT ON (h.listing_id) h.listing_id, h.seq, h.hash FROM vault.ledger_checkpoint_head h
        WHERE h.checkpoint <= wanted ORDER BY h.listing_id, h.checkpoint DESC),
    real AS (
        SELECT vault.checkpoint_leaf(sha256(p.salt || uuid_send(h.listing_id)), 'L', h.listing_id, h.seq, h.hash) AS leaf
        FROM point p, heads h
        UNION ALL SELECT vault.checkpoint_leaf(sha256(p.salt || uuid_send(e.deal_id)), 'D', e.deal_id, h.seq, h.hash)
        FROM point p, heads h JOIN vault.ledger_entry e ON e.listing_id = h.listing_id AND e.seq <= h.seq AND e.kind = 'request_opened'
        UNION ALL SELECT vault.checkpoint_leaf(sha256(p.salt || uuid_send(z.none)), 'C', z.none, p.entries,
                                               decode(repeat('00', 24), 'hex') || int8send(p.listings))
        FROM point p, (SELECT '00000000-0000-0000-0000-000000000000'::uuid AS none) z),
    room AS (SELECT t.taken, (SELECT min(d) FROM generate_series(10, 40) d WHERE 1::bigint << d >= t.taken) AS depth
             FROM (SELECT count(*) AS taken FROM real) t)
    SELECT array_agg(leaf ORDER BY leaf) FROM (
        SELECT leaf FROM real
        UNION ALL SELECT sha256('\x00'::bytea || sha256(p.salt || int8send(i)) || 'P'::bytea)
        FROM point p, room r, generate_series(0, (1::bigint << r.depth) - r.taken - 1) i) every
$$;

-- ---------------------------------------------------------------- what was written to the parties
-- Deliveries are forgotten after a month; that a letter about a deal was sent, to whom and when, is kept with the deal.
CREATE TABLE vault.letter (
    outbox_id bigint PRIMARY KEY,
    deal_id uuid NOT NULL REFERENCES vault.deal,
    listing_id uuid NOT NULL,
    template text NOT NULL,
    organisation_id uuid,
    member_id uuid,
    queued_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX ON vault.letter (deal_id);
CREATE FUNCTION vault.letter_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'UPDATE' THEN
        UPDATE vault.letter SET sent_at = new.done_at WHERE outbox_id = new.id AND sent_at IS NULL;
    ELSE
        INSERT INTO vault.letter (outbox_id, deal_id, listing_id, template, organisation_id, member_id, queued_at)
        SELECT new.id, d.id, d.listing_id, new.payload ->> 'template', (new.payload #>> '{to,organisation}')::uuid,
               (new.payload #>> '{to,member}')::uuid, new.created_at
        FROM vault.deal d WHERE d.project_name = new.payload #>> '{params,project}';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER letter_noted AFTER INSERT ON ops.outbox FOR EACH ROW WHEN (new.topic = 'mail') EXECUTE FUNCTION vault.letter_noted();
CREATE TRIGGER letter_sent AFTER UPDATE OF done_at ON ops.outbox FOR EACH ROW WHEN (new.topic = 'mail' AND new.done_at IS NOT NULL)
    EXECUTE FUNCTION vault.letter_noted();

-- ---------------------------------------------------------------- who knew
-- What had been released on a listing by a moment, to whom, on whose consent and under which wording; and who had opened it.
-- The operator sees it without the owner's name: it is told nothing of a company.
CREATE FUNCTION vault.who_knew(listing uuid, moment timestamptz)
    RETURNS TABLE (deal_id uuid, project_name text, organisation_id uuid, organisation text, country text, representative text,
                   grant_id uuid, level text, since timestamptz, ended_at timestamptz, consent_by text, consent_at timestamptz,
                   consent_method text, nda_id uuid, nda_hash bytea, nda_signed_at timestamptz, nda_signer text,
                   shown jsonb, opened jsonb, members jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT d.id, d.project_name, o.id, o.legal_name, o.country, r.legal_name, g.id, g.level, g.granted_at,
           (SELECT min(t) FROM unnest(ARRAY[g.revoked_at, g.expires_at, n.ended_at, n.expires_at, c.revoked_at, d.closed_at]) t WHERE t <= moment),
           CASE WHEN ops.kind() IS DISTINCT FROM 'operator' THEN c.decided_by END, c.decided_at, c.method, n.id, n.text_hash, n.signed_at, n.signer_name,
           coalesce((SELECT jsonb_agg(jsonb_build_object('fact_group', s.fact_group, 'since', s.since, 'versions', s.versions) ORDER BY s.since, s.fact_group)
                     FROM (SELECT v.fact_group, min(v.at) AS since, count(*) AS versions FROM vault.disclosed v
                           WHERE v.grant_id = g.id AND v.at <= moment GROUP BY v.fact_group) s), '[]'),
           coalesce((SELECT jsonb_agg(jsonb_build_object('member_id', a.member_id, 'name', m.name, 'organisation_id', a.organisation_id,
                                                         'what', a.what, 'first_at', a.first_at, 'last_at', a.last_at, 'times', a.times)
                                      ORDER BY a.first_at, a.what, a.member_id)
                     FROM (SELECT x.member_id, x.organisation_id, x.what, min(x.at) AS first_at, max(x.at) AS last_at, count(*) AS times
                           FROM vault.access x WHERE x.grant_id = g.id AND x.at <= moment GROUP BY 1, 2, 3) a
                     LEFT JOIN vault.member m ON m.id = a.member_id), '[]'),
           coalesce((SELECT jsonb_agg(jsonb_build_object('member_id', m.id, 'name', m.name, 'since', m.created_at) ORDER BY m.name, m.id)
                     FROM vault.member m WHERE m.organisation_id = d.buyer_id AND m.status <> 'invited' AND m.created_at <= moment
                       AND (m.status = 'left' OR vault.bound_by(g.nda_id, m.id))), '[]')
    FROM vault.disclosure_grant g JOIN vault.deal d ON d.id = g.deal_id JOIN vault.organisation o ON o.id = d.buyer_id
    LEFT JOIN vault.organisation r ON r.id = d.representative_id
    JOIN vault.name_clear c ON c.id = g.name_clear_id JOIN vault.nda n ON n.id = g.nda_id
    WHERE g.listing_id = listing AND g.granted_at <= moment
      AND (vault.holds(listing) OR vault.is_owner(listing) OR ops.kind() = 'operator')
    ORDER BY g.granted_at, g.id
$$;

-- ---------------------------------------------------------------- who may touch it
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT unnest(ARRAY['subject_key', 'facts_version', 'fact_version', 'disclosed', 'ledger_checkpoint', 'ledger_checkpoint_head',
                                     'letter']) AS name
    LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', found.name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', found.name);
        EXECUTE format('GRANT SELECT, INSERT ON vault.%I TO succession_definer, succession_seeder', found.name);
    END LOOP;
    FOR found IN SELECT unnest(ARRAY['fact_version', 'disclosed', 'ledger_checkpoint', 'ledger_checkpoint_head']) AS name LOOP
        EXECUTE format('CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.%I FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()', found.name);
        EXECUTE format('CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.%I FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change()', found.name);
    END LOOP;
    FOR found IN SELECT unnest(ARRAY[
        'vault.keys_of_subjects(text[], uuid[], bytea[], text)', 'vault.erasure_refused(text, uuid, text)', 'vault.facts_changed()',
        'vault.disclosed_by_entry()', 'vault.recipient(uuid)', 'vault.facts_version_of(uuid)', 'vault.access_disclosed()',
        'vault.checkpoint_follows()', 'vault.ledger_heads()', 'vault.checkpoint_readers(bigint)', 'vault.checkpoint_proof(bigint, text, uuid)',
        'vault.checkpoint_leaves(bigint)', 'vault.who_knew(uuid, timestamptz)', 'vault.letter_noted()']) AS signature
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO succession_definer', found.signature);
    END LOOP;
END $$;
GRANT UPDATE ON vault.facts_version TO succession_definer;
GRANT UPDATE (sent_at) ON vault.letter TO succession_definer;
GRANT UPDATE (wrapped, wrapped_by, erased_at, erased_by, erased_with, erased_reason) ON vault.subject_key TO succession_seeder;
GRANT UPDATE (data, salt, sealed, key_id) ON vault.ledger_subject TO succession_seeder;
GRANT EXECUTE ON FUNCTION vault.checkpoint_leaf(bytea, text, uuid, bigint, bytea), vault.is_owner(uuid) TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.keys_of_subjects(text[], uuid[], bytea[], text), vault.recipient(uuid), vault.facts_version_of(uuid),
    vault.checkpoint_proof(bigint, text, uuid), vault.who_knew(uuid, timestamptz) TO succession_app;
GRANT EXECUTE ON FUNCTION vault.erasure_refused(text, uuid, text), vault.ledger_heads(), vault.checkpoint_readers(bigint) TO succession_seeder;
GRANT EXECUTE ON FUNCTION vault.ledger_heads(), vault.checkpoint_readers(bigint) TO succession_worker;

GRANT SELECT, INSERT ON vault.fact_version, vault.disclosed TO succession_app;
CREATE POLICY see ON vault.fact_version FOR SELECT TO succession_app USING (vault.holds(listing_id) OR vault.live_grant(listing_id, 'dossier'));
CREATE POLICY append ON vault.fact_version FOR INSERT TO succession_app
    WITH CHECK (vault.holds(listing_id) OR vault.live_grant(listing_id, 'dossier'));
CREATE POLICY see ON vault.disclosed FOR SELECT TO succession_app
    USING (vault.holds(listing_id) OR vault.is_owner(listing_id) OR vault.party(deal_id) IN ('buyer', 'representative'));
CREATE POLICY append ON vault.disclosed FOR INSERT TO succession_app
    WITH CHECK (vault.holds(listing_id) OR (vault.party(deal_id) IN ('buyer', 'representative') AND vault.grant_holds(grant_id)));

GRANT SELECT (seq, at, merkle_root, previous, statement, signature, key_id, public_key) ON vault.ledger_checkpoint TO succession_app;
CREATE POLICY see ON vault.ledger_checkpoint FOR SELECT TO succession_app USING (ops.kind() IN ('intermediary', 'acquirer', 'owner', 'operator'));
GRANT SELECT, INSERT ON vault.ledger_checkpoint, vault.ledger_checkpoint_head TO succession_worker;
CREATE POLICY worker ON vault.ledger_checkpoint TO succession_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON vault.ledger_checkpoint_head TO succession_worker USING (true) WITH CHECK (true);
