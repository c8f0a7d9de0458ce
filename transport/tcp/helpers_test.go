package tcp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/transport/tcp"
)

// listen opens a listener on a port of its own.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

// start returns a transport that ends with the test, and whom it is reached by.
func start(t testing.TB, o tcp.Options) (*tcp.Transport, transport.Endpoint) {
	t.Helper()
	x, err := tcp.New(listen(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x, transport.Endpoint{ID: o.ID, Addr: x.Addr()}
}

// connect dials and accepts.
func connect(t testing.TB, from, at transport.Transport, to transport.Endpoint) (dialed, accepted transport.Conn) {
	t.Helper()
	var err error
	dialed, err = from.Dial(context.Background(), to)
	require.NoError(t, err)
	accepted, err = at.Accept(context.Background())
	require.NoError(t, err)
	return dialed, accepted
}

// authority makes the certificates of replicas.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ensemble"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, key := a.sign(template)
	a.key = key
	var err error
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.pool.AddCert(a.cert)
	return a
}

// sign signs with the authority's key, or, before there is one, with its own.
func (a *authority) sign(template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(a.t, err)
	return der, key
}

func replicaName(id uint64) string { return fmt.Sprintf("replica-%d.ensemble", id) }

// config returns the mutual TLS configuration of a replica.
func (a *authority) config(id uint64) *tls.Config {
	der, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(int64(id) + 100), Subject: pkix.Name{CommonName: replicaName(id)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{replicaName(id)}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      a.pool, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS13,
	}
}

// journal collects log lines.
type journal struct {
	mu    sync.Mutex
	lines bytes.Buffer
	news  chan struct{}
}

func newJournal() *journal { return &journal{news: make(chan struct{}, 1)} }

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case j.news <- struct{}{}:
	default:
	}
	return j.lines.Write(b)
}

// wait returns the journal once it contains something.
func (j *journal) wait(t testing.TB, want string) string {
	t.Helper()
	return j.waitTimes(t, 1, want)
}

// waitTimes returns the journal once it contains something a number of times.
func (j *journal) waitTimes(t testing.TB, times int, want string) string {
	t.Helper()
	for {
		j.mu.Lock()
		all := j.lines.String()
		j.mu.Unlock()
		if strings.Count(all, want) >= times {
			return all
		}
		select {
		case <-j.news:
		case <-time.After(time.Minute):
			t.Fatalf("never logged %q, but:\n%s", want, all)
		}
	}
}
