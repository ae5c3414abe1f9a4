package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rolegate/internal/app"
)

func (c *cli) serve() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "run the service", Args: cobra.NoArgs, Long: serveHelp(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.config()
			if err != nil {
				return err
			}
			logger := slog.New(slog.NewJSONHandler(c.stderr, &slog.HandlerOptions{Level: cfg.Level()}))
			a, err := app.Open(cmd.Context(), cfg, logger)
			if err != nil {
				return err
			}
			defer a.Close()
			a.HashWorker = hashWorker
			return a.Serve(cmd.Context(), func(r app.Ready) {
				logger.Info("ready", "listen", r.Address, "admin_listen", r.AdminAddress)
				c.whatNext(c.stdout, r, cfg.Issuer)
			})
		},
	}
}

func serveHelp() string {
	var b strings.Builder
	b.WriteString("Runs the service until it is interrupted.\n\nSettings, each an environment variable and a flag (the flag wins):\n")
	for _, s := range app.Settings() {
		fmt.Fprintf(&b, "\n  %s, --%s", s.Name, s.Flag)
		if s.Default != "" {
			fmt.Fprintf(&b, " (default %s)", s.Default)
		}
		fmt.Fprintf(&b, "\n      %s\n", s.About)
	}
	return b.String()
}

// whatNext tells a person at a terminal what to do now; services read the log.
func (c *cli) whatNext(w io.Writer, r app.Ready, issuer string) {
	if c.json {
		writeJSON(w, map[string]string{"url": r.URL, "admin": "http://" + r.AdminAddress})
		return
	}
	text := whatNextEN
	if chinese() {
		text = whatNextZH
	}
	fill := strings.NewReplacer("{url}", r.URL, "{issuer}", issuer, "{rolegate}", os.Args[0])
	fmt.Fprint(w, fill.Replace(text.ready))
	if r.FirstStart {
		fmt.Fprint(w, fill.Replace(text.first))
	}
}

// chinese tells whether the terminal's locale asks for Chinese.
func chinese() bool {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return strings.HasPrefix(v, "zh")
		}
	}
	return false
}

type nextText struct{ ready, first string }

var whatNextEN = nextText{
	ready: "\nRolegate serves on {url}. People log in at {issuer}/login. Stop it with Ctrl-C.\n",
	first: `
Nobody can log in yet. In another terminal, from this directory:

  {rolegate} init                              # the three administrators: each opens a link it prints, in a browser
  {rolegate} user add alice --role sales-rep   # a person: likewise
  {rolegate} client add crm --scope decide     # a CRM backend: keeps the secret it prints

README.md walks through enrolment, login and the first decisions in five minutes;
"{rolegate} demo" plays the same story by itself.
`,
}

var whatNextZH = nextText{
	ready: "\nRolegate 正在 {url} 提供服务。用户在 {issuer}/login 登录。按 Ctrl-C 停止。\n",
	first: `
目前还没有人能登录。请另开一个终端，在本目录下执行：

  {rolegate} init                              # 邀请三位管理员（三员）：各自在浏览器中打开自己的链接
  {rolegate} user add alice --role sales-rep   # 添加用户：同样打开它输出的链接
  {rolegate} client add crm --scope decide     # 添加 CRM 后端：保存它输出的密钥

README.zh-CN.md 用五分钟带您完成绑定动态验证码、登录和第一次授权判定；
“{rolegate} demo” 会自动演示同样的过程。
`,
}
