-- What a case file needs: the sealed document of an NDA is in the ledger, and what was shown goes when its log does.

-- ---------------------------------------------------------------- the sealed document of an NDA is an entry of the ledger
-- Written by the database with the row itself: the worker, which sets and seals the document, may append nothing, and cannot leave it
-- out. The body is canonical (disclosure/canonical.py): keys in order, no spaces, nothing that needs an escape. A hash of a sealed PDF
-- can be found by nobody who has not the PDF: a signature is in it.
INSERT INTO ops.ledger_kind VALUES ('nda_sealed', '{}', true);

CREATE FUNCTION vault.enter_document(made vault.nda_document) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    entry uuid := gen_random_uuid();
BEGIN
    INSERT INTO vault.ledger_entry (id, listing_id, seq, kind, deal_id, body, prev, hash) VALUES (
        entry, made.listing_id, 0, 'nda_sealed', made.deal_id, convert_to(format(
            '{"actor":{"kind":"system","member_id":null,"organisation_id":null},"at":"%s","commitments":[],"content_hash":"%s","deal_id":"%s",'
            '"document_id":"%s","entry_id":"%s","kind":"nda_sealed","listing_id":"%s","names_company":%s,"nda_id":"%s","v":1,"version":%s}',
            to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), encode(made.content_hash, 'hex'), made.deal_id,
            made.id, entry, made.listing_id, CASE WHEN made.names_company THEN 'true' ELSE 'false' END, made.nda_id, made.version), 'UTF8'), '', '');
END $$;
CREATE FUNCTION vault.document_entered() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM vault.enter_document(new);
    RETURN NULL;
END $$;
ALTER FUNCTION vault.enter_document(vault.nda_document) OWNER TO succession_definer;
ALTER FUNCTION vault.document_entered() OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.enter_document(vault.nda_document), vault.document_entered() FROM PUBLIC;
CREATE TRIGGER entered AFTER INSERT ON vault.nda_document FOR EACH ROW EXECUTE FUNCTION vault.document_entered();

-- ---------------------------------------------------------------- what was shown is kept as long as the log of who read it
-- A row of `disclosed` stays with its chain, ids alone; the version it names goes. That there was one is asked when it is entered.
ALTER TABLE vault.disclosed DROP CONSTRAINT disclosed_version_id_fkey;
INSERT INTO ops.retention_rows (class, position, relation, due_when) VALUES
    ('disclosure_log', 5, 'vault.fact_version', 'vault.ended_before(t.listing_id, KEEP)');
UPDATE ops.retention SET basis = 'who read what, what it was shown, confirmations of releases, and what the commitments of the ledger commit to: '
    'tail of the NDA and limitation of claims' WHERE class = 'disclosure_log';
UPDATE ops.retention SET basis = 'ids and commitments; a chain with a hole proves nothing' WHERE class = 'ledger';
GRANT SELECT, DELETE ON vault.fact_version TO succession_purger;

-- ---------------------------------------------------------------- what is there already
SET LOCAL ROLE succession_definer;
SELECT vault.enter_document(d) FROM (SELECT * FROM vault.nda_document ORDER BY made_at, id) d;
RESET ROLE;
