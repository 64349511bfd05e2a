// Package sandbox stands alone.
package sandbox
