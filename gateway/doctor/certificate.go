// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// soon is how long before its end a certificate should have been renewed.
const soon = 14 * 24 * time.Hour

// examineCertificate examines what a client must trust. Without TLS there is nothing to find but
// that.
func examineCertificate(ctx context.Context, p *patient) []Finding {
	if p.url.Scheme == "http" {
		return []Finding{note(nil, "there is no TLS: everybody on the way can read tokens and messages, and pages with https cannot connect")}
	}
	ctx, cancel := within(ctx)
	defer cancel()
	config := p.tls.Clone()
	config.ServerName = p.url.Hostname()
	connection, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", p.dialed())
	if err != nil {
		p.hopeless = true
		return []Finding{failed(certificateAdvice(err), "%v", err)}
	}
	defer func() { _ = connection.Close() }() // nothing was sent
	leaf := connection.(*tls.Conn).ConnectionState().PeerCertificates[0]
	left := time.Until(leaf.NotAfter)
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	if left < soon {
		return []Finding{note([]string{"see why it has not been renewed"}, "the certificate ends on %s, in %d days", until, int(left.Hours()/24))}
	}
	return []Finding{ok("valid until %s", until)}
}

func certificateAdvice(err error) []string {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return []string{"send the intermediate certificates, too; for an authority of your own: --ca-file"}
	case errors.As(err, &hostname):
		return []string{"the certificate must have the URL's host name"}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return []string{"renew the certificate, and set this machine's clock"}
	}
	return nil
}
