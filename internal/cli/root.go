package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
)

// Env is what surrounds the program. Tests replace it.
type Env struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Terminal says that a person watches Stderr, who is shown progress.
	Terminal bool
}

// Exit codes.
const (
	OK    = 0 // well
	Found = 1 // something that a person should look at
	Wrong = 2 // usage or input is wrong, or the job could not be done
)

// errFound ends a command that did its job and found something. What it found
// is printed already.
var errFound = errors.New("something was found")

// usageError is the caller's mistake in flags or arguments.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// Run executes the command line and returns the exit code. Errors are printed
// to Stderr: as a line for people, or with --output json as one JSON object.
func Run(ctx context.Context, env Env) int {
	app := &app{env: env}
	root := app.root()
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return OK
	case errors.Is(err, errFound):
		return Found
	}
	app.report(err)
	return Wrong
}

// Root is the whole command line over an environment.
func Root(env Env) *cobra.Command { return (&app{env: env}).root() }

// app is what commands share.
type app struct {
	env    Env
	output string // text, json
	dir    string // configuration directory, "" = shipped
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "duly",
		Short: "Take overdue accounts through their escalation, and show why",
		Long: `Duly takes every overdue account through an escalation sequence and never loses its place.

Exit status: 0 well · 1 found something to look at · 2 wrong usage or input.
The database is named by DATABASE_URL.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          group,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.output != "text" && a.output != "json" {
				return usagef("--output is text or json, not %q", a.output)
			}
			if err := cmd.ValidateRequiredFlags(); err != nil {
				return usagef("%w; see %s --help", err, cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "text", "how results are printed: text or json")
	root.PersistentFlags().StringVar(&a.dir, "config", a.env.Getenv("DULY_CONFIG"), "directory of the configuration (default: $DULY_CONFIG; else the published one where a database is at work; else the one shipped with the program)")
	root.SetArgs(a.env.Args)
	root.SetIn(a.env.Stdin)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(a.importCmd(), a.simulateCmd(), a.backtestCmd(), a.checkCmd(), a.answerCmd(), a.planCmd(), a.applyCmd(), a.proposalCmd(), a.caseCmd(), a.migrateCmd(), a.doctorCmd(), a.recheckCmd(), a.userCmd(), a.switchCmd(), a.sentCmd(), a.rekeyCmd(), a.lettersCmd(), a.inboxCmd(), a.evidenceCmd(), a.auditCmd(), a.sampleCmd(), a.reportCmd(), a.restoreCmd())
	return root
}

// wording is what an error says, without the class of the refusal behind it.
func wording(err error) string {
	text := err.Error()
	for _, class := range []error{errors.Join(dunning.ErrInvalid, dunning.ErrUnknown), dunning.ErrInvalid, dunning.ErrConflict, dunning.ErrUnknown} {
		text = strings.TrimSuffix(text, ": "+class.Error())
	}
	return text
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// group is for a command that does nothing but hold others.
func group(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	return usagef("unknown command %q for %s; %ssee %s --help", given[0], cmd.CommandPath(), meant(cmd, given[0]), cmd.CommandPath())
}

// meant are the commands of a group that somebody who wrote name may have meant.
func meant(cmd *cobra.Command, name string) string {
	cmd.SuggestionsMinimumDistance = min(2, len(name)/3) // of a short word any other is two letters away
	near := cmd.SuggestionsFor(name)
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("did you mean %s %s? ", cmd.CommandPath(), strings.Join(near, " or "))
}

// args is cobra.ExactArgs with words: what the arguments are. Of a command that holds others
// the first argument too many may be one of these, misspelt.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) == len(names) {
			return nil
		}
		if len(given) > 0 && (len(names) == 0 && cmd.HasSubCommands() || meant(cmd, given[0]) != "") {
			return group(cmd, given)
		}
		if len(names) == 0 {
			return usagef("%s takes no argument, and there is %q; see %s --help", cmd.CommandPath(), given[0], cmd.CommandPath())
		}
		return usagef("%s needs %d argument(s): %v; see %s --help", cmd.CommandPath(), len(names), names, cmd.CommandPath())
	}
}

// report prints an error where people or programs look for it.
func (a *app) report(err error) {
	if a.output == "json" {
		kind := "failed"
		if errors.As(err, new(usageError)) {
			kind = "usage"
		}
		_ = json.NewEncoder(a.env.Stderr).Encode(map[string]string{"error": wording(err), "kind": kind})
		return
	}
	_, _ = fmt.Fprintln(a.env.Stderr, "duly:", wording(err))
}

// print writes a result: v as one line of JSON, or what text prints.
func (a *app) print(v any, text func(w io.Writer)) error {
	if a.output == "json" {
		enc := json.NewEncoder(a.env.Stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	text(a.env.Stdout)
	return nil
}

// config loads the configuration that was asked for.
func (a *app) config() (*config.Config, error) {
	if a.dir == "" {
		return config.Default()
	}
	return loadDir(a.dir)
}

// loadDir loads a directory, which must be one.
func loadDir(dir string) (*config.Config, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("there is no directory %s", dir)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, usagef("%s is a file; name the directory that holds sequences/, templates/ and so on", dir)
	}
	return config.Load(os.DirFS(dir))
}
