package app

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestStirs(t *testing.T) {
	wall := start
	asked, stirred, fail := 0, []string{"a"}, error(nil)
	s := newStirs(func(context.Context) ([]string, error) { asked++; return stirred, fail })
	s.wall = func() time.Time { return wall }
	for _, c := range []struct {
		why   string
		after time.Duration
		then  func()
		id    string
		want  bool
		asked int
	}{
		{"the first question goes to the database", 0, func() {}, "a", true, 1},
		{"others are answered by the same", stirFor / 2, func() { stirred = []string{"b"} }, "b", false, 1},
		{"an old answer is not good any more", stirFor, func() {}, "b", true, 2},
		{"what is over is over", stirFor, func() {}, "a", false, 3},
		{"without an answer nothing has happened", stirFor, func() { fail = errors.New("away") }, "b", false, 4},
		{"and it is asked again", 0, func() { fail = nil }, "b", true, 5},
	} {
		wall = wall.Add(c.after)
		c.then()
		if got := s.has(t.Context(), c.id); got != c.want || asked != c.asked {
			t.Errorf("%s: %v after %d questions, want %v after %d", c.why, got, asked, c.want, c.asked)
		}
	}
}
