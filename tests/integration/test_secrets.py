#!/usr/bin/env python3
# timeout: 300
"""That no passphrase, PIN or private key is left in a client that has reached its
host: not in the memory of a command that runs, in core dumps, logs, arguments or the
environment. A session keeps its key, to reconnect: in locked memory that no dump has, and
nowhere else; and gcore finds nothing. Each search is tried on a process that has its key,
where it must find it.
"""
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import unittest

import virtmux_test
from test_pkcs11 import MODULE, PIN, Token
from virtmux_test import PASSPHRASE, VIRTMUX, must_run, need, write_file

FORMS = {
    "scrypt": ["pkcs8", "-topk8", "-scrypt"],
    "pbkdf2": ["pkcs8", "-topk8", "-v2", "aes-256-cbc"],
    "pbe-v1": ["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"],
    "legacy": ["pkey", "-traditional", "-aes256"],
}
KINDS = {"p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
         "ed25519": ["ED25519"]}


def readable_maps(pid):
    """Begin, end and the kernel's flags of each."""
    text = virtmux_test.read_file(f"/proc/{pid}/smaps")
    for match in re.finditer(r"^([0-9a-f]+)-([0-9a-f]+) (r\S*) (.*)\n(?:[A-Z].*\n)*?"
                             r"VmFlags: (.*)$", text, re.M):
        begin, end, _, what, flags = match.groups()
        if "[v" not in what:
            yield int(begin, 16), int(end, 16), flags.split()


def memory_of(pid, left_out=()):
    """All that can be read of a process, part by part, but those with all the flags
    LEFT_OUT, where there are any."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, flags in readable_maps(pid):
            if left_out and set(left_out) <= set(flags):
                continue
            try:
                memory.seek(begin)
                yield memory.read(end - begin)
            except OSError:
                continue  # reserved, and never used


def private_numbers(key):
    """The numbers that make KEY private, as openssl tells them."""
    text = must_run("openssl", "pkey", "-in", key, "-noout", "-text")
    names = r"(?:priv|privateExponent|prime1|prime2|exponent1|exponent2|coefficient)"
    for match in re.finditer(rf"^{names}:\n((?: +[0-9a-f:]+\n)+)", text, re.M):
        digits = re.sub(r"[^0-9a-f]", "", match.group(1))
        yield bytes.fromhex(digits).lstrip(b"\0")


def secrets_of(key, passphrase=PASSPHRASE):
    """{what: bytes} to look for: the passphrase also as PKCS#12 spells it, numbers
    in both byte orders, the file's texts. KEY: its plain file, or None."""
    found = {"passphrase": passphrase.encode(),
             "passphrase, UTF-16": passphrase.encode("utf-16-be")}
    if not key:
        return found
    for i, number in enumerate(private_numbers(key)):
        found[f"number {i}"] = number
        found[f"number {i}, reversed"] = number[::-1]
    for i, line in enumerate(virtmux_test.read_file(key).splitlines()[1:-1]):
        if i > 0 and len(line) >= 24:  # the first is alike in all keys
            found[f"line {i}"] = line.encode()
    return found


@unittest.skipIf(virtmux_test.is_sanitized(), "ASan's memory is of terabytes")
class SecretsCase(virtmux_test.Case):
    access = {"*": {"role": "admin", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.home = tempfile.mkdtemp(prefix="home", dir=self.work)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(
                ("VIRTMUX_", "XDG_", "SSH_ASKPASS", "DISPLAY"))},
            "HOME": self.home, "XDG_RUNTIME_DIR": self.home, "NO_COLOR": "1",
            "VIRTMUX_CONFIG": os.path.join(self.home, "config")}
        self.sealed = os.path.join(self.work, "sealed.key")
        self.plain = os.path.join(self.work, "plain.key")

    def make_key(self, kind, form):
        """A key with its certificate, plain for us and sealed for the client."""
        for path in (self.plain, self.sealed):
            os.close(os.open(path, os.O_CREAT | os.O_TRUNC, 0o600))
        must_run("openssl", "genpkey", "-algorithm", *KINDS[kind], "-out", self.plain)
        public = os.path.join(self.work, "user.pub")
        must_run("openssl", "pkey", "-in", self.plain, "-pubout", "-out", public)
        Token.sign(self, self.authority, "user", public)
        must_run("openssl", *FORMS[form], "-in", self.plain, "-out", self.sealed,
                 "-passout", "file:" + self.authority.passphrase_file)
        self.configure(self.sealed)

    folder = property(lambda self: self.work)  # where Token.sign() puts things

    def certificate(self, name):
        return os.path.join(self.work, name + ".crt")

    def configure(self, key, address=None, certificate=None):
        write_file(self.environment["VIRTMUX_CONFIG"], virtmux_test.ini({"host test": {
            "address": address or self.daemon.address, "ca": self.authority.ca,
            "certificate": certificate or self.certificate("user"), "key": key}}))

    def command(self, *words):
        return [VIRTMUX, "--passphrase-file", self.authority.passphrase_file, *words]

    def open_session(self, *words):
        """Its process's number."""
        done = virtmux_test.run(*self.command("session", "open", "test"), *words,
                                start_new_session=True, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(self.end_session)
        self.log = done.stderr
        return self.session_pid()

    def session_pid(self):
        out = must_run(VIRTMUX, "session", "-f", "jsonl", env=self.environment)
        return int(re.search(r'"pid":(\d+)', out).group(1))

    def end_session(self):
        virtmux_test.run(VIRTMUX, "session", "end", "test", env=self.environment)

    def look(self, pid, secrets, left_out=()):
        """Which of SECRETS stand in the memory of the process; see memory_of()."""
        try:
            parts = list(memory_of(pid, left_out))
        except PermissionError:
            self.skipTest("the memory of other processes cannot be read here")
        self.assertGreater(sum(map(len, parts)), 1 << 20)
        return [what for what, secret in secrets.items()
                if any(secret in part for part in parts)]


class Memory(SecretsCase):
    def test_session(self):
        for kind, form in (("p256", "scrypt"), ("rsa", "scrypt"), ("ed25519", "scrypt"),
                           ("p256", "pbkdf2"), ("rsa", "pbe-v1"), ("rsa", "legacy"),
                           ("p256", "legacy")):
            with self.subTest(kind=kind, form=form):
                self.make_key(kind, form)
                pid = self.open_session()
                self.look_at_session(pid)
                must_run(VIRTMUX, "list", env=self.environment, start_new_session=True)
                self.look_at_session(pid)
                self.daemon.stop()
                self.start_again()
                must_run(VIRTMUX, "list", env=self.environment, start_new_session=True)
                self.assertEqual(self.session_pid(), pid)
                self.look_at_session(pid)
                self.end_session()

    def look_at_session(self, pid):
        """The key's numbers are in locked memory that no dump has, and nothing else is
        anywhere, also after the key was used again."""
        secrets = secrets_of(self.plain)
        self.assertEqual(self.look(pid, secrets, ("lo", "dd")), [])
        found = self.look(pid, secrets)
        self.assertTrue(found)
        self.assertTrue(all(what.startswith("number ") for what in found), found)

    def start_again(self):
        self.daemon.write_config({"daemon": {"listen": self.daemon.address}})
        self.daemon.spawn()

    def test_while_needed(self):
        """While the host has not answered the key is there, once, as OpenSSL's number:
        so the search can find it; all that it was read from is wiped already."""
        for form in ("scrypt", "pbe-v1"):
            self.make_key("p256", form)
            with self.subTest(form), socket.create_server(("127.0.0.1", 0)) as silent:
                self.configure(self.sealed, f"127.0.0.1:{silent.getsockname()[1]}")
                process = subprocess.Popen(
                    self.command("--no-session", "list"), env=self.environment,
                    start_new_session=True, stderr=subprocess.DEVNULL)
                self.addCleanup(virtmux_test.end_process, process)
                peer, _ = silent.accept()
                with peer:
                    self.assertTrue(peer.recv(16))  # it has begun the handshake
                    self.assertEqual(self.look(process.pid, secrets_of(self.plain)),
                                     ["number 0, reversed"])

    def test_command(self):
        """A command that holds a connection of its own, while it runs."""
        self.make_key("rsa", "scrypt")
        process = subprocess.Popen(
            self.command("--no-session", "speed", "--megabytes=1000000"),
            env=self.environment, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(virtmux_test.end_process, process, signal.SIGKILL)
        self.daemon.wait_audit(identity="user-user")
        self.assertEqual(self.look(process.pid, secrets_of(self.plain)), [])
        self.assertIsNone(process.poll())

    def test_dumps(self):
        """What gcore makes of a session has nothing, nor does it dump core."""
        need("gcore")
        self.make_key("rsa", "scrypt")
        pid = self.open_session()
        image = os.path.join(self.work, "image")
        must_run("gcore", "-o", image, str(pid))
        with open(f"{image}.{pid}", "rb") as file:
            text = file.read()
        self.assertGreater(len(text), 1 << 20)
        self.assertEqual([what for what, secret in secrets_of(self.plain).items()
                          if secret in text], [])
        limits = virtmux_test.read_file(f"/proc/{pid}/limits")
        self.assertRegex(limits, r"Max core file size +1 ")

    def test_no_core(self):
        """Killed by SIGSEGV with its key in hand, it dumps none; others do."""
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        if resource.getrlimit(resource.RLIMIT_CORE)[1] != unlimited[1]:
            self.skipTest("core dumps are forbidden here")

        def dumps(command):
            """Whether it dumps core when it is killed once it waits for the host."""
            process = subprocess.Popen(
                command, env=self.environment, cwd=self.work, start_new_session=True,
                stderr=subprocess.DEVNULL, preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_CORE, unlimited))
            if command[0] == VIRTMUX:
                peer, _ = silent.accept()
                self.addCleanup(peer.close)
                self.assertTrue(peer.recv(16))  # it has its key in hand
            process.send_signal(signal.SIGSEGV)
            status = os.waitpid(process.pid, 0)[1]
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, -signal.SIGSEGV)
            return os.WCOREDUMP(status)

        self.make_key("p256", "scrypt")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.configure(self.sealed, f"127.0.0.1:{silent.getsockname()[1]}")
            if not dumps(["sleep", "100"]):
                self.skipTest("nothing dumps core here")
            self.assertFalse(dumps(self.command("--no-session", "list")))

    def test_token(self):
        """The PIN of a token, which OpenSSL's engine keeps with the key, and nothing that
        we made of it; the key's numbers are SoftHSM's own affair."""
        if not os.path.exists(MODULE):
            self.skipTest("SoftHSM is not installed")
        token = Token(self.work, self.authority)
        self.environment.update(token.environment)
        pin_file = write_file(os.path.join(self.work, "pin"), PIN + "\n")
        for name in ("ec", "rsa"):
            with self.subTest(name):
                self.configure(token.uri(name), certificate=token.certificate(name))
                must_run(VIRTMUX, "session", "open", "test", "--passphrase-file", pin_file,
                         env=self.environment, start_new_session=True)
                self.addCleanup(self.end_session)
                self.assertEqual(self.look(self.session_pid(), secrets_of(None, PIN)),
                                 ["passphrase"])
                self.end_session()


class Elsewhere(SecretsCase):
    def test_logs_and_arguments(self):
        """The loudest log of client and host, the session's arguments, environment."""
        self.make_key("p256", "scrypt")
        secrets = secrets_of(self.plain)
        secrets["file of the key"] = b"PRIVATE KEY"
        done = virtmux_test.run(*self.command("-vv", "--no-session", "list"),
                                env=self.environment, start_new_session=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("debug", done.stderr.lower())
        pid = self.open_session("-vv")
        texts = {"client's log": done.stderr.encode(),
                 "session's log": self.log.encode(),
                 "host's log": self.daemon.log().encode()}
        for file in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{file}", "rb") as opened:
                texts[file] = opened.read()
        for where, text in texts.items():
            self.assertTrue(text)
            for what, secret in secrets.items():
                self.assertNotIn(secret, text, (where, what))


if __name__ == "__main__":
    virtmux_test.main()
