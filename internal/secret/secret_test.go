package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const clear = "hunter2-very-secret"

func TestValueNeverPrints(t *testing.T) {
	type hidden struct {
		Name  string
		inner struct{ v Value }
	}
	v := New(clear)
	h := hidden{Name: "x"}
	h.inner.v = v
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "v", v, "h", fmt.Sprint(h))
	js, err := json.Marshal(map[string]any{"v": v, "p": &v})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"every plain verb on the value":                fmt.Sprintf("%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v),
		"a pointer to it":                              fmt.Sprintf("%v %+v %s", &v, &v, &v),
		"inside a struct, behind unexported fields":    fmt.Sprintf("%v %+v %#v", h, h, h),
		"structured logging":                           logged.String(),
		"JSON":                                         string(js),
		"an error that wraps it":                       fmt.Errorf("bad: %v", v).Error(),
		"a slice of them":                              fmt.Sprint([]Value{v, v}),
		"a map with it as a value and a text encoding": fmt.Sprint(map[string]Value{"a": v}),
	}
	for name, got := range cases {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(got, clear) || strings.Contains(got, fmt.Sprintf("%x", clear)) {
				t.Errorf("the secret is visible: %s", got)
			}
		})
	}
	if v.String() != "<secret>" || New("").String() != "" || New("").IsSet() || !v.IsSet() || v.Reveal() != clear {
		t.Error("a set value prints <secret>, an unset one nothing, and Reveal gives it back")
	}
}

func TestFromEnv(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	cases := []struct {
		name string
		env  map[string]string
		want string
		err  string
	}{
		{"nothing set is no secret and no error", nil, "", ""},
		{"the variable itself", map[string]string{"K": clear}, clear, ""},
		{"a file, its last line break cut", map[string]string{"K_FILE": file("a", clear+"\n")}, clear, ""},
		{"a file with a Windows line break", map[string]string{"K_FILE": file("b", clear+"\r\n")}, clear, ""},
		{"spaces inside are kept", map[string]string{"K_FILE": file("c", " a b ")}, " a b ", ""},
		{"both set is ambiguous", map[string]string{"K": clear, "K_FILE": file("d", "other")}, "", "both set"},
		{"a missing file is named", map[string]string{"K_FILE": filepath.Join(dir, "gone")}, "", "cannot read the secret"},
		{"an empty file is refused", map[string]string{"K_FILE": file("e", "\n")}, "", "is empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, err := FromEnv(func(k string) string { return c.env[k] }, "K")
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("error %v, want one with %q", err, c.err)
			}
			if err != nil && strings.Contains(err.Error(), clear) {
				t.Errorf("the error shows the secret: %v", err)
			}
			if v.Reveal() != c.want {
				t.Errorf("got another value than %q", c.want)
			}
		})
	}
}
