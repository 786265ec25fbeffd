-- Who loses a step of know-how loses those after it, whoever takes it back: the adviser a release, or the owner's side the permission. A
-- release in place of another takes nothing back. What ended stands in its row; the program enters each in the ledger.
CREATE FUNCTION vault.later_steps_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE vault.folder_grant g SET revoked_at = new.revoked_at, revoked_by = new.revoked_by, revoke_reason = new.revoke_reason
    FROM vault.folder f JOIN ops.know_how_step k ON k.step = f.know_how_step
    WHERE g.deal_id = new.deal_id AND g.revoked_at IS NULL AND f.id = g.folder_id AND k.position > (
        SELECT t.position FROM vault.folder x JOIN ops.know_how_step t ON t.step = x.know_how_step WHERE x.id = new.folder_id);
    RETURN NULL;
END $$;
CREATE TRIGGER later_steps_end AFTER UPDATE OF revoked_at ON vault.folder_grant FOR EACH ROW
    WHEN (old.revoked_at IS NULL AND new.revoked_at IS NOT NULL AND new.revoke_reason IS DISTINCT FROM 'superseded')
    EXECUTE FUNCTION vault.later_steps_end();

CREATE FUNCTION vault.permission_taken_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE vault.folder_grant g SET revoked_at = new.revoked_at, revoked_by = 'owner', revoke_reason = 'permission_revoked'
    WHERE g.permission_id = new.id AND g.revoked_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER permission_taken_back AFTER UPDATE OF revoked_at ON vault.folder_permission FOR EACH ROW
    WHEN (old.revoked_at IS NULL AND new.revoked_at IS NOT NULL) EXECUTE FUNCTION vault.permission_taken_back();

ALTER FUNCTION vault.later_steps_end() OWNER TO succession_definer;
ALTER FUNCTION vault.permission_taken_back() OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.later_steps_end(), vault.permission_taken_back() FROM PUBLIC;
