package config

import (
	"fmt"
	"slices"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/internal/yamlpos"
)

func (l *loader) parseMapping(name string, data []byte) {
	doc, ok := yamlpos.Parse(name, data)
	l.docs = append(l.docs, doc)
	if !ok {
		return
	}
	m, ok := decodeMapping(doc)
	l.checkName(doc, "mapping", m.Mapping)
	if ok {
		l.mappings = append(l.mappings, mappingFile{doc, m})
	}
}

type mappingFile struct {
	doc *yamlpos.Doc
	m   mapping.Mapping
}

func decodeMapping(doc *yamlpos.Doc) (m mapping.Mapping, ok bool) {
	doc.Decode(&m)
	if doc.Failed() {
		return m, false // Validate is for files whose shape is right
	}
	for _, f := range m.Validate() {
		report := func() { doc.Fault(f.Path, f.Message, "") }
		if f.Late {
			doc.Late(report)
		} else {
			report()
		}
	}
	return m, !doc.Failed()
}

// LoadMapping reads and checks one mapping file by itself. The error is of
// type Faults.
func LoadMapping(file string, data []byte) (mapping.Mapping, error) {
	doc, ok := yamlpos.Parse(file, data)
	var m mapping.Mapping
	if ok {
		m, _ = decodeMapping(doc)
	}
	if faults, _ := doc.Faults().Split(); len(faults) > 0 {
		return mapping.Mapping{}, faults
	}
	return m, nil
}

func (l *loader) compileMappings() {
	l.cfg.mappings = map[string]mapping.Mapping{}
	known := make([]string, 0, len(l.cfg.creditors))
	for _, c := range l.cfg.creditors {
		known = append(known, c.ID)
	}
	for _, f := range l.mappings {
		if f.m.Creditor != "" && !slices.Contains(known, f.m.Creditor) {
			f.doc.Fault("creditor", fmt.Sprintf("unknown creditor %q", f.m.Creditor), yamlpos.Suggest(f.m.Creditor, known))
		}
		l.cfg.mappings[f.m.Mapping] = f.m
	}
}

// Mapping returns a column mapping by id.
func (c *Config) Mapping(id string) (mapping.Mapping, bool) {
	m, ok := c.mappings[id]
	return m, ok
}

// Mappings returns the ids of all column mappings, sorted.
func (c *Config) Mappings() []string { return slices.Sorted(keysOf(c.mappings)) }
