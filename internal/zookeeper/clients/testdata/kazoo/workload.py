"""Counts by kazoo while members of the ensemble are killed, until standard input ends.
Then it prints what it knows to have been done, for killed_test.go to look for.

    workload.py HOSTS ROOT
"""

import sys
import threading
import traceback

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, KazooException, NodeExistsError, NoNodeError

HOSTS, ROOT = sys.argv[1:]
WORKERS = 3


class Worker:
    """One client, whose steps kazoo tries again by itself until they are answered."""

    def __init__(self, number):
        self.number, self.doubts, self.again = number, 0, 0
        self.zk = KazooClient(HOSTS, timeout=20, command_retry={"max_tries": -1, "max_delay": 0.3},
                              connection_retry={"max_tries": -1, "max_delay": 0.3})
        self.zk.start(60)
        self.own = "%s/own-%d" % (ROOT, number)
        self.counts = {}  # by path, of what was done for certain
        self.queue = self.zk.LockingQueue(ROOT + "/queue")
        self.locks = {"lock": self.zk.Lock(ROOT + "/lock"), "writelock": self.zk.WriteLock(ROOT + "/rwlock"),
                      "semaphore": self.zk.Semaphore(ROOT + "/semaphore")}

    def made(self, path, data=b""):
        """Makes a znode that nobody else makes; it may have been there the time before."""
        try:
            self.zk.retry(self.zk.create, path, data)
        except NodeExistsError:
            pass

    def prepare(self):
        for path in self.own, *(ROOT + "/shared-" + name for name in self.locks):
            self.made(path, b"0")

    def set(self, path, version):
        """Counts up. A version that is not there any more is one that this worker itself
        counted up the time before, or else it is a fault."""
        value = b"%d by %d" % (version + 1, self.number)
        try:
            self.zk.retry(self.zk.set, path, value, version)
        except BadVersionError:
            self.doubts += 1
            data, stat = self.zk.retry(self.zk.get, path)
            if stat.version != version + 1 or data != value:
                raise AssertionError("%s: not set to %r at version %d, it has %r at version %d" % (path, value, version, data, stat.version))

    def count(self, path):
        self.counts[path] = self.counts.get(path, 0) + 1
        return self.counts[path]

    def step_own(self):
        version = self.counts.get(self.own, 0)
        self.set(self.own, version)
        self.made("%s/%d" % (self.own, self.count(self.own)))

    def step_shared(self, name):
        """Counts what all count, each while it alone has the lock."""
        path = ROOT + "/shared-" + name
        with self.locks[name]:
            _, stat = self.zk.retry(self.zk.get, path)
            self.set(path, stat.version)
            self.made("%s/%d" % (path, stat.version + 1))
            self.count(path)

    def step_queue(self):
        """Puts something into a queue and takes something out."""
        item = "%d-%d" % (self.number, self.counts.get("queue", 0) + 1)
        try:
            self.queue.put(item.encode())
            self.count("queue")
        except KazooException:
            self.doubts += 1  # it may be there: then twice, after the next time
        try:
            taken = self.queue.get(1)
            if taken is None:
                return
            try:
                self.zk.create("%s/eaten/%s" % (ROOT, taken.decode()))
            except NodeExistsError:
                self.again += 1
            self.queue.consume()
        except NoNodeError:  # it was consumed the time before
            self.queue = self.zk.LockingQueue(ROOT + "/queue")
        except KazooException:
            self.doubts += 1  # the same again, next time

    def work(self, until):
        while not until.is_set():
            self.step_own()
            for name in self.locks:
                self.step_shared(name)
            self.step_queue()


def run(worker, until, broken):
    try:
        worker.prepare()
        worker.work(until)
    except BaseException:
        broken.append(traceback.format_exc())


def main():
    until, broken = threading.Event(), []
    workers = [Worker(i) for i in range(WORKERS)]
    for path in "", "/eaten":
        workers[0].made(ROOT + path)
    threads = [threading.Thread(target=run, args=(w, until, broken)) for w in workers]
    for t in threads:
        t.start()
    sys.stdin.read()
    until.set()
    for t in threads:
        t.join()
    for w in workers:
        for path, n in w.counts.items():
            print("queue %s %d %d" % (ROOT, w.number, n) if path == "queue" else "set %s %d" % (path, n))
        w.zk.stop()
    print("doubts %d" % sum(w.doubts for w in workers))
    print("again %d" % sum(w.again for w in workers))
    sys.exit("\n".join(broken) or 0)


main()
