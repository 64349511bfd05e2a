package ops_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/ops"
)

// TestReadSteps checks what people may write as a map of steps.
func TestReadSteps(t *testing.T) {
	for _, c := range []struct {
		why, text string
		want      map[string]string
		bad       bool
	}{
		{"nothing is no map", "", nil, false},
		{"a pair", "nudge=second", map[string]string{"nudge": "second"}, false},
		{"several, with spaces", " a = b , c=d", map[string]string{"a": "b", "c": "d"}, false},
		{"on lines of their own, one of them empty", "a=b\r\n\nc=d\n", map[string]string{"a": "b", "c": "d"}, false},
		{"said twice alike", "a=b,a=b", map[string]string{"a": "b"}, false},
		{"said twice, differently", "a=b,a=c", nil, true},
		{"without an equals sign", "a b", nil, true},
		{"without a new step", "a=", nil, true},
		{"without an old step", "=b", nil, true},
	} {
		got, err := ops.ReadSteps(c.text)
		if (err != nil) != c.bad || !c.bad && !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", c.why, got, err)
		}
		if c.bad || len(c.want) == 0 {
			continue
		}
		if again, err := ops.ReadSteps(ops.WriteSteps(got)); err != nil || !maps.Equal(again, got) {
			t.Errorf("%s: written and read again it is %v, %v", c.why, again, err)
		}
	}
}

// TestMigrationParams: an order survives as the parameters of a bulk action.
func TestMigrationParams(t *testing.T) {
	o := ops.MigrationOrder{Sequence: "s", Version: "v2", Steps: map[string]string{"a": "b"}, AtOnce: true, Reason: "new wording"}
	got, err := ops.MigrationOf(o.Params())
	if err != nil || got.Sequence != o.Sequence || got.Version != o.Version || !got.AtOnce || got.Reason != o.Reason || !maps.Equal(got.Steps, o.Steps) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestMigrationTrial adds up cases of every kind.
func TestMigrationTrial(t *testing.T) {
	var trial ops.MigrationTrial
	trial.Add(ops.MigrationRow{Case: "1", Same: true})
	trial.Add(ops.MigrationRow{Case: "2", Fault: "closed"})
	trial.Add(ops.MigrationRow{Case: "3", MigrationPreview: dunning.MigrationPreview{Outcome: dunning.MigrationWaits, Why: "promise"}})
	trial.Add(ops.MigrationRow{Case: "4", MigrationPreview: dunning.MigrationPreview{Outcome: dunning.MigrationMoves}})
	if s := trial.Sum; s.Cases != 4 || s.Same != 1 || s.Failed != 1 || s.Waits != 1 || s.Moves != 1 || len(trial.Rows) != 4 || len(s.Reasons) != 2 {
		t.Errorf("%+v", s)
	}
}

// TestMigrationAsAFile: a line for each case, also for those that stay, with before and after.
func TestMigrationAsAFile(t *testing.T) {
	at := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	trial := ops.MigrationTrial{Order: ops.MigrationOrder{Version: "v2"}}
	trial.Add(ops.MigrationRow{Case: "a", From: "v1", MigrationPreview: dunning.MigrationPreview{
		Outcome: dunning.MigrationMoves, Before: dunning.Outlook{Verb: dunning.VerbSend, Step: "nudge", Channel: dunning.SMS, At: at},
		After: dunning.Outlook{Verb: dunning.VerbSend, Step: "second", Channel: dunning.Email, At: at.Add(time.Hour), Reaches: true},
		Moves: []dunning.ItemsMoved{{Waived: []string{"x", "y"}}, {Waived: []string{"y"}}},
	}})
	trial.Add(ops.MigrationRow{Case: "b", From: "v1", MigrationPreview: dunning.MigrationPreview{Outcome: dunning.MigrationWaits, Why: "plan", Until: at, Before: dunning.Outlook{Waiting: "plan"}}})
	trial.Add(ops.MigrationRow{Case: "c", From: "v2", Same: true})
	trial.Add(ops.MigrationRow{Case: "d", From: "v1", Fault: "it closed"})
	want := []string{
		"a,v1,v2,moves,,,send,nudge,sms,2026-03-02T14:00:00Z,,no,send,second,email,2026-03-02T15:00:00Z,,yes,x y",
		"b,v1,v2,waits,plan,2026-03-02T14:00:00Z,,,,,plan,no,,,,,,,",
		"c,v2,v2,there already,,,,,,,,,,,,,,,",
		"d,v1,v2,not possible,it closed,,,,,,,,,,,,,,",
	}
	for i, line := range trial.Lines() {
		if got := strings.Join(line, ","); got != want[i] || len(line) != len(trial.Columns()) {
			t.Errorf("line %d of %d columns\n got %s\nwant %s", i, len(trial.Columns()), got, want[i])
		}
	}
	if len(trial.Lines()) != len(want) {
		t.Errorf("%d lines", len(trial.Lines()))
	}
}
