#!/usr/bin/env python3
# timeout: 600
# serial: it measures how soon everything goes on
"""A laptop and its host in network namespaces of the test's own: the laptop's address
changes, its link is down, the way to the host swallows everything, virtmuxd is started
again, the machine sleeps. Meanwhile, through one session, changes are made one after the
other, events are followed, and a serial console is typed into. Nothing is lost, nothing
is done twice, and everything goes on within RECOVERY seconds after the network is back.

Sleep is simulated: the session and all commands are stopped (SIGSTOP) for longer than
the host waits for a sign of life. Their clocks go on meanwhile, so it is the late timer
that tells them; the clocks' ways to tell it are in tests/unit/connect/test_session_pace.c.

VIRTMUX_TEST_LONG=1: the link is down for 60 s instead of 20.
"""
import ctypes
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import virtmux_test
from consoles import printed, tiny_xml
from test_console_client import Terminal
from test_console_resume import Reader
from virtmux_test import (TIMEOUT, Client, Daemon, EmbeddedQemu, end_process,
                          is_sanitized, must_run, need, run, wait_for, write_file)

DOWN = 60 if os.environ.get("VIRTMUX_TEST_LONG") else 20
RECOVERY = 2 if not is_sanitized() else 6  # seconds
LONG = 3 * TIMEOUT  # over all that happens to one piece of the console's
UNANSWERED = 0.3  # seconds that a change has had no answer: it is under way
ASLEEP = 25      # after the host's silence and pong (15 s) it has given it up
LINES = 100      # that the guest prints for each command that is typed, in half a second
HOST_ADDRESS, PORT = "10.77.0.1", 16515
GUESTS = ("web-1", "web-2")  # the console's; the one that is suspended and resumed
CLONE_NEWNET = 0x40000000


class Network:
    """Two namespaces and a cable. The laptop's end is called `wan`."""

    def __init__(self):
        self.laptop, self.host = (f"virtmux-{os.getpid()}-{end}" for end in "lh")
        self.made = []
        self.address = "10.77.0.2"
        for name in (self.laptop, self.host):
            done = run("ip", "netns", "add", name)
            if done.returncode:
                self.end()
                raise unittest.SkipTest(f"no network namespaces: {done.stderr.strip()}")
            self.made.append(name)
            self.ip(name, "link", "set", "lo", "up")
        self.ip(self.laptop, "link", "add", "wan", "type", "veth", "peer", "name", "lan",
                "netns", self.host)
        self.ip(self.host, "address", "add", HOST_ADDRESS + "/24", "dev", "lan")
        self.ip(self.host, "link", "set", "lan", "up")
        self.ip(self.laptop, "address", "add", self.address + "/24", "dev", "wan")
        self.ip(self.laptop, "link", "set", "wan", "up")

    def ip(self, name, *words):
        must_run("ip", "-n", name, *words)

    def move(self):
        """The laptop gets another address; the former one is gone."""
        self.ip(self.laptop, "address", "del", self.address + "/24", "dev", "wan")
        self.address = "10.77.0.3" if self.address.endswith(".2") else "10.77.0.2"
        self.ip(self.laptop, "address", "add", self.address + "/24", "dev", "wan")

    def link(self, state):
        self.ip(self.laptop, "link", "set", "wan", state)

    def swallow(self, on):
        """Nothing of the host reaches the laptop, and nobody tells it."""
        self.ip(self.host, "route", "add" if on else "del", "blackhole",
                self.address + "/32")

    def enter(self, name):
        """In a child before it becomes the program."""
        with open(f"/run/netns/{name}", "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def end(self):
        for name in self.made:
            run("ip", "netns", "del", name)


class Laptop(Client):
    """Its commands run in the laptop's namespace."""

    def __init__(self, work, daemon, network):
        super().__init__(work, daemon, "alice", {
            "address": f"{HOST_ADDRESS}:{PORT}", "server-name": "127.0.0.1",
            "session": "yes", "persist": "0"})
        self.network = network

    def command(self, *words):
        return ["ip", "netns", "exec", self.network.laptop, *super().command(*words)]


class Changes(threading.Thread):
    """Suspends and resumes a guest in turn, each by a command of its own. One that was
    not done (exit status 5) is repeated; any other failure is kept."""

    def __init__(self, laptop):
        super().__init__(daemon=True)
        self.laptop = laptop
        self.verbs = []  # that were done
        self.times = []  # when; time.monotonic()
        self.refused = 0
        self.failure = None
        self.process = None
        self.go_on = threading.Event()
        self.over = False
        self.go_on.set()
        self.start()

    def run(self):
        while not self.over and not self.failure:
            self.go_on.wait()
            verb = ("suspend", "resume")[len(self.verbs) % 2]
            self.process = self.laptop.spawn(
                verb, GUESTS[1], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True)
            said = self.process.communicate()[0]
            if self.process.returncode == 0:
                self.verbs.append(verb)
                self.times.append(time.monotonic())
            elif self.process.returncode == 5:
                self.refused += 1
            else:
                self.failure = (verb, self.process.returncode, said)

    def end(self):
        """To its end, with an even number of changes."""
        wait_for(lambda: self.failure or len(self.verbs) % 2 == 0, "an even number")
        self.over = True
        self.join(TIMEOUT)
        if not self.failure and len(self.verbs) % 2:
            self.laptop.run("resume", GUESTS[1])
            self.verbs.append("resume")


class Stamped(Reader):
    """A reader that knows when something came last."""

    def __init__(self, pipe):
        self.times = []
        super().__init__(pipe)

    def run(self):
        while part := os.read(self.pipe.fileno(), 65536):
            self.times.append(time.monotonic())
            self.data += part


class Typing(threading.Thread):
    """A console whose guest prints LINES numbered lines for each command that is typed
    into it; the next one is typed when they are there. So one command or its answer is
    always under way, and a host can keep it (64 KiB)."""

    def __init__(self, laptop):
        super().__init__(daemon=True)
        self.process = laptop.spawn("console", GUESTS[0], "--script", stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = Stamped(self.process.stdout), Reader(self.process.stderr)
        self.typed = 0
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            self.process.stdin.write(b"p %d\r" % LINES)
            self.process.stdin.flush()
            self.typed += 1
            wait_for(lambda: self.is_complete() or self.process.poll() is not None,
                     "what the guest was asked to print", LONG)

    def is_complete(self):
        return len(self.out.data) >= len(self.expected())

    def expected(self):
        return printed(0, LINES) * self.typed

    def end(self):
        self.over.set()
        wait_for(self.is_complete, "all is printed")
        self.join(TIMEOUT)
        self.process.stdin.close()
        return self.process.wait(TIMEOUT)


class LaptopCase(virtmux_test.Case):

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("root can make network namespaces")
        need("ip", "qemu-system-x86_64")
        super().setUpClass()
        cls.network = Network()
        cls.addClassCleanup(cls.network.end)
        qemu = EmbeddedQemu(cls.class_folder)
        cls.addClassCleanup(qemu.end)
        cls.daemon = Daemon(cls.class_folder, cls.authority, cls.access, {
            "daemon": {"listen": f"{HOST_ADDRESS}:{PORT}"}, "libvirt": {"uri": qemu.uri}})
        cls.spawn_host()
        cls.addClassCleanup(cls.daemon.end)
        cls.daemon.wait_ready()
        cls.laptop = Laptop(tempfile.mkdtemp(prefix="l", dir=cls.class_folder), cls.daemon,
                            cls.network)
        for name in GUESTS:
            xml = write_file(os.path.join(cls.class_folder, name), tiny_xml(name, lines=1))
            for words in (("define", xml), ("start", name)):
                done = cls.laptop.run(*words, "--no-session")
                if done.returncode:
                    raise AssertionError(done.stderr)

    @classmethod
    def spawn_host(cls):
        cls.daemon.spawn(preexec_fn=lambda: cls.network.enter(cls.network.host))

    def setUp(self):
        super().setUp()
        self.virtmux("session", "open")
        self.addCleanup(self.laptop.run, "session", "end")
        self.session = self.status()["pid"]
        self.audited = len(self.changes_of_audit())

    def virtmux(self, *words, **options):
        done = self.laptop.run(*words, **options)
        self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
        return done.stdout

    def status(self):
        return json.loads(self.virtmux("session", "list", "--json"))["sessions"][0]

    def changes_of_audit(self):
        """What the host has done, as it has written it down; a change that was asked for
        again and was done already is not done."""
        return [line for line in self.daemon.audit()
                if line.get("method") in ("domain.suspend", "domain.resume")
                and line.get("outcome") == "ok" and not line.get("replayed")]

    def spawn(self, *words, **options):
        process = self.laptop.spawn(*words, stdin=subprocess.DEVNULL, **options)
        self.addCleanup(end_process, process, signal.SIGKILL)
        return process

    def begin(self):
        """All three, and until each has had something to do."""
        self.follower = self.spawn("event", GUESTS[1], "--loop", "--json",
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for pipe in (self.follower.stdout, self.follower.stderr):
            self.addCleanup(pipe.close)
        self.events = Stamped(self.follower.stdout)
        self.events.see('"begin"')
        self.console = self.begin_console()
        self.changes = Changes(self.laptop)
        self.addCleanup(self.stop_changes)
        wait_for(self.all_move(time.monotonic()), "all three are at work")

    def begin_console(self):
        console = Typing(self.laptop)
        self.addCleanup(self.stop_console, console)
        return console

    def stop_console(self, console):
        console.over.set()
        if console.process.poll() is None:
            end_process(console.process, signal.SIGKILL)
        for pipe in (console.process.stdin, console.process.stdout, console.process.stderr):
            pipe.close()

    def stop_changes(self):
        self.changes.over = True
        self.changes.go_on.set()
        self.changes.join(2 * TIMEOUT)

    def all_move(self, since):
        """Whether each of the three has had something since then."""
        return lambda: self.changes.failure or all(
            times and times[-1] >= since
            for times in (self.changes.times, self.events.times, self.console.out.times))

    def recover(self, back):
        """Seconds from BACK, when the network was there again, until all three went on."""
        wait_for(self.all_move(back), "all three go on")
        self.assertIsNone(self.changes.failure)
        seconds = {what: min(t for t in times if t >= back) - back
                   for what, times in (("changes", self.changes.times),
                                       ("events", self.events.times),
                                       ("console", self.console.out.times))}
        print(f"{self.id().rsplit('.', 1)[1]}: went on after "
              + ", ".join(f"{s:.2f} s ({what})" for what, s in seconds.items()), flush=True)
        self.assertLess(max(seconds.values()), RECOVERY, seconds)

    def events_seen(self):
        """The words of the guest's life, each line once."""
        lines = [json.loads(line) for line in self.events.text.splitlines()]
        self.assertFalse([line for line in lines if line["type"] == "missed"], lines)
        return [line["event"] for line in lines
                if line["type"] == "lifecycle" and line["event"] in ("suspended", "resumed")]

    def check_all(self):
        """That nothing was lost, and nothing done twice."""
        self.changes.end()
        self.assertIsNone(self.changes.failure)
        done = self.changes.verbs
        words = [{"suspend": "suspended", "resume": "resumed"}[verb] for verb in done]
        wait_for(lambda: len(self.events_seen()) >= len(words), "all events")
        self.assertEqual(self.events_seen(), words)
        self.assertEqual([line["method"] for line in self.changes_of_audit()[self.audited:]],
                         ["domain." + verb for verb in done])
        self.check_console()
        self.assertEqual(self.status()["pid"], self.session)
        print(f"{len(done)} changes, {self.changes.refused} told as not done, "
              f"{len(self.console.out.data)} bytes of console", flush=True)

    def check_console(self):
        self.assertEqual(self.console.end(), 0, self.console.err.text)
        self.assertEqual(self.console.out.data, self.console.expected())
        self.assertNotIn("lost", self.console.err.text)


class Ways(LaptopCase):

    def test_the_address_changes(self):
        self.begin()
        self.network.move()
        self.recover(time.monotonic())
        self.check_all()

    def test_the_link_is_down(self):
        self.begin()
        self.network.link("down")
        time.sleep(DOWN)  # the time is what is tried
        self.assertEqual(self.status()["state"], "away")
        self.network.link("up")
        self.recover(time.monotonic())
        self.check_all()

    def test_everything_is_swallowed(self):
        self.begin()
        self.network.swallow(True)
        begin = time.monotonic()
        wait_for(lambda: self.status()["state"] == "away", "a dead host is noticed")
        self.assertLess(time.monotonic() - begin, 17)  # 15, a second of ticks, ours
        time.sleep(max(0, begin + DOWN - time.monotonic()))
        self.network.swallow(False)
        self.recover(time.monotonic())
        self.check_all()

    def test_the_machine_sleeps(self):
        self.begin()
        stopped = [self.session, self.follower.pid, self.console.process.pid]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        # What is asked of a session that stands still does not end any more.
        change = wait_for(self.change_under_way, "a change is under way")
        self.changes.go_on.clear()
        change.send_signal(signal.SIGSTOP)
        stopped.append(change.pid)
        self.assertTrue(self.host_connections())
        wait_for(lambda: not self.host_connections(), "the host gives it up", ASLEEP)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        self.changes.go_on.set()
        self.recover(time.monotonic())
        self.check_all()

    def change_under_way(self):
        """One that had no answer for a while."""
        before = self.changes.process
        time.sleep(UNANSWERED)  # the time is what makes it one
        return before if before is self.changes.process and before.poll() is None else None

    def host_connections(self):
        return must_run("ip", "netns", "exec", self.network.host, "ss", "-Htn", "state",
                        "established", "sport", "=", f":{PORT}").splitlines()


class Restart(LaptopCase):
    """A new virtmuxd keeps nothing of a serial line, and does not know the events before
    it: a person's console goes on and says so, and so do events."""

    def begin_console(self):
        terminal = Terminal(self.laptop, "console", GUESTS[0])
        self.addCleanup(terminal.close)
        terminal.see("Escape character is [^\r\n]*\r\n")
        return terminal

    def all_move(self, since):
        return lambda: self.changes.failure or (
            self.changes.times and self.changes.times[-1] >= since)

    def test_virtmuxd_is_restarted(self):
        self.begin()
        self.daemon.stop()
        self.spawn_host()
        self.daemon.wait_ready()
        back = time.monotonic()
        wait_for(self.all_move(back), "changes go on")
        took = min(t for t in self.changes.times if t >= back) - back
        print(f"changes went on after {took:.2f} s", flush=True)
        self.assertLess(took, RECOVERY)
        self.console.see("Connected again to domain 'web-1'; its serial line has begun anew")
        self.console.type("p 3\r")
        self.console.see(re.escape(printed(0, 3).decode()))
        self.console.type("\x1d")
        self.assertEqual(self.console.wait(), 0)
        self.changes.end()
        self.assertIsNone(self.changes.failure)
        self.assertEqual(
            [line["method"] for line in self.changes_of_audit()[self.audited:]],
            ["domain." + verb for verb in self.changes.verbs])
        self.events.see('"missed"')
        self.assertEqual(self.status()["pid"], self.session)


if __name__ == "__main__":
    virtmux_test.main()
