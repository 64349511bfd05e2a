-- name: LockDebtors :many
-- In id order, so that two transactions cannot wait for each other; NO KEY, so
-- that foreign keys to the debtor are not held up.
SELECT id, version FROM debtors WHERE id = ANY ((SELECT @ids::uuid[])::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: DebtorVersion :one
SELECT version FROM debtors WHERE id = $1;

-- name: BumpVersions :exec
-- The debtors are locked: nobody else moves their versions.
UPDATE debtors SET version = version + 1 WHERE id = ANY ((SELECT @debtors::uuid[])::uuid[]);

-- name: FactsAsOf :many
SELECT version, kind, at, account_id, case_id, by, source, body
FROM facts WHERE debtor_id = $1 AND version <= $2 ORDER BY version, seq;

-- name: KnownSources :many
SELECT f.debtor_id, f.kind, f.source
FROM facts f
JOIN (SELECT unnest(@debtors::uuid[]) AS debtor_id, unnest(@kinds::text[]) AS kind, unnest(@sources::text[]) AS source) s
  ON f.debtor_id = s.debtor_id AND f.kind = s.kind AND f.source = s.source
WHERE f.source <> '';

-- name: KnownFacts :many
-- The facts that an import names by their source, as they were stored.
SELECT f.debtor_id, f.kind, f.source, f.at, f.body
FROM facts f
JOIN (SELECT unnest(@debtors::uuid[]) AS debtor_id, unnest(@kinds::text[]) AS kind, unnest(@sources::text[]) AS source) s
  ON f.debtor_id = s.debtor_id AND f.kind = s.kind AND f.source = s.source
WHERE f.source <> '';

-- name: InsertFacts :exec
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, case_id, item_key, by, source, amount_minor, currency, body)
SELECT f.debtor_id, f.version, f.seq, f.kind, f.at, NULLIF(f.account_id, '')::uuid, NULLIF(f.case_id, '')::uuid, NULLIF(f.item_key, ''),
       f.by, f.source, CASE WHEN f.currency <> '' THEN f.amount END, NULLIF(f.currency, ''), f.body
FROM (SELECT unnest(@debtors::uuid[]) AS debtor_id, unnest(@versions::bigint[]) AS version, unnest(@seqs::int[]) AS seq,
             unnest(@kinds::text[]) AS kind, unnest(@ats::timestamptz[]) AS at, unnest(@accounts::text[]) AS account_id,
             unnest(@cases::text[]) AS case_id, unnest(@items::text[]) AS item_key, unnest(@bys::text[]) AS by,
             unnest(@sources::text[]) AS source, unnest(@amounts::bigint[]) AS amount, unnest(@currencies::text[]) AS currency,
             unnest(@bodies::jsonb[]) AS body) f;

-- The projections below read back the facts that the same transaction has just
-- added, so that the log stays the only thing that is ever told something.
--
-- They run several times a step and are written so that one plan serves for ever. OFFSET 0 keeps the planner from any way
-- but looking up the primary key of facts, whatever it believes of the table's size: a plan that was made and kept while
-- the table was small must not scan it when it is large. (SELECT @array) hides the array's length from the planner, which
-- would otherwise find each plan cheaper when made for it alone, and plan anew at every call.

-- name: ProjectItems :exec
INSERT INTO items (account_id, key, number, issued, due, amount_minor, currency, version)
SELECT f.account_id, f.item_key, coalesce(f.body->>'number', ''), NULLIF(f.body->>'issued', '')::date, (f.body->>'due')::date,
       f.amount_minor, f.currency, f.version
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
WHERE f.kind = 'item';

-- name: ProjectCases :exec
-- An opened case is due to be looked at from the instant of its opening.
UPDATE cases c SET
  status = CASE l.kind WHEN 'case_opened' THEN 'open' ELSE 'closed' END,
  opened_at = CASE l.kind WHEN 'case_opened' THEN l.at ELSE c.opened_at END,
  closed_at = CASE l.kind WHEN 'case_closed' THEN l.at END,
  close_reason = CASE l.kind WHEN 'case_closed' THEN l.body->>'reason' END,
  phase = CASE l.kind WHEN 'case_opened' THEN 'look' ELSE 'closed' END,
  waiting = '',
  waits_for = CASE l.kind WHEN 'case_opened' THEN 'worker' ELSE '' END,
  next_verb = CASE l.kind WHEN 'case_opened' THEN 'look' ELSE '' END,
  next_step = '',
  next_at = CASE l.kind WHEN 'case_opened' THEN l.at END,
  next_decision = NULL,
  pending_at = NULL
FROM (SELECT DISTINCT ON (f.case_id) f.case_id, f.kind, f.at, f.body
      FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
      CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
      WHERE f.kind IN ('case_opened', 'case_closed')
      ORDER BY f.case_id, f.seq DESC) l
WHERE c.id = l.case_id;

-- name: ProjectMigrations :exec
-- A migration that was asked for names what the case is to follow; one that took effect is
-- what it follows. The last fact of a transaction says what holds; a case that closes has no
-- target any more.
UPDATE cases c SET
  sequence_id = coalesce(m.moved->>'sequence', c.sequence_id),
  sequence_version = coalesce(m.moved->>'sequence_version', c.sequence_version),
  target_sequence = CASE m.kind WHEN 'migration_asked' THEN m.last->>'sequence' ELSE '' END,
  target_version = CASE m.kind WHEN 'migration_asked' THEN m.last->>'sequence_version' ELSE '' END
FROM (SELECT f.case_id, (array_agg(f.kind ORDER BY f.seq DESC))[1] AS kind, (array_agg(f.body ORDER BY f.seq DESC))[1] AS last,
             (array_agg(f.body ORDER BY f.seq DESC) FILTER (WHERE f.kind = 'migrated'))[1] AS moved
      FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
      CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
      WHERE f.kind IN ('migration_asked', 'migration_ended', 'migrated')
      GROUP BY f.case_id) m
WHERE c.id = m.case_id;

-- name: ProjectTasksOpened :exec
INSERT INTO tasks (debtor_id, id, account_id, case_id, kind, queue, step, reason, contact_id, attempts, due, opened_at)
SELECT DISTINCT ON (f.debtor_id, f.body->>'id')
       f.debtor_id, f.body->>'id', f.account_id, f.case_id, f.body->>'task', coalesce(f.body->>'queue', ''), coalesce(f.body->>'step', ''),
       coalesce(f.body->>'reason', ''), coalesce(f.body->>'contact', ''), coalesce((f.body->>'attempts')::int, 0),
       NULLIF(f.body->>'until', '')::timestamptz, f.at
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
WHERE f.kind = 'task_opened'
ORDER BY f.debtor_id, f.body->>'id', f.seq DESC
ON CONFLICT (debtor_id, id) DO UPDATE SET
  account_id = excluded.account_id, case_id = excluded.case_id, kind = excluded.kind, queue = excluded.queue, step = excluded.step,
  reason = excluded.reason, contact_id = excluded.contact_id, attempts = excluded.attempts, due = excluded.due,
  opened_at = excluded.opened_at, ended_at = NULL, outcome = NULL;

-- name: ProjectTasksEnded :exec
UPDATE tasks t SET ended_at = f.at, outcome = coalesce(f.body->>'outcome', '')
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
WHERE f.kind = 'task_ended' AND t.debtor_id = f.debtor_id AND t.id = f.body->>'id' AND t.ended_at IS NULL;

-- name: ProjectContacts :exec
INSERT INTO contacts (id, case_id, debtor_id, round, step, entry, alt, channel, ordinal, point_id, template, purpose, automatic,
                      decision_id, version, reserved_at, state_at, creditor_id)
SELECT f.body->>'id', f.case_id, f.debtor_id, coalesce((f.body->>'round')::int, 0), coalesce(f.body->>'step', ''),
       coalesce((f.body->>'entry')::int, 0), coalesce((f.body->>'alt')::int, 0), f.body->>'channel', coalesce((f.body->>'ordinal')::int, 0),
       NULLIF(f.body->>'point', ''), coalesce(f.body->>'template', ''), coalesce(f.body->>'purpose', ''),
       coalesce((f.body->>'automatic')::boolean, false), NULLIF(f.body->>'decision', ''), f.version, f.at, f.at,
       c.creditor_id
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
JOIN cases c ON c.id = f.case_id
WHERE f.kind = 'contact_planned';

-- name: ProjectAttempts :exec
INSERT INTO attempts (id, contact_id, seq, version, state, at, class, code, permanent, provider_id, retry_at, deadline)
SELECT gen_random_uuid(), f.body->>'id',
       (SELECT coalesce(max(a.seq) + 1, 0) FROM attempts a WHERE a.contact_id = f.body->>'id')
         + row_number() OVER (PARTITION BY f.body->>'id' ORDER BY f.seq) - 1,
       f.version, CASE f.kind WHEN 'contact_planned' THEN 'reserved' ELSE f.body->>'state' END, f.at,
       NULLIF(f.body->>'class', ''), NULLIF(f.body->>'code', ''), coalesce((f.body->>'permanent')::boolean, false),
       NULLIF(f.body->>'provider_id', ''), NULLIF(f.body->>'retry_at', '')::timestamptz, NULLIF(f.body->>'deadline', '')::timestamptz
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
WHERE f.kind IN ('contact_planned', 'contact_moved')
ORDER BY f.debtor_id, f.seq;

-- name: ProjectContactStates :exec
UPDATE contacts c SET
  state = l.state, state_at = l.at, class = l.class, code = l.code, permanent = l.permanent,
  provider_id = coalesce(l.provider_id, c.provider_id), retry_at = l.retry_at, deadline = l.deadline
FROM (SELECT t.*
      FROM (SELECT DISTINCT f.body->>'id' AS id
            FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
            CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
            WHERE f.kind = 'contact_moved') m
      CROSS JOIN LATERAL (SELECT * FROM attempts a WHERE a.contact_id = m.id ORDER BY a.seq DESC LIMIT 1) t) l
WHERE c.id = l.contact_id;

-- name: ProjectPointsKnown :exec
INSERT INTO contact_points (debtor_id, id, channel, kind, rank)
SELECT DISTINCT ON (f.debtor_id, f.body->>'id')
       f.debtor_id, f.body->>'id', f.body->>'channel', coalesce(f.body->>'point_kind', ''), coalesce((f.body->>'rank')::int, 0)
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
WHERE f.kind = 'point_known'
ORDER BY f.debtor_id, f.body->>'id', f.seq DESC
ON CONFLICT (debtor_id, id) DO UPDATE SET channel = excluded.channel, kind = excluded.kind, rank = excluded.rank;

-- name: ProjectPointsDead :exec
UPDATE contact_points p SET dead = coalesce(f.body->>'reason', '')
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
WHERE f.kind = 'point_dead' AND p.debtor_id = f.debtor_id AND p.id = f.body->>'id';

-- name: ProjectLogged :exec
INSERT INTO logged_contacts (debtor_id, version, seq, creditor_id, account_id, case_id, id, at, by, direction, channel, outcome)
SELECT f.debtor_id, f.version, f.seq, d.creditor_id, f.account_id, f.case_id, f.body->>'id', f.at, f.by,
       f.body->>'direction', coalesce(f.body->>'channel', ''), coalesce(f.body->>'outcome', '')
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
JOIN debtors d ON d.id = f.debtor_id
WHERE f.kind = 'contact_logged';

-- name: ProjectConsents :exec
INSERT INTO consent_ledger (debtor_id, version, seq, creditor_id, kind, at, recorded_at, by, source, channel, point, detail)
SELECT f.debtor_id, f.version, f.seq, d.creditor_id, f.kind, f.at, f.recorded_at, f.by, f.source, coalesce(f.body->>'channel', ''),
       coalesce(CASE f.kind WHEN 'point_dead' THEN f.body->>'id' ELSE f.body->>'point' END, ''),
       concat_ws(', ', coalesce(f.body->>'basis', f.body->>'refusal', f.body->>'reason', f.body->>'notice', f.body->>'wish'), f.body->>'medium')
FROM (SELECT unnest((SELECT @debtors::uuid[])) AS debtor_id, unnest((SELECT @versions::bigint[])) AS version) v
CROSS JOIN LATERAL (SELECT * FROM facts w WHERE w.debtor_id = v.debtor_id AND w.version = v.version OFFSET 0) f
JOIN debtors d ON d.id = f.debtor_id
WHERE f.kind IN ('opted_out', 'opted_in', 'consented', 'consent_revoked', 'times_inconvenient', 'wish_stated', 'wish_withdrawn',
                 'point_dead', 'notice_sent', 'notice_received');
