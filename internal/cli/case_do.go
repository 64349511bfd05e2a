package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
)

// verb is one thing that people do to a case.
type verb struct {
	use, short string
	flags      []string // names of words; a "!" behind marks those that must be given
	make       func(w words) (dunning.Command, error)
	// keep stores personal data that the command must not hold; nil: there is none.
	keep func(ctx context.Context, store *postgres.Store, w words, c dunning.Command) error
}

// words are the flags of a verb, and what is needed to read them.
type words struct {
	given    map[string]string
	currency string
	id       string // for what is new
	by       string
	zone     *time.Location
	now      time.Time // business time
	tasks    []postgres.Task
	points   []string // ids of the debtor's contact points

	account, creditor, debtor string // ids
	debtorKey                 string // the creditor's own
}

// help says what the flags of verbs mean.
var help = map[string]string{
	"amount": "amount in the account's currency, such as 20.00", "item": "key of the item; left out: the whole account, or the oldest items first",
	"on": "day, YYYY-MM-DD, or an instant (RFC 3339)", "reason": "why", "payment": "id of the payment", "due": "day, YYYY-MM-DD", "grace": "days of grace",
	"instalments": "how many instalments", "first": "day of the first instalment", "every": "days between instalments (default: monthly)", "plan": "id of the plan",
	"dispute": "id of the dispute", "outcome": "how it ended", "hold": "id of the hold", "kind": "kind of hold: manual, hardship, complaint, bankruptcy …",
	"scope": "item, account or debtor", "until": "day, YYYY-MM-DD, or an instant; left out: open", "notice": "days after the end in which nothing is sent",
	"owner": "who", "channel": "email, sms, letter or call", "point": "id of the contact point", "task": "id of the task; left out: the only open one",
	"text": "the words of the note", "step": "id of the step", "direction": "outbound (default) or inbound", "id": "id of the new thing, so that a repetition changes nothing (default: a new one)",
	"by": "who enters it (default: $USER)", "refused": "id of the opt-out",
}

// verbs are the subcommands of duly case, in the order of the help.
var verbs = []verb{
	{"payment", "Record money that arrived", []string{"amount!", "item", "on"}, func(w words) (dunning.Command, error) {
		amount, err := w.amount("amount")
		at, err2 := w.past("on")
		return dunning.RecordPayment{ID: w.id, Amount: amount, Item: w.given["item"], At: at}, errors.Join(err, err2)
	}, nil},
	{"reverse", "Take a payment back that bounced", []string{"payment!", "reason"}, func(w words) (dunning.Command, error) {
		return dunning.ReversePayment{Payment: w.given["payment"], Reason: w.given["reason"]}, nil
	}, nil},
	{"promise", "Record a promise to pay", []string{"amount!", "due!", "grace"}, func(w words) (dunning.Command, error) {
		amount, err := w.amount("amount")
		due, err2 := dunning.ParseDate(w.given["due"])
		grace, err3 := w.number("grace", 0)
		return dunning.MakePromise{ID: w.id, Amount: amount, Due: due, Grace: grace}, errors.Join(err, err2, err3)
	}, nil},
	{"plan", "Agree a plan of instalments", []string{"instalments!", "first!", "every"}, func(w words) (dunning.Command, error) {
		count, err := w.number("instalments", 0)
		first, err2 := dunning.ParseDate(w.given["first"])
		every, err3 := w.number("every", 0)
		return dunning.AgreePlan{ID: w.id, Count: count, First: first, Every: every}, errors.Join(err, err2, err3)
	}, nil},
	{"cancel-plan", "End a plan", []string{"plan!"}, func(w words) (dunning.Command, error) {
		return dunning.CancelPlan{ID: w.given["plan"]}, nil
	}, nil},
	{"decline", "Answer the open offer with no", nil, func(words) (dunning.Command, error) { return dunning.DeclineOffer{}, nil }, nil},
	{"dispute", "Dispute an item, or the account", slices.Concat([]string{"item", "duplicative"}, told), func(w words) (dunning.Command, error) {
		s, err := w.saying()
		return dunning.RaiseDispute{ID: w.id, Item: w.given["item"], Duplicative: w.yes("duplicative"), Told: s.Told, Received: s.Received}, errors.Join(err, w.allYes("duplicative"))
	}, nil},
	{"resolve", "End a dispute: closed, corrected (with the new amount) or rejected", []string{"dispute!", "outcome!", "amount"}, func(w words) (dunning.Command, error) {
		amount, err := w.amount("amount")
		return dunning.ResolveDispute{ID: w.given["dispute"], Outcome: w.given["outcome"], Amount: amount}, err
	}, nil},
	{"hold", "Stop contact and clock", []string{"kind", "scope", "item", "until", "notice", "owner"}, makeHold, nil},
	{"lift", "End a hold now", []string{"hold!", "notice"}, func(w words) (dunning.Command, error) {
		notice, err := w.number("notice", 0)
		return dunning.LiftHold{ID: w.given["hold"], Notice: notice}, err
	}, nil},
	{"extend", "Move the end of a hold", []string{"hold!", "until"}, func(w words) (dunning.Command, error) {
		until, err := w.when("until")
		return dunning.ExtendHold{ID: w.given["hold"], Until: until}, err
	}, nil},
	{"take-over", "Give the case to a collector for a while", []string{"owner", "until!"}, func(w words) (dunning.Command, error) {
		until, err := w.when("until")
		return dunning.TakeLease{ID: w.id, Owner: w.or("owner", strings.TrimPrefix(w.by, "user:")), Until: until}, err
	}, nil},
	{"hand-back", "Give the case back to the sequence", nil, func(words) (dunning.Command, error) { return dunning.HandBack{}, nil }, nil},
	{"call", "Record a call: conversation, no_answer, voicemail …", []string{
		"outcome!", "task", "point", "direction", "person", "purpose", "debts", "verified", "seconds", "basis", "evidence", "on",
	}, func(w words) (dunning.Command, error) {
		c, err := w.logged(w.or("direction", "outbound"), dunning.Call, callOutcomes)
		c.Task = w.given["task"]
		if open := w.tasksOf(dunning.TaskCall); c.Task == "" && len(open) == 1 {
			c.Task = open[0]
		}
		return c, err
	}, nil},
	{"reply", "Record what the debtor wrote or said", []string{"channel!", "point", "person", "debts", "evidence", "on"}, func(w words) (dunning.Command, error) {
		c, err := w.logged("inbound", dunning.Channel(w.given["channel"]), dunning.Outcomes)
		c.Outcome = "received"
		return c, err
	}, nil},
	{"approve", "Approve a draft, a referral or a settlement", []string{"task"}, func(w words) (dunning.Command, error) {
		return w.finish("approved", dunning.TaskDraft, dunning.TaskApproval, dunning.TaskSettlement)
	}, nil},
	{"reject", "Reject a draft, a referral or a settlement", []string{"task"}, func(w words) (dunning.Command, error) {
		return w.finish("rejected", dunning.TaskDraft, dunning.TaskApproval, dunning.TaskSettlement)
	}, nil},
	{"finish", "End a task", []string{"outcome!", "task"}, func(w words) (dunning.Command, error) { return w.finish(w.given["outcome"]) }, nil},
	{"note", "Keep a note", []string{"text!"}, func(w words) (dunning.Command, error) {
		return dunning.WriteNote{ID: w.id, Text: w.given["text"]}, nil
	}, nil},
	{"opt-out", "Refuse a channel or a point of it, a topic, a debt, or everything", slices.Concat([]string{
		"channel", "point", "everything", "refusal", "stop-word", "topic", "in-reply-to", "debts",
	}, told), func(w words) (dunning.Command, error) {
		s, err := w.saying()
		return dunning.OptOut{OptedOut: dunning.OptedOut{
			ID: w.id, Channel: dunning.Channel(w.given["channel"]), Point: w.given["point"], Everything: w.yes("everything"), Refusal: w.given["refusal"],
			StopWord: w.yes("stop-word"), Topic: w.given["topic"], InReplyTo: w.given["in-reply-to"], Debts: w.debts(), Told: s.Told,
		}, Received: s.Received}, errors.Join(err, w.channelAndPoint(), w.allYes("everything", "stop-word"))
	}, nil},
	{"opt-in", "Withdraw an opt-out: the one named with --refused, or those of a channel and point", slices.Concat([]string{"refused", "channel", "point"}, told), func(w words) (dunning.Command, error) {
		s, err := w.saying()
		return dunning.OptIn{OptedIn: dunning.OptedIn{ID: w.given["refused"], Channel: dunning.Channel(w.given["channel"]), Point: w.given["point"], Told: s.Told}, Received: s.Received},
			errors.Join(err, w.channelAndPoint())
	}, nil},
	{"waive", "Leave the next step out", []string{"step!", "reason!"}, func(w words) (dunning.Command, error) {
		return dunning.WaiveStep{Step: w.given["step"], Why: w.given["reason"]}, nil
	}, nil},
	{"cancel-migration", "Take a migration back that waits", nil, func(words) (dunning.Command, error) { return dunning.CancelMigration{}, nil }, nil},
	{"recall", "Take the account back from collection", []string{"reason"}, func(w words) (dunning.Command, error) {
		return dunning.Recall{Reason: w.given["reason"]}, nil
	}, nil},
}

func makeHold(w words) (dunning.Command, error) {
	until, err := w.when("until")
	notice, err2 := w.number("notice", 0)
	scope := dunning.ScopeAccount
	if w.given["item"] != "" {
		scope = dunning.ScopeItem
	}
	return dunning.PlaceHold{
		ID: w.id, HoldKind: dunning.HoldKind(w.or("kind", string(dunning.HoldManual))), Scope: dunning.Scope(w.or("scope", string(scope))),
		Item: w.given["item"], Until: until, Notice: notice, Owner: w.or("owner", strings.TrimPrefix(w.by, "user:")),
	}, errors.Join(err, err2)
}

func (w words) or(name, otherwise string) string {
	if v := w.given[name]; v != "" {
		return v
	}
	return otherwise
}

// callOutcomes are how a call may end. Rules count calls by these words; under another one
// a conversation would not be followed by silence.
var callOutcomes = []string{
	"conversation", "no_answer", "voicemail", "limited_content_voicemail", "voicemail_full", "voicemail_left_by_consumer", "answered_busy",
	"answered_then_dropped", "busy_signal", "no_answer_no_voicemail_possible", "no_connection", "not_in_service", "payment_made", "wrong_person", "unknown",
}

// channels by the names that flags take.
var channels = []string{string(dunning.Email), string(dunning.SMS), string(dunning.Letter), string(dunning.Call)}

// oneOf refuses a flag whose value nothing would look for: an opt-out of "emial" stops no
// email.
func (w words) oneOf(name string, known []string) error {
	v := w.given[name]
	if v == "" || slices.Contains(known, v) {
		return nil
	}
	hint := ""
	if near := mapping.Nearest(v, known); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return fmt.Errorf("--%s: %q is not known%s (there are: %s)", name, v, hint, strings.Join(known, ", "))
}

func (w words) channelAndPoint() error {
	return errors.Join(w.oneOf("channel", channels), w.oneOf("point", w.points))
}

// amount reads an amount of the account's currency; none when the flag is not given.
func (w words) amount(name string) (money.Amount, error) {
	text := w.given[name]
	if text == "" {
		return money.Amount{}, nil
	}
	a, err := money.Parse(text, w.currency)
	if err != nil {
		return a, fmt.Errorf("--%s: %w", name, err)
	}
	return a, nil
}

func (w words) number(name string, otherwise int) (int, error) {
	text := w.given[name]
	if text == "" {
		return otherwise, nil
	}
	var n int
	if _, err := fmt.Sscanf(text+"\n", "%d\n", &n); err != nil || n < 0 || n > mostDays {
		return 0, fmt.Errorf("--%s: %q is not a number from 0 to %d", name, text, mostDays)
	}
	return n, nil
}

// mostDays bounds numbers of days and of instalments: ten years. A slip of the finger must
// not promise something for the year 275764.
const mostDays = 3650

// past is when for what has happened already.
func (w words) past(name string) (time.Time, error) {
	t, err := w.when(name)
	if err == nil && t.After(w.now) {
		err = fmt.Errorf("--%s: %s is yet to come; enter it when it has happened (for what somebody will do there is promise)", name, w.given[name])
	}
	return t, err
}

// when reads a day, which begins in the creditor's zone, or an instant; zero
// when the flag is not given.
func (w words) when(name string) (time.Time, error) {
	text := w.given[name]
	if text == "" {
		return time.Time{}, nil
	}
	t, err := instant(text, w.zone)
	if err != nil {
		return t, fmt.Errorf("--%s: %w", name, err)
	}
	return t, nil
}

func (w words) tasksOf(kinds ...dunning.TaskKind) []string {
	var out []string
	for _, t := range w.tasks {
		if len(kinds) == 0 || slices.Contains(kinds, t.Kind) {
			out = append(out, t.ID)
		}
	}
	return out
}

// finish ends the task that was named, or the only open one of the kinds.
func (w words) finish(outcome string, kinds ...dunning.TaskKind) (dunning.Command, error) {
	id := w.given["task"]
	if id == "" {
		open := w.tasksOf(kinds...)
		if len(open) != 1 {
			return nil, fmt.Errorf("the case has %d such open tasks (%s); name one with --task", len(open), strings.Join(open, ", "))
		}
		id = open[0]
	}
	return dunning.FinishTask{ID: id, Outcome: outcome}, nil
}

// verbCmd is the command of a verb.
func (a *app) verbCmd(v verb, f *caseFlags) *cobra.Command {
	given := map[string]*string{}
	cmd := &cobra.Command{Use: v.use + " CASE", Short: v.short, Args: args("CASE")}
	for _, name := range append(slices.Clone(v.flags), "id", "by") {
		name, needed := strings.CutSuffix(name, "!")
		given[name] = cmd.Flags().String(name, "", help[name])
		if needed {
			_ = cmd.MarkFlagRequired(name)
		}
	}
	cmd.RunE = func(cmd *cobra.Command, where []string) error {
		flat := map[string]string{}
		for name, value := range given {
			flat[name] = *value
		}
		return a.do(cmd.Context(), where[0], v, *f, flat)
	}
	return cmd
}

// done is what a command came to, as it is printed.
type done struct {
	Case     string    `json:"case"`
	Command  string    `json:"command"`
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Version  int64     `json:"version"`
	Facts    int       `json:"facts"`
	Reopened bool      `json:"reopened"`
}

// do enters what somebody did.
func (a *app) do(ctx context.Context, name string, v verb, f caseFlags, given map[string]string) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		id, err := findCase(ctx, store, name, f.creditor)
		if err != nil {
			return err
		}
		w, err := a.words(ctx, store, id, given)
		if err != nil {
			return err
		}
		c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
		if err != nil {
			return err
		}
		if w.now, err = c.Now(ctx); err != nil {
			return err
		}
		command, err := v.make(w)
		if err != nil {
			return usageError{err}
		}
		if v.keep != nil {
			if err := v.keep(ctx, store, w, command); err != nil {
				return usageError{err}
			}
		}
		service := commands.Service{Store: commandStore{store}, Setups: bookOf(store), Clock: c}
		result, err := service.Do(ctx, id, command, w.by)
		if err != nil {
			if strings.HasPrefix(err.Error(), strings.ReplaceAll(v.use, "-", " ")+":") {
				return err // the core has said what it is about
			}
			return fmt.Errorf("%s: %w", v.use, err)
		}
		d := done{id, v.use, w.id, result.At, result.Version, result.Facts, result.Reopened}
		return a.print(d, func(out io.Writer) { printDone(out, d) })
	})
}

func (a *app) words(ctx context.Context, store *postgres.Store, id string, given map[string]string) (words, error) {
	ref, err := store.CaseRef(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		return words{}, usagef("there is no case %s", id)
	}
	if err != nil {
		return words{}, err
	}
	account, err := store.Account(ctx, ref.Account)
	if err != nil {
		return words{}, err
	}
	w := words{
		account: ref.Account, creditor: ref.Creditor, debtor: ref.Debtor, debtorKey: account.DebtorKey,
		given: given, currency: ref.Currency, id: given["id"], by: given["by"], zone: a.zoneOf(ctx, store, ref.Creditor),
	}
	if w.id == "" {
		w.id = uuid.NewString()
	}
	if w.by == "" {
		w.by = a.env.Getenv("USER")
	}
	if w.by == "" {
		return w, usagef("who enters this? Say so with --by")
	}
	if !strings.Contains(w.by, ":") && w.by != "debtor" && w.by != "system" {
		w.by = "user:" + w.by
	}
	points, err := store.Points(ctx, ref.Debtor)
	if err != nil {
		return w, err
	}
	for _, p := range points {
		w.points = append(w.points, p.ID)
	}
	w.tasks, err = store.OpenTasks(ctx, "", id, 100)
	return w, err
}

func printDone(w io.Writer, d done) {
	if d.Facts == 0 {
		_, _ = fmt.Fprintf(w, "Nothing changed: %s %s was entered before.\n", d.Command, d.ID)
		return
	}
	_, _ = fmt.Fprintf(w, "Entered: %s %s.\n", d.Command, d.ID)
	if d.Reopened {
		_, _ = fmt.Fprintln(w, "The case was opened again.")
	}
}

// commandStore is the store as package commands sees it.
type commandStore struct{ *postgres.Store }

// CaseRef implements commands.Store.
func (s commandStore) CaseRef(ctx context.Context, id string) (dunning.CaseRef, error) {
	ref, err := s.Store.CaseRef(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		err = errors.Join(commands.ErrNoCase, err)
	}
	return ref, err
}

// InDebtor implements commands.Store.
func (s commandStore) InDebtor(ctx context.Context, debtor string, f func(commands.Tx) error) error {
	return s.Store.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error { return f(tx) })
}
