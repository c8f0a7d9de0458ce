package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key, _ = a.sign("ca", nil)
	return a
}

// sign makes a key and its certificate, and a file of both.
func (a *authority) sign(name string, by *authority) (*x509.Certificate, *ecdsa.PrivateKey, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: by == nil,
	}
	parent, parentKey := template, key
	if by != nil {
		parent, parentKey = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	require.NoError(a.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	file := filepath.Join(a.dir, name+".pem")
	require.NoError(a.t, os.WriteFile(file, text, 0o600))
	return cert, key, file
}

// secure writes a zoo.cfg whose secure client port has the key store, and more lines.
func (a *authority) secure(store, more string) (file, addr, port string) {
	addr = freePort(a.t)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(a.t, err)
	file = filepath.Join(a.t.TempDir(), "zoo.cfg")
	require.NoError(a.t, os.WriteFile(file, []byte("tickTime=2000\ndataDir="+a.t.TempDir()+"\nsecureClientPort="+port+
		"\nssl.keyStore.location="+store+"\nssl.trustStore.location="+filepath.Join(a.dir, "ca.pem")+"\n"+more+"\n"), 0o600))
	return file, addr, port
}

// secureWord asks over TLS, as a client that has these certificates.
func (a *authority) secureWord(addr, word string, certs ...tls.Certificate) (string, error) {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	n, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, Certificates: certs})
	if err != nil {
		return "", err
	}
	defer n.Close()
	if _, err := io.WriteString(n, word); err != nil {
		return "", err
	}
	b, err := io.ReadAll(n)
	return string(b), err
}

func TestSecureClientPort(t *testing.T) {
	a := newAuthority(t)
	_, _, store := a.sign("server", a)
	_, _, client := a.sign("client", a)
	pair, err := tls.LoadX509KeyPair(client, client)
	require.NoError(t, err)
	const words = "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n4lw.commands.whitelist=*"
	for auth, anybody := range map[string]bool{"": false, "\nssl.clientAuth=none": true} {
		file, addr, port := a.secure(store, words+auth)
		runs(t, []string{file}, func() {
			text, err := a.secureWord(addr, "conf", pair)
			require.NoError(t, err)
			require.Contains(t, text, "clientPort=-1\nsecureClientPort="+port+"\n")
			text, err = a.secureWord(addr, "ruok")
			require.Equal(t, anybody, err == nil && text == "imok", "without a certificate: %q, %v", text, err)
		})
	}
}

func TestBadStores(t *testing.T) {
	a := newAuthority(t)
	_, _, store := a.sign("server", a)
	other := filepath.Join(t.TempDir(), "other.pem")
	require.NoError(t, os.WriteFile(other, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), 0o600))
	nothing := filepath.Join(t.TempDir(), "nothing.pem")
	require.NoError(t, os.WriteFile(nothing, nil, 0o600))
	for text, want := range map[string]string{
		"":                            "ssl.keyStore.location is not set",
		"ssl.keyStore.location=a.jks": "only stores of type PEM",
		"ssl.keyStore.location=a.pem\nssl.keyStore.type=PKCS12":                   "only stores of type PEM",
		"ssl.keyStore.location=/nonexistent/a.pem":                                "no such file",
		"ssl.keyStore.location=" + other:                                          "encrypted",
		"ssl.keyStore.location=" + nothing:                                        "failed to find any PEM data",
		"ssl.keyStore.location=" + store:                                          "ssl.trustStore.location is not set",
		"ssl.keyStore.location=" + store + "\nssl.trustStore.location=" + nothing: "no certificate in it",
		"ssl.ciphersuites=A":                                                      "they cannot be chosen",
		"ssl.enabledProtocols=TLSv1.1,SSL":                                        "neither TLSv1.2 nor TLSv1.3",
		"ssl.crl=true":                                                            "ssl.crl: not supported",
		"ssl.keyStore.location=" + store + "\nssl.clientAuth=maybe":               "is not need, want or none",
	} {
		file := filepath.Join(t.TempDir(), "zoo.cfg")
		require.NoError(t, os.WriteFile(file, []byte("dataDir="+t.TempDir()+"\nsecureClientPort=2281\n"+text+"\n"), 0o600))
		_, err := plan([]string{file}, io.Discard)
		require.ErrorContains(t, err, want, text)
	}
}

// A client with a certificate has the identity of its subject, which ACLs may name, and the
// versions of TLS are those that are allowed.
func TestCertificatesAreIdentities(t *testing.T) {
	a := newAuthority(t)
	_, _, store := a.sign("server", a)
	_, _, client := a.sign("client", a)
	pair, err := tls.LoadX509KeyPair(client, client)
	require.NoError(t, err)
	file, addr, _ := a.secure(store, "ssl.enabledProtocols=TLSv1.3")
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
	runs(t, []string{file}, func() {
		old := config.Clone()
		old.MaxVersion = tls.VersionTLS12
		_, err := tls.Dial("tcp", addr, old)
		require.ErrorContains(t, err, "protocol version")

		n, err := tls.Dial("tcp", addr, config)
		require.NoError(t, err)
		defer n.Close()
		hello := jute.AppendLong(jute.AppendInt(nil, 0), 0)
		hello = jute.AppendBuffer(jute.AppendLong(jute.AppendInt(hello, 10_000), 0), make([]byte, 16))
		reply := say(t, n, hello)
		require.NotZero(t, binary.BigEndian.Uint64(reply[8:]), "a session")
		create := jute.AppendString(jute.AppendInt(jute.AppendInt(nil, 1), 1), "/mine")
		create = jute.AppendInt(jute.AppendVector(jute.AppendBuffer(create, nil), 1), 31)
		create = jute.AppendInt(jute.AppendString(jute.AppendString(create, "x509"), "CN=client"), 0)
		require.Zero(t, binary.BigEndian.Uint32(say(t, n, create)[12:]), "the error of create")
		get := jute.AppendBool(jute.AppendString(jute.AppendInt(jute.AppendInt(nil, 2), 4), "/mine"), false)
		require.Zero(t, binary.BigEndian.Uint32(say(t, n, get)[12:]), "the error of getData")
	})
}

// say sends a frame and returns the next one.
func say(t *testing.T, n net.Conn, frame []byte) []byte {
	_, err := n.Write(jute.AppendBuffer(nil, frame))
	require.NoError(t, err)
	var head [4]byte
	_, err = io.ReadFull(n, head[:])
	require.NoError(t, err)
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err = io.ReadFull(n, b)
	require.NoError(t, err)
	return b
}
