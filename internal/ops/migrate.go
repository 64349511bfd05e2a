package ops

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
)

// MigrationOrder says where running cases are to go. It is what people fill in; for one case
// it becomes dunning.Migrate.
type MigrationOrder struct {
	Sequence string            `json:"sequence"`
	Version  string            `json:"sequence_version,omitempty"` // "" = the one in force; the beginning of a version is enough
	Steps    map[string]string `json:"steps,omitempty"`            // old step → new step, where the ids differ
	AtOnce   bool              `json:"at_once,omitempty"`          // a message may leave within a day that would not have
	Reason   string            `json:"reason,omitempty"`
}

// MigrationRow is what a migration would do to one case.
type MigrationRow struct {
	Case string `json:"case"`
	From string `json:"from_version"`
	Same bool   `json:"same,omitempty"` // it follows the target already
	// Fault says why it cannot be asked for; "" when it can.
	Fault string `json:"fault,omitempty"`
	dunning.MigrationPreview
}

// MigrationTrial is what a migration would do to some cases, and all of them together.
type MigrationTrial struct {
	Order MigrationOrder       `json:"order"` // with the version in full
	Sum   dunning.MigrationSum `json:"sum"`
	Rows  []MigrationRow       `json:"rows"`
}

// Add counts a row.
func (t *MigrationTrial) Add(r MigrationRow) {
	t.Rows = append(t.Rows, r)
	switch {
	case r.Same:
		t.Sum.AddSame()
	case r.Fault != "":
		t.Sum.AddFailed(r.Fault)
	default:
		t.Sum.Add(r.MigrationPreview)
	}
}

// Params are an order as a bulk action keeps it.
func (o MigrationOrder) Params() map[string]string {
	out := map[string]string{"sequence": o.Sequence, "version": o.Version, "reason": o.Reason}
	if len(o.Steps) > 0 {
		out["steps"] = WriteSteps(o.Steps)
	}
	if o.AtOnce {
		out["at_once"] = "yes"
	}
	return out
}

// MigrationOf reads what Params wrote, or what a form says.
func MigrationOf(p map[string]string) (MigrationOrder, error) {
	steps, err := ReadSteps(p["steps"])
	return MigrationOrder{Sequence: p["sequence"], Version: p["version"], Steps: steps, AtOnce: p["at_once"] != "", Reason: p["reason"]}, err
}

// WriteSteps writes a map of steps as "old=new, old=new", in order.
func WriteSteps(steps map[string]string) string {
	out := make([]string, 0, len(steps))
	for _, k := range slices.Sorted(maps.Keys(steps)) {
		out = append(out, k+"="+steps[k])
	}
	return strings.Join(out, ", ")
}

// ReadSteps reads what WriteSteps wrote: pairs between commas or on lines of their own.
func ReadSteps(text string) (map[string]string, error) {
	var out map[string]string
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' || r == ';' }) {
		from, to, ok := strings.Cut(strings.TrimSpace(pair), "=")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if from == "" && !ok {
			continue
		}
		if !ok || from == "" || to == "" {
			return nil, fmt.Errorf("%q is not a step of the old version, an equals sign and a step of the new one, such as nudge=second-email", strings.TrimSpace(pair))
		}
		if out == nil {
			out = map[string]string{}
		}
		if other, twice := out[from]; twice && other != to {
			return nil, fmt.Errorf("step %s cannot become both %s and %s", from, other, to)
		}
		out[from] = to
	}
	return out, nil
}
