"""Goes through kazoo's recipes and prints what comes of each step.

    recipes.py HOST:PORT
"""

import datetime
import threading
import time

from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.lease import MultiNonBlockingLease
from kazoo.recipe.watchers import PatientChildrenWatch

from checks import WAIT, Events, check, connect, together


class Room:
    """Notes how many were in it at a time."""

    def __init__(self):
        self.mutex, self.inside, self.most, self.entered = threading.Lock(), 0, 0, 0

    def __enter__(self):
        with self.mutex:
            self.inside += 1
            self.entered += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_):
        with self.mutex:
            self.inside -= 1

    def enter(self, recipe, turns):
        for _ in range(turns):
            with recipe, self:
                time.sleep(0.002)


def soon(condition):
    """Waits until a condition holds."""
    end = time.monotonic() + WAIT
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def locks(a, b, clients):
    one, two = a.Lock("/lock", "one"), b.Lock("/lock", "two")
    check("lock, acquire", one.acquire)
    check("lock, try another's", two.acquire, blocking=False)
    check("lock, wait for another's", two.acquire, timeout=0.2)
    check("lock, contenders", one.contenders)
    waiter = threading.Thread(target=two.acquire)
    waiter.start()
    check("lock, a contender waits", lambda: soon(lambda: one.contenders() == ["one", "two"]))
    check("lock, release", one.release)
    waiter.join(WAIT)
    check("lock, was waited for", lambda: two.is_acquired)
    check("lock, release what is not held", one.release)
    cancelled = Events()
    waiter = threading.Thread(target=lambda: cancelled(together(one.acquire)[0]))
    waiter.start()
    soon(lambda: len(two.contenders()) == 2)
    one.cancel()
    check("lock, cancel", cancelled.next)
    two.release()
    check("lock, nobody is left", lambda: (two.contenders(), b.get_children("/lock")))
    room = Room()
    together(*(lambda zk=zk: room.enter(zk.Lock("/lock/many"), 6) for zk in clients))
    check("lock, of many one at a time", lambda: (room.most, room.entered))
    dies = connect()
    dies.Lock("/lock").acquire()
    dies.stop()
    check("lock, of who is gone", one.acquire, timeout=WAIT)
    one.release()
    check("lock, with another library's contender", foreign, a)


def foreign(zk):
    path = zk.create("/lock/x-lock-", ephemeral=True, sequence=True)
    lock = zk.Lock("/lock", extra_lock_patterns=["-lock-"])
    tried = lock.acquire(blocking=False)
    zk.delete(path)
    return tried, lock.acquire(blocking=False), lock.release()


def read_write_locks(a, b, clients):
    r1, r2, w = a.ReadLock("/rw", "r1"), b.ReadLock("/rw", "r2"), b.WriteLock("/rw", "w")
    check("rw, two read", lambda: (r1.acquire(timeout=WAIT), r2.acquire(timeout=WAIT)))
    check("rw, nobody writes", w.acquire, blocking=False)
    check("rw, contenders", lambda: (w.contenders(), r1.contenders()))
    check("rw, readers go", lambda: (r1.release(), r2.release()))
    check("rw, one writes", w.acquire, timeout=WAIT)
    check("rw, nobody reads", r1.acquire, blocking=False)
    check("rw, writer goes", w.release)
    # Not readers and writers: kazoo's readers wait for writers that wait for them.
    room = Room()
    together(*(lambda zk=zk: room.enter(zk.WriteLock("/rw/many"), 4) for zk in clients))
    check("rw, of many one writes at a time", lambda: (room.most, room.entered))


def semaphores(a, b, clients):
    c = connect()
    s = [zk.Semaphore("/semaphore", name, max_leases=2) for zk, name in ((a, "a"), (b, "b"), (c, "c"))]
    check("semaphore, two", lambda: (s[0].acquire(), s[1].acquire()))
    check("semaphore, no third", s[2].acquire, blocking=False)
    check("semaphore, wait for a third", s[2].acquire, timeout=0.2)
    check("semaphore, holders", lambda: sorted(s[0].lease_holders()))
    check("semaphore, other bounds", lambda: a.Semaphore("/semaphore", max_leases=3).acquire())
    check("semaphore, release", s[0].release)
    check("semaphore, the third", s[2].acquire, timeout=WAIT)
    c.stop()
    check("semaphore, of who is gone", s[0].acquire, timeout=WAIT)
    check("semaphore, release all", lambda: (s[0].release(), s[1].release(), s[0].lease_holders()))
    room = Room()
    together(*(lambda zk=zk: room.enter(zk.Semaphore("/semaphore/many", max_leases=3), 4) for zk in clients))
    check("semaphore, of many three at a time", lambda: (room.most <= 3, room.entered))


def elections(a, b, clients):
    led, names = Events(), ["e%d" % i for i in range(len(clients))]
    room, all_in = Room(), threading.Event()

    def lead(name):
        all_in.wait(WAIT)
        with room:
            led(name)
    elections = [zk.Election("/election", name) for zk, name in zip(clients, names)]
    threads = []
    for e, name in zip(elections, names):  # one behind the other, so that their order is known
        threads.append(threading.Thread(target=e.run, args=(lead, name)))
        threads[-1].start()
        soon(lambda: name in e.contenders())
    check("election, contenders", elections[0].contenders)
    all_in.set()
    for t in threads:
        t.join(WAIT)
    check("election, leaders in turn", lambda: [led.next() for _ in names])
    check("election, one at a time", lambda: room.most)
    gone, called = threading.Event(), threading.Event()
    holder = threading.Thread(target=lambda: elections[0].run(gone.wait, WAIT))
    holder.start()
    soon(lambda: elections[1].contenders() == ["e0"])
    waiter = threading.Thread(target=lambda: elections[1].run(called.set))
    waiter.start()
    soon(lambda: len(elections[0].contenders()) == 2)
    elections[1].cancel()
    waiter.join(WAIT)
    gone.set()
    holder.join(WAIT)
    check("election, who has cancelled never leads", called.is_set)


def barriers(a, b, clients):
    one, two = a.Barrier("/barrier"), b.Barrier("/barrier")
    check("barrier, none", one.wait, 0.1)
    check("barrier, create", one.create)
    check("barrier, wait", two.wait, 0.1)
    waiting = Events()
    threading.Thread(target=lambda: waiting(two.wait(WAIT))).start()
    check("barrier, remove", one.remove)
    check("barrier, was removed", waiting.next)
    check("barrier, remove what is not there", one.remove)
    inside = Room()

    def through(zk):
        barrier = zk.DoubleBarrier("/double", len(clients))
        barrier.enter()
        inside.__enter__()
        seen = soon(lambda: inside.entered == len(clients))
        barrier.leave()
        return seen, barrier.participating
    check("barrier, double", lambda: together(*(lambda zk=zk: through(zk) for zk in clients)))
    check("barrier, all have left", lambda: a.get_children("/double"))


def parties(a, b, clients):
    for kind in "Party", "ShallowParty":
        def party(zk, name):
            return getattr(zk, kind)("/" + kind, name)
        one, two = party(a, "one"), party(b, "two")
        check(kind + ", join", lambda: (one.join(), two.join(), one.join()))
        check(kind + ", members", lambda: sorted(one))
        check(kind + ", how many", lambda: len(two))
        check(kind + ", leave", lambda: (one.leave(), sorted(two), len(two)))
        dies = connect()
        party(dies, "dies").join()
        check(kind + ", another", lambda: sorted(two))
        dies.stop()
        check(kind + ", who is gone", lambda: sorted(two))
        two.leave()


def queues(a, b, clients):
    q = a.Queue("/queue")
    check("queue, empty", lambda: (len(q), q.get()))
    for value, priority in (b"later", 200), (b"first", 50), (b"then", 100):
        q.put(value, priority)
    check("queue, by priority", lambda: (len(q), q.get(), q.get(), q.get(), q.get()))
    for i in range(40):
        q.put(b"%d" % i)
    check("queue, each once", lambda: eaten(*(drain(zk.Queue("/queue")) for zk in clients)))
    lq, other = a.LockingQueue("/locking"), b.LockingQueue("/locking")
    check("locking queue, empty", lq.get, 0.1)
    check("locking queue, put", lambda: (lq.put(b"second"), lq.put_all([b"third", b"fourth"]), lq.put(b"first", 10), len(lq)))
    check("locking queue, get", lambda: (lq.get(WAIT), lq.get(WAIT), other.get(WAIT)))
    check("locking queue, holds", lambda: (lq.holds_lock(), other.holds_lock()))
    check("locking queue, release", lambda: (other.release(), other.consume(), other.get(WAIT)))
    check("locking queue, consume", lambda: (lq.consume(), other.consume(), lq.consume(), len(lq)))
    check("locking queue, the rest", lambda: (lq.get(WAIT), lq.consume(), lq.get(WAIT), lq.consume(), len(lq)))
    dies = connect()
    lq.put(b"left")
    dies.LockingQueue("/locking").get(WAIT)
    dies.stop()
    check("locking queue, of who is gone", lq.get, WAIT)
    lq.consume()
    lq.put_all([b"%d" % i for i in range(40)])
    check("locking queue, each once", lambda: eaten(*(drain_locking(zk.LockingQueue("/locking")) for zk in clients)))


def drain(q):
    def eat():
        values = []
        while True:
            value = q.get()
            if value is None:
                return values
            values.append(value)
    return eat


def drain_locking(q):
    def eat():
        values = []
        while len(q) > 0:
            value = q.get(0.2)
            if value is not None:
                values.append(value)
                q.consume()
        return values
    return eat


def eaten(*eaters):
    return sorted(int(value) for values in together(*eaters) for value in values) == list(range(40))


def counters(a, b, clients):
    counter = a.Counter("/counter")
    check("counter, default", lambda: counter.value)

    def count(zk, times):
        c = zk.Counter("/counter")
        for _ in range(times):
            c += 2
            c -= 1
    together(*(lambda zk=zk: count(zk, 10) for zk in clients))
    check("counter, of many", lambda: counter.value)
    check("counter, before and after", lambda: (counter.__add__(5), counter.pre_value, counter.post_value)[1:])
    check("counter, another type", counter.__add__, 0.5)
    check("counter, fractions", lambda: a.Counter("/fractions", default=1.0).__add__(0.5).value)
    check("counter, Curator's", lambda: a.Counter("/curators", support_curator=True).__add__(258).value)
    check("counter, Curator's bytes", a.get, "/curators")


def leases(a, b, clients):
    minute, now = datetime.timedelta(minutes=1), datetime.datetime(2020, 1, 1)

    def lease(zk, who, at=now):
        return bool(zk.NonBlockingLease("/lease", minute, who, utcnow=lambda: at))
    check("lease, first", lease, a, "one")
    check("lease, another's", lease, b, "two")
    check("lease, renewed", lease, a, "one", now + minute / 2)
    check("lease, not over", lease, b, "two", now + minute)
    check("lease, over", lease, b, "two", now + 2 * minute)
    check("lease, many", lambda: [bool(MultiNonBlockingLease(a, 2, "/leases", minute, "h%d" % i, lambda: now)) for i in range(3)])


def partitions(a, b, clients):
    parts = set(range(7))

    def partition(zk, who):
        return zk.SetPartitioner("/partition", parts, identifier=who, time_boundary=0.2)

    def acquired(p):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if p.release:
                p.release_set()
            elif p.acquired:
                return sorted(p)
            elif p.failed:
                return "failed"
            else:
                p.wait_for_acquire(0.5)
    one = partition(a, "one")
    check("partition, alone", acquired, one)
    two = partition(b, "two")
    check("partition, told of another", lambda: soon(lambda: one.release))
    check("partition, shared", lambda: together(lambda: acquired(one), lambda: acquired(two)))
    two.finish()
    check("partition, told that it is alone", lambda: soon(lambda: one.release))
    check("partition, alone again", acquired, one)
    one.finish()


def watchers(a, b, clients):
    a.ensure_path("/watched")
    values, children = Events(), Events()
    a.DataWatch("/watched/data", lambda data, stat, event: values((data, stat and stat.version, event and event.type)))
    check("data watch, none", values.next)
    for step in (lambda: b.create("/watched/data", b"0"), lambda: b.set("/watched/data", b"1"),
                 lambda: b.delete("/watched/data"), lambda: b.create("/watched/data", b"2")):
        step()
        check("data watch, told", values.next)
    a.ChildrenWatch("/watched", lambda names: children(sorted(names)))
    check("children watch, first", children.next)
    b.create("/watched/x")
    check("children watch, told", children.next)
    b.delete("/watched/x")
    check("children watch, told again", children.next)
    stops = Events()
    a.ChildrenWatch("/watched", lambda names: stops(sorted(names)) or False)
    check("children watch, one that stops", stops.next)
    b.create("/watched/y")
    check("children watch, the other goes on", children.next)
    check("children watch, it has stopped", stops.empty)
    gone = Events()
    b.create("/watched/data/below")
    a.ChildrenWatch("/watched/data", lambda names: gone(sorted(names)))
    check("children watch, of what will be gone", gone.next)
    b.delete("/watched/data/below")
    check("children watch, empty", gone.next)
    b.delete("/watched/data")
    check("children watch, of what is gone", gone.empty)
    patient = PatientChildrenWatch(a, "/watched", 0.3)
    check("patient watch", lambda: sorted(patient.start().get(timeout=WAIT)[0]))


def caches(a, b, clients):
    names = {getattr(TreeEvent, n): n for n in dir(TreeEvent) if n.isupper()}
    events = Events()
    b.create("/cached/x/y", b"deep", makepath=True)
    cache = TreeCache(a, "/cached")
    cache.listen(lambda e: events((names[e.event_type], e.event_data and e.event_data.path, e.event_data and e.event_data.data)))
    cache.start()
    check("cache, start", lambda: [events.next() for _ in range(4)])
    for name, step in (("set", lambda: b.set("/cached/x", b"1")), ("create", lambda: b.create("/cached/z", b"2")),
                       ("delete", lambda: b.delete("/cached/x/y"))):
        step()
        check("cache, " + name, events.next)
    check("cache, data", lambda: (cache.get_data("/cached/x").data, cache.get_data("/cached/none", "none")))
    check("cache, children", lambda: (cache.get_children("/cached"), cache.get_children("/cached/z")))
    cache.close()
    b.set("/cached/x", b"3")
    check("cache, closed", events.empty)


def main():
    clients = [connect() for _ in range(4)]
    a, b = clients[:2]
    for part in (locks, read_write_locks, semaphores, elections, barriers, parties, queues, counters, leases,
                 partitions, watchers, caches):
        part(a, b, clients)
    for zk in clients:
        zk.stop()
        zk.close()


main()
