package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
)

// told are the flags of everything that somebody said or wrote.
var told = []string{"medium", "words", "person", "during", "evidence", "on"}

func init() {
	maps.Copy(help, contactHelp)
	verbs = slices.Concat(verbs, contactVerbs)
}

var contactHelp = map[string]string{
	"medium":           "how it reached us: " + strings.Join(dunning.Media, ", "),
	"words":            "the words, as they were said or written",
	"person":           "who said it or was reached: id of a person, or a relation (default: the debtor)",
	"during":           "id of the contact in which it was said",
	"evidence":         "where the proof is kept",
	"debts":            "accounts that it is about, separated by commas; this = the case's own (default: all)",
	"refusal":          "medium (default), keyword, revocation (of consent to automated messages), marketing",
	"stop-word":        "yes: said with a bare stop word",
	"everything":       "yes: every channel, calls and letters too",
	"topic":            "one purpose only",
	"in-reply-to":      "purpose of the message that it answered",
	"scope-of":         "what it allows: contact (default), tcpa, dc_ecomm, nyc_ecomm, ny_email, esign …",
	"basis":            "express, written, number_on_credit_application …; of a contact: why it may be outside a count",
	"given-to":         "id of who received it (default: the creditor)",
	"direct":           "yes: given by the person to them, not handed on",
	"during-breach":    "yes: in a contact that itself broke the rules",
	"employer-owned":   "yes: the address is the employer's",
	"purpose":          "one purpose only; of a contact: what for (default: collect)",
	"frequency":        "yes: to calls beyond the count",
	"only-on":          "day, YYYY-MM-DD",
	"from":             "HH:MM, local time",
	"to":               "HH:MM, local time; 24:00 allowed",
	"consent":          "id of the consent",
	"days":             "Mon,Tue,…; left out: every day",
	"zone":             "IANA name of the zone (default: the debtor's first)",
	"wish":             "inconvenient_place, no_work_calls or callback_request; of unwish: the id",
	"place":            "home, work …; of location: a jurisdiction such as US-MA",
	"status":           strings.Join(dunning.Statuses(), ", "),
	"stage":            "bankruptcy: open, dismissed, closed, discharged; breathing_space: standard, mental_health_crisis; any: ended",
	"since":            "day or instant from which it holds",
	"who":              "id of the attorney or executor",
	"contact-known":    "yes: the attorney's name and address are known or easy to find",
	"written-to":       "day or instant at which the attorney was last written to",
	"responded":        "yes",
	"direct-consent":   "yes: the attorney agrees to direct contact",
	"chapter":          "of the bankruptcy",
	"district":         "of the court",
	"number":           "of the court's case, certificate or scheme",
	"dismissed":        "day",
	"discharged":       "day",
	"checked":          "day of the check",
	"stops":            "yes or no: whether it stops contact and clock (default: as is usual)",
	"class":            "consumer or commercial",
	"debt-kind":        "credit_card, medical, student_loan, mortgage …",
	"role":             "first_party or third_party, where it is not the creditor's",
	"original":         "original creditor",
	"default-on":       "day of default",
	"obtained-on":      "day it was placed or bought",
	"in-default":       "yes: it was in default then",
	"charged-off-on":   "day",
	"time-barred":      "yes",
	"barred-basis":     "how that is known",
	"servicing":        "servicing account of student loans",
	"received-on":      "day the invoice, or the notice, was received",
	"terms-given":      "yes: the invoice said when default follows",
	"itemization-date": "day",
	"itemization-kind": "last_statement, charge_off …",
	"relation":         strings.Join(dunning.Relations, ", "),
	"name":             "the person's name (kept apart from the facts)",
	"language":         "BCP 47",
	"minor":            "yes",
	"value":            "number in E.164, email address, or address lines separated by |",
	"line":             "mobile, landline, voip, work, personal, employer, residence",
	"source":           "consumer, creditor, skip_trace, prior_collector …",
	"owned-by":         "id of the person whose it is (default: the debtor)",
	"at-place":         "the place it is tied to: home, work",
	"shared":           "yes: others hear or read what arrives",
	"employer":         "yes: the employer provides it",
	"public":           "yes: a domain open to everybody",
	"rank":             "lower is preferred",
	"notice":           "validation_notice, dc_m2A_notice …; from the debtor: cease_communication, refuses_to_pay, original_creditor_request; of came: the id",
	"method":           "certified, ordinary …",
	"ends":             "day its period ends, as printed",
	"deadline":         "last day to object",
	"was":              "undeliverable, delivered or opted_out",
	"database":         "name of the database",
	"answer":           "same, reassigned or no_data",
	"verified":         "how the right party was verified",
	"seconds":          "how long it took",
	"duplicative":      "yes: it says again what was answered",
}

// contactVerbs are the subcommands about what contact law asks for.
var contactVerbs = []verb{
	{
		"message", "Record a message, letter or visit outside the sequence",
		[]string{"channel!", "outcome", "point", "person", "purpose", "debts", "basis", "on"},
		func(w words) (dunning.Command, error) {
			c, err := w.logged("outbound", dunning.Channel(w.given["channel"]), dunning.Outcomes)
			return c, err
		}, nil,
	},
	{
		"consent", "Record consent with its scope",
		slices.Concat([]string{
			"basis!", "scope-of", "channel", "point", "given-to", "direct", "during-breach", "employer-owned", "purpose", "frequency", "debts",
			"only-on", "from", "to", "until",
		}, told), makeConsent, nil,
	},
	{
		"revoke", "End a consent", slices.Concat([]string{"consent!"}, told),
		func(w words) (dunning.Command, error) {
			s, err := w.saying()
			return dunning.RevokeConsent{ID: w.given["consent"], Saying: s}, err
		}, nil,
	},
	{
		"times", "Record times at which the debtor must not be contacted",
		slices.Concat([]string{"days", "from!", "to!", "zone"}, told),
		func(w words) (dunning.Command, error) {
			s, err := w.saying()
			return dunning.StateTimes{TimesInconvenient: dunning.TimesInconvenient{
				ID: w.id, Days: w.list("days"), From: w.given["from"], To: w.given["to"], Zone: w.given["zone"], Told: s.Told,
			}, Received: s.Received}, err
		}, nil,
	},
	{
		"wish", "Record another wish: an inconvenient place, no calls at work, a call back",
		slices.Concat([]string{"wish!", "place"}, told),
		func(w words) (dunning.Command, error) {
			s, err := w.saying()
			return dunning.StateWish{WishStated: dunning.WishStated{ID: w.id, Wish: w.given["wish"], Place: w.given["place"], Told: s.Told}, Received: s.Received}, err
		}, nil,
	},
	{
		"unwish", "Take a wish or inconvenient times back",
		slices.Concat([]string{"wish!"}, told),
		func(w words) (dunning.Command, error) {
			s, err := w.saying()
			return dunning.WithdrawWish{ID: w.given["wish"], Saying: s}, err
		}, nil,
	},
	{
		"status", "Record a legal status, or more about one (with its --id): attorney, bankruptcy, deceased …",
		slices.Concat([]string{
			"status!", "stage", "since", "until", "who", "contact-known", "written-to", "responded", "direct-consent", "chapter", "district", "number",
			"dismissed", "discharged", "checked", "stops", "debts",
		}, told), makeStatus, nil,
	},
	{"debt", "Say what the account is as a debt", []string{
		"class", "debt-kind", "role", "original", "default-on", "obtained-on", "in-default", "charged-off-on", "time-barred", "barred-basis", "servicing",
		"received-on", "terms-given", "itemization-date", "itemization-kind",
	}, makeDebt, nil},
	{
		"person", "Make somebody beside the debtor known: spouse, executor, attorney …",
		[]string{"relation!", "name", "debts", "language", "minor"},
		func(w words) (dunning.Command, error) {
			return dunning.KnowPerson{PersonKnown: dunning.PersonKnown{
				ID: w.id, Relation: w.given["relation"], Debts: w.debts(), Language: w.given["language"], Minor: w.yes("minor"),
			}}, w.allYes("minor")
		}, keepPerson,
	},
	{
		"location", "Say where the debtor really is; without a zone: that it is not known any more",
		slices.Concat([]string{"zone", "place", "basis"}, told),
		func(w words) (dunning.Command, error) {
			s, err := w.saying()
			return dunning.KnowLocation{LocationKnown: dunning.LocationKnown{
				Zone: w.given["zone"], Place: w.given["place"], Basis: w.given["basis"],
				Told: s.Told,
			}, Received: s.Received}, err
		}, nil,
	},
	{
		"point", "Add a contact point, or more about one",
		[]string{
			"channel!", "value!", "line", "source", "owned-by", "at-place", "shared", "employer", "public", "evidence", "obtained-on", "checked", "rank",
		},
		makePoint, keepPoint,
	},
	{
		"dead", "Make a contact point unusable",
		[]string{"point!", "reason!"},
		func(w words) (dunning.Command, error) {
			return dunning.MarkPoint{PointDead: dunning.PointDead{ID: w.given["point"], Reason: w.given["reason"]}}, w.oneOf("point", w.points)
		}, nil,
	},
	{
		"notice", "Record a legal notice that was sent",
		[]string{"notice!", "channel", "method", "ends", "received-on", "deadline", "debts", "language", "evidence", "on"},
		makeNotice, nil,
	},
	{
		"came", "Record what became of a notice: it came back, was delivered, or was objected to",
		[]string{"notice!", "was!", "received-on"},
		func(w words) (dunning.Command, error) {
			day, err := w.day("received-on")
			was := w.given["was"]
			c := dunning.ChangeNotice{NoticeChanged: dunning.NoticeChanged{
				ID: w.given["notice"], Undeliverable: was == "undeliverable",
				OptedOut: was == "opted_out", Delivered: day,
			}}
			if was == "delivered" && day.IsZero() {
				c.Delivered = dunning.DateOf(w.now.In(w.zone))
			}
			return c, errors.Join(err, w.oneOf("was", []string{"undeliverable", "delivered", "opted_out"}))
		}, nil,
	},
	{
		"received", "Record a letter or notice from the debtor's side",
		slices.Concat([]string{"notice!", "debts", "duplicative"}, told),
		func(w words) (dunning.Command, error) {
			s, err := w.saying()
			return dunning.ReceiveNotice{NoticeReceived: dunning.NoticeReceived{
				ID: w.id, Notice: w.given["notice"], Debts: w.debts(), Duplicative: w.yes("duplicative"), Told: s.Told,
			}, Received: s.Received}, errors.Join(err, w.allYes("duplicative"))
		}, nil,
	},
	{
		"number-check", "Record the answer of a database about who holds a number",
		[]string{"point!", "database!", "answer!", "on"},
		func(w words) (dunning.Command, error) {
			at, err := w.past("on")
			return dunning.CheckNumber{NumberChecked: dunning.NumberChecked{
					ID: w.id, Point: w.given["point"], Database: w.given["database"],
					Answer: w.given["answer"],
				}, Received: at},
				errors.Join(err, w.oneOf("point", w.points))
		}, nil,
	},
}

// saying reads how something reached us.
func (w words) saying() (dunning.Saying, error) {
	at, err := w.past("on")
	return dunning.Saying{Told: dunning.Told{
		Medium: w.given["medium"], Words: w.given["words"], Reader: w.reader(), Person: w.given["person"], During: w.given["during"], Evidence: w.given["evidence"],
	}, Received: at}, errors.Join(err, w.oneOf("medium", dunning.Media))
}

// reader is who read the words into what is recorded.
func (w words) reader() string {
	if w.given["words"] == "" {
		return ""
	}
	return w.by
}

// list reads words separated by commas.
func (w words) list(name string) []string {
	return strings.FieldsFunc(w.given[name], func(r rune) bool { return r == ',' || r == ' ' })
}

// debts are the accounts that something is about; none is all.
func (w words) debts() []string {
	out := w.list("debts")
	for i, id := range out {
		if id == "this" {
			out[i] = w.account
		}
	}
	return out
}

// yes reads a flag that says yes or no.
func (w words) yes(name string) bool {
	v := strings.ToLower(w.given[name])
	return v == "yes" || v == "true"
}

// allYes refuses flags that say neither yes nor no.
func (w words) allYes(names ...string) error {
	for _, n := range names {
		switch strings.ToLower(w.given[n]) {
		case "", "yes", "true", "no", "false":
		default:
			return fmt.Errorf("--%s: %q is neither yes nor no", n, w.given[n])
		}
	}
	return nil
}

// day reads a calendar day; none when the flag is not given.
func (w words) day(name string) (dunning.Date, error) {
	if w.given[name] == "" {
		return dunning.Date{}, nil
	}
	d, err := dunning.ParseDate(w.given[name])
	if err != nil {
		return d, fmt.Errorf("--%s: %w", name, err)
	}
	return d, nil
}

// logged is a contact that people had.
// logged is a contact that somebody had; outcomes are those that it may have had.
func (w words) logged(direction string, ch dunning.Channel, outcomes []string) (dunning.LogContact, error) {
	at, err := w.past("on")
	seconds, err2 := w.number("seconds", 0)
	outcome := w.or("outcome", "sent")
	if direction == "inbound" {
		outcome = w.or("outcome", "received")
	}
	return dunning.LogContact{ContactLogged: dunning.ContactLogged{
		ID: w.id, Direction: direction, Channel: ch, Outcome: outcome, Point: w.given["point"], Person: w.given["person"], Purpose: w.given["purpose"],
		Debts: w.debts(), Basis: w.given["basis"], Verified: w.given["verified"], Seconds: seconds, Collector: w.by, Evidence: w.given["evidence"],
	}, Happened: at}, errors.Join(err, err2, w.oneOf("outcome", outcomes), w.channelAndPoint())
}

func makeConsent(w words) (dunning.Command, error) {
	s, err := w.saying()
	only, err2 := w.day("only-on")
	until, err3 := w.when("until")
	c := dunning.Consented{
		ID: w.id, Basis: w.given["basis"], Channel: dunning.Channel(w.given["channel"]), Point: w.given["point"], Scope: w.given["scope-of"],
		GivenTo: w.given["given-to"],
		Direct:  w.yes("direct"), DuringBreach: w.yes("during-breach"), EmployerOwned: w.yes("employer-owned"), Purpose: w.given["purpose"],
		Frequency: w.yes("frequency"),
		Debts:     w.debts(), OnlyOn: only, From: w.given["from"], To: w.given["to"], Until: until, Told: s.Told,
	}
	return dunning.GiveConsent{Consented: c, Received: s.Received},
		errors.Join(err, err2, err3, w.channelAndPoint(), w.allYes("direct", "during-breach", "employer-owned", "frequency"))
}

func makeStatus(w words) (dunning.Command, error) {
	s, err := w.saying()
	since, err2 := w.past("since")
	until, err3 := w.when("until")
	written, err4 := w.past("written-to")
	dismissed, err5 := w.day("dismissed")
	discharged, err6 := w.day("discharged")
	checked, err7 := w.day("checked")
	c := dunning.RecordStatus{Received: s.Received, StatusKnown: dunning.StatusKnown{
		ID: w.id, Status: w.given["status"], Stage: w.given["stage"], Since: since, Until: until, Debts: w.debts(), Who: w.given["who"],
		ContactKnown: w.yes("contact-known"), WrittenTo: written, Responded: w.yes("responded"), DirectConsent: w.yes("direct-consent"),
		Chapter: w.given["chapter"], District: w.given["district"], Number: w.given["number"], Dismissed: dismissed, Discharged: discharged,
		Checked: checked, Told: s.Told,
	}}
	if w.given["stops"] != "" {
		stops := w.yes("stops")
		c.Hold = &stops
	}
	return c, errors.Join(err, err2, err3, err4, err5, err6, err7, w.oneOf("status", dunning.Statuses()), w.allYes("contact-known", "responded",
		"direct-consent", "stops"))
}

func makeDebt(w words) (dunning.Command, error) {
	var errs []error
	day := func(name string) dunning.Date {
		d, err := w.day(name)
		errs = append(errs, err)
		return d
	}
	d := dunning.DebtKnown{
		Class: w.given["class"], DebtKind: w.given["debt-kind"], Role: w.given["role"], Original: w.given["original"], Default: day("default-on"),
		Obtained: day("obtained-on"), InDefault: w.yes("in-default"), ChargedOff: day("charged-off-on"), TimeBarred: w.yes("time-barred"),
		BarredBasis: w.given["barred-basis"],
		Servicing:   w.given["servicing"], Received: day("received-on"), TermsGiven: w.yes("terms-given"), Itemized: day("itemization-date"),
		ItemizedBy: w.given["itemization-kind"],
	}
	return dunning.DescribeDebt{DebtKnown: d}, errors.Join(append(errs, w.allYes("in-default", "time-barred", "terms-given"))...)
}

func makeNotice(w words) (dunning.Command, error) {
	at, err := w.past("on")
	ends, err2 := w.day("ends")
	received, err3 := w.day("received-on")
	deadline, err4 := w.day("deadline")
	return dunning.RecordNotice{NoticeSent: dunning.NoticeSent{
		ID: w.id, Notice: w.given["notice"], Channel: dunning.Channel(w.given["channel"]), Method: w.given["method"], Ends: ends, Received: received,
		Deadline: deadline, Debts: w.debts(), Language: w.given["language"], Proof: w.given["evidence"],
	}, Sent: at}, errors.Join(err, err2, err3, err4, w.oneOf("channel", channels))
}

// makePoint is what is known of a contact point. Its id follows from its value, as
// that of one that was imported.
func makePoint(w words) (dunning.Command, error) {
	obtained, err := w.day("obtained-on")
	checked, err2 := w.day("checked")
	rank, err3 := w.number("rank", 0)
	ch := dunning.Channel(w.given["channel"])
	value, err4 := pointValue(ch, w.given["value"])
	p := dunning.PointKnown{
		ID: importer.PointID(w.creditor, w.debtorKey, string(ch), value), Channel: ch, PointKind: w.given["line"], Source: w.given["source"],
		Owner: w.given["owned-by"],
		Place: w.given["at-place"], Shared: w.yes("shared"), Employer: w.yes("employer"), Public: w.yes("public"), Evidence: w.given["evidence"],
		Obtained: obtained, Checked: checked, Rank: rank,
	}
	if strings.HasPrefix(value, "+") {
		at := importsink.Locate("", "", "", value)
		p.Zones, p.Places = at.Zones, at.Places
	}
	return dunning.KnowPoint{PointKnown: p}, errors.Join(err, err2, err3, err4, w.oneOf("channel", channels), w.allYes("shared", "employer", "public"))
}

// pointValue is a number or address in the form that it is kept in.
func pointValue(ch dunning.Channel, text string) (string, error) {
	switch ch {
	case dunning.Email:
		if a, err := mail.ParseAddress(text); err != nil || a.Address != text || len(text) > 254 {
			return text, errors.New("--value: this is no email address")
		}
	case dunning.SMS, dunning.Call:
		n, err := phonenumbers.Parse(text, "")
		if err != nil || !phonenumbers.IsPossibleNumber(n) {
			return text, errors.New("--value: this is no telephone number; write it as +1…")
		}
		return phonenumbers.Format(n, phonenumbers.E164), nil
	case dunning.Letter:
		lines := strings.Split(text, "|")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return strings.Join(lines, "\n"), nil
	}
	return text, nil
}

func keepPoint(ctx context.Context, store *postgres.Store, w words, c dunning.Command) error {
	p, ok := c.(dunning.KnowPoint)
	if !ok {
		return nil
	}
	value, err := pointValue(p.Channel, w.given["value"])
	if err != nil {
		return err
	}
	return store.PutPoints(ctx, w.debtor, postgres.Point{ID: p.ID, Channel: p.Channel, Value: value})
}

func keepPerson(ctx context.Context, store *postgres.Store, w words, _ dunning.Command) error {
	if w.given["name"] == "" {
		return nil
	}
	return store.PutPersons(ctx, w.debtor, postgres.Person{ID: w.id, Name: w.given["name"]})
}
