package evidence_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/evidence"
)

func pack(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := evidence.Pack(&b, evidence.Manifest{Case: "c", Made: time.Unix(0, 0), By: "user:1"}, []evidence.File{{"b.json", []byte("two")}, {"a.json", []byte("one")}})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// again writes a pack's files once more, as somebody who forges one does.
func again(t *testing.T, raw []byte, change func(name, data string) (string, bool), add ...string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	put := func(name, data string) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		if data, keep := change(f.Name, b.String()); keep {
			put(f.Name, data)
		}
	}
	for _, name := range add {
		put(name, "x")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestVerify(t *testing.T) {
	same := func(_, d string) (string, bool) { return d, true }
	raw := pack(t)
	for about, c := range map[string]struct {
		raw  []byte
		says string
	}{
		"a pack as it was written":     {raw, ""},
		"the same files zipped again":  {again(t, raw, same), ""},
		"a file that was changed":      {again(t, raw, func(n, d string) (string, bool) { return strings.ReplaceAll(d, "one", "eno"), true }), "a.json was changed"},
		"a file that was taken away":   {again(t, raw, func(n, d string) (string, bool) { return d, n != "b.json" }), "b.json is missing"},
		"a file that was added":        {again(t, raw, same, "c.json"), "c.json was added"},
		"a file that is in it twice":   {again(t, raw, same, "a.json"), "a.json is in the pack twice"},
		"a second manifest":            {again(t, raw, same, "manifest.json"), "manifest.json is in the pack twice"},
		"a pack without its manifest":  {again(t, raw, func(n, d string) (string, bool) { return d, n != "manifest.json" }), "no manifest.json"},
		"a manifest that is no JSON":   {again(t, raw, func(n, d string) (string, bool) { return strings.ReplaceAll(d, "{", "["), true }), "not of the form"},
		"something that is no archive": {[]byte("hello"), "no ZIP file"},
	} {
		t.Run(about, func(t *testing.T) {
			_, _, err := evidence.Verify(bytes.NewReader(c.raw), int64(len(c.raw)))
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
	if !bytes.Equal(raw, pack(t)) {
		t.Error("the same content gives other bytes")
	}
}
