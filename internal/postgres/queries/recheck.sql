-- name: Contacted :many
-- Debtors for whom a contact left or was logged, a page at a time.
SELECT d.id FROM debtors d
WHERE (sqlc.narg(after)::uuid IS NULL OR d.id > sqlc.narg(after)::uuid)
  AND EXISTS (SELECT 1 FROM facts f WHERE f.debtor_id = d.id AND f.kind IN ('contact_moved', 'contact_logged'))
ORDER BY d.id LIMIT sqlc.arg(max);

-- name: PutPersons :exec
INSERT INTO persons (debtor_id, id, name)
SELECT p.debtor_id, p.id, p.name
FROM (SELECT unnest(@debtors::uuid[]) AS debtor_id, unnest(@ids::text[]) AS id, unnest(@names::text[]) AS name) p
ORDER BY p.debtor_id, p.id
ON CONFLICT (debtor_id, id) DO UPDATE SET name = excluded.name, updated_at = now() WHERE persons.name IS DISTINCT FROM excluded.name;

-- name: PersonsOf :many
SELECT id, name FROM persons WHERE debtor_id = $1 ORDER BY id;

-- name: ErasePersons :execrows
UPDATE persons SET name = '' WHERE debtor_id = $1 AND name <> '';
