#!/usr/bin/env python3
# timeout: 300
"""libvirtmux-client against a real virtmuxd: what library_case.c does with it, and the
programs of doc/examples, compiled against the installed header with pkg-config. What it
shows of itself is held against its list.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import consoles
import virtmux_test
from test_transfer import Relay
from virtmux_test import (BUILD, PASSPHRASE, TIMEOUT, end_process, must_run, need, run,
                          wait_for, write_file)

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CASE = os.path.join(BUILD, "tests", "integration", "library_case")
ROOM = os.path.join(ROOT, "client", "library")
LIBRARY = os.path.join(BUILD, "client", "library", "libvirtmux-client.so.0")
EXAMPLES = os.path.join(ROOT, "doc", "examples")
CONNECTS = 200
MIB = 1 << 20

DIRECT, SESSION = "1", "2"  # enum virtmux_route


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def listed():
    """The names in the version script."""
    return set(re.findall(r"^\s+(virtmux_\w+);", without_comments(
        read(os.path.join(ROOM, "virtmux-client.map"))), re.MULTILINE))


class Symbols(unittest.TestCase):
    """A change of what the library shows must be meant."""

    def test_the_list_is_shown_and_nothing_else(self):
        need("nm")
        lines = must_run("nm", "--dynamic", "--defined-only", "--with-symbol-versions",
                         LIBRARY).splitlines()
        shown = {line.split()[-1] for line in lines if " A " not in line}
        self.assertEqual(shown, {name + "@@VIRTMUX_CLIENT_0.1" for name in listed()})

    def test_the_header_declares_the_list(self):
        header = without_comments(read(os.path.join(ROOM, "virtmux-client.h")))
        declared = set(re.findall(r"VIRTMUX_API[^;{]*?\b(virtmux_\w+)\(", header))
        self.assertEqual(declared, listed())

    def test_soname_and_what_it_needs(self):
        need("objdump")
        text = must_run("objdump", "--private-headers", LIBRARY)
        self.assertIn("libvirtmux-client.so.0", re.findall(r"SONAME\s+(\S+)", text))
        for name in re.findall(r"NEEDED\s+(\S+)", text):
            self.assertNotRegex(name, "libvirt|popt|microhttpd|png|xkb")


class LibraryCase(virtmux_test.Case):

    access = {**virtmux_test.Case.access, "vera": {"role": "viewer", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.client(self.daemon)

    def environment(self, **more):
        return {**self.alice.environment, "PASSPHRASE": PASSPHRASE, **more}

    def case(self, *words, status=0, **environment):
        done = run(CASE, *words, env=self.environment(**environment), timeout=2 * TIMEOUT)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done


class Connect(LibraryCase):

    def test_directly(self):
        done = self.case("call", "test", "session.whoami")
        self.assertEqual(json.loads(done.stdout)["identity"], "alice")
        self.assertIn("asked 1, session 0, host test", done.stderr)

    def test_through_a_session(self):
        self.alice = self.client(self.daemon, session="yes")
        done = self.case("call", "test", "session.whoami", status=5, ROUTE=SESSION)
        self.assertRegex(done.stderr, "-32016 connect 1: .*no session to host 'test'")
        opened = self.alice.run("session", "open")
        self.assertEqual(opened.returncode, 0, opened.stderr)
        self.addCleanup(self.alice.run, "session", "end")
        for route in SESSION, "0":
            done = self.case("call", "test", "domain.list", ROUTE=route)
            self.assertEqual(json.loads(done.stdout)["domains"][0]["name"], "test")
            self.assertIn("asked 0, session 1", done.stderr)
        done = self.case("call", "test", "session.whoami", ROUTE=DIRECT)
        self.assertIn("asked 1, session 0", done.stderr)

    def test_unknown_host(self):
        done = self.case("call", "nowhere", "session.whoami", status=2)
        self.assertIn("-32015 config 0: no host 'nowhere' is configured", done.stderr)

    def test_wrong_passphrase(self):
        done = self.case("call", "test", "session.whoami", status=6, PASSPHRASE="wrong")
        self.assertRegex(done.stderr, "-32018 key 0: .*passphrase")

    def test_closed_port(self):
        self.alice = self.client(self.daemon, address=f"127.0.0.1:{virtmux_test.free_port()}")
        done = self.case("call", "test", "session.whoami", status=5)
        self.assertRegex(done.stderr, "-32016 connect 1: host 'test': cannot connect .*listens")

    def test_errors_of_the_host(self):
        done = self.case("call", "test", "domain.info", '{"domain":"gone"}', status=3)
        self.assertIn("-32001 not-found 0: ", done.stderr)
        done = self.case("call", "test", "domain.info", '{"domian":"x"}', status=2)
        self.assertRegex(done.stderr, "-32602 invalid-params 0: .*domian")
        self.alice = self.client(self.daemon, "vera")
        done = self.case("call", "test", "domain.destroy", '{"domain":"test"}', status=4)
        self.assertIn("-32002 denied 0: ", done.stderr)


class Loops(LibraryCase):

    def test_nothing_is_left(self):
        self.alice = self.client(self.daemon,
                                 key=self.daemon.authority.user("alice").plain_key)
        self.assertEqual(self.case("leak", "test", str(CONNECTS)).stdout, "0\n")
        self.assertEqual(len(re.findall('"alice" connected from', self.daemon.log())),
                         CONNECTS)

    def test_two_hosts_in_one_loop(self):
        other = self.start_daemon()
        config = read(self.alice.config)
        host = config[config.index("[host test]"):].replace("[host test]", "[host other]")
        write_file(self.alice.config,
                   config + host.replace(self.daemon.address, other.address))
        done = self.case("two", "test", "other")
        self.assertEqual(done.stdout, "test 50 1, other 50 1\n")
        self.assertIn('"alice" connected from', other.log())
        other.stop()
        done = self.case("two", "test", "other", status=5)
        self.assertRegex(done.stderr, "-32016 connect 1: host 'other': cannot connect")
        opened = self.alice.run("session", "open")
        self.assertEqual(opened.returncode, 0, opened.stderr)
        self.addCleanup(self.alice.run, "session", "end")
        done = self.case("two", "test", "test", ROUTE=SESSION)
        self.assertEqual(done.stdout, "test 50 1, test 50 1\n")

    def through_relay(self):
        relay = Relay(self.daemon.port)
        self.addCleanup(relay.close)
        self.alice = self.client(self.daemon, address=f"127.0.0.1:{relay.port}")
        return relay

    def begin_call(self, relay, *words):
        """The call has left, and the host, which stands still, has not seen it."""
        process = subprocess.Popen(
            [CASE, "call", "test", *words], env=self.environment(WAIT="1"), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(end_process, process)
        self.assertIn("asked 1", process.stderr.readline())
        self.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.process.send_signal, signal.SIGCONT)
        before = relay.passed
        process.stdin.write("\n")
        process.stdin.flush()
        wait_for(lambda: relay.passed > before, "the call leaves")
        return process

    def test_question_that_is_cut(self):
        """It is asked again on a connection of its own."""
        relay = self.through_relay()
        process = self.begin_call(relay, "domain.list")
        relay.cut()
        self.daemon.process.send_signal(signal.SIGCONT)
        answer, words = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, words)
        self.assertEqual(json.loads(answer)["domains"][0]["name"], "test")

    def test_change_that_is_cut(self):
        """It is asked about on a connection of its own, without the passphrase."""
        relay = self.through_relay()
        process = self.begin_call(relay, "domain.destroy", '{"domain":"test"}')
        relay.cut()
        self.daemon.process.send_signal(signal.SIGCONT)
        answer, words = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, words)
        self.assertEqual(json.loads(answer)["name"], "test")
        done = [record for record in self.daemon.wait_audit(method="domain.destroy",
                                                            outcome="ok")
                if not record.get("replayed")]
        self.assertEqual(len(done), 1)

    def test_events_over_a_cut(self):
        """They go on behind the last one, and the key is asked for once."""
        relay = self.through_relay()
        log = os.path.join(self.work, "events")
        with open(log, "w", encoding="utf-8") as file:
            process = subprocess.Popen([CASE, "events", "test"], env=self.environment(),
                                       stdout=file, stderr=subprocess.PIPE, text=True)
        self.addCleanup(end_process, process)

        def lines():
            return [json.loads(line) for line in read(log).splitlines(True)
                    if line.endswith("\n")]

        def told(event):
            return [line for line in lines() if line.get("event") == event]

        wait_for(lines, "the first line")
        self.daemon.result("alice", "domain.suspend", {"domain": "test"})
        wait_for(lambda: told("suspended"), "an event")
        # The connection alone goes: nothing may be told twice, nor be lost.
        relay.cut()
        self.daemon.result("alice", "domain.resume", {"domain": "test"})
        wait_for(lambda: told("resumed"), "an event behind the cut")
        self.daemon.result("alice", "domain.destroy", {"domain": "test"})
        self.daemon.result("alice", "domain.undefine", {"domain": "test"})
        _, words = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, words)
        self.assertEqual(words, "cut\nasked 1\n")
        after = [line["after"] for line in lines() if line["type"] != "begin"]
        self.assertEqual(len(after), len(set(after)))
        self.assertEqual([line["event"] for line in lines() if "event" in line],
                         ["suspended", "resumed", "stopped", "undefined"])


class Content(LibraryCase):
    """Bytes both ways, far more than a window and the library hold."""

    def setUp(self):
        super().setUp()
        self.libvirtd = self.start_libvirtd()
        self.daemon = self.start_daemon(config={
            "libvirt": {"uri": self.libvirtd.qemu_uri}})
        self.alice = self.client(self.daemon)
        self.folder = os.path.join(self.libvirtd.folder, "pool")
        self.daemon.result("alice", "pool.create", {"build": True, "xml": f"""
            <pool type='dir'><name>real</name>
            <target><path>{self.folder}</path></target></pool>"""})
        self.daemon.result("alice", "volume.create-as", {
            "pool": "real", "name": "a b.img", "capacity": 40 * MIB, "allocation": 0})

    def test_volume(self):
        size = 33 * MIB + 17
        done = self.case("volume", "test", "real", "a b.img", str(size))
        answer = json.loads(done.stdout)
        self.assertEqual(answer["length"], size)
        with open(os.path.join(self.folder, "a b.img"), "rb") as file:
            self.assertEqual(answer["sha256"], consoles.digest(file.read(size)))

    def test_job(self):
        """The answer is that of its end, also where it fails."""
        path = os.path.join(self.folder, "a b.img")
        done = self.case("call", "test", "volume.checksum",
                         '{"pool":"real","volume":"a b.img"}')
        with open(path, "rb") as file:
            self.assertEqual(json.loads(done.stdout)["sha256"],
                             consoles.digest(file.read()))
        done = self.case("call", "test", "volume.clone",
                         '{"pool":"real","volume":"a b.img","name":"a b.img"}', status=1)
        self.assertIn("-32003 exists 0: ", done.stderr)

    def test_upload_that_is_refused(self):
        done = self.case("refused", "test", "real", "none.img", status=3)
        self.assertIn("-32001 not-found 0: ", done.stderr)


class Installed(LibraryCase):
    """As another project finds it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        need("cc", "c++", "cmake", "pkg-config")
        if virtmux_test.is_sanitized():
            raise unittest.SkipTest("programs without sanitizers cannot link it")
        cls.prefix = tempfile.mkdtemp(prefix="i", dir=cls.class_folder)
        must_run("cmake", "--install", os.path.join(BUILD, "client", "library"),
                 "--prefix", cls.prefix)
        found = [os.path.join(folder, "virtmux-client.pc")
                 for folder, _, files in os.walk(cls.prefix)
                 if "virtmux-client.pc" in files]
        cls.libraries = os.path.dirname(os.path.dirname(found[0]))
        cls.flags = must_run(
            "pkg-config", "--cflags", "--libs", "virtmux-client",
            env={**os.environ, "PKG_CONFIG_PATH": os.path.dirname(found[0])}).split()

    def compile(self, source, *words, compiler="cc"):
        program = os.path.join(self.work, os.path.basename(source) + ".out")
        must_run(compiler, *words, "-Wall", "-Wextra", "-Wpedantic", "-Werror", source,
                 *self.flags, "-o", program)
        return program

    def environment(self, **more):
        return super().environment(LD_LIBRARY_PATH=self.libraries, **more)

    def test_pkg_config(self):
        self.assertIn("-I" + os.path.join(self.prefix, "include"), self.flags)
        self.assertIn("-L" + self.libraries, self.flags)
        for name in "libvirtmux-client.so", "libvirtmux-client.so.0":
            self.assertTrue(os.path.exists(os.path.join(self.libraries, name)))

    def test_header_in_every_language(self):
        source = write_file(
            os.path.join(self.work, "all.c"),
            "#include <virtmux-client.h>\ntypedef void function(void);\n"
            "function *all[] = {\n"
            + ",\n".join(f"(function *)virtmux_{name}" for name in sorted(
                name.removeprefix("virtmux_") for name in listed()))
            + "};\nint main(void) { return !all[0] || !virtmux_version()[0]; }\n")
        for words in ["-std=c89"], ["-std=c11"]:
            must_run(self.compile(source, *words), env=self.environment())
        other = shutil.copy(source, source + "c")
        must_run(self.compile(other, "-x", "c++", "-std=c++11", compiler="c++"),
                 env=self.environment())

    def test_example_of_a_call(self):
        program = self.compile(os.path.join(EXAMPLES, "library_call.c"), "-std=c89")
        environment = self.environment(PASSPHRASE_FILE=self.alice.passphrase_file)
        done = run(program, "", "domain.list", env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["domains"][0]["name"], "test")
        done = run(program, "test", "domain.start", '{"domain":"x"}', env=environment)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertRegex(done.stderr, "^not-found: .*'x'")

    def test_example_of_a_loop(self):
        """Events come while a console streams, and it ends with its guest."""
        qemu = virtmux_test.EmbeddedQemu(self.work)
        self.addCleanup(qemu.end)
        xml = consoles.tiny_xml("tiny", lines=1)
        self.daemon = self.start_daemon(config={"libvirt": {"uri": qemu.uri}})
        self.daemon.result("alice", "domain.define", {"xml": xml})
        self.daemon.result("alice", "domain.start", {"domain": "tiny"})
        self.alice = self.client(self.daemon, session="yes")
        self.assertEqual(self.alice.run("session", "open").returncode, 0)
        self.addCleanup(self.alice.run, "session", "end")
        program = self.compile(os.path.join(EXAMPLES, "library_watch.c"), "-std=gnu11")
        process = subprocess.Popen([program, "test", "tiny"], env=self.environment(),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(end_process, process)
        lines = 5000
        process.stdin.write(f"p {lines}\r".encode())
        process.stdin.flush()
        expected, seen = consoles.printed(0, lines), b""
        while expected not in seen:
            part = os.read(process.stdout.fileno(), 65536)
            self.assertTrue(part, (seen[-300:], process.poll()))
            seen += part
        self.daemon.result("alice", "domain.suspend", {"domain": "tiny"})
        self.daemon.result("alice", "domain.destroy", {"domain": "tiny"})
        _, words = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, words)
        told = [json.loads(line).get("event") for line in words.decode().splitlines()
                if line.startswith("{")]
        self.assertIn("suspended", told)
        self.assertIn("the line has ended: ", words.decode())


if __name__ == "__main__":
    virtmux_test.main()
