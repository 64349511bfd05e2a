// Package codec has a test that pulls the server in.
package codec
