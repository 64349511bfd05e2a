package config

import "sync"

// mostKept is how many configurations a process keeps loaded: what is in force, and both
// sides of the proposals that people look at.
const mostKept = 6

// keeper remembers the configurations that were loaded last, by the hash of their files.
// A Config never changes and follows from its files alone, so whoever asks for the same
// files may have the same one: compiling them takes a tenth of a second and more.
type keeper struct {
	compile func(files map[string][]byte) (*Config, error)

	mu      sync.Mutex
	entries []*kept // the one asked for last comes last
}

type kept struct {
	hash string // releaseHash of the files
	load func() (*Config, error)
}

var loaded, published = keeper{compile: load}, keeper{compile: loadPublished}

// get loads files that the caller leaves to it, unless they are loaded already. Whoever
// asks while another loads them waits for that one. Faults are not kept: they are the
// caller's own.
func (k *keeper) get(files map[string][]byte) (*Config, error) {
	e := k.entry(releaseHash(files), files)
	cfg, err := e.load()
	if err != nil {
		k.drop(e)
	}
	return cfg, err
}

// entry finds or makes what stands for files of a hash.
func (k *keeper) entry(hash string, files map[string][]byte) *kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, e := range k.entries {
		if e.hash == hash {
			k.entries = append(append(k.entries[:i:i], k.entries[i+1:]...), e)
			return e
		}
	}
	e := &kept{hash: hash, load: sync.OnceValues(func() (*Config, error) { return k.compile(files) })}
	k.entries = append(k.entries, e)
	if len(k.entries) > mostKept {
		k.entries = append([]*kept(nil), k.entries[1:]...)
	}
	return e
}

func (k *keeper) drop(gone *kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, e := range k.entries {
		if e == gone {
			k.entries = append(k.entries[:i:i], k.entries[i+1:]...)
			return
		}
	}
}
