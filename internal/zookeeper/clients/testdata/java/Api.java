import static org.apache.zookeeper.ZooDefs.Ids.CREATOR_ALL_ACL;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;
import static org.apache.zookeeper.ZooDefs.Ids.READ_ACL_UNSAFE;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Transaction;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZKUtil;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.client.HostProvider;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** Goes through the API of ZooKeeper's own Java client and prints what comes of each call: Api HOST:PORT. */
public final class Api {
    private final String addr;
    private final ZooKeeper zk;

    private Api(String addr) throws Exception {
        this.addr = addr;
        zk = connect("");
    }

    /** Takes session events and those of default watches. */
    private static final class Connection extends Checks.Events<WatchedEvent> implements Watcher {
        @Override
        public void process(WatchedEvent e) {
            add(e);
        }

        void await(KeeperState state) throws Exception {
            while (next().getState() != state) {
            }
        }
    }

    private ZooKeeper connect(String chroot) throws Exception {
        Connection events = new Connection();
        ZooKeeper zk = new ZooKeeper(addr + chroot, 10_000, events);
        events.await(KeeperState.SyncConnected);
        return zk;
    }

    private static void check(String name, java.util.concurrent.Callable<?> call) {
        Checks.check(name, call);
    }

    private static void doing(String name, Checks.Action action) {
        Checks.check(name, action);
    }

    private String create(String path, String data, CreateMode mode) throws Exception {
        return zk.create(path, Checks.bytes(data), OPEN_ACL_UNSAFE, mode);
    }

    private List<Object> createStat(String path, CreateMode mode, long ttl) throws Exception {
        Stat stat = new Stat();
        return Arrays.asList(zk.create(path, null, OPEN_ACL_UNSAFE, mode, stat, ttl), stat);
    }

    private List<Object> get(ZooKeeper zk, String path) throws Exception {
        Stat stat = new Stat();
        return Arrays.asList(zk.getData(path, false, stat), stat);
    }

    private void nodes() throws Exception {
        check("create", () -> create("/api", "one", CreateMode.PERSISTENT));
        check("create again", () -> create("/api", "one", CreateMode.PERSISTENT));
        check("create without a parent", () -> create("/none/x", "", CreateMode.PERSISTENT));
        for (CreateMode mode : CreateMode.values()) {
            long ttl = mode.isTTL() ? 60_000 : -1;
            check("create " + mode, () -> createStat("/api/m-" + mode, mode, ttl));
            check("get " + mode, () -> get(zk, "/api/m-" + mode));
        }
        check("create with a ttl that is too long", () -> createStat("/api/t", CreateMode.PERSISTENT_WITH_TTL, 1L << 41));
        check("create below an ephemeral", () -> create("/api/m-EPHEMERAL/x", "", CreateMode.PERSISTENT));
        check("exists", () -> zk.exists("/api", false));
        check("exists not", () -> zk.exists("/none", false));
        check("get", () -> get(zk, "/api"));
        check("get what is not there", () -> get(zk, "/none"));
        check("children", () -> Checks.sorted(zk.getChildren("/api", false)));
        check("children and stat", () -> {
            Stat stat = new Stat();
            return Arrays.asList(zk.getChildren("/api", false, stat).size(), stat);
        });
        check("children of what is not there", () -> zk.getChildren("/none", false));
        check("how many below", () -> zk.getAllChildrenNumber("/api"));
        check("ephemerals", () -> Checks.sorted(zk.getEphemerals()));
        check("ephemerals below", () -> Checks.sorted(zk.getEphemerals("/api/m-EPHEMERAL_")));
        check("set", () -> zk.setData("/api", Checks.bytes("two"), -1));
        check("set at a version", () -> zk.setData("/api", Checks.bytes("three"), 1));
        check("set at a wrong version", () -> zk.setData("/api", null, 1));
        check("set nothing", () -> zk.setData("/api", null, 2));
        check("get nothing", () -> get(zk, "/api"));
        doing("delete with children", () -> zk.delete("/api", -1));
        doing("delete at a wrong version", () -> zk.delete("/api/m-PERSISTENT", 7));
        doing("delete at a version", () -> zk.delete("/api/m-PERSISTENT", 0));
        doing("delete again", () -> zk.delete("/api/m-PERSISTENT", -1));
        create("/api/deep", "", CreateMode.PERSISTENT);
        create("/api/deep/er", "", CreateMode.PERSISTENT);
        check("all below", () -> ZKUtil.listSubTreeBFS(zk, "/api/deep"));
        check("delete all below", () -> ZKUtil.deleteRecursive(zk, "/api/deep", 10));
        doing("delete the root", () -> zk.delete("/", -1));
        doing("delete a reserved znode", () -> zk.delete("/zookeeper/quota", -1));
        check("who I am", () -> zk.whoAmI());
        check("the ensemble's members", () -> zk.getConfig(false, new Stat()));
        check("no reconfiguration", () -> {
            ZooKeeperAdmin admin = new ZooKeeperAdmin(addr, 10_000, e -> {});
            try {
                return admin.reconfigure((String) null, "9", null, -1, null);
            } finally {
                admin.close();
            }
        });
    }

    private void acls() throws Exception {
        create("/acl", "", CreateMode.PERSISTENT);
        ZooKeeper owner = connect("");
        check("acl, get", () -> zk.getACL("/acl", new Stat()));
        check("acl, creator's, not authenticated", () -> owner.create("/acl/mine", null, CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        owner.addAuthInfo("digest", Checks.bytes("u:p"));
        check("acl, creator's", () -> owner.create("/acl/mine", Checks.bytes("m"), CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        check("acl, seen by its owner", () -> owner.getACL("/acl/mine", new Stat()));
        check("acl, who the owner is", () -> owner.whoAmI());
        check("acl, seen by a stranger", () -> zk.getACL("/acl/mine", new Stat()));
        check("acl, read by a stranger", () -> get(zk, "/acl/mine"));
        List<ACL> acl = new ArrayList<>(READ_ACL_UNSAFE);
        acl.add(new ACL(Perms.ALL, new Id("auth", "")));
        check("acl, set", () -> owner.setACL("/acl/mine", acl, 0));
        check("acl, set at a wrong version", () -> owner.setACL("/acl/mine", acl, 0));
        check("acl, read by a stranger now", () -> get(zk, "/acl/mine"));
        check("acl, seen by a stranger now", () -> zk.getACL("/acl/mine", new Stat()));
        check("acl, none", () -> zk.create("/acl/x", null, Collections.emptyList(), CreateMode.PERSISTENT));
        check("acl, malformed", () -> zk.create("/acl/x", null, Collections.singletonList(new ACL(1, new Id("ip", "x"))), CreateMode.PERSISTENT));
        Connection events = new Connection();
        ZooKeeper bad = new ZooKeeper(addr, 10_000, events);
        events.await(KeeperState.SyncConnected);
        bad.addAuthInfo("none", Checks.bytes("x"));
        doing("acl, unknown scheme", () -> events.await(KeeperState.AuthFailed));
        bad.close();
        owner.close();
    }

    private void multis() throws Exception {
        check("multi, whole", () -> zk.multi(Arrays.asList(
            Op.create("/multi", Checks.bytes("0"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.create("/multi/s-", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL),
            Op.create("/multi/c", null, OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
            Op.create("/multi/t", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 60_000),
            Op.setData("/multi", Checks.bytes("1"), 0), Op.check("/multi", 1), Op.delete("/multi/c", -1))));
        check("multi, broken", () -> {
            try {
                return zk.multi(Arrays.asList(Op.setData("/multi", null, -1), Op.check("/multi", 9), Op.delete("/multi/t", -1)));
            } catch (KeeperException e) {
                return Arrays.asList(e, e.getPath(), e.getResults());
            }
        });
        check("multi, nothing of it is there", () -> get(zk, "/multi"));
        check("multi, read", () -> zk.multi(Arrays.asList(Op.getData("/multi"), Op.getChildren("/multi"), Op.getData("/none"))));
        check("multi, empty", () -> zk.multi(Collections.emptyList()));
        Transaction t = zk.transaction();
        t.create("/multi/x", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT).check("/multi/x", 0).delete("/multi/x", 0);
        check("multi, transaction", () -> t.commit());
    }

    private void watches() throws Exception {
        Connection once = new Connection();
        zk.exists("/w", once);
        create("/w", "", CreateMode.PERSISTENT);
        check("w, created", once::next);
        zk.getData("/w", once, null);
        zk.setData("/w", null, -1);
        check("w, changed", once::next);
        zk.getChildren("/w", once);
        create("/w/a", "", CreateMode.PERSISTENT);
        check("w, children", once::next);
        Connection all = new Connection();
        Connection below = new Connection();
        ZooKeeper other = connect(""); // one takes the other's place on a path: ZOOKEEPER-4466
        zk.addWatch("/w", all, AddWatchMode.PERSISTENT);
        other.addWatch("/w", below, AddWatchMode.PERSISTENT_RECURSIVE);
        create("/w/b", "", CreateMode.PERSISTENT);
        zk.setData("/w/b", null, -1);
        zk.setData("/w", null, -1);
        zk.delete("/w/b", -1);
        check("w, persistent", () -> all.next(3));
        check("w, recursive", () -> below.next(4));
        check("w, once", once::none);
        doing("w, remove another kind", () -> zk.removeWatches("/w", all, WatcherType.Data, false));
        doing("w, remove one that is not", () -> zk.removeWatches("/none", all, WatcherType.Any, false));
        doing("w, remove", () -> zk.removeWatches("/w", all, WatcherType.Any, false));
        check("w, was removed", all::next);
        zk.setData("/w", null, -1);
        doing("w, remove all", () -> other.removeAllWatches("/w", WatcherType.Any, false));
        check("w, the other heard more", () -> below.next(2));
        zk.setData("/w", null, -1);
        check("w, nothing more", () -> Arrays.asList(all.none(), below.none()));
        other.close();
    }

    private void callbacks() throws Exception {
        Checks.Events<Object> told = new Checks.Events<>();
        zk.create("/async", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, (rc, path, ctx, name) -> told.add(Code.get(rc) + name), null);
        zk.create("/async/2", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
            (rc, path, ctx, name, stat) -> told.add(Arrays.asList(Code.get(rc), name, stat)), null);
        zk.setData("/async", Checks.bytes("x"), 0, (rc, path, ctx, stat) -> told.add(Arrays.asList(Code.get(rc), stat)), null);
        zk.getData("/async", false, (rc, path, ctx, data, stat) -> told.add(Arrays.asList(Code.get(rc), data, stat)), null);
        zk.getChildren("/async", false, (rc, path, ctx, names) -> told.add(names), null);
        zk.getChildren("/async", false, (rc, path, ctx, names, stat) -> told.add(Arrays.asList(names, stat)), null);
        zk.exists("/none", false, (rc, path, ctx, stat) -> told.add(Arrays.asList(Code.get(rc), stat)), null);
        zk.getACL("/async", new Stat(), (rc, path, ctx, acl, stat) -> told.add(Arrays.asList(acl, stat)), null);
        zk.setACL("/async", OPEN_ACL_UNSAFE, 0, (rc, path, ctx, stat) -> told.add(stat), null);
        zk.getAllChildrenNumber("/async", (rc, path, ctx, n) -> told.add(n), null);
        zk.getEphemerals("/async", (rc, ctx, paths) -> told.add(paths), null);
        zk.multi(Arrays.asList(Op.check("/async", 1), Op.check("/async", 2)), (rc, path, ctx, results) -> told.add(Arrays.asList(Code.get(rc), results)), null);
        zk.sync("/async", (rc, path, ctx) -> told.add(Code.get(rc) + path), null);
        zk.delete("/async", -1, (rc, path, ctx) -> told.add(Code.get(rc)), null);
        zk.delete("/async/2", 0, (rc, path, ctx) -> told.add(Code.get(rc)), null);
        for (int i = 1; i <= 15; i++) {
            check("callback " + i, told::next);
        }
    }

    /** One server, which is returned to slowly. */
    private static final class Slow implements HostProvider {
        private final InetSocketAddress server;
        private boolean connected;

        Slow(String addr) {
            int colon = addr.lastIndexOf(':');
            server = new InetSocketAddress(addr.substring(0, colon), Integer.parseInt(addr.substring(colon + 1)));
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public InetSocketAddress next(long spinDelay) {
            if (connected) {
                try {
                    Thread.sleep(1500);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            return server;
        }

        @Override
        public void onConnected() {
            connected = true;
        }

        @Override
        public boolean updateServerList(Collection<InetSocketAddress> servers, InetSocketAddress current) {
            return false;
        }
    }

    private void sessions() throws Exception {
        Connection events = new Connection();
        ZooKeeper a = new ZooKeeper(addr, 10_000, events, false, new Slow(addr));
        events.await(KeeperState.SyncConnected);
        check("session, timeout", a::getSessionTimeout);
        a.create("/session", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        check("session, owner", () -> zk.exists("/session", false).getEphemeralOwner() == a.getSessionId());
        Connection gone = new Connection();
        zk.exists("/session", gone);
        Connection others = new Connection();
        ZooKeeper wrong = new ZooKeeper(addr, 10_000, others, a.getSessionId(), new byte[16]);
        doing("session, wrong password", () -> others.await(KeeperState.Expired));
        wrong.close();
        check("session, survives that", () -> Checks.soon(() -> answers(a)));
        ZooKeeper b = new ZooKeeper(addr, 10_000, others, a.getSessionId(), a.getSessionPasswd());
        others.await(KeeperState.SyncConnected);
        check("session, taken over", () -> b.exists("/session", false).getEphemeralOwner() == a.getSessionId());
        b.close();
        doing("session, expired", () -> events.await(KeeperState.Expired));
        check("session, after that", () -> a.exists("/", false));
        check("session, its ephemeral is gone", gone::next);
        a.close();
        ZooKeeper c = connect("");
        c.getTestable().injectSessionExpiration();
        check("session, expired by itself", () -> Checks.soon(() -> !c.getState().isAlive()));
        c.close();
        create("/chroot", "", CreateMode.PERSISTENT);
        ZooKeeper root = connect("/chroot");
        root.create("/x", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        check("session, chroot", () -> Arrays.asList(root.getChildren("/", false), zk.getChildren("/chroot", false)));
        root.close();
        ZooKeeper reader = new ZooKeeper(addr, 10_000, others, true);
        others.await(KeeperState.SyncConnected);
        check("session, read only if need be", reader::getState);
        reader.close();
    }

    private static boolean answers(ZooKeeper zk) throws Exception {
        try {
            return zk.exists("/", false) != null;
        } catch (KeeperException.ConnectionLossException e) {
            return false;
        }
    }

    public static void main(String[] args) throws Exception {
        Api api = new Api(args[0]);
        api.nodes();
        api.acls();
        api.multis();
        api.watches();
        api.callbacks();
        api.sessions();
        api.zk.close();
    }
}
