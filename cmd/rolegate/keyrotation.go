package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
	"rolegate/internal/login"
)

func (c *cli) keysList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list signing keys and key-encryption keys", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return do(c, app.ListKeys, app.None{}, printKeys) },
	}
}

func printKeys(w io.Writer, l app.KeyList) {
	var rows [][]string
	for _, k := range l.Signing {
		until := k.VerifiesUntil
		if k.State == login.KeyRevoked {
			until = k.RevokedAt
		}
		rows = append(rows, []string{k.ID, k.Algorithm, string(k.State), second(k.SignsFrom), second(k.SignsUntil), second(until)})
	}
	table(w, "KID ALGORITHM STATE SIGNS-FROM SIGNS-UNTIL VERIFIES-UNTIL", rows)
	fmt.Fprintln(w)
	rows = nil
	for _, k := range l.Encryption {
		missing := "-"
		if len(k.MissingAt) > 0 {
			missing = strings.Join(k.MissingAt, ",")
		}
		rows = append(rows, []string{k.ID, string(k.State), second(k.SealsFrom), fmt.Sprint(k.Values), yes(k.InFile), missing})
	}
	table(w, "KEY-ENCRYPTION-KEY STATE SEALS-FROM VALUES IN-FILE MISSING-AT", rows)
}

// second is a time where minutes are too coarse.
func second(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func (c *cli) keysRotate() *cobra.Command {
	var r app.KeyRotation
	kek := false
	cmd := &cobra.Command{
		Use: "rotate", Short: "make the next signing key, or with --kek the next key-encryption key", Args: cobra.NoArgs,
		Long: `Makes the next signing key: it is published now and signs ten minutes later, when
every verifier that keeps the published keys for five has read it. With --now it
signs at once, or the one that is published already does; verifiers that have not
read it yet may then refuse new tokens for up to five minutes.

With --kek: adds a new key to the key file, has it seal, and seals everything anew.
With several replicas the first of these asks you to copy the file to the others.
"rolegate keys kek drop ID" takes the old key out afterwards.`,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case kek && r.AtOnce:
				return usageError{fmt.Errorf("--kek and --now do not go together")}
			case kek:
				return do(c, app.RotateKEK, app.None{}, printResealed)
			}
			return do(c, app.RotateKey, r, func(w io.Writer, k login.KeyInfo) {
				fmt.Fprintf(w, "signing key %s is published, and signs from %s.\n", k.ID, second(k.SignsFrom))
			})
		},
	}
	cmd.Flags().BoolVar(&r.AtOnce, "now", false, "sign with it at once")
	cmd.Flags().BoolVar(&kek, "kek", false, "the key-encryption key")
	return cmd
}

func (c *cli) keysRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke KID", Short: "end a signing key and all its tokens at once", Args: cobra.ExactArgs(1),
		Long: `For a key that others may have: from this moment every token it signed is refused,
on every replica within a second. If it was the one that signs, a new key does so at
once. People go on by refreshing, CRM backends by asking for a new token.`,
		RunE: func(_ *cobra.Command, args []string) error {
			return do(c, app.RevokeKey, app.KeyRequest{ID: args[0]}, func(w io.Writer, k login.KeyInfo) {
				fmt.Fprintf(w, "signing key %s is revoked. Key %s signs.\n", args[0], k.ID)
			})
		},
	}
}

func (c *cli) keysReseal() *cobra.Command {
	return &cobra.Command{
		Use: "reseal", Short: "encrypt everything anew with the key-encryption key in use", Args: cobra.NoArgs,
		Long: `Seals anew what another key-encryption key has sealed: TOTP secrets, signing keys, the
log's keys. The service goes on meanwhile. Cut off, it is simply run again.`,
		RunE: func(*cobra.Command, []string) error { return do(c, app.Reseal, app.None{}, printResealed) },
	}
}

func printResealed(w io.Writer, r app.Resealed) {
	fmt.Fprintf(w, "key %s seals; %s sealed anew.\n", r.Key.ID, count(r.Values, "value"))
	if r.Failed > 0 {
		fmt.Fprintf(w, "%s could not be opened with any key of the file, and stay as they are.\n", count(r.Failed, "value"))
	}
}

func (c *cli) kek() *cobra.Command {
	id := func(use, short, long string, op app.Operation[app.KeyRequest, app.KEKInfo], done string) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Long: long, Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return do(c, op, app.KeyRequest{ID: args[0]}, func(w io.Writer, k app.KEKInfo) { fmt.Fprintf(w, done+"\n", k.ID) })
			},
		}
	}
	add := &cobra.Command{
		Use: "add", Short: "add a new key to the key file", Args: cobra.NoArgs,
		Long: "Adds a new key to the file that ROLEGATE_KEY_FILE names. It seals nothing yet. With several\nreplicas copy the file to each; they read it again within ten seconds.",
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.AddKEK, app.None{}, func(w io.Writer, k app.KEKInfo) {
				fmt.Fprintf(w, "key %s is in the key file. Copy the file to where its backup is and to every replica, and then run\n`rolegate keys kek use %s`.\n", k.ID, k.ID)
			})
		},
	}
	return group("kek", "change the key-encryption key step by step", add,
		id("use ID", "seal with a key of the key file from now on",
			"Refused while a running replica has not the key in its file.", app.UseKEK,
			"key %s seals from now on. `rolegate keys reseal` seals what is there already."),
		id("drop ID", "take a key out of the key file",
			"Refused while anything is sealed under it, and for ten minutes after another key took its place.\nBackups from before need the old key: keep it with them.", app.DropKEK,
			"key %s is out of use. Take it out of the other replicas' key files as well."))
}
