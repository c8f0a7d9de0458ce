import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.CuratorWatcher;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;

/** Goes through Curator's framework and recipes and prints what comes of each step: Recipes HOST:PORT. */
public final class Recipes {
    private static final int WAIT = Checks.WAIT;
    private final String addr;
    private final List<CuratorFramework> clients = new ArrayList<>();
    private final CuratorFramework a;
    private final CuratorFramework b;

    private Recipes(String addr) {
        this.addr = addr;
        for (int i = 0; i < 4; i++) {
            clients.add(connect());
        }
        a = clients.get(0);
        b = clients.get(1);
    }

    private CuratorFramework connect() {
        CuratorFramework client = CuratorFrameworkFactory.newClient(addr, 10_000, 10_000, new RetryNTimes(3, 100));
        client.start();
        return client;
    }

    private static void check(String name, Callable<?> call) {
        Checks.check(name, call);
    }

    private static void doing(String name, Checks.Action action) {
        Checks.check(name, action);
    }

    private static boolean soon(Callable<Boolean> condition) throws Exception {
        return Checks.soon(condition);
    }

    /** What one client does. */
    private interface Turn {
        Object run(CuratorFramework client) throws Exception;
    }

    private List<Object> all(Turn turn) throws Exception {
        return Checks.together(clients.stream().map(c -> (Callable<Object>) () -> turn.run(c)).collect(Collectors.toList()));
    }

    /** Notes how many were in it at a time. */
    private static final class Room {
        final AtomicInteger inside = new AtomicInteger();
        final AtomicInteger most = new AtomicInteger();
        final AtomicInteger entered = new AtomicInteger();

        void visit() throws Exception {
            entered.incrementAndGet();
            int n = inside.incrementAndGet();
            most.accumulateAndGet(n, Math::max);
            Thread.sleep(2);
            inside.decrementAndGet();
        }

        Object visit(InterProcessLock lock, int turns) throws Exception {
            for (int i = 0; i < turns; i++) {
                lock.acquire();
                try {
                    visit();
                } finally {
                    lock.release();
                }
            }
            return "done";
        }

        @Override
        public String toString() {
            return entered + " turns, at most " + most + " at a time";
        }
    }

    private void framework() throws Exception {
        check("f, create with parents", () -> a.create().creatingParentsIfNeeded().forPath("/f/x/y", Checks.bytes("1")));
        check("f, create with containers", () -> a.create().creatingParentContainersIfNeeded().forPath("/fc/x/y"));
        check("f, protected", () -> a.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/f/p-").replaceAll("_c_[-0-9a-f]*", "_c_"));
        check("f, create or set", () -> a.create().orSetData().forPath("/f/x/y", Checks.bytes("2")));
        check("f, idempotent create", () -> a.create().idempotent().forPath("/f/x/y", Checks.bytes("2")));
        check("f, idempotent set", () -> a.setData().idempotent().withVersion(0).forPath("/f/x/y", Checks.bytes("2")));
        check("f, compressed", () -> a.create().compressed().forPath("/f/z", Checks.bytes("zzz")));
        check("f, decompressed", () -> a.getData().decompressed().forPath("/f/z"));
        check("f, stat", () -> a.checkExists().forPath("/f/x/y"));
        check("f, makes parents to look below", () -> a.checkExists().creatingParentsIfNeeded().forPath("/f/looked/for"));
        check("f, ttl", () -> a.create().withTtl(60_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/f/ttl"));
        check("f, transaction", () -> {
            List<CuratorOp> ops = Arrays.asList(a.transactionOp().create().forPath("/f/t", Checks.bytes("t")),
                a.transactionOp().setData().withVersion(0).forPath("/f/t", Checks.bytes("u")), a.transactionOp().check().withVersion(1).forPath("/f/t"));
            return a.transaction().forOperations(ops).stream().map(r -> r.getType() + " " + r.getForPath()).collect(Collectors.toList());
        });
        Checks.Events<String> background = new Checks.Events<>();
        a.getChildren().inBackground((client, e) -> background.add(e.getType() + " " + e.getResultCode() + " " + Checks.sorted(e.getChildren()).size())).forPath("/f");
        check("f, in the background", background::next);
        a.sync().inBackground((client, e) -> background.add(e.getType() + " " + e.getResultCode())).forPath("/f");
        check("f, sync", background::next);
        check("f, namespace", () -> a.usingNamespace("space").create().creatingParentsIfNeeded().forPath("/in") + a.checkExists().forPath("/space/in").getNumChildren());
        check("f, delete with all below", () -> a.delete().guaranteed().deletingChildrenIfNeeded().forPath("/f/x"));
        check("f, quietly", () -> a.delete().quietly().forPath("/f/x"));
        Checks.Events<String> watched = new Checks.Events<>();
        a.watchers().add().usingWatcher((CuratorWatcher) e -> watched.add(e.getType() + " " + e.getPath())).forPath("/f");
        b.create().forPath("/f/watched");
        check("f, watch", watched::next);
        check("f, remove watches", () -> a.watchers().removeAll().forPath("/f"));
        PersistentWatcher all = new PersistentWatcher(a, "/f", true);
        all.getListenable().addListener(e -> watched.add(e.getType() + " " + e.getPath()));
        CountDownLatch armed = new CountDownLatch(1);
        all.getResetListenable().addListener(armed::countDown);
        all.start();
        armed.await(WAIT, TimeUnit.SECONDS);
        watched.next(); // that they were removed
        b.setData().forPath("/f/watched", Checks.bytes("x"));
        check("f, watch all below", watched::next);
        all.close();
    }

    private void mutexes() throws Exception {
        InterProcessMutex one = new InterProcessMutex(a, "/mutex");
        InterProcessMutex two = new InterProcessMutex(b, "/mutex");
        Checks.Events<String> revoked = new Checks.Events<>();
        one.makeRevocable(lock -> revoked.add("asked to let go"));
        check("mutex, acquire", () -> one.acquire(WAIT, TimeUnit.SECONDS));
        check("mutex, again, by the same thread", () -> one.acquire(0, TimeUnit.SECONDS));
        check("mutex, another's", () -> two.acquire(100, TimeUnit.MILLISECONDS));
        check("mutex, contenders", () -> one.getParticipantNodes().size());
        doing("mutex, release once", one::release);
        check("mutex, still another's", () -> two.acquire(0, TimeUnit.SECONDS));
        doing("mutex, revoke", () -> Revoker.attemptRevoke(b, one.getParticipantNodes().iterator().next()));
        check("mutex, revoked", revoked::next);
        doing("mutex, release", one::release);
        doing("mutex, release what is not held", one::release);
        check("mutex, is free", () -> two.acquire(WAIT, TimeUnit.SECONDS));
        two.release();
        Room room = new Room();
        check("mutex, many", () -> all(c -> room.visit(new InterProcessMutex(c, "/mutex/many"), 6)) + " " + room);
        Room others = new Room();
        check("semaphore mutex, many", () -> all(c -> others.visit(new InterProcessSemaphoreMutex(c, "/semaphoremutex"), 4)) + " " + others);
        CuratorFramework dies = connect();
        new InterProcessMutex(dies, "/mutex").acquire();
        dies.close();
        check("mutex, of who is gone", () -> one.acquire(WAIT, TimeUnit.SECONDS));
        one.release();
        InterProcessMultiLock both = new InterProcessMultiLock(a, Arrays.asList("/multi/1", "/multi/2"));
        InterProcessMutex half = new InterProcessMutex(b, "/multi/2");
        half.acquire();
        check("multi lock, not all", () -> both.acquire(100, TimeUnit.MILLISECONDS));
        half.release();
        check("multi lock, all", () -> both.acquire(WAIT, TimeUnit.SECONDS));
        check("multi lock, one of them", () -> half.acquire(0, TimeUnit.SECONDS));
        both.release();
    }

    private void readWriteLocks() throws Exception {
        InterProcessReadWriteLock one = new InterProcessReadWriteLock(a, "/rw");
        InterProcessReadWriteLock two = new InterProcessReadWriteLock(b, "/rw");
        check("rw, two read", () -> Arrays.asList(one.readLock().acquire(WAIT, TimeUnit.SECONDS), two.readLock().acquire(WAIT, TimeUnit.SECONDS)));
        check("rw, nobody writes", () -> two.writeLock().acquire(100, TimeUnit.MILLISECONDS));
        one.readLock().release();
        two.readLock().release();
        check("rw, one writes", () -> one.writeLock().acquire(WAIT, TimeUnit.SECONDS));
        check("rw, nobody else reads", () -> two.readLock().acquire(100, TimeUnit.MILLISECONDS));
        check("rw, the writer reads", () -> one.readLock().acquire(WAIT, TimeUnit.SECONDS));
        doing("rw, becomes a reader", () -> one.writeLock().release());
        check("rw, others read", () -> two.readLock().acquire(WAIT, TimeUnit.SECONDS));
        one.readLock().release();
        two.readLock().release();
        Room writers = new Room();
        AtomicInteger readers = new AtomicInteger();
        check("rw, many", () -> all(c -> {
            InterProcessReadWriteLock lock = new InterProcessReadWriteLock(c, "/rw/many");
            for (int i = 0; i < 3; i++) {
                lock.readLock().acquire();
                readers.addAndGet(writers.inside.get() == 0 ? 1 : 100);
                lock.readLock().release();
                writers.visit(lock.writeLock(), 1);
            }
            return "done";
        }) + " " + writers + ", " + readers + " reads");
    }

    private void semaphores() throws Exception {
        InterProcessSemaphoreV2 s = new InterProcessSemaphoreV2(a, "/semaphore", 2);
        InterProcessSemaphoreV2 t = new InterProcessSemaphoreV2(b, "/semaphore", 2);
        Lease one = s.acquire(WAIT, TimeUnit.SECONDS);
        Lease two = t.acquire(WAIT, TimeUnit.SECONDS);
        two.close();
        check("semaphore, two", () -> s.acquire(1, WAIT, TimeUnit.SECONDS).size());
        check("semaphore, no third", () -> t.acquire(100, TimeUnit.MILLISECONDS));
        check("semaphore, nodes", () -> s.getParticipantNodes().size());
        doing("semaphore, give back", () -> s.returnLease(one));
        check("semaphore, is free", () -> t.acquire(WAIT, TimeUnit.SECONDS) != null);
        Room room = new Room();
        check("semaphore, many", () -> {
            all(c -> {
                InterProcessSemaphoreV2 many = new InterProcessSemaphoreV2(c, "/semaphore-many", 3);
                for (int i = 0; i < 4; i++) {
                    try (Lease lease = many.acquire()) {
                        room.visit();
                    }
                }
                return null;
            });
            return room.entered + " turns, not more than three at a time: " + (room.most.get() <= 3);
        });
    }

    private void leaders() throws Exception {
        LeaderLatch one = new LeaderLatch(a, "/latch", "one");
        LeaderLatch two = new LeaderLatch(b, "/latch", "two");
        one.start();
        check("latch, leads", () -> one.await(WAIT, TimeUnit.SECONDS));
        two.start();
        check("latch, does not", () -> two.await(200, TimeUnit.MILLISECONDS));
        check("latch, leader", () -> two.getLeader());
        check("latch, participants", () -> new TreeSet<>(one.getParticipants().stream().map(Object::toString).collect(Collectors.toList())));
        one.close();
        check("latch, the other leads", () -> two.await(WAIT, TimeUnit.SECONDS));
        check("latch, leader now", () -> two.getLeader());
        two.close();
        Room room = new Room();
        List<LeaderSelector> selectors = new ArrayList<>();
        for (CuratorFramework c : clients) {
            LeaderSelector selector = new LeaderSelector(c, "/selector", new LeaderSelectorListenerAdapter() {
                @Override
                public void takeLeadership(CuratorFramework client) throws Exception {
                    room.visit();
                }
            });
            selector.setId("s" + selectors.size());
            selectors.add(selector);
        }
        selectors.forEach(LeaderSelector::start);
        check("selector, each once", () -> soon(() -> room.entered.get() == 4) + ", " + room);
        check("selector, requeue", () -> selectors.get(0).requeue() && soon(() -> room.entered.get() == 5));
        check("selector, nobody is left", () -> soon(() -> selectors.get(0).getParticipants().isEmpty()));
        selectors.forEach(LeaderSelector::close);
    }

    private void barriers() throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(a, "/barrier");
        doing("barrier, set", barrier::setBarrier);
        check("barrier, wait", () -> new DistributedBarrier(b, "/barrier").waitOnBarrier(100, TimeUnit.MILLISECONDS));
        check("barrier, removed", () -> Checks.together(Arrays.<Callable<?>>asList(
            () -> new DistributedBarrier(b, "/barrier").waitOnBarrier(WAIT, TimeUnit.SECONDS),
            () -> {
                barrier.removeBarrier();
                return "done";
            })));
        AtomicInteger inside = new AtomicInteger();
        check("barrier, double", () -> all(c -> {
            DistributedDoubleBarrier d = new DistributedDoubleBarrier(c, "/double", 4);
            inside.incrementAndGet();
            boolean entered = d.enter(WAIT, TimeUnit.SECONDS);
            return Arrays.asList(entered, inside.get(), d.leave(WAIT, TimeUnit.SECONDS));
        }));
    }

    private void counters() throws Exception {
        check("atomic, many", () -> {
            all(c -> {
                DistributedAtomicLong n = new DistributedAtomicLong(c, "/atomic", new RetryNTimes(100, 5));
                for (int i = 0; i < 10; i++) {
                    if (!n.increment().succeeded()) {
                        throw new IllegalStateException("an increment without success");
                    }
                }
                return null;
            });
            return new DistributedAtomicLong(a, "/atomic", new RetryNTimes(3, 5)).get().postValue();
        });
        DistributedAtomicLong n = new DistributedAtomicLong(a, "/atomic", new RetryNTimes(3, 5));
        check("atomic, add, subtract", () -> Arrays.asList(n.add(10L).postValue(), n.subtract(3L).preValue(), n.get().postValue()));
        check("atomic, compare and set", () -> Arrays.asList(n.compareAndSet(1L, 2L).succeeded(), n.compareAndSet(47L, 2L).succeeded()));
        check("atomic, initialize", () -> n.initialize(5L));
        SharedCount mine = new SharedCount(a, "/shared", 7);
        SharedCount theirs = new SharedCount(b, "/shared", 8);
        mine.start();
        theirs.start();
        Checks.Events<Integer> told = new Checks.Events<>();
        theirs.addListener(new SharedCountListener() {
            @Override
            public void countHasChanged(SharedCountReader reader, int count) {
                told.add(count);
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {}
        });
        check("shared count, seed", () -> Arrays.asList(mine.getCount(), theirs.getCount()));
        doing("shared count, set", () -> mine.setCount(9));
        check("shared count, told", told::next);
        check("shared count, at an old version", () -> {
            VersionedValue<Integer> old = mine.getVersionedValue();
            return Arrays.asList(theirs.trySetCount(10), soon(() -> mine.getCount() == 10), mine.trySetCount(old, 11));
        });
        mine.close();
        theirs.close();
        SharedValue value = new SharedValue(a, "/value", Checks.bytes("seed"));
        value.start();
        doing("shared value, set", () -> value.setValue(Checks.bytes("grown")));
        check("shared value, get", value::getValue);
        value.close();
    }

    private void nodes() throws Exception {
        PersistentNode node = new PersistentNode(a, CreateMode.EPHEMERAL, false, "/persistent", Checks.bytes("p"));
        node.start();
        check("persistent node, made", () -> node.waitForInitialCreate(WAIT, TimeUnit.SECONDS));
        b.delete().forPath("/persistent");
        check("persistent node, made again", () -> soon(() -> b.checkExists().forPath("/persistent") != null));
        node.setData(Checks.bytes("q"));
        check("persistent node, data", () -> soon(() -> Checks.text(b.getData().forPath("/persistent")).equals("q")));
        node.close();
        check("persistent node, gone", () -> b.checkExists().forPath("/persistent"));
        try (PersistentTtlNode ttl = new PersistentTtlNode(a, "/ttlnode", 60_000, Checks.bytes("t"))) {
            ttl.start();
            check("ttl node, made", () -> ttl.waitForInitialCreate(WAIT, TimeUnit.SECONDS));
        }
        GroupMember one = new GroupMember(a, "/group", "one", Checks.bytes("1"));
        GroupMember two = new GroupMember(b, "/group", "two", Checks.bytes("2"));
        one.start();
        two.start();
        check("group, members", () -> soon(() -> one.getCurrentMembers().size() == 2) + " " + new TreeSet<>(one.getCurrentMembers().keySet()));
        two.close();
        check("group, one has left", () -> soon(() -> one.getCurrentMembers().size() == 1));
        one.close();
    }

    private void caches() throws Exception {
        a.create().creatingParentsIfNeeded().forPath("/cached/x", Checks.bytes("0"));
        Checks.Events<String> tree = new Checks.Events<>();
        Checks.Events<String> path = new Checks.Events<>();
        Checks.Events<String> node = new Checks.Events<>();
        Checks.Events<String> old = new Checks.Events<>();
        // Each has a session of its own: one watch takes another's place there, ZOOKEEPER-4466.
        CuratorCache cache = CuratorCache.build(a, "/cached");
        cache.listenable().addListener(CuratorCacheListener.builder()
            .forInitialized(() -> tree.add("initialized"))
            .forCreates(n -> tree.add("created " + n.getPath()))
            .forChanges((from, to) -> tree.add("changed " + to.getPath() + " " + Checks.shown(to.getData())))
            .forDeletes(n -> tree.add("deleted " + n.getPath())).build());
        cache.start();
        check("cache, start", () -> Checks.sorted(tree.next(3)));
        PathChildrenCache children = new PathChildrenCache(b, "/cached", true);
        children.getListenable().addListener((client, e) -> path.add(e.getType() + (e.getData() == null ? "" : " " + e.getData().getPath())));
        children.start(PathChildrenCache.StartMode.POST_INITIALIZED_EVENT);
        check("children cache, start", () -> Checks.sorted(path.next(2)));
        NodeCache one = new NodeCache(clients.get(3), "/cached/x");
        one.start(true);
        one.getListenable().addListener(() -> node.add(one.getCurrentData() == null ? "none" : Checks.shown(one.getCurrentData().getData())));
        TreeCache treeCache = new TreeCache(clients.get(2), "/cached");
        treeCache.getListenable().addListener((client, e) -> old.add(e.getType() + (e.getData() == null ? "" : " " + e.getData().getPath())));
        treeCache.start();
        check("tree cache, start", () -> Checks.sorted(old.next(3)));
        String[] steps = {"set", "create", "delete"};
        for (String step : steps) {
            if (step.equals("set")) {
                b.setData().forPath("/cached/x", Checks.bytes("1"));
                check("node cache, told", node::next);
            } else if (step.equals("create")) {
                b.create().forPath("/cached/y", Checks.bytes("2"));
            } else {
                b.delete().forPath("/cached/x");
                check("node cache, told of the end", node::next);
            }
            check("cache, " + step, tree::next);
            check("children cache, " + step, path::next);
            check("tree cache, " + step, old::next);
        }
        check("cache, all", () -> cache.stream().map(n -> n.getPath() + " " + Checks.shown(n.getStat())).sorted().collect(Collectors.toList()).subList(1, 2));
        check("cache, more", () -> Arrays.asList(tree.none(), path.none(), old.none(), node.none()));
        cache.close();
        children.close();
        one.close();
        treeCache.close();
    }

    private static final QueueSerializer<String> TEXT = new QueueSerializer<String>() {
        @Override
        public byte[] serialize(String s) {
            return Checks.bytes(s);
        }

        @Override
        public String deserialize(byte[] b) {
            return Checks.text(b);
        }
    };

    private static QueueConsumer<String> consumer(Collection<String> eaten) {
        return new QueueConsumer<String>() {
            @Override
            public void consumeMessage(String s) {
                if (!eaten.add(s)) {
                    eaten.add(s + " twice");
                }
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {}
        };
    }

    private void queues() throws Exception {
        Set<String> eaten = new ConcurrentSkipListSet<>();
        DistributedQueue<String> producer = QueueBuilder.builder(a, null, TEXT, "/queue").buildQueue();
        producer.start();
        for (int i = 10; i < 30; i++) {
            producer.put("m" + i);
        }
        producer.flushPuts(WAIT, TimeUnit.SECONDS);
        check("queue, length", () -> a.getChildren().forPath("/queue").size());
        DistributedQueue<String> one = QueueBuilder.builder(a, consumer(eaten), TEXT, "/queue").lockPath("/queuelock").buildQueue();
        DistributedQueue<String> two = QueueBuilder.builder(b, consumer(eaten), TEXT, "/queue").lockPath("/queuelock").buildQueue();
        one.start();
        two.start();
        check("queue, each once", () -> soon(() -> eaten.size() == 20) + " " + eaten.equals(
            IntStream.range(10, 30).mapToObj(i -> "m" + i).collect(Collectors.toSet())));
        check("queue, empty", () -> soon(() -> a.getChildren().forPath("/queue").isEmpty()));
        one.close();
        two.close();
        producer.close();
        List<String> order = Collections.synchronizedList(new ArrayList<>());
        DistributedPriorityQueue<String> priority = QueueBuilder.builder(a, null, TEXT, "/priority").buildPriorityQueue(0);
        priority.start();
        priority.put("later", 2);
        priority.put("first", -1);
        priority.put("then", 1);
        priority.flushPuts(WAIT, TimeUnit.SECONDS);
        DistributedPriorityQueue<String> eater = QueueBuilder.builder(b, consumer(order), TEXT, "/priority").buildPriorityQueue(0);
        eater.start();
        check("priority queue", () -> soon(() -> order.size() == 3) + " " + order);
        eater.close();
        priority.close();
        DistributedIdQueue<String> ids = QueueBuilder.builder(a, null, TEXT, "/ids").buildIdQueue();
        ids.start();
        ids.put("x", "id1");
        ids.put("y", "id2");
        ids.flushPuts(WAIT, TimeUnit.SECONDS);
        check("id queue, remove", () -> ids.remove("id1") + " of 2, left " + a.getChildren().forPath("/ids").size());
        ids.close();
        SimpleDistributedQueue simple = new SimpleDistributedQueue(a, "/simple");
        check("simple queue", () -> Arrays.asList(simple.offer(Checks.bytes("1")), simple.offer(Checks.bytes("2")), simple.peek(), simple.take(), simple.poll(), simple.poll()));
    }

    public static void main(String[] args) throws Exception {
        Recipes r = new Recipes(args[0]);
        r.framework();
        r.mutexes();
        r.readWriteLocks();
        r.semaphores();
        r.leaders();
        r.barriers();
        r.counters();
        r.nodes();
        r.caches();
        r.queues();
        r.clients.forEach(CuratorFramework::close);
        System.exit(0); // Curator's queues leave threads behind
    }
}
