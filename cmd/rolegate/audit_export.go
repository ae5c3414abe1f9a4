package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/audit/bundle"
	"rolegate/internal/audit/verify"
	"rolegate/model"
)

func (c *cli) auditExport() *cobra.Command {
	e := app.LogExport{}
	var known []string
	cmd := &cobra.Command{
		Use: "export DIR", Short: "write the log, or a part of it, for an auditor", Args: cobra.ExactArgs(1),
		Long: `Writes a bundle to a new directory: the entries of the log with what is sealed beside them, the
checkpoints, and the hashes of the tree (docs/audit.md). ` + "`rolegate audit verify`" + ` checks it, anywhere, without
keys. A bundle holds no keys, so nobody reads from it who did what; keep it like the log all the same.
That it was written is an entry of the log.

With --from and --to only the entries between are whole, and with --tenant only those of a tenant. The
others are hashes then, so that the bundle still holds against the checkpoints. Acts, such as erasures,
are whole in any case: what is missing is missing by their right.`,
		Example: "  rolegate audit export /mnt/auditor/2026-11\n" +
			"  rolegate audit export --tenant acme --from 2026-10-01 --to 2026-11-01 acme-october\n" +
			"  rolegate audit export --from 2026-10-01 --known last-year.checkpoint since-october",
		RunE: func(cmd *cobra.Command, args []string) error {
			e.MadeBy = "rolegate " + version
			for _, path := range known {
				note, err := readFile(path)
				if err != nil {
					return err
				}
				size, err := verify.SizeOf(note)
				if err != nil {
					return model.Errorf(model.CodeInvalidRequest, "%s: %v", path, err)
				}
				e.Sizes = append(e.Sizes, size)
			}
			cfg, err := c.config()
			if err != nil {
				return err
			}
			dir, err := bundle.NewDir(args[0])
			if err != nil {
				return err
			}
			defer dir.Discard()
			written, err := app.ExportLog.Do(cmd.Context(), cfg, e, func(r io.Reader) error { return bundle.Unpack(r, dir) })
			if err != nil {
				return err
			}
			if err := dir.Commit(); err != nil {
				return err
			}
			if c.json {
				writeJSON(c.stdout, written)
				return nil
			}
			fmt.Fprintf(c.stdout, "wrote %s: %s, of a log of %d\n", args[0], count(int(written.Entries), "entry"), written.Size)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.Tenant, "tenant", "", "only the entries of this tenant; the others are hashes")
	f.StringVar(&e.From, "from", "", "the first entry, by its index or its time (2026-11-01, 2026-11-01T08:00:00Z)")
	f.StringVar(&e.To, "to", "", "the one behind the last, likewise")
	f.StringSliceVar(&known, "known", nil, "file with a checkpoint that the part must hold against, though it is of an earlier time; may be repeated")
	return cmd
}
