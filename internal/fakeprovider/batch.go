package fakeprovider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// cancelBefore is how long before its send time a batch can be cancelled at the latest.
const cancelBefore = 10 * time.Minute

// held reports whether a mail may be scheduled: into a batch that SendGrid gave out and that
// is not cancelled, at most 72 hours ahead.
func (s *Server) held(m sendgridMail) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, known := s.batches[m.BatchID]
	return known && state == "" && m.SendAt > 0
}

// sendgridBatch gives out a batch id.
func (s *Server) sendgridBatch(w http.ResponseWriter, r *http.Request, _ []byte) {
	fault := s.fate("sendgrid", "batch", "")
	if fault.Kind == Refuse {
		sendgridError(w, fault.Status, fault.Field)
		return
	}
	s.mu.Lock()
	sum := sha256.Sum256(fmt.Appendf(nil, "batch %d", len(s.batches)))
	id := hex.EncodeToString(sum[:16])
	s.batches[id] = ""
	s.mu.Unlock()
	if s.act(w, r, fault) {
		return
	}
	s.answer(w, r, fault, http.StatusCreated, map[string]any{"batch_id": id})
}

// sendgridCancel cancels a batch: once, and in time.
func (s *Server) sendgridCancel(w http.ResponseWriter, r *http.Request, body []byte) {
	var in struct {
		Batch  string `json:"batch_id"`
		Status string `json:"status"`
	}
	if json.Unmarshal(body, &in) != nil || in.Status != "cancel" || !s.cancel(in.Batch) {
		sendgridError(w, 400, "batch_id")
		return
	}
	fault := s.fate("sendgrid", "cancel", in.Batch)
	if s.act(w, r, fault) {
		return
	}
	s.answer(w, r, fault, http.StatusCreated, map[string]any{"batch_id": in.Batch, "status": "cancel"})
}

func (s *Server) cancel(batch string) bool {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if state, known := s.batches[batch]; !known || state != "" {
		return false
	}
	for _, a := range s.log {
		if a.Batch == batch && now.After(a.SendAt.Add(-cancelBefore)) {
			return false
		}
	}
	s.batches[batch] = "cancel"
	for i := range s.log {
		if s.log[i].Batch == batch {
			s.log[i].Recalled = true
		}
	}
	return true
}

// sendgridCancelled lists what is to become of a batch.
func (s *Server) sendgridCancelled(w http.ResponseWriter, r *http.Request, _ []byte) {
	batch := r.PathValue("batch")
	s.mu.Lock()
	state := s.batches[batch]
	s.mu.Unlock()
	out := []map[string]any{}
	if state != "" {
		out = append(out, map[string]any{"batch_id": batch, "status": state})
	}
	writeJSON(w, http.StatusOK, out)
}
