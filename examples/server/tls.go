package main

import (
	"bytes"
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
