package activities

import (
	"context"
	"log/slog"
	"time"

	"github.com/duly/duly/dunning"
)

// admit waits for the turn of the planned message before anything is reserved: for the
// provider's own wish and for the sender's pace, which all workers keep together, and last
// for the channel's breaker: whoever may try an open one then does. It returns for how long
// the channel is closed when that is too long to wait here, 0 when the hand-over may begin.
func (j *job) admit(ctx context.Context) (time.Duration, error) {
	ch := j.planned.Decision.Channel()
	if pause := j.Gate.admit(ctx, ch); pause > 0 {
		return pause, nil
	}
	if pause, err := j.pace(ctx, ch); err != nil || pause > 0 {
		return pause, err
	}
	if ch == "" {
		return 0, nil
	}
	pause, err := j.Gate.tries(ctx, ch)
	return pause, wrap(codeStore, err)
}

// pace waits for the sender's turn; it returns how long that is when it is too long.
func (j *job) pace(ctx context.Context, ch dunning.Channel) (time.Duration, error) {
	if j.Pacer == nil || ch == "" {
		return 0, nil
	}
	wait, err := j.Pacer.Paused(ctx, string(ch))
	if err != nil || wait > shortWait {
		return wait, wrap(codeStore, err)
	}
	if p := j.frame.Paces[ch]; p.Every > 0 {
		turn, err := j.Pacer.TakePace(ctx, senderOf(j.ref.Creditor, ch), p.Every, max(p.Burst, 1), shortWait)
		if err != nil || turn > shortWait {
			return turn, wrap(codeStore, err)
		}
		wait = max(wait, turn)
	}
	return 0, wrap(codeClock, j.waitFor(ctx, wait))
}

// senderOf names the sender of a creditor on a channel.
func senderOf(creditor string, ch dunning.Channel) string { return string(ch) + "/" + creditor }

// heed keeps all workers to what a provider has just asked for. That it cannot be written
// down costs a refusal more, so it is no reason to lose the outcome.
func (j *job) heed(ctx context.Context, ch dunning.Channel, o dunning.Outcome) {
	j.Gate.report(ch, o)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pausing)
	defer cancel()
	if err := j.Gate.tell(ctx, ch, o); err != nil {
		j.log().Warn("what a channel's breaker is to know could not be written down", slog.String("channel", string(ch)))
	}
	if j.Pacer == nil || o.Class != dunning.FailedLater || o.Alone || o.RetryAfter <= 0 {
		return
	}
	if err := j.Pacer.Pause(ctx, string(ch), o.RetryAfter); err != nil {
		j.log().Warn("a provider's wish to be left alone could not be written down", slog.String("channel", string(ch)))
	}
}

// pausing is how long writing down a pause may take.
const pausing = 5 * time.Second
