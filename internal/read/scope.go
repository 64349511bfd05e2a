package read

import "slices"

// Scope is whose data may be seen. The zero Scope sees nothing.
type Scope struct {
	all       bool
	creditors []string
}

// Everything sees all creditors, also those that come later.
func Everything() Scope { return Scope{all: true} }

// Only sees the named creditors and no other. Without a name it sees nothing.
func Only(creditors ...string) Scope {
	ids := slices.Compact(slices.Sorted(slices.Values(creditors)))
	return Scope{creditors: slices.DeleteFunc(ids, func(id string) bool { return id == "" })}
}

// All reports whether every creditor is seen.
func (s Scope) All() bool { return s.all }

// Creditors are the ids that are seen, sorted; meaningless when All.
func (s Scope) Creditors() []string { return slices.Clone(s.creditors) }

// Allows reports whether a creditor's data is seen.
func (s Scope) Allows(creditor string) bool {
	return creditor != "" && (s.all || slices.Contains(s.creditors, creditor))
}

// Within is the scope narrowed to some of its creditors: what a filter by creditor
// does. No name leaves it as it is; a name outside of the scope is left out, so a
// filter can never widen it.
func (s Scope) Within(creditors ...string) Scope {
	if len(creditors) == 0 {
		return s
	}
	return Only(slices.DeleteFunc(slices.Clone(creditors), func(id string) bool { return !s.Allows(id) })...)
}

// And is what both scopes see.
func (s Scope) And(o Scope) Scope {
	switch {
	case o.all:
		return s
	case s.all:
		return o
	}
	return Only(slices.DeleteFunc(o.Creditors(), func(id string) bool { return !s.Allows(id) })...)
}
