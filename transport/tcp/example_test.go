package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/transport/tcp"
)

// Two replicas on this machine. The listeners are opened first, so that the
// addresses are known before any replica starts.
func ExampleNew() {
	var all [2]*tcp.Transport
	for i := range all {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		all[i], err = tcp.New(listener, tcp.Options{ID: uint64(i + 1)})
		if err != nil {
			log.Fatal(err)
		}
		defer all[i].Close()
	}

	ctx := context.Background()
	dialed, err := all[0].Dial(ctx, transport.Endpoint{ID: 2, Addr: all[1].Addr()})
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := all[1].Accept(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := dialed.Send([]byte("hello"), []byte("again")); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		frame, err := accepted.Recv()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s from replica %d\n", frame, accepted.Peer())
	}
	// Output:
	// hello from replica 1
	// again from replica 1
}

// Mutual TLS in which the certificate of replica 3 is made out to
// replica-3.db.example, and speaks for no other.
func ExampleOptions_verifyPeer() {
	config := &tls.Config{
		// Certificates, RootCAs and ClientCAs of the ensemble, and:
		ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS13,
	}
	options := tcp.Options{
		ID:  1,
		TLS: config,
		VerifyPeer: func(id uint64, cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("no certificate")
			}
			return cs.PeerCertificates[0].VerifyHostname(fmt.Sprintf("replica-%d.db.example", id))
		},
	}
	fmt.Println(options.Validate())
	// Output: <nil>
}
