package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// slow is a file whose reading is counted, and waits until it may go on.
type slow struct {
	io.Reader
	reading chan struct{}
	goOn    chan struct{}
	begun   bool
}

func (s *slow) Read(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.reading <- struct{}{}
		<-s.goOn
	}
	return s.Reader.Read(p)
}

// Many who upload at once are served a few at a time: no more files than that
// lie in memory, and all are taken in the end.
func TestUploadsAreHeldAFewAtATime(t *testing.T) {
	b := newBench(t)
	const people = 20
	reading, goOn := make(chan struct{}, people), make(chan struct{})
	var all sync.WaitGroup
	faults := make([]error, people)
	for i := range people {
		all.Go(func() {
			body := &slow{Reader: strings.NewReader(itemsFile), reading: reading, goOn: goOn}
			_, faults[i] = b.desk.TakeFile(t.Context(), b.ops, fmt.Sprintf("f%d.csv", i), "items", "demo", body)
		})
	}
	for range mostLarge {
		<-reading
	}
	until(t, "the others wait", func() bool { return len(b.desk.large) == mostLarge })
	if n := len(reading); n != 0 {
		t.Errorf("%d more files are being read than may", n)
	}
	close(goOn)
	all.Wait()
	if err := errors.Join(faults...); err != nil {
		t.Error(err)
	}
	for more := true; more; { // what was not checked at once is taken up behind
		var err error
		more, err = b.desk.uploadInTurn(t.Context())
		b.must(err)
	}
	uploads, err := b.store.Uploads(t.Context(), read.Everything(), 99)
	b.must(err)
	for _, u := range uploads {
		if u.State != "checked" {
			t.Errorf("%s is %s", u.Name, u.State)
		}
	}
	if len(uploads) != people {
		t.Errorf("%d of %d files", len(uploads), people)
	}
}

// What is kept has a bound for each sender and for all; giving a file up makes room.
func TestKeptFilesHaveABound(t *testing.T) {
	b := newBench(t)
	put := func(by string, size int) error {
		u := read.Upload{ID: uuid.NewString(), Kind: "items", Mapping: "items", Creditor: "demo", Name: "f.csv", By: by, At: b.clock.time()}
		return b.store.PutUpload(t.Context(), u, []byte(strings.Repeat("x", size)), 100, 250)
	}
	for _, c := range []struct {
		by       string
		size     int
		all, not bool
	}{
		{"user:a", 60, false, false},
		{"user:a", 41, false, true},
		{"user:a", 40, false, false},
		{"user:a", 1, false, true},
		{"user:b", 101, false, true},
		{"user:b", 100, false, false},
		{"key:c", 51, true, true},
		{"key:c", 50, false, false},
		{"key:d", 1, true, true},
	} {
		err := put(c.by, c.size)
		var full *postgres.NoRoomError
		if c.not != errors.As(err, &full) || !c.not && err != nil || c.not && full.All != c.all {
			t.Errorf("%s with %d: %v", c.by, c.size, err)
		}
		if e := web.AsError(noRoom(err)); c.not && (e.Status != http.StatusTooManyRequests || !strings.Contains(e.Detail, "give them up") || strings.Contains(e.Detail, "yours") == c.all) {
			t.Errorf("%+v", e)
		}
	}
	uploads, err := b.store.Uploads(t.Context(), read.Everything(), 99)
	b.must(err)
	for _, u := range uploads {
		if u.By == "user:b" {
			_, err := b.store.MoveUpload(t.Context(), u.ID, "given_up", "check")
			b.must(err)
		}
	}
	b.must(put("key:d", 100))
}

// People who send files at once do not pass the bound together.
func TestTheBoundHoldsAgainstRaces(t *testing.T) {
	b := newBench(t)
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			u := read.Upload{ID: uuid.NewString(), Kind: "items", Mapping: "items", Creditor: "demo", Name: "f.csv", By: "user:a", At: b.clock.time()}
			var full *postgres.NoRoomError
			if err := b.store.PutUpload(t.Context(), u, []byte("0123456789"), 100, 1000); err != nil && !errors.As(err, &full) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if uploads, err := b.store.Uploads(t.Context(), read.Everything(), 99); err != nil || len(uploads) != 10 {
		t.Errorf("%d files of ten bytes where a hundred bytes have room, %v", len(uploads), err)
	}
}

// Too large a file is 413, in the console and in the API, before it is read to its end;
// too many at once are 429 and say when to try again.
func TestTooLargeAFileIsSaid(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", identity.Import)
	res := d.call(key, "POST", "/uploads?creditor=demo&mapping=items&name=a.csv", strings.Repeat("x", ops.MostUpload+2), "Content-Type", "text/csv")
	if res.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(res.body, "too-large") {
		t.Errorf("the API: %d %s", res.StatusCode, res.body)
	}
	reading, goOn := make(chan struct{}, 3), make(chan struct{})
	answers := make(chan *httptest.ResponseRecorder, 3)
	for range 3 { // of unknown length: each counts with the 256 MiB that it may have
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/imports/items/file?creditor=demo&mapping=items&dry_run=true", io.NopCloser(&slow{Reader: strings.NewReader(itemsFile), reading: reading, goOn: goOn}))
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "text/csv")
		req.ContentLength = -1
		go func() {
			res := httptest.NewRecorder()
			d.console.Handler().ServeHTTP(res, req)
			answers <- res
		}()
	}
	first := <-answers // two are being read; the third is refused at once
	if first.Code != http.StatusTooManyRequests || first.Header().Get("Retry-After") == "" || !strings.Contains(first.Body.String(), "room for 512 MiB of one sender") {
		t.Errorf("a third large file at once: %d %s", first.Code, first.Body)
	}
	close(goOn)
	for range 2 {
		if res := <-answers; res.Code != http.StatusOK {
			t.Errorf("the other two: %d %s", res.Code, res.Body)
		}
	}
	if res := d.call(key, "POST", "/imports/items/file?creditor=demo&mapping=items&dry_run=true", itemsFile, "Content-Type", "text/csv"); res.StatusCode != http.StatusOK {
		t.Errorf("afterwards there is room: %d %s", res.StatusCode, res.body)
	}
}
