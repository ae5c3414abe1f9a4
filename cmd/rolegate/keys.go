package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rolegate/internal/keyring"
	"rolegate/model"
)

func (c *cli) keys() *cobra.Command {
	return group("keys", "keys that sign tokens, and keys that encrypt what is stored",
		c.keysInit(), c.keysList(), c.keysRotate(), c.keysRevoke(), c.keysReseal(), c.kek())
}

func (c *cli) keysInit() *cobra.Command {
	ifMissing := false
	cmd := &cobra.Command{
		Use: "init", Short: "make the key-encryption key; never overwrites one", Args: cobra.NoArgs,
		Long: "Makes the key file that ROLEGATE_KEY_FILE names. With SQLite this happens by itself on an empty store;\nwith PostgreSQL it is done once, by hand, and every replica gets the same file.",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.config()
			if err != nil {
				return err
			}
			path := cfg.KeyPath()
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return model.Errorf(model.CodeSettingInvalid, "ROLEGATE_KEY_FILE: cannot make its directory: %v", err)
			}
			if _, err := keyring.CreateFile(path); err != nil {
				if ifMissing && model.CodeOf(err) == model.CodeConflict {
					_, err = keyring.ReadFile(path)
				}
				if err != nil {
					return err
				}
				return c.haveKey(path)
			}
			if c.json {
				writeJSON(c.stdout, map[string]string{"key_file": path})
				return nil
			}
			fmt.Fprintf(c.stdout, "made %s. Keep a copy apart from the database and its backups: without it nothing\nencrypted can be read, and with it whoever has the database can read everything.\n", path)
			return nil
		},
	}
	cmd.Flags().BoolVar(&ifMissing, "if-missing", false, "leave a key file that is there alone, if it is one")
	return cmd
}

// haveKey says that there is a key already.
func (c *cli) haveKey(path string) error {
	if c.json {
		writeJSON(c.stdout, map[string]string{"key_file": path})
		return nil
	}
	fmt.Fprintf(c.stdout, "%s is there already, and stays as it is.\n", path)
	return nil
}
