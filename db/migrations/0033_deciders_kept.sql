-- Who was asked about a teaser or a folder, and what they answered, goes when who was asked about a name does (0028): the decision
-- itself stays with the proposal and the permission.
INSERT INTO ops.retention_rows (class, position, relation, due_when) VALUES
    ('nda_and_consent', 4, 'vault.decider_answer', 'vault.ended_before(t.listing_id, KEEP)'),
    ('nda_and_consent', 5, 'vault.decider', 'vault.ended_before(t.listing_id, KEEP)');
GRANT SELECT, DELETE ON vault.decider_answer, vault.decider TO succession_purger;
UPDATE ops.retention SET basis = 'persons bound, and who was asked about a name, a teaser or a folder and how they answered; what entries of the chain '
    'are about stays: agreement, signatures, sealed papers, the consent' WHERE class = 'nda_and_consent';

-- As in 0022, but what others point at waits until nothing of them is due any more: a batch that is full may have left some of them,
-- and their parents would be refused, with the whole class, every day anew.
CREATE OR REPLACE FUNCTION ops.purge(wanted text, most int) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    one record;
    gone bigint;
    total bigint := 0;
BEGIN
    IF most NOT BETWEEN 1 AND 5000 THEN
        RAISE EXCEPTION 'a batch has 1 to 5000 rows' USING ERRCODE = '22023';
    END IF;
    FOR one IN SELECT s.relation, s.act, replace(s.due_when, 'KEEP', format('%L::interval', r.keep)) AS due
               FROM ops.retention r JOIN ops.retention_rows s USING (class)
               WHERE r.class = wanted AND r.how = 'purge' AND to_regclass(s.relation) IS NOT NULL ORDER BY s.position
    LOOP
        IF one.act = 'erase' THEN
            EXECUTE format('SELECT count(*) FILTER (WHERE vault.erase_documents_kept_until(due.listing_id, %L)) '
                           'FROM (SELECT t.listing_id FROM %s t WHERE %s LIMIT %s) due', wanted, one.relation, one.due, most) INTO gone;
        ELSE
            EXECUTE format('DELETE FROM %1$s t WHERE t.ctid = ANY (ARRAY(SELECT t.ctid FROM %1$s t WHERE %2$s LIMIT %3$s))',
                           one.relation, one.due, most);
            GET DIAGNOSTICS gone = ROW_COUNT;
        END IF;
        total := total + gone;
        EXIT WHEN gone = most;
    END LOOP;
    IF total > 0 THEN
        INSERT INTO ops.retention_run (class, purged) VALUES (wanted, total);
        INSERT INTO vault.audit_event (actor_kind, action, object_id, detail) VALUES ('system', 'purged', wanted, jsonb_build_object('rows', total));
    END IF;
    RETURN total;
END $$;
