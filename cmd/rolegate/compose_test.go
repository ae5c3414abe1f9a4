package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"rolegate/internal/app"
)

// compose is what matters here of docker-compose.yml.
type compose struct {
	Services map[string]struct {
		Profiles    []string
		Image       string
		Command     []string
		Environment map[string]string
		Volumes     []string
		Ports       []string
		DependsOn   yaml.Node `yaml:"depends_on"`
		Networks    attached
	}
	Volumes  map[string]any
	Networks map[string]network
}

// attached are a service's networks, with its address where it has one of its own.
type attached map[string]struct {
	IPv4 string `yaml:"ipv4_address"`
}

// UnmarshalYAML reads a list as well.
func (a *attached) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return nil
	}
	return n.Decode((*map[string]struct {
		IPv4 string `yaml:"ipv4_address"`
	})(a))
}

type network struct {
	IPAM struct {
		Config []struct {
			Subnet, Gateway string
			Range           string `yaml:"ip_range"`
		}
	}
}

func readCompose(t *testing.T) (c compose) {
	t.Helper()
	text := regexp.MustCompile(`\$\{\w+:-([^}]*)\}`).ReplaceAllString(readDoc(t, "docker-compose.yml"), "$1")
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// imageEnv are the settings the container image brings along.
func imageEnv(t *testing.T) (settings []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^ENV (\S+)$`).FindAllStringSubmatch(readDoc(t, "Dockerfile"), -1) {
		settings = append(settings, m[1])
	}
	if len(settings) < 3 {
		t.Fatalf("the Dockerfile sets %v", settings)
	}
	return settings
}

// Every Rolegate of docker-compose.yml has settings that it starts with, and the
// replicas have those in common that replicas must.
func TestComposeFile(t *testing.T) {
	c := readCompose(t)
	var replicas []string
	for name, s := range c.Services {
		if s.Image != "rolegate" {
			continue
		}
		settings := imageEnv(t)
		for k, v := range s.Environment {
			settings = append(settings, k+"="+v)
		}
		config, err := app.ReadConfig(settings)
		if err == nil && len(s.Command) == 0 {
			err = config.Validate()
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if _, there := c.Volumes[volume]; !there {
				t.Errorf("%s: there is no volume %s", name, volume)
			}
		}
		if strings.HasPrefix(name, "rolegate-") {
			replicas = append(replicas, name)
			if !slices.Equal(s.Profiles, []string{"replicas"}) || config.DatabaseURL == "" || len(s.Ports) > 0 {
				t.Errorf("%s is no replica: %+v", name, s)
			}
			for _, u := range []string{config.DatabaseURL, config.KeystoreURL} {
				host := regexp.MustCompile(`@(\w+)/`).FindStringSubmatch(u)
				if host == nil || !strings.HasPrefix(c.Services[host[1]].Image, "postgres:") {
					t.Errorf("%s: no database stands behind %s", name, u)
				}
			}
		} else if len(s.Profiles) > 0 && name != "key" || len(s.Profiles) == 0 && name != "rolegate" {
			t.Errorf("%s has the profiles %v", name, s.Profiles)
		}
	}
	slices.Sort(replicas)
	if !slices.Equal(replicas, []string{"rolegate-1", "rolegate-2", "rolegate-3"}) {
		t.Fatalf("replicas %v", replicas)
	}
	// The key is made where the replicas look for it.
	if made := c.Services["key"]; !slices.Equal(made.Command, []string{"keys", "init", "--if-missing"}) || !slices.Equal(made.Volumes, []string{"key:/data"}) {
		t.Errorf("the key is made by %v in %v", made.Command, made.Volumes)
	}
	if r := c.Services["rolegate-1"]; !slices.Contains(r.Volumes, "key:/key:ro") || r.Environment["ROLEGATE_KEY_FILE"] != "/key/master.key" {
		t.Errorf("a replica looks for the key at %s in %v", r.Environment["ROLEGATE_KEY_FILE"], r.Volumes)
	}
	// The proxy asks the replicas where they listen.
	caddyfile := readDoc(t, "docs/replicas/Caddyfile")
	for _, want := range []string{"rolegate-1:8080 rolegate-2:8080 rolegate-3:8080", "health_port {$READY_PORT:8081}", "{$LISTEN::8080}"} {
		if !strings.Contains(caddyfile, want) {
			t.Errorf("the Caddyfile has no %q", want)
		}
	}
	if proxy := c.Services["proxy"]; !slices.Contains(proxy.Volumes, "./docs/replicas/Caddyfile:/etc/caddy/Caddyfile:ro") || !slices.Contains(proxy.Ports, "127.0.0.1:8080:8080") {
		t.Errorf("the proxy: %+v", proxy)
	}
	if listen := c.Services["rolegate-1"].Environment["ROLEGATE_ADMIN_LISTEN"]; listen != "0.0.0.0:8081" {
		t.Errorf("a replica's readiness is at %s", listen)
	}
}

// nginx takes the configuration for it.
func TestNginxConfiguration(t *testing.T) {
	program(t, "nginx")
	conf, err := filepath.Abs("../../docs/replicas/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	main := "events {}\npid " + dir + "/pid;\nerror_log stderr;\nhttp { access_log off; include " + conf + "; }\n"
	if out, err := exec.Command("nginx", "-t", "-c", write(t, filepath.Join(dir, "nginx.conf"), main)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
