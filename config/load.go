package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/condition"
	"github.com/duly/duly/internal/yamlpos"
)

// Fault is one thing wrong with one place of one file.
type Fault = yamlpos.Fault

// Faults is every fault of every file, sorted by file, line and column. It is
// the error of Load and prints everything that a person needs to mend them.
type Faults = yamlpos.Faults

// ErrNone means that files hold no configuration at all.
var ErrNone = errors.New("configuration")

// Config is a directory of configuration, loaded, checked and compiled. It
// never changes.
type Config struct {
	files       map[string][]byte // as read: name → content
	warnings    Faults
	sequences   []*dunning.Sequence // by id
	queues      []Queue
	roles       []Role
	creditors   []Creditor // by id
	calendars   map[string]calendar
	mappings    map[string]mapping.Mapping
	policies    contact.Set
	policySpecs []contact.PackSpec
	packs       []string // id@version
	disclosures []disclosure
	outside     words // that the outside of a message may not show
	suit        words // that threaten a suit
	templates   map[templateKey]*template
}

// loader is a Config in the making.
type loader struct {
	cfg       *Config
	faults    Faults
	docs      []*yamlpos.Doc // of all kinds of files
	sequences []*sequenceFile
	creditors []*creditorFile
	holidays  []*holidayFile
	mappings  []mappingFile
	policies  []*policyFile
	templates map[templateKey]*template
	banned    map[string]bool // places of sequences that a carrier's refusal was reported for
}

// Load reads the configuration in fsys, which has the layout of this
// directory. The error is of type Faults and lists every fault of every file;
// faults of the file system itself are returned as they are.
func Load(fsys fs.FS) (*Config, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	return loaded.get(files)
}

// load compiles files that are already in memory.
func load(files map[string][]byte) (*Config, error) {
	return loadWith(files, func(found Faults) Faults { return found })
}

// loadPublished compiles files that were published by an earlier program, perhaps, that checked
// less: what only later checks find is a warning. To refuse it would stop every case of a site
// over a word in a branch that no message may ever take.
func loadPublished(files map[string][]byte) (*Config, error) { return loadWith(files, Faults.Excused) }

func loadWith(files map[string][]byte, judge func(Faults) Faults) (*Config, error) {
	l := &loader{cfg: &Config{files: files}}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		l.parse(name, files[name])
	}
	l.compile()
	l.faults.Sort()
	faults, warnings := judge(l.faults).Split()
	if len(faults) > 0 {
		return nil, faults
	}
	l.cfg.warnings = warnings
	return l.cfg, nil
}

// maxFiles and maxTotal bound a configuration as a whole.
const (
	maxFiles = 5000
	maxTotal = 64 << 20
)

// directories of a configuration and the ending of their files.
var directories = map[string]string{
	"sequences": ".yaml", "policies": ".yaml", "holidays": ".yaml", "creditors": ".yaml", "mappings": ".yaml", "templates": ".md",
}

// singles are the files beside the directories.
var singles = []string{"queues.yaml", "roles.yaml", "disclosures.yaml"}

// readFiles reads what belongs to a configuration and nothing else.
func readFiles(fsys fs.FS) (map[string][]byte, error) {
	files, total := map[string][]byte{}, 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipForeign(name)
		}
		if !belongs(name) {
			return nil
		}
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() { // to read a pipe or a device would never end
			return fmt.Errorf("configuration: %s is a directory behind a link, a pipe or a device, and not a file: remove it", name)
		}
		if total+int(info.Size()) > maxTotal {
			return tooMuch()
		}
		data, err := fs.ReadFile(fsys, name)
		total += len(data)
		if len(files) == maxFiles || total > maxTotal {
			return tooMuch()
		}
		files[name] = data
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: the directory holds none of %s", ErrNone, strings.Join(append(slices.Sorted(keysOf(directories)), singles...), ", "))
	}
	return files, nil
}

func tooMuch() error {
	return fmt.Errorf("configuration: more than %d files or %d MB: is this the right directory?", maxFiles, maxTotal>>20)
}

func keysOf[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func skipForeign(name string) error {
	if name == "." {
		return nil
	}
	top, _, _ := strings.Cut(name, "/")
	if directories[top] == "" || strings.HasPrefix(path.Base(name), ".") {
		return fs.SkipDir
	}
	return nil
}

// belongs: files of the known directories, and YAML beside them (a misspelt
// queues.yaml must not be passed over in silence).
func belongs(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") || strings.HasSuffix(name, "~") {
		return false
	}
	if dir := path.Dir(name); dir != "." {
		return true
	}
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func (l *loader) parse(name string, data []byte) {
	dir, _, nested := strings.Cut(name, "/")
	if !nested {
		l.parseSingle(name, data)
		return
	}
	if want := directories[dir]; path.Ext(name) != want {
		if path.Base(name) == "README.md" {
			return
		}
		l.file(name, fmt.Sprintf("files in %s/ end with %s", dir, want), "rename it or move it elsewhere")
		return
	}
	switch dir {
	case "sequences":
		f := parseSequence(name, data)
		l.docs = append(l.docs, f.doc)
		if f.read {
			l.sequences = append(l.sequences, f)
		}
	case "creditors":
		l.parseCreditor(name, data)
	case "holidays":
		l.parseHolidays(name, data)
	case "mappings":
		l.parseMapping(name, data)
	case "policies":
		l.parsePolicy(name, data)
	case "templates":
		l.parseTemplate(name, data)
	}
}

func (l *loader) parseSingle(name string, data []byte) {
	switch name {
	case "queues.yaml":
		l.parseQueues(name, data)
	case "roles.yaml":
		l.parseRoles(name, data)
	case "disclosures.yaml":
		l.parseDisclosures(name, data)
	default:
		l.file(name, "this file is not part of a configuration", yamlpos.Suggest(name, singles))
	}
}

// file reports something about a file as a whole.
func (l *loader) file(name, message, hint string) {
	l.faults = append(l.faults, Fault{File: name, Line: 1, Column: 1, Message: message, Hint: hint})
}

// compile goes from what others name to what names others.
func (l *loader) compile() {
	l.compileHolidays()
	l.compilePolicies()
	l.compileCreditors()
	l.compileMappings()
	l.compileSequences()
	l.checkNotices()
	l.checkCarriers()
	l.compileTemplates()
	for _, d := range l.docs {
		l.faults = append(l.faults, d.Faults()...)
	}
}

func (l *loader) compileSequences() {
	refs := l.references()
	byID := map[string]*sequenceFile{}
	for _, f := range l.sequences {
		f.compile(refs)
		l.checkName(f.doc, "sequence", f.spec.Sequence)
		if first := byID[f.spec.Sequence]; first != nil && f.spec.Sequence != "" {
			f.doc.Fault("sequence", fmt.Sprintf("sequence %q exists already", f.spec.Sequence), "in "+first.doc.File)
		} else {
			byID[f.spec.Sequence] = f
		}
		l.cfg.sequences = append(l.cfg.sequences, f.seq)
	}
	l.checkAmbiguous()
	slices.SortFunc(l.cfg.sequences, func(a, b *dunning.Sequence) int { return strings.Compare(a.ID, b.ID) })
}

// references is what sequences may name in other files.
func (l *loader) references() *references {
	r := &references{queues: l.queueIDs(), templates: l.templateNames()}
	for _, role := range l.cfg.roles {
		r.roles = append(r.roles, role.ID)
	}
	return r
}

// checkName: a file is named after what it holds, so that people find it.
func (l *loader) checkName(doc *yamlpos.Doc, key, id string) {
	want := strings.TrimSuffix(path.Base(doc.File), path.Ext(doc.File))
	if id != "" && id != want {
		doc.Fault(key, fmt.Sprintf("%s %q is in a file named %s", key, id, path.Base(doc.File)), fmt.Sprintf("rename the file to %s%s or the %s to %s", id, path.Ext(doc.File), key, want))
	}
}

// checkAmbiguous: of the sequences that could match one account, one must
// have the highest priority.
func (l *loader) checkAmbiguous() {
	for i, b := range l.sequences {
		for _, a := range l.sequences[:i] {
			if a.seq.Priority != b.seq.Priority || a.spec.Sequence == b.spec.Sequence || disjoint(a, b) {
				continue
			}
			path := "priority"
			if !b.doc.Has(path) {
				path = "sequence"
			}
			b.doc.Fault(path,
				fmt.Sprintf("sequences %q and %q have the same priority %d and may match the same account", a.spec.Sequence, b.spec.Sequence, b.seq.Priority),
				"give one a higher priority, or conditions in applies_when that exclude each other")
		}
	}
}

func disjoint(a, b *sequenceFile) bool {
	ca, oka := conditionOf(a)
	cb, okb := conditionOf(b)
	return !oka || !okb || condition.Disjoint(ca, cb) // a condition with faults is reported for those
}

func conditionOf(f *sequenceFile) (c *condition.Condition, ok bool) {
	if !f.doc.Has("applies_when") {
		return nil, true
	}
	c, ok = f.seq.AppliesWhen.(*condition.Condition)
	return c, ok
}
