#!/bin/sh
# Brings Temporal's two databases to the schema of this image. Running it again
# changes nothing; after an update of the image it applies what is new.
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal_password)
export SQL_PASSWORD

update() {
	temporal-sql-tool --database "$1" setup-schema -v 0.0
	temporal-sql-tool --database "$1" update-schema --schema-name "$2"
}

update temporal postgresql/v12/temporal
update temporal_visibility postgresql/v12/visibility
