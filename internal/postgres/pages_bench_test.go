package postgres_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// still is business time that stands at the portfolio's present.
type still struct{}

func (still) Now(context.Context) (time.Time, error) { return bigNow, nil }

func (still) WakeWall(_ context.Context, at time.Time) (time.Time, error) { return at, nil }

// bigSite is the console over the portfolio, as it is served: with sessions, rights, the
// record of every look, lights by the core, and templates.
type bigSite struct {
	store     *postgres.Store
	big       *big
	serve     http.Handler
	tokens    []string       // of collectors, one for each creditor and one for all
	everybody string         // the token of one who may open every page
	logged    map[int]bool   // whose log has been written beside those that had one
	bytes     map[string]int // size of the last page of a kind
}

// BenchmarkPages asks for whole pages of BenchmarkReads' portfolio, as a browser does. "My
// day" shows lights for its rows, which fold their logs: so whoever stands on a page that
// is measured is given a log first. The first pages of a run warm the caches.
func BenchmarkPages(b *testing.B) {
	s, p := benchStore(b)
	site := newBigSite(b, s, p)
	for _, page := range []struct {
		name string
		path func(r *rand.Rand) string
	}{
		{"my day", func(*rand.Rand) string { return "/day" }},
		{"mine only", func(*rand.Rand) string { return "/day?mine=1" }},
		{"case", func(r *rand.Rand) string { return "/cases/" + p.logged(r, false) }},
		{"case with 60 contacts", func(r *rand.Rand) string { return "/cases/" + p.logged(r, true) }},
		{"search", func(r *rand.Rand) string {
			return "/search?q=" + url.QueryEscape(pick(r, []string{fmt.Sprintf("D%07d", r.IntN(p.accounts)), pick(r, bigFirst) + " " + pick(r, bigLast)}))
		}},
		{"cases", func(*rand.Rand) string { return "/cases" }},
		{"cases by wait", func(r *rand.Rand) string { return "/cases?waits=" + url.QueryEscape(string(pick(r, bigWaits).w)) }},
		// What follows is for people who look now and then; nothing is promised of it.
		{"decisions", func(*rand.Rand) string { return "/decisions" }},
		{"messages", func(*rand.Rand) string { return "/messages" }},
		{"inbox", func(*rand.Rand) string { return "/inbox" }},
		{"dead letters", func(*rand.Rand) string { return "/dead" }},
		{"health", func(*rand.Rand) string { return "/health" }},
		{"review", func(*rand.Rand) string { return "/review" }},
		{"violations", func(*rand.Rand) string { return "/violations" }},
		{"frequency", func(*rand.Rand) string { return "/frequency" }},
		{"frequency of one", func(r *rand.Rand) string { return "/frequency/" + site.debtor(b, p.logged(r, true)) }},
		{"consents", func(*rand.Rand) string { return "/consents" }},
		{"audit", func(*rand.Rand) string { return "/audit" }},
		{"integrity", func(*rand.Rand) string { return "/integrity" }},
		{"samples", func(*rand.Rand) string { return "/samples" }},
		{"sequence", func(*rand.Rand) string { return "/sequences/consumer-standard" }},
		{"releases", func(*rand.Rand) string { return "/releases" }},
		{"numbers", func(*rand.Rand) string { return "/numbers" }},
	} {
		q := asked{name: "page " + page.name, ask: func(_ context.Context, _ *postgres.Store, _ *big, r *rand.Rand) error {
			return site.get(page.name, page.path(r), r)
		}}
		b.Run(page.name, func(b *testing.B) {
			q.measure(b, s, p)
			b.ReportMetric(float64(site.bytes[page.name])/1024, "KiB")
		})
	}
}

func newBigSite(b *testing.B, s *postgres.Store, p *big) *bigSite {
	b.Helper()
	ctx := b.Context()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	files, err := bigConfig()
	must(err)
	_, _, err = app.Publish(ctx, s, files, "user:bench", bigNow.AddDate(-1, 0, 0))
	must(err)
	public, err := url.Parse("http://127.0.0.1:8080")
	must(err)
	console, err := app.NewConsole(app.Deps{Store: s, Clock: still{}, Log: slog.New(slog.DiscardHandler)}, app.ConsoleOptions{Public: public})
	must(err)
	site := &bigSite{store: s, big: p, serve: console.Handler(), logged: map[int]bool{}, bytes: map[string]int{}}
	for _, creditor := range append(p.creditors()[:7], identity.AllCreditors) {
		site.tokens = append(site.tokens, site.user(b, creditor, identity.Collector))
	}
	site.everybody = site.user(b, identity.AllCreditors, identity.Collector, identity.Operations, identity.Supervisor, identity.Compliance, identity.Admin)
	must(site.logDays(ctx))
	// Cases follow a version that this program has made.
	_, err = s.Pool().Exec(ctx, `UPDATE cases c SET sequence_version = v.version FROM (SELECT DISTINCT ON (sequence) sequence, version FROM sequence_versions ORDER BY sequence, version) v
		WHERE v.sequence = c.sequence_id AND c.sequence_version <> v.version AND c.debtor_id IN (SELECT DISTINCT debtor_id FROM facts)`)
	must(err)
	return site
}

// bigConfig is the shipped configuration with the portfolio's creditors and sequences.
func bigConfig() (fs.FS, error) {
	shipped, out := os.DirFS("../../config"), fstest.MapFS{}
	err := fs.WalkDir(shipped, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(shipped, path)
		out[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		return nil, err
	}
	another := func(from, to, key, was, is string) {
		out[to] = &fstest.MapFile{Data: []byte(strings.Replace(string(out[from].Data), key+": "+was, key+": "+is, 1))}
	}
	for _, c := range bigCreditors {
		another("creditors/demo.yaml", "creditors/"+c.id+".yaml", "creditor", "demo", c.id)
	}
	return out, nil
}

// user makes somebody with roles for a creditor and signs them in.
func (s *bigSite) user(b *testing.B, creditor string, roles ...identity.Role) string {
	b.Helper()
	var grants []identity.Grant
	for _, role := range roles {
		grants = append(grants, identity.Grant{Creditor: creditor, Role: role})
	}
	u := identity.User{Name: strings.ToLower("bench-" + identity.NewToken()[:12]), Title: "Rosa Diaz", Created: bigNow, Grants: grants}
	var err error
	if u.ID, err = s.store.AddUser(b.Context(), u); err != nil {
		b.Fatal(err)
	}
	token := identity.NewToken()
	if err := s.store.OpenSession(b.Context(), identity.HashToken(token), identity.Session{User: u, Method: "password", Created: time.Now(), Expires: time.Now().Add(time.Hour)}); err != nil {
		b.Fatal(err)
	}
	return token
}

// logDays writes the logs of those who stand on the first pages of "my day".
func (s *bigSite) logDays(ctx context.Context) error {
	scopes := []read.Scope{read.Everything()}
	for _, c := range bigCreditors {
		scopes = append(scopes, read.Only(c.id))
	}
	var rows [][]any
	for _, scope := range scopes {
		for _, queues := range [][]string{nil, {"early"}, {"late"}, {"legal"}, {"operations"}} {
			list, err := s.store.Worklist(ctx, scope, read.WorkFilter{Queues: queues}, bigNow, read.Page{Limit: 80})
			if err != nil {
				return err
			}
			for _, row := range list.Rows {
				n, err := strconv.Atoi(strings.TrimPrefix(row.DebtorKey, "D"))
				if err != nil {
					return err
				}
				if s.logged[n] || n%s.big.logEvery == 0 {
					continue
				}
				s.logged[n] = true
				p := s.big.person(bigKey{bigID(1, n), bigID(2, n), bigID(3, n), n}, true)
				if p.logged, err = s.unlogged(ctx, p.debtor); err != nil {
					return err
				}
				p.factRows(func(v ...any) { rows = append(rows, v) })
			}
		}
	}
	columns := strings.Fields("debtor_id version seq kind at account_id case_id item_key by amount_minor currency body")
	_, err := s.store.Pool().CopyFrom(ctx, pgx.Identifier{"facts"}, columns, pgx.CopyFromRows(rows))
	return err
}

// unlogged reports whether a debtor has no log: a database that was kept may have it.
func (s *bigSite) unlogged(ctx context.Context, debtor string) (bare bool, err error) {
	err = s.store.Pool().QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM facts WHERE debtor_id = $1)", debtor).Scan(&bare)
	return bare, err
}

// debtor is whose a case is.
func (s *bigSite) debtor(b *testing.B, kase string) string {
	b.Helper()
	ref, err := s.store.CaseRef(b.Context(), kase)
	if err != nil {
		b.Fatal(err)
	}
	return ref.Debtor
}

// get asks for a page as one of the collectors.
func (s *bigSite) get(kind, path string, r *rand.Rand) error {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	token := s.everybody
	if strings.HasPrefix(path, "/day") {
		token = pick(r, s.tokens)
	}
	req.AddCookie(&http.Cookie{Name: "duly-session", Value: token})
	w := httptest.NewRecorder()
	s.serve.ServeHTTP(w, req)
	s.bytes[kind] = w.Body.Len()
	if w.Code != http.StatusOK {
		return fmt.Errorf("%s: status %d: %.300s", path, w.Code, w.Body)
	}
	return nil
}
