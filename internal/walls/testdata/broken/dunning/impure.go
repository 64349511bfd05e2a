package dunning

import (
	"context"
	"log/slog"
	"math/rand"
	"net/url"
	"strings"

	_ "example.com/helper"
)

// Impure uses what it imports.
func Impure(ctx context.Context) {
	slog.InfoContext(ctx, strings.ToUpper(url.PathEscape("x")), "n", rand.Int())
}
