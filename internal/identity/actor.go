package identity

import "context"

type actorKey struct{}

// ActingAs says in a context who changes users, their roles and keys: "user:<id>",
// "key:<id>", or a word such as "cli". The store writes it into the log that is chained
// (access_events), with every change.
func ActingAs(ctx context.Context, by string) context.Context {
	return context.WithValue(ctx, actorKey{}, by)
}

// Actor is who ActingAs said; "" for nobody.
func Actor(ctx context.Context) string {
	by, _ := ctx.Value(actorKey{}).(string)
	return by
}
