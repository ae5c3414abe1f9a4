package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
)

// version is set by the linker in released builds.
var version = "dev"

func (c *cli) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print version, commit and Go version", Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			commit := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						commit = s.Value
					}
				}
			}
			if c.json {
				writeJSON(c.stdout, map[string]string{"version": version, "commit": commit, "go": runtime.Version()})
				return
			}
			fmt.Fprintf(c.stdout, "rolegate %s (commit %s, %s)\n", version, commit, runtime.Version())
		},
	}
}

func (c *cli) migrate() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "bring the database up to date, as serve does at start", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.Migrate, app.None{}, func(w io.Writer, s app.Schema) {
				fmt.Fprintf(w, "%s is at schema version %d\n", s.Database, s.Version)
			})
		},
	}
}
