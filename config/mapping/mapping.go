// Package mapping says how the columns of somebody's file become Duly's fields.
//
// It owns the shape of config/mappings/*.yaml and what makes one valid, the
// date patterns and the small templates a mapping may hold. It does not read
// files of data (internal/importer does) nor YAML with positions (config does).
package mapping

// Mapping describes one kind of file: how it is written, and which column
// fills which field. The zero values are the usual case: UTF-8 or a BOM, a
// delimiter that is found out, one header row, a decimal point.
type Mapping struct {
	// Mapping is the id, the word given to `--mapping`.
	Mapping string `yaml:"mapping"`
	// Title says in a line what files this is for.
	Title string `yaml:"title,omitempty"`
	// Kind is what a row is: an open item, a payment, a contact point, a contact, a statement.
	Kind Kind `yaml:"kind"`
	// Creditor is the id of the creditor the rows belong to; the command line may name another.
	Creditor string `yaml:"creditor,omitempty"`
	// CreditorZone is the IANA zone in which the file's days begin, for uses
	// without a configured creditor, whose own zone goes before this.
	CreditorZone string `yaml:"creditor_zone,omitempty"`
	// File is how the file is written.
	File File `yaml:"file,omitempty"`
	// Columns names, for each field, the column that fills it: its header; a
	// header that occurs again as "name#2"; in a file without headers "#1", "#2" …
	Columns Fields `yaml:"columns"`
	// Optional lists fields whose column may be missing in a file; "*" is every
	// field that a row does not need. The column of any other field must be there.
	Optional []Field `yaml:"optional,omitempty"`
	// Constants are values of fields that no column has, or for cells that are empty.
	Constants Fields `yaml:"constants,omitempty"`
	// Templates derive a field from others, such as "{{account}}@example.invalid".
	Templates Fields `yaml:"templates,omitempty"`
	// Sums fill an amount with the sum of several columns; empty cells count nothing.
	Sums map[Field][]string `yaml:"sums,omitempty"`
	// Due derives the due date in files that have none.
	Due *Due `yaml:"due,omitempty"`
	// Transforms clean the cells of a field, in the order given.
	Transforms map[Field][]Transform `yaml:"transforms,omitempty"`
	// Values translate the words of a field, such as "B" to "business". A word
	// that is not listed stays as it is.
	Values map[Field]map[string]string `yaml:"values,omitempty"`
	// Ignore lists columns that are known and not used, so that a new column is
	// noticed. "*" is every column that nothing else names.
	Ignore []string `yaml:"ignore,omitempty"`
	// Where keeps only rows that pass every filter; the others are counted as skipped.
	Where []Filter `yaml:"where,omitempty"`
	// Negative says what an amount below zero in an items file is.
	Negative Negative `yaml:"negative,omitempty"`
	// PostAt is the local time, in the creditor's zone, at which payments that
	// have a date and no time are posted. Default "12:00".
	PostAt string `yaml:"post_at,omitempty"`
	// Disputes says how the fields disputed and disputed_on become disputes.
	Disputes *Disputes `yaml:"disputes,omitempty"`
}

// Kind is what a row of a file is.
type Kind string

// Kinds of files.
const (
	Items    Kind = "items"
	Payments Kind = "payments"
	Contacts Kind = "contacts" // numbers and addresses with what is known of them; debts as the law sees them
	History  Kind = "history"  // contacts of another system: they count with those of Duly
	Consents Kind = "consents" // what people said, agreed to, refused and wrote, and their legal status
)

// OfContacts reports whether rows are data that contact law asks for. Such rows name
// accounts that exist.
func (k Kind) OfContacts() bool { return k == Contacts || k == History || k == Consents }

// File is how a file of values separated by a delimiter is written.
type File struct {
	// Encoding is auto (default: a byte order mark, else UTF-8, else
	// windows-1252), utf-8, utf-16 (either order), windows-1252 or iso-8859-15.
	Encoding string `yaml:"encoding,omitempty"`
	// Delimiter is auto (default), "," ";" "|" or "tab".
	Delimiter string `yaml:"delimiter,omitempty"`
	// Quote is '"' (default), "'" or none.
	Quote string `yaml:"quote,omitempty"`
	// SkipLines are lines before the header that say other things.
	SkipLines int `yaml:"skip_lines,omitempty"`
	// Headerless files begin with data; their columns are "#1", "#2" …
	Headerless bool `yaml:"headerless,omitempty"`
	// Decimal is "." (default) or ",".
	Decimal string `yaml:"decimal,omitempty"`
	// Thousands is what groups digits: "" (default: nothing does), "," "." "'" or " ".
	Thousands string `yaml:"thousands,omitempty"`
	// Dates are patterns tried in order. See ParsePattern. Default YYYY-MM-DD.
	Dates []string `yaml:"dates,omitempty"`
	// Empty lists words that mean nothing, such as NULL or n/a.
	Empty []string `yaml:"empty,omitempty"`
}

// Due derives a due date: the first date of FirstOf that is there, plus Days.
type Due struct {
	// FirstOf are columns with dates, the best evidence first.
	FirstOf []string `yaml:"first_of"`
	// Days are added to that date, such as a term of payment.
	Days int `yaml:"days,omitempty"`
}

// Filter keeps rows by the value of a column (trimmed, compared exactly).
type Filter struct {
	Column string `yaml:"column"`
	// Is keeps rows whose value is one of these. "" is an empty cell.
	Is []string `yaml:"is,omitempty"`
	// Not drops rows whose value is one of these.
	Not []string `yaml:"not,omitempty"`
}

// Negative says what to do with an item below zero.
type Negative string

// What a negative item may become.
const (
	// Refuse rejects the row (default).
	Refuse Negative = "refuse"
	// Credit records it as money of the account that no invoice has used yet.
	Credit Negative = "credit"
)

// Disputes says how a file's word about disputes becomes dispute facts on the
// item. A dispute that would begin when the item is already paid is left out;
// paying the item closes it.
type Disputes struct {
	// When are the values of the field `disputed` that mean yes.
	When []string `yaml:"when,omitempty"`
	// Raised is the date the dispute is taken to begin at, for files with a flag
	// and no date: issued or due (default).
	Raised string `yaml:"raised,omitempty"`
	// Days are added to that date.
	Days int `yaml:"days,omitempty"`
	// At is the local time in the creditor's zone. Default "12:00".
	At string `yaml:"at,omitempty"`
	// Outcome is how the dispute ended when the field dispute_ended has a date:
	// rejected (default), closed or corrected.
	Outcome string `yaml:"outcome,omitempty"`
}

// Transform is one way to clean a cell. Cells are always trimmed first.
type Transform string

// The transforms.
const (
	StripZeros Transform = "strip_zeros" // leading zeros of a number: 0200769623 → 200769623
	StripFloat Transform = "strip_float" // the tail of a number kept as a float: 1929003413.0 → 1929003413
	Collapse   Transform = "collapse"    // runs of white space become one space
	Upper      Transform = "upper"
	Lower      Transform = "lower"
	Digits     Transform = "digits" // everything but digits goes
	Slug       Transform = "slug"   // lower case, and what is not a letter, digit, dot or dash becomes a dash
	Trim       Transform = "trim"   // what always happens; allowed so that a mapping can say it
)
