-- Counts of what few filters leave, known before anybody asks: what a search page costs does not grow with the market.
--
-- A key is a code as teasers show it ('place=kanto') or everything inside a published code ('place<kanto': the region and each
-- of its prefectures). A row counts, for one reader and up to two keys of different fields (a of the earlier one, '' for none),
-- the teasers that satisfy both, and under them each code of each other field.
CREATE TABLE market.tally (
    reader smallint NOT NULL,
    a text NOT NULL,
    b text NOT NULL,
    n int NOT NULL CHECK (n > 0),
    counts bytea NOT NULL,                     -- m numbers of codes (2 bytes each), then m counts (4 bytes), little-endian
    PRIMARY KEY (reader, a, b)
);
ALTER TABLE market.tally ALTER COLUMN counts SET STORAGE MAIN;  -- in its row: whoever looks a key up reads it whole
-- A number means the same code for ever, so a program may keep what it has read.
CREATE TABLE market.tally_code (
    number smallint PRIMARY KEY CHECK (number > 0),
    field text NOT NULL,
    code text NOT NULL,
    UNIQUE (field, code)
);
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON market.tally_code FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

-- What has come or gone since the tally was made. tally + unsettled = the market, in every snapshot: both change in the
-- transaction that changes the teasers, or together when somebody settles (market/settling.py). No references here.
CREATE TABLE market.unsettled (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sign smallint NOT NULL CHECK (sign IN (-1, 1)),
    audiences smallint NOT NULL,
    cell_id int NOT NULL REFERENCES market.cell,
    price text NOT NULL,
    schemes text[] NOT NULL,
    timing text NOT NULL,
    phrases text[] NOT NULL
);
CREATE TRIGGER frozen BEFORE UPDATE ON market.unsettled FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tally', 'tally_code', 'unsettled'] LOOP
        EXECUTE format('ALTER TABLE market.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE market.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT ON market.%I TO market_public, market_buyer, market_desk, market_domestic', name);
        EXECUTE format('GRANT SELECT, INSERT ON market.%I TO succession_worker, succession_definer, succession_seeder', name);
        EXECUTE format('CREATE POLICY settle ON market.%I TO succession_worker USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
GRANT DELETE ON market.tally, market.unsettled TO succession_worker, succession_seeder;
CREATE POLICY audience ON market.tally FOR SELECT TO market_public USING (reader = 1);
CREATE POLICY audience_buyer ON market.tally FOR SELECT TO market_buyer USING (reader = 2);
CREATE POLICY audience_desk ON market.tally FOR SELECT TO market_desk USING (reader = 4);
CREATE POLICY audience_domestic ON market.tally FOR SELECT TO market_domestic USING (reader = 8);
CREATE POLICY audience ON market.unsettled FOR SELECT TO market_public USING (audiences & 1 <> 0);
CREATE POLICY audience_buyer ON market.unsettled FOR SELECT TO market_buyer USING (audiences & 3 <> 0);
CREATE POLICY audience_desk ON market.unsettled FOR SELECT TO market_desk USING (audiences & 5 <> 0);
CREATE POLICY audience_domestic ON market.unsettled FOR SELECT TO market_domestic USING (audiences & 9 <> 0);
CREATE POLICY codes ON market.tally_code FOR SELECT TO PUBLIC USING (true);

CREATE OR REPLACE FUNCTION market.mark_teasers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    sign int := CASE tg_op WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    -- One writer at a time: two statements that touch the same bitmaps queue instead of deadlocking.
    PERFORM pg_advisory_xact_lock(7305422);
    INSERT INTO market.unsettled (sign, audiences, cell_id, price, schemes, timing, phrases)
    SELECT sign, c.audiences, c.cell_id, c.price, c.schemes, c.timing, c.phrases FROM changed c;
    INSERT INTO market.bitmap AS b (reader, field, code, chunk, bits)
    SELECT r.reader, m.field, m.code, m.chunk, bit_or(m.bits)
    FROM (
        SELECT c.audiences, v.field, v.code, c.slot / 8192 AS chunk, market.bits_of(array_agg(c.slot)) AS bits
        FROM changed c JOIN market.cell k ON k.id = c.cell_id
        CROSS JOIN LATERAL (
            VALUES ('live', ''), ('place', k.place), ('industry', k.industry), ('founded', k.founded), ('employees', k.employees),
                   ('revenue', k.revenue), ('margin', k.margin), ('price', c.price), ('timing', c.timing)
            UNION ALL SELECT 'scheme', unnest(c.schemes) UNION ALL SELECT 'phrase', unnest(c.phrases)
        ) AS v(field, code)
        GROUP BY 1, 2, 3, 4
    ) m JOIN (VALUES (1, 1), (2, 3), (4, 5), (8, 9)) AS r(reader, sees) ON m.audiences & r.sees <> 0
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4  -- in order: what one reader reads stands together
    ON CONFLICT (reader, field, code, chunk) DO UPDATE
        SET bits = CASE WHEN sign > 0 THEN b.bits | excluded.bits ELSE b.bits & ~excluded.bits END;
    IF sign < 0 THEN
        DELETE FROM market.bitmap b WHERE b.chunk IN (SELECT c.slot / 8192 FROM changed c) AND bit_count(b.bits) = 0;
    END IF;
    RETURN NULL;
END $$;

-- The market as it stands is unsettled: the worker settles it within minutes.
SET LOCAL ROLE succession_seeder;
INSERT INTO market.unsettled (sign, audiences, cell_id, price, schemes, timing, phrases)
SELECT 1, t.audiences, t.cell_id, t.price, t.schemes, t.timing, t.phrases FROM market.teaser t;
RESET ROLE;

-- An order that descends is a column of its own. A policy is asked before any operator that might fail (negating and taking a
-- remainder might), so a place in an order by such an expression was looked for row by row.
ALTER TABLE market.teaser
    ADD COLUMN newest int NOT NULL GENERATED ALWAYS AS (-batch) STORED,
    ADD COLUMN place_down int NOT NULL GENERATED ALWAYS AS (-(place_rank % 99)) STORED,
    ADD COLUMN revenue_down int NOT NULL GENERATED ALWAYS AS (-(revenue_rank % 99)) STORED,
    ADD COLUMN price_down int NOT NULL GENERATED ALWAYS AS (-(price_rank % 99)) STORED;
DROP INDEX market.teaser_newest, market.teaser_place_down, market.teaser_revenue_down, market.teaser_price_down;
CREATE INDEX teaser_newest ON market.teaser (newest, shuffle, ref);
CREATE INDEX teaser_place_down ON market.teaser (place_down, shuffle, ref);
CREATE INDEX teaser_revenue_down ON market.teaser (revenue_down, shuffle, ref);
CREATE INDEX teaser_price_down ON market.teaser (price_down, shuffle, ref);
