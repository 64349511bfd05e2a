// Package helper is somebody else's.
package helper
