package simulator

import (
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/simulate"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/whatif"
)

// moment is one entry of the story for the eye.
type moment struct {
	whatif.Entry
	Mark, Title, Badge string
	There, UTC         string // the same instant by two clocks
	Opens              string // put off: from when, by the debtor's clock
	OpensUTC           string
	Why                []simulate.Why
	Windows            []string
	Barred             bool // the rules allow no hour of that day
	Day                dunning.Date
}

const (
	clockThere = "Mon 2 Jan 2006, 15:04:05 MST"
	clockUTC   = "2 Jan 15:04:05 UTC"
)

func momentOf(e whatif.Entry, zone *time.Location) moment {
	m := moment{Entry: e, There: e.At.In(zone).Format(clockThere), UTC: e.At.UTC().Format(clockUTC), Day: dunning.DateOf(e.At.In(zone))}
	m.Mark, m.Title, m.Badge = words(e)
	if !e.NotBefore.IsZero() {
		m.Opens, m.OpensUTC = e.NotBefore.In(zone).Format(clockThere), e.NotBefore.UTC().Format(clockUTC)
	}
	if e.Note != nil {
		m.Why, m.Barred = e.Note.Why, e.Note.Asked && len(e.Note.Windows) == 0
		for _, w := range e.Note.Windows {
			m.Windows = append(m.Windows, spanText(w, zone))
		}
	}
	return m
}

// spanText is a window of a day; its end may be midnight.
func spanText(w simulate.Interval, zone *time.Location) string {
	until := w.Until.In(zone).Format("15:04")
	if until == "00:00" {
		until = "24:00"
	}
	return w.From.In(zone).Format("15:04") + "–" + until
}

// words say what an event is, with its mark and badge.
func words(e whatif.Entry) (mark, title, badge string) {
	step := web.Words(e.Step)
	switch e.Kind {
	case "contact":
		return "good", channelWord(e.Channel) + ": " + step, "leaves"
	case "deferred":
		return "warn", strings.TrimSpace(channelWord(e.Channel) + " " + step), "put off"
	case "bounced":
		return "bad", channelWord(e.Channel) + ": " + step, "bounced"
	case "task", "escalated":
		return "info", taskWords(e.Reason) + of(step), "a person’s task"
	case "offer":
		return "good", "A plan is offered" + of(step), "offer"
	case "promise":
		return kept(e.Reason), "The promise ends", web.Words(e.Reason)
	case "plan":
		return kept(e.Reason), "The plan", web.Words(e.Reason)
	case "round":
		return "quiet", "Begins again at " + step, web.Words(e.Reason)
	case "waived":
		return "quiet", step + " is waived", web.Words(e.Reason)
	case "closed":
		return "quiet", "The case closes", web.Words(e.Reason)
	case "opened":
		return "quiet", "The case opens", web.Words(e.Reason)
	case "passed":
		return "quiet", step + " does not apply", "passed over"
	case "exhausted":
		return "warn", "All steps are done", "exhausted"
	case "referred":
		return "bad", strings.TrimSpace("Referred to " + web.Words(e.Rule)), "referred"
	}
	return "info", strings.TrimSpace(web.Words(e.Kind) + " " + step), web.Words(e.Reason)
}

// of adds the step that something belongs to, where it does.
func of(step string) string {
	if step == "" {
		return ""
	}
	return " (" + step + ")"
}

// kept is how good an outcome is.
func kept(outcome string) string {
	switch outcome {
	case "kept", "agreed", "paid_off":
		return "good"
	case "broken":
		return "bad"
	}
	return "warn"
}

// taskWords say what a person has to do.
func taskWords(kind string) string {
	words := map[dunning.TaskKind]string{
		dunning.TaskCall: "Call the debtor", dunning.TaskEscalation: "A collector takes over", dunning.TaskDraft: "Approve the draft",
		dunning.TaskManual:   "Do it by hand",
		dunning.TaskApproval: "Approve the referral", dunning.TaskSupervisor: "A supervisor decides", dunning.TaskNoChannel: "Nothing reaches the debtor",
	}
	if text, ok := words[dunning.TaskKind(kind)]; ok {
		return text
	}
	return "Task: " + web.Words(kind)
}

func channelWord(ch dunning.Channel) string {
	switch ch {
	case dunning.SMS:
		return "SMS"
	case dunning.Email:
		return "Email"
	case dunning.Letter:
		return "Letter"
	case dunning.Call:
		return "Call"
	}
	return ""
}
