package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"rolegate/model"
)

func (c *cli) healthcheck() *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck", Short: "ask the running service whether it is well; for containers", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.config()
			if err != nil {
				return err
			}
			host, port, err := net.SplitHostPort(cfg.Listen)
			if err != nil {
				return model.Errorf(model.CodeSettingInvalid, "ROLEGATE_LISTEN %q is not host:port", cfg.Listen)
			}
			if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
				host = "127.0.0.1"
			}
			url := "http://" + net.JoinHostPort(host, port) + "/healthz"
			client := http.Client{Timeout: 3 * time.Second}
			if cfg.TLSCert != "" {
				url = "https" + url[len("http"):]
				// The certificate names the public host, not the loopback we ask.
				client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			}
			resp, err := client.Get(url)
			if err != nil {
				return fmt.Errorf("not well: %w", err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("not well: %s answers %s", url, resp.Status)
			}
			if c.json {
				writeJSON(c.stdout, map[string]string{"status": "ok"})
				return nil
			}
			fmt.Fprintln(c.stdout, "ok")
			return nil
		},
	}
}
