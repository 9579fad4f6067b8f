// SPDX-License-Identifier: Apache-2.0

// Command realtime is all of realtime-operator: the operator, the gateway that it runs in pods, and
// a service on a laptop.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
	"github.com/realtime-operator/realtime-operator/gateway"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := commandOf(os.Args[0]).ExecuteContext(ctx); err != nil {
		os.Exit(exit(os.Stderr, err))
	}
}

// exit prints an error and returns the exit code of the program. An error with the exit code 1 of
// its own is an outcome that was printed, such as that of tests.
func exit(w io.Writer, err error) int {
	var coded interface{ ExitCode() int }
	if !errors.As(err, &coded) {
		_, _ = fmt.Fprintln(w, "Error:", err) // or there is nobody to tell
		return 1
	}
	if coded.ExitCode() != 1 {
		_, _ = fmt.Fprintln(w, "Error:", err) // or there is nobody to tell
	}
	return coded.ExitCode()
}

// commandOf returns the command that the program is by its name: kubectl-rts is the plugin of
// kubectl, and `realtime rts` is the same.
func commandOf(program string) *cobra.Command {
	if strings.TrimSuffix(filepath.Base(program), ".exe") == "kubectl-rts" {
		return rtsCommand()
	}
	return command()
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "realtime",
		Short:         "Socket.IO services on Kubernetes, and on your laptop",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(gatewayCommand(), adminCommand(), operatorCommand(), rtsCommand())
	addBackupCommands(root)
	addDevCommands(root)
	return root
}

// logger logs in JSON for machines, and errors in plain text for people on a terminal.
func logger(json bool) *slog.Logger {
	if json {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func gatewayCommand() *cobra.Command {
	o := gateway.RunOptions{}
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Serve clients in a gateway pod",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = logger(true)
			gateway.TuneMemory(os.DirFS("/sys/fs/cgroup"), o.Log)
			return gateway.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ConfigFile, "config", "/etc/realtime/config/service.yaml", "file with the RealtimeService; read again whenever it changes")
	f.StringVar(&o.Name, "name", hostname(), "name of this gateway, for logs")
	f.StringVar(&o.Revision, "revision", "", "of what this gateway is made; clients are kept while all of a revision are being replaced (default: none)")
	f.StringSliceVar(&o.NATSURLs, "nats-url", []string{"nats://127.0.0.1:4222"}, "NATS servers that connect the gateways")
	f.StringVar(&o.NATSCredentialsDir, "nats-credentials-dir", "", "folder with user.creds, or token, or username and password; and ca.crt, tls.crt, tls.key")
	f.StringVar(&o.Listen, "listen", ":3000", "address for clients")
	f.StringVar(&o.APIListen, "api-listen", ":8080", "address for programs that publish")
	f.StringVar(&o.APITokenFile, "api-token-file", "", "file with the tokens of such programs, one a line; read again whenever it changes (default: none, and nobody is served)")
	f.StringVar(&o.AuthenticationDir, "authentication-dir", "", "folder with a folder for each Secret of spec.authentication, and in _configmaps one for each ConfigMap; read again whenever they change (default: there are none)")
	f.StringVar(&o.AdminSocket, "admin-socket", gatewayadmin.Socket, "Unix socket for kubectl rts, which takes only processes of this container and user; one that begins with @ is no file (empty: none)")
	f.StringVar(&o.OpsListen, "ops-listen", ":9090", "address for /healthz, /readyz, /metrics and /status")
	f.StringVar(&o.PeerDir, "peer-dir", "", "folder with what gateways show to each other: ca.crt, tls.crt, tls.key, session.keys (default: they do not forward to each other)")
	f.StringVar(&o.PeerListen, "peer-listen", ":7443", "address for other gateways, if there is a -peer-dir")
	f.StringVar(&o.PeerAddress, "peer-address", "", "IP address by which other gateways reach this one")
	f.StringVar(&o.WebTransportListen, "webtransport-listen", "", "UDP address for clients that use WebTransport (default: none)")
	f.StringVar(&o.WebTransportCertificateDir, "webtransport-certificate-dir", "", "folder with tls.crt and tls.key for WebTransport; read again whenever they change")
	f.StringVar(&o.ClientDir, "client-dir", "", "folder with the bundles of npm's socket.io-client (default: the public CDN's)")
	f.DurationVar(&o.Drain, "drain", 20*time.Second, "time over which connections are closed on SIGTERM, unless the service names a rate")
	f.DurationVar(&o.DrainLimit, "drain-limit", 20*time.Second, "most that closing them at the service's rate may take; the rate is raised to that")
	return cmd
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "gateway"
	}
	return name
}
