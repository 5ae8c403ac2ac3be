#!/usr/bin/env python3
# timeout: 300
"""Every way in which virtmux gets the passphrase of a key (descriptor, file,
askpass, terminal), the order of them, and keys that it refuses.
"""
import json
import os
import pty
import re
import select
import signal
import termios
import time

import virtmux_test
from virtmux_test import PASSPHRASE, VIRTMUX, write_file

WRONG = "not the passphrase"
ASKPASS = """#!/bin/sh
echo "$1" >> "$0.asked"
echo "{answer}"
exit {status}
"""


class Terminal:
    """A process of its own session with a terminal, and what it shows."""

    def __init__(self, command, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment)
        self.seen = ""
        self.status = None

    def read(self, wait):
        ready, _, _ = select.select([self.fd], [], [], wait)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern):
        end = time.monotonic() + virtmux_test.TIMEOUT
        while not re.search(pattern, self.seen):
            if time.monotonic() > end or not self.read(1) and self.ended():
                raise AssertionError(f"{pattern!r} not in {self.seen!r}")
        self.seen = self.seen[re.search(pattern, self.seen).end():]

    def type(self, text):
        os.write(self.fd, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def finish(self):
        """Its exit status, once it has ended; all that it showed is in seen."""
        end = time.monotonic() + virtmux_test.TIMEOUT
        while self.read(0.2) or not self.ended():
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"it does not end: {self.seen!r}")
        os.close(self.fd)
        return self.status


class KeyCase(virtmux_test.Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.client(self.daemon)
        self.environment = {
            name: value for name, value in self.alice.environment.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY")}

    def run_alone(self, *words, env=None, **options):
        """Without the helper's passphrase, and without a terminal."""
        return virtmux_test.run(VIRTMUX, *words, start_new_session=True,
                                env={**self.environment, **(env or {})}, **options)

    def assert_lists(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["domains"][0]["name"], "test")

    def assert_refused(self, done, *patterns, status=6):
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        for pattern in patterns:
            self.assertRegex(done.stderr, pattern)

    def askpass(self, answer=PASSPHRASE, status=0, name="askpass"):
        return write_file(os.path.join(self.work, name),
                          ASKPASS.format(answer=answer, status=status), 0o700)

    def asked(self, program):
        """The prompts that an askpass program was given."""
        try:
            return virtmux_test.read_file(program + ".asked").splitlines()
        except FileNotFoundError:
            return []


class Given(KeyCase):
    def run_with_fd(self, text, *words):
        reader, writer = os.pipe()
        os.write(writer, text.encode())
        os.close(writer)
        try:
            return self.run_alone("list", "-j", f"--passphrase-fd={reader}", *words,
                                  pass_fds=[reader])
        finally:
            os.close(reader)

    def test_descriptor(self):
        self.assert_lists(self.run_with_fd(PASSPHRASE + "\nmore"))
        self.assert_lists(self.run_with_fd(PASSPHRASE, "--batch"))
        self.assert_refused(self.run_with_fd(WRONG + "\n"), "passphrase", "alice.key")
        self.assert_refused(self.run_with_fd(""), "passphrase")
        done = self.run_alone("list", "--passphrase-fd=77")
        self.assert_refused(done, "descriptor 77")
        done = self.run_alone("list", "-j", "--passphrase-fd=0", input=PASSPHRASE + "\n")
        self.assert_lists(done)

    def run_with_file(self, text, mode=0o600):
        file = os.path.join(self.work, "pass")
        write_file(file, text)
        os.chmod(file, mode)
        return self.run_alone("list", "-j", f"--passphrase-file={file}")

    def test_file(self):
        self.assert_lists(self.run_with_file(PASSPHRASE + "\n"))
        self.assert_lists(self.run_with_file(PASSPHRASE))
        self.assert_refused(self.run_with_file(WRONG), "passphrase")
        self.assert_refused(self.run_with_file(PASSPHRASE, 0o644), "chmod")
        self.assert_refused(self.run_alone("list", "--passphrase-file=/nowhere/p"),
                            "/nowhere/p")

    def test_first_source_counts(self):
        """What is given on the command line is used, right or wrong."""
        askpass = self.askpass()
        reader, writer = os.pipe()
        os.write(writer, WRONG.encode())
        os.close(writer)
        self.addCleanup(os.close, reader)
        done = self.run_alone(
            "list", f"--passphrase-fd={reader}", "--passphrase-file",
            self.alice.passphrase_file, pass_fds=[reader],
            env={"VIRTMUX_ASKPASS": askpass})
        self.assert_refused(done, "passphrase")
        self.assertEqual(self.asked(askpass), [])

    def test_nobody_to_ask(self):
        self.assert_refused(self.run_alone("list"), "--passphrase-fd", "no terminal")
        askpass = self.askpass()
        done = self.run_alone("list", "--batch", env={"VIRTMUX_ASKPASS": askpass})
        self.assert_refused(done, "--batch")
        self.assertEqual(self.asked(askpass), [])


class Askpass(KeyCase):
    def test_virtmux_askpass(self):
        askpass = self.askpass()
        other = self.askpass(WRONG, name="other")
        self.assert_lists(self.run_alone("list", "-j", env={
            "VIRTMUX_ASKPASS": askpass, "SSH_ASKPASS": other,
            "SSH_ASKPASS_REQUIRE": "force"}))
        prompts = self.asked(askpass)
        self.assertEqual(len(prompts), 1)
        self.assertIn("alice.key", prompts[0])
        self.assertEqual(self.asked(other), [])

    def test_three_tries(self):
        askpass = self.askpass(WRONG)
        done = self.run_alone("list", env={"VIRTMUX_ASKPASS": askpass})
        self.assert_refused(done, "passphrase", "alice.key")
        self.assertEqual(len(self.asked(askpass)), 3)

    def test_cancelled(self):
        askpass = self.askpass("", status=1)
        done = self.run_alone("list", env={"VIRTMUX_ASKPASS": askpass})
        self.assert_refused(done, "gave no passphrase")
        self.assertEqual(len(self.asked(askpass)), 1)
        done = self.run_alone("list", env={"VIRTMUX_ASKPASS": "/nowhere/askpass"})
        self.assert_refused(done, "/nowhere/askpass")

    def test_ssh_askpass_without_terminal(self):
        """The rules of ssh: a display, unless it is forced; never with never."""
        for display, require, used in (
                (None, None, False), (":1", None, True), (None, "force", True),
                (":1", "prefer", True), (None, "prefer", False), (":1", "never", False)):
            with self.subTest(display=display, require=require):
                askpass = self.askpass(name=f"askpass-{display}-{require}")
                env = {"SSH_ASKPASS": askpass}
                if display:
                    env["DISPLAY"] = display
                if require:
                    env["SSH_ASKPASS_REQUIRE"] = require
                done = self.run_alone("list", "-j", env=env)
                if used:
                    self.assert_lists(done)
                else:
                    self.assert_refused(done, "no terminal")
                self.assertEqual(len(self.asked(askpass)), int(used))


class AtTerminal(KeyCase):
    def terminal(self, *words, env=None):
        return Terminal([VIRTMUX, *words], {**self.environment, **(env or {})})

    def test_typed(self):
        t = self.terminal("list")
        t.expect(r"Passphrase for \S+alice\.key: ")
        self.assertFalse(t.echoes())
        t.type(PASSPHRASE + "\n")
        t.expect(r" 1    test   running")
        self.assertEqual(t.finish(), 0)
        self.assertNotIn(PASSPHRASE, t.seen)

    def test_three_tries(self):
        t = self.terminal("list")
        t.expect("Passphrase for ")
        t.type(WRONG + "\n")
        t.expect("That was wrong. Passphrase for ")
        t.type(PASSPHRASE + "\n")
        t.expect("test   running")
        self.assertEqual(t.finish(), 0)
        t = self.terminal("list")
        for _ in range(3):
            t.expect("Passphrase for ")
            t.type(WRONG + "\n")
        t.expect("virtmux: the passphrase does not open the key ")
        self.assertEqual(t.finish(), 6)

    def test_interrupted(self):
        t = self.terminal("list")
        t.expect("Passphrase for ")
        t.type("half\x03")
        self.assertEqual(t.finish(), 130)
        t = self.terminal("list")
        t.expect("Passphrase for ")
        t.type("\x04")
        self.assertEqual(t.finish(), 6)

    def test_killed(self):
        """By a signal, with the terminal as it was."""
        t = self.terminal("list")
        t.expect("Passphrase for ")
        self.assertFalse(t.echoes())
        keeper = os.dup(t.fd)
        self.addCleanup(os.close, keeper)
        os.kill(t.pid, signal.SIGTERM)
        self.assertEqual(t.finish(), -signal.SIGTERM)
        self.assertTrue(termios.tcgetattr(keeper)[3] & termios.ECHO)

    def test_shell_suspends(self):
        """Ctrl-Z in a shell, and fg: it asks again."""
        t = Terminal(["/bin/bash", "--norc", "-i"],
                     {**self.environment, "PS1": "$ ", "TERM": "dumb"})
        t.expect(r"\$ $")
        t.type(f"{VIRTMUX} list\n")
        t.expect("Passphrase for ")
        t.type("half\x1a")
        t.expect("Stopped")
        t.expect(r"\$ $")
        t.type("fg\n")
        t.expect("Passphrase for ")
        self.assertFalse(t.echoes())
        t.type(PASSPHRASE + "\n")
        t.expect("test   running")
        t.type("exit\n")
        t.finish()

    def test_terminal_or_askpass(self):
        askpass = self.askpass()
        t = self.terminal("list", env={"SSH_ASKPASS": askpass, "DISPLAY": ":1"})
        t.expect("Passphrase for ")
        t.type(PASSPHRASE + "\n")
        t.expect("test   running")
        self.assertEqual(t.finish(), 0)
        self.assertEqual(self.asked(askpass), [])
        t = self.terminal("list", env={"SSH_ASKPASS": askpass, "DISPLAY": ":1",
                                       "SSH_ASKPASS_REQUIRE": "prefer"})
        t.expect("test   running")
        self.assertEqual(t.finish(), 0)
        self.assertEqual(len(self.asked(askpass)), 1)

    def test_standard_input_stays(self):
        """The prompt is on the terminal, also where input and output are not."""
        out = os.path.join(self.work, "out")
        t = Terminal(["/bin/sh", "-c", f"{VIRTMUX} list -j < /dev/null > {out}"],
                     self.environment)
        t.expect("Passphrase for ")
        t.type(PASSPHRASE + "\n")
        self.assertEqual(t.finish(), 0)
        self.assertIn("domains", json.loads(virtmux_test.read_file(out)))


class Files(KeyCase):
    def run_with_key(self, key):
        return self.run_alone("list", "-j", "--key", key, "--passphrase-file",
                              self.alice.passphrase_file)

    def test_plain_key(self):
        self.assert_lists(self.run_with_key(self.authority.user("alice").plain_key))

    def read_as(self, name, plain, *words):
        """That the client reads the key in the form that openssl WORDS make."""
        with self.subTest(name):
            key = os.path.join(self.work, name)
            write_file(key, virtmux_test.must_run("openssl", *words, "-in", plain))
            self.assert_lists(self.run_with_key(key))
            if "-passout" in words:
                self.assert_refused(
                    self.run_alone("list", "--key", key, "--batch"), "needs a passphrase")
                wrong = write_file(os.path.join(self.work, "wrong"), WRONG)
                self.assert_refused(
                    self.run_alone("list", "--key", key, "--passphrase-file", wrong),
                    "the passphrase does not open the key")

    def test_forms(self):
        """Every PEM form that openssl writes, with and without a passphrase."""
        plain = self.authority.user("alice").plain_key
        password = ["-passout", "file:" + self.alice.passphrase_file]
        self.read_as("pkcs8", plain, "pkcs8", "-topk8", "-nocrypt")
        self.read_as("sec1", plain, "ec")
        self.read_as("scrypt", plain, "pkcs8", "-topk8", "-scrypt", *password)
        for cipher in ("aes-128-cbc", "aes-256-cbc", "aria-256-cbc", "camellia-256-cbc",
                       "des3"):
            self.read_as(cipher, plain, "pkcs8", "-topk8", "-v2", cipher, *password)
        for digest in ("hmacWithSHA1", "hmacWithSHA512"):
            self.read_as(digest, plain, "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf",
                         digest, *password)
        for scheme in ("PBE-SHA1-3DES", "PBE-SHA1-2DES"):
            self.read_as(scheme, plain, "pkcs8", "-topk8", "-v1", scheme, *password)
        for cipher in ("aes128", "aes256", "des3", "camellia256", "aria256"):
            self.read_as("sec1-" + cipher, plain, "ec", "-" + cipher, *password)

    def test_legacy_forms(self):
        """Those of ciphers that OpenSSL 3 has in its legacy provider alone."""
        plain = self.authority.user("alice").plain_key
        password = ["-passout", "file:" + self.alice.passphrase_file,
                    "-provider", "legacy", "-provider", "default"]
        for scheme in ("PBE-SHA1-RC2-40", "PBE-SHA1-RC2-128", "PBE-SHA1-RC4-128",
                       "PBE-MD5-DES", "PBE-SHA1-DES"):
            self.read_as(scheme, plain, "pkcs8", "-topk8", "-v1", scheme, *password)
        for cipher in ("des", "seed"):
            self.read_as("sec1-" + cipher, plain, "ec", "-" + cipher, *password)

    def test_refused(self):
        plain = self.authority.user("alice").plain_key
        text = virtmux_test.read_file(plain)
        open_key = write_file(os.path.join(self.work, "open.key"), text)
        os.chmod(open_key, 0o640)
        self.assert_refused(self.run_with_key(open_key), "chmod", "open.key")
        self.assert_refused(self.run_with_key("/nowhere/k"), "/nowhere/k", "host 'test'")
        empty = write_file(os.path.join(self.work, "empty.key"), "")
        self.assert_refused(self.run_with_key(empty), "empty.key", "no private key")
        certificate = write_file(
            os.path.join(self.work, "c.key"),
            virtmux_test.read_file(self.authority.user("alice").certificate))
        self.assert_refused(self.run_with_key(certificate), "no private key")
        other = self.authority.user("bob").plain_key
        self.assert_refused(self.run_with_key(other), "bob.key.plain", "alice.crt")

    def test_other_owner(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to give a file away")
        key = write_file(os.path.join(self.work, "k"),
                         virtmux_test.read_file(self.authority.user("alice").plain_key))
        os.chown(key, 65534, 65534)
        self.assert_refused(self.run_with_key(key), "own")

    def test_none_configured(self):
        write_file(self.alice.config, f"[host test]\naddress = {self.daemon.address}\n")
        done = self.run_alone("list")
        self.assert_refused(done, "no certificate", "virtmux enroll",
                            re.escape(self.alice.config))
        user = self.authority.user("alice")
        done = self.run_alone("list", "--certificate", user.certificate)
        self.assert_refused(done, "no key", "virtmux enroll")
        done = self.run_alone("list", "--certificate", user.certificate, "--key",
                              user.plain_key)
        self.assert_refused(done, "no CA", "ca = FILE")

    def test_key_log(self):
        """SSLKEYLOGFILE works and is loud."""
        log = os.path.join(self.work, "keys")
        done = self.alice.run("list", env={"SSLKEYLOGFILE": log})
        self.assertEqual(done.returncode, 0)
        self.assertIn("SSLKEYLOGFILE", done.stderr)
        self.assertIn("CLIENT_TRAFFIC_SECRET_0", virtmux_test.read_file(log))
        self.assertEqual(os.stat(log).st_mode & 0o077, 0)

    def test_no_secret_in_sight(self):
        """Neither arguments nor environment of virtmux or askpass carry it."""
        askpass = write_file(os.path.join(self.work, "spy"), (
            "#!/bin/sh\ncat /proc/$PPID/cmdline /proc/$PPID/environ /proc/$$/environ > "
            f"{self.work}/spied\ncat {self.alice.passphrase_file}\n"), 0o700)
        self.assert_lists(self.run_alone("list", "-j", env={"VIRTMUX_ASKPASS": askpass}))
        with open(os.path.join(self.work, "spied"), "rb") as spied:
            self.assertNotIn(PASSPHRASE.encode(), spied.read())


if __name__ == "__main__":
    virtmux_test.main()
