// Package money loses cents.
package money

// Amount is inexact.
type Amount struct{ Value float64 }
