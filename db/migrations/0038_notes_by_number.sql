-- Every code that a teaser shows has its number before anybody can see the teaser: what came and went since the market was settled
-- is counted as what was settled is, by numbers (market/settled.py). Who numbers a code holds the lock under which teasers change.
CREATE OR REPLACE FUNCTION market.mark_teasers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    sign int := CASE tg_op WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    -- One writer at a time: two statements that touch the same bitmaps queue instead of deadlocking.
    PERFORM pg_advisory_xact_lock(7305422);
    INSERT INTO market.unsettled (sign, audiences, cell_id, price, schemes, timing, phrases)
    SELECT sign, c.audiences, c.cell_id, c.price, c.schemes, c.timing, c.phrases FROM changed c;
    IF sign > 0 THEN
        INSERT INTO market.tally_code (number, field, code)
        SELECT (SELECT coalesce(max(number), 0) FROM market.tally_code) + row_number() OVER (ORDER BY n.field, n.code), n.field, n.code
        FROM (
            SELECT DISTINCT v.field, v.code FROM changed c JOIN market.cell k ON k.id = c.cell_id
            CROSS JOIN LATERAL (
                VALUES ('place', k.place), ('industry', k.industry), ('founded', k.founded), ('employees', k.employees),
                       ('revenue', k.revenue), ('margin', k.margin), ('price', c.price), ('timing', c.timing)
                UNION ALL SELECT 'scheme', unnest(c.schemes) UNION ALL SELECT 'phrase', unnest(c.phrases)
            ) AS v(field, code)
        ) n
        WHERE NOT EXISTS (SELECT FROM market.tally_code t WHERE t.field = n.field AND t.code = n.code);
    END IF;
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

SET LOCAL ROLE succession_seeder;
SELECT pg_advisory_xact_lock(7305422);
INSERT INTO market.tally_code (number, field, code)
SELECT (SELECT coalesce(max(number), 0) FROM market.tally_code) + row_number() OVER (ORDER BY n.field, n.code), n.field, n.code
FROM (
    SELECT DISTINCT v.field, v.code FROM market.teaser c JOIN market.cell k ON k.id = c.cell_id
    CROSS JOIN LATERAL (
        VALUES ('place', k.place), ('industry', k.industry), ('founded', k.founded), ('employees', k.employees),
               ('revenue', k.revenue), ('margin', k.margin), ('price', c.price), ('timing', c.timing)
        UNION ALL SELECT 'scheme', unnest(c.schemes) UNION ALL SELECT 'phrase', unnest(c.phrases)
    ) AS v(field, code)
) n
WHERE NOT EXISTS (SELECT FROM market.tally_code t WHERE t.field = n.field AND t.code = n.code);
RESET ROLE;
