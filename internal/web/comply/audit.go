package comply

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type auditPage struct {
	Rows  []auditRow
	Next  string
	Users []person
}

// auditRow is a row of the audit log for people.
type auditRow struct {
	read.AuditRow
	Who, Request, Said string
	Mark               string
}

// person is a user for a filter.
type person struct{ By, Name string }

// audit lists what people and programs did and looked at. Looking at it is in it too.
func (d *compliance) audit(r *web.Request) error {
	ctx, f := r.R.Context(), auditFilter(r)
	if r.WantsCSV() {
		return r.CSV("audit", auditHeader, mapped(read.All(func(p read.Page) (read.List[read.AuditRow], error) {
			return d.Read.AuditLog(ctx, r.Scope(identity.Audit), f, p)
		}), auditCells))
	}
	names, err := d.Names(ctx)
	if err != nil {
		return err
	}
	list, err := d.Read.AuditLog(ctx, r.Scope(identity.Audit), f, read.Page{After: r.Value("after")})
	if err != nil {
		return badCursor(err)
	}
	p := auditPage{Next: list.Next}
	for _, row := range list.Rows {
		p.Rows = append(p.Rows, auditRow{row, byName(names, row.By), row.Detail["request"], said(row.Detail), auditMark(row.Action)})
	}
	p.Users = people(names)
	return r.Page("audit.html", p)
}

// people are users for a choice, by name.
func people(names map[string]string) (out []person) {
	for _, id := range slices.SortedFunc(maps.Keys(names), func(a, b string) int { return strings.Compare(names[a]+a, names[b]+b) }) {
		out = append(out, person{"user:" + id, names[id]})
	}
	return out
}

func auditFilter(r *web.Request) read.AuditFilter {
	q := r.R.URL.Query()
	f := read.AuditFilter{By: q.Get("by"), Action: strings.TrimSpace(q.Get("action")), Subject: strings.TrimSpace(q.Get("subject"))}
	f.From, f.Until = span(q)
	return f
}

// auditMark tells refusals, looks and changes apart.
func auditMark(action string) string {
	switch {
	case action == "refused":
		return "bad"
	case strings.HasPrefix(action, "view"), action == "search":
		return "quiet"
	case strings.HasPrefix(action, "export"):
		return "warn"
	}
	return "info"
}

// said is a row's detail in one line, without the request's id.
func said(detail map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(detail)) {
		if k != "request" && detail[k] != "" {
			parts = append(parts, k+": "+detail[k])
		}
	}
	return strings.Join(parts, " · ")
}

var auditHeader = []string{"id", "at", "recorded", "by", "action", "subject", "request", "detail"}

func auditCells(a read.AuditRow) []string {
	return []string{strconv.FormatInt(a.ID, 10), stamp(a.At), stamp(a.Recorded), a.By, a.Action, a.Subject, a.Detail["request"], said(a.Detail)}
}
