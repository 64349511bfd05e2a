package codec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// key is a pair whose 32 bytes all have one value: recognisable in output.
func key(id string, fill byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, keyBytes))
}

func ring(t testing.TB, pairs ...string) Keys {
	t.Helper()
	keys, err := ParseKeys(strings.Join(pairs, ","))
	if err != nil {
		t.Fatalf("ParseKeys: %v", err)
	}
	return keys
}

func sample() *commonpb.Payload {
	return &commonpb.Payload{
		Metadata: map[string][]byte{"encoding": []byte("json/plain"), "messageType": []byte("x")},
		Data:     []byte(`"case 4711"`),
	}
}

func encrypt(t testing.TB, keys Keys, p *commonpb.Payload) *commonpb.Payload {
	t.Helper()
	out, err := New(keys).Encode([]*commonpb.Payload{p})
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	return out[0]
}

func TestParseKeysRefusesWhatIsNotAKeyRing(t *testing.T) {
	good := key("a", 1)
	for _, c := range []struct{ why, text, want string }{
		{"nothing at all is no key, never plain text", "", "no encryption key"},
		{"blanks and commas are nothing", " ,\n, ", "no encryption key"},
		{"a pair needs a colon", "abc", "key 1: not of the form"},
		{"an id may not be empty", ":" + strings.Split(good, ":")[1], "key 1: an id has"},
		{"an id with a blank would not survive metadata", "a b:AAAA", "key 1: an id has"},
		{"an id is at most 64 long", key(strings.Repeat("x", 65), 1), "key 1: an id has"},
		{"a key must be base64", "a:***", "not standard base64"},
		{"a 16-byte key would be AES-128", "a:" + base64.StdEncoding.EncodeToString(make([]byte, 16)), "has 16 bytes, AES-256 needs 32"},
		{"one id for two keys makes decoding ambiguous", good + "," + key("a", 2), `key 2: encryption`},
	} {
		_, err := ParseKeys(c.text)
		if err == nil {
			t.Errorf("%s: accepted", c.why)
			continue
		}
		want := strings.ReplaceAll(c.want, "key 2: encryption", `key 2: the id "a" is used twice`)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %q does not contain %q", c.why, err, want)
		}
	}
}

func TestParseKeysTakesTheFirstAsNewest(t *testing.T) {
	keys := ring(t, key("2026", 2), "\n "+key("2025", 1)+"\r\n")
	if keys.Newest() != "2026" || fmt.Sprint(keys.IDs()) != "[2026 2025]" {
		t.Fatalf("newest %q of %v", keys.Newest(), keys.IDs())
	}
}

func TestKeysNeverPrintTheirBytes(t *testing.T) {
	keys := ring(t, key("a", 0x41))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		if got := fmt.Sprintf(verb, keys); got != "codec.Keys[a]" {
			t.Errorf("%s prints %q", verb, got)
		}
		wrapped := fmt.Sprintf(verb, struct{ K Keys }{keys})
		if strings.Contains(wrapped, "AAAA") || strings.Contains(wrapped, "4141") {
			t.Errorf("%s of a struct holding keys shows them: %q", verb, wrapped)
		}
	}
}

func TestErrorsNeverQuoteAKey(t *testing.T) {
	for _, text := range []string{"a:SECRETSECRET*", "SECRETSECRET", "a:U0VDUkVU", key("a", 1) + "," + key("a", 2)} {
		_, err := ParseKeys(text)
		if err == nil {
			t.Fatalf("%q accepted", text)
		}
		for _, leak := range []string{"SECRET", "U0VD", "AQEB"} {
			if strings.Contains(err.Error(), leak) {
				t.Errorf("error %q quotes the key", err)
			}
		}
	}
}

func TestFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(key("f", 3)+"\n"+key("old", 4)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, direct, file, newest, fault string
	}{
		{"the variable itself", key("d", 1), "", "d", ""},
		{"a file, one key a line", "", file, "f", ""},
		{"neither is refused: no silent plain text", "", "", "", "no encryption key"},
		{"both are refused: which one counts?", key("d", 1), file, "", "both set"},
		{"a missing file is named", "", file + "x", "", "keysx"},
		{"a fault names the variable", "nonsense", "", "", EnvKeys},
	} {
		env := map[string]string{EnvKeys: c.direct, EnvKeys + "_FILE": c.file}
		keys, err := FromEnv(func(n string) string { return env[n] })
		if keys.Newest() != c.newest || (err == nil) != (c.fault == "") || (err != nil && !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: newest %q, error %v", c.why, keys.Newest(), err)
		}
	}
}

func TestGenerateMakesDistinctUsableKeys(t *testing.T) {
	one, two := Generate(), Generate()
	keys := ring(t, one, two) // refuses equal ids
	if got := encrypt(t, keys, sample()); string(got.Metadata[metaKeyID]) != keys.Newest() {
		t.Fatalf("encrypted with %q", got.Metadata[metaKeyID])
	}
}

func TestRoundTripKeepsThePayloadAndHidesIt(t *testing.T) {
	keys := ring(t, key("a", 1))
	before := sample()
	sealed := encrypt(t, keys, before)
	if !proto.Equal(before, sample()) {
		t.Error("Encode changed its argument")
	}
	raw, _ := proto.Marshal(sealed)
	if bytes.Contains(raw, []byte("4711")) || bytes.Contains(raw, []byte("json/plain")) {
		t.Error("the plain text or its encoding is visible")
	}
	copyOfSealed := proto.Clone(sealed)
	back, err := New(keys).Decode([]*commonpb.Payload{sealed})
	if err != nil || !proto.Equal(back[0], before) {
		t.Fatalf("came back as %v, %v", back, err)
	}
	if !proto.Equal(sealed, copyOfSealed) {
		t.Error("Decode changed its argument")
	}
}

func TestTheSameTextNeverLooksTheSame(t *testing.T) {
	keys := ring(t, key("a", 1))
	if bytes.Equal(encrypt(t, keys, sample()).Data, encrypt(t, keys, sample()).Data) {
		t.Fatal("two encryptions of one payload are equal: the nonce does not change")
	}
}

func TestRotation(t *testing.T) {
	oldKey, newKey := key("2025", 1), key("2026", 2)
	written := encrypt(t, ring(t, oldKey), sample())
	for _, c := range []struct {
		why  string
		keys Keys
		want error
	}{
		{"before the rotation it opens", ring(t, oldKey), nil},
		{"new key in front, old one kept: it opens", ring(t, newKey, oldKey), nil},
		{"new key known but not yet used (first phase of a rollout): it opens", ring(t, oldKey, newKey), nil},
		{"the old key thrown away: the error says which key is missing", ring(t, newKey), ErrUnknownKey},
		{"another key under the old id is found out", ring(t, key("2025", 9)), ErrTampered},
		{"no keys at all", Keys{}, ErrUnknownKey},
	} {
		back, err := New(c.keys).Decode([]*commonpb.Payload{written})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.why, err, c.want)
		}
		if c.want == nil && (len(back) != 1 || !proto.Equal(back[0], sample())) {
			t.Errorf("%s: came back as %v", c.why, back)
		}
		if errors.Is(c.want, ErrUnknownKey) && !strings.Contains(fmt.Sprint(err), "2025") {
			t.Errorf("%s: error %v does not name the missing key", c.why, err)
		}
	}
	if got := encrypt(t, ring(t, newKey, oldKey), sample()); string(got.Metadata[metaKeyID]) != "2026" {
		t.Errorf("after the rotation payloads are written with %q", got.Metadata[metaKeyID])
	}
}

func TestTamperingIsNoticed(t *testing.T) {
	keys := ring(t, key("a", 1), key("b", 1)) // the same bytes under two ids: only the bound id tells them apart
	for _, c := range []struct {
		why    string
		change func(*commonpb.Payload)
		want   error
	}{
		{"a flipped bit of the text", func(p *commonpb.Payload) { p.Data[len(p.Data)/2] ^= 1 }, ErrTampered},
		{"a flipped bit of the nonce", func(p *commonpb.Payload) { p.Data[0] ^= 1 }, ErrTampered},
		{"a flipped bit of the tag", func(p *commonpb.Payload) { p.Data[len(p.Data)-1] ^= 1 }, ErrTampered},
		{"cut short", func(p *commonpb.Payload) { p.Data = p.Data[:len(p.Data)-1] }, ErrTampered},
		{"shorter than a nonce", func(p *commonpb.Payload) { p.Data = p.Data[:5] }, ErrTampered},
		{"emptied", func(p *commonpb.Payload) { p.Data = nil }, ErrTampered},
		{"another key's id", func(p *commonpb.Payload) { p.Metadata[metaKeyID] = []byte("b") }, ErrTampered},
		{"an id nobody knows", func(p *commonpb.Payload) { p.Metadata[metaKeyID] = []byte("z") }, ErrUnknownKey},
		{"the id removed", func(p *commonpb.Payload) { delete(p.Metadata, metaKeyID) }, ErrUnknownKey},
		{"another format", func(p *commonpb.Payload) { p.Metadata[metaFormat] = []byte("2") }, ErrFormat},
		{"the format removed", func(p *commonpb.Payload) { delete(p.Metadata, metaFormat) }, ErrFormat},
	} {
		sealed := encrypt(t, keys, sample())
		c.change(sealed)
		if _, err := New(keys).Decode([]*commonpb.Payload{sealed}); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.why, err, c.want)
		}
	}
}

func TestOtherEncodingsPassThrough(t *testing.T) {
	for _, p := range []*commonpb.Payload{sample(), {}, {Data: []byte("x")}, {Metadata: map[string][]byte{metaEncoding: []byte("binary/zlib")}}} {
		back, err := New(Keys{}).Decode([]*commonpb.Payload{p})
		if err != nil || back[0] != p {
			t.Errorf("%v came back as %v, %v", p, back, err)
		}
	}
}

func TestWithoutAKeyNothingIsWritten(t *testing.T) {
	if _, err := DataConverter(Keys{}).ToPayload("x"); !errors.Is(err, ErrNoKeys) {
		t.Fatalf("error %v, want %v", err, ErrNoKeys)
	}
}

func TestDataConverterCarriesGoValues(t *testing.T) {
	type next struct{ Verb, Step string }
	dc := DataConverter(ring(t, key("a", 1)))
	payloads, err := dc.ToPayloads(next{"send", "nudge"}, []byte{1, 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var n next
	var b []byte
	var none *next
	if err := dc.FromPayloads(payloads, &n, &b, &none); err != nil || n != (next{"send", "nudge"}) || !bytes.Equal(b, []byte{1, 2}) || none != nil {
		t.Fatalf("came back as %+v %v %v, %v", n, b, none, err)
	}
}

func TestFailuresAreEncryptedWithTheirCausesAndDetails(t *testing.T) {
	dc := DataConverter(ring(t, key("a", 1)))
	fc := FailureConverter(dc)
	cause := temporal.NewApplicationError("inner secret", "Inner")
	failure := fc.ErrorToFailure(temporal.NewApplicationErrorWithCause("outer secret", "Outer", cause, "detail secret"))
	raw, err := proto.Marshal(failure)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("secret")) {
		t.Errorf("the failure shows its text: %v", failure)
	}
	var app *temporal.ApplicationError
	if back := fc.FailureToError(failure); !errors.As(back, &app) || app.Message() != "outer secret" || app.Type() != "Outer" || !strings.Contains(app.Unwrap().Error(), "inner secret") {
		t.Errorf("came back as %v", app)
	}
	var detail string
	if err := app.Details(&detail); err != nil || detail != "detail secret" {
		t.Errorf("detail %q, %v", detail, err)
	}
}

func TestOneCodecServesManyGoroutines(t *testing.T) {
	c := New(ring(t, key("a", 1)))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				sealed, err := c.Encode([]*commonpb.Payload{sample(), sample()})
				if err != nil {
					t.Error(err)
					return
				}
				if back, err := c.Decode(sealed); err != nil || !proto.Equal(back[1], sample()) {
					t.Errorf("%v, %v", back, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// FuzzDecode: whatever Temporal hands over, Decode neither panics nor passes
// off as genuine what this ring did not write.
func FuzzDecode(f *testing.F) {
	keys := ring(f, key("a", 1), key("b", 2))
	genuine := encrypt(f, keys, sample())
	f.Add("binary/encrypted", "a", "1", genuine.Data)
	f.Add("binary/encrypted", "b", "1", genuine.Data)
	f.Add("binary/encrypted", "", "", []byte(nil))
	f.Add("json/plain", "a", "1", []byte("{}"))
	f.Fuzz(func(t *testing.T, encoding, id, format string, data []byte) {
		in := &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), metaKeyID: []byte(id), metaFormat: []byte(format)},
			Data:     data,
		}
		out, err := New(keys).Decode([]*commonpb.Payload{in})
		switch {
		case encoding != encodingEncrypted:
			if err != nil || out[0] != in {
				t.Fatalf("foreign encoding %q came back as %v, %v", encoding, out, err)
			}
		case err == nil && (id != "a" || format != "1" || !proto.Equal(out[0], sample())):
			// Only the seed was ever written under these keys (its nonce
			// differs in each fuzzing process), so nothing else may open.
			t.Fatalf("accepted %v as %v", in, out)
		case err != nil && out != nil:
			t.Fatalf("an error and payloads together: %v, %v", out, err)
		}
	})
}

// FuzzRoundTrip: every payload comes back as it was.
func FuzzRoundTrip(f *testing.F) {
	keys := ring(f, key("a", 1))
	f.Add("json/plain", []byte(`{}`))
	f.Add("binary/encrypted", []byte("already looks encrypted"))
	f.Fuzz(func(t *testing.T, encoding string, data []byte) {
		in := &commonpb.Payload{Metadata: map[string][]byte{metaEncoding: []byte(encoding)}, Data: data}
		back, err := New(keys).Decode([]*commonpb.Payload{encrypt(t, keys, in)})
		if err != nil || !proto.Equal(back[0], in) {
			t.Fatalf("came back as %v, %v", back, err)
		}
	})
}
