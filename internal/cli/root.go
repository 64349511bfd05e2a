package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
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
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != "text" && a.output != "json" {
				return usagef("--output is text or json, not %q", a.output)
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
	root.AddCommand(a.importCmd(), a.simulateCmd(), a.backtestCmd(), a.checkCmd(), a.answerCmd(), a.planCmd(), a.applyCmd(), a.proposalCmd(), a.caseCmd(), a.migrateCmd(), a.doctorCmd(), a.recheckCmd(), a.userCmd(), a.switchCmd(), a.sentCmd(), a.rekeyCmd(), a.lettersCmd(), a.inboxCmd(), a.evidenceCmd(), a.auditCmd(), a.sampleCmd())
	return root
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// args is cobra.ExactArgs with words: what the arguments are.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) == len(names) {
			return nil
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
		_ = json.NewEncoder(a.env.Stderr).Encode(map[string]string{"error": err.Error(), "kind": kind})
		return
	}
	_, _ = fmt.Fprintln(a.env.Stderr, "duly:", err)
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
