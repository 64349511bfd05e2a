package browsertest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/duly/duly/internal/identity"
)

// page is one page that is looked at: by whom, and where.
type page struct {
	name string
	role identity.Role
	path string
}

// pages of collectors and operations, with their forms open.
func (s *site) pages() []page {
	one := "/cases/" + s.cases["101"]
	return append(s.operating(), []page{
		{"day", identity.Collector, "/day"},
		{"case", identity.Collector, one},
		{"case-taken", identity.Collector, "/cases/" + s.cases["104"]},
		{"case-disputed", identity.Supervisor, "/cases/" + s.cases["103"]},
		{"case-promise", identity.Collector, "/cases/" + s.cases["105"]},
		{"case-plan", identity.Collector, "/cases/" + s.cases["109"]},
		{"case-held", identity.Collector, "/cases/" + s.cases["110"]},
		{"case-closed", identity.Collector, "/cases/" + s.cases["106"]},
		{"form-call", identity.Collector, one + "?open=call"},
		{"form-message", identity.Collector, one + "?open=message"},
		{"form-promise", identity.Collector, one + "?open=promise"},
		{"form-plan", identity.Collector, one + "?open=plan"},
		{"form-dispute", identity.Collector, one + "?open=dispute"},
		{"form-hold", identity.Collector, one + "?open=hold"},
		{"form-note", identity.Collector, one + "?open=note"},
		{"form-take", identity.Collector, one + "?open=take"},
		{"form-take-mine", identity.Collector, "/cases/" + s.cases["104"] + "?open=take"},
		{"form-callback", identity.Collector, one + "?open=callback"},
		{"form-settlement", identity.Collector, one + "?open=settlement"},
		{"case-pinned", identity.Collector, "/cases/" + s.cases["102"]},
		{"numbers", identity.Collector, "/numbers"},
		{"health", identity.Operations, "/health"},
		{"case-temporal", identity.Operations, one + "/temporal"},
		{"cases", identity.Operations, "/cases"},
		{"cases-waiting", identity.Operations, "/cases?waits=task&sort=amount&currency=USD"},
		{"messages", identity.Operations, "/messages"},
		{"message", identity.Operations, "/messages/one?id=" + s.message()},
		{"reports", identity.Operations, "/reports"},
		{"report-run", identity.Operations, "/reports/run?creditor=demo"},
		{"report-promises", identity.Operations, "/reports/promises"},
		{"report-steps", identity.Operations, "/reports/steps"},
		{"report-recovery", identity.Operations, "/reports/recovery"},
		{"switches", identity.Operations, "/switches"},
		{"review", identity.Compliance, "/review"},
		{"proposals", identity.Compliance, "/proposals"},
		{"proposal", identity.Compliance, "/proposals/" + s.proposed()},
		{"propose", identity.Operations, "/propose?from=" + s.proposed()},
		{"releases", identity.Operations, "/releases"},
		{"release", identity.Operations, "/releases/" + s.release()},
		{"sequences", identity.Operations, "/sequences"},
		{"sequence", identity.Operations, "/sequences/consumer-standard"},
		{"migrate", identity.Operations, "/sequences/consumer-standard/migrate"},
		{"templates", identity.Operations, "/templates"},
		{"template", identity.Operations, "/templates/one?channel=sms&name=nudge"},
		{"template-real", identity.Operations, "/templates/one?channel=email&name=friendly-reminder&case=" + s.cases["101"]},
		{"simulator", identity.Operations, "/simulator"},
		{"simulator-case", identity.Operations, "/simulator?case=" + s.cases["101"] + "&until=2026-07-01&do1=promises&on1=2026-03-20&to1=2026-03-27&sum1=100.00"},
		{"simulator-invented", identity.Operations, "/simulator?creditor=demo&amount=640.00&due=2026-03-02&place=US-NY&consent=sms&from=2026-02-20&until=2026-07-01&do1=stop&on1=2026-03-20&against=in-force"},
		{"simulator-many", identity.Operations, "/simulator?who=cohort&run=1&c.status=open&from=2026-03-03&until=2026-09-01"},
		{"imports", identity.Operations, "/imports"},
		{"inbox", identity.Operations, "/inbox"},
	}...)
}

// settled waits until previews and lights have come.
func (p *tab) settled() {
	p.t.Helper()
	p.until("previews", func() bool {
		return p.text(`[...document.querySelectorAll("details[open] form[hx-trigger*=load]")].every(f => f.querySelector(".trial")?.textContent.trim())`) == "true"
	})
}

// axe runs axe-core for WCAG 2.2 AA; it returns what is serious or critical.
func (p *tab) axe(source, scheme string) []string {
	p.t.Helper()
	if p.text("typeof axe") != "object" {
		p.must(p.eval(source+";0", nil))
	}
	rules := `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`
	if scheme == "dark" { // only colours differ
		rules = `{type: "rule", values: ["color-contrast"]}`
	}
	var text string
	p.must(p.eval(`axe.run(document, {runOnly: `+rules+`, resultTypes: ["violations"]})
		.then(r => JSON.stringify(r.violations.filter(v => v.impact === "serious" || v.impact === "critical")
		.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " · " + (n.any[0]?.message || ""))}))))`, &text))
	var found []struct {
		ID, Help string
		Nodes    []string
	}
	p.must(json.Unmarshal([]byte(text), &found))
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("axe %s: %s: %s", f.ID, f.Help, strings.Join(f.Nodes, " | ")))
	}
	return out
}

// message is the id of the first message to debtor 101, for a URL: the same in every run.
func (s *site) message() string {
	id := s.one("SELECT c.id FROM contacts c JOIN debtors d ON d.id = c.debtor_id WHERE d.key = '101' ORDER BY c.reserved_at, c.step LIMIT 1")
	return strings.ReplaceAll(id, "/", "%2F")
}

// release is the version of the release in force.
func (s *site) release() string {
	return s.one("SELECT version FROM releases ORDER BY seq DESC LIMIT 1")
}

func (s *site) one(sql string) (text string) {
	s.t.Helper()
	s.must(s.store.Pool().QueryRow(s.t.Context(), sql).Scan(&text))
	return text
}
