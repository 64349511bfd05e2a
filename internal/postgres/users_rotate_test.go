package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
)

// TestHookSecretsRotate: the new secret is in force, every one before until its own end;
// ten at most.
func TestHookSecretsRotate(t *testing.T) {
	b := newBundle(t)
	ctx := t.Context()
	id := b.hook()
	all, err := b.Hooks(ctx)
	b.must(err)
	first := all[0].Secret
	until := noon.Add(24 * time.Hour)
	const hour = time.Hour
	for _, step := range []struct {
		why, secret string
		now         time.Time
		old         []identity.OldSecret
	}{
		{"the one before signs for its day", "whsec_second_secret_of_it", noon, []identity.OldSecret{{Secret: first, Until: until}}},
		{"changed again within the day, both before sign, each until its own end", "whsec_third_secret_of_it", noon.Add(hour), []identity.OldSecret{
			{Secret: "whsec_second_secret_of_it", Until: until.Add(hour)}, {Secret: first, Until: until},
		}},
		{"one whose day is over is forgotten, to the second", "whsec_fourth_secret_of_it", until, []identity.OldSecret{
			{Secret: "whsec_third_secret_of_it", Until: until.Add(24 * hour)}, {Secret: "whsec_second_secret_of_it", Until: until.Add(hour)},
		}},
	} {
		b.must(b.RotateHook(ctx, id, step.secret, step.now, step.now.Add(24*hour)))
		all, err = b.Hooks(ctx)
		b.must(err)
		if h := all[0]; h.Secret != step.secret || !slices.Equal(h.Old, step.old) || !h.OldUntil.Equal(step.old[0].Until) {
			t.Errorf("%s: %+v", step.why, h)
		}
	}
	later, refused := until.Add(100*hour), 0
	for i := range 12 {
		switch err := b.RotateHook(ctx, id, fmt.Sprintf("whsec_one_of_many_secrets_%d", i), later, later.Add(24*hour)); {
		case errors.Is(err, identity.ErrSecrets):
			refused++
		case err != nil:
			t.Fatal(err)
		}
	}
	if refused != 2 {
		t.Errorf("of twelve changes within a day %d were refused, want 2", refused)
	}
	b.must(b.EndHook(ctx, id, noon))
	for _, gone := range []string{id, uuid.NewString()} {
		if err := b.RotateHook(ctx, gone, "whsec_last_secret_of_it", noon, until); !errors.Is(err, postgres.ErrNotFound) {
			t.Errorf("rotating what is not in force: %v", err)
		}
	}
}
