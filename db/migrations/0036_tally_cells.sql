-- What the teasers of each cell showed when the tally was made, so that a search of many wishes reads a few cells instead of every
-- bitmap: what it does not find in market.tally it counts from here, and the notes correct it as they correct the tally.
CREATE TABLE market.tally_cell (
    cell_id int NOT NULL REFERENCES market.cell,
    seen_by smallint NOT NULL CHECK (seen_by IN (1, 2, 4, 8)),  -- 1: what everybody sees; else what this reader sees besides
    width smallint NOT NULL CHECK (width > 0), -- of a teaser, in codes; the same for all of one tally
    codes bytea NOT NULL,                      -- a row per teaser: numbers of its codes (2 bytes each, little-endian), 0 where it has fewer
    PRIMARY KEY (cell_id, seen_by)
);
ALTER TABLE market.tally_cell ALTER COLUMN codes SET STORAGE MAIN;
ALTER TABLE market.tally_cell ENABLE ROW LEVEL SECURITY;
ALTER TABLE market.tally_cell FORCE ROW LEVEL SECURITY;
GRANT SELECT ON market.tally_cell TO market_public, market_buyer, market_desk, market_domestic;
GRANT SELECT, INSERT ON market.tally_cell TO succession_worker, succession_definer, succession_seeder;
GRANT DELETE ON market.tally_cell TO succession_worker, succession_seeder;
CREATE POLICY settle ON market.tally_cell TO succession_worker USING (true) WITH CHECK (true);
CREATE POLICY audience ON market.tally_cell FOR SELECT TO market_public USING (seen_by = 1);
CREATE POLICY audience_buyer ON market.tally_cell FOR SELECT TO market_buyer USING (seen_by IN (1, 2));
CREATE POLICY audience_desk ON market.tally_cell FOR SELECT TO market_desk USING (seen_by IN (1, 4));
CREATE POLICY audience_domestic ON market.tally_cell FOR SELECT TO market_domestic USING (seen_by IN (1, 8));

-- Cells become visible in the order of their ids: who has read all up to one lacks none below it (market/cells.py). The trigger
-- comes before the first id is drawn, and what it takes is held until the transaction ends.
CREATE FUNCTION market.cells_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7305426);
    RETURN NULL;
END $$;
CREATE TRIGGER in_order BEFORE INSERT ON market.cell FOR EACH STATEMENT EXECUTE FUNCTION market.cells_in_order();

-- A page is over in milliseconds: one plan serves whatever is asked for, no helpers are started for it and nothing is compiled. The
-- same as in database.py, for connections that a pooler lends (0032 says why, and for whom not).
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT r.name, s.setting, s.value
        FROM (VALUES ('market_public'), ('market_buyer'), ('market_desk'), ('market_domestic')) AS r(name)
        CROSS JOIN (VALUES ('plan_cache_mode', 'force_generic_plan'), ('max_parallel_workers_per_gather', '0'), ('jit', 'off')) AS s(setting, value)
        WHERE NOT EXISTS (
            SELECT FROM pg_db_role_setting d JOIN pg_roles p ON p.oid = d.setrole
            WHERE d.setdatabase = 0 AND p.rolname = r.name AND s.setting || '=' || s.value = ANY (d.setconfig))
    LOOP
        EXECUTE format('ALTER ROLE %I SET %I = %L', wanted.name, wanted.setting, wanted.value);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the roles are not ours to alter: set their plans where they are made';
END $$;

-- Both are made together. What there is of a tally has no cells yet: all of it is unsettled, and the worker settles it within minutes.
SET LOCAL ROLE succession_seeder;
DELETE FROM market.tally;
DELETE FROM market.unsettled;
INSERT INTO market.unsettled (sign, audiences, cell_id, price, schemes, timing, phrases)
SELECT 1, t.audiences, t.cell_id, t.price, t.schemes, t.timing, t.phrases FROM market.teaser t;
RESET ROLE;
