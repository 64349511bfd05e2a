package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is the server process and the goroutine that waits for it.
type child struct {
	pid  int
	proc *os.Process
	done chan struct{} // closed when the process is gone
}

// startChild runs cmd on a system thread of its own that lives as long as the
// process: the parent-death signal is bound to the thread that forked, and Go
// ends threads at will.
func startChild(cmd *exec.Cmd) (*child, error) {
	started := make(chan error)
	c := &child{done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		if err == nil {
			c.pid, c.proc = cmd.Process.Pid, cmd.Process
		}
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // the exit status says nothing that the log does not say better
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

func (c *child) exited() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// stop tries a fast shutdown (clean), then an immediate one, then SIGKILL.
func (c *child) stop(patience time.Duration) error {
	if err := c.end(syscall.SIGINT, patience); err == nil {
		return nil
	}
	if err := c.end(syscall.SIGQUIT, patience/4); err == nil {
		return nil
	}
	return c.end(syscall.SIGKILL, patience/4)
}

// end sends sig and waits until the process is gone.
func (c *child) end(sig syscall.Signal, patience time.Duration) error {
	if err := c.proc.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signalling the private PostgreSQL server (process %d): %w", c.pid, err)
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-c.done:
		return nil
	case <-t.C:
		return fmt.Errorf("the private PostgreSQL server (process %d) did not end within %s of %s", c.pid, patience, sig)
	}
}

// owner is the system user that the server runs as; nil means this process's own.
type owner struct {
	name     string
	uid, gid int
}

// findOwner is nil unless this process is root, which PostgreSQL refuses.
func findOwner(name string) (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	candidates := []string{"postgres", "duly", "nobody"}
	if name != "" {
		candidates = []string{name}
	}
	for _, c := range candidates {
		if u, err := user.Lookup(c); err == nil {
			uid, _ := strconv.Atoi(u.Uid) // numbers on every unix
			gid, _ := strconv.Atoi(u.Gid)
			return &owner{name: c, uid: uid, gid: gid}, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root and no system user %s exists: make one (useradd --system duly) or do not run as root", strings.Join(candidates, ", "))
}

// dress lets cmd run as the owner, with nothing of our environment but what
// programs need, and apart from the terminal's signals: we stop it ourselves, in order.
func (o *owner) dress(cmd *exec.Cmd) {
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = dieWithParent(&syscall.SysProcAttr{Setpgid: true})
	if o != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
}

// own gives a file or directory to the owner.
func (o *owner) own(path string) error {
	if o == nil {
		return nil
	}
	if err := os.Chown(path, o.uid, o.gid); err != nil {
		return fmt.Errorf("giving %s to the user %s, as whom PostgreSQL runs: %w", path, o.name, err)
	}
	return nil
}

// mayEnter checks that the owner can reach dir, because initdb's own message names
// neither the user nor the directory that is in the way.
func (o *owner) mayEnter(dir string) error {
	if o == nil {
		return nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return fmt.Errorf("directory of the private PostgreSQL server: %w", err)
		}
		if !o.passes(info) {
			return fmt.Errorf("PostgreSQL runs as user %s here (it refuses root), who may not enter %s: choose another data directory or run chmod o+x %s", o.name, d, d)
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

func (o *owner) passes(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case int(st.Uid) == o.uid:
		return info.Mode()&0o100 != 0
	case int(st.Gid) == o.gid:
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}

// lockFile takes an exclusive lock that the system drops with the process, however it ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the directory of the private PostgreSQL server: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another process: stop that one, or choose another data directory", filepath.Dir(name))
	}
	return f, nil
}

// clearOrphan deals with postmaster.pid of a predecessor. We hold the directory's
// lock, so whoever started that server is gone: if it still runs it is told to
// stop, and if its number now belongs to some other program the file is stale,
// which PostgreSQL itself cannot always see.
func clearOrphan(data string, patience time.Duration) error {
	file := filepath.Join(data, "postmaster.pid")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // none: the usual case
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 || !servesDir(pid, data) {
		return removeStale(file)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = syscall.Kill(pid, sig) // gone already is as good
		if gone(pid, data, patience) {
			return removeStale(file)
		}
	}
	return fmt.Errorf("an earlier PostgreSQL server (process %d) still runs in %s and does not end: end it by hand", pid, data)
}

func removeStale(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing a stale lock of PostgreSQL: %w", err)
	}
	return nil
}

func gone(pid int, data string, patience time.Duration) bool {
	const step = 20 * time.Millisecond
	for range int(patience / step) {
		if !servesDir(pid, data) {
			return true
		}
		time.Sleep(step)
	}
	return false
}
