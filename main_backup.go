// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/gateway/backup"
)

// addBackupCommands adds the commands that copy what NATS stores for a service. They are in the
// image, for a CronJob.
func addBackupCommands(root *cobra.Command) {
	var at backup.Server
	var to string
	write := &cobra.Command{
		Use:   "backup --service NAMESPACE/NAME --to FILE",
		Short: "Copy what NATS stores for a service to a file",
		Long: "Write the events, sessions and revocations that NATS stores for a service to a file, or to a pipe.\n" +
			"Gateways go on meanwhile. A file is complete once it has its name.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wellNamed(at.Service); err != nil {
				return err
			}
			return writeBackup(cmd, at, to)
		},
	}
	natsFlags(write, &at)
	write.Flags().StringVar(&to, "to", "", "file that is written; - is the standard output")
	_ = write.MarkFlagRequired("to") // there is such a flag

	var from string
	o := backup.RestoreOptions{}
	restore := &cobra.Command{
		Use:   "restore --service NAMESPACE/NAME --from FILE",
		Short: "Bring a backup back into NATS",
		Long: "Bring back what realtime backup has written. All of it is read and checked before anything is changed.\n" +
			"Gateways must not run meanwhile: scale the service to 0.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := wellNamed(at.Service); err != nil {
				return err
			}
			return restoreBackup(cmd, at, from, o)
		},
	}
	natsFlags(restore, &at)
	restore.Flags().StringVar(&from, "from", "", "file that is read; - is the standard input, which is kept in a temporary file meanwhile")
	_ = restore.MarkFlagRequired("from") // there is such a flag
	restore.Flags().BoolVar(&o.Replace, "replace", false, "delete what NATS stores for the service already")
	restore.Flags().IntVar(&o.Replicas, "replicas", 0, "number of NATS servers that store it (default: as in the backup)")
	root.AddCommand(write, restore)
}

func natsFlags(cmd *cobra.Command, at *backup.Server) {
	f := cmd.Flags()
	f.StringVar(&at.Service, "service", "", "the service, NAMESPACE/NAME")
	_ = cmd.MarkFlagRequired("service") // there is such a flag
	f.StringSliceVar(&at.URLs, "nats-url", nil, "NATS servers (default: those that the operator runs for the service, tls://NAME-nats.NAMESPACE.svc:4222)")
	f.StringVar(&at.CredentialsDir, "nats-credentials-dir", "", "folder with user.creds, or token, or username and password; and ca.crt, tls.crt, tls.key")
	at.Log = logger(false)
}

func wellNamed(service string) error {
	if namespace, name, found := strings.Cut(service, "/"); !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("--service: want NAMESPACE/NAME, and not %q", service)
	}
	return nil
}

// writeBackup writes to a file with another name first, so that none with the right one is cut
// short.
func writeBackup(cmd *cobra.Command, at backup.Server, to string) (err error) {
	out := cmd.OutOrStdout()
	var file *os.File
	if to != "-" {
		if file, err = os.OpenFile(to+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		out = file
		defer func() {
			if err != nil {
				file.Close()
				_ = os.Remove(file.Name()) // what is left has a name that says so
			}
		}()
	}
	summary, err := at.Write(cmd.Context(), out)
	if err != nil {
		return err
	}
	if file != nil {
		if err := errors.Join(file.Sync(), file.Close(), os.Rename(file.Name(), to)); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	return tell(cmd, "backed up", summary)
}

func restoreBackup(cmd *cobra.Command, at backup.Server, from string, o backup.RestoreOptions) error {
	file, err := openBackup(cmd.InOrStdin(), from)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer file.Close()
	summary, err := at.Restore(cmd.Context(), file, o)
	if err != nil {
		return err
	}
	return tell(cmd, "restored", summary)
}

// openBackup opens a file. The standard input is copied to one, without a name: a backup is read
// twice.
func openBackup(input io.Reader, from string) (*os.File, error) {
	if from != "-" {
		return os.Open(from)
	}
	file, err := os.CreateTemp("", "realtime-restore-")
	if err != nil {
		return nil, err
	}
	err = os.Remove(file.Name())
	if err == nil {
		_, err = io.Copy(file, input)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// tell says what was done where it does not get into a backup.
func tell(cmd *cobra.Command, what string, summary backup.Summary) error {
	for _, s := range summary.Streams {
		if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s stream %s of service %s: %d messages, %d bytes\n", what, s.Name, summary.Service, s.Messages, s.Bytes); err != nil {
			return fmt.Errorf("say so: %w", err)
		}
	}
	return nil
}
