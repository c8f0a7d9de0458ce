"""Goes through kazoo's API and prints what comes of each call.

    api.py HOST:PORT
"""

import os
import subprocess
import sys

from kazoo.client import KazooState
from kazoo.exceptions import RolledBackError
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, make_acl, make_digest_acl

from checks import ADDR, WAIT, Events, check, connect


def nodes(zk):
    check("create", zk.create, "/api", b"one")
    check("create again", zk.create, "/api", b"one")
    check("create without a parent", zk.create, "/none/x")
    check("create with parents", zk.create, "/api/p/q/r", b"deep", makepath=True)
    check("create with its stat", zk.create, "/api/stat", b"x", include_data=True)
    check("create ephemeral", zk.create, "/api/e", b"", ephemeral=True)
    check("create below an ephemeral", zk.create, "/api/e/x")
    check("create sequential", zk.create, "/api/s-", sequence=True)
    check("create sequential and ephemeral", zk.create, "/api/s-", ephemeral=True, sequence=True)
    check("create without a name", zk.create, "/api/p/", sequence=True)
    for path in "/api/\u00fc\u6587", "/api/\u0001", "/api/\U0001f600", "/api/..", "api":
        check("create %r" % path, zk.create, path)
    check("ensure a path", zk.ensure_path, "/api/a/b/c")
    check("ensure it again", zk.ensure_path, "/api/a/b/c")
    check("exists", zk.exists, "/api")
    check("exists not", zk.exists, "/none")
    check("get", zk.get, "/api")
    check("get an ephemeral", zk.get, "/api/e")
    check("get what is not there", zk.get, "/none")
    check("children", lambda: sorted(zk.get_children("/api")))
    check("children of none", zk.get_children, "/api/stat")
    check("children of what is not there", zk.get_children, "/none")
    check("children and stat", lambda: zk.get_children("/api/a", include_data=True))
    check("children of the root", lambda: sorted(zk.get_children("/")))
    check("set", zk.set, "/api", b"two")
    check("set at a version", zk.set, "/api", b"three", version=1)
    check("set at a wrong version", zk.set, "/api", b"four", version=1)
    check("set what is not there", zk.set, "/none", b"")
    check("get what was set", zk.get, "/api")
    check("delete with children", zk.delete, "/api")
    check("delete at a wrong version", zk.delete, "/api/stat", version=7)
    check("delete at a version", zk.delete, "/api/stat", version=0)
    check("delete what is not there", zk.delete, "/api/stat")
    check("delete all below", zk.delete, "/api/p", recursive=True)
    check("sync", zk.sync, "/api")
    check("sync what is not there", zk.sync, "/none")
    check("a megabyte less a bit", lambda: zk.create("/api/big", b"x" * ((1 << 20) - 1000)) and len(zk.get("/api/big")[0]))
    check("more than a megabyte", zk.set, "/api/big", b"x" * (1 << 20))
    zk.retry(zk.sync, "/api")  # that was one connection
    check("the root", lambda: zk.get("/")[0])
    check("create the root", zk.create, "/")
    check("delete the root", zk.delete, "/")
    check("delete a reserved znode", zk.delete, "/zookeeper/quota")
    check("create a reserved znode", zk.create, "/zookeeper/mine")


def transactions(zk):
    check("t, parent", zk.create, "/t", b"0")

    def commit(fill):
        t = zk.transaction()
        fill(t)
        return t.commit()

    def whole(t):
        t.create("/t/a", b"x")
        t.set_data("/t", b"1", version=0)
        t.check("/t", 1)
        t.create("/t/a/s-", sequence=True)
        t.create("/t/e", ephemeral=True)
        t.delete("/t/e")

    def broken(t):
        t.create("/t/b")
        t.check("/t", 9)
        t.create("/t/c")

    check("t, whole", commit, whole)
    check("t, broken", commit, broken)
    check("t, nothing of it is there", lambda: sorted(zk.get_children("/t")))
    check("t, error of the first is rolled back", lambda: isinstance(commit(broken)[0], RolledBackError))
    check("t, empty", commit, lambda t: None)
    check("t, one that is there", commit, lambda t: t.create("/t"))
    check("t, data after it", zk.get, "/t")
    check("t, delete with children", commit, lambda t: t.delete("/t"))
    check("t, no parent", commit, lambda t: t.create("/none/x"))
    check("t, check what is not there", commit, lambda t: t.check("/none", 0))

    def context():
        with zk.transaction() as t:
            t.create("/t/with")
        return zk.exists("/t/with") is not None
    check("t, as a context", context)


def acls(zk):
    mine = make_digest_acl("u", "p", all=True)
    stranger = connect()
    check("acl, of the open", zk.create, "/acl", b"", acl=OPEN_ACL_UNSAFE)
    check("acl, get", zk.get_acls, "/acl")
    check("acl, of what is not there", zk.get_acls, "/none")
    check("acl, mine, not authenticated", zk.create, "/acl/mine", b"m", acl=CREATOR_ALL_ACL)
    check("acl, digest", zk.create, "/acl/mine", b"m", acl=[mine])
    check("acl, may not read", zk.get, "/acl/mine")
    check("acl, may not list", zk.get_children, "/acl/mine")
    check("acl, may not write", zk.set, "/acl/mine", b"")
    check("acl, may not create", zk.create, "/acl/mine/x")
    check("acl, may not set", zk.set_acls, "/acl/mine", OPEN_ACL_UNSAFE)
    check("acl, may not see", zk.get_acls, "/acl/mine")
    check("acl, sees that it is there", zk.exists, "/acl/mine")
    check("acl, authenticate", zk.add_auth, "digest", "u:p")
    check("acl, may read", zk.get, "/acl/mine")
    check("acl, may see", zk.get_acls, "/acl/mine")
    check("acl, may create", zk.create, "/acl/mine/x", b"", acl=CREATOR_ALL_ACL)
    check("acl, creator's", zk.get_acls, "/acl/mine/x")
    check("acl, stranger", stranger.get, "/acl/mine/x")
    check("acl, set", zk.set_acls, "/acl/mine", [mine] + READ_ACL_UNSAFE, version=0)
    check("acl, set at a wrong version", zk.set_acls, "/acl/mine", OPEN_ACL_UNSAFE, version=0)
    check("acl, what was set", zk.get_acls, "/acl/mine")
    check("acl, stranger may read now", stranger.get, "/acl/mine")
    check("acl, stranger may not delete", stranger.delete, "/acl/mine/x")
    check("acl, stranger sees, without the secret", stranger.get_acls, "/acl/mine")
    check("acl, by address", zk.create, "/acl/ip", b"", acl=[make_acl("ip", "127.0.0.0/8", read=True)])
    check("acl, address may read", stranger.get, "/acl/ip")
    check("acl, address may not write", stranger.set, "/acl/ip", b"")
    check("acl, no such scheme", zk.create, "/acl/no", acl=[make_acl("none", "x", all=True)])
    check("acl, a malformed id", zk.create, "/acl/no", acl=[make_acl("ip", "nowhere", all=True)])
    check("acl, none in a transaction", transaction_of_stranger, stranger)
    check("acl, authenticate by an unknown scheme", stranger.add_auth, "none", "x:y")
    stranger.stop()
    auth = connect(auth_data=[("digest", "u:p")], default_acl=CREATOR_ALL_ACL)
    check("acl, default", lambda: auth.create("/acl/default") and auth.get_acls("/acl/default"))
    auth.stop()


def transaction_of_stranger(stranger):
    t = stranger.transaction()
    t.set_data("/acl", b"by a stranger")
    t.delete("/acl/mine/x")
    return t.commit()


def watches(zk):
    events = Events()
    check("w, exists", zk.exists, "/w", watch=events)
    check("w, get what is not there", zk.get, "/w", watch=events)
    zk.create("/w")
    check("w, created", events.next)
    zk.get("/w", watch=events)
    zk.set("/w", b"x")
    check("w, changed", events.next)
    zk.get_children("/w", watch=events)
    zk.create("/w/a")
    check("w, child created", events.next)
    zk.get_children("/w", watch=events)
    zk.set("/w/a", b"is no change of its parent")
    zk.delete("/w/a")
    check("w, child deleted", events.next)
    zk.exists("/w", watch=events)
    zk.set_acls("/w", OPEN_ACL_UNSAFE)  # is no event
    zk.delete("/w")
    check("w, deleted", events.next)
    zk.create("/w")
    check("w, once only", events.empty)
    both = Events()
    zk.get("/w", watch=both)
    zk.get_children("/w", watch=both)
    zk.delete("/w")
    check("w, data and children of what is deleted", lambda: {both.next().type, both.next().type})
    other = connect()
    other.exists("/w", watch=events)
    zk.create("/w", ephemeral=True)
    check("w, other's", events.next)
    other.stop()


def futures(zk):
    calls = [zk.create_async("/f", b"0")] + [zk.set_async("/f", b"%d" % i) for i in range(50)]
    calls += [zk.get_async("/f"), zk.get_children_async("/f"), zk.exists_async("/f"), zk.delete_async("/f"), zk.get_async("/f")]
    for call in calls:
        call.wait(WAIT)
    check("f, in order", lambda: [s.get().version for s in calls[1:51]] == list(range(1, 51)))
    check("f, read behind writes", calls[51].get)
    check("f, children", calls[52].get)
    check("f, exists", calls[53].get)
    check("f, delete", calls[54].get)
    check("f, gone", calls[55].get)
    linked = Events()
    zk.exists_async("/").rawlink(lambda call: linked(call.successful()))
    check("f, linked", linked.next)


def sessions(zk):
    states = Events()
    a = connect(connection_retry={"max_tries": -1, "delay": 1})  # so that it is slow to take its session back
    a.add_listener(states)
    a.create("/session", ephemeral=True)
    check("s, an ephemeral's owner", lambda: zk.get("/session")[1].owner_session_id == a.client_id[0])
    check("s, wrong password gives another session", wrong_password, a)
    check("s, survives that", lambda: a.retry(a.exists, "/session") is not None)
    gone, first = Events(), a.client_id
    zk.exists("/session", watch=gone)
    b = connect(client_id=a.client_id)  # takes the session over
    b.stop()  # and ends it
    check("s, taken over and closed", lambda: states.until(KazooState.LOST)[-1])
    check("s, its ephemeral is gone", lambda: gone.next().type)
    check("s, goes on with another session", lambda: a.retry(a.exists, "/") is not None and a.client_id != first)
    a.stop()
    check("s, stopped", a.create, "/session")
    a.restart()
    check("s, restarted", lambda: a.create("/session", ephemeral=True))
    zk.exists("/session", watch=gone)
    a.stop()
    check("s, closing deletes ephemerals", lambda: gone.next().type)
    subprocess.run([sys.executable, "-B", __file__, ADDR, "die"], check=True)
    zk.exists("/session", watch=gone)
    check("s, death deletes ephemerals", lambda: gone.next().type)
    zk.ensure_path("/chroot/of/mine")
    root = connect("/chroot/of/mine")
    check("s, chroot", lambda: root.ensure_path("/x") and root.get_children("/"))
    check("s, chroot from outside", zk.get_children, "/chroot/of/mine")
    root.stop()
    reader = connect(read_only=True)
    check("s, who would read only may write as well", reader.create, "/reader")
    reader.stop()


def wrong_password(a):
    wanted = a.client_id[0]
    b = connect(client_id=(wanted, b"\0" * 16))
    other = b.client_id[0] != wanted
    b.stop()
    return other


def die():
    """Leaves an ephemeral behind, and a session that nobody closes."""
    zk = connect(timeout=1)
    zk.create("/session", ephemeral=True)
    os._exit(0)


def commands(zk):
    check("c, ruok", zk.command, b"ruok")
    check("c, version", zk.server_version)
    check("c, srvr", lambda: [line.split(":")[0] for line in zk.command(b"srvr").splitlines()])
    check("c, stat", lambda: "Clients:" in zk.command(b"stat"))
    check("c, isro", zk.command, b"isro")
    check("c, unknown", zk.command, b"what")
    check("c, conf", lambda: sorted(line.split("=")[0] for line in zk.command(b"conf").splitlines()))
    check("c, mntr", lambda: "zk_server_state\tstandalone" in zk.command(b"mntr"))
    check("c, the ensemble's members", lambda: zk.get("/zookeeper/config")[0])


def main():
    if sys.argv[2:] == ["die"]:
        return die()
    zk = connect()
    for part in nodes, transactions, acls, watches, futures, sessions, commands:
        part(zk)
    zk.stop()
    zk.close()


main()
