-- How finely do buyers ask? Daily counts per attribute and level, from which the losses that order a codebook may be
-- learnt (anonymity/weights.py). No value, no text, no time of day, nobody: a search by "Nara, food" and one by "Tokyo,
-- machines" leave the same two marks.

CREATE TABLE ops.filter_use (
    day date NOT NULL,                         -- in Japan
    readers text NOT NULL CHECK (readers IN ('public', 'verified')),  -- all verified ones together: a desk may be one desk
    attribute text NOT NULL CHECK (attribute IN ('search', 'place', 'industry', 'founded', 'employees', 'revenue', 'margin')),
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 9 AND (attribute <> 'search' OR level = 0)),  -- 0: the finest
    searches bigint NOT NULL CHECK (searches > 0),
    PRIMARY KEY (day, readers, attribute, level)
);
ALTER TABLE ops.filter_use ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.filter_use FORCE ROW LEVEL SECURITY;

-- The API adds and cannot look: who could read the counts between two searches would see the second.
CREATE FUNCTION ops.add_filter_use(readers text[], attributes text[], levels smallint[], counts bigint[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO ops.filter_use AS u (day, readers, attribute, level, searches)
    SELECT ops.today(), each.* FROM unnest(readers, attributes, levels, counts) AS each(readers, attribute, level, searches)
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (day, readers, attribute, level) DO UPDATE SET searches = u.searches + excluded.searches
$$;
ALTER FUNCTION ops.add_filter_use(text[], text[], smallint[], bigint[]) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION ops.add_filter_use(text[], text[], smallint[], bigint[]) TO succession_app;
GRANT SELECT, INSERT, UPDATE ON ops.filter_use TO succession_definer;

-- Read by whoever owns the database, at the command line; forgotten by the worker.
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.filter_use TO succession_seeder;
GRANT SELECT (day), DELETE ON ops.filter_use TO succession_worker;
CREATE POLICY forget ON ops.filter_use TO succession_worker USING (day < ops.today() - 400);
