package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// TestAPIOfOperations goes the ways of operations by the API: the same as in the console.
func TestAPIOfOperations(t *testing.T) {
	d := newDesk(t)
	b := &bench{site: d.site}
	key := d.key(identity.AllCreditors, everyScope()...)
	event := b.payment("bank-1", "nobody", "", "120.00")

	var detail read.InboxDetail
	d.call(key, "GET", fmt.Sprintf("/inbox/%d", event), "").into(t, &detail)
	if detail.Payment == nil || len(detail.Suggested) != 1 || detail.Suggested[0].Account != d.acc.id {
		t.Fatalf("the event is %+v, suggested %+v", detail.Payment, detail.Suggested)
	}
	var a read.Assignment
	order := fmt.Sprintf(`{"account":%q}`, d.acc.id)
	d.call(key, "POST", fmt.Sprintf("/inbox/%d/assign", event), order, "Idempotency-Key", uuid.NewString()).into(t, &a)
	if a.State != "done" || a.Kind != "payment" {
		t.Fatalf("assigned: %+v", a)
	}
	if res := d.call(key, "POST", fmt.Sprintf("/inbox/%d/assign", event), order, "Idempotency-Key", uuid.NewString()); res.StatusCode != http.StatusConflict {
		t.Errorf("assigned twice: %d %s", res.StatusCode, res.body)
	}
	d.call(key, "POST", "/assignments/"+a.ID+"/undo", `{"reason":"a mistake"}`, "Idempotency-Key", uuid.NewString()).into(t, &a)
	if a.State != "undone" {
		t.Errorf("taken back: %+v", a)
	}

	bulk := struct{ Said, Batch string }{}
	d.call(key, "POST", "/bulk", fmt.Sprintf(`{"action":"hold","until":"2026-03-20","count":1,"cases":[%q]}`, d.ref.Case), "Idempotency-Key", uuid.NewString()).into(t, &bulk)
	var got read.Bulk
	d.call(key, "GET", "/bulk/"+bulk.Batch, "").into(t, &got)
	if got.Counts["done"] != 1 || !got.CanUndo() {
		t.Fatalf("the bulk action is %+v (%s)", got, bulk.Said)
	}
	link := fmt.Sprintf(`<a href="/cases/%s">%s</a>`, d.ref.Case, d.acc.key)
	if page := d.open(d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations}), "GET", "/bulk/"+bulk.Batch); !strings.Contains(page.body, link) {
		t.Errorf("the page of the order (status %d) does not list the case by its account's number: no %s", page.StatusCode, link)
	}
	if res := d.call(key, "GET", "/bulk/"+bulk.Batch+"/cases", ""); !strings.Contains(res.body, fmt.Sprintf(`"account_key":%q`, d.acc.key)) {
		t.Errorf("its cases by the API: %d %s", res.StatusCode, res.body)
	}
	if res := d.call(key, "POST", "/bulk/"+bulk.Batch+"/undo", "", "Idempotency-Key", uuid.NewString()); res.StatusCode != 200 || !strings.Contains(res.body, "1 case is as before") {
		t.Errorf("undone: %d %s", res.StatusCode, res.body)
	}

	var u read.Upload
	d.call(key, "POST", "/uploads?creditor=demo&mapping=items&name=a.csv", itemsFile, "Content-Type", "text/csv", "Idempotency-Key", uuid.NewString()).into(t, &u)
	if u.State != "checked" || !u.HasRejects {
		t.Fatalf("uploaded: %+v", u)
	}
	if res := d.call(key, "GET", "/uploads/"+u.ID+"/rejects", ""); !strings.Contains(res.body, "Carl Case") {
		t.Errorf("rejected rows: %d %s", res.StatusCode, res.body)
	}
	d.call(key, "POST", "/uploads/"+u.ID+"/store", "", "Idempotency-Key", uuid.NewString()).into(t, &u)
	if u.State != "stored" {
		t.Errorf("taken in: %+v", u)
	}
	if res := d.call(key, "GET", "/health/system", ""); res.StatusCode != 200 || !strings.Contains(res.body, `"database"`) {
		t.Errorf("the system's state: %d %s", res.StatusCode, res.body)
	}
	other := d.key("demo-de", everyScope()...)
	for _, path := range []string{fmt.Sprintf("/inbox/%d", event), "/bulk/" + bulk.Batch, "/uploads/" + u.ID, "/uploads/" + u.ID + "/rejects"} {
		if res := d.call(other, "GET", path, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s for another creditor: %d", path, res.StatusCode)
		}
	}
}
