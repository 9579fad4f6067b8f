//go:build proxies

// SPDX-License-Identifier: Apache-2.0

// Package proxies runs gateways behind real proxies: those of Debian's packages. `make
// test-proxies` runs it.
//
// testdata has two configurations for each: one with nothing but where the gateways are, and one
// with what they need, as docs/how-to/expose.md says.
package proxies

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/dev"
)

// patience bounds the wait for a process.
const patience = 30 * time.Second

// gateways is how many gateways there are behind each proxy.
const gateways = 3

// startService runs a service and returns the ports of its gateways.
func startService(t *testing.T, manifest string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "service.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := &transcript{}
	done := make(chan error, 1)
	go func() {
		done <- dev.Run(ctx, dev.Options{Manifest: file, Gateways: gateways, Out: out, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the service ends with %v", err)
		}
	})
	var ports []string
	eventually(t, "the gateways listen", func() bool {
		ports = nil
		for _, match := range regexp.MustCompile(`gateway \d+ +http://localhost:(\d+)/`).FindAllStringSubmatch(out.String(), -1) {
			ports = append(ports, match[1])
		}
		return len(ports) == gateways
	})
	return ports
}

// transcript is what a process has said. Safe for concurrent use.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// proxy is a kind of proxy.
type proxy struct {
	name string
	// program is that of Debian's package, and arguments are what runs it in the foreground, with
	// {{.File}}, {{.Dir}} and {{.Port}} filled in.
	program   string
	arguments []string
}

var proxies = []proxy{
	{"nginx", "/usr/sbin/nginx", []string{"-p", "{{.Dir}}", "-c", "{{.File}}", "-e", "{{.Dir}}/error.log"}},
	{"haproxy", "/usr/sbin/haproxy", []string{"-db", "-f", "{{.File}}"}},
	{"apache", "/usr/sbin/apache2", []string{"-DFOREGROUND", "-d", "{{.Dir}}", "-f", "{{.File}}"}},
	{"lighttpd", "/usr/sbin/lighttpd", []string{"-D", "-f", "{{.File}}"}},
	{"caddy", "/usr/bin/caddy", []string{"run", "--adapter", "caddyfile", "--config", "{{.File}}"}},
	{"h2o", "/usr/bin/h2o", []string{"-c", "{{.File}}"}},
	{"squid", "/usr/sbin/squid", []string{"--foreground", "-f", "{{.File}}"}},
	{"varnish", "/usr/sbin/varnishd", []string{"-F", "-j", "none", "-n", "{{.Dir}}/work", "-a", "127.0.0.1:{{.Port}}", "-f", "{{.File}}", "{{.Flags}}"}},
}

// place is what the templates of configurations and arguments are filled with.
type place struct {
	Dir, File, Port string
	// Gateways are the ports of the gateways.
	Gateways []string
	// User is the one who runs the tests.
	User string
	// Flags are further arguments, one or none.
	Flags string
}

// start runs the proxy with one of its configurations in testdata, and returns its URL.
func (p proxy) start(t *testing.T, configuration string, gateways []string) string {
	t.Helper()
	if _, err := os.Stat(p.program); err != nil {
		t.Fatalf("%v: apt-get install nginx-light haproxy apache2 lighttpd caddy h2o squid varnish", err)
	}
	dir := t.TempDir()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	at := place{Dir: dir, File: filepath.Join(dir, "proxy.conf"), Port: freePort(t), Gateways: gateways, User: me.Username}
	if p.name == "varnish" && strings.HasPrefix(configuration, "bare") {
		at.Flags = "-p pipe_timeout=2 -p first_byte_timeout=2"
	}
	text, err := os.ReadFile(filepath.Join("testdata", p.name+"-"+configuration+".conf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at.File, []byte(fill(t, string(text), at)), 0o600); err != nil {
		t.Fatal(err)
	}
	var arguments []string
	for _, argument := range p.arguments {
		arguments = append(arguments, strings.Fields(fill(t, argument, at))...)
	}
	p.run(t, arguments, at.Port)
	return "http://127.0.0.1:" + at.Port
}

func (p proxy) run(t *testing.T, arguments []string, port string) {
	t.Helper()
	out := &transcript{}
	process := exec.Command(p.program, arguments...)
	process.Stdout, process.Stderr = out, out
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = process.Wait() // it is told to end
		close(ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-process.Process.Pid, syscall.SIGTERM) // or it has ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, out)
		}
	})
	eventually(t, p.name+" listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("%s has ended:\n%s", p.name, out)
		default:
		}
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
}

func fill(t *testing.T, text string, at place) string {
	t.Helper()
	var filled bytes.Buffer
	if err := template.Must(template.New("").Parse(text)).Execute(&filled, at); err != nil {
		t.Fatal(err)
	}
	return filled.String()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // the port is all
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}
