// Command crm is a small CRM backend, contacts and deals in SQLite, that asks
// Rolegate before it shows or changes anything. It is there to be read and copied:
//
//	server.go    what can be called, and how a handler fails
//	contacts.go  single records: read, create, update, delete, merge
//	lists.go     whole lists: filter, pages, masked fields, an export behind a fresh code
//	records.go   what is stored, what Rolegate is told of it, and where lists find it
//	store.go     SQL
//
// Who may do what is not in it, but in policy.csv.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"rolegate/api/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "crm:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	gate, err := client.New(client.Options{
		URL:          setting("CRM_ROLEGATE_URL", "http://localhost:8080"),
		ClientID:     setting("CRM_CLIENT_ID", "crm"),
		ClientSecret: setting("CRM_CLIENT_SECRET", ""),
	})
	if err != nil {
		return err
	}
	defer gate.Close()
	st, err := openStore(ctx, setting("CRM_DATABASE", "crm.db"))
	if err != nil {
		return err
	}
	defer st.db.Close()

	s := &server{gate: gate, store: st, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	h := &http.Server{Addr: setting("CRM_LISTEN", "127.0.0.1:9000"), Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.Shutdown(ending)
	})
	fmt.Printf("the CRM is on http://%s\n", h.Addr)
	if err := h.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
