#!/usr/bin/env python3
# serial: it measures how long a person waits for a name
"""Completion of command lines in real shells: bash, zsh and fish at a terminal, with
names that only a session's host knows, however odd; and that without a session nothing
is asked, connected to or waited for.
"""
import fcntl
import os
import pty
import select
import shutil
import signal
import statistics
import subprocess
import termios
import time

import virtmux_test
from virtmux_test import VIRTMUX, end_process, need, run, wait_for, write_file

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "etc",
                     "completion")
NAME = "test"  # the host's in the configuration
ODD = """we b's "x" $HOME;#"""
QUICK_MS = 30 if not virtmux_test.is_sanitized() else 1000
ROUNDS = 21

# Tells what it was called with, one word a line; completion itself goes to virtmux.
WRAPPER = """#!/bin/sh
if [ "$1" = __complete ]; then exec '{virtmux}' "$@"; fi
for word; do printf '%s\\n' "$word"; done > '{told}.new'
mv '{told}.new' '{told}'
"""

DOMAIN = """<domain type='test'><name>{}</name><memory>1024</memory>
<os><type>hvm</type></os></domain>"""


def xml_text(text):
    return (text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;")
            .replace('"', "&quot;"))


def completed(client, *words):
    return run(VIRTMUX, "__complete", "zsh", *words, env=client.environment)


class CompletionCase(virtmux_test.Case):

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.client(self.daemon, session="yes")
        self.addCleanup(self.alice.run, "session", "end")

    def open_session(self):
        done = self.alice.run("session", "open")
        self.assertEqual(done.returncode, 0, done.stderr)

    def define(self, *names):
        for name in names:
            path = write_file(os.path.join(self.work, "domain.xml"),
                              DOMAIN.format(xml_text(name)))
            done = self.alice.run("define", path)
            self.assertEqual(done.returncode, 0, done.stderr)

    def complete(self, *words):
        """(kind, {word: note})"""
        done = completed(self.alice, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        lines = done.stdout.splitlines()
        return lines[0], dict(line.split("\t", 1) for line in lines[1:])

    def words(self, *words):
        kind, found = self.complete(*words)
        self.assertEqual(kind, "words")
        return list(found)


class Tables(CompletionCase):
    """What the tables know, without any host."""

    def test_verbs(self):
        words = self.words("")
        for verb in ("list", "ls", "host", "session", "net-list"):
            self.assertIn(verb, words)
        self.assertEqual(words.count("host"), 1)
        self.assertEqual(self.words("dumpx"), ["dumpxml"])
        self.assertIn("add", self.words("host", ""))
        self.assertEqual(self.words("host", "add", "--no-such", "--ad"), ["--address="])
        self.assertEqual(self.words("nonsense", ""), [])

    def test_options(self):
        words = self.words("start", "--")
        self.assertIn("--force-boot", words)
        self.assertIn("--timeout=", words)
        self.assertNotIn("--inactive", words)
        self.assertEqual(self.words("--format="), ["--format=" + word for word in
                                                   "table json jsonl csv".split()])
        self.assertEqual(self.words("-f", "js"), ["json", "jsonl"])
        self.assertEqual(self.words("-fc"), ["-fcsv"])
        self.assertIn("acpi", self.words("shutdown", "x", "--mode", ""))
        self.assertEqual(self.words("start", "--", "--"), [])
        self.assertIn("--all", self.words("list", ""))

    def test_hosts_methods_and_files(self):
        with open(self.alice.config, "a", encoding="utf-8") as file:
            file.write("\n[host other]\naddress = other.invalid\n"
                       "[group both]\nhosts = test, other\n")
        self.assertEqual(self.complete("-H", "")[1],
                         {NAME: "", "other": "", "@all": "all hosts",
                          "@both": "a group of hosts"})
        self.assertEqual(self.words("--host=test,o"), ["--host=test,other"])
        # what stands before the comma is not offered once more
        self.assertEqual(self.words("-H", "test,"),
                         ["test,other", "test,@all", "test,@both"])
        self.assertEqual(self.words("-Htest,@both,"),
                         ["-Htest,@both,other", "-Htest,@both,@all"])
        self.assertEqual(self.words("-H", "other,@b"), ["other,@both"])
        self.assertEqual(self.words("doctor", "o"), ["other"])
        self.assertEqual(self.words("call", "domain.inf"), ["domain.info"])
        self.assertIn("domain=", self.words("call", "domain.info", ""))
        self.assertEqual(self.words("call", "domain.list", "active="),
                         ["active=true", "active=false"])
        self.assertIn("state=paused", self.words("call", "domain.list", "state="))
        self.assertEqual(self.complete("define", "")[0], "files")
        self.assertEqual(self.complete("--ca=/et")[0], "files")
        self.assertEqual(self.words("completion", ""), ["bash", "zsh", "fish"])
        self.assertIn("list", self.words("help", "li"))

    def test_settings(self):
        self.assertEqual(self.words("config", "set", "pers"), ["persist"])
        self.assertIn("layout", self.words("config", "unset", ""))
        self.assertEqual(self.words("config", "set", "session", ""), ["yes", "no"])
        self.assertEqual(self.words("config", "set", "tls-min", "1"), ["1.2", "1.3"])
        self.assertEqual(self.words("config", "set", "persist", ""), ["10m"])
        self.assertEqual(self.words("config", "set", "host", ""), [NAME])
        self.assertEqual(self.complete("config", "set", "ca", "/et")[0], "files")
        self.assertEqual(self.words("config", "set", "no-such", ""), [])
        words = self.words("config", "")
        self.assertLessEqual({"set", "unset", "address", "host", NAME}, set(words))

    def test_printed_files(self):
        for shell in ("bash", "zsh", "fish"):
            done = self.alice.run("completion", shell)
            with open(os.path.join(FILES, "virtmux." + shell), encoding="utf-8") as file:
                self.assertEqual(done.stdout, file.read())
        self.assertEqual(self.alice.run("completion", "tcsh").returncode, 2)

    def test_no_session_no_wait(self):
        """No session: no name, no connection, no socket, no prompt."""
        connected = self.daemon.log().count("connected from")
        self.assertEqual(self.words("start", ""), [])
        self.assertEqual(self.words("-H", "no-such-host", "start", ""), [])
        self.assertEqual(self.daemon.log().count("connected from"), connected)
        self.assertFalse(os.path.exists(os.path.join(self.alice.runtime, "virtmux",
                                                     NAME + ".sock")))


class Live(CompletionCase):
    """Names from the session."""

    def setUp(self):
        super().setUp()
        self.open_session()

    def test_what_the_verb_needs(self):
        self.define("off-1", "off-2")
        self.assertEqual(self.words("start", ""), ["off-1", "off-2"])
        self.assertEqual(self.words("shutdown", ""), ["test"])
        self.assertEqual(self.words("dominfo", "o"), ["off-1", "off-2"])
        self.assertEqual(self.words("--host", NAME, "start", "off-2"), ["off-2"])
        self.assertEqual(self.words("start", "--domain", "off-1"), ["off-1"])
        self.assertEqual(self.words("resume", ""), [])
        self.assertEqual(self.complete("dominfo", "")[1]["off-1"], "shut-off")
        self.assertEqual(self.words("call", "domain.info", "domain=of"),
                         ["domain=off-1", "domain=off-2"])

    def test_other_nouns(self):
        self.assertEqual(self.words("net-info", ""), ["default"])
        self.assertEqual(self.words("net-start", ""), [])
        self.assertEqual(self.words("pool-info", ""), ["default-pool"])
        done = self.alice.run("vol-create-as", "default-pool", "disk-1", "1M")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.words("vol-info", "--pool", "default-pool", ""), ["disk-1"])
        self.assertEqual(self.words("vol-info", "--pool=default-pool", "--vol", "d"),
                         ["disk-1"])
        self.assertEqual(self.words("vol-info", ""), [])
        done = self.alice.run("snapshot-create-as", "test", "before")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.words("snapshot-revert", "test", ""), ["before"])

    def test_arguments_by_their_names(self):
        """As virsh takes them; they are no places then."""
        self.define("off-1")
        self.assertEqual(self.words("dominfo", "--domain=t"), ["--domain=test"])
        self.assertEqual(self.words("start", "--domain", ""), ["off-1"])
        self.assertEqual(self.words("shutdown", "--domain=test", "--mode", "ac"), ["acpi"])
        done = self.alice.run("snapshot-create-as", "test", "before")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.words("snapshot-revert", "--domain", "test", "b"), ["before"])

    def test_several_hosts(self):
        """The names that any of them has, each once, with where it is; who has no
        session, or hangs, takes no name away from the others."""
        self.define("off-1", "off-2")
        other = self.second_host()
        text = virtmux_test.read_file(self.alice.config)
        section = text.split("[host test]")[1]
        with open(self.alice.config, "a", encoding="utf-8") as file:
            file.write("\n[host other]" + section.replace(self.daemon.address,
                                                          other.address) +
                       "\n[host none]" + section)
        done = self.alice.run("session", "open", "other")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(self.alice.run, "session", "end", "all")
        self.assertEqual(self.complete("-H", "test,none,other", "start", "")[1],
                         {"off-1": "test: shut-off", "off-2": "test: shut-off",
                          "else": "other: shut-off"})
        self.assertEqual(self.words("-H@all", "start", "e"), ["else"])
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.words("-H", "test,other", "start", ""), ["else"])
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)

    def second_host(self):
        """A daemon with one domain that does not run, "else"."""
        folder = os.path.join(self.work, "other")
        os.mkdir(folder)
        other = virtmux_test.Daemon(folder, self.authority, self.access, {})
        other.spawn()
        self.addCleanup(other.end)
        other.wait_ready()
        other.result("alice", "domain.define", {"xml": DOMAIN.format("else")})
        return other

    def test_only_what_may_be_seen(self):
        bob = self.client(self.daemon, "bob", session="yes")
        self.daemon.write_access({**self.access, "bob": {"role": "viewer",
                                                         "domains": "web-*"}})
        self.daemon.reload()
        self.define("web-1", "db-1")
        self.assertEqual(bob.run("session", "open").returncode, 0)
        self.addCleanup(bob.run, "session", "end")
        done = completed(bob, "dominfo", "")
        self.assertEqual(done.stdout.splitlines()[1:], ["web-1\tshut-off"])

    def test_quick(self):
        times = []
        for _ in range(ROUNDS):
            begun = time.monotonic()
            self.assertEqual(self.words("dominfo", ""), ["test"])
            times.append((time.monotonic() - begun) * 1000)
        median = statistics.median(times)
        print(f"\nlive names: median {median:.1f} ms of {ROUNDS}", flush=True)
        self.assertLess(median, QUICK_MS)

    def test_host_that_hangs(self):
        """The shell's line goes on though nobody answers."""
        self.daemon.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        self.assertEqual(self.words("dominfo", ""), [])
        self.assertLess(time.monotonic() - begun, 3)
        self.daemon.process.send_signal(signal.SIGCONT)


def take_terminal():
    """In the child: standard input becomes its controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, words, environment):
        self.output = b""
        master, slave = pty.openpty()
        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave,
                                        env=environment, start_new_session=True,
                                        preexec_fn=take_terminal)
        os.close(slave)
        self.master = master

    def read(self):
        while select.select([self.master], [], [], 0.01)[0]:
            try:
                self.output += os.read(self.master, 65536)
            except OSError:
                return self.output
        return self.output

    def wait(self, text):
        wait_for(lambda: text in self.read(), f"{text!r} in {self.output!r}")

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        end_process(self.process, signal.SIGKILL)
        os.close(self.master)


class Shells(CompletionCase):
    """A person types, presses the tabulator and returns."""

    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.work, "bin")
        self.told = os.path.join(self.work, "told")
        os.mkdir(self.bin)
        write_file(os.path.join(self.bin, "virtmux"),
                   WRAPPER.format(virtmux=VIRTMUX, told=self.told), 0o700)
        self.open_session()

    def start(self, *words):
        need(words[0])
        environment = {**self.alice.environment, "TERM": "vt100", "HOME": self.work,
                       "PATH": self.bin + ":" + os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        self.terminal = Terminal(words, environment)
        self.addCleanup(self.terminal.close)

    def typed(self, text):
        """What virtmux is called with after TEXT and return."""
        if os.path.exists(self.told):
            os.unlink(self.told)
        self.terminal.type(text)
        self.terminal.type("\r")
        wait_for(lambda: self.terminal.read() and os.path.exists(self.told),
                 f"{text!r} runs virtmux: {self.terminal.output!r}")
        return virtmux_test.read_file(self.told).splitlines()

    def check(self):
        with open(self.alice.config, "a", encoding="utf-8") as file:
            file.write(f"\n[group both]\nhosts = {NAME}\n")
        self.define("off-1", ODD)
        self.assertEqual(self.typed("virtmux start o\t"), ["start", "off-1"])
        self.assertEqual(self.typed("virtmux start we\t"), ["start", ODD])
        self.assertEqual(self.typed("virtmux dumpxm\ttes\t"), ["dumpxml", "test"])
        self.assertEqual(self.typed("virtmux list --state-pau\t"),
                         ["list", "--state-paused"])
        self.assertEqual(self.typed("virtmux --host=te\tstart off\t"),
                         ["--host=test", "start", "off-1"])
        self.assertEqual(self.typed("virtmux call domain.info domain=of\t"),
                         ["call", "domain.info", "domain=off-1"])
        self.assertEqual(self.typed("virtmux net-info def\t"), ["net-info", "default"])
        self.assertEqual(self.typed("virtmux -H test,@bo\tstart off\t"),
                         ["-H", "test,@both", "start", "off-1"])
        self.assertEqual(self.typed("virtmux config set tls-m\t1.3"),
                         ["config", "set", "tls-min", "1.3"])
        self.assertEqual(self.typed("virtmux dominfo --domain=tes\t"),
                         ["dominfo", "--domain=test"])
        path = write_file(os.path.join(self.work, "guest 1.xml"), "<x/>")
        self.assertEqual(self.typed(f"virtmux define {self.work}/gues\t"),
                         ["define", path])
        self.assertEqual(self.typed(f"virtmux --ca={self.work}/gues\tlist"),
                         ["--ca=" + path, "list"])

    def test_bash(self):
        self.start("bash", "--norc", "--noprofile", "-i")
        self.terminal.type(f"bind 'set bell-style none'; . '{FILES}/virtmux.bash'\r")
        self.check()
        # within quotes, bash closes them
        self.assertEqual(self.typed("virtmux start 'we\t"), ["start", ODD])
        self.assertEqual(self.typed('virtmux start "we\t'), ["start", ODD])
        self.assertEqual(self.typed("X=1 virtmux start o\t"), ["start", "off-1"])

    def test_zsh(self):
        self.start("zsh", "-f", "-i")
        shutil.copy(os.path.join(FILES, "virtmux.zsh"),
                    os.path.join(self.work, "_virtmux"))
        self.terminal.type(f"fpath=('{self.work}' $fpath); autoload -Uz compinit; "
                           "compinit -u -D\r")
        self.check()
        self.assertEqual(self.typed("virtmux start 'we\t"), ["start", ODD])

    def test_zsh_sourced(self):
        self.start("zsh", "-f", "-i")
        self.terminal.type("autoload -Uz compinit; compinit -u -D; "
                           f". '{FILES}/virtmux.zsh'\r")
        self.define("off-1")
        self.assertEqual(self.typed("virtmux start o\t"), ["start", "off-1"])

    def test_fish(self):
        self.start("fish", "-i")
        self.terminal.type(f"source '{FILES}/virtmux.fish'\r")
        self.check()
        self.assertEqual(self.typed("virtmux start 'we\t"), ["start", ODD])


if __name__ == "__main__":
    virtmux_test.main()
