package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
)

func (c *cli) restored() *cobra.Command {
	return &cobra.Command{
		Use: "restored", Short: "end what a restored backup has brought back to life", Args: cobra.NoArgs,
		Long: `After a restore, before anybody is let in: ends every session, token, ticket, invitation
and open request for an office, takes changes of policies that were submitted or approved
back to drafts, forgets every known device, and makes every recovery code
used, since those that were ended or used after the backup was made are good again in it.
Everybody logs in anew; people make new recovery codes. Passwords, second factors, disabled
users, clients with their secrets, roles and policies are as they were in the backup: repeat
what has changed since. Checkpoints of the log stop until "rolegate audit resume" says why the log
goes on otherwise than was published.`,
		RunE: func(*cobra.Command, []string) error {
			return do(c, app.Restored, app.None{}, func(w io.Writer, e app.Ended) {
				fmt.Fprintf(w, "ended: %s, %s, %s, %s, %s, %s, %s, and all access tokens.\n", count(e.Sessions, "session"), count(e.Tickets, "ticket"),
					count(e.Invites, "invitation"), count(e.RecoveryCodes, "recovery code"), count(e.KnownDevices, "known device"),
					count(e.OfficeRequests, "office request"), count(e.Drafts, "submitted draft"))
				fmt.Fprintln(w, "no checkpoints of the log are made until `rolegate audit resume --reason` says what happened.")
			})
		},
	}
}
