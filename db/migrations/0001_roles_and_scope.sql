-- Who may connect, and how a connection says for whom it works.
--
-- succession_owner     whoever runs this file: owns every table, serves no request
-- succession_app       the API: reads and writes under row-level security
-- succession_worker    the worker: publishes batches, sends mail, closes months
-- market_*             one reading role per audience, with no grant on `vault` at all
-- succession_definer   owns the few SECURITY DEFINER functions; nobody can log in as it
-- succession_seeder    bulk loading past row-level security; NOLOGIN, reached only by SET ROLE from the owner

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES
        ('succession_app', 'LOGIN'), ('succession_worker', 'LOGIN'),
        ('market_public', 'LOGIN'), ('market_buyer', 'LOGIN'), ('market_desk', 'LOGIN'), ('market_domestic', 'LOGIN'),
        ('succession_definer', 'NOLOGIN BYPASSRLS'), ('succession_seeder', 'NOLOGIN BYPASSRLS')
    ) AS r(name, attributes)
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the cluster: another database made it
        END;
    END LOOP;
END $$;

DO $$
BEGIN
    -- Granting is a cluster-wide write: two databases migrating at once must not collide on it.
    PERFORM pg_advisory_xact_lock(7305421);
    IF NOT pg_has_role(current_user, 'succession_definer', 'SET') THEN
        EXECUTE format('GRANT succession_definer, succession_seeder TO %I', current_user);
    END IF;
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE SCHEMA vault;   -- what is true
CREATE SCHEMA market;  -- what is published
CREATE SCHEMA ops;     -- what keeps the house running

GRANT USAGE ON SCHEMA vault, market, ops TO succession_app, succession_worker, succession_definer, succession_seeder;
GRANT USAGE ON SCHEMA market TO market_public, market_buyer, market_desk, market_domestic;
GRANT CREATE ON SCHEMA vault, market, ops TO succession_definer;  -- needed to own functions there

-- The scope of a transaction: four settings, written by `database.py` as the first statement of every transaction.
-- Unset reads as NULL, and NULL matches no row.
CREATE FUNCTION ops.kind() RETURNS text LANGUAGE sql STABLE
    RETURN nullif(current_setting('succession.kind', true), '');
CREATE FUNCTION ops.organisation() RETURNS uuid LANGUAGE sql STABLE
    RETURN nullif(current_setting('succession.organisation', true), '')::uuid;
CREATE FUNCTION ops.member() RETURNS uuid LANGUAGE sql STABLE
    RETURN nullif(current_setting('succession.member', true), '')::uuid;
CREATE FUNCTION ops.owner_listing() RETURNS uuid LANGUAGE sql STABLE
    RETURN nullif(current_setting('succession.listing', true), '')::uuid;
-- Which day is it in Japan, where every deadline of this market is?
CREATE FUNCTION ops.today() RETURNS date LANGUAGE sql STABLE
    RETURN (now() AT TIME ZONE 'Asia/Tokyo')::date;
GRANT EXECUTE ON FUNCTION ops.today() TO PUBLIC;
GRANT EXECUTE ON FUNCTION ops.kind(), ops.organisation(), ops.member(), ops.owner_listing() TO PUBLIC;
GRANT USAGE ON SCHEMA ops TO market_public, market_buyer, market_desk, market_domestic;

CREATE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: rows there are evidence', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'SU001';
END $$;
