package collect

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

// form is one thing that people do to a case by a form. Its name is the last part of
// its address and the name of its form.
type form struct {
	name string
	need identity.Permission
	// build reads the form; faults by input are in the second value.
	build func(in input) (dunning.Command, map[string]string)
	// done are the words afterwards.
	done string
	// more are commands that follow in the same gesture; nil: none.
	more func(in input, cmd dunning.Command) []dunning.Command
	// undo is the path below the case's that takes it back, "" for none.
	undo func(in input) string
	try  bool // has a preview of what follows
}

// input is a form with the case it is about.
type input struct {
	*web.Request
	o *opened
	// key keeps the id of a form that had none.
	key string
}

func inputOf(r *web.Request, o *opened) input { return input{r, o, uuid.NewString()} }

// forms are all orders that are one command.
var forms = []form{
	{name: "promise", need: identity.Promise, build: promise, done: "The promise is kept in mind.", try: true, undo: undoing("promise/withdraw", "promise")},
	{name: "promise/withdraw", need: identity.Promise, build: withdrawPromise, done: "The promise is taken back."},
	{name: "plan", need: identity.Plan, build: plan, done: "The plan is agreed.", try: true, undo: undoing("plan/cancel", "plan")},
	{name: "plan/cancel", need: identity.Plan, build: cancelPlan, done: "The plan is ended."},
	{name: "offer/decline", need: identity.Plan, build: decline, done: "The offer is declined."},
	{
		name: "settlement", need: identity.Settlement, build: settle, done: "The settlement is recorded.", try: true,
		undo: undoing("settlement/withdraw", "settlement"),
	},
	{name: "settlement/accept", need: identity.Settlement, build: acceptSettlement, done: "The settlement is agreed."},
	{name: "settlement/decline", need: identity.Settlement, build: declineSettlement, done: "The settlement is declined."},
	{name: "settlement/withdraw", need: identity.Settlement, build: withdrawSettlement, done: "The settlement is withdrawn."},
	{name: "dispute", need: identity.Dispute, build: dispute, done: "The dispute is recorded.", try: true},
	{name: "dispute/resolve", need: identity.Dispute, build: resolve, done: "The dispute is resolved."},
	{name: "hold", need: identity.Hold, build: hold, done: "The hold is placed.", undo: undoing("hold/lift", "hold"), try: true},
	{name: "hold/lift", need: identity.Hold, build: lift, done: "The hold is lifted."},
	{name: "take", need: identity.TakeOver, build: take, done: "You have the case.", undo: func(input) string { return "back" }},
	{name: "handover", need: identity.TakeOver, build: handOver, done: "The case is handed over.", undo: takenBack},
	{name: "back", need: identity.TakeOver, build: handBack, done: "The case goes on by its sequence."},
	{name: "note", need: identity.Note, build: note, done: "The note is kept.", more: pinned},
	{name: "note/pin", need: identity.Note, build: pin, done: "The note is on top.", undo: undoingNote("note/unpin")},
	{name: "note/unpin", need: identity.Note, build: unpin, done: "The note is not on top any more.", undo: undoingNote("note/pin")},
	{name: "note/seen", need: identity.Note, build: seen, done: "Read."},
	{name: "message", need: identity.Message, build: message, done: "The message is on its way."},
	{name: "payment", need: identity.Payment, build: payment, done: "The payment is booked.", try: true},
	{name: "optout", need: identity.Consent, build: optOut, done: "The opt-out is in force."},
	{
		name: "callback", need: identity.Call, build: callback, done: "The callback is planned.", more: wished, try: true,
		undo: undoing("callback/cancel", "callback"),
	},
	{name: "callback/move", need: identity.Call, build: moveCallback, done: "The callback is moved.", try: true},
	{name: "callback/cancel", need: identity.Call, build: cancelCallback, done: "The callback is cancelled."},
	{name: "migration/cancel", need: identity.Migrate, build: cancelMigration, done: "The case stays on its version."},
}

// undoing leads to the form that takes a new thing back: its id is the order's own.
func undoing(path, name string) func(input) string {
	return func(in input) string { return query(path, name, in.id()) }
}

// undoingNote is undoing for what happens to a note.
func undoingNote(path string) func(input) string {
	return func(in input) string { return query(path, "note", in.Value("note")) }
}

// orders are the routes of the forms.
func (d Deps) orders() []web.Route {
	out := []web.Route{
		{Pattern: "POST /cases/{id}/task", Need: identity.View, Handle: d.task},
	}
	for _, f := range forms {
		out = append(out, web.Route{Pattern: "POST /cases/{id}/" + f.name, Need: f.need, Handle: d.order(f)})
		if f.try {
			out = append(out, web.Route{Pattern: "GET /cases/{id}/" + f.name + "/try", Need: f.need, Handle: d.try(f)})
		}
	}
	return out
}

// order carries a form out.
func (d Deps) order(f form) func(*web.Request) error {
	return func(r *web.Request) error {
		o, err := d.openFor(r, f.need)
		if err != nil {
			return err
		}
		in := inputOf(r, o)
		cmd, faults := in.order(f)
		if len(faults) > 0 {
			return d.show(r, o, f.opens(), faults)
		}
		all := []dunning.Command{cmd}
		if f.more != nil {
			all = append(all, f.more(in, cmd)...)
		}
		for _, cmd := range all {
			if _, err := d.Do(r.R.Context(), o.Case, cmd, r.User.By); err != nil {
				return d.refused(r, o, f.opens(), err)
			}
		}
		return d.finished(r, in, f)
	}
}

// order reads a form, and holds it against authority.
func (in input) order(f form) (dunning.Command, map[string]string) {
	cmd, wrong := f.build(in)
	if len(wrong) > 0 {
		return cmd, wrong
	}
	return cmd, in.within(f, cmd)
}

// opens is the form that shows the faults of this one.
func (f form) opens() string {
	switch f.name {
	case "callback/move":
		return "callback"
	case "handover":
		return "take"
	}
	return f.name
}

// openFor opens a case that is about to change.
func (d Deps) openFor(r *web.Request, need identity.Permission) (*opened, error) {
	o, err := d.open(r)
	if err != nil {
		return nil, err
	}
	return o, r.Require(need, o.Creditor)
}

// refused shows what the core says against an order, on the form.
func (d Deps) refused(r *web.Request, o *opened, form string, err error) error {
	if errors.Is(err, dunning.ErrInvalid) || errors.Is(err, dunning.ErrConflict) || errors.Is(err, dunning.ErrUnknown) {
		return d.show(r, o, form, map[string]string{form: sentence(err)})
	}
	return err
}

// sentence is what the core says, without the class of the refusal.
func sentence(err error) string {
	text := err.Error()
	for _, class := range []error{dunning.ErrInvalid, dunning.ErrConflict, dunning.ErrUnknown} {
		text = strings.TrimSuffix(text, ": "+class.Error())
	}
	return sentenceUp(text) + "."
}

func sentenceUp(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// finished says so, and goes back to the case or on to the next.
func (d Deps) finished(r *web.Request, in input, f form) error {
	back := "/cases/" + in.o.Case
	undo := ""
	if f.undo != nil {
		undo = back + "/" + f.undo(in)
	}
	if r.Value("then") == "day" {
		back = "/day"
	}
	if r.Value("then") == "next" {
		var err error
		if back, err = d.after(r, in.o.Case); err != nil {
			return err
		}
	}
	return r.Redirect(back, r.FlashUndo("good", f.done, undo))
}

// --- the preview ---------------------------------------------------------------

// trial is what an order would come to, asked of the core and not carried out.
type trial struct {
	Fault       string
	Instalments []dunning.Instalment
	Next        outlook
	Zone        string
	Until       time.Time // of a hold
	When        time.Time // of a callback
	Settling    *settling
}

// try answers a form's preview while it is filled in.
func (d Deps) try(f form) func(*web.Request) error {
	return func(r *web.Request) error {
		o, err := d.openFor(r, f.need)
		if err != nil {
			return err
		}
		t := trial{Zone: firstOf(o.Standing.Zones)}
		in := inputOf(r, o)
		cmd, faults := in.order(f)
		if len(faults) > 0 {
			t.Fault = anyOf(faults)
		} else {
			t.run(in, cmd)
		}
		return r.Page("try.html", t)
	}
}

// run asks the core what the command makes true, and what is next then.
func (t *trial) run(in input, cmd dunning.Command) {
	o := in.o
	facts, err := dunning.Handle(o.facts, cmd, in.User.By, o.at)
	if err != nil {
		t.Fault = sentence(err)
		return
	}
	for _, x := range facts {
		switch b := x.Body.(type) {
		case dunning.PlanAgreed:
			t.Instalments = b.Instalments
		case dunning.HoldPlaced:
			t.Until = b.Until
		case dunning.CallbackSet:
			t.When = b.When
		case dunning.CallbackMoved:
			t.When = b.When
		case dunning.SettlementOffered:
			t.Settling = settlingOf(in, b)
		}
	}
	after, err := o.facts.Apply(facts)
	if err != nil {
		t.Fault = "This does not fit the account."
		return
	}
	t.Next = ahead(after, o.at)
}

func anyOf(faults map[string]string) string {
	first := ""
	for name := range faults {
		if first == "" || name < first {
			first = name
		}
	}
	return faults[first]
}

// --- reading the forms -----------------------------------------------------------

type faults map[string]string

// id of the new thing: the form's, so that a form sent twice is one order.
func (in input) id() string {
	if id, err := uuid.Parse(in.Value("new")); err == nil {
		return id.String()
	}
	return in.key
}

func (in input) amount(name string, f faults) money.Amount {
	a, err := money.Parse(strings.ReplaceAll(in.Value(name), ",", ""), in.o.Standing.Currency)
	if err != nil || a.Minor() <= 0 {
		f[name] = "Write an amount above zero, such as 120.00 (" + in.o.Standing.Currency + ")."
	}
	return a
}

func (in input) date(name string, f faults) dunning.Date {
	day, err := dunning.ParseDate(in.Value(name))
	if err != nil {
		f[name] = "Write a day as YYYY-MM-DD, such as " + in.o.Today.AddDays(7).String() + "."
	}
	return day
}

func (in input) number(name string, least, most int, f faults) int {
	n, err := strconv.Atoi(in.Value(name))
	if err != nil || n < least || n > most {
		f[name] = fmt.Sprintf("Write a number from %d to %d.", least, most)
	}
	return n
}

func promise(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.MakePromise{ID: in.id(), Amount: in.amount("amount", f), Due: in.date("due", f)}
	if in.Value("grace") != "" {
		c.Grace = in.number("grace", 0, 30, f)
	}
	return c, f
}

func plan(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.AgreePlan{ID: in.id(), Count: in.number("count", 1, 120, f), First: in.date("first", f)}
	switch every := in.Value("every"); every {
	case "", "month":
	default:
		c.Every = in.number("every", 1, 92, f)
	}
	return c, f
}

func cancelPlan(in input) (dunning.Command, map[string]string) {
	return dunning.CancelPlan{ID: in.Value("plan")}, nil
}

func decline(input) (dunning.Command, map[string]string) { return dunning.DeclineOffer{}, nil }

func dispute(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.RaiseDispute{ID: in.id(), Item: in.Value("item")}
	c.Medium, c.Words, c.Written = "call", in.Value("words"), in.Value("written") != ""
	if c.Written {
		c.Medium = "letter"
	}
	if c.Words == "" {
		f["words"] = "Write in the debtor’s words what is wrong."
	}
	return c, f
}

func resolve(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.ResolveDispute{ID: in.Value("dispute"), Outcome: in.Value("outcome")}
	if c.Outcome == "corrected" {
		c.Amount = in.amount("amount", f)
	}
	return c, f
}

// hold places a hold, or snoozes: until the start of a day where the debtor is.
func hold(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.PlaceHold{ID: in.id(), HoldKind: dunning.HoldKind(in.Value("kind")), Scope: dunning.ScopeAccount, Owner: userID(in.User)}
	if in.Value("scope") == string(dunning.ScopeDebtor) {
		c.Scope = dunning.ScopeDebtor
	}
	if item := in.Value("item"); item != "" {
		c.Scope, c.Item = dunning.ScopeItem, item
	}
	if in.Value("until") != "" {
		day := in.date("until", f)
		c.Until = time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, in.o.zone()).UTC()
	}
	if in.Value("notice") != "" {
		c.Notice = in.number("notice", 0, 60, f)
	}
	return c, f
}

func lift(in input) (dunning.Command, map[string]string) {
	return dunning.LiftHold{ID: in.Value("hold")}, nil
}

// leaseFor is how long a case is taken for, unless a day is named.
const leaseFor = 3 * 24 * time.Hour

func take(in input) (dunning.Command, map[string]string) {
	f := faults{}
	return dunning.TakeLease{ID: in.id(), Owner: userID(in.User), Until: in.leaseEnd(f)}, f
}

func handBack(input) (dunning.Command, map[string]string) { return dunning.HandBack{}, nil }

// message orders one from an approved template; whether it may leave the core decides.
func message(in input) (dunning.Command, map[string]string) {
	t, ok := choice(in.Request, in.o, in.Value("template"))
	if !ok {
		return nil, faults{"template": "Choose one of the approved templates."}
	}
	return dunning.SendMessage{ID: in.id(), Channel: t.Channel, Template: t.Name}, nil
}

func payment(in input) (dunning.Command, map[string]string) {
	f := faults{}
	return dunning.RecordPayment{ID: in.id(), Amount: in.amount("amount", f), Item: in.Value("item")}, f
}

func optOut(in input) (dunning.Command, map[string]string) {
	o := dunning.OptedOut{ID: in.id(), Channel: dunning.Channel(in.Value("channel"))}
	o.Medium, o.Words = "call", in.Value("words")
	o.Everything = o.Channel == ""
	return dunning.OptOut{OptedOut: o}, nil
}

// --- tasks and calls ---------------------------------------------------------------

// task ends a task; what is needed depends on its kind.
func (d Deps) task(r *web.Request) error {
	o, err := d.open(r)
	if err != nil {
		return err
	}
	for _, t := range openTasks(o.facts) {
		if t.ID != r.Value("task") {
			continue
		}
		if err := r.Require(t.Need, o.Creditor); err != nil {
			return err
		}
		if wrong := inputOf(r, o).within(form{name: "task"}, dunning.FinishTask{ID: t.ID, Outcome: r.Value("outcome")}); len(wrong) > 0 {
			return d.show(r, o, "task", wrong)
		}
		if _, err := d.Do(r.R.Context(), o.Case, dunning.FinishTask{ID: t.ID, Outcome: r.Value("outcome")}, r.User.By); err != nil {
			return d.refused(r, o, "task", err)
		}
		return r.Done("/cases/"+o.Case, "The task is done: "+web.Words(r.Value("outcome"))+".")
	}
	return web.Conflict("This task is not open any more. Open the case again.")
}

// callOutcome is a button of the call form.
type callOutcome struct {
	Key, Name, Label string
	outcome          string
	dead             string // why the number is dead
	note             string
	stay             bool // there was a conversation: the case stays open
}

// callOutcomes are the five, by their keys.
var callOutcomes = []callOutcome{
	{Key: "1", Name: "answered", Label: "Answered", outcome: "conversation", stay: true},
	{Key: "2", Name: "no_answer", Label: "No answer", outcome: "no_answer"},
	{Key: "3", Name: "voicemail", Label: "Voicemail", outcome: "voicemail"},
	{Key: "4", Name: "wrong_number", Label: "Wrong number", outcome: "wrong_person", dead: "wrong_person"},
	{Key: "5", Name: "refused", Label: "Refused to pay", outcome: "conversation", note: "Refuses to pay.", stay: true},
}

// CallOutcomes for the template.
func (*casePage) CallOutcomes() []callOutcome { return callOutcomes }

// call logs a call in one gesture. After a conversation the promise form opens; after
// anything else the next case comes.
func (d Deps) call(r *web.Request) error {
	o, err := d.openFor(r, identity.Call)
	if err != nil {
		return err
	}
	for _, c := range callOutcomes {
		if c.Name == r.Value("outcome") {
			return d.called(r, inputOf(r, o), c)
		}
	}
	return &web.Error{Status: http.StatusUnprocessableEntity, Title: "Please check your input", Detail: "This is no outcome of a call."}
}

func (d Deps) called(r *web.Request, in input, c callOutcome) error {
	o := in.o
	next, err := d.after(r, o.Case) // before the call moves the case in the list
	if err != nil {
		return err
	}
	for _, cmd := range in.callCommands(c) {
		if _, err := d.Do(r.R.Context(), o.Case, cmd, r.User.By); err != nil {
			return d.refused(r, o, "call", err)
		}
	}
	if c.stay {
		next = "/cases/" + o.Case + "?open=promise"
		if c.note != "" || !r.Can(identity.Promise, o.Creditor) || o.Standing.Promise != nil && o.Standing.Promise.State == "open" {
			next = "/cases/" + o.Case
		}
	}
	return r.Redirect(next, r.Flash("good", "Call logged: "+strings.ToLower(c.Label)+"."))
}

// callCommands are what a call comes to. Their ids come from the form's, so that a
// repeated form repeats nothing.
func (in input) callCommands(c callOutcome) []dunning.Command {
	id := in.id()
	log := dunning.ContactLogged{ID: id, Direction: "outbound", Channel: dunning.Call, Outcome: c.outcome, Collector: userID(in.User)}
	log.Point = light(&in.o.facts, in.o.at, dunning.Call).Point
	for _, t := range in.o.facts.Tasks {
		if t.Task == dunning.TaskCall && t.Ended.IsZero() {
			log.Task = t.ID
		}
	}
	out := []dunning.Command{dunning.LogContact{ContactLogged: log}}
	if c.dead != "" && log.Point != "" {
		out = append(out, dunning.MarkPoint{PointDead: dunning.PointDead{ID: log.Point, Reason: c.dead}})
	}
	if c.note != "" {
		out = append(out, dunning.WriteNote{ID: uuid.NewSHA1(uuid.MustParse(id), []byte("note")).String(), Text: c.note})
	}
	return out
}
