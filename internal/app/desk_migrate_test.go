package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/workflows"
)

func init() {
	apiOf["GET /sequences/{id}/migrate"] = []string{"listPublishedVersions", "listSequenceVersions", "tryMigration"}
}

// look runs the activity that decides, as the worker would when a nudge arrives.
func (s *site) look(caseID string) {
	s.t.Helper()
	look := s.activities().All()[workflows.Look]
	if _, err := look(s.t.Context(), workflows.Request{Case: caseID}); err != nil {
		s.t.Fatal(err)
	}
}

func (b *bench) follows(caseID string) (version, target string) {
	b.t.Helper()
	ref, err := b.store.CaseRef(b.t.Context(), caseID)
	b.must(err)
	return ref.Version, ref.TargetVersion
}

// TestBulkMigrationIsUndone: a bulk migration moves what is free and waits for what is not,
// and undoing it takes back the one and moves the other back.
func TestBulkMigrationIsUndone(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	first, _ := b.follows(b.case1)
	second := b.versionOfConsumers("  - id: nudge\n", inserted)
	_, err := b.commands().Do(ctx, b.case2, dunning.MakePromise{ID: "p", Amount: b.facts(b.case2).Items[0].Amount, Due: date(20)}, "user:1")
	b.must(err)
	params := ops.MigrationOrder{Sequence: "consumer-standard", Version: second[:10], Reason: "one more email"}.Params()
	both := []string{b.case1, b.case2}

	trial, err := b.desk.TryMigration(ctx, b.ops, params, both)
	if err != nil || trial.Order.Version != second || trial.Sum.Moves != 1 || trial.Sum.Waits != 1 || len(trial.Rows) != 2 || trial.Rows[1].Why != "promise" {
		t.Fatalf("tried: %+v, %v", trial, err)
	}
	if _, err := b.desk.TryMigration(ctx, b.user(identity.Collector, identity.AllCreditors), params, both); status(err) != http.StatusForbidden {
		t.Errorf("a collector tries it: %v", err)
	}
	if _, err := b.desk.StartBulk(ctx, b.user(identity.Operations, "demo"), uuid.NewString(), ops.BulkMigrate, params, both); status(err) != http.StatusForbidden {
		t.Errorf("operations of one creditor order it: %v; it needs the permission everywhere", err)
	}
	bulk, err := b.desk.StartBulk(ctx, b.ops, uuid.NewString(), ops.BulkMigrate, params, both)
	if err != nil || bulk.Counts["done"] != 2 || bulk.Params["version"] != second {
		t.Fatalf("ordered: %+v, %v", bulk, err)
	}
	b.look(b.case1)
	b.look(b.case2)
	if v, target := b.follows(b.case1); v != second || target != "" {
		t.Errorf("the free case follows %s, target %q", v, target)
	}
	if v, target := b.follows(b.case2); v != first || target != second {
		t.Errorf("the case with a promise follows %s, target %q", v, target)
	}

	undone, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID)
	if err != nil || undone.Counts["undone"] != 2 {
		t.Fatalf("undone: %+v, %v", undone, err)
	}
	b.look(b.case1)
	b.look(b.case2)
	for _, id := range both {
		if v, target := b.follows(id); v != first || target != "" {
			t.Errorf("after the undo case %s follows %s, target %q", id, v, target)
		}
	}
}

// TestMigrationOrders checks what is wrong with an order, by field.
func TestMigrationOrders(t *testing.T) {
	b := newBench(t)
	b.versionOfConsumers("  - id: nudge\n", inserted)
	for why, p := range map[string]map[string]string{
		"no reason":                     {"sequence": "consumer-standard"},
		"a sequence that there is not":  {"sequence": "nobody", "reason": "new wording"},
		"a version that there is not":   {"sequence": "consumer-standard", "version": "zzz", "reason": "new wording"},
		"a map that cannot be read":     {"sequence": "consumer-standard", "steps": "nudge", "reason": "new wording"},
		"a step that the target lacks":  {"sequence": "consumer-standard", "steps": "nudge=nowhere", "reason": "new wording"},
		"a step that no version has":    {"sequence": "consumer-standard", "steps": "nowhere=nudge", "reason": "new wording"},
		"another sequence for the case": {"sequence": "business-standard", "reason": "new wording"},
	} {
		bulk, err := b.desk.StartBulk(t.Context(), b.ops, uuid.NewString(), ops.BulkMigrate, p, []string{b.case1})
		if status(err) != http.StatusUnprocessableEntity && bulk.Counts["refused"] != 1 {
			t.Errorf("%s: %+v, %v", why, bulk.Counts, err)
		}
	}
}

// TestMigrateInConsoleAndAPI: the form, the preview and the order in the console, and the
// same by the API.
func TestMigrateInConsoleAndAPI(t *testing.T) {
	d := newDesk(t)
	ops := d.somebody(identity.Operations)
	second := d.versionOfConsumers("  - id: nudge\n", inserted)
	page := ops.get("/sequences/consumer-standard/migrate")
	if page.StatusCode != 200 || !strings.Contains(page.body, second[:8]) || !strings.Contains(page.body, "in force") {
		t.Fatalf("the form: %d %s", page.StatusCode, page.body)
	}
	if res := d.somebody(identity.Collector).get("/sequences/consumer-standard/migrate"); res.StatusCode != http.StatusForbidden {
		t.Errorf("a collector opens it: %d", res.StatusCode)
	}
	preview := ops.post("/cases/bulk/preview", "action", "migrate", "all", "yes", "query", "sequence=consumer-standard&status=open", "sequence", "consumer-standard", "version", second, "reason", "one more email")
	if preview.StatusCode != 200 || !strings.Contains(preview.body, "No step is repeated") || !strings.Contains(preview.body, "The one case looked at") || !strings.Contains(preview.body, `data-type="1"`) {
		t.Fatalf("the preview: %d %s", preview.StatusCode, preview.body)
	}

	key := ops.key(identity.View, identity.Operate, identity.Migrate, identity.Config)
	var trial struct {
		Sum dunning.MigrationSum `json:"sum"`
	}
	body, _ := json.Marshal(map[string]any{"sequence": "consumer-standard", "reason": "one more email", "cases": []string{d.ref.Case}})
	d.call(key, "POST", "/migrations/try", string(body)).into(t, &trial)
	if trial.Sum.Cases != 1 || trial.Sum.Moves != 1 {
		t.Errorf("tried by the API: %+v", trial.Sum)
	}
	if res := d.call(key, "POST", "/exports/migrations", string(body)); res.StatusCode != http.StatusForbidden {
		t.Errorf("a file without the permission to take files: %d", res.StatusCode)
	}
	file := d.call(ops.key(identity.Migrate, identity.Operate, identity.Export), "POST", "/exports/migrations", string(body))
	if file.StatusCode != 200 || !strings.HasPrefix(file.Header.Get("Content-Type"), "text/csv") || !strings.Contains(file.body, "\n"+d.ref.Case+",") || !strings.Contains(file.body, ","+second+",moves,") {
		t.Errorf("tried by the API, as a file: %d %s", file.StatusCode, file.body)
	}
	var versions struct{ Versions []string }
	d.call(key, "GET", "/sequences/consumer-standard/versions", "").into(t, &versions)
	if len(versions.Versions) != 2 || versions.Versions[0] != second {
		t.Errorf("versions by the API: %v", versions.Versions)
	}
	bulk := struct{ Said, Batch string }{}
	order := fmt.Sprintf(`{"action":"migrate","migrate":{"sequence":"consumer-standard","reason":"one more email"},"count":1,"cases":[%q]}`, d.ref.Case)
	d.call(key, "POST", "/bulk", order, "Idempotency-Key", uuid.NewString()).into(t, &bulk)
	var got read.Bulk
	d.call(key, "GET", "/bulk/"+bulk.Batch, "").into(t, &got)
	if got.Counts["done"] != 1 || got.Params["version"] != second {
		t.Errorf("ordered by the API: %+v", got)
	}
	if ref, err := d.store.CaseRef(t.Context(), d.ref.Case); err != nil || ref.TargetVersion != second {
		t.Errorf("the case is to follow %q, %v", ref.TargetVersion, err)
	}
}

// TestMigrationPreviewOfMany: the page looks at so many cases, spread over all of them, and says so.
func TestMigrationPreviewOfMany(t *testing.T) {
	d := newDesk(t)
	for i := range 200 {
		d.debtor(fmt.Sprint("M-", i), "120.00", date(2).AddDays(-40))
	}
	_, err := d.starter().Run(t.Context(), StartOptions{})
	d.must(err)
	second := d.versionOfConsumers("  - id: nudge\n", inserted)
	page := d.somebody(identity.Operations).post("/cases/bulk/preview", "action", "migrate", "all", "yes", "query", "sequence=consumer-standard&status=open",
		"sequence", "consumer-standard", "version", second, "reason", "one more email")
	if page.StatusCode != 200 || !strings.Contains(page.body, "<b>200 of 201 cases</b> looked at, spread over all of them") {
		t.Errorf("the preview: %d %s", page.StatusCode, page.body)
	}
}
