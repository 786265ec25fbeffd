#!/bin/sh
# A hot standby: copies the primary once, then follows it. A copy that was cut off half way is begun anew.
set -eu
data=${PGDATA:-/var/lib/postgresql/18/docker}
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$(dirname "$data")"
  chown -R postgres:postgres "$(dirname "$data")"
  # Only root reads the secret; what follows the primary finds it in a file of its own.
  umask 077
  printf '%s:5432:*:succession_replicator:%s\n' "$PRIMARY_HOST" "$(cat /run/secrets/succession_replicator)" >/tmp/pgpass
  chown postgres:postgres /tmp/pgpass
  exec gosu postgres "$0" "$@"
fi
export PGPASSFILE=/tmp/pgpass
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data.new"
  pg_basebackup --pgdata="$data.new" --wal-method=stream --checkpoint=fast --write-recovery-conf \
    --dbname="host=$PRIMARY_HOST user=succession_replicator passfile=/tmp/pgpass application_name=$(hostname)"
  mv "$data.new" "$data"
fi
# What a reader holds back is told to the primary; what still stands in the way of its log is cancelled and asked elsewhere.
exec postgres -D "$data" -c hot_standby_feedback=on -c max_standby_streaming_delay=1s \
  -c log_min_messages=log -c log_min_error_statement=panic -c log_error_verbosity=terse
