package config

import (
	"slices"
	"strings"
	"testing"
)

func TestAReleaseLoadsAgainAsItWas(t *testing.T) {
	c := shippedConfig(t)
	r := c.Release()
	again, err := LoadRelease(r)
	if err != nil {
		t.Fatal(err)
	}
	if again.Release().Version != r.Version || again.PolicyVersions() != c.PolicyVersions() {
		t.Error("the release became another one")
	}
	for _, s := range c.Sequences() {
		if got := again.Sequence(s.ID); got == nil || got.Version != s.Version {
			t.Errorf("sequence %s changed", s.ID)
		}
		file, data, ok := again.SequenceSource(s.ID)
		if !ok {
			t.Fatalf("no source of %s", s.ID)
		}
		alone, err := CompileSequence(file, data)
		if err != nil || alone.Version != s.Version {
			t.Errorf("%s compiled alone: %v", s.ID, err)
		}
	}
	if _, _, ok := c.SequenceSource("nothing"); ok {
		t.Error("there is a source of nothing")
	}
}

func TestATamperedReleaseIsRefused(t *testing.T) {
	for what, tamper := range map[string]func(Release) Release{
		"a changed file": func(r Release) Release {
			r.Files["queues.yaml"] = append(r.Files["queues.yaml"], '#')
			return r
		},
		"a file that is gone": func(r Release) Release { delete(r.Files, "roles.yaml"); return r },
		"a renamed file": func(r Release) Release {
			r.Files["sequences/x.yaml"] = r.Files["sequences/final-only.yaml"]
			delete(r.Files, "sequences/final-only.yaml")
			return r
		},
		"another version": func(r Release) Release { r.Version = "0000000000000000"; return r },
	} {
		if _, err := LoadRelease(tamper(shippedConfig(t).Release())); err == nil || !strings.Contains(err.Error(), "not the files that were published") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheCallerOfReleaseCannotChangeTheConfiguration(t *testing.T) {
	c := shippedConfig(t)
	was := c.Release().Version
	r := c.Release()
	r.Files["queues.yaml"][0] = 'X'
	if c.Release().Version != was {
		t.Error("a file changed under the configuration")
	}
}

func TestChangesBetweenReleases(t *testing.T) {
	old := Release{Files: map[string][]byte{"a": []byte("1"), "b": []byte("1"), "c": []byte("1")}}
	now := Release{Files: map[string][]byte{"a": []byte("1"), "b": []byte("2"), "d": []byte("1")}}
	if got := now.Changes(old); !slices.Equal(got, []string{"~ b", "- c", "+ d"}) {
		t.Errorf("changes %v", got)
	}
}
