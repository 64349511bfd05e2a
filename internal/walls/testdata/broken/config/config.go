// Package config holds zones.
package config

import _ "time/tzdata" // breach: reached from workflows
