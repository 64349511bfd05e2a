package postgres_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// big is a made-up portfolio, written with COPY: the same number of accounts gives the
// same rows everywhere. Every account has items, a case, messages and what lists show of
// it; one debtor in logEvery also has the log and the journal behind them, which only
// the page of a case reads.
type big struct {
	accounts, logEvery int
	log                func(format string, args ...any)
	people             []bigKey // in the order of debtors' ids
}

// bigKey is who a person is; all else follows from n and is made when it is written.
type bigKey struct {
	debtor, account, kase string
	n                     int
}

type bigCreditor struct {
	id    string
	share int
}

type bigWait struct {
	w     read.Wait
	share int
}

// bigNow is the portfolio's present.
var bigNow = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

// messagesEach is how many messages an account has on average.
const messagesEach = 10

// bigCreditors have shares of the accounts in thousandths; the last one is tiny.
var bigCreditors = []bigCreditor{{"c01", 400}, {"c02", 220}, {"c03", 150}, {"c04", 100}, {"c05", 70}, {"c06", 40}, {"c07", 19}, {"c08", 1}}

type bigPerson struct {
	bigKey
	creditor       string
	open, logged   bool
	items          []dunning.Item
	standing       read.Standing
	work           []read.Work
	waits          read.Wait
	step, sequence string
	next           *time.Time
	opened         time.Time
	owner, queue   string
	messages       []bigMessage
}

type bigMessage struct {
	id, state, channel, step string
	at                       time.Time
}

// bigID spreads numbers over the space of UUIDs as real ids are.
func bigID(space uint64, i int) string {
	n := uint64(i)
	x := (n + 1) * 0x9E3779B97F4A7C15
	x ^= space * 0xC2B2AE3D27D4EB4F
	x ^= x >> 29
	y := x * 0xBF58476D1CE4E5B9
	y ^= y >> 32
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(x>>32), uint16(x>>16), uint16(x)&0xfff, uint16(y>>48)&0xfff, (y^n)&0xffffffffffff)
}

var (
	bigFirst = strings.Fields("Anna Maria Peter John Li Wei Fatima Omar Olga Ivan Sofia Lucas Emma Noah Mia Leon Zoë Jürgen Søren Łucja Amélie José " +
		"Chloé Björn Aisha Kofi Yuki Hiro Priya Arjun Carmen Diego Elena Marco Nina Oskar Paula Quentin Rosa Stefan Tara Uwe Vera Walter Xenia Yusuf")
	bigLast = strings.Fields("Smith Müller Garcia Nguyen Kowalski Rossi Dubois Ivanov Silva Jones Brown Schmidt Lopez Khan Patel Wang Chen Kim Sato " +
		"Novak Larsen Berg Lund Maier Huber Weber Wagner Fischer Keller Meyer Vogel Roth Moreau Petit Costa Santos Romano Greco Marino Popov Zhang")
	bigSequences = []string{"consumer-standard", "consumer-standard", "consumer-standard", "business-standard", "business-standard", "final-only"}
	bigSteps     = []string{"friendly-email", "nudge", "offer-plan", "call", "collector", "final-notice", "legal"}
	bigUsers     = []string{"user:u1", "user:u2", "user:u3", "user:u4", "user:u5", "user:u6", "user:u7", "user:u8", "user:u9"}
	bigWaits     = []bigWait{
		{read.WaitTimer, 560},
		{read.WaitWindow, 50},
		{read.WaitHold, 60},
		{read.WaitPlan, 50},
		{read.WaitPromise, 40},
		{read.WaitLease, 10},
		{read.WaitTask(dunning.TaskCall), 70},
		{read.WaitTask(dunning.TaskEscalation), 40},
		{read.WaitTask(dunning.TaskNoChannel), 20},
		{read.WaitApproval, 10},
		{read.WaitOffer, 30},
		{read.WaitFeed, 45},
		{read.WaitUnknown, 3},
		{read.WaitRefused, 10},
		{read.WaitWorker, 2},
	}
)

// newBig says who is in the portfolio.
func newBig(accounts, logEvery int) *big {
	b := &big{accounts: accounts, logEvery: logEvery, log: func(string, ...any) {}, people: make([]bigKey, accounts)}
	for i := range b.people {
		b.people[i] = bigKey{bigID(1, i), bigID(2, i), bigID(3, i), i}
	}
	slices.SortFunc(b.people, func(x, y bigKey) int { return cmp.Compare(x.debtor, y.debtor) })
	return b
}

// shared picks by shares in thousandths.
func shared[T any](r *rand.Rand, of []T, share func(T) int) T {
	n := r.IntN(1000)
	for _, x := range of {
		if n -= share(x); n < 0 {
			return x
		}
	}
	return of[0]
}

// person makes everything about somebody, with or without messages.
func (b *big) person(k bigKey, messages bool) bigPerson {
	r := rand.New(rand.NewPCG(7, uint64(k.n)))
	p := bigPerson{
		bigKey: k, creditor: shared(r, bigCreditors, func(c bigCreditor) int { return c.share }).id,
		open: r.IntN(10) < 8, logged: k.n%b.logEvery == 0, sequence: pick(r, bigSequences),
	}
	p.opened = bigNow.Add(-time.Duration(r.IntN(200*24*60)) * time.Minute).Truncate(time.Second)
	for i := range 1 + r.IntN(5) {
		due := dunning.DateOf(p.opened.AddDate(0, 0, -3-r.IntN(90)))
		amount, _ := money.FromMinor(int64(500+r.IntN(1<<r.IntN(22)+1)), "USD")
		p.items = append(p.items, dunning.Item{Key: fmt.Sprintf("INV-%07d-%d", p.n, i), Number: fmt.Sprintf("2026-%07d/%d", p.n, i), Due: due, Amount: amount})
	}
	p.stand(r)
	if messages {
		p.contacts(r, b.logEvery)
	}
	return p
}

// stand makes what lists show of an account.
func (p *bigPerson) stand(r *rand.Rand) {
	p.standing = read.Standing{Account: p.account, Debtor: p.debtor, Creditor: p.creditor, Currency: "USD", Zones: []string{"America/New_York"}, Kind: "consumer"}
	if !p.open {
		return
	}
	s := &p.standing
	items := slices.SortedFunc(slices.Values(p.items), func(x, y dunning.Item) int { return cmp.Compare(x.Due.String(), y.Due.String()) })
	for _, it := range items {
		s.Open, s.Items = s.Open+it.Amount.Minor(), s.Items+1
		if k := len(s.Dues); k > 0 && s.Dues[k-1].Due == it.Due {
			s.Dues[k-1].Open, s.Dues[k-1].More = s.Dues[k-1].Open+it.Amount.Minor(), s.Dues[k-1].More+1
			continue
		}
		s.Dues = append(s.Dues, read.Due{Due: it.Due, Open: it.Amount.Minor()})
	}
	s.Oldest = s.Dues[0].Due
	p.waits, p.step = shared(r, bigWaits, func(w bigWait) int { return w.share }).w, pick(r, bigSteps)
	if r.IntN(10) > 0 {
		at := bigNow.Add(time.Duration(r.IntN(20*24*60)-10) * time.Minute).Truncate(time.Second)
		p.next = &at
	}
	p.works(r)
}

func (p *bigPerson) works(r *rand.Rand) {
	w := read.Work{Case: p.kase, Opened: bigNow.Add(-time.Duration(r.IntN(20*24*60)) * time.Minute).Truncate(time.Second), ID: "w1"}
	kind, isTask := strings.CutPrefix(string(p.waits), "task:")
	switch {
	case isTask:
		w.Kind, w.Queue, w.Step = "task:"+kind, []string{"early", "late", "legal", "operations"}[r.IntN(4)], p.step
	case p.waits == read.WaitLease:
		w.Kind, w.Queue, p.owner = read.WorkLease, "late", bigUsers[r.IntN(len(bigUsers))]
		w.Owner, w.Due = p.owner, w.Opened.Add(48*time.Hour)
		p.standing.Lease = &read.Lease{ID: "w1", Owner: p.owner, Until: w.Due}
	case r.IntN(100) == 0:
		w.Kind, w.Queue = read.WorkReply, "early"
	default:
		return
	}
	w.Ranking = read.Rank(w, p.standing)
	p.queue, p.work = w.Queue, []read.Work{w}
}

// contacts makes messages. One debtor in a thousand of those with a log has sixty.
func (p *bigPerson) contacts(r *rand.Rand, logEvery int) {
	n := r.IntN(2*messagesEach + 1)
	if p.n%(logEvery*50) == 0 {
		n = 60
	}
	for i := range n {
		m := bigMessage{
			step: bigSteps[i%len(bigSteps)], state: "accepted", channel: []string{"email", "email", "email", "sms", "sms", "letter"}[r.IntN(6)],
			at: p.opened.Add(time.Duration(i*73+r.IntN(60)) * time.Hour),
		}
		switch x := r.IntN(1000); {
		case x < 25:
			m.state = "bounced"
		case x < 55:
			m.state = "failed"
		case x < 57:
			m.state = "unknown"
		case x < 60:
			m.state = "cancelled"
		}
		m.id = fmt.Sprintf("%s/%d/%s/%s/1", p.kase, i/len(bigSteps), m.step, m.channel)
		p.messages = append(p.messages, m)
	}
}

// load writes the portfolio into a migrated, empty database.
func (b *big) load(ctx context.Context, pool *pgxpool.Pool) error {
	indexes, err := b.unindex(ctx, pool)
	if err != nil {
		return err
	}
	for _, table := range b.tables() {
		began := time.Now()
		if err := b.copyTable(ctx, pool, table); err != nil {
			return fmt.Errorf("table %s: %w", table.name, err)
		}
		b.log("%s: %s", table.name, time.Since(began))
	}
	for _, sql := range append([]string{"SELECT duly_search_rebuild()"}, indexes...) {
		began := time.Now()
		if _, err := pool.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		b.log("%s: %s", sql, time.Since(began))
	}
	return b.settle(ctx, pool)
}

// settle gives the planner what a database that lives has.
func (b *big) settle(ctx context.Context, pool *pgxpool.Pool) error {
	for _, t := range bigTables {
		if _, err := pool.Exec(ctx, "ALTER TABLE "+t+" ENABLE TRIGGER ALL"); err != nil {
			return err
		}
	}
	_, err := pool.Exec(ctx, "VACUUM (ANALYZE)")
	return err
}

// bigTables grow with the number of accounts.
var bigTables = []string{
	"debtors", "debtor_profiles", "accounts", "items", "contact_points", "cases", "account_standings", "work", "contacts", "attempts", "facts", "decisions",
	"tasks", "logged_contacts", "consent_ledger", "search_terms",
}

// unindex drops the indexes of big tables that no constraint needs and returns how to
// make them again; rows come in the order of the others. Triggers are off meanwhile.
func (b *big) unindex(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = 'public' AND i.tablename = ANY($1)
		AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = to_regclass(quote_ident(i.indexname))) ORDER BY 1`, bigTables)
	if err != nil {
		return nil, err
	}
	type index struct{ Name, Def string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		return nil, err
	}
	var defs []string
	for _, x := range all {
		if _, err := pool.Exec(ctx, "DROP INDEX "+pgx.Identifier{x.Name}.Sanitize()); err != nil {
			return nil, err
		}
		defs = append(defs, x.Def)
	}
	for _, t := range bigTables {
		if _, err := pool.Exec(ctx, "ALTER TABLE "+t+" DISABLE TRIGGER ALL"); err != nil {
			return nil, err
		}
	}
	_, err = pool.Exec(ctx, "INSERT INTO creditors (id) SELECT unnest($1::text[])", b.creditors())
	return defs, err
}

func (b *big) creditors() []string {
	var ids []string
	for _, c := range bigCreditors {
		ids = append(ids, c.id)
	}
	return ids
}

// bigTable is a table with the rows that a person brings. sorted: by its primary key,
// which is not the debtor's.
type bigTable struct {
	name    string
	columns string
	key     func(*bigKey) string
	log     bool // who has no log has no rows
	rows    func(p *bigPerson, add func(...any))
}

func (b *big) copyTable(ctx context.Context, pool *pgxpool.Pool, t bigTable) error {
	order := b.people
	if t.key != nil {
		order = slices.SortedFunc(slices.Values(b.people), func(x, y bigKey) int { return cmp.Compare(t.key(&x), t.key(&y)) })
	}
	var buffer [][]any
	n := 0
	next := func() ([]any, error) {
		for len(buffer) == 0 {
			if n == len(order) {
				return nil, nil
			}
			if k := order[n]; !t.log || k.n%b.logEvery == 0 {
				p := b.person(k, t.log || t.name == "contacts")
				t.rows(&p, func(v ...any) { buffer = append(buffer, v) })
			}
			n++
		}
		row := buffer[0]
		if buffer = buffer[1:]; len(buffer) == 0 {
			buffer = nil
		}
		return row, nil
	}
	_, err := pool.CopyFrom(ctx, pgx.Identifier{t.name}, strings.Fields(t.columns), pgx.CopyFromFunc(next))
	return err
}

func (b *big) tables() []bigTable {
	byAccount := func(k *bigKey) string { return k.account }
	byCase := func(k *bigKey) string { return k.kase }
	return []bigTable{
		{"debtors", "id creditor_id key version", nil, false, func(p *bigPerson, add func(...any)) {
			add(p.debtor, p.creditor, fmt.Sprintf("D%07d", p.n), int64(1))
		}},
		{"debtor_profiles", "debtor_id name locale country address", nil, false, func(p *bigPerson, add func(...any)) {
			add(p.debtor, p.name(), "en-US", "US", []string{"1 Main Street"})
		}},
		{"accounts", "id debtor_id creditor_id key currency", byAccount, false, func(p *bigPerson, add func(...any)) {
			add(p.account, p.debtor, p.creditor, fmt.Sprintf("D%07d", p.n), "USD")
		}},
		{"items", "account_id key number due amount_minor currency version", byAccount, false, func(p *bigPerson, add func(...any)) {
			for _, it := range p.items {
				add(p.account, it.Key, it.Number, date(it.Due), it.Amount.Minor(), "USD", int64(1))
			}
		}},
		{"contact_points", "debtor_id id channel value kind rank", nil, false, func(p *bigPerson, add func(...any)) {
			add(p.debtor, "e1", "email", fmt.Sprintf("%s.%d@example.invalid", strings.ToLower(bigLast[p.n%len(bigLast)]), p.n), "personal", int32(1))
			add(p.debtor, "s1", "sms", fmt.Sprintf("+1212%07d", p.n*7919%10000000), "mobile", int32(1))
		}},
		{"cases", "id account_id debtor_id creditor_id sequence_id sequence_version status opened_at closed_at close_reason phase waiting next_verb next_step " +
			"next_at decided_at decided_version waits_for queue owner currency open_minor oldest_due", byCase, false, (*bigPerson).caseRow},
		{"account_standings", "account_id debtor_id creditor_id version body", byAccount, false, func(p *bigPerson, add func(...any)) {
			body, _ := json.Marshal(p.standing)
			add(p.account, p.debtor, p.creditor, int64(1), body)
		}},
		{"work", "account_id kind id debtor_id creditor_id case_id queue owner due opened_at rank body", byAccount, false, func(p *bigPerson, add func(...any)) {
			for _, w := range p.work {
				body, _ := json.Marshal(w)
				add(p.account, w.Kind, w.ID, p.debtor, p.creditor, p.kase, w.Queue, w.Owner, nullable(w.Due), w.Opened, w.At, body)
			}
		}},
		{"tasks", "debtor_id id account_id case_id kind queue step reason attempts opened_at", nil, false, (*bigPerson).taskRows},
		{"contacts", "id case_id debtor_id round step channel ordinal point_id template automatic decision_id version reserved_at state state_at " +
			"provider_id creditor_id", byCase, false, (*bigPerson).messageRows},
		{"logged_contacts", "debtor_id version seq creditor_id account_id case_id id at by direction channel outcome", nil, false, (*bigPerson).callRows},
		{"consent_ledger", "debtor_id version seq creditor_id kind at recorded_at by channel", nil, false, func(p *bigPerson, add func(...any)) {
			if p.n%5 == 0 {
				add(p.debtor, int64(1), int32(1), p.creditor, "opted_out", p.opened, p.opened, "debtor", "sms")
			}
		}},
		{"facts", "debtor_id version seq kind at account_id case_id item_key by amount_minor currency body", nil, true, (*bigPerson).factRows},
		{"attempts", "id contact_id seq version state at provider_id", byCase, true, (*bigPerson).attemptRows},
		{"decisions", "id case_id debtor_version verb step at waiting rule deferred core wall body", byCase, true, (*bigPerson).decisionRows},
	}
}

func (p *bigPerson) name() string {
	return bigFirst[p.n%len(bigFirst)] + " " + bigLast[p.n/len(bigFirst)%len(bigLast)]
}

func date(d dunning.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (p *bigPerson) caseRow(add func(...any)) {
	if !p.open {
		closed := p.opened.AddDate(0, 1, 0)
		add(p.kase, p.account, p.debtor, p.creditor, p.sequence, "v1", "closed", p.opened, closed, "paid", "closed", "", "", "", nil, closed, int64(1),
			"", "", "", "USD", int64(0), nil)
		return
	}
	add(p.kase, p.account, p.debtor, p.creditor, p.sequence, "v1", "open", p.opened, nil, nil, "matures", "", "send", p.step, p.next, p.opened, int64(1),
		string(p.waits), p.queue, p.owner, "USD", p.standing.Open, date(p.standing.Oldest))
}

// taskRows are the tasks behind the work, and one account in a hundred whose step failed for good.
func (p *bigPerson) taskRows(add func(...any)) {
	for _, w := range p.work {
		if kind, isTask := strings.CutPrefix(w.Kind, "task:"); isTask {
			add(p.debtor, w.ID, p.account, p.kase, kind, w.Queue, w.Step, "", int32(0), w.Opened)
		}
	}
	if p.open && p.n%100 == 0 {
		add(p.debtor, "f1", p.account, p.kase, "failed", "operations", p.step, "content", int32(0), p.opened)
	}
}

func (p *bigPerson) messageRows(add func(...any)) {
	for i, m := range p.messages {
		provider := any(nil)
		if m.state == "accepted" {
			provider = fmt.Sprintf("SM%032d", p.n*100+i)
		}
		point := "e1"
		if m.channel == "sms" {
			point = "s1"
		}
		add(m.id, p.kase, p.debtor, int32(i/len(bigSteps)), m.step, m.channel, int32(1), point, "friendly-reminder", true, "d", int64(i+2), m.at, m.state, m.at,
			provider, p.creditor)
	}
}

// callRows are the calls and replies of one debtor in four.
func (p *bigPerson) callRows(add func(...any)) {
	if p.n%4 != 0 {
		return
	}
	add(p.debtor, int64(1), int32(0), p.creditor, p.account, p.kase, "l1", p.opened.Add(36*time.Hour), bigUsers[p.n%len(bigUsers)],
		"outbound", "call", "no_answer")
}

// factRows are the log of a debtor who has one, as the core would have written it.
func (p *bigPerson) factRows(add func(...any)) {
	if !p.logged {
		return
	}
	put := func(version, seq int, at time.Time, kase, item any, by string, amount, currency any, b dunning.Body) {
		body, _ := json.Marshal(b)
		var account any
		if _, debtor := b.(dunning.DebtorKnown); !debtor {
			account = p.account
		}
		add(p.debtor, int64(version), int32(seq), string(b.Kind()), at, account, kase, item, by, amount, currency, body)
	}
	put(1, 0, p.opened, nil, nil, "import", nil, nil, dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}})
	for i, it := range p.items {
		put(1, 1+i, p.opened, nil, it.Key, "import", it.Amount.Minor(), "USD", it)
	}
	put(1, 20, p.opened, p.kase, nil, "system", nil, nil, dunning.CaseOpened{Sequence: p.sequence, Version: "v1"})
	for i, m := range p.messages {
		planned := dunning.ContactPlanned{
			ID: m.id, Step: m.step, Round: i / len(bigSteps), Channel: dunning.Channel(m.channel), Ordinal: 1, Point: "e1", Automatic: true,
		}
		for _, it := range p.items {
			planned.Items = append(planned.Items, dunning.ItemLine{Key: it.Key, Step: m.step, Amount: it.Amount})
		}
		put(3*i+2, 0, m.at, p.kase, nil, "system", nil, nil, planned)
		put(3*i+3, 0, m.at, p.kase, nil, "system", nil, nil, dunning.ContactMoved{ID: m.id, State: dunning.ContactSending})
		put(3*i+4, 0, m.at, p.kase, nil, "system", nil, nil, dunning.ContactMoved{ID: m.id, State: dunning.ContactState(m.state)})
	}
}

func (p *bigPerson) attemptRows(add func(...any)) {
	if !p.logged {
		return
	}
	for i, m := range p.messages {
		for seq, state := range []string{"reserved", "sending", m.state} {
			id := bigID(9, p.n*1000+3*i+seq)
			if state == "failed" || state == "cancelled" {
				state = "unknown" // a failure would need a class
			}
			add(id, m.id, int32(seq), int64(3*i+seq+2), state, m.at, nil)
		}
	}
}

func (p *bigPerson) decisionRows(add func(...any)) {
	if !p.logged {
		return
	}
	for i, m := range p.messages {
		for k, verb := range []string{"look", "send"} {
			body, _ := json.Marshal(dunning.Decision{Verb: dunning.Verb(verb), At: m.at, Step: m.step, Version: int64(3*i + 1)})
			add(fmt.Sprintf("%s-%d-%d", p.kase, i, k), p.kase, int64(3*i+1), verb, m.step, m.at, "", "", false, "1", m.at, body)
		}
	}
}

// asked is a question as a person would ask it, again and again with other values.
type asked struct {
	name string
	hot  bool // asked all day: never reads a table as a whole
	ask  func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error
}

// promised reports whether the question is one of those that have a promise: worklist,
// case page and search, alone and as whole pages of the console.
func (q asked) promised() bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(q.name, "page "), " ")
	return slices.Contains([]string{"my", "mine", "all", "work", "case", "search"}, first)
}

// scope is what a user may see: mostly one creditor, sometimes some or all.
func (b *big) scope(r *rand.Rand) read.Scope {
	switch r.IntN(4) {
	case 0:
		return read.Everything()
	case 1:
		return read.Only("c02", "c05", "c08")
	}
	return read.Only(bigCreditors[r.IntN(len(bigCreditors))].id)
}

func (b *big) caseQuestion(name string, f func(r *rand.Rand) read.CaseFilter) asked {
	return asked{name, true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
		scope, filter := b.scope(r), f(r)
		filter.Today = dunning.DateOf(bigNow)
		page, err := s.ListCases(ctx, scope, filter, read.Page{})
		if err != nil || page.Next == "" || r.IntN(3) > 0 {
			return err
		}
		_, err = s.ListCases(ctx, scope, filter, read.Page{After: page.Next})
		return err
	}}
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func pointer[T any](v T) *T { return &v }

// questions are all that a working day asks of the lists.
func (b *big) questions() []asked {
	work := func(name string, f func(r *rand.Rand) read.WorkFilter) asked {
		return asked{name, true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			scope, filter := b.scope(r), f(r)
			page, err := s.Worklist(ctx, scope, filter, bigNow, read.Page{})
			if err == nil && page.Next != "" && r.IntN(3) == 0 {
				_, err = s.Worklist(ctx, scope, filter, bigNow, read.Page{After: page.Next})
			}
			return err
		}}
	}
	search := func(name string, text func(r *rand.Rand) string) asked {
		return asked{name, true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.Search(ctx, b.scope(r), text(r), 20)
			return err
		}}
	}
	messages := func(name string, f func(r *rand.Rand) read.MessageFilter) asked {
		return asked{name, true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.Messages(ctx, b.scope(r), f(r), read.Page{})
			return err
		}}
	}
	cases := b.caseQuestion
	return []asked{
		work("my day", func(r *rand.Rand) read.WorkFilter {
			return read.WorkFilter{Owner: pick(r, bigUsers), Queues: []string{pick(r, []string{"early", "late", "legal"}), "operations"}}
		}),
		work("mine only", func(r *rand.Rand) read.WorkFilter { return read.WorkFilter{Owner: pick(r, bigUsers), Mine: true} }),
		work("all work", func(*rand.Rand) read.WorkFilter { return read.WorkFilter{} }),
		work("work of a kind", func(r *rand.Rand) read.WorkFilter {
			return read.WorkFilter{Kinds: []string{pick(r, []string{"task:call", "reply", "task:no_channel", "task:parked"})}}
		}),
		{"case page", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.CasePage(ctx, read.Everything(), b.logged(r, false), bigNow)
			return err
		}},
		{"case page, 60 contacts", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			p, err := s.CasePage(ctx, read.Everything(), b.logged(r, true), bigNow)
			if err == nil && len(p.Messages) != 60 {
				err = fmt.Errorf("%d messages", len(p.Messages))
			}
			return err
		}},
		{"case story", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.CaseTimeline(ctx, read.Everything(), b.logged(r, true), read.TimelineFilter{}, read.Page{})
			return err
		}},
		search("search a number", func(r *rand.Rand) string { return fmt.Sprintf("D%07d", r.IntN(b.accounts)) }),
		search("search an invoice", func(r *rand.Rand) string { return fmt.Sprintf("INV-%07d", r.IntN(b.accounts)) }),
		search("search a word", func(r *rand.Rand) string { return strings.ToLower(pick(r, bigLast)[:3]) }),
		search("search a name", func(r *rand.Rand) string { return pick(r, bigFirst) + " " + pick(r, bigLast) }),
		search("search an address", func(r *rand.Rand) string {
			n := r.IntN(b.accounts)
			return fmt.Sprintf("%s.%d@", strings.ToLower(bigLast[n%len(bigLast)]), n)
		}),
		search("search a phone", func(r *rand.Rand) string { return fmt.Sprintf("0212 %07d", r.IntN(b.accounts)*7919%10000000) }),
		search("search an id", func(r *rand.Rand) string { return b.people[r.IntN(len(b.people))].kase[:8] }),
		cases("cases", func(*rand.Rand) read.CaseFilter { return read.CaseFilter{} }),
		cases("cases by order", func(r *rand.Rand) read.CaseFilter { return read.CaseFilter{Sort: pick(r, read.CaseSorts())} }),
		cases("cases by wait", func(r *rand.Rand) read.CaseFilter {
			return read.CaseFilter{Waits: []read.Wait{pick(r, bigWaits).w}, Sort: pick(r, read.CaseSorts())}
		}),
		cases("cases by waits", func(r *rand.Rand) read.CaseFilter { return read.CaseFilter{Waits: []read.Wait{"task", read.WaitHold}} }),
		cases("cases by step", func(r *rand.Rand) read.CaseFilter {
			return read.CaseFilter{Sequences: []string{pick(r, bigSequences)}, Steps: []string{pick(r, bigSteps)}}
		}),
		cases("cases by queue", func(r *rand.Rand) read.CaseFilter {
			return read.CaseFilter{Queues: []string{pick(r, []string{"early", "legal", "nobody"})}}
		}),
		cases("cases by owner", func(r *rand.Rand) read.CaseFilter { return read.CaseFilter{Owner: pick(r, bigUsers)} }),
		cases("cases by amount", func(r *rand.Rand) read.CaseFilter {
			low := money.MustParse("1000.00", "USD").Of(int64(1000 << r.IntN(12)))
			return read.CaseFilter{MinOpen: &low, Sort: pick(r, []read.CaseSort{read.ByAmount, read.ByNext})}
		}),
		cases("cases by age", func(r *rand.Rand) read.CaseFilter {
			return read.CaseFilter{MinDays: pointer(r.IntN(250)), MaxDays: pointer(300), Sort: pick(r, []read.CaseSort{read.ByAge, read.ByNext})}
		}),
		cases("closed cases", func(*rand.Rand) read.CaseFilter {
			return read.CaseFilter{Status: read.StatusClosed, Sort: read.ByOpened}
		}),
		{"count of cases", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.CountCases(ctx, b.scope(r), read.CaseFilter{Waits: []read.Wait{pick(r, bigWaits).w}})
			return err
		}},
		messages("messages", func(*rand.Rand) read.MessageFilter { return read.MessageFilter{} }),
		messages("messages by state", func(r *rand.Rand) read.MessageFilter {
			return read.MessageFilter{States: []dunning.ContactState{pick(r, []dunning.ContactState{"unknown", "failed", "bounced", "accepted"})}}
		}),
		messages("messages by channel", func(r *rand.Rand) read.MessageFilter {
			return read.MessageFilter{Channels: []dunning.Channel{pick(r, []dunning.Channel{"letter", "sms"})}, Until: bigNow.AddDate(0, 0, -r.IntN(150))}
		}),
		messages("messages by id", func(r *rand.Rand) read.MessageFilter {
			return read.MessageFilter{ProviderID: fmt.Sprintf("SM%032d", r.IntN(b.accounts)*100)}
		}),
		messages("messages of a day", func(r *rand.Rand) read.MessageFilter {
			day := bigNow.AddDate(0, 0, -r.IntN(150))
			return read.MessageFilter{From: day, Until: day.AddDate(0, 0, 1)}
		}),
		{"consents", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.Consents(ctx, b.scope(r), read.ConsentFilter{}, read.Page{})
			return err
		}},
		{"frequency", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.Frequency(ctx, read.Everything(), b.people[r.IntN(len(b.people))].debtor, bigNow, 7)
			return err
		}},
		{"dead letters", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			scope := b.scope(r)
			list, err := s.DeadLetters(ctx, scope, nil, bigNow, read.Page{})
			if err == nil && list.Next != "" {
				_, err = s.DeadLetters(ctx, scope, nil, bigNow, read.Page{After: list.Next})
			}
			return err
		}},
		{"dead letters of a kind", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.DeadLetters(ctx, b.scope(r), []string{pick(r, []string{read.DeadUnknown, read.DeadFailed, read.DeadStuck, read.DeadInbox, read.DeadHook})}, bigNow, read.Page{})
			return err
		}},
		{"count of dead letters", true, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.CountDead(ctx, b.scope(r), bigNow)
			return err
		}},
		{"operating", false, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.Operating(ctx, b.scope(r), bigNow)
			return err
		}},
		{"queues", false, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.Queues(ctx, b.scope(r), bigNow)
			return err
		}},
		{"health", false, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.HealthNumbers(ctx, b.scope(r), bigNow)
			return err
		}},
		{"counts of steps", false, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.StepCounts(ctx, b.scope(r), "")
			return err
		}},
		{"most frequent", false, func(ctx context.Context, s *postgres.Store, b *big, r *rand.Rand) error {
			_, err := s.Frequent(ctx, b.scope(r), bigNow, 7, 50)
			return err
		}},
	}
}

// logged picks the case of a debtor with a log, or of one of those with sixty contacts.
func (b *big) logged(r *rand.Rand, heavy bool) string {
	step := b.logEvery
	if heavy {
		step *= 50
	}
	return bigID(3, step*r.IntN((b.accounts+step-1)/step))
}

// TestListsReadNoTableAsAWhole asks every hot question of a portfolio with real
// statistics and finds that no table that grows was read from one end to the other.
func TestListsReadNoTableAsAWhole(t *testing.T) {
	s, b := bigStore(t, 6_000, 15)
	// At this size a table fits a few hundred pages, and to read it whole would be cheaper
	// than to look for fifty rows if these came from a disk with a moving head.
	name := pgx.Identifier{s.Pool().Config().ConnConfig.Database}.Sanitize()
	if _, err := s.Pool().Exec(t.Context(), "ALTER DATABASE "+name+" SET random_page_cost = 1.1"); err != nil {
		t.Fatal(err)
	}
	s.Pool().Reset()
	before := scans(t, s)
	for _, q := range b.questions() {
		q.few(t, s, b)
	}
	after := scans(t, s)
	if len(wholes(before, after)) > 0 {
		for _, q := range b.questions() { // which was it?
			before = scans(t, s)
			q.few(t, s, b)
			for _, table := range wholes(before, scans(t, s)) {
				t.Errorf("%s: table %s was read as a whole", q.name, table)
			}
		}
	}
	if after["cases"].Index == before["cases"].Index || after["contacts"].Index == before["contacts"].Index {
		t.Error("no index was used at all: the statistics did not come, so this test proves nothing")
	}
}

// few asks some hot questions of a kind.
func (q asked) few(t *testing.T, s *postgres.Store, b *big) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		if !q.hot {
			return
		}
		if err := q.ask(t.Context(), s, b, r); err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
	}
}

// wholes are the tables that were read as a whole in between.
func wholes(before, after map[string]scanned) (out []string) {
	for _, table := range bigTables {
		if after[table].Seq > before[table].Seq {
			out = append(out, table)
		}
	}
	return out
}

// scanned is how often a table was read as a whole, and by an index.
type scanned struct {
	Table      string
	Seq, Index int64
}

// scans reads the server's statistics after all connections of the pool have handed
// theirs over, which they do before they end.
func scans(t *testing.T, s *postgres.Store) map[string]scanned {
	t.Helper()
	s.Pool().Reset()
	conn, err := pgx.Connect(t.Context(), s.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	eventually(t, "the pool's connections are gone", func() bool {
		var n int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "+
			"AND pid <> pg_backend_pid()").Scan(&n)
		return err == nil && n == 0
	})
	rows, err := conn.Query(t.Context(), "SELECT relname, seq_scan, coalesce(idx_scan, 0) FROM pg_stat_user_tables")
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[scanned])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]scanned{}
	for _, x := range all {
		out[x.Table] = x
	}
	return out
}
