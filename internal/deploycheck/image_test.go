package deploycheck

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/health"
)

// stages maps each stage of the Dockerfile to the image or stage it starts from.
func stages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^FROM (\S+) AS (\S+)$`).FindAllSubmatch(read(t, "Dockerfile"), -1) {
		out[string(m[2])] = string(m[1])
	}
	return out
}

func TestImagesAreStaticSmallAndUnprivileged(t *testing.T) {
	text := string(read(t, "Dockerfile"))
	from := stages(t)
	if from["base"] != "scratch" {
		t.Errorf("images start from %q: a shell and a libc are there to be attacked and updated", from["base"])
	}
	for _, c := range []struct{ why, want string }{
		{"without cgo a binary needs no libc", "CGO_ENABLED=0"},
		{"a machine's workspace must not decide what is built", "GOWORK=off"},
		{"scratch has no zone files, and every debtor has a zone", "-tags timetzdata"},
		{"providers and Temporal Cloud are reached over TLS", "ca-certificates.crt"},
		{"root in a container is root", "USER 65532:65532"},
	} {
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: %q is missing from the Dockerfile", c.why, c.want)
		}
	}
}

func TestTheBuildImageHasTheGoThatTheModuleNeeds(t *testing.T) {
	need := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(read(t, "go.mod"))
	got := regexp.MustCompile(`^golang:(\d+\.\d+)\.\d+-`).FindStringSubmatch(stages(t)["build"])
	if need == nil || got == nil || string(need[1]) != got[1] {
		t.Errorf("go.mod needs %s, the build image is %s", need, stages(t)["build"])
	}
}

func TestEveryBuiltServiceHasItsStageAndProgram(t *testing.T) {
	from, text := stages(t), read(t, "Dockerfile")
	services := child(load(t, "docker-compose.yml"), "services")
	built := 0
	for name := range services {
		build := child(child(services, name), "build")
		if build == nil {
			continue
		}
		built++
		target, _ := build["target"].(string)
		if from[target] != "base" {
			t.Errorf("%s: the Dockerfile has no stage %q over base", name, target)
		}
		if !bytes.Contains(text, []byte(`ENTRYPOINT ["/`+target+`"]`)) {
			t.Errorf("%s: stage %q does not start /%s", name, target, target)
		}
	}
	if built != 6 {
		t.Errorf("%d services are built here, want migrate, publish, duly, worker, starter, console", built)
	}
}

func TestWhatTheDockerfileCompilesExists(t *testing.T) {
	line := regexp.MustCompile(`go build .* -o /out/ (.*) &&`).FindSubmatch(read(t, "Dockerfile"))
	if line == nil {
		t.Fatal("no go build in the Dockerfile")
	}
	for _, dir := range strings.Fields(string(line[1])) {
		if _, err := os.Stat(filepath.Join(top, dir, "main.go")); err != nil {
			t.Errorf("the Dockerfile compiles %s: %v", dir, err)
		}
	}
}

// TestProbesAreAnswered calls what the healthchecks call: an image without a
// shell can only ask itself.
func TestProbesAreAnswered(t *testing.T) {
	probes := probes(t)
	if want := []string{"console", "starter", "worker"}; !slices.Equal(probes, want) {
		t.Errorf("%v probe themselves, want %v", probes, want)
	}
	for _, c := range []struct {
		why  string
		err  error
		want int
	}{
		{"a process that can work", nil, 0},
		{"a process that cannot", errors.New("no database"), 1},
	} {
		twin, err := health.Start("127.0.0.1:0", map[string]health.Check{"duly": func(context.Context) error { return c.err }}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		asked := app.Process{Args: []string{"worker", "healthcheck"}, Environ: []string{health.EnvAddr + "=" + twin.Addr()}, Stderr: &stderr}
		never := func(context.Context, app.Process) error { return errors.New("the process itself was started") }
		if got := app.Main(asked, never); got != c.want || strings.Contains(stderr.String(), "itself") {
			t.Errorf("%s: status %d, %s", c.why, got, &stderr)
		}
		if err := twin.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// probes are the programs that compose asks by calling themselves, in order.
// Each of their mains must be app.Main, which answers.
func probes(t *testing.T) []string {
	t.Helper()
	var out []string
	services := child(load(t, "docker-compose.yml"), "services")
	for name := range services {
		test := words(child(child(services, name), "healthcheck")["test"])
		if len(test) != 3 || test[2] != "healthcheck" {
			continue
		}
		program := strings.TrimPrefix(test[1], "/")
		if main := read(t, filepath.Join(program, "main.go")); !bytes.Contains(main, []byte("app.Main(")) {
			t.Errorf("%s: its healthcheck calls %s, whose main is not app.Main", name, program)
		}
		out = append(out, program)
	}
	slices.Sort(out)
	return out
}

// TestTheStarterUnderstandsItsCommand: a flag that it does not know would end it
// with status 2, and restart it for ever.
func TestTheStarterUnderstandsItsCommand(t *testing.T) {
	services := child(load(t, "docker-compose.yml"), "services")
	var stderr bytes.Buffer
	p := app.Process{Args: append([]string{"starter"}, words(child(services, "starter")["command"])...), Stderr: &stderr}
	err := app.RunStarter(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("with this command and no environment it should miss DATABASE_URL, but says %v", err)
	}
}
