package config

import (
	"embed"
	"io/fs"
	"sync"
)

//go:embed sequences policies creditors holidays mappings templates
//go:embed queues.yaml roles.yaml disclosures.yaml
var shipped embed.FS

// DefaultFiles is the configuration shipped with the program, to start from.
func DefaultFiles() fs.FS { return shipped }

var loadDefault = sync.OnceValues(func() (*Config, error) { return Load(shipped) })

// Default is the shipped configuration, loaded. It is shared: a Config never changes.
func Default() (*Config, error) { return loadDefault() }
