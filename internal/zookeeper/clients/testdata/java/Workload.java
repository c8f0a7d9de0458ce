import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.KeeperException.BadVersionException;
import org.apache.zookeeper.KeeperException.NodeExistsException;
import org.apache.zookeeper.data.Stat;

/**
 * Counts by Curator while members of the ensemble are killed, until standard input ends. Then it prints what it knows to
 * have been done, for killed_test.go to look for: Workload HOSTS ROOT.
 */
public final class Workload {
    private static final int WORKERS = 3;

    private final int number;
    private final String root;
    private final CuratorFramework client;
    private final Map<String, InterProcessLock> locks = new TreeMap<>();
    private final Map<String, Integer> counts = new TreeMap<>(); // by path, of what was done for certain
    private int doubts;

    /** One client, whose calls Curator tries again by itself until they are answered. */
    private Workload(String hosts, String root, int number) {
        this.number = number;
        this.root = root;
        client = CuratorFrameworkFactory.newClient(hosts, 20_000, 20_000, new RetryForever(50));
        client.start();
        locks.put("mutex", new InterProcessMutex(client, root + "/mutex"));
        locks.put("semaphoremutex", new InterProcessSemaphoreMutex(client, root + "/semaphoremutex"));
        locks.put("writelock", new InterProcessReadWriteLock(client, root + "/rwlock").writeLock());
    }

    /** Makes a znode that nobody else makes; it may have been there the time before. */
    private void made(String path, String data) throws Exception {
        try {
            client.create().creatingParentsIfNeeded().forPath(path, Checks.bytes(data));
        } catch (NodeExistsException e) {
            // as it should be
        }
    }

    private String own() {
        return root + "/own-" + number;
    }

    private String shared(String lock) {
        return root + "/shared-" + lock;
    }

    private void prepare() throws Exception {
        made(own(), "0");
        for (String lock : locks.keySet()) {
            made(shared(lock), "0");
        }
    }

    /**
     * Counts up. A version that is not there any more is one that this worker itself counted up the time before, or else it
     * is a fault.
     */
    private void count(String path, int version) throws Exception {
        String value = (version + 1) + " by " + number;
        try {
            client.setData().withVersion(version).forPath(path, Checks.bytes(value));
        } catch (BadVersionException e) {
            doubts++;
            Stat stat = new Stat();
            String data = Checks.text(client.getData().storingStatIn(stat).forPath(path));
            if (stat.getVersion() != version + 1 || !data.equals(value)) {
                throw new IllegalStateException(String.format("%s: not set to '%s' at version %d, it has '%s' at version %d",
                    path, value, version, data, stat.getVersion()));
            }
        }
        made(path + "/" + (version + 1), "");
        counts.merge(path, 1, Integer::sum);
    }

    /** Counts what all count, each while it alone has the lock. */
    private void countShared(String name) throws Exception {
        InterProcessLock lock = locks.get(name);
        lock.acquire();
        try {
            count(shared(name), client.checkExists().forPath(shared(name)).getVersion());
        } finally {
            lock.release();
        }
    }

    private Object work(AtomicBoolean until) throws Exception {
        prepare();
        while (!until.get()) {
            count(own(), counts.getOrDefault(own(), 0));
            for (String lock : locks.keySet()) {
                countShared(lock);
            }
        }
        return null;
    }

    public static void main(String[] args) throws Exception {
        AtomicBoolean until = new AtomicBoolean();
        List<Workload> workers = new ArrayList<>();
        List<Callable<Object>> calls = new ArrayList<>();
        for (int i = 0; i < WORKERS; i++) {
            Workload w = new Workload(args[0], args[1], i);
            workers.add(w);
            calls.add(() -> w.work(until));
        }
        Thread stdin = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (IOException e) {
                // has ended as well
            }
            until.set(true);
        });
        stdin.start();
        boolean broken = false;
        for (Object outcome : Checks.together(calls)) {
            if (outcome instanceof Throwable) {
                broken = true;
                ((Throwable) outcome).printStackTrace();
            }
        }
        stdin.join();
        for (Workload w : workers) {
            w.counts.forEach((path, n) -> System.out.println("set " + path + " " + n));
            w.client.close();
        }
        System.out.println("doubts " + workers.stream().mapToInt(w -> w.doubts).sum());
        System.exit(broken ? 1 : 0);
    }
}
