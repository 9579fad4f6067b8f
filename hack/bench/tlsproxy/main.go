// SPDX-License-Identifier: Apache-2.0

// Command tlsproxy ends TLS in front of a server on this machine, as a load balancer or an Ingress
// does in front of gateways, with a certificate that it makes itself:
//
//	tlsproxy 127.0.0.1:3000
//
// It says on which port it listens.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "tlsproxy: what follows is the address of a server on this machine, as 127.0.0.1:3000")
		os.Exit(1)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "tlsproxy:", err)
		os.Exit(1)
	}
}

func run(server string) error {
	certificate, err := newCertificate()
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Println("listening on", l.Addr().(*net.TCPAddr).Port)
	return serve(l, server)
}

// serve takes connections until the listener is closed, which is its error.
func serve(l net.Listener, server string) error {
	for {
		client, err := l.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go forward(client, server)
	}
}

// forward carries bytes both ways until one side ends.
func forward(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tlsproxy:", err)
		return
	}
	go func() {
		defer server.Close()
		_, _ = io.Copy(server, client) // an end is an end, whatever the reason
	}()
	_, _ = io.Copy(client, server) // the same
}

func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}, nil
}
