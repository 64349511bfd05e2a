package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/internal/clock"
)

// maxReply bounds the file that is read: more is never part of a reply.
const maxReply = 4 << 20

// answerCmd reads a reply as the program reads those of debtors.
func (a *app) answerCmd() *cobra.Command {
	var in answers.Input
	var on, words string
	cmd := &cobra.Command{
		Use:   "answer FILE|TEXT",
		Short: "Read a debtor's reply: what it wants, how sure that is, and by which words",
		Long: `Reads a reply as Duly reads those that come in, and prints what it found: intents with their confidence, the words that led to them, the rule, dates and amounts.
The argument is the reply itself, the name of a file that holds it, or "-" for standard input; what looks like the name of a file that is not there is no reply, and --text takes
any words as they are. Nothing is stored. docs/answers.md says what follows from each intent.`,
		Args: func(cmd *cobra.Command, given []string) error {
			if !cmd.Flags().Changed("text") {
				return args("FILE|TEXT")(cmd, given)
			}
			if len(given) > 0 {
				return usagef("--text is the reply, and there is %q beside it: keep one of them", given[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Text = words; len(args) > 0 {
				if in.Text, err = a.replyText(args[0]); err != nil {
					return err
				}
			}
			if in.Today, err = replyDay(on); err != nil {
				return err
			}
			return a.answer(in)
		},
	}
	f := cmd.Flags()
	f.StringVar(&words, "text", "", "the words of the reply, whatever they look like")
	f.StringVar(&in.Subject, "subject", "", "subject of the email")
	f.StringVar(&in.Channel, "channel", "sms", "where it came in: sms, email, letter or call")
	f.StringVar(&in.Locale, "locale", "", "language of the debtor, such as en-US")
	f.StringVar(&in.Country, "country", "", "country of the debtor, such as US: whether 5/12 is May or December")
	f.StringVar(&on, "on", "", "local day of receipt, YYYY-MM-DD (default: today)")
	return cmd
}

// replyText is the text that was given, or what the file of that name or standard
// input holds.
func (a *app) replyText(given string) (string, error) {
	if given != "-" {
		info, err := os.Stat(given)
		switch {
		case err == nil && info.Mode().IsRegular():
		case err == nil:
			return "", usagef("%s is no file with a reply (it is a directory, or a device); name the file, or write the words with --text", given)
		case looksLikeFile(given):
			return "", usagef("there is no file %q; if these are the words of the reply, write them with --text", given)
		default:
			return given, nil
		}
	}
	in, err := a.input(given)
	if err != nil {
		return "", err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxReply))
	return string(bytes.TrimPrefix(b, []byte("\ufeff"))), err
}

// fileName is one word with an ending such as .txt, or a path that says that it is one.
var fileName = regexp.MustCompile(`^(~?/|\.\.?/|[A-Za-z]:\\)\S*$|^[^\s@]*[^\s@./\\]\.[A-Za-z][A-Za-z0-9]{1,4}$`)

// looksLikeFile reports whether somebody meant a file. Amounts (300.00), days (5/12), yes/no,
// links and addresses of email are words.
func looksLikeFile(given string) bool {
	if strings.Contains(given, "://") || strings.ContainsAny(given, " \t\n") {
		return false
	}
	if fileName.MatchString(given) {
		return true
	}
	dir := filepath.Dir(given)
	info, err := os.Stat(dir)
	return dir != "." && err == nil && info.IsDir()
}

func replyDay(on string) (answers.Date, error) {
	if on == "" {
		return answers.Date(dunning.DateOf(clock.Wall())), nil
	}
	d, err := dunning.ParseDate(on)
	if err != nil {
		return answers.Date{}, usageError{fmt.Errorf("--on: %w", err)}
	}
	return answers.Date(d), nil
}

// foundWords is a finding with its sentence and the words that led to it.
type foundWords struct {
	answers.Finding
	Sentence string   `json:"sentence"`
	Words    []string `json:"words,omitempty"`
	Sure     bool     `json:"sure"`
}

func (a *app) answer(in answers.Input) error {
	switch in.Channel {
	case "sms", "email", "letter", "call":
	default:
		return usagef("--channel is sms, email, letter or call, not %q", in.Channel)
	}
	r := answers.Read(in)
	list := make([]foundWords, len(r.Findings))
	for i, f := range r.Findings {
		list[i] = foundWords{Finding: f, Sentence: f.Sentence(), Words: f.Words(in), Sure: f.Sure()}
	}
	out := struct {
		answers.Reading
		Findings []foundWords `json:"findings"`
	}{r, list}
	return a.print(out, func(w io.Writer) { printReading(w, r, list) })
}

func printReading(w io.Writer, r answers.Reading, list []foundWords) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	line("language  %s", r.Language)
	if r.Quoted > 0 {
		line("left out  %d bytes that are quoted, a signature or markup", r.Quoted)
	}
	if r.Truncated {
		line("left out  what lies beyond the bounds of what is read")
	}
	for _, f := range list {
		mark := "?"
		if f.Sure {
			mark = "!"
		}
		line("%s %-13s %s", mark, f.Intent, f.Sentence)
		for i := range f.Words {
			f.Words[i] = fmt.Sprintf("%q", f.Words[i])
		}
		if len(f.Words) > 0 {
			line("  words         %s", strings.Join(f.Words, " … "))
		}
		line("  rule          %s", f.Rule)
	}
	line("! sure: acted upon at once (docs/answers.md)   ? a person decides")
}
