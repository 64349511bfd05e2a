// Package temporal stands for the server.
package temporal
