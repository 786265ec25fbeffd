#!/bin/sh
# Runs once in a new database container: the owner, its database, and the roles the program logs in as, each with its
# own password. What they may do is written in db/migrations. The owner is no superuser; BYPASSRLS, because only such a
# role may create the definer and the seeder.
set -eu
secrets=${SECRETS_DIR:-/run/secrets}

# The password travels through the environment and psql's own quoting: no command line shows it.
role() {
  PASSWORD=$(cat "$secrets/$1") psql -qX -v ON_ERROR_STOP=1 -U postgres -d postgres -v "name=$1" <<-SQL
	\\getenv password PASSWORD
	SELECT format('CREATE ROLE %I LOGIN $2 PASSWORD %L', :'name', :'password') \\gexec
	SQL
}

role succession_owner 'CREATEDB CREATEROLE BYPASSRLS'
for name in succession_app succession_worker market_public market_buyer market_desk market_domestic; do
  role "$name" ''
done
# Every wait ends, also on a connection that a pooler lends (migration 0032 has the same figures, where it may set them).
timeouts() {
  psql -qX -v ON_ERROR_STOP=1 -U postgres -d postgres -c "ALTER ROLE $1 SET statement_timeout = '$2'" \
    -c "ALTER ROLE $1 SET lock_timeout = '5s'" -c "ALTER ROLE $1 SET idle_in_transaction_session_timeout = '$3'"
}
timeouts succession_worker 120s 60s
for name in succession_app market_public market_buyer market_desk market_domestic; do
  timeouts "$name" 15s 30s
done
# What the market's readers ask is over in milliseconds: one plan each, no helpers (migration 0036 has the same).
for name in market_public market_buyer market_desk market_domestic; do
  psql -qX -v ON_ERROR_STOP=1 -U postgres -d postgres -c "ALTER ROLE $name SET plan_cache_mode = force_generic_plan" \
    -c "ALTER ROLE $name SET max_parallel_workers_per_gather = 0" -c "ALTER ROLE $name SET jit = off"
done
# A standby copies and follows as a role that can do nothing else. The image lets roles in by password, but not to copy.
role succession_replicator REPLICATION
if [ -n "${PGDATA:-}" ]; then
  echo 'host replication succession_replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
psql -qX -v ON_ERROR_STOP=1 -U postgres -d postgres -c \
  "CREATE DATABASE succession OWNER succession_owner TEMPLATE template0 ENCODING 'UTF8'
   LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'"
