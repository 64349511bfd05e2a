package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// identities is the namespace of the ids that follow from the creditor's own keys.
// It never changes: the same customer must be the same debtor in every import.
var identities = uuid.MustParse("5b0c4d1e-2a64-5f3b-9c0f-2f8a3c1d7e55")

// DebtorID is the id of a debtor, a UUID that follows from the creditor and the
// creditor's key.
func DebtorID(creditor, key string) string { return idOf("debtor", creditor, key) }

// AccountID is the id of an account, a UUID that follows from the creditor, the
// creditor's key and the currency.
func AccountID(creditor, key, currency string) string {
	return idOf("account", creditor, key, currency)
}

// CaseID is the id of an account's next case when it has had so many.
func CaseID(account string, had int) string { return idOf("case", account, strconv.Itoa(had)) }

func idOf(parts ...string) string {
	for i, p := range parts {
		parts[i] = cleanText(p)
	}
	return uuid.NewSHA1(identities, []byte(strings.Join(parts, "\x00"))).String()
}

// Profile is who a debtor is: personal data, for rendering and for people with the
// right to see it; never for logs.
type Profile struct {
	Debtor, Creditor, Key string
	Name                  string
	Locale                string   // BCP 47; empty: unknown
	Country               string   // ISO 3166-1 alpha-2; empty: unknown
	Address               []string // lines of a letter, without the name
}

// Point is a contact point with its value, which is personal data.
type Point struct {
	ID      string
	Channel dunning.Channel
	Value   string // number in E.164, email address, or address lines joined by \n; "" when erased
	Kind    string // mobile, landline, …
	Rank    int    // lower is preferred
	Dead    string // why it cannot be used; "" = usable
}

// Account is who owes whom in which currency.
type Account struct {
	ID, Debtor, Creditor string
	Key                  string // the creditor's own
	Currency             string
	DebtorKey            string
}

// PutCreditors makes creditors known; it is fine if they are already.
func (s *Store) PutCreditors(ctx context.Context, ids ...string) error {
	if err := s.q.AddCreditors(ctx, ids); err != nil {
		return fmt.Errorf("adding creditors: %w", explain(err))
	}
	return nil
}

// PutDebtor makes a debtor known, with its profile, and returns its id. What the
// profile leaves empty stays as it is. The creditor must be known.
func (s *Store) PutDebtor(ctx context.Context, p Profile) (string, error) {
	id := DebtorID(p.Creditor, p.Key)
	err := pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		if err := q.AddDebtors(ctx, []string{id}, []string{p.Creditor}, []string{cleanText(p.Key)}); err != nil {
			return err
		}
		var rows profileRows
		rows.add(id, p)
		return q.PutProfiles(ctx, rows.PutProfilesParams)
	})
	if err != nil {
		return "", fmt.Errorf("adding a debtor of creditor %s: %w", p.Creditor, explain(err))
	}
	return id, nil
}

// PutAccount makes an account of a known debtor known and returns its id. An account
// that is there already must be that debtor's.
func (s *Store) PutAccount(ctx context.Context, a Account) (string, error) {
	id := AccountID(a.Creditor, a.Key, a.Currency)
	err := s.q.AddAccounts(ctx, sqlgen.AddAccountsParams{
		Ids: []string{id}, Debtors: []string{a.Debtor}, Creditors: []string{a.Creditor},
		Keys: []string{cleanText(a.Key)}, Currencies: []string{a.Currency},
	})
	if err != nil {
		return "", fmt.Errorf("adding an account of debtor %s: %w", a.Debtor, explain(err))
	}
	there, err := s.q.AccountByID(ctx, id)
	switch {
	case err != nil:
		return "", fmt.Errorf("account %s: %w", id, explain(err))
	case there.DebtorID != a.Debtor:
		return "", fmt.Errorf("account %s is another debtor's: %w", id, ErrTaken)
	}
	return id, nil
}

// PutPoints stores the values of contact points. The facts PointKnown say the rest.
func (s *Store) PutPoints(ctx context.Context, debtor string, points ...Point) error {
	var rows pointRows
	for _, p := range points {
		rows.add(debtor, p)
	}
	if err := s.q.PutPointValues(ctx, rows.PutPointValuesParams); err != nil {
		return fmt.Errorf("contact points of debtor %s: %w", debtor, explain(err))
	}
	return nil
}

// profileRows are profiles as columns. An address is handed over as lines joined by
// line feeds: SQL has no arrays of arrays of different lengths.
type profileRows struct{ sqlgen.PutProfilesParams }

func (r *profileRows) add(debtor string, p Profile) {
	r.Debtors, r.Names = append(r.Debtors, debtor), append(r.Names, cleanText(p.Name))
	r.Locales, r.Countries = append(r.Locales, cleanText(p.Locale)), append(r.Countries, cleanText(p.Country))
	r.Addresses = append(r.Addresses, cleanText(strings.Join(p.Address, "\n")))
}

type pointRows struct{ sqlgen.PutPointValuesParams }

func (r *pointRows) add(debtor string, p Point) {
	r.Debtors, r.Ids = append(r.Debtors, debtor), append(r.Ids, p.ID)
	r.Channels, r.Vals = append(r.Channels, string(p.Channel)), append(r.Vals, cleanText(p.Value))
}

// Profile returns a debtor's profile. ErrNotFound if there is no such debtor.
func (s *Store) Profile(ctx context.Context, debtor string) (Profile, error) {
	r, err := s.q.Profile(ctx, debtor)
	if err != nil {
		return Profile{}, fmt.Errorf("debtor %s: %w", debtor, explain(err))
	}
	return Profile{Debtor: r.ID, Creditor: r.CreditorID, Key: r.Key, Name: r.Name, Locale: r.Locale, Country: r.Country, Address: r.Address}, nil
}

// Points returns a debtor's contact points, by channel and rank.
func (s *Store) Points(ctx context.Context, debtor string) ([]Point, error) {
	rows, err := s.q.PointsOf(ctx, debtor)
	if err != nil {
		return nil, fmt.Errorf("contact points of debtor %s: %w", debtor, explain(err))
	}
	out := make([]Point, len(rows))
	for i, r := range rows {
		out[i] = Point{r.ID, dunning.Channel(r.Channel), value(r.Value), r.Kind, int(r.Rank), value(r.Dead)}
	}
	return out, nil
}

// Owner is a debtor and the point by which it was found.
type Owner struct{ Debtor, Point string }

// Owners returns whose contact point a number or address is, of all creditors: one
// person may be several debtors.
func (s *Store) Owners(ctx context.Context, channel dunning.Channel, value string) ([]Owner, error) {
	rows, err := s.q.PointsByValue(ctx, value, string(channel))
	if err != nil {
		return nil, fmt.Errorf("looking for a contact point: %w", explain(err))
	}
	out := make([]Owner, len(rows))
	for i, r := range rows {
		out[i] = Owner{r.DebtorID, r.ID}
	}
	return out, nil
}

// Erase removes a debtor's name, address lines, the names of people around, the values of all contact points and the
// copies of messages and letters sent; digests stay.
// What was decided stays: it names nobody.
func (s *Store) Erase(ctx context.Context, debtor string) error {
	return s.InDebtor(ctx, []string{debtor}, func(tx *Tx) error {
		if _, err := tx.q.EraseProfile(ctx, debtor); err != nil {
			return err
		}
		if _, err := tx.q.ErasePointValues(ctx, debtor); err != nil {
			return err
		}
		if _, err := tx.q.ErasePersons(ctx, debtor); err != nil {
			return err
		}
		if _, err := tx.q.EraseSent(ctx, debtor); err != nil {
			return err
		}
		if _, err := tx.q.EraseLetters(ctx, debtor); err != nil {
			return err
		}
		if _, err := tx.q.EraseSandbox(ctx, debtor); err != nil {
			return err
		}
		_, err := tx.q.EraseInbox(ctx, debtor)
		return err
	})
}

// Account returns an account by its id. ErrNotFound if there is none.
func (s *Store) Account(ctx context.Context, id string) (Account, error) {
	r, err := s.q.AccountByID(ctx, id)
	if err != nil {
		return Account{}, fmt.Errorf("account %s: %w", id, explain(err))
	}
	return Account{r.ID, r.DebtorID, r.CreditorID, r.Key, r.Currency, r.DebtorKey}, nil
}

// Accounts returns a page of all accounts in the order of their ids, after a cursor
// ("" at first, then the last account's ID). An empty page is the end.
func (s *Store) Accounts(ctx context.Context, after string, limit int) ([]Account, error) {
	rows, err := s.q.AccountsFrom(ctx, null(after), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", explain(err))
	}
	out := make([]Account, len(rows))
	for i, r := range rows {
		out[i] = Account{r.ID, r.DebtorID, r.CreditorID, r.Key, r.Currency, r.DebtorKey}
	}
	return out, nil
}

// AccountsByKey returns a customer number's accounts at a creditor, one per currency.
func (s *Store) AccountsByKey(ctx context.Context, creditor, key string) ([]Account, error) {
	rows, err := s.q.AccountByKey(ctx, creditor, key)
	if err != nil {
		return nil, fmt.Errorf("looking for an account: %w", explain(err))
	}
	out := make([]Account, len(rows))
	for i, r := range rows {
		out[i] = Account{ID: r.ID, Debtor: r.DebtorID, Creditor: r.CreditorID, Key: r.Key, Currency: r.Currency}
	}
	return out, nil
}

// Feed is until when a creditor's payment data is known to be complete.
type Feed struct {
	Creditor string
	Until    time.Time // business time; zero: never said
}

// Feeds returns all creditors with their feeds, by id.
func (s *Store) Feeds(ctx context.Context) ([]Feed, error) {
	rows, err := s.q.Creditors(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading creditors: %w", explain(err))
	}
	out := make([]Feed, len(rows))
	for i, r := range rows {
		out[i] = Feed{r.ID, value(r.FeedUntil)}
	}
	return out, nil
}

// feedPage is how many debtors learn of a feed in one transaction.
const feedPage = 500

// FeedSeen notes that a creditor's payment data is complete until an instant, and
// tells every debtor with an open case by a fact; their cases are nudged. An instant
// before the last one changes nothing. The last one again reaches those who have not
// heard it, because an earlier call broke off.
func (s *Store) FeedSeen(ctx context.Context, creditor string, until time.Time) error {
	n, err := s.q.SetFeed(ctx, micros(until), creditor)
	if err != nil || n == 0 {
		return explain(err)
	}
	source := "feed/" + creditor + "/" + micros(until).Format(time.RFC3339Nano)
	fact := dunning.Fact{At: until, By: "system", Source: source, Body: dunning.FeedSeen{Until: micros(until), Creditor: creditor}}
	after := ""
	for {
		page, err := s.q.DebtorsToTell(ctx, creditor, null(after), feedPage)
		if err != nil || len(page) == 0 {
			return explain(err)
		}
		if err := s.tell(ctx, page, fact); err != nil {
			return err
		}
		after = page[len(page)-1]
	}
}

// FeedComplete notes that a creditor's payment data is complete until an instant without
// telling anybody: for a rehearsal, whose debtors know all payments from the beginning. A
// creditor that is not known yet has none.
func (s *Store) FeedComplete(ctx context.Context, creditor string, until time.Time) error {
	_, err := s.q.SetFeed(ctx, micros(until), creditor)
	return explain(err)
}

// tell appends the same fact to many debtors and nudges their open cases.
func (s *Store) tell(ctx context.Context, debtors []string, fact dunning.Fact) error {
	return s.InDebtor(ctx, debtors, func(tx *Tx) error {
		all := make([]addition, len(debtors))
		for i, d := range debtors {
			all[i] = addition{d, []dunning.Fact{fact}}
		}
		added, err := tx.appendAll(ctx, all)
		if err != nil {
			return err
		}
		var told []string
		for i, d := range debtors {
			if added[i].count() > 0 {
				told = append(told, d)
			}
		}
		return tx.nudgeOpen(ctx, told)
	})
}

// nudgeOpen nudges every open case of debtors.
func (tx *Tx) nudgeOpen(ctx context.Context, debtors []string) error {
	cases, err := tx.q.OpenCasesOf(ctx, debtors)
	if err != nil {
		return err
	}
	return tx.Nudge(ctx, cases...)
}
