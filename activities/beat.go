package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

const (
	// FirstBeat is when a long activity tells the server that it lives. Nearly all are
	// over by then and never beat, because every beat is billed.
	FirstBeat = 10 * time.Second
	nextBeat  = 6 * time.Second
)

// beat sends heartbeats while an activity runs long; the function that it returns ends
// them. Outside of Temporal it does nothing.
func beat(ctx context.Context) (stop func()) {
	if !activity.IsActivity(ctx) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		timer := time.NewTimer(FirstBeat)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
				activity.RecordHeartbeat(ctx)
				timer.Reset(nextBeat)
			}
		}
	}()
	return cancel
}
