#!/usr/bin/env python3
# timeout: 600
"""Nothing is done twice: 1,000 changes by 4 clients, real processes each, while
libvirtd is killed and restarted, the network is cut, and virtmuxd is killed and
restarted, at random. A listener of its own at libvirtd (libvirt_events.c) counts:
exactly one event for each acknowledged call, none for a refused one, at most one
for an unknown one.

$VIRTMUX_SEED gives the seed (it is printed), $VIRTMUX_CHANGES another number.

libvirtd's QEMU driver keeps definitions on disk and guests in processes, so that
nothing is lost by its restart. Events that it had no time to send are lost with it:
before virtmuxd can reach the new one, the listener has listed what is there, and
what differs from what it knew counts as the event that was missed. One change of
a domain is under way at a time.
"""
import collections
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

import virtmux_test
from virtmux_test import BUILD, free_port, need, wait_for, write_file

CHANGES = int(os.environ.get("VIRTMUX_CHANGES", "1000"))
CLIENTS = 4
DONE, UNKNOWN = 0, 9  # exit status of virtmux; all others: refused

# virDomainEventType
DEFINED, UNDEFINED, STARTED, SUSPENDED, RESUMED = 0, 1, 2, 3, 4
RUNNING, PAUSED = 1, 3  # virDomainState

XML = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><controller type='usb' model='none'/><memballoon model='none'/></devices>
</domain>
"""


class Listener:
    """What libvirt_events has seen: `events` counts (name, event)."""

    def __init__(self, uri):
        self.events = collections.Counter()
        self.missed = 0     # of them, those that a list has shown
        self.lists = 0
        self.known = {}     # name -> state, by events and lists
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests", "integration", "libvirt_events"), uri],
            stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def connect(self):
        """To a libvirtd that listens, as soon as the last connection has ended."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def read(self):
        listed = {}
        for line in self.process.stdout:
            word, *rest = line.split()
            if word == "connected":
                listed = {}
            elif word == "domain":
                listed[rest[0]] = int(rest[1])
            elif word == "listed":
                self.compare(listed)
                self.lists += 1
            elif word == "event":
                self.see(rest[0], int(rest[1]))

    def see(self, name, event):
        self.events[name, event] += 1
        if event == UNDEFINED:
            self.known.pop(name, None)
        elif event == SUSPENDED:
            self.known[name] = PAUSED
        elif event == RESUMED:
            self.known[name] = RUNNING
        elif event == DEFINED:
            self.known.setdefault(name, 5)

    def compare(self, listed):
        """What went unseen while there was no connection."""
        for name in set(listed) - set(self.known):
            self.miss(name, DEFINED)
        for name in set(self.known) - set(listed):
            self.miss(name, UNDEFINED)
        for name in set(self.known) & set(listed):
            was, now = self.known[name], listed[name]
            if (was, now) == (RUNNING, PAUSED):
                self.miss(name, SUSPENDED)
            elif (was, now) == (PAUSED, RUNNING):
                self.miss(name, RESUMED)
        self.known = dict(listed)

    def miss(self, name, event):
        self.events[name, event] += 1
        self.missed += self.lists > 0

    def end(self):
        virtmux_test.end_process(self.process)
        self.thread.join()
        self.process.stdout.close()
        self.process.stdin.close()


class Network:
    """A relay on a port of its own to PORT; cut() resets all connections."""

    def __init__(self, port):
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket()
            if far.connect_ex(("127.0.0.1", self.to)) != 0:
                near.close()
                far.close()
                continue
            with self.lock:
                self.pairs.add((near, far))
            for way in ((near, far), (far, near)):
                threading.Thread(target=self.pass_on, args=(*way, (near, far)),
                                 daemon=True).start()

    def pass_on(self, giver, taker, pair):
        try:
            while data := giver.recv(65536):
                taker.sendall(data)
        except OSError:
            pass
        self.reset(pair)

    def reset(self, pair):
        with self.lock:
            if pair not in self.pairs:
                return
            self.pairs.discard(pair)
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def cut(self):
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self.reset(pair)
        return len(pairs)

    def end(self):
        self.listener.close()
        self.cut()


class Change:
    """One change that a client asked for, and what came of it."""

    def __init__(self, name, event, status, words):
        self.name, self.event, self.status, self.words = name, event, status, words
        self.may_be_done = status in (DONE, UNKNOWN)


class ExactlyOnce(virtmux_test.Case):
    """The one test, and its parts."""

    access = {"alice": {"role": "admin", "domains": "*"}}

    def setUp(self):
        super().setUp()
        need("qemu-system-x86_64")
        self.seed = int(os.environ.get("VIRTMUX_SEED", random.randrange(1 << 32)))
        self.random = random.Random(self.seed)
        # A short path: libvirt makes those of sockets of it.
        folder = tempfile.mkdtemp(prefix="eo-")
        self.addCleanup(shutil.rmtree, folder)
        self.libvirtd = virtmux_test.Libvirtd(folder)
        self.addCleanup(self.libvirtd.end)
        self.libvirtd.start()
        # virtmuxd's way to libvirtd, open once the listener has listed.
        self.gate = os.path.join(self.work, "gate")
        self.uri = "qemu+unix:///session?socket="
        self.listener = Listener(self.uri + self.libvirtd.socket)
        self.addCleanup(self.listener.end)
        self.open_gate(0)
        self.port = free_port()
        self.daemon = self.start_daemon(config={
            "daemon": {"listen": f"127.0.0.1:{self.port}"},
            "libvirt": {"uri": self.uri + self.gate}})
        self.network = Network(self.port)
        self.addCleanup(self.network.end)
        self.whole = threading.Event()  # nothing is down just now
        self.whole.set()
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.changes = []
        self.deeds = collections.Counter()
        self.before = collections.Counter()

    def open_gate(self, lists):
        self.listener.connect()
        wait_for(lambda: self.listener.lists > lists, "the listener's list")
        os.symlink(self.libvirtd.socket, self.gate)

    # -- what goes wrong -------------------------------------------------------

    def restart_libvirtd(self, how):
        lists = self.listener.lists
        os.unlink(self.gate)
        self.libvirtd.stop(how)
        self.libvirtd.start()
        self.open_gate(lists)
        self.wait_until_it_works()

    def restart_virtmuxd(self):
        self.daemon.stop(signal.SIGKILL)
        self.daemon.spawn()
        self.daemon.wait_ready()
        self.wait_until_it_works()

    def wait_until_it_works(self):
        wait_for(lambda: "result" in self.daemon.call("alice", "domain.list"),
                 "libvirt behind virtmuxd")

    def misfortune(self):
        deed = self.random.choices(
            ["cut", "virtmuxd", "libvirtd killed", "libvirtd ended"], [6, 4, 1, 1])[0]
        if deed == "cut":
            self.network.cut()
        else:
            self.whole.clear()
            if deed == "virtmuxd":
                self.restart_virtmuxd()
            else:
                self.restart_libvirtd(signal.SIGKILL if deed.endswith("killed")
                                      else signal.SIGTERM)
            self.whole.set()
        self.deeds[deed] += 1

    def go_wrong(self):
        while not self.over.wait(self.random.uniform(0.1, 1.5)):
            self.misfortune()

    # -- the clients -----------------------------------------------------------

    def left(self):
        with self.lock:
            return len(self.changes) < CHANGES

    def change(self, client, event, name, *words):
        done = client.run(*words, timeout=90)
        change = Change(name, event, done.returncode, done.stderr)
        with self.lock:
            self.changes.append(change)
        if done.returncode not in (DONE, UNKNOWN):
            # Not a storm of refusals: as a person, it goes on when all is well.
            self.whole.wait(60)
        return change

    def define_and_undefine(self, client, name):
        xml = write_file(os.path.join(client.home, "xml"),
                         XML.format(name=name, uuid=uuid.UUID(int=self.bits())))
        if self.change(client, DEFINED, name, "define", xml).may_be_done:
            self.change(client, UNDEFINED, name, "undefine", name)

    def suspend_and_resume(self, client, name):
        """Each in turn; to suspend what is suspended succeeds without an event."""
        if not self.change(client, SUSPENDED, name, "suspend", name).may_be_done:
            return
        while True:
            change = self.change(client, RESUMED, name, "resume", name)
            if change.status == DONE or "is running, not paused" in change.words:
                return

    def start_guest(self, client, name):
        """Before anything goes wrong, and before the count."""
        xml = write_file(os.path.join(client.home, "xml"),
                         XML.format(name=name, uuid=uuid.UUID(int=self.bits())))
        for words in (("define", xml), ("start", name)):
            done = client.run(*words, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
        wait_for(lambda: self.listener.events[name, STARTED], "the guest's start")

    def bits(self):
        with self.lock:
            return self.random.getrandbits(128)

    def work_as(self, number, client):
        count = 0
        while self.left():
            count += 1
            if number == 0 and count % 5 == 1:
                client.run("session", "open")  # the others go without
            name = f"d-{number}-{count}"
            if count % 10 == 9:
                self.change(client, UNDEFINED, "no-" + name, "undefine", "no-" + name)
            self.define_and_undefine(client, name)
            self.suspend_and_resume(client, f"g{number}")

    def clients(self):
        """Each with a home of its own."""
        for number in range(CLIENTS):
            os.mkdir(os.path.join(self.work, f"c{number}"))
            client = virtmux_test.Client(
                os.path.join(self.work, f"c{number}"), self.daemon, "alice",
                {"address": f"localhost:{self.network.port}",
                 "key": self.authority.user("alice").plain_key,
                 "session": "yes" if number == 0 else "no"})
            self.addCleanup(client.run, "session", "end")
            yield client

    # -- the count -------------------------------------------------------------

    def settle(self):
        """Until the listener has what it will get."""
        self.restart_libvirtd(signal.SIGTERM)

    def judge(self):
        counts = collections.Counter()
        wrong = []
        seen = self.listener.events - self.before
        for (name, event), number in self.expected().items():
            least, most, changes = number
            if not least <= seen[name, event] <= most:
                wrong.append(f"{name} event {event}: {seen[name, event]}, expected "
                             f"{least} to {most}: " +
                             "; ".join(f"{c.status} {c.words.strip()}" for c in changes))
        for change in self.changes:
            counts[{DONE: "acknowledged", UNKNOWN: "unknown"}.get(
                change.status, "refused")] += 1
        return counts, wrong

    def expected(self):
        """(name, event) -> least and most events, and the changes."""
        result = {}
        for c in self.changes:
            least, most, changes = result.get((c.name, c.event), (0, 0, []))
            result[c.name, c.event] = (least + (c.status == DONE),
                                       most + c.may_be_done,
                                       changes + [c])
        return result

    def replayed(self):
        return sum(r.get("replayed", False) for r in self.daemon.audit())

    def test_each_change_is_done_once(self):
        clients = list(self.clients())
        for number, client in enumerate(clients):
            self.start_guest(client, f"g{number}")
        self.before = collections.Counter(self.listener.events)
        begin = time.monotonic()
        threads = [threading.Thread(target=self.work_as, args=(number, client))
                   for number, client in enumerate(clients)]
        wrong = threading.Thread(target=self.go_wrong)
        for thread in (*threads, wrong):
            thread.start()
        for thread in threads:
            thread.join()
        self.over.set()
        wrong.join()
        took = time.monotonic() - begin
        self.settle()
        counts, faults = self.judge()
        reasons = collections.Counter(
            re.sub(r"'[^']*'|[\d:.-]{4,}", "X", c.words.strip())[:150]
            for c in self.changes if c.status != DONE)
        print(f"\nseed {self.seed}: {len(self.changes)} changes in {took:.0f} s: "
              f"{counts['acknowledged']} acknowledged, {counts['refused']} refused, "
              f"{counts['unknown']} unknown; {sum(self.listener.events.values())} events "
              f"({self.listener.missed} of them by a list); "
              f"{self.replayed()} answers given again; {dict(self.deeds)}")
        for words, number in reasons.most_common(12):
            print(f"  {number:4} {words}")
        self.assertEqual(faults, [], f"seed {self.seed}")
        self.assertGreater(counts["acknowledged"], CHANGES // 3)


if __name__ == "__main__":
    virtmux_test.main()
