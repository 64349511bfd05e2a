package app

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/duly/duly/internal/web/api"
)

// curl is a line of a shell that calls the API.
type curl struct {
	method, path, body string
	header             []string
	status             int // that the comment before it names; 0: a success
}

// curlsIn finds the lines of a document's sh blocks that call the API, with variables
// filled in.
func curlsIn(t *testing.T, text string, vars *strings.Replacer) (out []curl) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		status := 0
		for _, line := range strings.Split(strings.ReplaceAll(block[1], "\\\n", " "), "\n") {
			if _, err := fmt.Sscanf(line, "# answers %d", &status); err == nil || !strings.HasPrefix(line, "curl ") {
				continue
			}
			c := curlOf(t, words(vars.Replace(line))[1:])
			c.status, status = status, 0
			out = append(out, c)
		}
	}
	return out
}

// words splits a line as a shell does, with single and double quotes.
func words(line string) (out []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}

func curlOf(t *testing.T, args []string) (c curl) {
	t.Helper()
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-sS":
		case a == "-X":
			i++
			c.method = args[i]
		case a == "-H":
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			c.header = append(c.header, name, value)
		case a == "-d":
			i++
			c.body = args[i]
		case strings.HasPrefix(a, api.Prefix):
			c.path = strings.TrimPrefix(a, api.Prefix)
		default:
			t.Fatalf("the test does not know the argument %q", a)
		}
	}
	switch {
	case c.method != "":
	case c.body != "":
		c.method = http.MethodPost
	default:
		c.method = http.MethodGet
	}
	return c
}

// TestAPIDocsRun runs the examples of docs/api.md.
func TestAPIDocsRun(t *testing.T) {
	d := newDesk(t)
	text, err := os.ReadFile("../../docs/api.md")
	d.must(err)
	all := curlsIn(t, string(text), strings.NewReplacer("$DULY", "", "$KEY", d.key("demo", everyScope()...), "$CASE", d.ref.Case))
	if len(all) < 6 {
		t.Fatalf("only %d examples were found", len(all))
	}
	for _, c := range all {
		res := d.call("", c.method, c.path, c.body, c.header...)
		if ok := res.StatusCode < 300; c.status == 0 && !ok || c.status != 0 && res.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d (0: a success)\n%s", c.method, c.path, res.StatusCode, c.status, res.body)
		}
	}
	if strings.Contains(string(text), "http://") {
		t.Error("the document calls something without https")
	}
}

// TestAPIReferenceRuns runs every line that the reference page offers and that needs
// nothing which is not there: none is refused for its form.
func TestAPIReferenceRuns(t *testing.T) {
	d := newDesk(t)
	ring := &keyring{d: d}
	for _, op := range d.console.api.Operations() {
		example := d.exampleOf(op)
		if example == nil || strings.HasSuffix(op.ID, "_on_account") {
			continue
		}
		res := d.call(ring.next(op), op.Method, d.placeOf(op, "11111111-1111-4111-8111-111111111111"), jsonOf(t, example))
		if res.StatusCode == http.StatusBadRequest || res.StatusCode >= 500 || strings.Contains(res.body, "is not known") || strings.Contains(res.body, "lacks ") {
			t.Errorf("%s: its example comes to %d: %s\n%s", op.ID, res.StatusCode, res.body, jsonOf(t, example))
		}
	}
}
