package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
)

// contactMapping reads columns that are called like their fields.
func contactMapping(kind mapping.Kind) mapping.Mapping {
	m := mapping.Mapping{
		Mapping: "m", Kind: kind, CreditorZone: "America/New_York", Optional: []mapping.Field{"*"}, Ignore: []string{"*"},
		File: mapping.File{Dates: []string{"YYYY-MM-DD", "YYYY-MM-DD HH:MM"}},
	}
	fields := map[mapping.Kind][]mapping.Field{
		mapping.Contacts: {
			"account", "channel", "value", "line", "source", "owner", "shared", "employer", "public_domain", "obtained",
			"debt_kind", "role", "default_on", "charged_off", "time_barred", "servicing", "class",
		},
		mapping.History: {"account", "at", "direction", "channel", "outcome", "value", "person", "purpose", "seconds", "collector", "basis", "reference"},
		mapping.Consents: {
			"account", "at", "record", "channel", "value", "person", "purpose", "about", "medium", "words", "basis", "scope",
			"direct", "until", "days", "from", "to", "zone", "place", "stage", "notice", "answer", "database", "reference",
		},
	}
	for _, f := range fields[kind] {
		m.Columns = m.Columns.With(f, string(f))
	}
	return m
}

// rowsOf reads a table of one header and rows.
func rowsOf(t *testing.T, kind mapping.Kind, header string, lines ...string) []Row {
	t.Helper()
	text := header + "\n" + strings.Join(lines, "\n") + "\n"
	var out []Row
	for row, err := range Rows(strings.NewReader(text), contactMapping(kind), Options{Creditor: Creditor{ID: "acme", Currency: "USD"}}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// Every kind of statement becomes its fact, received when the row says.
func TestStatements(t *testing.T) {
	const header = "account,at,record,channel,value,person,purpose,about,medium,words,basis,scope,direct,until,days,from,to,zone,place,stage,notice,answer,database,reference"
	cell := func(pairs ...string) string {
		cells := strings.Split(header, ",")
		row := make([]string, len(cells))
		pairs = append([]string{"account", "C1", "at", "2026-03-02 09:30"}, pairs...)
		for i := 0; i < len(pairs); i += 2 {
			for j, name := range cells {
				if name == pairs[i] {
					row[j] = pairs[i+1]
				}
			}
		}
		return strings.Join(row, ",")
	}
	for _, c := range []struct {
		about, row, want string // want: kinds, or what the problem says
	}{
		{"consent to electronic letters", cell("record", "consent", "basis", "written", "scope", "esign", "direct", "yes", "medium", "portal"), "consented"},
		{"a consent needs its basis", cell("record", "consent"), "basis"},
		{"a consent that ends names a consent", cell("record", "revocation", "reference", "c1"), "consent_revoked"},
		{"a revocation without a reference ends nothing", cell("record", "revocation"), "reference"},
		{"a refusal of one number", cell("record", "opt_out", "channel", "sms", "value", "+12125550100", "medium", "sms", "scope", "keyword"), "opted_out"},
		{"a refusal of everything", cell("record", "opt_out", "channel", "all", "medium", "letter"), "opted_out"},
		{"a refusal of a channel that does not exist", cell("record", "opt_out", "channel", "pigeon"), "channel"},
		{"a refusal of a number that is none", cell("record", "opt_out", "channel", "sms", "value", "12"), "value"},
		{"an opt-in", cell("record", "opt_in", "channel", "email"), "opted_in"},
		{"inconvenient times", cell("record", "inconvenient_time", "days", "Mon Tue", "from", "09:00", "to", "12:00"), "times_inconvenient"},
		{"times on a day that no week has", cell("record", "inconvenient_time", "days", "Sol", "from", "09:00", "to", "12:00"), "days"},
		{"times that no clock shows", cell("record", "inconvenient_time", "from", "25:00", "to", "12:00"), "from"},
		{"times in a zone that nobody knows", cell("record", "inconvenient_time", "from", "09:00", "to", "12:00", "zone", "EST5"), "zone"},
		{"times without an end", cell("record", "inconvenient_time", "from", "09:00"), "from"},
		{"an inconvenient place", cell("record", "inconvenient_place", "place", "home"), "wish_stated"},
		{"no calls at work", cell("record", "no_work_calls", "medium", "letter"), "wish_stated"},
		{"a letter to cease", cell("record", "cease_communication", "medium", "letter", "about", "account"), "notice_received"},
		{"a dispute in writing", cell("record", "dispute", "medium", "letter"), "dispute_raised"},
		{"a notice that was sent", cell("record", "notice", "notice", "validation_notice", "channel", "letter", "until", "2026-04-10"), "notice_sent"},
		{"a notice of no kind", cell("record", "notice"), "notice"},
		{"a number check", cell("record", "number_check", "channel", "sms", "value", "+12125550100", "database", "rnd", "answer", "same"), "number_checked"},
		{"a number check of no number", cell("record", "number_check", "channel", "sms", "database", "rnd", "answer", "same"), "value"},
		{"a number check without an answer", cell("record", "number_check", "channel", "sms", "value", "+12125550100", "database", "rnd"), "answer"},
		{"an attorney stops contact", cell("record", "attorney", "medium", "letter"), "status_known hold_placed"},
		{"a bankruptcy that was dismissed ends its hold", cell("record", "bankruptcy", "stage", "dismissed"), "status_known hold_lifted"},
		{"a stage that the status does not have", cell("record", "deceased", "stage", "dismissed"), "stage"},
		{"service in the forces stops nothing", cell("record", "servicemember"), "status_known"},
		{"a record that nobody knows", cell("record", "mood"), "record"},
		{"a medium that nobody knows", cell("record", "opt_out", "channel", "sms", "medium", "pigeon"), "medium"},
		{"a row without an instant", strings.Replace(cell("record", "deceased"), "2026-03-02 09:30", "", 1), "at"},
	} {
		t.Run(c.about, func(t *testing.T) {
			row := rowsOf(t, mapping.Consents, header, c.row)[0]
			if len(row.Problems) > 0 {
				if row.Problems[0].Field != c.want {
					t.Errorf("problem %v, want one of %s", row.Problems, c.want)
				}
				return
			}
			var kinds []string
			for _, s := range row.Record.Said {
				kinds = append(kinds, string(s.Body.Kind()))
				if want := time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC); !s.At.Equal(want) {
					t.Errorf("received at %s, want %s", s.At, want)
				}
				if s.Source == "" {
					t.Error("a fact without a source would be added again")
				}
			}
			if strings.Join(kinds, " ") != c.want {
				t.Errorf("facts %v, want %s", kinds, c.want)
			}
		})
	}
}

// A request to cease of which nobody wrote down how it came is one in writing;
// one by telephone is not.
func TestCeaseWithoutAMediumIsWritten(t *testing.T) {
	rows := rowsOf(t, mapping.Consents, "account,at,record,medium",
		"C1,2026-03-02,cease_communication,", "C1,2026-03-02,cease_communication,call", "C1,2026-03-02,refuses_to_pay,")
	for i, want := range []bool{true, false, true} {
		if n, ok := rows[i].Record.Said[0].Body.(dunning.NoticeReceived); !ok || n.Written != want {
			t.Errorf("row %d: %+v, want written %v", i+2, n, want)
		}
	}
}

// A refusal that names no channel is the widest; a topic or marketing narrows it.
func TestRefusalsWithoutAChannelAreWide(t *testing.T) {
	rows := rowsOf(t, mapping.Consents, "account,at,record,channel,scope,purpose",
		"C1,2026-03-02,opt_out,,,", "C1,2026-03-02,opt_out,sms,,", "C1,2026-03-02,opt_out,,marketing,", "C1,2026-03-02,opt_out,,,payment_reminder")
	for i, want := range []bool{true, false, false, false} {
		if o, ok := rows[i].Record.Said[0].Body.(dunning.OptedOut); !ok || o.Everything != want {
			t.Errorf("row %d: %+v, want everything %v", i+2, o, want)
		}
	}
}

// A refusal dated today, without a time, holds from the import on and not from
// noon; a permission is not brought forward.
func TestRefusalsOfTodayHoldAtOnce(t *testing.T) {
	now, noon := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)
	rec := Record{Said: []Said{
		{At: noon, Source: "1", Debtor: true, Body: dunning.OptedOut{ID: "1", Everything: true}},
		{At: noon, Source: "2", Debtor: true, Body: dunning.StatusKnown{ID: "2", Status: dunning.StatusBankruptcy}},
		{At: noon, Source: "3", Debtor: true, Body: dunning.Consented{ID: "3", Basis: "express"}},
		{At: noon, Source: "4", Debtor: true, Body: dunning.WishStated{ID: "4", Wish: dunning.WishCallback}},
		{At: now.AddDate(0, 0, -1), Source: "5", Debtor: true, Body: dunning.OptedOut{ID: "5", Everything: true}},
	}}
	s := &stager{at: now}
	for i, want := range []time.Time{now, now, noon, noon, now.AddDate(0, 0, -1)} {
		if got := s.saidFacts(rec)[i].At; !got.Equal(want) {
			t.Errorf("fact %d holds from %s, want %s", i+1, got, want)
		}
	}
}

// Numbers, addresses and debts with what is known of them.
func TestContactRows(t *testing.T) {
	const header = "account,channel,value,line,source,owner,shared,employer,debt_kind,time_barred,default_on"
	rows := rowsOf(t, mapping.Contacts, header,
		"C1,call,+1 212 555 0100,work,skip_trace,spouse,yes,no,,,",
		"C1,,,,,,,,medical,yes,2026-01-05",
		"C1,,+12125550100,,,,,,,,",
		"C1,,,,,,,,,,",
		"C1,call,+12125550100,drum,,,,,,,",
		"C1,call,+12125550100,,,,maybe,,,,")
	p, ok := rows[0].Record.Said[0].Body.(dunning.PointKnown)
	if !ok || p.ID != PointID("acme", "C1", "call", "+12125550100") || p.PointKind != "work" || p.Owner != "spouse" || !p.Shared || p.Source != "skip_trace" {
		t.Errorf("point %+v", p)
	}
	d, ok := rows[1].Record.Said[0].Body.(dunning.DebtKnown)
	if !ok || d.DebtKind != "medical" || !d.TimeBarred || d.Default != (dunning.Date{Year: 2026, Month: 1, Day: 5}) {
		t.Errorf("debt %+v", d)
	}
	for i, field := range []string{"channel", "account", "line", "shared"} {
		if got := rows[i+2].Problems; len(got) == 0 || got[0].Field != field {
			t.Errorf("row %d: problems %v, want one of %s", i+4, got, field)
		}
	}
}

// A history counts once however it is exported; two calls alike are told apart by their
// references.
func TestHistoryRows(t *testing.T) {
	const header = "account,at,direction,channel,outcome,value,person,seconds,reference"
	rows := rowsOf(t, mapping.History, header,
		"C1,2026-03-02 09:30,outbound,call,no_answer,+12125550100,,12,a",
		"C1,2026-03-02 09:30,outbound,call,no_answer,+12125550100,,12,b",
		"C1,2026-03-02 09:30,outbound,call,no_answer,+12125550100,,12,",
		"C1,2026-03-02 09:30,outbound,call,no_answer,+12125550100,,12,",
		"C1,2026-03-02,outbound,call,talked,,,,",
		"C1,2026-03-02,sideways,call,no_answer,,,,",
		"C1,2026-03-02,outbound,call,no_answer,,friend,,",
		"C1,2026-03-02,outbound,call,no_answer,,,-3,")
	id := func(i int) string { return rows[i].Record.Said[0].Body.(dunning.ContactLogged).ID }
	if id(0) == id(1) || id(2) != id(3) || id(0) == id(2) {
		t.Errorf("ids %s, %s, %s, %s", id(0), id(1), id(2), id(3))
	}
	l := rows[0].Record.Said[0].Body.(dunning.ContactLogged)
	if l.Point != PointID("acme", "C1", "call", "+12125550100") || l.Seconds != 12 || l.Creditor != "acme" || l.Direction != "outbound" {
		t.Errorf("contact %+v", l)
	}
	for i, field := range []string{"outcome", "direction", "person", "seconds"} {
		if got := rows[i+4].Problems; len(got) == 0 || got[0].Field != field {
			t.Errorf("row %d: problems %v, want one of %s", i+6, got, field)
		}
	}
}

// The same file of contact data a day later changes nothing; a row of an unknown account
// is refused.
func TestContactDataIsIdempotent(t *testing.T) {
	var sink Memory
	run := func(kind mapping.Kind, text string, at time.Time) Summary {
		t.Helper()
		path := filepath.Join(t.TempDir(), "f.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m := contactMapping(kind)
		if kind == mapping.Items {
			m = mapping.Mapping{
				Mapping: "i", Kind: mapping.Items, CreditorZone: "UTC",
				Columns: mapping.Fields{Account: "account", Item: "no", Issued: "issued", Due: "due", Amount: "amount", Currency: "cur"},
			}
		}
		s, err := Run(t.Context(), Job{File: path, Mapping: m, Sink: &sink, At: at, Options: Options{Creditor: Creditor{ID: "acme", Currency: "USD"}}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	at := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	run(mapping.Items, "account,no,issued,due,amount,cur\nC1,R1,2026-01-01,2026-02-01,5,USD\n", at)
	for _, c := range []struct {
		kind mapping.Kind
		text string
	}{
		{mapping.Contacts, "account,channel,value,line\nC1,sms,+12125550100,mobile\nC1,email,a@example.com,\nC9,email,b@example.com,\n"},
		{mapping.History, "account,at,direction,channel,outcome\nC1,2026-03-02,outbound,call,no_answer\nC1,2026-03-03,inbound,call,conversation\nC9,2026-03-03,inbound,call,conversation\n"},
		{mapping.Consents, "account,at,record,channel,basis,scope\nC1,2026-03-02,consent,sms,written,tcpa\nC1,2026-03-02,attorney,,,\nC9,2026-03-02,attorney,,,\n"},
	} {
		t.Run(fmt.Sprint(c.kind), func(t *testing.T) {
			if s := run(c.kind, c.text, at); s.Added != 2 || s.Rejected != 1 {
				t.Errorf("first: %+v", s)
			}
			n := len(sink.Facts())
			if s := run(c.kind, c.text, at.AddDate(0, 0, 1)); s.Known != 2 || s.Added+s.Updated != 0 || len(sink.Facts()) != n {
				t.Errorf("again: %+v, %d facts became %d", s, n, len(sink.Facts()))
			}
		})
	}
}

// More rows about a status are more about the same one: its end ends its hold.
func TestStatusRows(t *testing.T) {
	const header = "account,at,record,stage,medium,reference"
	rows := rowsOf(t, mapping.Consents, header,
		"C1,2026-03-02,attorney,,letter,",
		"C1,2026-03-09,attorney,ended,letter,",
		"C1,2026-03-09,attorney,,letter,second",
		"C2,2026-03-02,attorney,,letter,")
	status := func(i int) (id, source string) {
		s := rows[i].Record.Said[0]
		return s.Body.(dunning.StatusKnown).ID, s.Source
	}
	first, source := status(0)
	again, later := status(1)
	second, _ := status(2)
	other, _ := status(3)
	if first != again || source == later || second == first || other == first {
		t.Errorf("ids %s, %s, %s, %s; sources %s, %s", first, again, second, other, source, later)
	}
	h, ok := rows[0].Record.Said[1].Body.(dunning.HoldPlaced)
	l, ended := rows[1].Record.Said[1].Body.(dunning.HoldLifted)
	if !ok || !ended || h.ID != l.ID {
		t.Errorf("hold %+v, lifted %+v", h, l)
	}
}
