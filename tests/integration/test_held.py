#!/usr/bin/env python3
# timeout: 300
# sanitized: the session answers for streams that have gone
"""A command that the session holds, since its host is away: a person is told so on one
line, which goes when the command goes on; what was not sent is not told as unknown.
"""
import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import virtmux_test
from test_session import SessionCase
from virtmux_test import TIMEOUT, end_process, run, wait_for

COLUMNS = 240
PATIENCE = 60  # seconds of connect-timeout: nothing here waits for it
SHORT = "700ms"
LINE = (r"virtmux: host 'test' is away since \d\d:\d\d:\d\d, (tried again in \d+ s|being "
        r"tried); Ctrl-C: nothing is done \(.*nothing listens there")
WIPED = b"\r\x1b[K"


class Person:
    """A command whose standard error is a terminal."""

    def __init__(self, case, *words, term="xterm"):
        self.master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, COLUMNS, 0, 0))
        self.text = b""
        self.process = case.alice.spawn(
            *words, env={"TERM": term}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=terminal, start_new_session=True)
        os.close(terminal)
        case.addCleanup(os.close, self.master)
        case.addCleanup(self.process.stdout.close)
        case.addCleanup(end_process, self.process, signal.SIGKILL)

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            try:
                self.text += os.read(self.master, 4096)
            except OSError:  # the other side is closed
                break
        return self.text.decode()

    def see(self, pattern):
        return wait_for(lambda: re.search(pattern, self.read()), pattern)

    def wait(self):
        status = self.process.wait(TIMEOUT)
        self.read()
        return status


class Held(SessionCase):

    def setUp(self):
        super().setUp()
        self.make_client(self.daemon, **{"connect-timeout": f"{PATIENCE}s"})

    def lose_host(self):
        self.open()
        self.daemon.stop(signal.SIGKILL)
        wait_for(lambda: self.sessions()[0]["state"] == "away", "it is away")

    def start_again(self):
        self.daemon.write_config({"daemon": {"listen": self.daemon.address}})
        self.daemon.spawn()
        wait_for(lambda: self.sessions()[0]["state"] == "serving", "it is back")

    def assert_not_done(self):
        """Nor is it later, when the host is back."""
        self.start_again()
        self.assertIn(" running", self.virtmux("list"))
        self.assertFalse([line for line in self.daemon.audit()
                          if line.get("method") == "domain.suspend"])

    def test_a_person_is_told(self):
        self.lose_host()
        person = Person(self, "suspend", "test")
        person.see(LINE)
        drawn = len(re.findall("is away since", person.read()))
        wait_for(lambda: len(re.findall("is away since", person.read())) > drawn,
                 "it is renewed")
        self.assertNotIn("\n", person.read())
        self.start_again()
        self.assertEqual(person.wait(), 0)
        line, wiped, rest = person.text.rpartition(WIPED)
        self.assertEqual(wiped, WIPED)
        self.assertNotIn(b"away", rest)
        self.assertIn("suspended", person.process.stdout.read().decode().lower())

    def test_streams_are_told_of(self):
        self.lose_host()
        person = Person(self, "event", "--loop")
        person.see(LINE)
        self.start_again()
        wait_for(lambda: person.read().endswith(WIPED.decode()), "it is wiped")
        self.assertIsNone(person.process.poll())

    def test_a_dumb_terminal_has_it_once(self):
        self.lose_host()
        person = Person(self, "list", term="dumb")
        person.see(LINE + r".*\n")
        time.sleep(2.5)  # more often it would be renewed
        self.assertEqual(person.read().count("is away since"), 1)
        self.start_again()
        self.assertEqual(person.wait(), 0)

    def test_ctrl_c(self):
        self.lose_host()
        for words, said in ((("suspend", "test"), "domain.suspend was not sent"),
                            (("list",), "interrupted")):
            person = Person(self, *words)
            person.see(LINE)
            person.process.send_signal(signal.SIGINT)
            self.assertEqual(person.wait(), 130)
            last = person.text.rpartition(WIPED)[2].decode()
            self.assertIn(said, last)
            self.assertNotIn("not known", last)
        self.assertEqual(self.sessions()[0]["streams"], 0)
        self.assert_not_done()

    def assert_held_for_short(self, *words):
        begin = time.monotonic()
        done = self.alice.run(*words)
        self.assertLess(time.monotonic() - begin, PATIENCE / 2)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertRegex(done.stderr, "^virtmux: .*host 'test' has been away for .*nothing "
                                      "was done: .*nothing listens")
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_a_timeout_that_is_shorter(self):
        self.lose_host()
        self.assert_held_for_short("suspend", "test", "--timeout", SHORT)
        self.assert_held_for_short("list", "--timeout", SHORT)
        self.assertEqual(self.sessions()[0]["streams"], 0)
        self.assert_not_done()

    def test_a_configured_timeout_that_is_shorter(self):
        self.make_client(self.daemon, timeout="1s", **{"connect-timeout": f"{PATIENCE}s"})
        self.lose_host()
        self.assert_held_for_short("suspend", "test")
        self.assert_not_done()

    def test_a_way_that_swallows(self):
        """The kernel takes connections for a host that says nothing."""
        self.open()
        self.daemon.stop(signal.SIGKILL)
        address, port = self.daemon.address.split(":")
        with socket.create_server((address, int(port))):
            done = self.alice.run("suspend", "test", "--timeout", SHORT)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("nothing was done", done.stderr)
        self.assert_not_done()

    def test_what_was_sent_is_unknown(self):
        """The host has got it, perhaps: it stands still, and the connection stands."""
        self.open()
        self.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.process.send_signal, signal.SIGCONT)
        done = self.alice.run("suspend", "test", "--timeout", SHORT)
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertIn("not known", done.stderr)

    def test_without_a_terminal_only_the_end_is_told(self):
        self.make_client(self.daemon, **{"connect-timeout": "2s"})
        self.lose_host()
        done = self.alice.run("list")
        self.assertEqual(done.returncode, 5)
        self.assertRegex(done.stderr, r"\A[^\n]*connect-timeout[^\n]*nothing was done[^\n]*\n\Z")

    def test_those_that_end_while_they_are_held(self):
        """Killed at any moment: the session goes on."""
        self.lose_host()
        for _ in range(3):
            gone = [self.alice.spawn("list", stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL) for _ in range(5)]
            for process in gone:
                self.addCleanup(end_process, process, signal.SIGKILL)
            wait_for(lambda: self.sessions()[0]["streams"] == 5, "they are held")
            for process in gone:
                process.kill()
            wait_for(lambda: self.sessions()[0]["streams"] == 0, "they have gone")
        self.start_again()
        self.assertIn("running", self.virtmux("list"))


if __name__ == "__main__":
    virtmux_test.main()
