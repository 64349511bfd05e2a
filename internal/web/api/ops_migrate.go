package api

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/web"
)

// MigrationTry asks what a migration would do to some cases.
type MigrationTry struct {
	ops.MigrationOrder
	Cases []string `json:"cases" jsonschema:"minItems=1,maxItems=500"`
}

// PublishedVersions are those of a sequence, the newest first.
type PublishedVersions struct {
	Sequence string   `json:"sequence"`
	Versions []string `json:"versions"`
}

// migrations of running cases are previewed here; POST /cases/{id}/commands/migrate moves one
// and POST /bulk many.
func (h handlers) migrations() []Operation {
	return []Operation{
		{Method: "POST", Path: "/migrations/try", ID: "tryMigration", Tag: "configuration", Summary: "What moving cases to another version of their sequence would come to; nothing is stored", Need: identity.Migrate, Also: []identity.Permission{identity.Operate}, Body: MigrationTry{}, Result: ops.MigrationTrial{}, Repeats: true, Handle: h.tryMigration},
		{Method: "POST", Path: "/exports/migrations", ID: "exportMigration", Tag: "exports", Summary: "The same as a file: what each of the cases does next as it is, and after the migration", Need: identity.Migrate, Also: []identity.Permission{identity.Operate, identity.Export}, Body: MigrationTry{}, ResultType: "text/csv", Repeats: true, Handle: h.exportMigration},
		{Method: "GET", Path: "/sequences/{sequence}/versions", ID: "listPublishedVersions", Tag: "configuration", Summary: "Versions of a sequence that were ever published: what cases may follow", Need: identity.Config, Result: PublishedVersions{}, Handle: h.publishedVersions},
	}
}

func (h handlers) tryMigration(c *Call) (any, error) { return h.triedMigration(c) }

// exportMigration is tryMigration as a file. That it was taken is in the audit.
func (h handlers) exportMigration(c *Call) (any, error) {
	t, err := h.triedMigration(c, identity.Export)
	if err != nil {
		return nil, err
	}
	if err := c.record("export.migration", t.Order.Sequence+"@"+t.Order.Version, map[string]string{"cases": strconv.Itoa(len(t.Rows))}); err != nil {
		return nil, err
	}
	var file bytes.Buffer
	err = web.WriteCSV(&file, t)
	return file.Bytes(), err
}

// triedMigration asks about cases whose creditor the key may migrate, and has the other
// permissions of.
func (h handlers) triedMigration(c *Call, also ...identity.Permission) (t ops.MigrationTrial, err error) {
	var in MigrationTry
	if err := c.Into(&in); err != nil {
		return t, err
	}
	for _, id := range in.Cases {
		ref, err := h.CaseRef(c.R.Context(), id)
		if err != nil || slices.ContainsFunc(also, func(p identity.Permission) bool { return !c.Who.Can(p, ref.Creditor) }) {
			return t, web.NotFound("One of the cases")
		}
		if err := c.Require(ref.Creditor, "One of the cases"); err != nil {
			return t, err
		}
	}
	return h.Operator.TryMigration(c.R.Context(), c.Who, in.Params(), in.Cases)
}

func (h handlers) publishedVersions(c *Call) (any, error) {
	id := c.R.PathValue("sequence")
	all, err := h.Operator.SequenceVersions(c.R.Context(), id)
	if err == nil && len(all) == 0 {
		err = web.NotFound("This sequence")
	}
	return PublishedVersions{id, all}, err
}
