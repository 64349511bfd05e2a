// Package tell puts what is stored into words: facts, decisions, tasks, and who did it. The
// story of a case in the console and the evidence that is handed to a court say the same of
// the same fact because both ask here.
//
// It owns words, in English. It does not own what happened, the order in which it is shown,
// nor the reasons of contact policies, which explain themselves (contact.Set.Explain).
package tell

import (
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/web"
)

// People are the names of users by their id. Who is not in it is "a person".
type People map[string]string

// By names who wrote a fact, which is stored as "user:" and an id, "system", "debtor",
// "import" and the like.
func (p People) By(by string) string {
	id, isUser := strings.CutPrefix(by, "user:")
	switch name := p[id]; {
	case isUser && name != "":
		return name
	case isUser:
		return "a person"
	case by == "", by == "system":
		return "Duly"
	}
	return web.Words(by)
}

// Owner names who has a case: a user's id, or a team.
func (p People) Owner(owner string) string {
	if team, ok := strings.CutPrefix(owner, dunning.TeamOwner); ok {
		return "team " + web.Words(team)
	}
	return either(p[owner], owner)
}

// Sentence is a code with a capital letter and blanks: "breathing_space" is "Breathing space".
func Sentence(code string) string {
	s := web.Words(code)
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Channel is a channel as people write it within a sentence.
func Channel(ch dunning.Channel) string {
	switch ch {
	case dunning.SMS:
		return "SMS"
	case dunning.Call:
		return "call"
	}
	return string(ch)
}

func either(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
