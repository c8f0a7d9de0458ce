import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/**
 * How a check is printed: one line, "name: outcome". Whatever differs from server to server and from time to time is
 * kept out of the outcome: zxids, times, session ids and the order in which children are listed.
 */
final class Checks {
    /** Seconds until something that must come is taken for lost. */
    static final int WAIT = 15;

    /** Prints what a call returns or throws, and returns it. */
    static <T> T check(String name, Callable<T> call) {
        T outcome = null;
        String text;
        try {
            outcome = call.call();
            text = shown(outcome);
        } catch (Exception e) {
            text = "throws " + nameOf(e);
        }
        System.out.println(name + ": " + text);
        return outcome;
    }

    /** A call that returns nothing. */
    interface Action {
        void run() throws Exception;
    }

    static void check(String name, Action action) {
        check(name, () -> {
            action.run();
            return "done";
        });
    }

    private static String nameOf(Exception e) {
        return e instanceof KeeperException ? ((KeeperException) e).code().toString() : e.getClass().getSimpleName();
    }

    static String shown(Object o) {
        if (o instanceof byte[]) {
            return "'" + new String((byte[]) o, StandardCharsets.UTF_8) + "'";
        } else if (o instanceof Stat) {
            return shown((Stat) o);
        } else if (o instanceof WatchedEvent) {
            WatchedEvent e = (WatchedEvent) o;
            return e.getType() + " " + e.getPath();
        } else if (o instanceof ACL) {
            Id id = ((ACL) o).getId();
            return ((ACL) o).getPerms() + " " + id.getScheme() + ":" + id.getId();
        } else if (o instanceof ClientInfo) {
            return ((ClientInfo) o).getAuthScheme() + ":" + ((ClientInfo) o).getUser();
        } else if (o instanceof OpResult) {
            return shown((OpResult) o);
        } else if (o instanceof List) {
            return ((List<?>) o).stream().map(Checks::shown).collect(Collectors.toList()).toString();
        } else if (o instanceof Exception) {
            return nameOf((Exception) o);
        }
        return String.valueOf(o);
    }

    private static String shown(Stat s) {
        return String.format("stat(version %d, cversion %d, aversion %d, %d bytes, %d children, %s, %s, %s)",
            s.getVersion(), s.getCversion(), s.getAversion(), s.getDataLength(), s.getNumChildren(),
            s.getEphemeralOwner() == 0 ? "persistent" : "ephemeral",
            s.getMzxid() == s.getCzxid() ? "as created" : "changed",
            s.getPzxid() == s.getCzxid() ? "children as created" : "children changed");
    }

    private static String shown(OpResult r) {
        if (r instanceof OpResult.ErrorResult) {
            return KeeperException.Code.get(((OpResult.ErrorResult) r).getErr()).toString();
        } else if (r instanceof OpResult.CreateResult) {
            OpResult.CreateResult c = (OpResult.CreateResult) r;
            return c.getPath() + (c.getStat() == null ? "" : " " + shown(c.getStat()));
        } else if (r instanceof OpResult.SetDataResult) {
            return shown(((OpResult.SetDataResult) r).getStat());
        } else if (r instanceof OpResult.GetDataResult) {
            return shown(((OpResult.GetDataResult) r).getData()) + " " + shown(((OpResult.GetDataResult) r).getStat());
        } else if (r instanceof OpResult.GetChildrenResult) {
            return sorted(((OpResult.GetChildrenResult) r).getChildren()).toString();
        }
        return r.getClass().getSimpleName();
    }

    static List<String> sorted(List<String> names) {
        return names.stream().sorted().collect(Collectors.toList());
    }

    static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] b) {
        return new String(b, StandardCharsets.UTF_8);
    }

    /** What listeners are told, to be looked at later. */
    static class Events<T> {
        private final BlockingQueue<T> queue = new LinkedBlockingQueue<>();

        void add(T event) {
            queue.add(event);
        }

        T next() throws Exception {
            T event = queue.poll(WAIT, TimeUnit.SECONDS);
            if (event == null) {
                throw new TimeoutException();
            }
            return event;
        }

        List<T> next(int n) throws Exception {
            List<T> events = new ArrayList<>();
            while (events.size() < n) {
                events.add(next());
            }
            return events;
        }

        boolean none() {
            return queue.isEmpty();
        }
    }

    /** Calls all beside each other and returns what they returned or threw. */
    static List<Object> together(List<? extends Callable<?>> calls) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<?>> futures = new ArrayList<>();
            for (Callable<?> call : calls) {
                futures.add(threads.submit(call));
            }
            List<Object> outcomes = new ArrayList<>();
            for (Future<?> f : futures) {
                try {
                    outcomes.add(f.get());
                } catch (ExecutionException e) {
                    outcomes.add(e.getCause());
                }
            }
            return outcomes;
        } finally {
            threads.shutdownNow();
        }
    }

    /** Waits until a condition holds. */
    static boolean soon(Callable<Boolean> condition) throws Exception {
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT); System.nanoTime() < end; Thread.sleep(10)) {
            if (condition.call()) {
                return true;
            }
        }
        return false;
    }

    private Checks() {}
}
