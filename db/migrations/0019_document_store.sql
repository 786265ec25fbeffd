-- Where the bytes of documents are, under which key, who saw which page of them, and how that ends. The bytes themselves are in
-- no table: store/ keeps them sealed, by random names.

ALTER TABLE vault.document DROP CONSTRAINT document_size_bytes_check;
ALTER TABLE vault.document ADD CONSTRAINT document_size_bytes_check CHECK (size_bytes BETWEEN 1 AND 2000000000);
-- What lay in here is moved by `succession document adopt`; nothing is added any more, and nobody reads from it.
REVOKE INSERT ON vault.document_content FROM succession_app;

-- ---------------------------------------------------------------- keys
CREATE TABLE vault.listing_key (               -- destroying `wrapped` erases every document of the listing, wherever copies lie
    listing_id uuid PRIMARY KEY REFERENCES vault.listing,
    wrapping text NOT NULL,                    -- number of the key file that opens it; that file is outside the database
    wrapped bytea,
    made_at timestamptz NOT NULL DEFAULT now(),
    erasure_reason text CHECK (length(erasure_reason) BETWEEN 1 AND 300),
    erasure_asked_by uuid REFERENCES vault.member,
    erasure_asked_at timestamptz,
    destroyed_by uuid REFERENCES vault.member, -- the second person; NULL when the time to keep them had passed
    destroyed_at timestamptz,
    CONSTRAINT listing_key_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CONSTRAINT listing_key_second_person CHECK (destroyed_by IS NULL OR destroyed_by <> erasure_asked_by)
);

CREATE FUNCTION vault.listing_key_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.destroyed_at IS NOT NULL OR (new.listing_id, new.made_at) IS DISTINCT FROM (old.listing_id, old.made_at) THEN
        RAISE EXCEPTION 'a destroyed key does not come back' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER listing_key_frozen BEFORE UPDATE ON vault.listing_key FOR EACH ROW EXECUTE FUNCTION vault.listing_key_frozen();

CREATE TABLE vault.store_object (              -- every object that may lie in the store, entered before its first byte
    id uuid PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    purpose text NOT NULL CHECK (purpose IN ('quarantine', 'document', 'copy')),
    made_at timestamptz NOT NULL DEFAULT now(),
    keep_until timestamptz,                    -- NULL: as long as its key
    deleted_at timestamptz
);
CREATE INDEX store_object_due ON vault.store_object (keep_until) WHERE deleted_at IS NULL AND keep_until IS NOT NULL;
CREATE INDEX ON vault.store_object (listing_id);

-- The second of two persons confirms, within a fortnight; both belong to the holder. Nothing can be read from the commit on.
CREATE FUNCTION vault.erase_documents(listing uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    done int;
BEGIN
    IF NOT vault.holds(listing) THEN
        RETURN false;
    END IF;
    UPDATE vault.listing_key SET wrapped = NULL, destroyed_at = now(), destroyed_by = ops.member()
    WHERE listing_id = listing AND destroyed_at IS NULL AND erasure_asked_by <> ops.member()
      AND erasure_asked_at > now() - interval '14 days';
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done = 1 THEN
        UPDATE vault.store_object SET keep_until = now() WHERE listing_id = listing AND deleted_at IS NULL;
    END IF;
    RETURN done = 1;
END $$;
-- The same when the time to keep them has passed: for the job that purges, which is told how long that is.
CREATE FUNCTION vault.erase_documents_kept_until(listing uuid, reason text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    done int;
BEGIN
    UPDATE vault.listing_key SET wrapped = NULL, destroyed_at = now(), erasure_reason = reason
    WHERE listing_id = listing AND destroyed_at IS NULL
      AND EXISTS (SELECT FROM vault.listing l WHERE l.id = listing AND l.state IN ('withdrawn', 'succeeded'));
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done = 1 THEN
        UPDATE vault.store_object SET keep_until = now() WHERE listing_id = listing AND deleted_at IS NULL;
    END IF;
    RETURN done = 1;
END $$;

-- ---------------------------------------------------------------- from the first byte to a document
CREATE TABLE vault.document_upload (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL REFERENCES vault.listing,
    level text NOT NULL CHECK (level IN ('dossier', 'data_room')),
    folder text NOT NULL DEFAULT '/',
    filename text NOT NULL,
    downloadable boolean NOT NULL DEFAULT false,
    unmarked_reason text CHECK (length(unmarked_reason) BETWEEN 1 AND 300),
    contains_personal_data boolean,            -- as vault.document has them
    appi_basis text,
    export_control_class text NOT NULL DEFAULT 'unknown',
    state text NOT NULL DEFAULT 'announced' CHECK (state IN ('announced', 'receiving', 'received', 'checked', 'available', 'refused')),
    quarantine_id uuid REFERENCES vault.store_object,
    size_bytes bigint,
    sent_hash bytea,                           -- sha256 of what was sent; the document's own is of what was kept
    malware text CHECK (malware IN ('clean', 'not_scanned', 'infected', 'failed')),
    refusal text,
    document_id uuid REFERENCES vault.document,
    made_by uuid NOT NULL REFERENCES vault.member,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT document_upload_available CHECK ((state = 'available') = (document_id IS NOT NULL)),
    CONSTRAINT document_upload_refused CHECK ((state = 'refused') = (refusal IS NOT NULL)),
    CONSTRAINT document_upload_scanned CHECK (state NOT IN ('checked', 'available') OR malware IN ('clean', 'not_scanned'))
);
CREATE INDEX ON vault.document_upload (listing_id, made_at DESC, id);

-- One way, step by step; what has ended stays as it is.
CREATE FUNCTION vault.document_upload_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.state IS DISTINCT FROM old.state AND (old.state, new.state) NOT IN (
        ('announced', 'receiving'), ('receiving', 'received'), ('received', 'checked'), ('checked', 'available'),
        ('announced', 'refused'), ('receiving', 'refused'), ('received', 'refused'), ('checked', 'refused'))
       OR old.state IN ('available', 'refused')
       OR (new.listing_id, new.filename, new.level, new.made_by) IS DISTINCT FROM (old.listing_id, old.filename, old.level, old.made_by)
    THEN
        RAISE EXCEPTION 'an upload goes one way' USING ERRCODE = 'SU002', CONSTRAINT = 'document_upload_steps';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER document_upload_steps BEFORE UPDATE ON vault.document_upload FOR EACH ROW EXECUTE FUNCTION vault.document_upload_steps();

CREATE TABLE vault.document_object (           -- a document without its row here cannot be read
    document_id uuid PRIMARY KEY REFERENCES vault.document,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    object_id uuid NOT NULL UNIQUE REFERENCES vault.store_object,
    kind text NOT NULL,                        -- workbench/filetypes.py
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    pages int CHECK (pages > 0),               -- NULL: not shown page by page
    malware text NOT NULL CHECK (malware IN ('clean', 'not_scanned')),
    downloadable boolean NOT NULL DEFAULT false,
    unmarked_reason text CHECK (length(unmarked_reason) BETWEEN 1 AND 300),  -- why copies may leave without a mark
    stored_at timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------- what left, and with which mark
CREATE TABLE vault.document_mark (             -- printed on every page shown and every copy given: it names who had it
    mark text PRIMARY KEY CHECK (mark ~ '^[A-Z2-7]{16}$'),
    access_id bigint NOT NULL UNIQUE REFERENCES vault.access,
    document_id uuid NOT NULL REFERENCES vault.document,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    organisation_id uuid NOT NULL,
    page int,                                  -- NULL: a copy of the whole
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON vault.document_mark (listing_id);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.document_mark FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.document_mark FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

CREATE TABLE vault.document_link (             -- for the same member on another device: hashed, counted, a day at most
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL REFERENCES vault.document,
    listing_id uuid NOT NULL REFERENCES vault.listing,
    grant_id uuid NOT NULL REFERENCES vault.disclosure_grant,
    organisation_id uuid NOT NULL REFERENCES vault.organisation,
    member_id uuid NOT NULL REFERENCES vault.member,
    token_hash bytea NOT NULL UNIQUE,
    uses_most smallint NOT NULL CHECK (uses_most BETWEEN 1 AND 100),
    uses smallint NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT document_link_used_up CHECK (uses BETWEEN 0 AND uses_most),
    CONSTRAINT document_link_expiry CHECK (expires_at <= made_at + interval '24 hours')
);
CREATE INDEX ON vault.document_link (member_id, made_at DESC);

-- Count one use and say for whom the link was made; nothing when it is used up, over, or its member or grant is gone.
CREATE FUNCTION vault.use_document_link(hash bytea) RETURNS TABLE (member_id uuid, document_id uuid, grant_id uuid)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE vault.document_link k SET uses = k.uses + 1
    FROM vault.member m, vault.disclosure_grant g
    WHERE k.token_hash = hash AND k.uses < k.uses_most AND k.expires_at > now()
      AND m.id = k.member_id AND m.status = 'active' AND g.id = k.grant_id AND g.revoked_at IS NULL AND g.expires_at > now()
    RETURNING k.member_id, k.document_id, k.grant_id
$$;

-- May this transaction take a copy of a document it may read? What cannot be marked leaves only with a recorded reason.
CREATE FUNCTION vault.may_download(wanted uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.document_object o
                   WHERE o.document_id = wanted AND (vault.holds(o.listing_id) OR (
                         o.downloadable AND NOT vault.document_view_only(wanted) AND (o.kind IN ('pdf', 'png', 'jpeg') OR o.unmarked_reason IS NOT NULL))))
$$;

-- ---------------------------------------------------------------- who may touch it
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['listing_key', 'store_object', 'document_upload', 'document_object', 'document_mark', 'document_link'] LOOP
        EXECUTE format('ALTER TABLE vault.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE vault.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON vault.%I TO succession_definer, succession_seeder', name);
    END LOOP;
END $$;
REVOKE UPDATE, DELETE ON vault.document_mark FROM succession_definer, succession_seeder;
ALTER FUNCTION vault.erase_documents(uuid) OWNER TO succession_definer;
ALTER FUNCTION vault.erase_documents_kept_until(uuid, text) OWNER TO succession_definer;
ALTER FUNCTION vault.use_document_link(bytea) OWNER TO succession_definer;
ALTER FUNCTION vault.may_download(uuid) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.erase_documents(uuid), vault.use_document_link(bytea), vault.may_download(uuid) TO succession_app;
GRANT EXECUTE ON FUNCTION vault.erase_documents_kept_until(uuid, text) TO succession_worker, succession_seeder;

GRANT SELECT, INSERT ON vault.listing_key, vault.store_object, vault.document_upload, vault.document_object, vault.document_mark,
    vault.document_link TO succession_app;
GRANT UPDATE (erasure_reason, erasure_asked_by, erasure_asked_at) ON vault.listing_key TO succession_app;
GRANT UPDATE (keep_until, deleted_at) ON vault.store_object TO succession_app;
GRANT UPDATE (state, quarantine_id, size_bytes, sent_hash, malware, refusal, document_id, ended_at) ON vault.document_upload TO succession_app;
GRANT UPDATE (downloadable, unmarked_reason) ON vault.document_object TO succession_app;
GRANT SELECT (id, keep_until, deleted_at), UPDATE (deleted_at) ON vault.store_object TO succession_worker;  -- random names, nothing else

CREATE POLICY hold ON vault.listing_key TO succession_app USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id));
CREATE POLICY granted ON vault.listing_key FOR SELECT TO succession_app
    USING (vault.live_grant(listing_id, 'dossier') OR vault.live_grant(listing_id, 'data_room'));
CREATE POLICY hold ON vault.store_object TO succession_app USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id));
CREATE POLICY granted ON vault.store_object TO succession_app  -- of copies made for it, which are gone in hours
    USING (purpose = 'copy' AND (vault.live_grant(listing_id, 'dossier') OR vault.live_grant(listing_id, 'data_room')))
    WITH CHECK (purpose = 'copy' AND keep_until IS NOT NULL
                AND (vault.live_grant(listing_id, 'dossier') OR vault.live_grant(listing_id, 'data_room')));
CREATE POLICY worker ON vault.store_object TO succession_worker USING (true) WITH CHECK (true);
CREATE POLICY hold ON vault.document_upload TO succession_app USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id));
CREATE POLICY hold ON vault.document_object TO succession_app USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id));
CREATE POLICY granted ON vault.document_object FOR SELECT TO succession_app  -- whoever may read the document, by its own policies
    USING (EXISTS (SELECT FROM vault.document d WHERE d.id = document_id));
CREATE POLICY see ON vault.document_mark FOR SELECT TO succession_app USING (organisation_id = ops.organisation() OR vault.holds(listing_id));
CREATE POLICY append ON vault.document_mark FOR INSERT TO succession_app
    WITH CHECK (organisation_id = ops.organisation()
                AND EXISTS (SELECT FROM vault.access a WHERE a.id = access_id AND a.listing_id = document_mark.listing_id
                            AND a.member_id = ops.member()));
CREATE POLICY own ON vault.document_link FOR SELECT TO succession_app
    USING (organisation_id = ops.organisation() AND member_id = ops.member());
CREATE POLICY own_make ON vault.document_link FOR INSERT TO succession_app
    WITH CHECK (organisation_id = ops.organisation() AND member_id = ops.member() AND vault.grant_holds(grant_id)
                AND EXISTS (SELECT FROM vault.document d WHERE d.id = document_id AND d.listing_id = document_link.listing_id));
