#!/usr/bin/env python3
# sanitized: other users and forged sockets at a session's path
"""Sessions that are none: why one cannot be had is said, and the command goes its own
way; who listens in a session's place is noticed; and another user of the machine can
neither use a session nor read anything of it.
"""
import os
import signal
import socket
import subprocess
import sys

import virtmux_test
from test_session import is_alive
from test_session_start import StartCase
from virtmux_test import PASSPHRASE, TIMEOUT, end_process, wait_for, write_file


class Impossible(StartCase):
    """A session is not to be had: a warning, and a connection of the command's own."""

    def assert_alone(self, words, environment=None):
        done = self.command("list", env={**self.alice.environment, **(environment or {})})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("running", done.stdout)
        self.assertRegex(done.stderr, words)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.openers(), [])

    def test_no_folder(self):
        self.assert_alone("no session is used.*/proc/nowhere",
                          {"XDG_RUNTIME_DIR": "/proc/nowhere"})

    def test_a_path_too_long(self):
        folder = os.path.join(self.work, "x" * 100)
        os.mkdir(folder, 0o700)
        self.assert_alone("too long for a socket's path", {"XDG_RUNTIME_DIR": folder})

    def test_a_folder_that_others_can_enter(self):
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.assert_alone("others can reach.*chmod go=")
        os.chmod(self.folder, 0o700)

    def test_a_link_in_its_place(self):
        os.makedirs(self.folder, 0o700)
        real = os.path.join(self.work, "real")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(real)
            server.listen()
            os.symlink(real, self.socket)
            self.assert_alone("is not a socket: remove it")
            server.setblocking(False)
            self.assertRaises(BlockingIOError, server.accept)
        os.unlink(self.socket)
        write_file(self.socket, "")
        self.assert_alone("is not a socket: remove it")
        os.unlink(self.socket)
        os.symlink("/nowhere", self.socket + ".lock")
        self.assert_alone(r"cannot open .*\.lock")

    def forge(self):
        """A process of this user that listens where the session would; it says nothing."""
        os.makedirs(self.folder, 0o700, exist_ok=True)
        forger = subprocess.Popen([sys.executable, "-c", FORGER, self.socket],
                                  stdout=subprocess.PIPE)
        self.addCleanup(end_process, forger, signal.SIGKILL)
        self.addCleanup(forger.stdout.close)
        self.assertEqual(forger.stdout.readline(), b"listens\n")
        return forger

    def test_a_process_that_is_no_session(self):
        self.good("list")
        self.asked()
        pid = self.sessions()[0]["pid"]
        os.unlink(self.socket)
        forger = self.forge()
        self.assert_no_session(forger, pid)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not is_alive(pid), "the real one ends")
        self.assert_alone(f"process {forger.pid} listens on .* and is no session")

    def assert_no_session(self, forger, pid):
        done = self.command("list")
        self.assertIn("running", done.stdout)
        self.assertRegex(done.stderr,
                         f"process {forger.pid} listens on .* and is no session")
        done = self.command("session", "end")
        self.assertIn("is no session", done.stderr)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.openers(), [pid])
        self.asked()

    def test_a_process_that_nobody_knows(self):
        """Without a lock file it may be a session of old; it does not give way."""
        self.make_client(self.daemon, **{"connect-timeout": "1s"})
        self.askpass = self.make_askpass(PASSPHRASE)
        self.forge()
        self.assert_alone("does not give way: end it")


class Users(StartCase):
    """Another user of this machine."""

    OTHER = 65534

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be another user")
        super().setUp()

    def end_all(self):
        """The folder is ours again, and what is in it."""
        for path in (self.folder, self.socket):
            if os.path.exists(path):
                os.chown(path, 0, -1)
                os.chmod(path, 0o700)
        super().end_all()

    def as_other(self, script, *words):
        done = subprocess.run(["/usr/bin/python3", "-c", script, *words], cwd="/", check=False,
                              user=self.OTHER, group=self.OTHER, extra_groups=[],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TIMEOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def open_ways(self, path):
        while path not in ("/", "/tmp"):
            os.chmod(path, 0o755)
            path = os.path.dirname(path)

    def test_can_neither_connect_nor_read(self):
        self.good("list")
        pid = self.sessions()[0]["pid"]
        self.open_ways(self.alice.runtime)  # the session's folder alone keeps him out
        said = self.as_other(INTRUDER, self.socket, str(pid))
        self.assertEqual(set(said.split()), {"EACCES"}, said)
        self.assertEqual(len(said.split()), 7, said)

    def test_is_turned_away_by_the_session_itself(self):
        """And by the kernel's word, where he has got past folder and file."""
        self.good("list")
        self.open_ways(self.folder)
        os.chmod(self.socket, 0o666)
        self.assertEqual(self.as_other(CALLER, self.socket), "nothing\n")
        os.chmod(self.socket, 0o600)
        os.chmod(self.folder, 0o700)
        self.assertIn("running", self.good("list"))

    def test_is_not_taken_for_the_session(self):
        """He listens, and the file looks as ours: nothing is sent to him."""
        self.open_ways(self.alice.runtime)
        os.makedirs(self.folder)
        os.chown(self.folder, self.OTHER, -1)
        forger = subprocess.Popen(
            ["/usr/bin/python3", "-c", FORGER, self.socket], cwd="/", user=self.OTHER,
            group=self.OTHER, extra_groups=[], stdout=subprocess.PIPE, text=True)
        self.addCleanup(end_process, forger, signal.SIGKILL)
        self.addCleanup(forger.stdout.close)
        self.assertEqual(forger.stdout.readline(), "listens\n")
        for owner, words in ((None, "belongs to another user"),
                             (self.folder, "belongs to another user"),
                             (self.socket, "another user .uid 65534. serves")):
            if owner:
                os.chown(owner, 0, -1)
            os.chmod(self.folder, 0o700)
            os.chmod(self.socket, 0o600)
            done = self.command("list")
            self.assertIn("running", done.stdout)
            self.assertRegex(done.stderr, words)
        forger.send_signal(signal.SIGTERM)
        self.assertEqual(forger.stdout.read(), "got 0 bytes\n")

    def test_of_a_home_of_his_own(self):
        """Each user has sessions of his own, also where there is no XDG_RUNTIME_DIR."""
        folder = f"/tmp/virtmux-{os.getuid()}"
        if os.path.exists(folder):
            self.skipTest(f"{folder} is in use")
        os.mkdir(folder)
        self.addCleanup(os.rmdir, folder)
        os.chown(folder, self.OTHER, -1)
        done = self.command("list", env={**self.alice.environment,
                                         "XDG_RUNTIME_DIR": ""})
        self.assertIn("running", done.stdout)
        self.assertRegex(done.stderr, f"{folder} belongs to another user .uid 65534.")


FORGER = """
import os, signal, socket, sys
os.umask(0o177)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("listens", flush=True)
got = 0

def end(number, frame):
    print("got", got, "bytes", flush=True)
    sys.exit()

signal.signal(signal.SIGTERM, end)
while True:
    peer, _ = server.accept()
    try:
        got += len(peer.recv(4096))
    except ConnectionError:
        pass
"""

INTRUDER = """
import errno, os, socket, sys
path, pid = sys.argv[1:]

def attempt(what, *words):
    try:
        what(*words)
        print("succeeded:", words)
    except OSError as error:
        print(errno.errorcode[error.errno].replace("EPERM", "EACCES"))

attempt(socket.socket(socket.AF_UNIX).connect, path)
attempt(os.listdir, os.path.dirname(path))
attempt(open, path + ".lock")
attempt(open, f"/proc/{pid}/mem", "rb")
attempt(open, f"/proc/{pid}/environ", "rb")
attempt(os.listdir, f"/proc/{pid}/fd")
attempt(os.kill, int(pid), 15)
"""

CALLER = r"""
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(20)
try:
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    got = s.recv(9)
except (ConnectionResetError, BrokenPipeError):
    got = b""
print("something" if got else "nothing")
"""


if __name__ == "__main__":
    virtmux_test.main()
