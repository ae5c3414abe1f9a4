package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rolegate/internal/store/sqlstore"
)

// makesStore tells whether an operation makes a store where there is none. The
// others, given a mistyped place, would answer truly of an empty store.
func makesStore(operation string) bool { return operation == Init.Name || operation == Migrate.Name }

// NoStoreError says that a command was to work on a store that is not there.
type NoStoreError struct {
	Data string // the data directory; "" where the store is on PostgreSQL
}

func (e *NoStoreError) Error() string {
	if e.Data == "" {
		return "the database of ROLEGATE_DATABASE_URL has no tables of Rolegate; is it the right one? `rolegate migrate` makes them"
	}
	return fmt.Sprintf("there is no store in ROLEGATE_DATA %s; is the path right? `rolegate migrate` makes one", e.Data)
}

// Chinese is the error in Chinese.
func (e *NoStoreError) Chinese() string {
	if e.Data == "" {
		return "ROLEGATE_DATABASE_URL 所指的数据库中没有 Rolegate 的数据表，请检查是否填错；“rolegate migrate” 会新建"
	}
	return fmt.Sprintf("ROLEGATE_DATA %s 中没有 Rolegate 的数据，请检查路径是否正确；“rolegate migrate” 会新建", e.Data)
}

// databaseFile is where SQLite has the store.
func (c Config) databaseFile() string { return filepath.Join(c.Data, "rolegate.db") }

// somethingThere is a NoStoreError where the data directory has neither a store nor a
// process that may be about to make one; it leaves the place as it is.
func (c Config) somethingThere() error {
	if c.DatabaseURL != "" {
		return nil // commands may come from a host that has no directory yet
	}
	for _, path := range []string{c.databaseFile(), lockPath(c.Data)} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return c.noStore()
}

// hasStore is a NoStoreError where there is no store. Whoever asks holds the lock.
func (c Config) hasStore(ctx context.Context) error {
	if c.DatabaseURL != "" {
		if there, err := sqlstore.HasTables(ctx, c.DatabaseURL); err != nil || there {
			return err
		}
		return c.noStore()
	}
	if _, err := os.Stat(c.databaseFile()); errors.Is(err, fs.ErrNotExist) {
		return c.noStore()
	}
	return nil
}

func (c Config) noStore() error {
	if c.DatabaseURL != "" {
		return &NoStoreError{}
	}
	return &NoStoreError{Data: c.Data}
}
