// Command rolegate is the whole service: one binary, a subcommand a file.
//
// A guided tour, bottom up:
//
//   - model: the words (Tenant, Subject, Caller, Decision, Error) and what a
//     policy means (crm.conf, catalog.yaml).
//   - internal/password, totp, token, keyring, throttle: one mechanism each.
//   - internal/store: what we need of a database; sqlstore gives it on SQLite
//     and PostgreSQL.
//   - internal/audit: the record that every answer waits for.
//   - internal/login, directory, policy: what Rolegate can do. policy is the
//     only package that knows Casbin. change is the life of a policy's change;
//     administration is what people may do of it to others.
//   - internal/server, console: the JSON API and the pages; server/routes.go is
//     the whole surface on one screen.
//   - internal/app: configuration and wiring, and how commands reach a running
//     service.
//
// Every command but serve and demo is an app.Operation: it runs on the store
// itself, or in the service that holds the data directory.
package main
