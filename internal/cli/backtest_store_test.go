package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/cli"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/simulate"
)

// past is a database in which accounts lived through a spring, long ago.
type past struct {
	t     *testing.T
	dsn   string
	store *postgres.Store
	cfg   *config.Config
}

var (
	pastBegin = time.Date(2024, 3, 4, 15, 0, 0, 0, time.UTC)
	pastEnd   = time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)
)

func newPast(t *testing.T) *past {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	p := &past{t: t, dsn: pgtest.DSN(t), cfg: cfg}
	p.store = pgtest.Open(t, p.dsn)
	p.publish(config.DefaultFiles())
	return p
}

func (p *past) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) publish(files fs.FS) {
	p.t.Helper()
	_, _, err := app.Publish(p.t.Context(), p.store, files, "user:test", pastBegin)
	p.must(err)
}

// live stores an account with what happened to it: as the configuration in force has it,
// but for what change does to it.
func (p *past) live(key string, from []dunning.Fact, change func(all []dunning.Fact) []dunning.Fact) {
	p.t.Helper()
	ctx := p.t.Context()
	debtor, err := p.store.PutDebtor(ctx, postgres.Profile{Creditor: "demo", Key: key, Name: key, Country: "US"})
	p.must(err)
	account, err := p.store.PutAccount(ctx, postgres.Account{Debtor: debtor, Creditor: "demo", Key: key, Currency: "USD"})
	p.must(err)
	outside := []dunning.Fact{
		{At: pastBegin, By: "import", Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}, Country: "US", Places: []string{"US-NY"}, Locale: "en"}},
		{At: pastBegin, By: "import", Body: dunning.PointKnown{ID: key + "e", Channel: dunning.Email}},
		{At: pastBegin, By: "system", Body: dunning.FeedSeen{Until: pastEnd.AddDate(1, 0, 0)}},
		{At: pastBegin, By: "import", Account: account, Body: dunning.Item{Key: key + "-1", Issued: dunning.DateOf(pastBegin), Due: dunning.DateOf(pastBegin).AddDays(7), Amount: money.MustParse("640.00", "USD"), Class: "consumer"}},
	}
	for _, x := range from {
		x.Account = account
		outside = append(outside, x)
	}
	cr, _ := p.cfg.Creditor("demo")
	id := uuid.NewString()
	life, err := simulate.Run(simulate.Account{
		Facts: outside, Choose: p.cfg.Select, Cases: []string{id}, React: simulate.Diligent(5 * 24 * time.Hour), Setup: dunning.Setup{
			Creditor: cr.Creditor, Debtor: debtor, Account: account, Currency: "USD", Sequence: &dunning.Sequence{}, Policies: p.cfg.Policies(), Holiday: p.cfg.Holiday,
			Zone: func(n string) *time.Location { l, _ := time.LoadLocation(n); return l },
		},
	}, pastEnd)
	p.must(err)
	facts := slices.Clone(life.Facts)
	if change != nil {
		facts = change(facts)
	}
	p.must(p.store.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error {
		s := p.cfg.Sequence("consumer-standard")
		if _, err := tx.OpenCase(ctx, dunning.CaseRef{Case: id, Account: account, Debtor: debtor, Creditor: "demo", Currency: "USD", Sequence: s.ID, Version: s.Version}); err != nil {
			return err
		}
		for i, x := range facts {
			planned, ok := x.Body.(dunning.ContactPlanned)
			if !ok {
				continue
			}
			planned.Decision = uuid.NewString()
			facts[i].Body = planned
			n := slices.IndexFunc(life.Decisions, func(d dunning.Decision) bool { return d.Contact != nil && d.Contact.ID == planned.ID && d.Due() })
			err := tx.StoreDecision(ctx, dunning.StoredDecision{
				ID: planned.Decision, Case: id, Decision: life.Decisions[n], Core: dunning.CoreVersion, Policies: p.cfg.PolicyVersions(), Zones: "test", Wall: x.At,
			})
			if err != nil {
				return err
			}
		}
		_, _, err := tx.Append(ctx, debtor, facts)
		return err
	}))
}

// run is duly backtest of the database.
func (p *past) run(dir string, args ...string) (status int, verdicts map[string]int, out string) {
	p.t.Helper()
	var b, errs bytes.Buffer
	status = cli.Run(context.Background(), cli.Env{
		Args: append([]string{"backtest", dir, "--output", "json", "--from", "2024-03-01", "--until", "2024-08-31"}, args...), Stdin: strings.NewReader(""), Stdout: &b, Stderr: &errs,
		Getenv: func(name string) string { return map[string]string{"DATABASE_URL": p.dsn}[name] },
	})
	if errs.Len() > 0 {
		p.t.Fatalf("exit status %d: %s", status, errs.String())
	}
	var sum struct {
		Accounts int             `json:"accounts"`
		InForce  simulate.Totals `json:"in_force"`
		Really   simulate.Totals `json:"ledger"`
		Ledger   map[string]int  `json:"against_ledger"`
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	p.must(json.Unmarshal([]byte(lines[len(lines)-1]), &sum))
	if sum.Accounts == 0 || sum.InForce.Contacts == 0 || sum.Really.Contacts == 0 {
		p.t.Errorf("nothing was compared: %s", lines[len(lines)-1])
	}
	return status, sum.Ledger, b.String()
}

// moved shifts what Duly did from its second message on.
func moved(by time.Duration) func(all []dunning.Fact) []dunning.Fact {
	return func(all []dunning.Fact) []dunning.Fact {
		seen := false
		for i := range all {
			if b, ok := all[i].Body.(dunning.ContactPlanned); ok {
				seen = seen || b.Step == "nudge" || b.Step == "offer-plan"
			}
			if seen && all[i].By == "system" {
				all[i].At = all[i].At.Add(by)
			}
		}
		return all
	}
}

// without leaves the contacts of a step out.
func without(step string) func(all []dunning.Fact) []dunning.Fact {
	return func(all []dunning.Fact) []dunning.Fact {
		ids := map[string]bool{}
		return slices.DeleteFunc(all, func(x dunning.Fact) bool {
			switch b := x.Body.(type) {
			case dunning.ContactPlanned:
				ids[b.ID] = b.Step == step
				return ids[b.ID]
			case dunning.ContactMoved:
				return ids[b.ID]
			}
			return false
		})
	}
}

// TestBacktestOfTheLedger: a ledger that the configuration in force has made is found to be
// as it should; what was left out, late, or made by another configuration is told apart.
func TestBacktestOfTheLedger(t *testing.T) {
	pays := []dunning.Fact{{At: time.Date(2024, 3, 25, 16, 0, 0, 0, time.UTC), By: "import", Body: dunning.Payment{ID: "p", Amount: money.MustParse("640.00", "USD")}}}
	same := draftOf(t, "", "", "")
	t.Run("as it should be", func(t *testing.T) {
		p := newPast(t)
		p.live("A", nil, nil)
		p.live("B", pays, nil)
		status, ledger, out := p.run(same)
		if status != 0 || len(ledger) > 0 {
			t.Errorf("exit status %d, %v\n%s", status, ledger, out)
		}
	})
	t.Run("a message that should have left", func(t *testing.T) {
		p := newPast(t)
		p.live("A", nil, without("nudge"))
		p.live("B", pays, nil)
		status, ledger, out := p.run(same)
		if status != 1 || ledger[simulate.Wrong] == 0 {
			t.Errorf("exit status %d, %v\n%s", status, ledger, out)
		}
	})
	t.Run("a worker that was away for two days", func(t *testing.T) {
		p := newPast(t)
		p.live("B", pays, moved(48*time.Hour))
		status, ledger, out := p.run(same)
		if status != 0 || ledger[simulate.Late] == 0 || ledger[simulate.Wrong] > 0 {
			t.Errorf("exit status %d, %v\n%s", status, ledger, out)
		}
	})
	t.Run("another configuration is in force since", func(t *testing.T) {
		p := newPast(t)
		p.live("A", nil, nil)
		changed := draftOf(t, "sequences/consumer-standard.yaml", "at: +3d", "at: +5d")
		p.publish(os.DirFS(changed))
		status, ledger, out := p.run(changed)
		if status != 0 || ledger[simulate.ByConfig] == 0 || ledger[simulate.Wrong] > 0 {
			t.Errorf("exit status %d, %v\n%s", status, ledger, out)
		}
	})
	t.Run("only another creditor's", func(t *testing.T) {
		p := newPast(t)
		p.live("A", nil, nil)
		var b bytes.Buffer
		status := cli.Run(context.Background(), cli.Env{
			Args: []string{"backtest", same, "--creditor", "demo-de", "--from", "2024-03-01", "--until", "2024-08-31"}, Stdin: strings.NewReader(""), Stdout: &b, Stderr: &b,
			Getenv: func(name string) string { return map[string]string{"DATABASE_URL": p.dsn}[name] },
		})
		if status != 0 || !strings.Contains(b.String(), "0 accounts lived through twice") {
			t.Errorf("exit status %d: %s", status, b.String())
		}
	})
}

func TestSplit(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2024, 3, day, 12, 0, 0, 0, time.UTC) }
	log := []dunning.Fact{
		{At: at(1), By: "import", Account: "a", Body: dunning.Item{Key: "i"}},
		{At: at(2), By: "system", Account: "a", Case: "c1", Body: dunning.CaseOpened{Sequence: "s", Version: "1"}},
		{At: at(5), By: "system", Account: "a", Case: "c1", Body: dunning.CaseClosed{Reason: "paid"}},
		{At: at(6), By: "system", Account: "a", Case: "c2", Body: dunning.CaseOpened{Sequence: "s", Version: "2"}},
		{At: at(7), By: "user:u", Account: "a", Case: "c2", Body: dunning.TaskEnded{ID: "t", Outcome: "done"}},
		{At: at(8), By: "import", Account: "a", Body: dunning.Payment{ID: "p"}},
		{At: at(9), By: "system", Account: "b", Body: dunning.ContactPlanned{ID: "other"}},
		{At: at(10), By: "system", Body: dunning.FeedSeen{}},
	}
	h := simulate.Split(log, "a", at(3))
	kinds := func(facts []dunning.Fact) (out []string) {
		for _, x := range facts {
			out = append(out, string(x.Body.Kind()))
		}
		return out
	}
	if got := strings.Join(kinds(h.Past), " "); got != "item case_opened" {
		t.Errorf("what was known: %s", got)
	}
	if got := strings.Join(kinds(h.Facts), " "); got != "payment contact_planned feed_seen" {
		t.Errorf("what came from outside, and what happened to other accounts: %s", got)
	}
	if len(h.Commands) != 1 || h.Commands[0].By != "user:u" {
		t.Errorf("what people did: %+v", h.Commands)
	}
	if h.Case != "c1" || h.Sequence != "s" || strings.Join(h.Cases, " ") != "c2" || strings.Join(h.Versions, " ") != "s@1 s@2" {
		t.Errorf("cases: %+v", h)
	}
}

func TestSplitTellsTogetherWhatWasCommittedTogether(t *testing.T) {
	at := time.Date(2024, 3, 7, 12, 0, 0, 0, time.UTC)
	fact := func(version int64, by string, b dunning.Body) dunning.Fact {
		return dunning.Fact{Version: version, At: at, By: by, Account: "a", Body: b}
	}
	h := simulate.Split([]dunning.Fact{
		fact(7, "import", dunning.Payment{ID: "p"}),
		fact(8, "debtor", dunning.ContactLogged{ID: "r"}),
		fact(8, "debtor", dunning.OptedOut{ID: "o"}),
		fact(9, "user:u", dunning.TaskEnded{ID: "t", Outcome: "done"}),
		fact(9, "user:u", dunning.EntryEnded{Step: "s"}),
		fact(0, "user:u", dunning.NoteWritten{ID: "n"}),
		fact(0, "user:u", dunning.NoteWritten{ID: "m"}),
	}, "a", at.Add(-time.Hour))
	if len(h.Facts) != 1 || h.Facts[0].Body.Kind() != (dunning.Payment{}).Kind() {
		t.Errorf("a reply is told with the refusal in it, a payment by itself: %+v", h.Facts)
	}
	if len(h.Commands) != 4 {
		t.Errorf("%d commands, want a reply, the end of a task, and two notes of which nobody knows that they are one", len(h.Commands))
	}
}
