package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// waiting makes debtors, each with a letter in the outbox.
func waiting(t *testing.T, s *postgres.Store, n int) (of []*bundle, letters []postgres.BatchedLetter) {
	t.Helper()
	for i := range n {
		b := bundleOf(t, s, fmt.Sprintf("D-%d", i)).open()
		l := postgres.BatchedLetter{Attempt: fmt.Sprintf("a%d", i), Contact: b.plannedMail(1), Dated: dunning.Date{Year: 2026, Month: time.March, Day: 2}}
		b.must(s.PutLetter(t.Context(), postgres.LetterFile{Attempt: l.Attempt, At: noon, Pages: 1, PDF: []byte("%PDF-first"), HTML: "<p>first</p>"}))
		of, letters = append(of, b), append(letters, l)
	}
	return of, letters
}

// TestPlacesOfABatch: letters that are put into one batch by many at once stand at the places
// from 1 on, one at each, also when a transaction that had a place is rolled back; a letter is
// in one batch only.
func TestPlacesOfABatch(t *testing.T) {
	s := pgtest.New(t)
	of, letters := waiting(t, s, 12)
	ctx := t.Context()
	of[0].must(s.AddLetterBatch(ctx, postgres.LetterBatch{ID: "b1", Closed: noon, By: "user:ada"}))
	of[0].must(s.AddLetterBatch(ctx, postgres.LetterBatch{ID: "b2", Closed: noon, By: "user:ada"}))
	letters[3].LeftOut, letters[3].Dated = "changed", dunning.Date{}
	broken := errors.New("a transaction that breaks off")
	var wg sync.WaitGroup
	for i, b := range of {
		wg.Go(func() {
			for try := range 2 {
				err := b.in(func(tx *postgres.Tx) error {
					if mine, err := tx.PutInBatch(ctx, "b1", letters[i]); err != nil || !mine {
						return fmt.Errorf("mine %v: %w", mine, err)
					}
					if try == 0 {
						return broken
					}
					return nil
				})
				if try == 0 && !errors.Is(err, broken) || try == 1 && err != nil {
					t.Errorf("letter %d, try %d: %v", i, try, err)
				}
			}
		})
	}
	wg.Wait()
	_, got, err := s.LetterBatch(ctx, "b1")
	of[0].must(err)
	var places []int
	for _, l := range got {
		places = append(places, l.Place)
		if l.Place > 0 != (l.Dated == letters[0].Dated) || l.Place == 0 != (l.LeftOut == "changed") {
			t.Errorf("place %d, left out %q, dated %v", l.Place, l.LeftOut, l.Dated)
		}
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}; !slices.Equal(places, want) {
		t.Errorf("places %v, want %v", places, want)
	}
	of[5].must(of[5].in(func(tx *postgres.Tx) error {
		mine, err := tx.PutInBatch(ctx, "b2", letters[5])
		if mine {
			t.Error("a letter is in two batches")
		}
		return err
	}))
	err = of[5].in(func(tx *postgres.Tx) error { _, err := tx.PutInBatch(ctx, "none", letters[5]); return err })
	if !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("into a batch that is none: %v", err)
	}
	_, err = s.Pool().Exec(ctx, "UPDATE letter_batch_items SET place = 2 WHERE batch_id = 'b1' AND place = 1")
	if err == nil || !strings.Contains(err.Error(), "letter_batch_items_place") {
		t.Errorf("the same place twice: %v", err)
	}
}

// TestTheLetterThatIsPrintedIsTheOneThatIsKept, sealed like the one that it replaces; what was
// erased does not come back.
func TestTheLetterThatIsPrintedIsTheOneThatIsKept(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		s := pgtest.New(t)
		if sealed {
			s.UseCipher(keys(t, codec.Generate()))
		}
		of, letters := waiting(t, s, 1)
		b, dated := of[0], postgres.LetterFile{Attempt: letters[0].Attempt, Pages: 2, PDF: []byte("%PDF-dated"), HTML: "<p>dated</p>"}
		b.must(b.in(func(tx *postgres.Tx) error { return tx.ReplaceLetter(t.Context(), dated) }))
		got, err := s.Letter(t.Context(), dated.Attempt)
		if err != nil || string(got.PDF) != "%PDF-dated" || got.HTML != "<p>dated</p>" || got.Pages != 2 || !got.At.Equal(noon) {
			t.Errorf("sealed %v: %+v, %v", sealed, got, err)
		}
		var raw string
		b.must(s.Pool().QueryRow(t.Context(), "SELECT encode(pdf, 'escape') || html || coalesce(encode(html_sealed, 'escape'), '') FROM letters").Scan(&raw))
		if strings.Contains(raw, "dated") == sealed {
			t.Errorf("sealed %v: the database holds %q", sealed, raw)
		}
		_, err = s.Pool().Exec(t.Context(), "UPDATE letters SET pdf = 'erased', html = '', html_sealed = NULL, key_id = ''")
		b.must(err)
		if err := b.in(func(tx *postgres.Tx) error { return tx.ReplaceLetter(t.Context(), dated) }); !errors.Is(err, postgres.ErrErased) {
			t.Errorf("sealed %v: a letter that was erased: %v", sealed, err)
		}
	}
}

// TestPlacesThatWereGivenTwiceAreCountedAnew when the schema begins to refuse them; batches
// without any keep theirs.
func TestPlacesThatWereGivenTwiceAreCountedAnew(t *testing.T) {
	dsn := pgtest.Empty(t)
	if err := postgres.MigrateTo(t.Context(), dsn, 24); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `SET session_replication_role = replica;
		INSERT INTO letter_batch_items (attempt, batch_id, contact_id, place, left_out) VALUES
		('a', 'twice', 'c', 1, ''), ('b', 'twice', 'c', 2, ''), ('c', 'twice', 'c', 2, ''), ('d', 'twice', 'c', 3, ''), ('e', 'twice', 'c', 0, 'changed'),
		('f', 'once', 'c', 2, ''), ('g', 'once', 'c', 5, ''), ('h', 'once', 'c', 0, 'changed')`)
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.MigrateTo(t.Context(), dsn, 25); err != nil {
		t.Fatal(err)
	}
	var got string
	err = conn.QueryRow(t.Context(), "SELECT string_agg(attempt || place, ' ' ORDER BY attempt) FROM letter_batch_items").Scan(&got)
	if err != nil || got != "a1 b2 c3 d4 e0 f2 g5 h0" {
		t.Errorf("%s, %v", got, err)
	}
}
