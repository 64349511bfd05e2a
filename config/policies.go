package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/yamlpos"
)

// policyFile is one policy pack while it is compiled.
type policyFile struct {
	doc  *yamlpos.Doc
	spec contact.PackSpec
}

func (l *loader) parsePolicy(name string, data []byte) {
	doc, ok := yamlpos.Parse(name, data)
	l.docs = append(l.docs, doc)
	f := &policyFile{doc: doc}
	if ok {
		doc.Decode(&f.spec)
		l.policies = append(l.policies, f)
	}
}

// compilePolicies compiles packs in the order of their ids. What rules mean is
// checked by package contact; here its faults get their places.
func (l *loader) compilePolicies() {
	slices.SortStableFunc(l.policies, func(a, b *policyFile) int { return strings.Compare(a.spec.Pack, b.spec.Pack) })
	seen := map[string]string{}
	for _, f := range l.policies {
		id := f.spec.Pack
		l.checkName(f.doc, "pack", id)
		if first := seen[id]; first != "" && id != "" {
			f.doc.Fault("pack", fmt.Sprintf("pack %q exists already", id), "in "+first)
		}
		seen[id] = f.doc.File
		if f.doc.Failed() {
			continue
		}
		pack, faults := contact.Compile(f.spec)
		for _, x := range faults {
			message := x.Message
			if !f.doc.Has(x.Path) { // it is shown at what should hold it
				message = fmt.Sprintf("%q %s", lastKey(x.Path), x.Message)
			}
			f.doc.Fault(x.Path, message, "")
		}
		l.cfg.policies = append(l.cfg.policies, pack)
		l.cfg.policySpecs = append(l.cfg.policySpecs, f.spec)
		l.cfg.packs = append(l.cfg.packs, id+"@"+versionOf(f.doc.Canonical()))
	}
}

// Policies is the set of all contact rules.
func (c *Config) Policies() contact.Set { return c.policies }

// PolicyVersions names every pack with the version of its content:
// "house@1a2b3c4d5e6f7a8b,us-federal@…", as decisions record it.
func (c *Config) PolicyVersions() string { return strings.Join(c.packs, ",") }

// PolicySpecs are the packs as written, in the order of Policies, for people to read.
func (c *Config) PolicySpecs() []contact.PackSpec { return slices.Clone(c.policySpecs) }
