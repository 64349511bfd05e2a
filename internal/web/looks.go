package web

import (
	"crypto/sha256"
	"sync"
)

// mostLooks bounds what is remembered; beyond it all is forgotten, so that a refresh is
// recorded once more and never once less.
const mostLooks = 50_000

// looks are the looks that this process has recorded, by session. A refresh that nobody
// asked for is no second look, but that it is one the client says: it is believed only
// where the first look is on record.
type looks struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (l *looks) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[key]
}

func (l *looks) add(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil || len(l.seen) >= mostLooks {
		l.seen = map[string]bool{}
	}
	l.seen[key] = true
}

// RecordLook is Record of something that somebody looks at. A refresh of what the same
// session has looked at, at the same address, is not recorded again.
func (r *Request) RecordLook(action, subject string, detail map[string]string) error {
	address := sha256.Sum256([]byte(action + "\x00" + subject + "\x00" + r.R.URL.RequestURI()))
	key := string(r.hash[:]) + string(address[:])
	if r.Live() && r.console.looks.has(key) {
		return nil
	}
	if err := r.Record(action, subject, detail); err != nil {
		return err
	}
	r.console.looks.add(key)
	return nil
}
