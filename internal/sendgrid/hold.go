package sendgrid

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/httpx"
)

// batchID is what SendGrid calls a batch.
var batchID = regexp.MustCompile(`^[A-Za-z0-9_-]{4,128}$`)

// OpenHold asks SendGrid for a batch. A mail that is handed over in it leaves
// dunning.HeldFor later, and until shortly before that the batch can be cancelled.
func (a *Adapter) OpenHold(ctx context.Context, m dunning.Message) (string, dunning.Outcome) {
	if a.cfg.Clock == nil {
		return "", httpx.Refused(dunning.FailedConfig, "sendgrid:no_clock")
	}
	id, answer := a.api.openBatch(ctx)
	if batchID.MatchString(id) {
		return id, dunning.Outcome{State: dunning.SendAccepted}
	}
	if out, ok := httpx.Common(answer); ok {
		return "", out
	}
	if answer.Status >= 400 {
		return "", httpx.Refused(httpx.ByStatus(answer.Status), "sendgrid:batch")
	}
	return "", httpx.Later("sendgrid:no_batch", 0)
}

// CallBack cancels the batch that a mail was handed over in. Too close to its send time
// SendGrid promises nothing, and then neither does this.
func (a *Adapter) CallBack(ctx context.Context, m dunning.Message) bool {
	if a.cfg.Clock == nil || m.At.IsZero() || !batchID.MatchString(m.Hold) {
		return false
	}
	inTime := func() bool {
		now, err := a.cfg.Clock.Now(ctx)
		return err == nil && now.Before(m.At.Add(dunning.CallableFor))
	}
	return inTime() && a.api.cancelBatch(ctx, m.Hold) && inTime()
}

// openBatch implements api.
func (t thin) openBatch(ctx context.Context) (string, httpx.Answer) {
	r, ok := t.request(http.MethodPost, "/v3/mail/batch", nil)
	if !ok {
		return "", httpx.Answer{NotWritten: true, Cause: "request"}
	}
	a := t.transport.Do(ctx, r)
	var body struct {
		ID string `json:"batch_id"`
	}
	if a.Status != http.StatusCreated || !a.Complete || json.Unmarshal(a.Body, &body) != nil {
		return "", a
	}
	return body.ID, a
}

// cancelBatch implements api. A batch that is cancelled already cannot be cancelled again:
// then its status says so.
func (t thin) cancelBatch(ctx context.Context, id string) bool {
	body, err := json.Marshal(map[string]string{"batch_id": id, "status": "cancel"})
	if err != nil {
		return false
	}
	r, ok := t.request(http.MethodPost, "/v3/user/scheduled_sends", body)
	if !ok {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	if a := t.transport.Do(ctx, r); a.Status == http.StatusCreated {
		return true
	}
	return t.cancelled(ctx, id)
}

func (t thin) cancelled(ctx context.Context, id string) bool {
	r, ok := t.request(http.MethodGet, "/v3/user/scheduled_sends/"+id, nil)
	if !ok {
		return false
	}
	a := t.transport.Do(ctx, r)
	var found []struct {
		ID     string `json:"batch_id"`
		Status string `json:"status"`
	}
	if a.Status != http.StatusOK || !a.Complete || json.Unmarshal(a.Body, &found) != nil {
		return false
	}
	for _, f := range found {
		if f.ID == id && strings.EqualFold(f.Status, "cancel") {
			return true
		}
	}
	return false
}
