package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/model"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process: it returns the exit status. 0 is done, 1
// failed, 2 misused; a command may have others, see its help.
func run(args []string, stdout, stderr *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &cli{stdout: stdout, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	err := checkText(args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	return c.fail(err)
}

// exitStatus is that of a command which has said all there is to say.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprint("exit status ", int(s)) }

// checkText refuses arguments that are not UTF-8: on the way to a service they
// would become others.
func checkText(args []string) error {
	for _, a := range args {
		if !utf8.ValidString(a) {
			return usageError{fmt.Errorf("the argument %q is not UTF-8", a)}
		}
	}
	return nil
}

// cli is what commands share: where to write, and how.
type cli struct {
	stdout, stderr *os.File
	json           bool
	tenant         string
	settings       map[string]*string // flag values by setting name
	command        *cobra.Command     // the one that runs
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rolegate",
		Short: "The access gate in front of a CRM: login with TOTP, role decisions, a record of both",
		Long: `Rolegate logs people in with password and TOTP, decides with role policies what
each may do to which record of a CRM, and keeps a record of every answer.

  rolegate serve      run the service (settings: rolegate serve --help)
  rolegate demo       see the whole story on a throw-away database
  rolegate init       the first tenant and its three administrators`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print the result as JSON")
	c.settings = map[string]*string{}
	for _, s := range app.Settings() {
		c.settings[s.Name] = root.PersistentFlags().String(s.Flag, s.Default, s.About)
		_ = root.PersistentFlags().MarkHidden(s.Flag) // listed by serve --help, not by every command
	}
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) { c.command = cmd }
	root.AddCommand(
		c.serve(), c.init(), c.demo(), c.tenants(), c.users(), c.clients(), c.roles(), c.policies(),
		c.importFile(), c.keys(), c.audit(), c.restored(), c.migrate(), c.version(), c.healthcheck(), c.hashWorker(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes a wrong number of arguments a usage error in every command, which
// says what it takes.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil:
				return nil
			case cmd.HasSubCommands(): // one of them was meant
				return usageError{err}
			}
			return usageError{fmt.Errorf("arguments given: %d; usage: %s", len(args), cmd.UseLine())}
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(subs...)
	return g
}

// config reads the environment, over which the flags that were set win.
func (c *cli) config() (app.Config, error) {
	environ := os.Environ()
	for _, s := range app.Settings() {
		if f := c.command.Flags().Lookup(s.Flag); f != nil && f.Changed {
			environ = append(environ, s.Name+"="+*c.settings[s.Name])
		}
	}
	return app.ReadConfig(environ)
}

// tenantFlag adds --tenant, which a single-tenant install never needs.
func (c *cli) tenantFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&c.tenant, "tenant", model.DefaultTenant, "the tenant")
	return cmd
}

// usageError is a misuse of the command line: exit status 2 and a hint.
type usageError struct{ error }

// fail prints an error with every bad place it names.
func (c *cli) fail(err error) int {
	var misuse usageError
	if errors.As(err, &misuse) || strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "required flag") { // what cobra has no type for
		fmt.Fprintf(c.stderr, "rolegate: %v\nrun `rolegate --help`, or any command with --help\n", err)
		return 2
	}
	var e *model.Error
	var noStore *app.NoStoreError
	switch {
	case errors.As(err, &e):
	case errors.As(err, &noStore):
		e = &model.Error{Code: model.CodeStoreUnavailable}
		if chinese() {
			err = errors.New(noStore.Chinese())
		}
	default:
		e = &model.Error{Code: model.CodeInternal}
	}
	if c.json {
		writeJSON(c.stderr, map[string]any{"error": map[string]any{"code": e.Code, "message": err.Error(), "details": e.Details}})
		return 1
	}
	fmt.Fprintf(c.stderr, "rolegate: %v\n", err)
	for _, d := range e.Details {
		fmt.Fprintf(c.stderr, "  %s\n", d)
	}
	return 1
}
