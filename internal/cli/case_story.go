package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// line is one line of a case's story.
type line struct {
	At       time.Time           `json:"at"`
	Version  int64               `json:"version"`
	Kind     string              `json:"kind"` // kind of fact, or "decision"
	By       string              `json:"by,omitempty"`
	Text     string              `json:"text"`
	Fact     *dunning.Fact       `json:"fact,omitempty"`
	Decision *dunning.Decision   `json:"decision,omitempty"`
	Stored   *storedDecisionInfo `json:"stored,omitempty"`
}

// storedDecisionInfo is what a re-check of a decision needs beside it.
type storedDecisionInfo struct {
	ID       string `json:"id"`
	Intent   string `json:"intent,omitempty"`
	Core     string `json:"core"`
	Policies string `json:"policies"`
	Zones    string `json:"zones"`
}

func lineOf(e postgres.Entry) line {
	l := line{At: e.At, Version: e.Version}
	if e.Fact != nil {
		l.Kind, l.By, l.Fact, l.Text = string(e.Fact.Body.Kind()), e.Fact.By, e.Fact, factText(e.Fact.Body)
		return l
	}
	d := e.Decision
	l.Kind, l.Decision, l.Text = "decision", &d.Decision, decisionText(d.Decision)
	l.Stored = &storedDecisionInfo{d.ID, d.Intent, d.Core, d.Policies, d.Zones}
	return l
}

// factText writes the body of a fact as "name=value" in the order of its
// fields, leaving out what is empty.
func factText(body dunning.Body) string {
	text, err := json.Marshal(body)
	if err != nil { // bodies are plain data
		return err.Error()
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	_, _ = dec.Token() // {
	var parts []string
	for dec.More() {
		name, _ := dec.Token()
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return string(text)
		}
		if v := plainValue(value); v != "" {
			parts = append(parts, fmt.Sprintf("%s=%s", name, v))
		}
	}
	return strings.Join(parts, " ")
}

// plainValue shortens JSON for reading: words without quotes, amounts as
// "20.00 USD", lists with commas; "" for what says nothing.
func plainValue(raw json.RawMessage) string {
	var amount struct{ Amount, Currency string }
	var word string
	var list []json.RawMessage
	switch {
	case json.Unmarshal(raw, &word) == nil:
		return word
	case json.Unmarshal(raw, &list) == nil:
		parts := make([]string, len(list))
		for i, x := range list {
			parts[i] = plainValue(x)
		}
		return strings.Join(parts, ",")
	case json.Unmarshal(raw, &amount) == nil && amount.Currency != "":
		return amount.Amount + " " + amount.Currency
	case string(raw) == "null", string(raw) == "false", string(raw) == "0":
		return ""
	}
	return string(raw)
}

func decisionText(d dunning.Decision) string {
	parts := []string{string(d.Verb)}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+value)
		}
	}
	add("", d.Step)
	add("", string(d.Channel()))
	add("waits for ", d.Waiting)
	if !d.WakeAt.IsZero() && !d.Due() {
		add("at ", d.WakeAt.UTC().Format(time.RFC3339))
	}
	add("rule ", d.Rule)
	add("reason ", d.Reason)
	if !d.NotBefore.IsZero() {
		add("not before ", d.NotBefore.UTC().Format(time.RFC3339))
	}
	for _, it := range d.Items {
		add("", it.Key+"="+it.Amount.String())
	}
	return strings.Join(parts, " ")
}
