-- A case file over HTTP: asked for by who holds the listing, made and signed by the worker, taken for a week, and entered in the ledger by
-- the database with its hash.

-- ---------------------------------------------------------------- what a case file is made of
-- The one table. `relation`: a table, or a query in brackets; `without`: columns left out; `belongs`: of $1 the listing, $2 the deal or NULL;
-- $3: everything. `told`: also in the file that the holder of the listing takes. Letters, and who of the owner's side answered what, by
-- which link and when, are in the file of the operator's command alone: nobody here is told who said no (0026).
CREATE TABLE ops.case_part (
    part text PRIMARY KEY CHECK (part ~ '^[a-z_]{3,40}$'),
    relation text NOT NULL,
    without text[] NOT NULL,
    belongs text NOT NULL,
    sorted text NOT NULL,
    told boolean NOT NULL
);
INSERT INTO ops.case_part
SELECT v.part, 'vault.' || v.relation, v.without::text[], CASE v.belongs
    WHEN 'WHOLE' THEN 't.listing_id = $1 AND $2::uuid IS NULL'
    WHEN 'DEAL' THEN 't.listing_id = $1 AND ($2::uuid IS NULL OR t.deal_id = $2)'
    WHEN 'OF_DEAL' THEN 'EXISTS (SELECT FROM vault.deal d WHERE d.id = t.deal_id AND d.listing_id = $1) AND ($2::uuid IS NULL OR t.deal_id = $2)'
    WHEN 'OF_GRANT' THEN 't.listing_id = $1 AND ($2::uuid IS NULL OR EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.id = t.grant_id AND g.deal_id = $2))'
    WHEN 'OF_CONSENT' THEN 't.listing_id = $1 AND ($2::uuid IS NULL OR t.subject_id IN (SELECT c.id FROM vault.name_clear c WHERE c.deal_id = $2))'
    ELSE v.belongs END, v.sorted, v.told
FROM (VALUES
    ('accesses', 'access', '{}', 'OF_GRANT', 't.id', true),
    ('answers', 'answer', '{}', 'DEAL', 't.id', true),
    ('approvals', 'teaser_proposal', '{}', 'WHOLE', 't.proposed_at, t.id', true),
    ('approval_persons', 'decider', '{}', 'DEAL', 't.subject_id, t.number', true),
    ('approval_answers', 'decider_answer', '{}', 'DEAL', 't.answered_at, t.id', false),
    ('consent_answers', 'name_clear_answer', '{}', 'DEAL', 't.answered_at, t.id', false),
    ('consent_persons', 'name_clear_person', '{}', 'DEAL', 't.name_clear_id, t.number', true),
    ('consents', 'name_clear', '{}', 'DEAL', 't.asked_at, t.id', true),
    ('deals', 'deal', '{}', 't.listing_id = $1 AND ($2::uuid IS NULL OR t.id = $2)', 't.requested_at, t.id', true),
    ('disclosed', 'disclosed', '{}', 'DEAL', 't.at, t.entry_id', true),
    ('documents', 'document', '{}', 't.listing_id = $1 AND ($2::uuid IS NULL OR EXISTS (SELECT FROM vault.disclosed s '
     'WHERE s.deal_id = $2 AND s.fact_group = ''document:'' || t.id))', 't.added_at, t.id', true),
    ('folder_grants', 'folder_grant', '{}', 'DEAL', 't.granted_at, t.id', true),
    ('folder_permissions', 'folder_permission', '{}', 'DEAL', 't.asked_at, t.id', true),
    ('grants', 'disclosure_grant', '{}', 'DEAL', 't.granted_at, t.id', true),
    ('letters', 'letter', '{}', 'DEAL', 't.outbox_id', false),
    ('mandates', 'mandate', '{}', 'WHOLE', 't.signed_on, t.id', true),
    ('nda', 'nda', '{text_ja,text_en}', 'DEAL', 't.offered_at, t.id', true),
    ('nda_documents', 'nda_document', '{content}', 'DEAL', 't.made_at, t.id', true),
    ('nda_members', 'nda_member', '{}', 'OF_DEAL', 't.named_at, t.id', true),
    ('nda_papers', 'nda_paper', '{content}', 'DEAL', 't.entered_at, t.id', true),
    ('nda_renewals', 'nda_renewal', '{text_ja,text_en}', 'DEAL', 't.opened_at, t.id', true),
    ('nda_signatures', 'nda_signature', '{}', 'DEAL', 't.signed_at, t.id', true),
    ('owner_links', 'owner_link', '{token_hash}', 'OF_CONSENT', 't.created_at, t.id', false),
    ('papers', 'paper_evidence', '{scan,seal_certificate_scan}', 'OF_CONSENT', 't.entered_at, t.id', true),
    ('questions', 'question', '{}', 'DEAL', 't.asked_at, t.id', true),
    ('schedules', 'nda_schedule', '{}', 'DEAL', 't.bound_at, t.id', true),
    ('screenings', 'screening', '{}', 'DEAL', 't.decided_at, t.id', true),
    ('third_persons', 'third_person_consent', '{}', 'DEAL', 't.entered_at, t.id', true),
    ('transfers', 'appi_transfer', '{}', 'DEAL', 't.transferred_at, t.id', true),
    ('stages', 'deal_event', '{}', 'OF_DEAL', 't.deal_id, t.seq', true)
) AS v (part, relation, without, belongs, sorted, told);
-- And what the parts above say of others, commit to, or rest on.
INSERT INTO ops.case_part VALUES
    ('organisations', '(SELECT o.id, o.kind, o.legal_name, o.country, o.corporate_number, o.registry_number FROM vault.organisation o)', '{}',
     't.id IN (SELECT unnest(ARRAY[d.buyer_id, d.intermediary_id, d.representative_id]) FROM vault.deal d '
     'WHERE d.listing_id = $1 AND ($2::uuid IS NULL OR d.id = $2))', 't.id', true),
    ('ledger', '(SELECT e.listing_id, e.seq, e.id, e.kind, e.deal_id, convert_from(e.body, ''UTF8'') AS body, encode(e.prev, ''hex'') AS prev, '
     'encode(e.hash, ''hex'') AS hash FROM vault.ledger_entry e)', '{listing_id}', 't.listing_id = $1', 't.seq', true),
    ('openings', '(SELECT s.listing_id, s.id, w.withheld, CASE WHEN NOT w.withheld THEN s.data::text END AS data, s.salt, s.sealed, k.kind, '
     'k.subject_id, k.wrapped, k.wrapped_by, k.erased_at FROM vault.ledger_subject s CROSS JOIN LATERAL '
     '(SELECT NOT $3 AND s.kind = ANY (''{answer_hash,decided_by,evidence}'') AS withheld) w '
     'LEFT JOIN vault.subject_key k ON k.id = s.key_id AND NOT w.withheld)', '{}', 't.listing_id = $1', 't.id', true),
    ('versions', '(SELECT v.listing_id, v.id, v.fact_group, v.made_at, v.sealed, k.kind, k.subject_id, k.wrapped, k.wrapped_by, k.erased_at '
     'FROM vault.fact_version v JOIN vault.subject_key k ON k.id = v.key_id)', '{}',
     't.listing_id = $1 AND EXISTS (SELECT FROM vault.disclosed s WHERE s.version_id = t.id AND ($2::uuid IS NULL OR s.deal_id = $2))',
     't.made_at, t.id', true),
    ('checkpoints', '(SELECT c.seq, convert_from(c.statement, ''UTF8'') AS statement, encode(c.signature, ''hex'') AS signature, '
     'encode(c.public_key, ''hex'') AS public_key, p.head_seq, encode(p.head_hash, ''hex'') AS head_hash, encode(p.leaf_salt, ''hex'') AS leaf_salt, '
     'p.leaf_index, ARRAY(SELECT encode(each, ''hex'') FROM unnest(p.path) WITH ORDINALITY AS u (each, n) ORDER BY n) AS path '
     'FROM vault.ledger_checkpoint c CROSS JOIN LATERAL vault.proof_at(c.seq, ''listing'', $1) p)', '{}',
     'EXISTS (SELECT FROM vault.ledger_checkpoint_head h WHERE h.checkpoint = t.seq AND h.listing_id = $1) '
     'OR t.seq = (SELECT max(m.seq) FROM vault.ledger_checkpoint m)', 't.seq', true),
    ('texts', '(SELECT n.listing_id, n.deal_id, ''nda-'' || n.id || ''.ja'' AS name, n.text_ja AS words FROM vault.nda n '
     'UNION ALL SELECT n.listing_id, n.deal_id, ''nda-'' || n.id || ''.en'', n.text_en FROM vault.nda n '
     'UNION ALL SELECT r.listing_id, r.deal_id, ''renewal-'' || r.id || ''.ja'', r.text_ja FROM vault.nda_renewal r '
     'UNION ALL SELECT r.listing_id, r.deal_id, ''renewal-'' || r.id || ''.en'', r.text_en FROM vault.nda_renewal r '
     'UNION ALL SELECT c.listing_id, c.deal_id, ''consent-'' || c.id || ''.ja'', c.shown_text_ja FROM vault.name_clear c)', '{}',
     't.listing_id = $1 AND ($2::uuid IS NULL OR t.deal_id = $2)', 't.name', true),
    ('pdfs', '(SELECT d.listing_id, d.deal_id, ''documents/nda-'' || d.id AS name, d.content FROM vault.nda_document d '
     'UNION ALL SELECT p.listing_id, p.deal_id, ''papers/nda-'' || p.id, p.content FROM vault.nda_paper p)', '{}',
     't.listing_id = $1 AND ($2::uuid IS NULL OR t.deal_id = $2)', 't.name', true);

-- vault.checkpoint_proof (0021) without the question who asks: for the functions below, which have asked it.
CREATE FUNCTION vault.proof_at(wanted bigint, leaf_kind text, leaf_id uuid)
    RETURNS TABLE (leaf_index int, leaf bytea, path bytea[], head_seq bigint, head_hash bytea, leaf_salt bytea)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    point vault.ledger_checkpoint;
    level bytea[];
    size int;
BEGIN
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
CREATE OR REPLACE FUNCTION vault.checkpoint_proof(wanted bigint, leaf_kind text, leaf_id uuid)
    RETURNS TABLE (leaf_index int, leaf bytea, path bytea[], head_seq bigint, head_hash bytea, leaf_salt bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.* FROM vault.proof_at(wanted, leaf_kind, leaf_id) p
    WHERE CASE leaf_kind WHEN 'listing' THEN vault.holds(leaf_id) OR vault.is_owner(leaf_id) OR coalesce(ops.kind() = 'operator', false)
                         WHEN 'deal' THEN vault.party(leaf_id) IS NOT NULL ELSE false END
$$;

-- Every part as JSON, in order: its name alone, then its rows. `everything`: for the operator's command.
CREATE FUNCTION vault.case_lines(listing uuid, deal uuid, everything boolean) RETURNS TABLE (part text, line text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT p.* FROM ops.case_part p WHERE everything OR p.told ORDER BY p.part LOOP
        RETURN QUERY SELECT one.part, NULL::text;
        RETURN QUERY EXECUTE format('SELECT %L::text, (to_jsonb(t) - %L::text[])::text FROM %s t WHERE %s ORDER BY %s',
                                    one.part, one.without, one.relation, one.belongs, one.sorted)
            USING listing, deal, everything;
    END LOOP;
END $$;

-- ---------------------------------------------------------------- asked for, made, taken
-- Its bytes lie beside it in frames under the key of the company's ledger (store/frames.py), for a week.
CREATE TABLE vault.case_file (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    deal_id uuid REFERENCES vault.deal,
    key_id uuid NOT NULL REFERENCES vault.subject_key,
    asked_by uuid NOT NULL REFERENCES vault.member,
    asked_at timestamptz NOT NULL DEFAULT now(),
    made_at timestamptz,
    content_hash bytea CHECK (length(content_hash) = 32),
    size_bytes int CHECK (size_bytes > 0),
    refused text CHECK (refused IN ('too_large')),
    CHECK ((made_at IS NULL) = (content_hash IS NULL) AND (made_at IS NULL) = (size_bytes IS NULL) AND (made_at IS NULL OR refused IS NULL))
);
CREATE UNIQUE INDEX case_file_one_waiting ON vault.case_file (listing_id, coalesce(deal_id, listing_id)) WHERE made_at IS NULL AND refused IS NULL;
CREATE INDEX ON vault.case_file (listing_id, asked_at, id);
CREATE TABLE vault.case_frame (
    case_file_id uuid NOT NULL REFERENCES vault.case_file ON DELETE CASCADE,
    number int NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (case_file_id, number)
);

-- Who asks gives a code of their own first, as before a release; a deal is one of the listing; what is made stays as it is.
CREATE FUNCTION vault.case_file_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'UPDATE' THEN
        IF old.made_at IS NOT NULL OR old.refused IS NOT NULL THEN
            RAISE EXCEPTION 'a case file is made once' USING ERRCODE = 'SU001';
        END IF;
        RETURN new;
    END IF;
    IF new.made_at IS NOT NULL OR new.refused IS NOT NULL
       OR NOT EXISTS (SELECT FROM vault.subject_key k WHERE k.id = new.key_id AND k.kind = 'listing' AND k.subject_id = new.listing_id)
       OR (new.deal_id IS NOT NULL AND NOT EXISTS (SELECT FROM vault.deal d WHERE d.id = new.deal_id AND d.listing_id = new.listing_id))
    THEN
        RAISE EXCEPTION 'a case file is of a listing, or of one deal of it' USING ERRCODE = 'SU002', CONSTRAINT = 'case_file_causes';
    END IF;
    IF new.asked_by IS DISTINCT FROM ops.member() OR NOT vault.second_factor_fresh(new.asked_by) THEN
        RAISE EXCEPTION 'who takes a case file confirms with a second factor first' USING ERRCODE = 'SU002', CONSTRAINT = 'second_factor_needed';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER causes BEFORE INSERT OR UPDATE ON vault.case_file FOR EACH ROW EXECUTE FUNCTION vault.case_file_causes();

-- What a case file says, while it is due: to the worker, which cannot read one back. First the key that it is sealed under.
CREATE FUNCTION vault.case_to_make(wanted uuid) RETURNS TABLE (part text, line text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    asked record;
BEGIN
    SELECT c.listing_id, c.deal_id, k.kind, k.subject_id, k.wrapped, k.wrapped_by INTO asked
    FROM vault.case_file c JOIN vault.subject_key k ON k.id = c.key_id AND k.wrapped IS NOT NULL
    WHERE c.id = wanted AND c.made_at IS NULL AND c.refused IS NULL AND c.asked_at > now() - interval '1 day';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT 'asked', to_jsonb(asked)::text;
    RETURN QUERY SELECT * FROM vault.case_lines(asked.listing_id, asked.deal_id, false);
END $$;

-- Entered with its hash in the statement that makes it, as whoever asked: neither can be left out. The body is canonical, as in 0025.
INSERT INTO ops.ledger_kind VALUES ('case_exported', '{}', false);
CREATE FUNCTION vault.case_entered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    entry uuid := gen_random_uuid();
    firm uuid := (SELECT m.organisation_id FROM vault.member m WHERE m.id = new.asked_by);
BEGIN
    INSERT INTO vault.ledger_entry (id, listing_id, seq, kind, deal_id, body, prev, hash) VALUES (
        entry, new.listing_id, 0, 'case_exported', new.deal_id, convert_to(format(
            '{"actor":{"kind":"intermediary","member_id":"%s","organisation_id":"%s"},"at":"%s","case_file_id":"%s","commitments":[],"content_hash":"%s",'
            '"deal_id":%s,"entry_id":"%s","kind":"case_exported","listing_id":"%s","v":1}',
            new.asked_by, firm, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), new.id, encode(new.content_hash, 'hex'),
            coalesce('"' || new.deal_id || '"', 'null'), entry, new.listing_id), 'UTF8'), '', '');
    RETURN NULL;
END $$;
CREATE TRIGGER entered AFTER UPDATE OF made_at ON vault.case_file FOR EACH ROW WHEN (old.made_at IS NULL AND new.made_at IS NOT NULL)
    EXECUTE FUNCTION vault.case_entered();

-- What was known of an erased person or company is not taken along afterwards, in no file of a listing whose ledger knew them.
CREATE FUNCTION vault.case_files_erased() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM vault.case_file c WHERE c.key_id = new.id
        OR EXISTS (SELECT FROM vault.ledger_subject s WHERE s.listing_id = c.listing_id AND s.key_id = new.id)
        OR EXISTS (SELECT FROM vault.fact_version v WHERE v.listing_id = c.listing_id AND v.key_id = new.id);
    RETURN NULL;
END $$;
CREATE TRIGGER case_files_erased AFTER UPDATE OF erased_at ON vault.subject_key FOR EACH ROW WHEN (new.erased_at IS NOT NULL)
    EXECUTE FUNCTION vault.case_files_erased();

INSERT INTO ops.retention (class, keep, counted_from, how, basis) VALUES
    ('case_file', '7 days', 'the asking', 'purge', 'taken by then, or asked for again; that it was made stands in the ledger');
INSERT INTO ops.retention_rows (class, position, relation, due_when) VALUES ('case_file', 1, 'vault.case_file', 't.asked_at < now() - KEEP');

-- ---------------------------------------------------------------- who may touch it
DO $$
DECLARE
    name text;
    signature text;
BEGIN
    FOREACH name IN ARRAY '{case_file,case_frame}'::text[] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT ON vault.%I TO succession_definer, succession_seeder', name);
    END LOOP;
    FOREACH signature IN ARRAY ARRAY['proof_at(bigint, text, uuid)', 'checkpoint_proof(bigint, text, uuid)', 'case_lines(uuid, uuid, boolean)',
        'case_file_causes()', 'case_to_make(uuid)', 'case_entered()', 'case_files_erased()'] LOOP
        EXECUTE format('ALTER FUNCTION vault.%s OWNER TO succession_definer', signature);
        IF signature <> 'checkpoint_proof(bigint, text, uuid)' THEN
            EXECUTE format('REVOKE ALL ON FUNCTION vault.%s FROM PUBLIC', signature);
        END IF;
    END LOOP;
END $$;
GRANT DELETE ON vault.case_file TO succession_definer;
GRANT SELECT ON ops.case_part TO succession_definer, succession_seeder;
GRANT EXECUTE ON FUNCTION vault.case_lines(uuid, uuid, boolean) TO succession_seeder;
GRANT EXECUTE ON FUNCTION vault.case_to_make(uuid) TO succession_worker;
GRANT SELECT, DELETE ON vault.case_file TO succession_purger;
GRANT SELECT ON vault.case_frame TO succession_app;
GRANT SELECT, INSERT ON vault.case_file TO succession_app;
GRANT SELECT (id, made_at, refused), UPDATE (made_at, content_hash, size_bytes, refused) ON vault.case_file TO succession_worker;
GRANT INSERT ON vault.case_frame TO succession_worker;
-- Whoever has left takes nothing more along, in the middle of a file either.
CREATE POLICY hold ON vault.case_file TO succession_app
    USING (vault.holds(listing_id) AND EXISTS (SELECT FROM vault.member m WHERE m.id = ops.member() AND m.status = 'active'))
    WITH CHECK (vault.holds(listing_id) AND asked_by = ops.member());
CREATE POLICY hold ON vault.case_frame FOR SELECT TO succession_app
    USING (EXISTS (SELECT FROM vault.case_file c WHERE c.id = case_file_id AND c.made_at IS NOT NULL));
CREATE POLICY worker ON vault.case_file TO succession_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON vault.case_frame FOR INSERT TO succession_worker
    WITH CHECK (EXISTS (SELECT FROM vault.case_file c WHERE c.id = case_file_id AND c.made_at IS NULL));
