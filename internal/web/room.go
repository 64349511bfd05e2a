package web

import (
	"fmt"
	"net/http"
	"sync"
)

// Room bounds how many bytes of large requests a process holds at once, of one caller and
// of all, so that nobody fills its memory or its disk with what they send. It does not
// bound what is kept in the database (see ops.MostKept). Safe for concurrent use.
type Room struct {
	mine, all int64

	mu   sync.Mutex
	held map[string]int64
	sum  int64
}

// NewRoom has room for so many bytes of one caller and of all.
func NewRoom(mine, all int64) *Room { return &Room{mine: mine, all: all, held: map[string]int64{}} }

// RoomRetry is in how many seconds somebody for whom there was no room tries again.
const RoomRetry = 5

// Take reserves n bytes for a caller until give is called, which may be more than once. The
// error is an answer: 429, with words.
func (r *Room) Take(who string, n int64) (give func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.held[who]+n > r.mine:
		return nil, full(fmt.Sprintf("You are sending %d MiB already, and there is room for %d MiB of one sender at a time. Wait until one of them is done.",
			r.held[who]>>20, r.mine>>20))
	case r.sum+n > r.all:
		return nil, full(fmt.Sprintf("Others are sending %d MiB just now, and there is room for %d MiB at a time. Try again in a few seconds.", r.sum>>20, r.all>>20))
	}
	r.held[who], r.sum = r.held[who]+n, r.sum+n
	return sync.OnceFunc(func() { r.give(who, n) }), nil
}

func (r *Room) give(who string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[who], r.sum = r.held[who]-n, r.sum-n; r.held[who] <= 0 {
		delete(r.held, who)
	}
}

// Sent is how many bytes a request may hold: what it says of itself, or the limit where it
// says nothing or more.
func Sent(r *http.Request, limit int64) int64 {
	if r.ContentLength >= 0 && r.ContentLength <= limit {
		return r.ContentLength
	}
	return limit
}

func full(detail string) *Error {
	return &Error{Status: http.StatusTooManyRequests, Title: "Too much at once", Detail: detail, Retry: RoomRetry}
}
