#!/bin/sh
# Makes one random secret per file in the directory named, and keeps those that exist. Nothing is printed.
# The directory is closed to others on this machine; the files are not, because each is mounted alone into containers
# whose users are not ours.
set -eu
umask 022
mkdir -p -m 700 "$1"
chmod 700 "$1"
cd "$1"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

for name in secret_key store_secret postgres succession_owner succession_app succession_worker \
  market_public market_buyer market_desk market_domestic succession_replicator; do
  [ -s "$name" ] || random >"$name"
done

if [ ! -s redis_url ]; then
  password=$(random)
  echo "requirepass $password" >redis_conf
  echo "redis://:$password@redis:6379/0" >redis_url
fi

# The roles that log in through the pooler. Written anew each time: it follows from their passwords.
for name in succession_app succession_worker market_public market_buyer market_desk market_domestic; do
  printf '"%s" "%s"\n' "$name" "$(sed 's/"/""/g' "$name")"
done >pooler_users
