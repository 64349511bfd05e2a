package twilio

import (
	"bufio"
	_ "embed" // the start table
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/duly/duly/dunning"
)

//go:embed codes.txt
var startCodes string

// Codes maps Twilio's error codes to what they mean for us. The same table
// serves refused requests and, later, failed deliveries.
type Codes map[int]dunning.FailureClass

// DefaultCodes returns a fresh copy of the table that ships with Duly.
func DefaultCodes() Codes {
	codes, err := ParseCodes(strings.NewReader(startCodes), "codes.txt")
	if err != nil {
		panic("twilio: the embedded table is broken, which its test prevents: " + err.Error())
	}
	return codes
}

// ParseCodes reads a table in the form of codes.txt. All bad lines are
// reported at once, each with name:line.
func ParseCodes(r io.Reader, name string) (Codes, error) {
	codes, faults := Codes{}, []string(nil)
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		code, class, err := parseCode(sc.Text())
		switch {
		case err != nil:
			faults = append(faults, fmt.Sprintf("%s:%d: %v", name, n, err))
		case code == 0: // blank or comment
		case codes[code] != "":
			faults = append(faults, fmt.Sprintf("%s:%d: code %d stands here twice: keep one line", name, n, code))
		default:
			codes[code] = class
		}
	}
	if err := sc.Err(); err != nil {
		faults = append(faults, fmt.Sprintf("%s: %v", name, err))
	}
	if faults != nil {
		return nil, fmt.Errorf("twilio error codes:\n%s", strings.Join(faults, "\n"))
	}
	return codes, nil
}

// parseCode reads one line; code 0 means there is nothing on it.
func parseCode(line string) (int, dunning.FailureClass, error) {
	fields := strings.Fields(line)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return 0, "", nil
	}
	code, err := strconv.Atoi(fields[0])
	if err != nil || code < 10000 || code > 99999 {
		return 0, "", fmt.Errorf("%q is no Twilio error code: want five digits", fields[0])
	}
	if len(fields) < 2 {
		return 0, "", fmt.Errorf("code %d has no class: want recipient, config, content or later", code)
	}
	switch class := dunning.FailureClass(fields[1]); class {
	case dunning.FailedRecipient, dunning.FailedConfig, dunning.FailedContent, dunning.FailedLater:
		return code, class, nil
	}
	return 0, "", fmt.Errorf("code %d: class %q is unknown: want recipient, config, content or later", code, fields[1])
}

// Class says what code means; known is false for a code that is not in the
// table (63xxx, the channel senders' codes, are configuration as a family).
func (c Codes) Class(code int) (class dunning.FailureClass, known bool) {
	if class, known = c[code]; known {
		return class, true
	}
	if code/1000 == 63 {
		return dunning.FailedConfig, true
	}
	return dunning.FailedContent, false
}

// with returns a copy of c in which over's lines take precedence.
func (c Codes) with(over Codes) Codes {
	out := make(Codes, len(c)+len(over))
	for code, class := range c {
		out[code] = class
	}
	for code, class := range over {
		out[code] = class
	}
	return out
}
