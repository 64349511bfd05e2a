package api

import (
	"net/http"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// reports are the reports of operations. Each waits until it is counted; one that takes long
// is kept for a while, and at says when it was counted.
func (h handlers) reports() []Operation {
	creditor := Param{Name: "creditor", Type: "string", Description: "id; days are then those of its zone, else of UTC"}
	span := []Param{
		creditor,
		{Name: "from", Type: "date", Description: "first day"},
		{Name: "until", Type: "date", Description: "last day, included"},
	}
	ops := []Operation{
		{Path: read.ReportAgeing, ID: "getAgeing", Summary: "What is owed by age, with items, customers and cases", Query: []Param{creditor, {Name: "at", Type: "date", Description: "as of the end of this day; default: now. An earlier day folds the log of every customer, of at most 20,000"}}, Result: read.AgeingReport{}},
		{Path: read.ReportRun, ID: "getRun", Summary: "What was decided, sent, put off, refused, opened and closed on each day; at most 31 days", Query: span, Result: read.RunReport{}},
		{Path: read.ReportPromises, ID: "getPromises", Summary: "Promises and plans kept, and right-party contacts, by month; at most 400 days", Query: span, Result: read.PromiseReport{}},
		{Path: read.ReportSteps, ID: "getSteps", Summary: "How often the steps of sequences were followed by a payment; at most 92 days", Query: span, Result: read.StepReport{}},
		{Path: read.ReportRecovery, ID: "getRecovery", Summary: "How soon cases end with their debt paid, and what was paid, by month; at most 400 days", Query: span, Result: read.RecoveryReport{}},
	}
	for i := range ops {
		o := &ops[i]
		o.Handle, o.Path = h.report(o.Path), "/reports/"+o.Path
		o.Method, o.Tag, o.Need = http.MethodGet, "reports", identity.Monitor
	}
	return ops
}

func (h handlers) report(name string) func(*Call) (any, error) {
	return func(c *Call) (any, error) {
		q := c.R.URL.Query()
		ask := read.ReportAsk{Report: name, Creditor: q.Get("creditor"), From: q.Get("from"), Until: q.Get("until"), At: q.Get("at")}
		return h.Operator.Report(c.R.Context(), c.Scope(), ask)
	}
}
