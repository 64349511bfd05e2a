package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/internal/identity"
)

// Errors that callers act on. They are wrapped: test with errors.Is.
var (
	// ErrNotFound: there is no such row. It is identity's, so that the web knows it without
	// knowing the database.
	ErrNotFound = identity.ErrNotFound
	// ErrTaken: somebody else has this intent, send key, item or open case already.
	// Load the facts again and decide on what is there now.
	ErrTaken = identity.ErrTaken
	// ErrRefused: the database refuses the row as nonsense; a bug of the caller.
	ErrRefused = errors.New("the database refuses it")
)

// errMalformed is both: a row of such an id cannot be there, nor can it be made.
var errMalformed = fmt.Errorf("%w, and %w: an identifier is malformed (ids of debtors, accounts and cases are UUIDs)", ErrNotFound, ErrRefused)

// errStopped: the database ended a question, because it took longer than it may or because
// somebody ended it there.
var errStopped = errors.New("the database stopped the question (SQLSTATE " + stateStopped + ")")

// SQLSTATEs that are acted on, and those that the migrations raise.
const (
	stateUnique      = "23505"
	stateForeign     = "23503"
	stateNotNull     = "23502"
	stateCheck       = "23514"
	stateSyntax      = "22P02" // such as text that is no UUID
	stateAppendOnly  = "DU001"
	stateTransition  = "DU002"
	stateSerialize   = "40001"
	stateDeadlock    = "40P01"
	stateLockTimeout = "55P03"
	stateStopped     = "57014"
	classData        = "22"
)

// lostRace tells errors that the same transaction may survive when run again.
func lostRace(err error) bool {
	pg := (*pgconn.PgError)(nil)
	if !errors.As(err, &pg) {
		return false
	}
	return pg.Code == stateSerialize || pg.Code == stateDeadlock || pg.Code == stateLockTimeout
}

// explain turns the database's errors into ours. It keeps names of tables and
// constraints and drops the detail, which quotes the row and so personal data.
func explain(err error) error {
	pg := (*pgconn.PgError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNotFound
	case strings.Contains(err.Error(), "failed to encode args"): // pgx quotes the value
		return errMalformed
	case !errors.As(err, &pg) || lostRace(err) || errors.Is(err, ErrTaken) || errors.Is(err, ErrRefused):
		return err
	}
	switch pg.Code {
	case stateUnique:
		return fmt.Errorf("%w (%s)", ErrTaken, pg.ConstraintName)
	case stateForeign, stateCheck:
		return fmt.Errorf("%w: rule %s of table %s", ErrRefused, pg.ConstraintName, pg.TableName)
	case stateNotNull:
		return fmt.Errorf("%w: %s of table %s is missing", ErrRefused, pg.ColumnName, pg.TableName)
	case stateSyntax:
		return errMalformed
	case stateStopped:
		return errStopped
	case stateAppendOnly, stateTransition:
		return fmt.Errorf("%w: %s", ErrRefused, pg.Message)
	}
	if strings.HasPrefix(pg.Code, classData) { // its message quotes the value
		return fmt.Errorf("%w: a value is malformed or out of range (SQLSTATE %s)", ErrRefused, pg.Code)
	}
	return fmt.Errorf("database: %s (SQLSTATE %s)", pg.Message, pg.Code)
}
