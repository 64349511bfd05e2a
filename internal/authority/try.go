package authority

import (
	"context"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
)

// Try says what a command would make true, of the facts given, as of an instant: within
// the same authority as Do, and without writing anything.
func (s *Service) Try(ctx context.Context, who identity.Principal, ref dunning.CaseRef, name string, cmd dunning.Command, f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
	if name != "finish_task" && !who.Can(Of(name), ref.Creditor) {
		return nil, &Refusal{Permission: Of(name), Creditor: ref.Creditor}
	}
	roles, err := s.Roles(ctx)
	if err != nil {
		return nil, err
	}
	if err := Check(who, ref.Creditor, LimitsOf(who, ref.Creditor, roles), f, cmd, at); err != nil {
		return nil, err
	}
	return dunning.Handle(f, cmd, who.By, at)
}
