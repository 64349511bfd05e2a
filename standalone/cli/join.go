package cli

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// errTaken keeps a demonstration out of a database that is somebody's.
var errTaken = errors.New(`DATABASE_URL leads to a database in which Duly lives already, and a demonstration would move into it: perhaps this shell has loaded the "env" of another one. ` +
	"For a demonstration of its own: unset DATABASE_URL. To go on in that database on purpose: --join")

// mayUse refuses the database of url ("": none is named, a private one is made) when there are
// debtors or a script in it, unless join asks for it. One that does not answer is left to
// whoever opens it: their error says why.
func mayUse(ctx context.Context, url string, join bool) error {
	if url == "" || join {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil
	}
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	for _, table := range []string{"debtors", "rehearsal_script"} {
		var there, taken bool
		if err := db.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&there); err != nil || !there {
			continue
		}
		if err := db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+pgx.Identifier{table}.Sanitize()+")").Scan(&taken); err == nil && taken {
			return errTaken
		}
	}
	return nil
}
