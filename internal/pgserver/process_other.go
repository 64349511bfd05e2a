//go:build unix && !linux

package pgserver

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent: only Linux can do it; elsewhere the next Start ends the orphan.
func dieWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr { return attr }

// servesDir tells whether process pid is a PostgreSQL server in data, by its command line.
func servesDir(pid int, data string) bool {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres -D "+data+" ")
}
