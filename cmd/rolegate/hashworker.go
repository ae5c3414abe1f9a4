package main

import (
	"os"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"rolegate/internal/password"
)

// hashWorkerName is the command that serve starts for itself.
const hashWorkerName = "hash-worker"

// hashWorker is this very program as a hash worker, also after an update has put
// another file in its place.
func hashWorker() *exec.Cmd {
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{os.Args[0], hashWorkerName}}
	if runtime.GOOS != "linux" {
		var err error
		if cmd.Path, err = os.Executable(); err != nil {
			cmd.Err = err
		}
	}
	return cmd
}

func (c *cli) hashWorker() *cobra.Command {
	return &cobra.Command{
		Use: hashWorkerName, Short: "hash passwords for serve, which starts this by itself", Args: cobra.NoArgs, Hidden: true,
		RunE: func(*cobra.Command, []string) error { return password.Work(os.Stdin, os.Stdout) },
	}
}
