package codec

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func ringOf(t *testing.T, lines ...string) Keys {
	t.Helper()
	k, err := ParseKeys(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDataAtRest(t *testing.T) {
	old, newest := Generate(), Generate()
	before, after := ringOf(t, old), ringOf(t, newest, old)
	plain := []byte("Dear Ada, you owe 12.34")
	id, sealed, err := before.Seal("sent/1", plain)
	if err != nil || id != before.Newest() || bytes.Contains(sealed, []byte("Ada")) {
		t.Fatalf("sealed under %q, %v", id, err)
	}
	_, again, err := before.Seal("sent/1", plain)
	if err != nil || bytes.Equal(sealed, again) {
		t.Error("the same text twice must not look the same")
	}
	bad := bytes.Clone(sealed)
	bad[len(bad)-1] ^= 1
	for _, c := range []struct {
		about  string
		keys   Keys
		id     string
		name   string
		sealed []byte
		want   error
	}{
		{"opens with the key that sealed it", before, id, "sent/1", sealed, nil},
		{"opens after a newer key was added", after, id, "sent/1", sealed, nil},
		{"not under another name", before, id, "sent/2", sealed, ErrTampered},
		{"not when a bit was changed", before, id, "sent/1", bad, ErrTampered},
		{"not when nothing is there", before, id, "sent/1", nil, ErrTampered},
		{"not with another key under its id", after, after.Newest(), "sent/1", sealed, ErrTampered},
		{"not without its key", ringOf(t, newest), id, "sent/1", sealed, ErrUnknownKey},
		{"not without any", Keys{}, id, "sent/1", sealed, ErrUnknownKey},
	} {
		t.Run(c.about, func(t *testing.T) {
			got, err := c.keys.Open(c.id, c.name, c.sealed)
			if !errors.Is(err, c.want) || err == nil && !bytes.Equal(got, plain) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if _, _, err := (Keys{}).Seal("x", plain); !errors.Is(err, ErrNoKeys) {
		t.Errorf("sealing without a key: %v", err)
	}
	if after.Newest() == id {
		t.Error("the newest key comes first")
	}
}

// TestTheUsesAreApart: what is sealed for one use does not open for the other, though
// both may come from one key.
func TestTheUsesAreApart(t *testing.T) {
	k := ringOf(t, Generate())
	_, sealed, err := k.Seal("x", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.aead[k.Newest()].Open(nil, nil, sealed, boundData(k.Newest(), "x")); err == nil {
		t.Error("the key of payloads opened data at rest")
	}
}

func TestDataFromEnv(t *testing.T) {
	codec, data := Generate(), Generate()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := func(line string) string { return strings.Split(line, ":")[0] }
	for _, c := range []struct {
		about string
		env   map[string]string
		want  string
		err   string
	}{
		{"a ring of its own", map[string]string{EnvData: data, EnvKeys: codec}, id(data), ""},
		{"by file", map[string]string{EnvData + "_FILE": file, EnvKeys: codec}, id(data), ""},
		{"else the one of payloads", map[string]string{EnvKeys: codec}, id(codec), ""},
		{"none at all", nil, "", EnvKeys},
		{"a broken one is named, not shown", map[string]string{EnvData: "k1:secret!"}, "", EnvData},
		{"both ways at once", map[string]string{EnvData: data, EnvData + "_FILE": file}, "", EnvData + "_FILE"},
	} {
		t.Run(c.about, func(t *testing.T) {
			k, err := DataFromEnv(func(n string) string { return c.env[n] })
			if k.Newest() != c.want || (err != nil) != (c.err != "") {
				t.Fatalf("%v, %v", k, err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret!")) {
				t.Errorf("error %v", err)
			}
			if text := fmt.Sprintf("%v %+v %#v", k, k, k); strings.Contains(text, strings.Split(data, ":")[1]) {
				t.Error("a key was printed")
			}
		})
	}
}

func TestSignatures(t *testing.T) {
	old, newest := Generate(), Generate()
	before, after := ringOf(t, old), ringOf(t, newest, old)
	sig := before.Sign("link", []byte("x"))
	for _, c := range []struct {
		about string
		keys  Keys
		use   string
		text  string
		sig   []byte
		want  bool
	}{
		{"by its own key", before, "link", "x", sig, true},
		{"after a newer key was added", after, "link", "x", sig, true},
		{"cut to half", before, "link", "x", sig[:16], true},
		{"cut too short", before, "link", "x", sig[:15], false},
		{"too long", before, "link", "x", append(bytes.Clone(sig), 0), false},
		{"for another purpose", before, "token", "x", sig, false},
		{"of another text", before, "link", "y", sig, false},
		{"by a key that is gone", ringOf(t, newest), "link", "x", sig, false},
		{"without keys", Keys{}, "link", "x", sig, false},
		{"none", before, "link", "x", nil, false},
	} {
		if got := c.keys.Verify(c.use, []byte(c.text), c.sig); got != c.want {
			t.Errorf("%s: %v", c.about, got)
		}
	}
	if (Keys{}).Sign("link", nil) != nil {
		t.Error("a signature without a key")
	}
}
