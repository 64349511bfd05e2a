// Package importer knows who wires it.
package importer

import _ "example.com/broken/internal/app"
