-- name: AddProposal :exec
-- The trigger fills person.
INSERT INTO proposals (id, release, base, by, reason, at, follows, person)
VALUES (@id, @release, @base, @by, @reason, @at, sqlc.narg(follows), '00000000-0000-0000-0000-000000000000');

-- name: AddProposalFiles :exec
INSERT INTO proposal_files (proposal, path, content)
SELECT @proposal::uuid, f.path, f.content FROM (SELECT unnest(@paths::text[]) AS path, unnest(@contents::bytea[]) AS content) f;

-- name: AddProposalSequences :exec
INSERT INTO proposal_sequences (proposal, sequence, version)
SELECT @proposal::uuid, s.sequence, s.version FROM (SELECT unnest(@sequences::text[]) AS sequence, unnest(@versions::text[]) AS version) s;

-- name: EndProposal :exec
INSERT INTO proposal_ends (proposal, verdict, by, words, at, person)
VALUES (@proposal, @verdict, @by, @words, @at, '00000000-0000-0000-0000-000000000000');

-- name: ReleaseProposal :one
-- Makes the release of a proposal; nothing if it is there already.
INSERT INTO releases (version, published_at, by)
SELECT p.release, @at::timestamptz, p.by FROM proposals p WHERE p.id = @proposal
ON CONFLICT (version) DO NOTHING RETURNING version;

-- name: ReleaseProposalFiles :exec
INSERT INTO release_files (release, path, content)
SELECT p.release, f.path, f.content FROM proposals p JOIN proposal_files f ON f.proposal = p.id WHERE p.id = @proposal;

-- name: ReleaseProposalSequences :exec
INSERT INTO sequence_versions (sequence, version, release)
SELECT s.sequence, s.version, p.release FROM proposals p JOIN proposal_sequences s ON s.proposal = p.id WHERE p.id = @proposal
ON CONFLICT DO NOTHING;

-- name: ActivateProposal :exec
INSERT INTO release_activations (release, at, by, proposal, reason)
SELECT p.release, @at::timestamptz, @by::text, p.id, p.reason FROM proposals p WHERE p.id = @proposal;

-- name: GoBack :execrows
-- Adds nothing when the release is in force already.
INSERT INTO release_activations (release, at, by, back, reason)
SELECT @release::text, @at::timestamptz, @by::text, true, @reason::text
WHERE @release::text IS DISTINCT FROM (SELECT a.release FROM release_activations a ORDER BY a.seq DESC LIMIT 1);

-- name: Proposals :many
-- The newest first; id "" = all, open_only = those that nobody has decided.
SELECT p.seq, p.id, p.release, p.base, p.by, p.person, p.reason, p.at, p.follows,
  coalesce(e.verdict, '')::text AS verdict, coalesce(e.by, '')::text AS ended_by, e.person AS ended_person, coalesce(e.words, '')::text AS words, e.at AS ended_at,
  ARRAY(
    SELECT CASE WHEN b.path IS NULL THEN '+ ' || f.path WHEN f.path IS NULL THEN '- ' || b.path ELSE '~ ' || f.path END
    FROM (SELECT x.path, x.content FROM proposal_files x WHERE x.proposal = p.id) f
    FULL JOIN (SELECT y.path, y.content FROM release_files y WHERE y.release = p.base) b ON b.path = f.path
    WHERE b.content IS DISTINCT FROM f.content OR (b.path IS NULL) <> (f.path IS NULL)
    ORDER BY coalesce(f.path, b.path))::text[] AS changes
FROM proposals p LEFT JOIN proposal_ends e ON e.proposal = p.id
WHERE (sqlc.narg(id)::uuid IS NULL OR p.id = sqlc.narg(id)::uuid) AND (NOT @open_only::boolean OR e.proposal IS NULL)
ORDER BY p.seq DESC LIMIT sqlc.arg(max);

-- name: ProposalFiles :many
SELECT path, content FROM proposal_files WHERE proposal = $1 ORDER BY path;

-- name: MadeProposal :one
SELECT duly_made(@id::uuid, @person::uuid)::boolean AS made;

-- name: FourEyes :many
SELECT seq, step, by, person, reason, at FROM four_eyes ORDER BY seq;

-- name: StepFourEyes :exec
INSERT INTO four_eyes (step, by, reason, at) VALUES (@step, @by, @reason, @at);

-- name: GoneBack :many
-- Goings back that nobody has looked at, the oldest first.
SELECT a.seq, a.release, a.at, a.by, a.reason, coalesce(duly_person(a.by)::text, '')::text AS person FROM release_activations a
WHERE a.back AND NOT EXISTS (SELECT FROM activation_looks l WHERE l.activation = a.seq) ORDER BY a.seq;

-- name: LookAtGoingBack :exec
INSERT INTO activation_looks (activation, by, words, at, person)
VALUES (@activation, @by, @words, @at, '00000000-0000-0000-0000-000000000000');

-- name: Hands :many
-- Who is in whose hands.
SELECT u.id::text AS id, h.hand::text AS hand FROM users u CROSS JOIN LATERAL duly_hands(u.id) AS h(hand) ORDER BY 1, 2;

-- name: ProposalTied :one
-- One of its makers and somebody are not two people.
SELECT EXISTS (SELECT FROM duly_makers(@id::uuid) AS m(maker) WHERE m.maker <> @person::uuid AND duly_tied(m.maker, @person::uuid))::boolean AS tied;
