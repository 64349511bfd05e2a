package twilio

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/sms"
)

// How a look-up bounds its search. The clocks of Twilio and of this machine
// may differ by lookupBefore; a request that was handed over at At reaches
// Twilio's records within the HTTP time-out and lookupAfter.
const (
	lookupBefore  = 2 * time.Minute
	lookupAfter   = 5 * time.Minute
	defaultSettle = 10 * time.Minute
	lookupPages   = 20
	lookupSize    = 200
	// sentSlack: a queue holds up to ten hours, so a message created in the
	// window may carry a much later date_sent.
	sentSlack = 11 * time.Hour
)

// trialPrefix is what Twilio puts before every text of a trial account.
const trialPrefix = "Sent from your Twilio trial account - "

// Lookup looks for the message of an attempt in Twilio's own records: m is the
// same message again, m.At the instant of its hand-over, or the first of those up to m.Until
// at which it may have been.
//
// Twilio's records keep no tag of ours (the status callback's address with the attempt is
// not shown in them), so the evidence is recipient, time and the digest of the text. All
// messages that look like this one are named: two debtors may share a number and be told
// the same. "Not accepted" is answered only when it is proven: both
// listings were read to their ends, the hand-over is long enough ago, and no
// other message to this recipient in the window could be ours in other words.
func (a *Adapter) Lookup(ctx context.Context, m dunning.Message) dunning.Evidence {
	e, _ := a.Resembling(ctx, m)
	return e
}

// Resembling is Lookup with the ids of all messages that look like this one, the likeliest
// first; Lookup names that one. Whose it is, the asker knows better.
func (a *Adapter) Resembling(ctx context.Context, m dunning.Message) (dunning.Evidence, []string) {
	if m.At.IsZero() || !e164.MatchString(m.To) {
		return cannotKnow("twilio:no_hand_over"), nil
	}
	last := m.At
	if m.Until.After(last) {
		last = m.Until
	}
	w := window{from: m.At.Add(-lookupBefore), until: last.Add(a.transport.Timeout() + lookupAfter)}
	found, complete, again := a.candidates(ctx, m.To, w)
	if hits := match(found, digest(m.Text), m.At); len(hits) > 0 {
		return dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: hits[0].Sid, Code: statusCode(hits[0])}, sids(hits)
	}
	now, err := a.clock.Now(ctx)
	switch {
	case !complete:
		e := cannotKnow("twilio:listing_incomplete")
		e.Again = again
		return e, nil
	case len(found) > 0:
		return cannotKnow("twilio:other_message_in_window"), nil
	case err != nil || now.Before(last.Add(a.cfg.LookupSettle)):
		return cannotKnow("twilio:too_early"), nil
	}
	return dunning.Evidence{Found: dunning.EvidenceNotAccepted, Code: "twilio:not_listed"}, nil
}

func cannotKnow(code string) dunning.Evidence {
	return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: code}
}

// statusCode says what became of a message that Twilio took.
func statusCode(m listed) string {
	if m.ErrorCode != 0 {
		return codeOf(m.ErrorCode)
	}
	if plainID.MatchString(m.Status) {
		return "twilio:" + m.Status
	}
	return "twilio:listed"
}

// window is when a hand-over must have reached Twilio's records.
type window struct{ from, until time.Time }

// holds reports whether a message may have been created in the window. A date
// that cannot be read may be any, so it does. Twilio cuts to whole seconds.
func (w window) holds(created time.Time) bool {
	return created.IsZero() || !created.Before(w.from.Truncate(time.Second)) && !created.After(w.until)
}

// match picks the messages with our text, the one created nearest to at first; ties go to
// the lower id, so that two look-ups agree.
func match(ms []listed, want [32]byte, at time.Time) []listed {
	out := slices.DeleteFunc(slices.Clone(ms), func(m listed) bool {
		return m.Created.IsZero() || digest(m.Body) != want || !plainID.MatchString(m.Sid)
	})
	slices.SortFunc(out, func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.Created.Sub(at).Abs(), b.Created.Sub(at).Abs()), strings.Compare(a.Sid, b.Sid))
	})
	return out
}

func sids(ms []listed) []string {
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = m.Sid
	}
	return out
}

// digest is the SHA-256 of a text as it can be compared: Twilio may have put
// its trial prefix before it, "smart encoded" its typography and cut spaces.
func digest(text string) [32]byte {
	text = strings.TrimPrefix(text, trialPrefix)
	return sha256.Sum256([]byte(strings.Join(strings.Fields(sms.Fold(text)), " ")))
}

// candidates returns every outgoing message to number in the window, and
// whether that is provably all of them; again is set when a page could not be
// read just now, and may be later. Two listings are needed: by DateSent,
// and without it, because queued messages have no date_sent yet.
func (a *Adapter) candidates(ctx context.Context, number string, w window) (out []listed, complete, again bool) {
	seen := map[string]bool{}
	add := func(ms []listed) {
		for _, m := range ms {
			if m.Direction != "inbound" && w.holds(m.Created) && !seen[m.Sid] {
				seen[m.Sid] = true
				out = append(out, m)
			}
		}
	}
	sent := listQuery{To: number, SentFrom: w.from.Truncate(time.Second), SentUntil: w.until.Add(sentSlack), PageSize: lookupSize}
	all, later := a.walk(ctx, sent, add, func([]listed) bool { return false })
	// Newest first: once a whole page is older than the window, the rest is too.
	queued, laterQueued := a.walk(ctx, listQuery{To: number, PageSize: lookupSize}, add, w.passed)
	return out, all && queued, later || laterQueued
}

// passed reports whether every message of a page is older than the window.
func (w window) passed(ms []listed) bool {
	for _, m := range ms {
		if m.Created.IsZero() || !m.Created.Before(w.from.Truncate(time.Second)) {
			return false
		}
	}
	return len(ms) > 0
}

// walk reads pages until the last one, until enough says so, or until too
// many; only the first two are complete.
func (a *Adapter) walk(ctx context.Context, q listQuery, add func([]listed), enough func([]listed) bool) (complete, again bool) {
	for range lookupPages {
		p, ok := a.api.listMessages(ctx, q)
		if !ok {
			return false, p.Again
		}
		add(p.Messages)
		if p.Next == "" || enough(p.Messages) {
			return true, false
		}
		q.Next = p.Next
	}
	return false, false
}
