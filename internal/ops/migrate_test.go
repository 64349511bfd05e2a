package ops_test

import (
	"maps"
	"testing"

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
