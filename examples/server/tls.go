package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zabtree/zabtree/internal/zoocfg"
)

// sslPrefix is of the properties about TLS for clients.
const sslPrefix = "zookeeper.ssl."

// clientTLS is what ZooKeeper's properties ssl.keyStore.* and ssl.trustStore.* say of a
// member's secure client port. Only stores of type PEM are read. As in Apache a client
// must have a certificate that is trusted, unless ssl.clientAuth is want or none.
func clientTLS(cfg *zoocfg.Config) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := tlsVersions(cfg, c); err != nil {
		return nil, err
	}
	text, err := pemStore(cfg, "keyStore")
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(text, text) // the key and the chain are in one file
	if err != nil {
		return nil, fmt.Errorf("%skeyStore.location: %w", sslPrefix, err)
	}
	c.Certificates = []tls.Certificate{pair}
	switch auth := strings.ToLower(cfg.Properties[sslPrefix+"clientAuth"]); auth {
	case "", "need":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case "want":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case "none":
		return c, nil
	default:
		return nil, fmt.Errorf("%sclientAuth: %q is not need, want or none", sslPrefix, auth)
	}
	if text, err = pemStore(cfg, "trustStore"); err != nil {
		return nil, err
	}
	if c.ClientCAs = x509.NewCertPool(); !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%strustStore.location: there is no certificate in it", sslPrefix)
	}
	return c, nil
}

// tlsVersions takes the versions that are allowed: nothing below 1.2 is.
func tlsVersions(cfg *zoocfg.Config, c *tls.Config) error {
	if suites := cfg.Properties[sslPrefix+"ciphersuites"]; suites != "" {
		return fmt.Errorf("%sciphersuites: they cannot be chosen", sslPrefix)
	}
	enabled := cfg.Properties[sslPrefix+"enabledProtocols"]
	if enabled == "" {
		enabled = cmp.Or(cfg.Properties[sslPrefix+"protocol"], "TLSv1.2,TLSv1.3")
	}
	versions := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	c.MinVersion, c.MaxVersion = tls.VersionTLS13+1, 0
	for name := range strings.SplitSeq(enabled, ",") {
		if v, ok := versions[strings.TrimSpace(name)]; ok {
			c.MinVersion, c.MaxVersion = min(c.MinVersion, v), max(c.MaxVersion, v)
		}
	}
	if c.MaxVersion == 0 {
		return fmt.Errorf("%senabledProtocols: neither TLSv1.2 nor TLSv1.3 is in %q", sslPrefix, enabled)
	}
	return nil
}

// pemStore reads the file of a store.
func pemStore(cfg *zoocfg.Config, name string) ([]byte, error) {
	property := func(what string) string { return cfg.Properties[sslPrefix+name+"."+what] }
	path, kind := property("location"), property("type")
	switch {
	case path == "":
		return nil, fmt.Errorf("secureClientPort: %s%s.location is not set", sslPrefix, name)
	case !strings.EqualFold(kind, "PEM") && (kind != "" || !strings.EqualFold(filepath.Ext(path), ".pem")):
		return nil, fmt.Errorf("%s%s: only stores of type PEM are read", sslPrefix, name)
	}
	text, err := os.ReadFile(path)
	if err == nil && bytes.Contains(text, []byte("ENCRYPTED")) {
		return nil, fmt.Errorf("%s%s.location: a key that is encrypted is not read", sslPrefix, name)
	}
	return text, err
}
