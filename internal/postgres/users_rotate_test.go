package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/postgres"
)

// TestHookSecretsRotate: the new secret is in force, the one before until its end; rotating
// twice forgets the first.
func TestHookSecretsRotate(t *testing.T) {
	b := newBundle(t)
	ctx := t.Context()
	id := b.hook()
	all, err := b.Hooks(ctx)
	b.must(err)
	first := all[0].Secret
	until := noon.Add(24 * time.Hour)
	b.must(b.RotateHook(ctx, id, "whsec_second_secret_of_it", until))
	all, err = b.Hooks(ctx)
	b.must(err)
	if h := all[0]; h.Secret != "whsec_second_secret_of_it" || h.OldSecret != first || !h.OldUntil.Equal(until.Truncate(time.Second)) {
		t.Errorf("after rotating: %+v", h)
	}
	b.must(b.RotateHook(ctx, id, "whsec_third_secret_of_it", until))
	all, err = b.Hooks(ctx)
	b.must(err)
	if h := all[0]; h.Secret != "whsec_third_secret_of_it" || h.OldSecret != "whsec_second_secret_of_it" {
		t.Errorf("after rotating twice: %+v", h)
	}
	b.must(b.EndHook(ctx, id, noon))
	for _, gone := range []string{id, uuid.NewString()} {
		if err := b.RotateHook(ctx, gone, "whsec_fourth_secret_of_it", until); !errors.Is(err, postgres.ErrNotFound) {
			t.Errorf("rotating what is not in force: %v", err)
		}
	}
}
