package comply

import "github.com/duly/duly/dunning/contact"

// RuleWords puts a rule of a policy into words: what it demands, and whom and what it reaches.
func RuleWords(x contact.RuleSpec) (demands, reaches string) { return says(x), reach(x) }
