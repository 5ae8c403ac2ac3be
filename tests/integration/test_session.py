#!/usr/bin/env python3
# timeout: 600
"""`virtmux session`: one channel for all commands, opened in the background and
ended by time, by command or by the host's going; who may use it, what passes
through it, and what a killed one leaves behind.
"""
import fcntl
import json
import os
import pty
import pwd
import re
import select
import signal
import socket
import stat
import subprocess
import termios
import time

import test_console
import virtmux_test
from virtmux_test import (PASSPHRASE, TIMEOUT, VIRTMUX, end_process, must_run, need,
                          rss_kib, run, wait_for, write_file)

NAME = "test"


def connections(port):
    """Established TCP connections to that port of this machine, by their ends."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        lines = [line.split() for line in file.readlines()[1:]]
    return [fields[1] for fields in lines
            if fields[3] == "01" and int(fields[2].split(":")[1], 16) == port]


class SessionCase(virtmux_test.Case):

    access = {**virtmux_test.Case.access, "victor": {"role": "viewer", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.make_client(self.start_daemon())

    def make_client(self, daemon, **options):
        self.daemon = daemon
        self.alice = self.client(daemon, session="yes", **options)
        self.folder = os.path.join(self.alice.runtime, "virtmux")
        self.socket = os.path.join(self.folder, NAME + ".sock")
        self.addCleanup(self.end_all)

    def end_all(self):
        """Whatever a test has left running."""
        for status in self.sessions():
            os.kill(status["pid"], signal.SIGKILL)

    def virtmux(self, *words, status=0, **options):
        done = self.alice.run(*words, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def sessions(self):
        done = self.alice.run("session", "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["sessions"]

    def open(self):
        self.assertIn("opened", self.virtmux("session", "open"))
        return self.sessions()[0]

    def await_end(self, pid):
        wait_for(lambda: not is_alive(pid), "the session ends")
        self.assertFalse(os.path.exists(self.socket))

    def handshakes(self):
        return len(re.findall(r'"alice" connected from', self.daemon.log()))


class Session(SessionCase):

    def test_open_list_use_end(self):
        self.assertEqual(self.sessions(), [])
        session = self.open()
        self.assertEqual(session["host"], NAME)
        self.assertEqual(session["peer"], self.daemon.address)
        self.assertEqual(session["clients"], 0)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        for _ in range(5):
            self.assertIn("running", self.virtmux("list"))
        self.assertEqual(self.handshakes(), 1)
        self.virtmux("list", "--no-session")
        self.assertEqual(self.handshakes(), 2)
        self.assertIn("open already", self.virtmux("session", "open"))
        self.assertIn(self.daemon.address, self.virtmux("session"))
        self.assertIn("ended", self.virtmux("session", "end", NAME))
        self.await_end(session["pid"])
        self.assertIn("no session", self.virtmux("session", "end", status=3))
        self.assertIn("running", self.virtmux("list"))
        self.assertEqual(self.handshakes(), 3)

    def test_it_is_a_daemon(self):
        """In a session of its own, without our terminal, pipes and folder."""
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        done = self.alice.run("session", "open", pass_fds=[write_end])
        os.close(write_end)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.read(read_end, 1), b"")
        os.close(read_end)
        pid = self.sessions()[0]["pid"]
        self.assertEqual(os.getsid(pid), pid)
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        for fd in (0, 1, 2):
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/{fd}"), "/dev/null")

    def test_errors_of_opening_are_told(self):
        self.daemon.stop()
        self.assertIn("nothing listens", self.virtmux("session", "open", status=5))
        wrong = write_file(os.path.join(self.work, "wrong"), "wrong\n")
        done = run(VIRTMUX, "--passphrase-file", wrong, "--batch", "session", "open",
                   env=self.alice.environment)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("passphrase", done.stderr)
        self.virtmux("session", "open", "nowhere", status=2)
        self.assertIn("leave out", self.virtmux(
            "--address", "192.0.2.1", "session", "open", status=2))
        self.assertFalse(os.path.exists(self.socket))

    def asked(self):
        """`session open` on a terminal, at its question; and that terminal."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [VIRTMUX, "session", "open"], env=self.alice.environment, stdin=slave,
            stdout=slave, stderr=slave, preexec_fn=lambda: take_terminal(slave))
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        read_until(master, b"assphrase")
        return process, master

    def test_the_passphrase_is_asked_in_the_foreground(self):
        process, terminal = self.asked()
        os.write(terminal, PASSPHRASE.encode() + b"\n")
        text = read_until(terminal, b"opened")
        self.assertEqual(process.wait(TIMEOUT), 0, text)
        self.assertEqual(len(self.sessions()), 1)
        done = run(VIRTMUX, "--batch", "list", env=self.alice.environment)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_interrupted_while_it_asks(self):
        process, terminal = self.asked()
        os.write(terminal, b"\x03")
        self.assertIn(process.wait(TIMEOUT), (130, -signal.SIGINT))
        self.assertEqual(self.sessions(), [])

    def test_two_that_open_at_once(self):
        openers = [self.alice.spawn("session", "open", stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
                   for _ in range(4)]
        said = [opener.communicate(timeout=TIMEOUT) for opener in openers]
        self.assertEqual([opener.returncode for opener in openers], [0] * 4, said)
        self.assertEqual(sum(" opened" in out for out, _ in said), 1, said)
        self.assertEqual(len(self.sessions()), 1)
        self.assertEqual(self.handshakes(), 1)

    def test_a_killed_one_does_no_harm(self):
        session = self.open()
        os.kill(session["pid"], signal.SIGKILL)
        wait_for(lambda: not is_alive(session["pid"]), "it is dead")
        self.assertTrue(os.path.exists(self.socket))
        self.assertEqual(self.sessions(), [])
        self.assertIn("running", self.virtmux("list"))
        self.assertNotEqual(self.sessions()[0]["pid"], session["pid"])
        self.assertIn("running", self.virtmux("list"))
        self.assertEqual(self.handshakes(), 2)

    def test_it_ends_by_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            session = self.open()
            os.kill(session["pid"], number)
            self.await_end(session["pid"])

    def test_it_ends_when_it_was_not_used_for_long(self):
        self.make_client(self.daemon, persist="1s")
        session = self.open()
        begin = time.monotonic()
        while time.monotonic() - begin < 2:  # in use
            self.virtmux("list")
        self.assertTrue(is_alive(session["pid"]))
        self.await_end(session["pid"])

    def test_it_stays_where_it_is_to_stay(self):
        self.make_client(self.daemon, persist="0")
        session = self.open()
        self.assertEqual(session["persist_ms"], 0)
        other = self.client(self.daemon, "victor", session="yes", persist="500ms")
        done = other.run("session", "open")
        self.assertEqual(done.returncode, 0, done.stderr)
        path = os.path.join(other.runtime, "virtmux", NAME + ".sock")
        wait_for(lambda: not os.path.exists(path), "the other one ends")
        self.assertTrue(is_alive(session["pid"]))

    def test_in_the_foreground(self):
        process = self.alice.spawn("session", "open", "--foreground",
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: os.path.exists(self.socket), "the socket")
        self.assertEqual(self.sessions()[0]["pid"], process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual((process.returncode, out, err), (0, b"", b""))
        self.assertFalse(os.path.exists(self.socket))

    def await_state(self, state):
        wait_for(lambda: self.sessions()[0]["state"] == state, f"the session is {state}")

    def start_again(self):
        """virtmuxd, where it was."""
        self.daemon.write_config({"daemon": {"listen": self.daemon.address}})
        self.daemon.spawn()

    def test_the_host_goes_and_comes_back(self):
        """The session stays, says so, and takes the first chance to be back."""
        for how in (signal.SIGKILL, signal.SIGTERM):
            session = self.open() if how == signal.SIGKILL else self.sessions()[0]
            self.daemon.stop(how)
            self.await_state("away")
            self.assertIn("nothing listens", self.sessions()[0]["away"] +
                          self.virtmux("list", status=5))
            self.start_again()
            self.assertIn("running", self.virtmux("list"))
            self.await_state("serving")
            self.assertEqual(self.sessions()[0]["pid"], session["pid"])
        self.assertEqual(self.handshakes(), 3)

    def test_what_one_does_whose_host_is_away(self):
        """Its last address, for how long, when it tries again, and why."""
        self.open()
        self.daemon.stop(signal.SIGKILL)
        self.await_state("away")
        # nobody waits: the pauses become long enough to be seen
        wait_for(lambda: self.sessions()[0]["retry_in_ms"] > 1000, "a pause")
        session = self.sessions()[0]
        self.assertEqual(session["peer"], self.daemon.address)
        self.assertGreater(session["away_ms"], 0)
        self.assertLess(session["away_ms"], TIMEOUT * 1000)
        self.assertLessEqual(session["retry_in_ms"], 60000)
        said = self.virtmux("session")
        self.assertRegex(said, rf"(?m)^ {NAME} +away, (tries now|again in \d+ s) "
                               rf"+{self.daemon.address} ")
        self.assertRegex(said, rf"(?m)^{NAME} has been away for \d+ (s|min): .*nothing "
                               "listens")
        line = self.virtmux("-f", "csv", "session").splitlines()[1]
        self.assertTrue(line.startswith(f"{NAME},away,{self.daemon.address},"), line)
        self.start_again()
        self.virtmux("list")
        self.await_state("serving")
        self.assertNotIn("retry_in_ms", self.sessions()[0])
        self.assertRegex(self.virtmux("session"), rf"(?m)^ {NAME} +serving +")

    def test_what_comes_meanwhile_waits_or_is_told(self):
        self.make_client(self.daemon, **{"connect-timeout": "2s"})
        self.open()
        self.daemon.stop(signal.SIGKILL)
        self.await_state("away")
        begin = time.monotonic()
        said = self.virtmux("start", "test", status=5)
        self.assertGreater(time.monotonic() - begin, 1.9)
        self.assertRegex(said, "host 'test' has been away for .*connect-timeout.*nothing "
                               "listens there")
        waiting = self.alice.spawn("dominfo", "test", stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        wait_for(lambda: self.sessions()[0]["streams"] == 1, "it waits")
        self.start_again()
        self.assertIn("test", waiting.communicate(timeout=TIMEOUT)[0])
        self.assertEqual(waiting.returncode, 0)

    def test_a_refusal_for_good_ends_it(self):
        session = self.open()
        self.daemon.stop(signal.SIGKILL)
        self.await_state("away")
        waiting = self.alice.spawn("list", stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        wait_for(lambda: self.sessions()[0]["streams"] == 1, "it waits")
        other = virtmux_test.Authority(os.path.join(self.work, "other-pki"))
        self.daemon.authority = other
        self.start_again()
        said = waiting.communicate(timeout=TIMEOUT)[0]
        self.assertEqual(waiting.returncode, 6, said)
        self.await_end(session["pid"])

    def test_one_cut_command_does_not_matter_to_others(self):
        self.open()
        port = self.daemon.port
        self.assertEqual(len(connections(port)), 1)
        for _ in range(3):
            process = self.alice.spawn("speed", "--megabytes", "1000",
                                       stdout=subprocess.DEVNULL)
            wait_for(lambda: self.sessions()[0]["streams"], "it is under way")
            process.kill()
            process.wait()
        wait_for(lambda: self.sessions()[0]["streams"] == 0, "its streams have gone")
        self.virtmux("list")
        self.assertEqual(len(connections(port)), 1)

    def test_bulk_passes_whole_and_is_not_kept(self):
        session = self.open()
        before = rss_kib(session["pid"])
        self.virtmux("speed", "--megabytes", "64")
        self.assertLess(rss_kib(session["pid"]) - before, 48 * 1024)
        script = """
            const answer = await request({":path": "/openrpc.json"});
            return answer.body.length;
        """
        self.assertEqual(self.node(script), self.daemon.node("alice", script))

    def test_a_reader_that_stalls_holds_its_windows_alone(self):
        """A command asks for a gigabyte, and takes nothing of it."""
        session = self.open()
        before = rss_kib(session["pid"])
        stalled = self.alice.spawn("speed", "--megabytes", "1000",
                                   stdout=subprocess.DEVNULL)
        self.addCleanup(end_process, stalled, signal.SIGKILL)
        wait_for(lambda: self.sessions()[0]["streams"], "it is under way")
        stalled.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        while time.monotonic() - begin < 1:  # others go on beside it
            self.virtmux("list")
        self.assertLess(rss_kib(session["pid"]) - before, 48 * 1024)

    def test_clients_of_others(self):
        """curl and node speak to the socket as to the host, in clear text."""
        need("curl")
        self.open()
        request = {"jsonrpc": "2.0", "id": 1, "method": "session.whoami"}
        done = run("curl", "--silent", "--show-error", "--http2-prior-knowledge",
                   "--unix-socket", self.socket, "--data", json.dumps(request),
                   "http://localhost/rpc")
        self.assertEqual(json.loads(done.stdout)["result"]["identity"], "alice",
                         done.stderr)
        answer = self.node("""
            const calls = [];
            for (let i = 0; i < 100; i++)
                calls.push(call("session.whoami"));
            return (await Promise.all(calls)).map(a => a.result.identity);
        """)
        self.assertEqual(answer, ["alice"] * 100)
        for method, path in (("GET", "/end"), ("DELETE", "/status"), ("GET", "/")):
            done = run("curl", "--silent", "--http2-prior-knowledge", "--request",
                       method, "--unix-socket", self.socket, "--write-out",
                       "%{http_code}", "http://session.virtmux.invalid" + path)
            self.assertTrue(done.stdout.endswith("404"), done.stdout)

    def node(self, script):
        """SCRIPT as for Daemon.node(), on the session's socket."""
        need("node")
        settings = f"const path = {json.dumps(self.socket)};"
        done = run("node", "--input-type=commonjs", "--eval",
                   settings + NODE_HEAD + script + virtmux_test.NODE_TAIL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class Users(SessionCase):
    """Other users of the machine."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("root can be another user")
        super().setUp()

    def test_a_folder_of_another_user_is_not_used(self):
        os.makedirs(self.folder, mode=0o700)
        os.chown(self.folder, pwd.getpwnam("nobody").pw_uid, -1)
        self.assertIn("belongs to another user", self.virtmux("session", "open",
                                                              status=4))
        self.virtmux("list")
        os.chown(self.folder, 0, -1)

    def test_a_folder_that_others_can_enter_is_not_used(self):
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.assertIn("chmod", self.virtmux("session", "open", status=4))
        os.chmod(self.folder, 0o700)

    def test_another_user_is_turned_away(self):
        self.open()
        for path in (self.socket, self.folder, self.alice.runtime, self.alice.home,
                     self.work, self.class_folder):
            os.chmod(path, 0o777)
        script = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(20)
try:
    s.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    sys.stdout.buffer.write(s.recv(9))
except (ConnectionResetError, BrokenPipeError):
    pass
"""
        words = ["/usr/bin/python3", "-c", script, self.socket]
        others = subprocess.run(words, user=pwd.getpwnam("nobody").pw_uid, check=True,
                                stdout=subprocess.PIPE, timeout=TIMEOUT, cwd="/")
        ours = subprocess.run(words, check=True, stdout=subprocess.PIPE,
                              timeout=TIMEOUT)
        self.assertEqual(others.stdout, b"")
        self.assertEqual(len(ours.stdout), 9)
        os.chmod(self.folder, 0o700)
        os.chmod(self.socket, 0o600)


class Guest(test_console.ConsoleCase):
    """Consoles through a session."""

    make_client = SessionCase.make_client
    end_all = SessionCase.end_all
    sessions = SessionCase.sessions
    virtmux = SessionCase.virtmux
    open = SessionCase.open
    await_end = SessionCase.await_end

    def setUp(self):
        super().setUp()
        self.make_client(self.daemon)

    def console(self, *words):
        process = self.alice.spawn(
            "console", "web-1", *words, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(end_process, process, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout, process.stderr):
            self.addCleanup(pipe.close)
        self.assertIn(b"Connected", process.stderr.readline())
        return process

    def view(self):
        path = os.path.join(self.work, "display")
        process = self.alice.spawn("--json", "view", "web-1", "--socket", path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(end_process, process, signal.SIGKILL)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.assertIn(b"vnc", process.stdout.readline())
        display = socket.socket(socket.AF_UNIX)
        self.addCleanup(display.close)
        display.connect(path)
        self.assertEqual(display.recv(12), b"RFB 003.008\n")
        return process, display

    def test_console_display_and_list_share_one_connection(self):
        self.open()
        console = self.console()
        _, display = self.view()
        self.virtmux("list")
        self.assertEqual(len(connections(self.daemon.port)), 1)
        self.assertEqual(self.sessions()[0]["streams"], 2)
        await_prompt(console)
        display.close()
        console.stdin.close()
        console.kill()
        wait_for(lambda: self.sessions()[0]["streams"] <= 1, "streams end")
        self.assertEqual(len(connections(self.daemon.port)), 1)
        listeners = must_run("ss", "-tlnpH")
        for guest in must_run("pgrep", "--full", "qemu.*" + self.class_folder).split():
            self.assertNotIn(f"pid={guest},", listeners)

    def test_half_close_and_end_pass_through(self):
        self.open()
        console = self.console()
        await_prompt(console)
        done = self.alice.run("console", "web-1", "--force", "--idle", "3s",
                              input="\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, "login: |# ")

    def test_the_end_of_the_session_reaches_consoles(self):
        session = self.open()
        console = self.console("--no-reconnect")
        view, display = self.view()
        self.virtmux("session", "end")
        self.assertEqual(console.wait(TIMEOUT), 5)
        self.assertIn(b"broke off", console.stderr.read())
        self.assertEqual(view.wait(TIMEOUT), 5)
        self.assertEqual(display.recv(1), b"")
        self.await_end(session["pid"])

    def test_a_console_that_was_stopped_for_long_goes_on(self):
        """A suspended command answers no PING: the session must not mind."""
        self.open()
        console = self.console()
        console.send_signal(signal.SIGSTOP)
        time.sleep(17)  # longer than silence and pong of the wire's limits
        console.send_signal(signal.SIGCONT)
        await_prompt(console)


NODE_HEAD = """
const http2 = require("http2"), net = require("net"), fs = require("fs");
const session = http2.connect("http://localhost",
    {createConnection: () => net.connect(path)});
""" + virtmux_test.NODE_HEAD[virtmux_test.NODE_HEAD.index("const request"):]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return "State:\tZ" not in file.read()
    except OSError:
        return False


def take_terminal(slave):
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def await_prompt(console):
    """The guest has booted, and what is typed reaches it."""
    console.stdin.write(b"\n")
    console.stdin.flush()
    read_until(console.stdout.fileno(), b"login: |# ")


def read_until(fd, pattern):
    """What came up to PATTERN (bytes)."""
    text = b""
    end = time.monotonic() + TIMEOUT
    while not re.search(pattern, text):
        if time.monotonic() > end:
            raise AssertionError(f"{pattern!r} not seen: {text!r}")
        if select.select([fd], [], [], 0.05)[0]:
            text += os.read(fd, 4096)
    return text


if __name__ == "__main__":
    virtmux_test.main()
