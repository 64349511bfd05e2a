package cli

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/contactfile"
)

// checkCmd answers a file of contact questions. It never exits with 1: a
// refusal is an answer.
func (a *app) checkCmd() *cobra.Command {
	var ambiguity string
	var explain bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Answer contact questions: may this message or call leave now?",
		Long: `Answers the cases of a file (docs/contact-policy.md) by the contact policies.
Prints one JSON object a line, in the order of the cases, and nothing else; with --explain the reasoning in plain words. "-" reads standard input.`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.check(args[0], ambiguity, explain) },
	}
	cmd.Flags().StringVar(&ambiguity, "ambiguity", "strict", "how unclear rules are read: strict or literal")
	cmd.Flags().BoolVar(&explain, "explain", false, "print the reasoning in plain words instead: candidates, rules, counters")
	return cmd
}

func (a *app) check(file, ambiguity string, explain bool) error {
	if ambiguity != "strict" && ambiguity != "literal" {
		return usagef("--ambiguity is strict or literal, not %q", ambiguity)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	in, err := a.input(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out := bufio.NewWriter(a.env.Stdout)
	answer := contactfile.Answer
	if explain {
		answer = contactfile.Explain
	}
	err = answer(in, cfg.Policies(), ambiguity, out)
	return errors.Join(err, out.Flush())
}

// input opens a file, or standard input for "-".
func (a *app) input(file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(a.env.Stdin), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, usageError{err}
	}
	return f, nil
}
