#!/usr/bin/env python3
# timeout: 300
"""Keys on a token: a user with a P-256 or RSA key in SoftHSM lists the domains of a
real virtmuxd; the PIN is asked once, a session then asks nobody; and the words for a
wrong PIN, a key that is not there, and a missing module or engine.
"""
import json
import os
import re
import tempfile

import virtmux_test
from virtmux_test import VIRTMUX, must_run, need, write_file

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "4711-own-pin"
KEYS = {"ec": ["--generate-privkey=ecdsa", "--curve=secp256r1"],
        "rsa": ["--generate-privkey=rsa", "--bits=2048"]}
EXTENSIONS = """basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:virtmux://user/{name}
"""
ASKPASS = """#!/bin/sh
echo "$1" >> "$0.asked"
n=$(wc -l < "$0.asked")
sed -n "${n}p" "$0.answers"
"""


class Token:
    """A SoftHSM token with both keys, and certificates of users for them."""

    def __init__(self, folder, authority):
        need("softhsm2-util", "p11tool", "openssl")
        self.folder = tempfile.mkdtemp(prefix="hsm", dir=folder)
        os.mkdir(os.path.join(self.folder, "tokens"))
        self.environment = {"SOFTHSM2_CONF": write_file(
            os.path.join(self.folder, "conf"),
            f"directories.tokendir = {self.folder}/tokens\n"
            "objectstore.backend = file\nlog.level = ERROR\n")}
        env = {**os.environ, **self.environment, "GNUTLS_PIN": PIN}
        must_run("softhsm2-util", "--init-token", "--free", "--label", "card",
                 "--so-pin", "12345678", "--pin", PIN, env=env)
        for name, words in KEYS.items():
            public = os.path.join(self.folder, name + ".pub")
            must_run("p11tool", "--provider", MODULE, "--login", *words, "--label",
                     name, "--outfile", public, "pkcs11:token=card", env=env)
            self.sign(authority, name, public)

    def sign(self, authority, name, public):
        extensions = write_file(os.path.join(self.folder, name + ".ext"),
                                EXTENSIONS.format(name="user-" + name))
        must_run("openssl", "x509", "-new", "-force_pubkey", public, "-subj",
                 "/CN=user-" + name, "-extfile", extensions, "-days", "2",
                 "-CA", authority.ca, "-CAkey",
                 os.path.join(authority.folder, "ca.key"),
                 "-out", self.certificate(name))

    def certificate(self, name):
        return os.path.join(self.folder, name + ".crt")

    @staticmethod
    def uri(name):
        return f"pkcs11:token=card;object={name};type=private?module-path={MODULE}"


class Tokens(virtmux_test.Case):
    access = {"user-*": {"role": "admin", "domains": "*"}}

    def setUp(self):
        super().setUp()
        if not os.path.exists(MODULE):
            self.skipTest("SoftHSM is not installed")
        self.daemon = self.start_daemon()
        self.token = Token(self.work, self.authority)
        self.home = tempfile.mkdtemp(prefix="home", dir=self.work)
        self.pin_file = write_file(os.path.join(self.home, "pin"), PIN + "\n")
        self.askpass = write_file(os.path.join(self.home, "askpass"), ASKPASS, 0o700)
        self.environment = {
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("VIRTMUX_", "XDG_", "SSH_ASKPASS", "DISPLAY"))},
            **self.token.environment, "HOME": self.home,
            "XDG_RUNTIME_DIR": self.home, "NO_COLOR": "1"}

    def configure(self, name, key=None, **options):
        self.environment["VIRTMUX_CONFIG"] = write_file(
            os.path.join(self.home, "config"), virtmux_test.ini({"host test": {
                "address": self.daemon.address, "ca": self.authority.ca,
                "certificate": self.token.certificate(name),
                "key": key or self.token.uri(name), **options}}))

    def run_client(self, *words, env=None):
        return virtmux_test.run(VIRTMUX, *words, start_new_session=True,
                                env={**self.environment, **(env or {})})

    def run_asked(self, answers, *words):
        """With an askpass program that gives ANSWERS one after the other; what it
        was asked is in self.asked."""
        write_file(self.askpass + ".answers", "\n".join(answers) + "\n")
        asked = write_file(self.askpass + ".asked", "")
        done = self.run_client(*words, env={"VIRTMUX_ASKPASS": self.askpass})
        self.asked = virtmux_test.read_file(asked).splitlines()
        return done

    def assert_refused(self, done, *patterns):
        self.assertEqual((done.returncode, done.stdout), (6, ""), done.stderr)
        for pattern in patterns:
            self.assertRegex(done.stderr, pattern)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_lists(self):
        for name in KEYS:
            with self.subTest(name):
                self.configure(name, session="no")
                done = self.run_asked([PIN], "list", "--json")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(json.loads(done.stdout)["domains"][0]["name"], "test")
                self.assertEqual(self.asked, [f"PIN for the key '{name}' on token 'card': "])
                self.daemon.wait_audit(method="domain.list", identity="user-" + name)

    def test_session_asks_once(self):
        for name in KEYS:
            with self.subTest(name):
                self.configure(name)
                done = self.run_asked([PIN], "session", "open", "test")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.addCleanup(self.run_client, "session", "end", "test")
                self.assertEqual(len(self.asked), 1)
                for words in (["list"], ["dominfo", "test"], ["whoami"]):
                    done = self.run_asked([], *words)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(self.asked, [])
                self.assertIn("user-" + name, done.stdout)
                done = self.run_client("session", "end", "test")
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_other_sources(self):
        self.configure("ec", session="no")
        done = self.run_client("list", "--passphrase-file", self.pin_file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_refused(self.run_client("list"), "needs a PIN", "--passphrase-fd")
        self.assert_refused(self.run_client("list", "--batch"), "PIN", "--batch")

    def test_module_from_environment(self):
        self.configure("ec", "pkcs11:token=card;object=ec", session="no")
        done = self.run_client("list", "--passphrase-file", self.pin_file,
                               env={"PKCS11_MODULE_PATH": MODULE})
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_wrong_pin(self):
        self.configure("rsa", session="no")
        done = self.run_asked(["wrong-1", "wrong-2", PIN], "list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(self.asked), 3)
        self.assertRegex(self.asked[1], "^That was wrong. PIN for ")
        done = self.run_asked(["wrong-1", "wrong-2", "wrong-3", PIN], "list")
        self.assert_refused(done, "the PIN does not open the key 'rsa'")
        self.assertEqual(len(self.asked), 3)

    def test_refused(self):
        self.configure("ec", self.token.uri("none"), session="no")
        self.assert_refused(self.run_client("list", "--passphrase-file", self.pin_file),
                            "the key 'none' on token 'card' was not found", "p11tool")
        self.configure("ec", self.token.uri("rsa"), session="no")
        self.assert_refused(self.run_client("list", "--passphrase-file", self.pin_file),
                            "does not belong to the certificate")
        self.configure("ec", self.token.uri("ec") + "&pin-value=" + PIN, session="no")
        done = self.run_client("list")
        self.assert_refused(done, "has a PIN in it")
        self.assertNotIn(PIN, done.stderr)
        self.configure("ec", "pkcs11:object=ec?module-path=/nowhere/m.so", session="no")
        self.assert_refused(self.run_client("list", "--passphrase-file", self.pin_file),
                            "/nowhere/m.so")
        self.configure("ec", session="no")
        self.assert_refused(self.run_client("list", env={"OPENSSL_ENGINES": self.home}),
                            "libengine-pkcs11-openssl")

    def test_loaded_only_when_used(self):
        """A key in a file: neither engine nor module is even looked for."""
        need("strace")
        alice = self.client(self.daemon, "user-file")
        trace = os.path.join(self.work, "trace")
        for expected, words in ((False, alice.command("list")),
                                (True, [VIRTMUX, "list", "--passphrase-file",
                                        self.pin_file])):
            env = alice.environment
            if expected:
                self.configure("ec", session="no")
                env = self.environment
            must_run("strace", "-f", "-e", "trace=openat", "-o", trace, *words,
                     env=virtmux_test.traced(env))
            self.assertEqual(bool(re.search(r"pkcs11|softhsm",
                                            virtmux_test.read_file(trace))), expected)


if __name__ == "__main__":
    virtmux_test.main()
