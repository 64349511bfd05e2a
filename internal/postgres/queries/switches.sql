-- name: HoldSwitches :exec
-- Whoever passes a fence holds this shared until it commits; whoever turns a switch takes
-- it alone, and so knows that no fence of before is still open.
SELECT pg_advisory_xact_lock_shared(hashtextextended('duly switches', 0));

-- name: TurnSwitches :exec
SELECT pg_advisory_xact_lock(hashtextextended('duly switches', 0));

-- name: SwitchesOn :many
SELECT id, scope, subject, reason, by, on_at, until FROM switches WHERE off_at IS NULL ORDER BY scope, subject;

-- name: SwitchesPast :many
SELECT id, scope, subject, reason, by, on_at, until, off_at, off_by, off_reason FROM switches ORDER BY id DESC LIMIT sqlc.arg(max);

-- name: SwitchOn :one
INSERT INTO switches (scope, subject, reason, by, on_at, until) VALUES (@scope, @subject, @reason, @by, @on_at, @until) RETURNING id;

-- name: SwitchOff :execrows
UPDATE switches SET off_at = @off_at, off_by = @off_by, off_reason = @off_reason
WHERE scope = @scope AND subject = @subject AND off_at IS NULL;

-- name: StoppedCases :many
-- Open cases whose latest decision is that a switch keeps a message back, in order of id.
SELECT c.id FROM cases c JOIN decisions d ON d.id = c.next_decision
WHERE c.status = 'open' AND d.rule LIKE 'switch:%' AND (sqlc.narg(after)::uuid IS NULL OR c.id > sqlc.narg(after)::uuid)
ORDER BY c.id LIMIT sqlc.arg(max);

-- name: TakePace :one
-- One message of a sender (GCRA): it may begin when the bucket holds a token and the
-- provider wants to be asked again. A token is taken unless that is further ahead than
-- the patience of who asks.
INSERT INTO sender_pace AS p (sender, full_at, start_at) VALUES (@sender, now() + sqlc.arg(every)::interval, now())
ON CONFLICT (sender) DO UPDATE SET
  start_at = greatest(now(), p.full_at - sqlc.arg(slack)::interval, p.paused_until),
  full_at = CASE WHEN greatest(now(), p.full_at - sqlc.arg(slack)::interval, p.paused_until) > now() + sqlc.arg(patience)::interval THEN p.full_at
                 ELSE greatest(now(), p.full_at, p.paused_until) + sqlc.arg(every)::interval END
RETURNING (extract(epoch FROM start_at - now()) * 1000000)::bigint AS wait_us;

-- name: PaceOf :one
SELECT greatest(0, (extract(epoch FROM greatest(paused_until, clock_timestamp()) - clock_timestamp()) * 1000000))::bigint AS wait_us
FROM sender_pace WHERE sender = @sender;

-- name: PauseSender :exec
INSERT INTO sender_pace AS p (sender, paused_until) VALUES (@sender, clock_timestamp() + sqlc.arg(pause)::interval)
ON CONFLICT (sender) DO UPDATE SET paused_until = greatest(p.paused_until, excluded.paused_until);

-- name: KeepSent :exec
INSERT INTO sent_messages (attempt, contact_id, at, sha256, key_id, sealed) VALUES (@attempt, @contact_id, @at, @sha256, @key_id, @sealed)
ON CONFLICT (attempt) DO UPDATE SET at = excluded.at, sha256 = excluded.sha256, key_id = excluded.key_id, sealed = excluded.sealed;

-- name: SentByContact :one
SELECT attempt, contact_id, at, sha256, key_id, sealed FROM sent_messages WHERE contact_id = $1;

-- name: SentByAttempt :one
SELECT attempt, contact_id, at, sha256, key_id, sealed FROM sent_messages WHERE attempt = $1;

-- name: EraseSent :execrows
UPDATE sent_messages m SET sealed = NULL, key_id = ''
FROM contacts c WHERE c.id = m.contact_id AND c.debtor_id = @debtor AND m.sealed IS NOT NULL;

-- name: EraseLetters :execrows
-- The row stays: that there was a letter is no personal data.
UPDATE letters l SET pdf = 'erased', html = '', html_sealed = NULL, key_id = ''
FROM sent_messages m JOIN contacts c ON c.id = m.contact_id
WHERE m.attempt = l.attempt AND c.debtor_id = @debtor;

-- name: SentUnderOtherKeys :many
SELECT attempt, key_id, sealed FROM sent_messages
WHERE key_id <> '' AND key_id <> @key_id ORDER BY key_id, attempt LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED;

-- name: ResealSent :exec
UPDATE sent_messages SET key_id = @key_id, sealed = @sealed WHERE attempt = @attempt AND key_id = @was;

-- name: LettersUnderOtherKeys :many
SELECT attempt, key_id, pdf, html_sealed FROM letters
WHERE key_id <> '' AND key_id <> @key_id ORDER BY attempt LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED;

-- name: ResealLetter :exec
UPDATE letters SET key_id = @key_id, pdf = @pdf, html_sealed = @html_sealed WHERE attempt = @attempt AND key_id = @was;

-- name: PutSealedLetter :exec
INSERT INTO letters (attempt, at, pdf, html, pages, key_id, html_sealed) VALUES (@attempt, @at, @pdf, '', @pages, @key_id, @html_sealed) ON CONFLICT DO NOTHING;

-- name: SealedLetter :one
SELECT attempt, at, pdf, html, pages, key_id, html_sealed FROM letters WHERE attempt = $1;

-- name: LettersWaiting :many
-- Letters in no batch yet whose contact is known, oldest first.
SELECT l.attempt, l.at, m.contact_id, c.case_id, c.debtor_id, ca.creditor_id, ca.account_id, ca.sequence_id, c.template
FROM letters l
JOIN sent_messages m ON m.attempt = l.attempt
JOIN contacts c ON c.id = m.contact_id
JOIN cases ca ON ca.id = c.case_id
WHERE NOT EXISTS (SELECT FROM letter_batch_items i WHERE i.attempt = l.attempt)
  AND (@creditor::text = '' OR ca.creditor_id = @creditor::text)
ORDER BY l.at, l.attempt LIMIT sqlc.arg(max);

-- name: AddLetterBatch :exec
INSERT INTO letter_batches (id, creditor_id, closed_at, by) VALUES (@id, @creditor_id, @closed_at, @by);

-- name: LockLetterBatch :one
-- Places are given out one by one: whoever gives one holds the batch until it is committed.
SELECT id FROM letter_batches WHERE id = $1 FOR UPDATE;

-- name: AddLetterToBatch :one
-- The next place of the batch, or 0 for a letter that is left out. No row: another batch has it.
INSERT INTO letter_batch_items (attempt, batch_id, contact_id, place, left_out, dated)
VALUES (@attempt, @batch_id, @contact_id,
  CASE WHEN @left_out::text = '' THEN (SELECT coalesce(max(o.place), 0) + 1 FROM letter_batch_items o WHERE o.batch_id = @batch_id) ELSE 0 END,
  @left_out, @dated)
ON CONFLICT (attempt) DO NOTHING RETURNING place;

-- name: LetterDated :one
-- The day that a letter bears which was printed; null for none.
SELECT dated FROM letter_batch_items WHERE attempt = $1;

-- name: ReplaceLetter :execrows
-- The letter as it is printed. One that was erased stays erased.
UPDATE letters SET pdf = @pdf, html = @html, pages = @pages, key_id = @key_id, html_sealed = @html_sealed
WHERE attempt = @attempt AND NOT (key_id = '' AND pdf = 'erased'::bytea);

-- name: FinishLetterBatch :exec
UPDATE letter_batches SET pdf_sha256 = @pdf_sha256, pages = @pages WHERE id = @id;

-- name: LetterBatch :one
SELECT id, creditor_id, closed_at, by, pdf_sha256, pages, posted_at, posted_by FROM letter_batches WHERE id = $1;

-- name: LetterBatches :many
SELECT b.id, b.creditor_id, b.closed_at, b.by, b.pdf_sha256, b.pages, b.posted_at, b.posted_by,
       count(i.*) FILTER (WHERE i.place > 0) AS printed, count(i.*) FILTER (WHERE i.place = 0) AS left_out
FROM letter_batches b LEFT JOIN letter_batch_items i ON i.batch_id = b.id
GROUP BY b.id ORDER BY b.closed_at DESC, b.id LIMIT sqlc.arg(max);

-- name: LettersOfBatch :many
SELECT i.attempt, i.contact_id, i.place, i.left_out, i.dated, c.case_id, c.debtor_id, ca.creditor_id, ca.account_id, c.state
FROM letter_batch_items i JOIN contacts c ON c.id = i.contact_id JOIN cases ca ON ca.id = c.case_id
WHERE i.batch_id = $1 ORDER BY i.place, i.attempt;

-- name: PostLetterBatch :execrows
UPDATE letter_batches SET posted_at = @posted_at, posted_by = @posted_by WHERE id = @id AND posted_at IS NULL;
