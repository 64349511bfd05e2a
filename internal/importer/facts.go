package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/duly/duly/dunning"
)

// Entry is one row ready to be stored: whose it is, and its facts with the
// source keys that make them idempotent.
type Entry struct {
	Row      int
	Line     int
	Creditor string
	Debtor   Debtor
	Key      string // of the account, as the file has it
	Account  string // id of the account in facts, see AccountID
	Currency string
	// Facts are in time order. The first fact of the row itself, Facts[Main],
	// decides whether the row is known already.
	Facts []dunning.Fact
	Main  int
	// Payment is set for rows of a payments file, which need an account that exists.
	Payment bool
	// Undated is set where the row says nothing of when: its facts hold from the first
	// import on, and the same row in a later import is the same.
	Undated bool
}

// importedBy is the author of every imported fact.
const importedBy = "import"

// stager turns records into entries. It remembers what a file has said
// already, so that repetitions are told from contradictions.
type stager struct {
	p      *plan
	since  map[string]time.Time // debtor → beginning of its earliest item
	said   map[string]bool      // debtor and content of a debtor fact
	mains  map[string]mainFact  // source key of a row's own fact → what it said
	at     time.Time            // of the import
	counts map[string]int       // payments without a reference: content → how often so far
}

type mainFact struct {
	row    int
	digest string
}

func newStager(p *plan) *stager {
	return &stager{p: p, since: map[string]time.Time{}, said: map[string]bool{}, mains: map[string]mainFact{}, counts: map[string]int{}}
}

// note learns from when on a debtor must be known: from its earliest item.
func (s *stager) note(rec Record) {
	if rec.Item.Key == "" {
		return
	}
	at := s.start(rec)
	if first, ok := s.since[rec.Debtor.Key]; !ok || at.Before(first) {
		s.since[rec.Debtor.Key] = at
	}
}

// start is the beginning of the day of issue in the creditor's zone.
func (s *stager) start(rec Record) time.Time { return s.p.at(day(rec.Item.Issued), 0) }

func day(d dunning.Date) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}

// entry makes the entry of a record. repeated is true when an earlier row of
// the file said the same; a problem says that one said otherwise.
func (s *stager) entry(rec Record) (e Entry, repeated bool, p *Problem) {
	e = Entry{Row: rec.Row, Line: rec.Line, Creditor: s.p.creditor.ID, Debtor: rec.Debtor, Key: rec.Key, Account: rec.Account, Currency: rec.Currency}
	var own []dunning.Fact
	switch {
	case rec.Item.Key != "":
		own = s.itemFacts(rec)
	case len(rec.Said) > 0:
		own, e.Payment, e.Undated = s.saidFacts(rec), true, rec.Said[0].At.IsZero()
		e.Debtor.Points = rec.Debtor.Points
	default:
		own, e.Payment = []dunning.Fact{s.paymentFact(rec)}, true
	}
	digest := digestOf(rec)
	main := own[0]
	key := join(rec.Debtor.Key, string(main.Body.Kind()), main.Source)
	if earlier, ok := s.mains[key]; ok {
		if earlier.digest == digest {
			return e, true, nil
		}
		return e, false, &Problem{Row: rec.Row, Line: rec.Line, Field: keyField(e), Message: contradiction(e, rec, earlier.row)}
	}
	s.mains[key] = mainFact{rec.Row, digest}
	if !e.Payment {
		e.Facts = s.debtorFacts(rec)
	}
	e.Main = len(e.Facts)
	e.Facts = append(e.Facts, own...)
	return e, false, nil
}

func keyField(e Entry) string {
	if e.Payment {
		return "reference"
	}
	return "item"
}

func contradiction(e Entry, rec Record, row int) string {
	what, key := "the item", rec.Item.Key
	if e.Payment {
		what, key = "the payment", rec.Reference
	}
	if len(rec.Said) > 0 {
		what = "the record"
	}
	if key == "" {
		key = rec.Reverses
	}
	return what + " " + quote(key) + " of this account is in row " + itoa(row) + " too, with other values; keep the right row"
}

// digestOf is everything that a row says of its item or payment.
func digestOf(rec Record) string {
	text := make([]byte, 0, 256)
	add := func(words ...string) {
		for _, w := range words {
			text = append(append(text, w...), 0)
		}
	}
	if len(rec.Said) > 0 {
		return shortHash(rec.Said)
	}
	it := rec.Item
	add(it.Key, it.Number, it.Class, it.Issued.String(), it.Due.String(), it.Amount.String())
	add(rec.Amended.String(), rec.PaidSum.String(), rec.For, rec.Reference, rec.Reverses)
	for _, at := range []time.Time{rec.Disputed, rec.Decided, rec.Corrected, rec.Paid} {
		text = strconv.AppendInt(append(text, 0), at.Unix(), 10)
	}
	sum := sha256.Sum256(text)
	return string(sum[:16])
}

// fact fills the envelope.
func (s *stager) fact(rec Record, at time.Time, source string, body dunning.Body) dunning.Fact {
	return dunning.Fact{At: at, Account: rec.Account, By: importedBy, Source: source, Body: body}
}

// debtorFacts are what the row says of the debtor that no earlier row said.
func (s *stager) debtorFacts(rec Record) []dunning.Fact {
	d := rec.Debtor
	known := dunning.DebtorKnown{DebtorKind: d.Kind, Locale: d.Locale, Country: d.Country, Places: d.Places, Zones: d.Zones, Tags: d.Tags}
	var out []dunning.Fact
	add := func(source string, body dunning.Body) {
		if key := join(d.Key, rec.Account, source); !s.said[key] {
			s.said[key] = true
			f := s.fact(rec, s.since[d.Key], source, body)
			f.Account = "" // the debtor's, whatever the account
			out = append(out, f)
		}
	}
	source := "debtor/" + shortHash(known) // not by the evidence, whose words may change with a release
	known.Evidence = d.Evidence
	add(source, known)
	for _, p := range d.Points {
		add("point/"+p.ID, dunning.PointKnown{ID: p.ID, Channel: p.Channel, PointKind: p.Kind, Source: importedBy, Zones: p.Zones, Places: p.Places})
	}
	return out
}

func shortHash(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // strings always marshal
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// itemFacts are the item and what its row says happened to it, in time order
// but for the item itself, which is first: money may be older than its invoice.
func (s *stager) itemFacts(rec Record) []dunning.Fact {
	key := func(what ...string) string { return join(append([]string{rec.Account, rec.Item.Key}, what...)...) }
	if rec.Credit {
		at := s.p.at(day(rec.Item.Issued), s.p.postAt)
		return []dunning.Fact{s.fact(rec, at, key("credit"), dunning.Payment{ID: key("credit"), Amount: rec.Item.Amount.Neg()})}
	}
	out := []dunning.Fact{s.fact(rec, s.start(rec), key(), rec.Item)}
	if !rec.Corrected.IsZero() {
		out = append(out, s.fact(rec, rec.Corrected, key("corrected", rec.Corrected.Format(time.DateOnly), rec.Amended.Decimal()),
			dunning.ItemCorrected{Item: rec.Item.Key, Amount: rec.Amended, Reason: importedBy}))
	}
	if !rec.Disputed.IsZero() {
		out = append(out, s.fact(rec, rec.Disputed, key("dispute"), dunning.DisputeRaised{ID: key("dispute"), Item: rec.Item.Key}))
	}
	if !rec.Paid.IsZero() {
		out = append(out, s.fact(rec, rec.Paid, key("paid"), dunning.Payment{ID: key("paid"), Amount: rec.PaidSum, Item: rec.Item.Key}))
	}
	if at, outcome := s.resolved(rec); !at.IsZero() {
		out = append(out, s.fact(rec, at, key("dispute", "end"), dunning.DisputeResolved{ID: key("dispute"), Outcome: outcome}))
	}
	inTimeOrder(out[1:])
	return out
}

// resolved says when and how a dispute ended: by a decision, or by payment of
// the whole, whichever came first.
func (s *stager) resolved(rec Record) (time.Time, string) {
	if rec.Disputed.IsZero() {
		return time.Time{}, ""
	}
	decided, outcome := rec.Decided, "rejected"
	if o := s.p.m.Disputes.Outcome; o != "" {
		outcome = o
	}
	if decided.Before(rec.Disputed) {
		decided = time.Time{}
	}
	if rec.settles() && (decided.IsZero() || rec.Paid.Before(decided)) {
		return rec.Paid, "closed"
	}
	return decided, outcome
}

// paymentFact is a payment or its reversal. Without a reference the key is
// what the row says and how often the file has said it before, so that the
// same payment in another export is the same, and two alike are two.
func (s *stager) paymentFact(rec Record) dunning.Fact {
	if rec.Reverses != "" {
		return s.fact(rec, rec.Paid, join(rec.Account, "reversal", rec.Reverses),
			dunning.PaymentReversed{Payment: join(rec.Account, "ref", rec.Reverses), Reason: importedBy})
	}
	id := join(rec.Account, "ref", rec.Reference)
	if rec.Reference == "" {
		content := shortHash([]string{rec.Paid.Format(time.RFC3339), rec.PaidSum.String(), rec.For})
		s.counts[join(rec.Account, content)]++
		id = join(rec.Account, "paid", content, itoa(s.counts[join(rec.Account, content)]))
	}
	return s.fact(rec, rec.Paid, id, dunning.Payment{ID: id, Amount: rec.PaidSum, Item: rec.For})
}
