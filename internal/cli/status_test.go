package cli_test

import (
	"errors"
	"os/exec"
	"strconv"
)

// statusOf is the exit status of a process that did not end well.
func statusOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return strconv.Itoa(exit.ExitCode())
	}
	return err.Error()
}
