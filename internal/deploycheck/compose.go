package deploycheck

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// object is a mapping of a compose file.
type object = map[string]any

// faults collects what is wrong, each with its place.
type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// Check returns what is wrong with a compose file, in order of place; exists
// reports whether a path beside the file is there.
func Check(doc object, exists func(path string) bool) []string {
	var f faults
	services := child(doc, "services")
	for _, name := range slices.Sorted(maps.Keys(services)) {
		s := child(services, name)
		checkImage(&f, name, s)
		checkLife(&f, name, s)
		checkDependencies(&f, name, s, services)
		checkEnvironment(&f, name, s)
		checkPorts(&f, name, s)
		checkMounts(&f, name, s, child(doc, "volumes"), exists)
		checkUses(&f, name, "secrets", s, child(doc, "secrets"))
		checkUses(&f, name, "networks", s, child(doc, "networks"))
	}
	checkUnused(&f, doc, services)
	return f
}

func child(o object, key string) object {
	c, _ := o[key].(object)
	return c
}

// words are the strings of a list, or the keys of a mapping in order.
func words(v any) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, fmt.Sprint(item))
		}
		return out
	case object:
		return slices.Sorted(maps.Keys(v))
	}
	return nil
}

// pinned is name:tag with a version in it; a variable must have such a default.
var pinned = regexp.MustCompile(`^[a-z0-9./_-]+:(\$\{[A-Z_]+:-)?v?\d+\.\d+[A-Za-z0-9._-]*\}?$`)

func checkImage(f *faults, name string, s object) {
	if image, _ := s["image"].(string); !pinned.MatchString(image) {
		f.add("%s: image %q is not pinned to a version", name, image)
	}
}

// isJob reports whether a service does its work and ends.
func isJob(s object) bool {
	restart, _ := s["restart"].(string)
	return strings.HasPrefix(restart, "on-failure:")
}

// isTool reports whether a service is only run by hand.
func isTool(s object) bool { return len(words(s["profiles"])) > 0 }

func checkLife(f *faults, name string, s object) {
	restart, _ := s["restart"].(string)
	_, healthy := s["healthcheck"]
	switch {
	case isTool(s) && (restart != "no" || healthy):
		f.add("%s: what is run by hand has restart \"no\" and no healthcheck", name)
	case isTool(s):
	case isJob(s) && healthy:
		f.add("%s: a job ends; its health is its exit status, not a healthcheck", name)
	case isJob(s):
	case restart != "unless-stopped":
		f.add("%s: restart is %q; a service needs unless-stopped, a job on-failure:N", name, restart)
	case !healthy:
		f.add("%s: a service without a healthcheck cannot be waited for", name)
	}
}

func checkDependencies(f *faults, name string, s, services object) {
	if _, short := s["depends_on"].([]any); short {
		f.add("%s: depends_on as a list waits for nothing; name a condition", name)
	}
	on := child(s, "depends_on")
	for _, other := range slices.Sorted(maps.Keys(on)) {
		target, known := services[other].(object)
		if !known {
			f.add("%s: depends on %s, which is no service", name, other)
			continue
		}
		want := "service_healthy"
		if isJob(target) {
			want = "service_completed_successfully"
		}
		if got := child(on, other)["condition"]; got != want {
			f.add("%s: waits for %s to be %v; it needs %s", name, other, got, want)
		}
	}
}

// secretName is a variable whose value nobody may read in docker inspect.
var secretName = regexp.MustCompile(`(PASSWORD|PWD|TOKEN|SECRET|API_KEY|CODEC_KEYS)$`)

// password finds user:password@ in an address.
var password = regexp.MustCompile(`://[^/@:]*:[^/@]+@`)

func checkEnvironment(f *faults, name string, s object) {
	env := child(s, "environment")
	if list, ok := s["environment"].([]any); ok && len(list) > 0 {
		f.add("%s: write the environment as a mapping, lists cannot be merged", name)
	}
	for _, key := range slices.Sorted(maps.Keys(env)) {
		value := fmt.Sprint(env[key])
		if secretName.MatchString(key) {
			f.add("%s: %s is a secret in clear; use %s_FILE", name, key, key)
		}
		if password.MatchString(value) {
			f.add("%s: %s holds a password", name, key)
		}
		if file, ok := strings.CutPrefix(value, "/run/secrets/"); ok && !slices.Contains(words(s["secrets"]), file) {
			f.add("%s: %s names the secret %s, which the service is not given", name, key, file)
		}
	}
}

// loopback is a port published to this host only.
var loopback = regexp.MustCompile(`^127\.0\.0\.1:\d+:\d+$`)

func checkPorts(f *faults, name string, s object) {
	for _, port := range words(s["ports"]) {
		if !loopback.MatchString(port) {
			f.add("%s: port %s is open to the world; publish 127.0.0.1:HOST:CONTAINER and put a proxy with TLS before it", name, port)
		}
		if strings.HasSuffix(port, ":5432") || strings.HasSuffix(port, ":7233") {
			f.add("%s: port %s publishes a database or Temporal's frontend", name, port)
		}
	}
}

func checkMounts(f *faults, name string, s, volumes object, exists func(string) bool) {
	for _, mount := range words(s["volumes"]) {
		source, rest, _ := strings.Cut(mount, ":")
		switch _, defined := volumes[source]; {
		case strings.HasPrefix(source, "./"):
			if !exists(source) {
				f.add("%s: mounts %s, which is not there", name, source)
			}
			if !strings.HasSuffix(rest, ":ro") {
				f.add("%s: mounts %s writable", name, source)
			}
		case !defined:
			f.add("%s: mounts the volume %s, which is not defined", name, source)
		}
	}
}

func checkUses(f *faults, name, kind string, s, defined object) {
	used := words(s[kind])
	if kind == "networks" && len(used) == 0 {
		f.add("%s: is in no network of its own, so in everybody's", name)
	}
	for _, use := range used {
		if _, ok := defined[use]; !ok {
			f.add("%s: uses %s.%s, which is not defined", name, kind, use)
		}
	}
}

func checkUnused(f *faults, doc, services object) {
	for _, kind := range []string{"networks", "secrets", "volumes"} {
		for _, defined := range slices.Sorted(maps.Keys(child(doc, kind))) {
			used := false
			for _, s := range services {
				for _, use := range words(s.(object)[kind]) {
					source, _, _ := strings.Cut(use, ":")
					used = used || source == defined
				}
			}
			if !used {
				f.add("%s.%s is defined and never used", kind, defined)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(child(doc, "secrets"))) {
		file, _ := child(child(doc, "secrets"), name)["file"].(string)
		if file != "./deploy/secrets/"+name {
			f.add("secrets.%s: its file is %q; keep secrets in deploy/secrets, which git ignores", name, file)
		}
	}
}
