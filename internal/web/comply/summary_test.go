package comply

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/evidence"
	"github.com/duly/duly/internal/recheck"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// many is a dossier with n decisions and messages, of a customer with a name.
func many(n int, name string) (dossier, []factLine) {
	x := dossier{Made: noon, By: "Cora Compliance", Names: map[string]string{"1": "Cem Collector"}, Citation: func(rule string) string {
		return map[string]string{"HOUSE-CAP": "house policy, section 3"}[rule]
	}}
	x.Case.Case, x.Case.Creditor, x.Case.Name, x.Case.AccountKey, x.Case.Account = "33333333-3333-4333-8333-333333333333", "stadtwerke", name, "K-4711", "a"
	x.Case.Standing.Zones, x.Case.CaseRow.Version, x.Case.Version = []string{"Europe/Berlin"}, "v1", 2
	x.Case.Items = []dunning.ItemState{{Item: dunning.Item{Key: "A", Number: "INV-1", Due: dunning.Date{Year: 2026, Month: 1, Day: 5}, Amount: money.MustParse("1120.50", "EUR")}, Open: 110050, Disposition: dunning.InSequence}}
	var facts []factLine
	add := func(at time.Time, by string, b dunning.Body) {
		facts = append(facts, factLine{Version: int64(len(facts) + 1), At: at, Kind: b.Kind(), Case: x.Case.Case, Account: "a", By: by, Body: b})
	}
	add(noon, "import", dunning.Item{Key: "A", Number: "INV-1", Due: dunning.Date{Year: 2026, Month: 1, Day: 5}, Amount: money.MustParse("1120.50", "EUR")})
	for i := range n {
		at := noon.Add(time.Duration(i) * time.Hour)
		d := decided{StoredDecision: dunning.StoredDecision{ID: fmt.Sprint("d", i), Case: x.Case.Case, Decision: dunning.Decision{
			Verb: dunning.VerbSend, At: at, Step: "friendly-email", Rule: "HOUSE-CAP", Reason: "too_often", Deferred: i%3 > 0, NotBefore: at.Add(time.Hour),
		}}}
		d.Reasoning = []recheck.Reasoning{{Checked: dunning.Checked{Rules: []contact.RuleTrace{{Rule: "HOUSE-CAP", Code: "too_often"}}}, Text: "An email to " + name + " was asked for.\nHOUSE-CAP counted 3 of 3 in 7 days: no."}}
		x.Decisions = append(x.Decisions, d)
		if i%10 == 0 {
			x.Messages = append(x.Messages, Copy{Contact: fmt.Sprint("c", i), State: "accepted", SHA256: strings.Repeat("ab", 32), Message: &dunning.Message{
				To: "ada@example.invalid", ToName: name, Subject: "Your invoice INV-1", Text: "Dear " + name + ",\n\n  please pay 120.50 EUR.\n\nStadtwerke",
			}})
		}
	}
	x.Messages = append(x.Messages, Copy{Contact: "lost", State: "failed", Missing: "No copy was kept: it never left."})
	add(noon, "user:1", dunning.HoldPlaced{ID: "h1", HoldKind: dunning.HoldBreathingSpace, Scope: dunning.ScopeDebtor, Contact: true})
	facts = append(facts, factLine{Version: 1, At: noon, Account: "another", Body: dunning.Payment{ID: "foreign", Amount: money.MustParse("77.00", "EUR")}})
	add(noon.Add(time.Hour), "user:1", dunning.Payment{ID: "p1", Amount: money.MustParse("20.00", "EUR")})
	return x, facts
}

// The summary says who, what, when and why, on the page and on paper alike, and names the
// digest of every file that it was made from.
func TestSummary(t *testing.T) {
	x, facts := many(12, "Łukasz Ødegård")
	files, err := filesOf(x, facts)
	if err != nil {
		t.Fatal(err)
	}
	page, pdf := "", []byte(nil)
	for _, f := range files {
		switch f.Path {
		case "summary.html":
			page = string(f.Data)
		case "summary.pdf":
			pdf = f.Data
		}
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Fatal("there is no summary.pdf")
	}
	report := reportOf(x, facts, files[:len(files)-2])
	for _, b := range report.Body { // both are made of these
		for _, line := range strings.Split(b.Name+"\n"+b.Text+"\n"+b.More, "\n") {
			if !strings.Contains(page, escaped(line)) {
				t.Errorf("the page lacks %q", line)
			}
		}
	}
	for _, want := range []string{
		"Łukasz Ødegård", "stadtwerke", "K-4711", "Cora Compliance", "Paid 20.00 EUR", "By Cem Collector, fact of version 4", "HOUSE-CAP counted 3 of 3",
		"HOUSE-CAP (house policy, section 3)", "Send “friendly email” is held: too often", "Reason: too often", "please pay 120.50 EUR", "No copy was kept",
		"facts.json", "messages/0001.json", strings.Repeat("ab", 32), "Invoice INV-1 of 1,120.50 EUR", "open 1,100.50 EUR; in sequence", "stop", "Held: breathing space",
		"2 Mar 2026 14:00:00", "2026-03-02 13:00:00 UTC", "version 2 of the customer", "Not before: 2 Mar 2026 15:00:00 CET (2026-03-02 14:00:00 UTC)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the summary does not say %q", want)
		}
	}
	for _, bad := range []string{`{"`, `&#34;`, "77.00", "breathing_space", "in_sequence", "too_often"} { // JSON, another account's payment, codes
		if strings.Contains(page, bad) {
			t.Errorf("the summary says %q: …%.120s", bad, page[max(strings.Index(page, bad)-60, 0):])
		}
	}
	again, err := filesOf(x, facts)
	if err != nil || !bytes.Equal(again[len(again)-1].Data, pdf) {
		t.Errorf("the same case gives another PDF, %v", err)
	}
	x.Decisions[3].Decision.Reason = "other"
	if other, err := filesOf(x, facts); err != nil || bytes.Equal(other[len(other)-1].Data, pdf) {
		t.Errorf("another reason gives the same PDF, %v", err)
	}
}

// escaped is text as the page has it.
func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;").Replace(s)
}

// A case of years and a name that means harm are set, packed and verified, and what is
// changed in the paper is found.
func TestHugeAndHostileCase(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
	}{
		{"Ada Example", 5000},
		{"<script>alert(1)</script>\u202e\x00 محمد 山田太郎 " + strings.Repeat("W", 5000), 3},
	} {
		x, facts := many(c.n, c.name)
		files, err := filesOf(x, facts)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		digest, err := evidence.Pack(&b, evidence.Manifest{Case: x.Case.Case, Made: noon, By: "user:1"}, files)
		if err != nil {
			t.Fatal(err)
		}
		m, sum, err := evidence.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil || sum != digest {
			t.Fatal(err)
		}
		for i, f := range files {
			if f.Path == "summary.html" && bytes.Contains(f.Data, []byte("<script>")) {
				t.Error("a name runs")
			}
			if f.Path == "summary.pdf" {
				t.Logf("%d decisions: %d kB of PDF, %d kB packed", c.n, len(f.Data)>>10, b.Len()>>10)
				files[i].Data = append(bytes.Clone(f.Data), '\n')
			}
		}
		var changed bytes.Buffer // with the old manifest
		raw, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Pack(&changed, evidence.Manifest{Case: x.Case.Case, Made: noon, By: "user:1"}, files); err != nil {
			t.Fatal(err)
		}
		swapped := withManifest(t, changed.Bytes(), raw)
		if _, _, err := evidence.Verify(bytes.NewReader(swapped), int64(len(swapped))); err == nil || !strings.Contains(err.Error(), "summary.pdf was changed") {
			t.Errorf("a changed PDF: %v", err)
		}
	}
}

// withManifest is a pack with another manifest.
func withManifest(t *testing.T, pack, manifest []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if f.Name == "manifest.json" {
			data = manifest
		}
		file, bad := w.Create(f.Name)
		if err != nil || bad != nil {
			t.Fatal(err, bad)
		}
		if _, err := file.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
