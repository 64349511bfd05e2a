package mapping

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning/money"
)

// Fault is something wrong in a mapping. Path is where, such as
// "columns.amount" or "file.dates[1]"; Message says what and how to mend it.
type Fault struct {
	Path    string
	Message string
	// Late: a check that is younger than mappings which are in use. Imports are refused by it;
	// a release that was published with it is not.
	Late bool
}

// Error words the fault.
func (f Fault) Error() string { return f.Path + ": " + f.Message }

type faults []Fault

func (fs *faults) add(path, format string, args ...any) {
	*fs = append(*fs, Fault{Path: path, Message: fmt.Sprintf(format, args...)})
}

// oneOf faults a word that is not in a list.
func oneOf[S ~string](fs *faults, path string, word S, allowed ...S) {
	if slices.Contains(allowed, word) {
		return
	}
	texts := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if a != "" {
			texts = append(texts, string(a))
		}
	}
	fs.add(path, "%q is not one of %s%s", word, strings.Join(texts, ", "), hint(string(word), allowed))
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// Validate returns everything that is wrong with m, in the order of the file.
func (m Mapping) Validate() []Fault {
	var fs faults
	if !idPattern.MatchString(m.Mapping) {
		fs.add("mapping", "must be an id of lower case letters, digits and dashes, such as items-2024")
	}
	oneOf(&fs, "kind", m.Kind, Items, Payments, Contacts, History, Consents)
	checkZone(&fs, "creditor_zone", m.CreditorZone)
	m.File.validate(&fs)
	m.validateFields(&fs)
	m.validateConstants(&fs)
	m.validateTemplates(&fs)
	m.validateSums(&fs)
	m.validateDue(&fs)
	m.validateCleaning(&fs)
	m.validateRows(&fs)
	m.validateDisputes(&fs)
	return fs
}

func checkZone(fs *faults, path, name string) {
	if name == "" {
		return
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		fs.add(path, "%q is no IANA time zone; write one such as America/New_York", name)
	}
}

func (f File) validate(fs *faults) {
	oneOf(fs, "file.encoding", f.Encoding, "", "auto", "utf-8", "utf-16", "windows-1252", "iso-8859-15")
	oneOf(fs, "file.delimiter", f.Delimiter, "", "auto", ",", ";", "|", "tab", "\t")
	oneOf(fs, "file.quote", f.Quote, "", `"`, "'", "none")
	oneOf(fs, "file.decimal", f.Decimal, "", ".", ",")
	oneOf(fs, "file.thousands", f.Thousands, "", ",", ".", "'", " ")
	if f.Thousands != "" && f.Thousands == f.DecimalMark() {
		fs.add("file.thousands", "must differ from file.decimal, which is %q", f.DecimalMark())
	}
	if f.SkipLines < 0 || f.SkipLines > 1000 {
		fs.add("file.skip_lines", "must be from 0 to 1000")
	}
	f.validateDates(fs)
}

func (f File) validateDates(fs *faults) {
	shapes := map[string]Pattern{}
	for i, text := range f.Dates {
		path := fmt.Sprintf("file.dates[%d]", i)
		p, err := ParsePattern(text)
		if err != nil {
			fs.add(path, "%v", err)
			continue
		}
		if earlier, seen := shapes[p.shape()]; seen && earlier.order() != p.order() {
			fs.add(path, "%s cannot be told from %s: 3/4 would be guessed; keep one of the two", p, earlier)
			(*fs)[len(*fs)-1].Late = strings.Index(p.order(), "Y") != strings.Index(earlier.order(), "Y")
			continue
		}
		shapes[p.shape()] = p
	}
}

// DecimalMark is file.decimal or its default.
func (f File) DecimalMark() string {
	if f.Decimal == "" {
		return "."
	}
	return f.Decimal
}

// Patterns compiles file.dates, or the default YYYY-MM-DD.
func (f File) Patterns() ([]Pattern, error) {
	texts := f.Dates
	if len(texts) == 0 {
		texts = []string{"YYYY-MM-DD"}
	}
	out := make([]Pattern, len(texts))
	for i, t := range texts {
		p, err := ParsePattern(t)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

// has reports whether a field gets a value from anywhere.
func (m Mapping) has(f Field) bool {
	return m.Columns.Get(f) != "" || m.Constants.Get(f) != "" || m.Templates.Get(f) != "" ||
		len(m.Sums[f]) > 0 || f == "due" && m.Due != nil
}

func (m Mapping) validateFields(fs *faults) {
	for _, f := range required[m.Kind] {
		if !m.has(f) {
			fs.add("columns", "the field %s of an %s file is not filled; name its column under columns, or a value under constants", f, m.Kind)
		}
	}
	for _, f := range names {
		if !m.has(f) {
			continue
		}
		if kind := m.strange(f); kind != "" {
			fs.add("columns."+string(f), "belongs to %s files; %s file cannot have it", kind, article(m.Kind))
		}
		if m.Constants.Get(f) != "" && m.Templates.Get(f) != "" {
			fs.add("templates."+string(f), "the field has a constant too; keep one")
		}
	}
	for _, f := range m.Columns.Set() {
		if m.File.Headerless && !strings.HasPrefix(m.Columns.Get(f), "#") {
			fs.add("columns."+string(f), "a file without headers has columns #1, #2 …")
		}
	}
	for i, f := range m.Optional {
		path := fmt.Sprintf("optional[%d]", i)
		if err := knownField(f); err != nil && f != "*" {
			fs.add(path, "%v", err)
		} else if slices.Contains(required[m.Kind], f) && m.Constants.Get(f) == "" && m.Templates.Get(f) == "" {
			fs.add(path, "every row needs the field %s: its column cannot be optional unless a constant stands in", f)
		}
	}
	m.validatePairs(fs)
}

// strange names the kind of files that a field belongs to, where that is not the
// mapping's; "" when it may stand here.
func (m Mapping) strange(f Field) Kind {
	if slices.Contains(of[m.Kind], f) {
		return ""
	}
	switch {
	case m.Kind != Items && slices.Contains(onlyItems, f):
		return Items
	case m.Kind == Items && slices.Contains(onlyPayments, f), m.Kind.OfContacts() && slices.Contains(onlyMoney, f):
		return Payments
	}
	if !m.Kind.OfContacts() && slices.Contains(onlyItems, f) {
		return ""
	}
	for _, kind := range []Kind{Contacts, History, Consents} {
		if slices.Contains(of[kind], f) && !(m.Kind == Items && f == "class") {
			return kind
		}
	}
	return ""
}

func article(k Kind) string {
	if k == Items {
		return "an items"
	}
	return "a " + string(k)
}

// validatePairs checks fields that mean nothing alone.
func (m Mapping) validatePairs(fs *faults) {
	for _, pair := range [][2]Field{
		{"paid_amount", "paid"},
		{"corrected_amount", "corrected_on"},
		{"corrected_on", "corrected_amount"},
	} {
		if m.has(pair[0]) && !m.has(pair[1]) {
			fs.add("columns."+string(pair[0]), "needs the field %s beside it", pair[1])
		}
	}
}

func (m Mapping) validateConstants(fs *faults) {
	c := m.Constants
	if c.Currency != "" {
		if _, err := money.Digits(c.Currency); err != nil {
			fs.add("constants.currency", "%q is no ISO 4217 currency, such as USD", c.Currency)
		}
	}
	if c.DebtorKind != "" {
		oneOf(fs, "constants.debtor_kind", c.DebtorKind, "consumer", "business")
	}
	checkZone(fs, "constants.zone", c.Zone)
	if c.Country != "" && !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(c.Country) {
		fs.add("constants.country", "%q is no ISO 3166-1 alpha-2 code, such as US", c.Country)
	}
	for _, f := range slices.Concat(dateFields, []Field{"account", "item", "amount", "paid_amount", "corrected_amount", "reference", "reverses"}) {
		if c.Get(f) != "" {
			fs.add("constants."+string(f), "cannot be the same in every row; name a column")
		}
	}
}

func (m Mapping) validateTemplates(fs *faults) {
	for _, f := range m.Templates.Set() {
		path := "templates." + string(f)
		t, err := ParseTemplate(m.Templates.Get(f))
		if err != nil {
			fs.add(path, "%v", err)
			continue
		}
		if slices.Contains(dateFields, f) || slices.Contains(amountFields, f) {
			fs.add(path, "dates and amounts cannot come from a template")
		}
		for _, used := range t.Fields() {
			if m.Columns.Get(used) == "" && m.Constants.Get(used) == "" {
				fs.add(path, "uses {{%s}}, which no column and no constant fills", used)
			}
		}
	}
}

func (m Mapping) validateSums(fs *faults) {
	for _, f := range slices.Sorted(maps.Keys(m.Sums)) {
		path := "sums." + string(f)
		switch {
		case !slices.Contains(amountFields, f):
			fs.add(path, "only amount, corrected_amount and paid_amount can be sums")
		case m.Columns.Get(f) != "":
			fs.add(path, "the field has a column too; keep one")
		case len(m.Sums[f]) == 0 || slices.Contains(m.Sums[f], ""):
			fs.add(path, "must name the columns to add up")
		}
	}
}

func (m Mapping) validateDue(fs *faults) {
	if m.Due == nil {
		return
	}
	if m.Columns.Due != "" {
		fs.add("due", "columns.due names a column too; keep one")
	}
	if len(m.Due.FirstOf) == 0 || slices.Contains(m.Due.FirstOf, "") {
		fs.add("due.first_of", "must name columns with dates")
	}
	if m.Due.Days < -366 || m.Due.Days > 3660 {
		fs.add("due.days", "must be from -366 to 3660")
	}
}

func (m Mapping) validateCleaning(fs *faults) {
	for _, f := range slices.Sorted(maps.Keys(m.Transforms)) {
		path := "transforms." + string(f)
		if err := knownField(f); err != nil {
			fs.add(path, "%v", err)
		}
		for i, t := range m.Transforms[f] {
			if err := knownTransform(t); err != nil {
				fs.add(fmt.Sprintf("%s[%d]", path, i), "%v", err)
			}
		}
	}
	for _, f := range slices.Sorted(maps.Keys(m.Values)) {
		if err := knownField(f); err != nil {
			fs.add("values."+string(f), "%v", err)
		}
	}
}

// Used lists every column that the mapping reads, without repetition, in the
// order of fields, sums, due and filters.
func (m Mapping) Used() []string {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if n != "" && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	for _, f := range m.Columns.Set() {
		add(m.Columns.Get(f))
	}
	for _, f := range slices.Sorted(maps.Keys(m.Sums)) {
		add(m.Sums[f]...)
	}
	if m.Due != nil {
		add(m.Due.FirstOf...)
	}
	for _, w := range m.Where {
		add(w.Column)
	}
	return out
}

func (m Mapping) validateRows(fs *faults) {
	used := m.Used()
	for i, name := range m.Ignore {
		if slices.Contains(used, name) {
			fs.add(fmt.Sprintf("ignore[%d]", i), "the column %q is used; a column is used or ignored, not both", name)
		}
	}
	for i, w := range m.Where {
		path := fmt.Sprintf("where[%d]", i)
		if w.Column == "" {
			fs.add(path+".column", "must name a column")
		}
		if (len(w.Is) == 0) == (len(w.Not) == 0) {
			fs.add(path, "must have either is or not, with at least one value")
		}
	}
	oneOf(fs, "negative", m.Negative, "", Refuse, Credit)
	if m.Negative == Credit && m.Kind == Payments {
		fs.add("negative", "is for items files; a payment that was taken back is a row with the field reverses")
	}
	if m.PostAt != "" {
		checkTime(fs, "post_at", m.PostAt)
	}
}

func checkTime(fs *faults, path, text string) {
	if _, _, err := ParseTime(text); err != nil {
		fs.add(path, "%v", err)
	}
}

func (m Mapping) validateDisputes(fs *faults) {
	flag, date := m.has("disputed"), m.has("disputed_on")
	d := m.Disputes
	if d == nil {
		if flag || date {
			fs.add("disputes", "the field disputed or disputed_on is filled; say under disputes what it means, or put the column under ignore")
		}
		return
	}
	if !flag && !date {
		fs.add("disputes", "no column fills the field disputed or disputed_on")
	}
	if flag && len(d.When) == 0 {
		fs.add("disputes.when", "must list the values of the field disputed that mean yes")
	}
	if m.has("dispute_ended") && !flag && !date {
		fs.add("columns.dispute_ended", "needs the field disputed or disputed_on beside it")
	}
	oneOf(fs, "disputes.raised", d.Raised, "", "issued", "due")
	oneOf(fs, "disputes.outcome", d.Outcome, "", "rejected", "closed", "corrected")
	if d.Days < 0 || d.Days > 366 {
		fs.add("disputes.days", "must be from 0 to 366")
	}
	if d.At != "" {
		checkTime(fs, "disputes.at", d.At)
	}
}
