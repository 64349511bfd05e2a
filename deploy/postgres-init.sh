#!/bin/sh
# Runs once, when the data volume is new: a role and databases for Duly and for
# Temporal, none of which may reach the other's.
set -eu
duly=$(cut -d: -f5 "${SECRETS:-/run/secrets}/duly_pgpass")
temporal=$(cat "${SECRETS:-/run/secrets}/temporal_password")

psql --username "${POSTGRES_USER:-postgres}" -v ON_ERROR_STOP=1 -v duly="$duly" -v temporal="$temporal" --dbname postgres <<'EOF'
CREATE ROLE duly_app LOGIN PASSWORD :'duly';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE duly OWNER duly_app;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT, TEMPORARY ON DATABASE duly FROM PUBLIC;
REVOKE CONNECT, TEMPORARY ON DATABASE temporal FROM PUBLIC;
REVOKE CONNECT, TEMPORARY ON DATABASE temporal_visibility FROM PUBLIC;
EOF
