package deploycheck

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/internal/cli"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// top is the repository's directory.
var top = filepath.Join("..", "..")

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(top, path))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// load parses a compose file as JSON would be: the schema knows nothing else.
func load(t *testing.T, path string) object {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal(read(t, path), &doc); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var out object
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(top, path))
	return err == nil
}

// overlay puts b over a as compose does: mappings merge, lists of b are added.
func overlay(a, b object) object {
	out := object{}
	maps.Copy(out, a)
	for key, value := range b {
		switch value := value.(type) {
		case object:
			out[key] = overlay(child(a, key), value)
		case []any:
			old, _ := a[key].([]any)
			out[key] = append(slices.Clone(old), value...)
		default:
			out[key] = value
		}
	}
	return out
}

func both(t *testing.T) map[string]object {
	base := load(t, "docker-compose.yml")
	return map[string]object{
		"docker-compose.yml":                          base,
		"docker-compose.yml and deploy/providers.yml": overlay(base, load(t, "deploy/providers.yml")),
	}
}

func TestComposeFilesFollowTheRules(t *testing.T) {
	for name, doc := range both(t) {
		for _, fault := range Check(doc, exists) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	s, err := compiler.Compile(filepath.Join("testdata", "compose-spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestComposeFilesFollowTheSpecification(t *testing.T) {
	s := schema(t)
	for _, path := range []string{"docker-compose.yml", "deploy/providers.yml"} {
		if err := s.Validate(load(t, path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	broken := load(t, "docker-compose.yml")
	child(child(broken, "services"), "worker")["restrat"] = "always"
	if s.Validate(broken) == nil {
		t.Error("the schema accepts a misspelt key: it checks nothing")
	}
}

// TestComposeHasTheWholeDeployment names what a real deployment needs.
func TestComposeHasTheWholeDeployment(t *testing.T) {
	services := child(load(t, "docker-compose.yml"), "services")
	want := []string{"console", "duly", "migrate", "postgres", "publish", "starter", "temporal", "temporal-namespace", "temporal-schema", "temporal-ui", "worker"}
	for _, name := range want {
		if _, ok := services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	if n := child(child(services, "worker"), "deploy")["replicas"]; n != 2.0 {
		t.Errorf("%v replicas of the worker, two keep sending while one restarts", n)
	}
}

// TestEveryRuleFindsItsFault breaks the real file, one thing at a time.
func TestEveryRuleFindsItsFault(t *testing.T) {
	service := func(doc object, name string) object { return child(child(doc, "services"), name) }
	for _, c := range []struct {
		why   string
		spoil func(object)
		want  string
	}{
		{"a moving tag", func(d object) { service(d, "postgres")["image"] = "postgres:latest" }, `postgres: image "postgres:latest" is not pinned`},
		{"no tag", func(d object) { service(d, "temporal-ui")["image"] = "temporalio/ui" }, "is not pinned"},
		{"only a major version", func(d object) { service(d, "postgres")["image"] = "postgres:15" }, "is not pinned"},
		{"no restart policy", func(d object) { delete(service(d, "worker"), "restart") }, "worker: restart is"},
		{"no healthcheck", func(d object) { delete(service(d, "worker"), "healthcheck") }, "worker: a service without a healthcheck"},
		{"a healthcheck on a job", func(d object) { service(d, "migrate")["healthcheck"] = object{} }, "migrate: a job ends"},
		{"a tool that restarts", func(d object) { service(d, "duly")["restart"] = "unless-stopped" }, "duly: what is run by hand"},
		{"a dependency on nothing", func(d object) {
			child(service(d, "worker"), "depends_on")["redis"] = object{"condition": "service_healthy"}
		}, "worker: depends on redis, which is no service"},
		{"waiting only for the start", func(d object) {
			child(child(service(d, "worker"), "depends_on"), "temporal")["condition"] = "service_started"
		}, "worker: waits for temporal to be service_started"},
		{"waiting for a job to be healthy", func(d object) {
			child(child(service(d, "worker"), "depends_on"), "publish")["condition"] = "service_healthy"
		}, "worker: waits for publish to be service_healthy"},
		{"a list of dependencies", func(d object) { service(d, "worker")["depends_on"] = []any{"temporal"} }, "depends_on as a list"},
		{"a secret in clear", func(d object) { child(service(d, "worker"), "environment")["TWILIO_AUTH_TOKEN"] = "x" }, "TWILIO_AUTH_TOKEN is a secret in clear"},
		{"a password in an address", func(d object) {
			child(service(d, "worker"), "environment")["DATABASE_URL"] = "postgres://duly:pw@postgres/duly"
		}, "DATABASE_URL holds a password"},
		{"a secret that the service lacks", func(d object) { service(d, "worker")["secrets"] = []any{"duly_pgpass"} }, "names the secret codec_keys"},
		{"an undefined secret", func(d object) { delete(child(d, "secrets"), "codec_keys") }, "uses secrets.codec_keys, which is not defined"},
		{"an unused secret", func(d object) {
			child(d, "secrets")["old"] = object{"file": "./deploy/secrets/old"}
		}, "secrets.old is defined and never used"},
		{"a secret that git would take", func(d object) { child(child(d, "secrets"), "codec_keys")["file"] = "./codec_keys" }, "secrets.codec_keys: its file is"},
		{"the database open to the world", func(d object) { service(d, "postgres")["ports"] = []any{"5432:5432"} }, "port 5432:5432 is open to the world"},
		{"the database published at all", func(d object) { service(d, "postgres")["ports"] = []any{"127.0.0.1:5432:5432"} }, "publishes a database"},
		{"a mount that is not there", func(d object) { service(d, "postgres")["volumes"] = []any{"./nowhere:/x:ro"} }, "mounts ./nowhere, which is not there"},
		{"a writable mount", func(d object) { service(d, "postgres")["volumes"] = []any{"./deploy:/x"} }, "mounts ./deploy writable"},
		{"an undefined volume", func(d object) { service(d, "postgres")["volumes"] = []any{"data:/x"} }, "mounts the volume data, which is not defined"},
		{"an undefined network", func(d object) { service(d, "worker")["networks"] = []any{"lan"} }, "uses networks.lan, which is not defined"},
		{"no network", func(d object) { delete(service(d, "worker"), "networks") }, "is in no network of its own"},
	} {
		doc := load(t, "docker-compose.yml")
		c.spoil(doc)
		if got := Check(doc, exists); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%s: found %q, want %q", c.why, got, c.want)
		}
	}
}

// TestCommandsOfDulyExist asks the command line for the commands of the jobs.
func TestCommandsOfDulyExist(t *testing.T) {
	root := cli.Root(cli.Env{Getenv: func(string) string { return "" }})
	services := child(load(t, "docker-compose.yml"), "services")
	asked := 0
	for name := range services {
		command := words(child(services, name)["command"])
		if child(child(services, name), "build")["target"] != "duly" || len(command) == 0 {
			continue
		}
		asked++
		if cmd, _, err := root.Find(command); err != nil || cmd == root {
			t.Errorf("%s: duly has no command %q", name, command[0])
		}
	}
	if asked < 2 {
		t.Errorf("%d commands were found, want migrate and publish", asked)
	}
}
