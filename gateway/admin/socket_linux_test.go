// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// asker makes a process of this test one that asks the gateway at an address.
const asker = "REALTIME_TEST_ASKS"

func TestMain(m *testing.M) {
	if address := os.Getenv(asker); address != "" {
		if err := Ask(context.Background(), address, http.MethodGet, "/", nil, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestOnlyThisUserInThisContainerIsAdmitted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("processes of other users and containers are started by root alone")
	}
	log := &lines{}
	address := "@realtime-test-" + rand.Text()
	l, err := Listen(address, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	defer func() {
		server.Close()
		<-ended
	}()
	// A program that the other user may read, and run.
	program := "/tmp/realtime-test-" + rand.Text()
	data, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(program, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(program)
	for name, c := range map[string]struct {
		attributes *syscall.SysProcAttr
		answer     string
		logged     string
	}{
		"a process of the gateway's": {&syscall.SysProcAttr{}, "hello", ""},
		"another user":               {&syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65533, Gid: 65533}}, "", "it is of the user 65533, not 0"},
	} {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env, cmd.SysProcAttr, cmd.Dir = []string{asker + "=" + address}, c.attributes, "/"
		out, err := cmd.Output()
		if string(out) != c.answer || (err == nil) != (c.answer != "") || !strings.Contains(log.String(), c.logged) {
			t.Errorf("%s: got %q, %v; the log is %s", name, out, err, log)
		}
	}
}
