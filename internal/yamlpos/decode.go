package yamlpos

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Decode fills the struct that v points to from the file, by yaml tags.
// Unknown keys and wrong types become faults; what is right is filled in, so
// that callers can go on checking.
//
// Fields may be strings, booleans, integers, lists, maps with string keys,
// structs, pointers to these, types with UnmarshalText, and types with
// UnmarshalYAML. Numbers and dates are accepted as text, exactly as written.
func (d *Doc) Decode(v any) {
	if d.root == nil {
		return
	}
	d.decode(d.root, "", reflect.ValueOf(v).Elem())
}

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	yamlType = reflect.TypeFor[yaml.Unmarshaler]()
)

func (d *Doc) decode(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		return // reported while indexing
	}
	if d.decodeOwn(n, v) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, path, v.Elem())
	case reflect.Struct:
		if d.want(n, yaml.MappingNode, "keys and values") {
			d.decodeStruct(n, path, v)
		}
	case reflect.Map:
		if d.want(n, yaml.MappingNode, "keys and values") {
			d.decodeMap(n, path, v)
		}
	case reflect.Slice:
		if d.want(n, yaml.SequenceNode, "a list") {
			d.decodeList(n, path, v)
		}
	default:
		if d.want(n, yaml.ScalarNode, word(v)) {
			d.decodeScalar(n, v)
		}
	}
}

// decodeOwn lets types that know how to read themselves do so.
func (d *Doc) decodeOwn(n *yaml.Node, v reflect.Value) bool {
	if !v.CanAddr() {
		return false
	}
	switch p := v.Addr(); {
	case p.Type().Implements(yamlType):
		if err := p.Interface().(yaml.Unmarshaler).UnmarshalYAML(n); err != nil {
			d.refuse(n, err.Error(), "")
		}
		return true
	case p.Type().Implements(textType):
		if !d.want(n, yaml.ScalarNode, "one value") {
			return true
		}
		if n.Tag == "!!null" {
			d.refuse(n, "the value is missing", "give one or leave the key out")
			return true
		}
		if err := p.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
			d.refuse(n, err.Error(), "")
		}
		return true
	}
	return false
}

// refuse reports a value that cannot be read.
func (d *Doc) refuse(n *yaml.Node, message, hint string) {
	d.wrong[n] = true
	d.at(n, message, hint)
}

func (d *Doc) want(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind {
		return true
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.refuse(n, "the value is missing", "give "+what+" or leave the key out")
		return false
	}
	d.refuse(n, fmt.Sprintf("must be %s, not %s", what, kindWord(n)), "")
	return false
}

func kindWord(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	}
	return scalarWord(n)
}

func scalarWord(n *yaml.Node) string {
	switch n.Tag {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	}
	return fmt.Sprintf("the text %q", shorten(n.Value))
}

func shorten(s string) string {
	if rs := []rune(s); len(rs) > 40 {
		return string(rs[:40]) + "…"
	}
	return s
}

func word(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

func (d *Doc) decodeStruct(n *yaml.Node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			d.at(k, "a key must be a single word", "")
			continue
		}
		index, known := fields[k.Value]
		if !known && len(d.faults) > maxFaults {
			continue // nobody reads what it might have been
		}
		if !known {
			if near := Nearest(k.Value, names(fields)); near != "" {
				d.meant[join(path, near)] = true
			}
			d.at(k, fmt.Sprintf("unknown key %q", shorten(k.Value)), Suggest(k.Value, names(fields)))
			continue
		}
		if seen[k.Value] {
			continue // reported while indexing; the first counts
		}
		seen[k.Value] = true
		d.decode(n.Content[i+1], join(path, k.Value), v.FieldByIndex(index))
	}
}

func names(fields map[string][]int) []string {
	out := make([]string, 0, len(fields))
	for k := range fields {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// fieldsOf maps yaml names to fields, embedded ",inline" structs included.
func fieldsOf(t reflect.Type) map[string][]int {
	out := map[string][]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case strings.Contains(opts, "inline") && f.Type.Kind() == reflect.Struct:
			for k, sub := range fieldsOf(f.Type) {
				out[k] = append([]int{i}, sub...)
			}
		case name == "":
			out[strings.ToLower(f.Name)] = []int{i}
		default:
			out[name] = []int{i}
		}
	}
	return out
}

func (d *Doc) decodeMap(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			d.at(k, "a key must be a single word", "")
			continue
		}
		key := reflect.New(v.Type().Key()).Elem()
		d.decode(k, "", key)
		if v.MapIndex(key).IsValid() {
			continue // given twice: reported while indexing; the first counts
		}
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(n.Content[i+1], join(path, k.Value), item)
		v.SetMapIndex(key, item)
	}
}

func (d *Doc) decodeList(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.decode(c, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

func (d *Doc) decodeScalar(n *yaml.Node, v reflect.Value) {
	if n.Tag == "!!null" {
		d.refuse(n, "the value is missing", "give "+word(v)+" or leave the key out")
		return
	}
	switch v.Kind() {
	case reflect.String:
		if n.Tag == "!!bool" {
			d.refuse(n, fmt.Sprintf("must be a text, not %s", n.Value), "put it in quotes if you mean the word")
			return
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			d.refuse(n, fmt.Sprintf("must be true or false, not %s", scalarWord(n)), "")
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || n.Tag != "!!float" && n.Tag != "!!int" {
			d.refuse(n, fmt.Sprintf("must be a number, not %s", scalarWord(n)), "")
			return
		}
		v.SetFloat(f)
	default:
		d.decodeInt(n, v)
	}
}

func (d *Doc) decodeInt(n *yaml.Node, v reflect.Value) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	switch {
	case n.Tag != "!!int" || err != nil:
		d.refuse(n, fmt.Sprintf("must be a whole number, not %s", scalarWord(n)), "")
	case v.CanInt() && !v.OverflowInt(i):
		v.SetInt(i)
	case v.CanUint() && i >= 0 && !v.OverflowUint(uint64(i)):
		v.SetUint(uint64(i))
	default:
		d.refuse(n, fmt.Sprintf("the number %s is out of range", n.Value), "")
	}
}
