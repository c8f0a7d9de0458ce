// Package clients runs clients that others wrote against Zabtree's client port, and
// where it says something against Apache ZooKeeper as well: what comes of it must be the
// same. There is nothing but tests.
//
//   - programs_test.go: programs of ours in testdata go through the API and the recipes
//     of kazoo, of ZooKeeper's Java client and Curator, of the C client and of npm's
//     node-zookeeper-client. Each prints a line for each check, and those are compared.
//   - suites_test.go: the tests that kazoo and go-zookeeper have of their own, which
//     start servers themselves; -apache runs them against Apache's too.
//   - killed_test.go: all of these clients at work while members are killed with
//     SIGKILL; facts_test.go checks that nothing was lost or done twice. Before a
//     release: go test -run TestKilledMembers -killed 10m -every 10s -timeout 20m
//   - clients_test.go: zkCli, Apache's command line; gozk_test.go: go-zookeeper.
//   - readonly_test.go, reconfig_test.go: what clients hear of a member that was left
//     alone, and of changes of the membership, in the words of zkwire and by zkCli.
//
// languages_test.go says how programs in other languages are built and run.
package clients
