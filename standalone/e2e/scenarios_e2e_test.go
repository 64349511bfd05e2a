//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/simulate"
	"github.com/duly/duly/standalone/audit"
	"github.com/duly/duly/standalone/house"
	"github.com/duly/duly/standalone/rehearse"
	"github.com/duly/duly/standalone/site"
)

// TestScenarios lives every scenario of the core's corpus on the real engine, all of them
// at once in one Duly, each with a creditor and a sequence of its own: the engine's story
// of each is the simulator's. Scenarios that need a provider that fails, an outage, or
// policies of their own cannot be put into one Duly; the activities' tests have them.
func TestScenarios(t *testing.T) {
	all, skipped := scenarios(t)
	if len(all) < 140 { // so that a fault of the reader cannot pass for a corpus that needs what is not here
		t.Fatalf("%d scenarios can be lived, %d not: too few", len(all), skipped)
	}
	t.Logf("%d scenarios, %d left out", len(all), skipped)
	got := engineStories(t, all)
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			if want := s.story(t, s.simulated(t)); got[s.name] != want {
				t.Errorf("engine:\n%s\nsimulator:\n%s", got[s.name], want)
			}
		})
	}
}

// scenario of the corpus.
type scenario struct {
	name     string // of sequence, creditor, debtor and account
	sequence []byte
	creditor []byte
	account  simulate.Account
	until    time.Time
	zone     *time.Location
}

func scenarios(t *testing.T) (all []*scenario, skipped int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "dunning", "testdata", "scenarios", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if s := readScenario(t, strings.TrimSuffix(filepath.Base(file), ".txt"), 100+i, text); s != nil {
			all = append(all, s)
		} else {
			skipped++
		}
	}
	return all, skipped
}

var (
	sectionMark  = regexp.MustCompile(`(?m)^-- (\S+) --\n`)
	header       = regexp.MustCompile(`(?m)^(policies|sequence): *(.*)$`)
	ownCondition = regexp.MustCompile(`(?m)^(applies_when|priority):.*\n(?:[ \t]+\S.*\n)*`)
	ownName      = regexp.MustCompile(`(?m)^sequence:.*\n`)
)

// readScenario is nil for one that cannot be lived here. Each has a priority of its own, as
// the loader cannot see that the conditions exclude each other.
func readScenario(t *testing.T, name string, priority int, text []byte) *scenario {
	t.Helper()
	marks := sectionMark.FindAllSubmatchIndex(text, -1)
	sections := map[string][]byte{}
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		sections[string(text[m[2]:m[3]])] = text[m[1]:end]
	}
	heads := map[string]string{}
	for _, m := range header.FindAllSubmatch(text[:marks[0][0]], -1) {
		heads[string(m[1])] = string(m[2])
	}
	if heads["policies"] != "" || sections["policy.yaml"] != nil || sections["v2.yaml"] != nil { // a second version: internal/app lives those
		return nil
	}
	src := sections["sequence.yaml"]
	if src == nil {
		var err error
		if src, err = fs.ReadFile(config.DefaultFiles(), "sequences/"+heads["sequence"]+".yaml"); err != nil {
			t.Fatal(err)
		}
	}
	s := &scenario{name: "sc-" + name}
	src = ownName.ReplaceAll(ownCondition.ReplaceAll(src, nil), nil)
	s.sequence = append([]byte(fmt.Sprintf("sequence: %s\napplies_when: '\"%s\" in account.tags'\npriority: %d\n", s.name, s.name, priority)), src...)
	if !s.compile(t, sections["case.yaml"]) {
		return nil
	}
	return s
}

// compile reads the case; false when it needs what a sandbox cannot do.
func (s *scenario) compile(t *testing.T, text []byte) bool {
	t.Helper()
	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	raw["facts"] = plain(raw["facts"])
	if raw["format"] == nil {
		raw["format"] = "v1"
	}
	j, err := json.Marshal(plain(raw))
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	file, err := simulate.ReadFile(bytes.NewReader(j))
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	seq, err := config.CompileSequence(s.name+".yaml", s.sequence)
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	s.account, s.until, err = file.Compile(simulate.Environment{Sequence: seq, Setup: dunning.Setup{Zone: zone, Holiday: cfg.Holiday}})
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	s.zone = zone(file.Debtor.Zones[0])
	s.account.Setup.Creditor.ID = s.name
	for i, f := range s.account.Facts {
		if d, ok := f.Body.(dunning.DebtorKnown); ok {
			d.Tags = append(slices.Clone(d.Tags), s.name)
			s.account.Facts[i].Body = d
		}
	}
	s.creditor = creditorFile(s.account.Setup.Creditor, file.Currency)
	return s.account.Reply == nil && len(s.account.Outages) == 0
}

// plain turns dates, which YAML reads as instants, back into text.
func plain(v any) any {
	switch x := v.(type) {
	case time.Time:
		if x.Equal(x.Truncate(24 * time.Hour)) {
			return x.Format(time.DateOnly)
		}
		return x.Format("2006-01-02 15:04:05")
	case []any:
		for i := range x {
			x[i] = plain(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = plain(x[k])
		}
	}
	return v
}

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil
	}
	return z
}

func creditorFile(c dunning.Creditor, currency string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `creditor: %s
name: Scenario
role: %s
zone: %s
currency: %s
locale: en
address: [Scenario, 1 Example Street, "Springfield, NY 10001"]
phone: +1 202 555 0100
email: accounts@scenario.example
website: https://scenario.example
payment_page: https://scenario.example/pay
license: Licence 0000000 (example)
senders:
  email: {from: accounts@scenario.example, name: Scenario, reply_to: accounts@scenario.example}
queues: {supervisor: supervisor, operations: operations}
ambiguity: strict
`, c.ID, c.Role, c.Zone, currency)
	if c.Role == "third_party" {
		b.WriteString("on_behalf_of: Example\n")
	}
	if c.Holidays != "" {
		fmt.Fprintf(&b, "holidays: %s\n", c.Holidays)
	}
	if c.Stale > 0 {
		fmt.Fprintf(&b, "stale: %dh\n", c.Stale)
	}
	return b.Bytes()
}

// simulated is the simulator's life of the scenario.
func (s *scenario) simulated(t *testing.T) []dunning.Event {
	t.Helper()
	life, err := simulate.Run(s.account, s.until)
	if err != nil {
		t.Fatal(err)
	}
	return life.Events()
}

// story prints events up to the scenario's end.
func (s *scenario) story(t *testing.T, events []dunning.Event) string {
	t.Helper()
	events = slices.DeleteFunc(events, func(e dunning.Event) bool { return e.At.After(s.until) })
	return simulate.Print(events, s.zone)
}

// engineStories lives all scenarios in one Duly.
func engineStories(t *testing.T, all []*scenario) map[string]string {
	t.Helper()
	begin, until := all[0].account.Facts[0].At, all[0].until
	for _, s := range all {
		for _, f := range s.account.Facts {
			if f.At.Before(begin) {
				begin = f.At
			}
		}
		if s.until.After(until) {
			until = s.until
		}
	}
	h, err := house.Start(t.Context(), house.Options{
		Config: scenarioConfig(t, all), Site: site.Options{Unsafe: true, Rehearsal: &clock.Setting{Start: begin, Rate: 60 * 86400, Hold: 10 * time.Minute}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
	}()
	rows := []postgres.Script{rehearse.Row(postgres.Audience, begin, postgres.Audience, struct{}{}), rehearse.EndRow(until)}
	for _, s := range all {
		rows = append(rows, s.rows(t, h.Site.Store())...)
	}
	if _, err := h.Site.Store().AddScript(t.Context(), rows...); err != nil {
		t.Fatal(err)
	}
	playAll(t, h)
	stories := map[string]string{}
	byName := map[string]*scenario{}
	for _, s := range all {
		byName[s.name] = s
	}
	err = audit.Lives(t.Context(), h.Site.Store(), func(l audit.Life) error {
		stories[l.Account.Key] = byName[l.Account.Key].story(t, l.Events())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return stories
}

func playAll(t *testing.T, h *house.House) {
	t.Helper()
	if err := h.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	pl := rehearse.New(rehearse.Options{
		Store: h.Site.Store(), Book: h.Book, Clock: h.Site.Clock(),
		Acts: map[string]rehearse.Act{"scenario": {Play: playScenario}},
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- pl.Run(ctx) }()
	select {
	case <-pl.Ended():
	case err := <-failed:
		t.Fatalf("the player ended before the rehearsal: %v", err)
	case <-time.After(20 * time.Minute):
		t.Fatal("the scenarios have not ended after 20 minutes")
	}
}

// scenarioConfig is the shipped configuration with the scenarios' creditors and sequences
// in place of its own, and no policies.
func scenarioConfig(t *testing.T, all []*scenario) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(config.DefaultFiles(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains([]string{"policies", "creditors", "sequences"}, path.Dir(name)) {
			return err
		}
		text, err := fs.ReadFile(config.DefaultFiles(), name)
		out[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		out["sequences/"+s.name+".yaml"] = &fstest.MapFile{Data: s.sequence}
		out["creditors/"+s.name+".yaml"] = &fstest.MapFile{Data: s.creditor}
	}
	return out
}

// scenarioBody is a fact or a command as the scenario has it: the simulator's ids of cases
// are "account", then "account#2" …
type scenarioBody struct {
	Account string          `json:"account"` // id
	Facts   json.RawMessage `json:"facts,omitempty"`
	Command string          `json:"command,omitempty"`
	Args    json.RawMessage `json:"args,omitempty"`
	By      string          `json:"by,omitempty"`
}

// rows are the scenario's facts and commands; at one instant facts come first, as in the
// simulator. What is known before the first item is one row with it.
func (s *scenario) rows(t *testing.T, store *postgres.Store) (rows []postgres.Script) {
	t.Helper()
	id := s.known(t, store)
	add := func(i int, kind string, at time.Time, b scenarioBody) {
		b.Account = id
		rows = append(rows, rehearse.Row(fmt.Sprintf("%s/%s/%04d", s.name, kind, i), at, "scenario", b))
	}
	var together []dunning.Fact
	begun := false
	for i, f := range s.account.Facts {
		if f.Account != "" {
			f.Account = id
		}
		together = append(together, f)
		_, item := f.Body.(dunning.Item)
		if begun = begun || item; !begun && i+1 < len(s.account.Facts) {
			continue
		}
		text, err := json.Marshal(together)
		if err != nil {
			t.Fatal(err)
		}
		add(i, "a", f.At, scenarioBody{Facts: text})
		together = nil
	}
	for i, c := range s.account.Commands {
		text, err := json.Marshal(c.Command)
		if err != nil {
			t.Fatal(err)
		}
		add(i, "b", c.At, scenarioBody{Command: commandName(t, c.Command), Args: text, By: c.By})
	}
	return rows
}

// commandName finds the name of a command's type.
func commandName(t *testing.T, c dunning.Command) string {
	t.Helper()
	for _, name := range dunning.CommandNames() {
		if d, err := dunning.DecodeCommand(name, []byte("{}")); err == nil && reflect.TypeOf(d) == reflect.TypeOf(c) {
			return name
		}
	}
	t.Fatalf("no name for %T", c)
	return ""
}

// known makes the debtor, its points and its account known.
func (s *scenario) known(t *testing.T, store *postgres.Store) string {
	t.Helper()
	country := ""
	var points []postgres.Point
	for _, f := range s.account.Facts {
		switch b := f.Body.(type) {
		case dunning.DebtorKnown:
			country = b.Country
		case dunning.PointKnown:
			value := map[dunning.Channel]string{dunning.Email: s.name + "@example.invalid", dunning.SMS: "+12025550111", dunning.Call: "+12025550111"}[b.Channel]
			if value == "" {
				value = "1 Example Street\nSpringfield, NY 10001"
			}
			points = append(points, postgres.Point{ID: b.ID, Channel: b.Channel, Value: value, Kind: b.PointKind})
		}
	}
	debtor, err := store.PutDebtor(t.Context(), postgres.Profile{Creditor: s.name, Key: s.name, Name: "Test", Locale: "en", Country: country, Address: []string{"1 Example Street", "Springfield, NY 10001"}})
	if err == nil {
		err = store.PutPoints(t.Context(), debtor, points...)
	}
	id, err2 := store.PutAccount(t.Context(), postgres.Account{Debtor: debtor, Creditor: s.name, Key: s.name, Currency: s.account.Setup.Currency})
	if err := errors.Join(err, err2); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return id
}

// playScenario plays a row with the engine's own ids of cases.
func playScenario(ctx context.Context, p *rehearse.Player, row postgres.Script) ([]postgres.Script, error) {
	var b scenarioBody
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return nil, err
	}
	a, err := p.Account(ctx, b.Account)
	if err != nil {
		return nil, err
	}
	cases, err := p.Store().CasesOf(ctx, a.Debtor)
	if err != nil {
		return nil, err
	}
	for i, c := range cases {
		id := "account"
		if i > 0 {
			id = fmt.Sprintf("account#%d", i+1)
		}
		b.Facts = bytes.ReplaceAll(b.Facts, []byte(`"`+id+`/`), []byte(`"`+c.Case+`/`))
		b.Args = bytes.ReplaceAll(b.Args, []byte(`"`+id+`/`), []byte(`"`+c.Case+`/`))
	}
	if b.Command != "" {
		cmd, err := dunning.DecodeCommand(b.Command, b.Args)
		if err != nil {
			return nil, err
		}
		_, err = p.Command(ctx, b.Account, b.By, cmd)
		return nil, err
	}
	var facts []dunning.Fact
	if err := json.Unmarshal(b.Facts, &facts); err != nil {
		return nil, err
	}
	_, err = p.Write(ctx, b.Account, func(dunning.Facts, time.Time) ([]dunning.Fact, error) { return facts, nil })
	return nil, err
}
