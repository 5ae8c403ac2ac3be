"""What the tests of virtmux-pki share: a folder of the test's own with the real
program on it, and certificates as openssl reads them. Imported by test_pki*.py.
"""
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

import make_certificates as make

PROGRAM = os.path.join(os.environ.get("VIRTMUX_BUILD", "build"), "pki",
                       "virtmux-pki")
CA_PASSPHRASE = "authority's own"
PASSPHRASE = "user's own"
KEY_TYPES = {
    "p256": ("prime256v1", "ecdsa-with-SHA256"),
    "p384": ("secp384r1", "ecdsa-with-SHA256"),
    "ed25519": ("ED25519", "ED25519"),
    "rsa3072": ("3072 bit", "sha256WithRSAEncryption"),
    "rsa4096": ("4096 bit", "sha256WithRSAEncryption"),
}
TIMEOUT = 60


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Case(unittest.TestCase):
    """A folder of the test's own, and the program on it."""

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="virtmux-pki-")
        self.addCleanup(shutil.rmtree, self.work)
        self.dir = os.path.join(self.work, "pki")
        for name, text in (("ca-pass", CA_PASSPHRASE), ("pass", PASSPHRASE)):
            with open(os.path.join(self.work, name), "w",
                      opener=lambda path, flags: os.open(path, flags, 0o600),
                      encoding="utf-8") as file:
                file.write(text + "\n")

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def raw(self, *words, prefix=(), **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([*prefix, PROGRAM, "--dir", self.dir, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=TIMEOUT, check=False,
                              start_new_session=True, **options)

    def run_pki(self, *words, status=0, **options):
        """Its standard output; or where STATUS is not 0, what it said."""
        done = self.raw(*words, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        if status == 0:
            return done.stdout
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"^virtmux-pki: .*\n$")
        return done.stderr

    def with_passphrases(self, command):
        words = ["--ca-passphrase-file", self.work + "/ca-pass"]
        if command == "user":
            words += ["--passphrase-file", self.work + "/pass"]
        return words

    def issue(self, command, *words, **options):
        return self.run_pki(command, *words, *self.with_passphrases(command),
                            **options)

    def plain_authority(self, *words):
        return self.run_pki("init", "--no-ca-passphrase", *words)

    def verify(self, certificate, purpose=None):
        words = ["-purpose", purpose] if purpose else []
        make.openssl("verify", "-x509_strict", *words, "-CAfile",
                     self.path("ca.crt"), certificate)
        done = subprocess.run(
            ["certtool", "--verify", "--load-ca-certificate",
             self.path("ca.crt"), "--infile", certificate],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def listed(self):
        return json.loads(self.run_pki("list", "--json"))


def fields(certificate):
    """{extension: (critical, value)} and the text of the whole."""
    text = make.openssl("x509", "-in", certificate, "-noout", "-text")
    found = re.findall(r"^            (\S.*?): ?(critical)?\s*\n"
                       r"                (.*?)\s*\n", text, re.M)
    extensions = {name: (bool(critical), value)
                  for name, critical, value in found
                  if name.startswith("X509v3")}
    return extensions, text


def days_of(certificate):
    text = make.openssl("x509", "-in", certificate, "-noout", "-startdate",
                        "-enddate", "-dateopt", "iso_8601")
    start, end = [make.datetime.datetime.fromisoformat(line.split("=")[1][:-1])
                  for line in text.splitlines()]
    return (end - start).total_seconds() / make.DAY
