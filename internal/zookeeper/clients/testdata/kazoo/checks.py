"""What the programs beside this file share: how a check is printed, and connecting.

A check is one line, "name: outcome". Whatever differs from server to server and from
time to time is kept out of the outcome: zxids, times, session ids and the order in
which children are listed.
"""

import queue
import sys
import threading

from kazoo.client import KazooClient
from kazoo.protocol.states import ZnodeStat

ADDR = sys.argv[1]
WAIT = 15  # seconds until something that must come is taken for lost


def check(name, do, *args, **kwargs):
    """Prints what a call returns or raises, and returns it."""
    try:
        outcome = do(*args, **kwargs)
        print(name + ": " + shown(outcome), flush=True)
        return outcome
    except Exception as e:  # whichever it is, is the outcome
        print(name + ": raises " + type(e).__name__, flush=True)


def shown(outcome):
    if isinstance(outcome, ZnodeStat):
        s = outcome
        return "stat(version %d, cversion %d, aversion %d, %d bytes, %d children, %s, %s, %s)" % (
            s.version, s.cversion, s.aversion, s.dataLength, s.numChildren,
            "ephemeral" if s.ephemeralOwner else "persistent",
            "as created" if s.mzxid == s.czxid else "changed",
            "children as created" if s.pzxid == s.czxid else "children changed")
    if isinstance(outcome, (set, frozenset)):
        return shown(sorted(outcome))
    if type(outcome) in (list, tuple):
        return "[" + ", ".join(shown(x) for x in outcome) + "]"
    if isinstance(outcome, Exception):
        return type(outcome).__name__
    return str(outcome)


def connect(suffix="", **options):
    zk = KazooClient(ADDR + suffix, timeout=options.pop("timeout", 10), **options)
    zk.start(WAIT)
    return zk


class Events(queue.Queue):
    """Takes what a watch or listener is called with, to be looked at later."""

    def __call__(self, *args):
        self.put(args[0] if len(args) == 1 else args)

    def next(self):
        return self.get(timeout=WAIT)

    def until(self, wanted):
        """Returns all that comes up to what is wanted, the same in a row once."""
        seen = [self.next()]
        while seen[-1] != wanted:
            event = self.next()
            if event != seen[-1]:
                seen.append(event)
        return seen


def together(*functions):
    """Calls functions beside each other and returns their results, in order."""
    results = [None] * len(functions)

    def call(i, f):
        try:
            results[i] = f()
        except Exception as e:
            results[i] = e

    threads = [threading.Thread(target=call, args=(i, f), daemon=True) for i, f in enumerate(functions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(WAIT)
    return results
