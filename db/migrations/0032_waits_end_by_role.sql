-- Every wait has an end, also on a connection that a pooler lends for one transaction: what a client asks for when it
-- connects does not reach the server then, what belongs to the role does. The same figures as in database.py and worker.py.
--
-- Roles belong to the cluster. Where somebody else made them (docker/roles.sh, a managed server) the owner may not alter them,
-- and who made them sets this; behind a pooler the program refuses a connection whose statements would not end.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT r.name, s.setting, s.value
        FROM (VALUES ('succession_app', '15s', '30s'), ('succession_worker', '120s', '60s'), ('market_public', '15s', '30s'),
                     ('market_buyer', '15s', '30s'), ('market_desk', '15s', '30s'), ('market_domestic', '15s', '30s')
             ) AS r(name, statement, idle)
        CROSS JOIN LATERAL (VALUES ('statement_timeout', r.statement), ('lock_timeout', '5s'),
                                   ('idle_in_transaction_session_timeout', r.idle)) AS s(setting, value)
        WHERE NOT EXISTS (
            SELECT FROM pg_db_role_setting d JOIN pg_roles p ON p.oid = d.setrole
            WHERE d.setdatabase = 0 AND p.rolname = r.name AND s.setting || '=' || s.value = ANY (d.setconfig))
    LOOP
        EXECUTE format('ALTER ROLE %I SET %I = %L', wanted.name, wanted.setting, wanted.value);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the roles are not ours to alter: set their timeouts where they are made';
END $$;
