package pgserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// dieWithParent lets the system shut the server down (fast and clean) when this
// process ends in whatever way.
func dieWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	attr.Pdeathsig = syscall.SIGINT
	return attr
}

// servesDir tells whether process pid is a PostgreSQL server in data: a server's
// working directory is its data directory. A zombie counts as gone.
func servesDir(pid int, data string) bool {
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(data)
	if err != nil {
		real = data
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return cwd == real && strings.HasPrefix(string(name), "postgres")
}
