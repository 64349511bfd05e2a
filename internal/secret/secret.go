// Package secret holds credentials so that they cannot be printed by accident
// and reads them from the environment or from files.
//
// It owns the wrapper and the NAME / NAME_FILE convention. It does not own
// rotation or storage: whoever needs the bytes calls Reveal, and only there.
package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// hidden is what every way of printing a Value gives.
const hidden = "<secret>"

// Value is a credential. The zero Value is "not set". It prints as <secret>
// with every verb and encodes as "<secret>".
//
// The text sits behind a pointer because fmt cannot call methods on unexported
// fields: a struct that hides a Value inside would otherwise print it in clear
// with %+v. With the pointer fmt shows an address.
type Value struct{ text *string }

// New wraps text; an empty text gives the zero Value.
func New(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{text: &text}
}

// Reveal returns the credential itself, or "" when none is set. Call it only
// where the bytes go to the wire or into a signature.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsSet reports whether there is a credential.
func (v Value) IsSet() bool { return v.text != nil }

// String returns "<secret>", or "" when none is set.
func (v Value) String() string {
	if v.text == nil {
		return ""
	}
	return hidden
}

// Format prints like String for every verb and flag.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// MarshalText implements encoding.TextMarshaler like String.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// MarshalJSON implements json.Marshaler like String.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// FromEnv reads the credential called name: from the variable name itself, or
// from the file whose path is in name_FILE (one trailing line break is cut, as
// editors and `docker secret` leave one). Neither set gives the zero Value and
// no error; both set, an unreadable file or an empty file is an error that
// names the variable and never the content.
func FromEnv(getenv func(string) string, name string) (Value, error) {
	direct, path := getenv(name), getenv(name+"_FILE")
	switch {
	case direct != "" && path != "":
		return Value{}, fmt.Errorf("%s and %s_FILE are both set: keep one of them", name, name)
	case path == "":
		return New(direct), nil
	}
	return fromFile(name, path)
}

func fromFile(name, path string) (Value, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		// The path came from the operator; the cause without it is enough and
		// os errors would repeat it.
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return Value{}, fmt.Errorf("%s_FILE=%s: cannot read the secret: %w", name, path, err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if text == "" {
		return Value{}, fmt.Errorf("%s_FILE=%s: the file is empty: write the secret into it", name, path)
	}
	return New(text), nil
}
