-- What a data room still lacked: a list that asks once for each folder and not once for each document, and links that can be ended.

-- ---------------------------------------------------------------------------------------------------------------------
-- A transaction that lists the room of one listing says so, and the policies ask once which documents and folders of it are open.
-- Saying so can only narrow: another listing's rows are not there then, and whoever says nothing is asked about row by row as before.
CREATE FUNCTION ops.room() RETURNS uuid LANGUAGE sql STABLE
    RETURN nullif(current_setting('succession.room', true), '')::uuid;
GRANT EXECUTE ON FUNCTION ops.room() TO PUBLIC;

-- The same causes as vault.document_open and vault.folder_open, for all of a listing at once.
CREATE FUNCTION vault.folders_open(listing uuid, reader uuid) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(DISTINCT g.folder_id), '{}') FROM vault.folder_grant g
    WHERE reader IS NOT NULL AND g.listing_id = listing AND g.revoked_at IS NULL
      AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.folder_grant_holds(g.id, reader)
$$;
CREATE FUNCTION vault.documents_open(listing uuid, reader uuid) RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH given AS MATERIALIZED (
        SELECT g.deal_id, NULL::uuid AS folder_id, NULL::uuid[] AS documents FROM vault.disclosure_grant g
        WHERE reader IS NOT NULL AND g.listing_id = listing AND g.level = 'dossier'
          AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.grant_holds(g.id)
        UNION ALL
        SELECT g.deal_id, g.folder_id, g.documents FROM vault.folder_grant g
        WHERE reader IS NOT NULL AND g.listing_id = listing AND g.revoked_at IS NULL
          AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.folder_grant_holds(g.id, reader)),
    told AS MATERIALIZED (
        SELECT d.id, given.deal_id, d.contains_personal_data, d.appi_basis, d.export_control_class
        FROM given JOIN vault.document d ON d.listing_id = listing AND d.removed_at IS NULL
          AND CASE d.level WHEN 'dossier' THEN given.folder_id IS NULL ELSE d.folder_id = given.folder_id AND d.id = ANY (given.documents) END),
    heeded AS MATERIALIZED (  -- vault.recipient_checked, asked once for each way of declaring
        SELECT t.*, ops.recipient_hints(t.contains_personal_data, t.appi_basis, t.export_control_class, vault.recipient_countries(t.deal_id),
            (SELECT b.ultimate_parent_country FROM vault.deal x JOIN vault.organisation b ON b.id = x.buyer_id WHERE x.id = t.deal_id)) AS hints
        FROM (SELECT DISTINCT deal_id, contains_personal_data, appi_basis, export_control_class FROM told) t)
    SELECT coalesce(array_agg(DISTINCT t.id), '{}') FROM told t JOIN heeded h ON h.deal_id = t.deal_id
      AND (h.contains_personal_data, h.appi_basis, h.export_control_class) IS NOT DISTINCT FROM (t.contains_personal_data, t.appi_basis, t.export_control_class)
    WHERE h.hints = '{}' OR (NOT ops.hints_block(h.hints) AND EXISTS (
        SELECT FROM vault.recipient_confirmation c WHERE c.document_id = t.id AND c.deal_id = t.deal_id AND c.hints @> h.hints))
$$;
DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['vault.folders_open(uuid, uuid)', 'vault.documents_open(uuid, uuid)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO succession_app', one);
        EXECUTE format('ALTER FUNCTION %s OWNER TO succession_definer', one);
    END LOOP;
END $$;

ALTER POLICY granted ON vault.folder USING (CASE WHEN (SELECT ops.room()) IS NULL THEN vault.folder_open(id, ops.member())
    ELSE listing_id = (SELECT ops.room()) AND id = ANY ((SELECT vault.folders_open(ops.room(), ops.member()))::uuid[]) END);
ALTER POLICY granted ON vault.document USING (CASE WHEN (SELECT ops.room()) IS NULL THEN vault.document_open(id, ops.member())
    ELSE listing_id = (SELECT ops.room()) AND id = ANY ((SELECT vault.documents_open(ops.room(), ops.member()))::uuid[]) END);
ALTER POLICY granted ON vault.document_object USING (CASE
    WHEN (SELECT ops.room()) IS NULL THEN EXISTS (SELECT FROM vault.document d WHERE d.id = document_object.document_id)
    ELSE listing_id = (SELECT ops.room()) AND document_id = ANY ((SELECT vault.documents_open(ops.room(), ops.member()))::uuid[]) END);

-- ---------------------------------------------------------------------------------------------------------------------
-- A link is ended by the member who made it, by an administrator of their firm, or by one of the firm that holds the listing.
ALTER TABLE vault.document_link ADD COLUMN ended_at timestamptz, ADD COLUMN ended_by uuid REFERENCES vault.member,
    ADD CONSTRAINT document_link_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL));
CREATE INDEX ON vault.document_link (listing_id, made_at DESC);

CREATE FUNCTION vault.may_end_link(organisation uuid, maker uuid, listing uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.member m WHERE m.id = ops.member() AND m.organisation_id = ops.organisation() AND m.status = 'active'
                   AND (m.id = maker OR (m.role = 'admin' AND (m.organisation_id = organisation OR vault.holds(listing)))))
$$;
REVOKE ALL ON FUNCTION vault.may_end_link(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.may_end_link(uuid, uuid, uuid) TO succession_app;
ALTER FUNCTION vault.may_end_link(uuid, uuid, uuid) OWNER TO succession_definer;

DROP POLICY own ON vault.document_link;
CREATE POLICY seen ON vault.document_link FOR SELECT TO succession_app USING (vault.may_end_link(organisation_id, member_id, listing_id));
CREATE POLICY ended ON vault.document_link FOR UPDATE TO succession_app USING (vault.may_end_link(organisation_id, member_id, listing_id))
    WITH CHECK (vault.may_end_link(organisation_id, member_id, listing_id) AND ended_by = ops.member());
GRANT UPDATE (ended_at, ended_by) ON vault.document_link TO succession_app;

CREATE FUNCTION vault.link_stays_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.ended_at IS NOT NULL AND (new.ended_at, new.ended_by, new.uses) IS DISTINCT FROM (old.ended_at, old.ended_by, old.uses) THEN
        RAISE EXCEPTION 'a link that was ended opens nothing any more' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER link_stays_ended BEFORE UPDATE ON vault.document_link FOR EACH ROW EXECUTE FUNCTION vault.link_stays_ended();

DROP FUNCTION vault.use_document_link(bytea);
CREATE FUNCTION vault.use_document_link(hash bytea) RETURNS TABLE (link_id uuid, member_id uuid, document_id uuid, grant_id uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE vault.document_link k SET uses = k.uses + 1
    FROM vault.member m, vault.disclosure_grant g
    WHERE k.token_hash = hash AND k.uses < k.uses_most AND k.expires_at > now() AND k.ended_at IS NULL
      AND m.id = k.member_id AND m.status = 'active' AND g.id = k.grant_id AND g.revoked_at IS NULL AND g.expires_at > now()
    RETURNING k.id, k.member_id, k.document_id, k.grant_id
$$;
REVOKE ALL ON FUNCTION vault.use_document_link(bytea) FROM PUBLIC;
ALTER FUNCTION vault.use_document_link(bytea) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.use_document_link(bytea) TO succession_app;

-- ---------------------------------------------------------------------------------------------------------------------
-- Who was bound by an agreement and who was asked for a consent goes with the log of who read. What entries of the chain are about stays, or
-- a case file could not be held against them: agreement, signatures, renewals, sealed papers, and the consent with its decision.
UPDATE ops.retention SET keep = '10 years', counted_from = 'end of the listing and of its last deal', how = 'purge',
    basis = 'persons bound, and who was asked and how they answered; what entries of the chain are about stays: agreement, signatures, sealed papers, the consent'
    WHERE class = 'nda_and_consent';
DO $$
DECLARE
    relations text[] := ARRAY['nda_member', 'name_clear_answer', 'name_clear_person'];
BEGIN
    FOR i IN 1 .. cardinality(relations) LOOP
        INSERT INTO ops.retention_rows (class, position, relation, due_when) VALUES ('nda_and_consent', i, 'vault.' || relations[i],
            'vault.ended_before((SELECT d.listing_id FROM vault.deal d WHERE d.id = t.deal_id), KEEP)');
        EXECUTE format('GRANT SELECT, DELETE ON vault.%I TO succession_purger', relations[i]);
    END LOOP;
END $$;
GRANT SELECT (id, listing_id) ON vault.deal TO succession_purger;
