#!/usr/bin/env python3
# timeout: 600
"""virtmux-pki as a program: every field of what it issues, read by openssl and
certtool; the revocation list; the terminal; files and their modes; errors and exit
statuses. VIRTMUX_BUILD names the build directory.
"""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import make_certificates as make
from pki_case import (CA_PASSPHRASE, Case, KEY_TYPES, PASSPHRASE, PROGRAM, TIMEOUT,
                      days_of, fields, mode)


class Fields(Case):
    """What certificates say, for every type of key."""

    def check_common(self, certificate, key_type, ca_type):
        extensions, text = fields(certificate)
        self.assertIn("Version: 3 (0x2)", text)
        self.assertIn(KEY_TYPES[key_type][0], text)
        self.assertIn("Signature Algorithm: " + KEY_TYPES[ca_type][1], text)
        serial = make.openssl("x509", "-in", certificate, "-noout", "-serial")
        self.assertRegex(serial, r"^serial=[0-9A-F]{32}\n$")
        self.assertNotIn("(Negative)", text)
        return extensions, text

    def check_authority(self, key_type):
        extensions, text = self.check_common(self.path("ca.crt"), key_type,
                                             key_type)
        self.assertEqual(extensions.pop("X509v3 Basic Constraints"),
                         (True, "CA:TRUE, pathlen:0"))
        self.assertEqual(extensions.pop("X509v3 Key Usage"),
                         (True, "Certificate Sign, CRL Sign"))
        self.assertFalse(extensions.pop("X509v3 Subject Key Identifier")[0])
        self.assertEqual(extensions, {})
        self.assertIn("Subject: CN = my own CA\n", text)
        self.assertAlmostEqual(days_of(self.path("ca.crt")), 3650, delta=0.1)
        self.verify(self.path("ca.crt"))

    def check_leaf(self, certificate, key_type, ca_type, usage, names):
        extensions, _ = self.check_common(certificate, key_type, ca_type)
        rsa_host = key_type.startswith("rsa") and "Server" in usage
        key_usage = "Digital Signature"
        if rsa_host:
            key_usage += ", Key Encipherment"
        self.assertEqual(extensions.pop("X509v3 Basic Constraints"),
                         (True, "CA:FALSE"))
        self.assertEqual(extensions.pop("X509v3 Key Usage"),
                         (rsa_host, key_usage))
        self.assertEqual(extensions.pop("X509v3 Extended Key Usage"),
                         (False, usage))
        self.assertEqual(extensions.pop("X509v3 Subject Alternative Name"),
                         (False, names))
        authority = fields(self.path("ca.crt"))[0]
        self.assertEqual(extensions.pop("X509v3 Authority Key Identifier"),
                         authority["X509v3 Subject Key Identifier"])
        self.assertIn("X509v3 Subject Key Identifier", extensions)
        self.assertEqual(len(extensions), 1)
        self.assertAlmostEqual(days_of(certificate), 365, delta=0.1)

    def test_every_key_type(self):
        for key_type in KEY_TYPES:
            with self.subTest(key_type):
                shutil.rmtree(self.dir, ignore_errors=True)
                self.check_key_type(key_type)

    def check_key_type(self, ca_type):
        # Making RSA keys of 4096 bits takes seconds: one must do.
        key_type = "rsa3072" if ca_type == "rsa4096" else ca_type
        self.issue("init", "--key-type", ca_type, "--name", "my own CA")
        self.check_authority(ca_type)
        kind = ["--key-type", key_type]
        self.issue("host", "web1", *kind, "--san", "IP:10.0.0.1", "--san",
                   "DNS:web1.example.org", "--san", "::1")
        self.check_leaf(self.path("hosts", "web1.crt"), key_type, ca_type,
                        "TLS Web Server Authentication",
                        "DNS:web1, IP Address:10.0.0.1, "
                        "DNS:web1.example.org, "
                        "IP Address:0:0:0:0:0:0:0:1")
        self.verify(self.path("hosts", "web1.crt"), "sslserver")
        self.issue("user", "ann@example.org", *kind)
        self.check_leaf(self.path("users", "ann@example.org.crt"), key_type,
                        ca_type, "TLS Web Client Authentication",
                        "URI:virtmux://user/ann@example.org")
        self.verify(self.path("users", "ann@example.org.crt"), "sslclient")

    def test_wrong_purpose_is_refused(self):
        self.plain_authority()
        self.run_pki("host", "web1")
        with self.assertRaises(RuntimeError):
            self.verify(self.path("hosts", "web1.crt"), "sslclient")

    def test_address_as_name(self):
        self.plain_authority()
        self.run_pki("host", "2001:DB8::1")
        extensions, _ = fields(self.path("hosts", "2001:db8::1.crt"))
        self.assertEqual(extensions["X509v3 Subject Alternative Name"],
                         (False, "IP Address:2001:DB8:0:0:0:0:0:1"))

    def test_validity(self):
        self.plain_authority("--days", "100")
        self.assertAlmostEqual(days_of(self.path("ca.crt")), 100, delta=0.1)
        self.run_pki("host", "a", "--days", "7")
        self.assertAlmostEqual(days_of(self.path("hosts/a.crt")), 7, delta=0.1)
        said = self.raw("host", "b")
        self.assertEqual(said.returncode, 0)
        self.assertIn("ends with its authority", said.stderr)
        ends = [make.openssl("x509", "-in", self.path(file), "-noout",
                             "-enddate") for file in ("ca.crt", "hosts/b.crt")]
        self.assertEqual(ends[0], ends[1])
        said = self.run_pki("host", "c", "--days", "101", status=2)
        self.assertRegex(said, "At most --days (99|100) ")

    def test_after_2049(self):
        self.plain_authority("--days", "36500")
        self.verify(self.path("ca.crt"))
        self.run_pki("host", "a", "--days", "20000")
        self.verify(self.path("hosts", "a.crt"), "sslserver")


class Files(Case):
    """Where things are, who can read them, how keys are kept."""

    def test_layout_and_modes(self):
        self.issue("init")
        self.issue("host", "web1")
        self.issue("user", "ann")
        found = {}
        for folder, folders, files in os.walk(self.dir):
            for name in folders + files:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, self.dir)] = mode(path)
        self.assertEqual(found, {
            "ca.crt": 0o644, "ca.key": 0o600, "hosts": 0o700, "users": 0o700,
            "hosts/web1.crt": 0o644, "hosts/web1.key": 0o600,
            "users/ann.crt": 0o644, "users/ann.key": 0o600,
            "crl.pem": 0o644, "index.tsv": 0o600, "lock": 0o600, "pending": 0o700})
        self.assertEqual(mode(self.dir), 0o700)

    def test_modes_with_open_umask(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.plain_authority()
        self.assertEqual(mode(self.dir), 0o700)
        self.assertEqual(mode(self.path("ca.key")), 0o600)
        self.assertEqual(mode(self.path("ca.crt")), 0o644)

    def test_keys(self):
        self.issue("init")
        self.issue("host", "web1")
        self.issue("user", "ann")
        for key, passphrase in ((self.path("ca.key"), CA_PASSPHRASE),
                                (self.path("users/ann.key"), PASSPHRASE)):
            shown = make.openssl("asn1parse", "-in", key)
            for word in (":PBES2", ":scrypt", ":aes-256-cbc", "INTEGER "
                         "          :4000"):
                self.assertIn(word, shown)
            make.openssl("pkey", "-in", key, "-noout", "-passin", "stdin",
                         input=passphrase)
            with self.assertRaises(RuntimeError):
                make.openssl("pkey", "-in", key, "-noout", "-passin", "stdin",
                             input="wrong one")
        make.openssl("pkey", "-in", self.path("hosts/web1.key"), "-noout")
        self.check_pair("hosts", "web1")

    def check_pair(self, folder, name, *words, **options):
        key = make.openssl("pkey", "-in", self.path(folder, name + ".key"),
                           "-pubout", *words, **options)
        crt = make.openssl("x509", "-in", self.path(folder, name + ".crt"),
                           "-noout", "-pubkey")
        self.assertEqual(key, crt)

    def test_folder_from_environment(self):
        environment = {"PATH": os.environ["PATH"], "HOME": self.work}
        for extra, place in (({}, ".local/share/virtmux-pki"),
                             ({"XDG_DATA_HOME": self.work + "/data"},
                              "data/virtmux-pki"),
                             ({"VIRTMUX_PKI": self.work + "/own"}, "own")):
            subprocess.run([PROGRAM, "init", "--no-ca-passphrase"], check=True,
                           env={**environment, **extra}, timeout=TIMEOUT,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            self.assertTrue(os.path.exists(os.path.join(self.work, place,
                                                        "ca.crt")))

    def test_replace(self):
        self.plain_authority()
        self.run_pki("host", "web1")
        said = self.run_pki("host", "web1", status=1)
        self.assertIn("--replace", said)
        first = self.listed()[1]
        self.run_pki("host", "web1", "--replace")
        self.check_pair("hosts", "web1")
        old, new = self.listed()[1:]
        self.assertEqual(old, {**first, "state": "replaced"})
        self.assertEqual(new["state"], "valid")
        self.assertNotEqual(old["serial"], new["serial"])


class Revocation(Case):
    """revoke and crl: the list, read by openssl and certtool."""

    def crl(self):
        """The list's text, once both tools have found it good."""
        path = self.path("crl.pem")
        text = make.openssl("crl", "-in", path, "-noout", "-text")
        done = subprocess.run(["openssl", "crl", "-in", path, "-noout",
                               "-CAfile", self.path("ca.crt")], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        self.assertEqual(done.stdout, "verify OK\n")
        done = subprocess.run(["certtool", "--verify-crl", "--infile", path,
                               "--load-ca-certificate", self.path("ca.crt")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return text

    def number(self):
        number = make.openssl("crl", "-in", self.path("crl.pem"), "-noout",
                              "-crlnumber").strip()
        return int(number.split("=")[1], 16)

    def days(self):
        text = make.openssl("crl", "-in", self.path("crl.pem"), "-noout",
                            "-lastupdate", "-nextupdate", "-dateopt",
                            "iso_8601")
        start, end = [make.datetime.datetime.fromisoformat(
            line.split("=")[1][:-1]) for line in text.splitlines()]
        return (end - start).total_seconds() / make.DAY

    def refused(self, file):
        """What openssl says of a certificate with the list."""
        with self.assertRaises(RuntimeError) as caught:
            self.accepted(file)
        return str(caught.exception)

    def accepted(self, file):
        make.openssl("verify", "-x509_strict", "-crl_check", "-CRLfile",
                     self.path("crl.pem"), "-CAfile", self.path("ca.crt"),
                     self.path(file))

    def test_fields_with_every_key_type(self):
        for key_type, (_, signature) in KEY_TYPES.items():
            with self.subTest(key_type):
                shutil.rmtree(self.dir, ignore_errors=True)
                self.issue("init", "--key-type", key_type)
                self.run_pki("host", "web1", "--ca-passphrase-file",
                             self.work + "/ca-pass")
                self.issue("revoke", "web1", "--reason", "keyCompromise")
                self.check_fields(signature)
                self.assertIn("revoked", self.refused("hosts/web1.crt"))

    def check_fields(self, signature):
        text = self.crl()
        serial = self.listed()[1]["serial"]
        authority = fields(self.path("ca.crt"))[0]
        self.assertIn("Version 2 (0x1)\n", text)
        self.assertIn("Signature Algorithm: " + signature, text)
        self.assertIn("Issuer: CN = virtmux CA\n", text)
        self.assertEqual(re.findall(r"(?:Serial Number: |X509v3 |CRL Reason "
                                    r"Code: \n +)(.*?):? *\n", text),
                         ["Authority Key Identifier", "CRL Number", serial,
                          "CRL Reason Code"])
        self.assertIn(authority["X509v3 Subject Key Identifier"][1], text)
        self.assertIn("Key Compromise", text)
        self.assertAlmostEqual(self.days(), 180, delta=0.1)

    def test_first_list(self):
        self.issue("init")
        self.assertIn("No Revoked Certificates", self.crl())
        self.issue("host", "web1")
        self.accepted("hosts/web1.crt")

    def test_name_means_all_that_can_be_used(self):
        self.plain_authority()
        self.issue("user", "ann")
        old = self.listed()[1]["serial"]
        shutil.copy(self.path("users/ann.crt"), self.path("users/old.crt"))
        self.issue("user", "ann", "--replace")
        self.run_pki("host", "web1")
        numbers = [self.number()]
        said = self.run_pki("revoke", "ann")
        self.assertIn(old, said)
        for word in ("virtmux host push-crl", "SIGHUP", "crl.pem"):
            self.assertIn(word, said)
        numbers.append(self.number())
        for file in ("users/ann.crt", "users/old.crt"):
            self.assertIn("revoked", self.refused(file))
        self.accepted("hosts/web1.crt")
        self.assertEqual([entry["state"] for entry in self.listed()],
                         ["valid", "revoked", "revoked", "valid"])
        self.run_pki("revoke", self.listed()[3]["serial"].lower())
        numbers.append(self.number())
        self.run_pki("crl", "--days", "10")
        numbers.append(self.number())
        self.assertAlmostEqual(self.days(), 10, delta=0.1)
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertIn("revoked", self.refused("hosts/web1.crt"))
        self.run_pki("host", "web1")
        self.accepted("hosts/web1.crt")

    def test_number_grows_without_the_old_list(self):
        self.plain_authority()
        before = self.number()
        os.unlink(self.path("crl.pem"))
        self.run_pki("crl")
        self.assertGreater(self.number(), before)

    def test_errors(self):
        self.issue("init")
        self.issue("user", "ann")
        self.assertIn("virtmux-pki list", self.run_pki("revoke", "bob",
                                                       status=3))
        self.assertIn("keyCompromise", self.run_pki(
            "revoke", "ann", "--reason", "theft", status=2))
        self.assertIn("--ca-passphrase-fd", self.run_pki("revoke", "ann",
                                                         status=2))
        self.assertIn("itself", self.run_pki(
            "revoke", self.listed()[0]["serial"], status=2))
        self.issue("revoke", "ann")
        self.assertIn("already", self.issue("revoke", "ann", status=1))
        self.assertIn("virtmux-pki init", self.run_pki(
            "crl", "--dir", self.work + "/none", status=3))


class Show(Case):
    """list and show, for people and as JSON."""

    def test_list(self):
        self.plain_authority("--name", 'my "own" CA')
        self.run_pki("host", "web1")
        ca, host = self.listed()
        self.assertEqual((ca["kind"], ca["name"]), ("ca", 'my "own" CA'))
        self.assertEqual(sorted(host), ["expires", "issued", "kind", "name",
                                        "serial", "state"])
        table = self.run_pki("list").splitlines()
        self.assertEqual(table[0].split(), ["KIND", "NAME", "SERIAL", "ISSUED",
                                            "EXPIRES", "STATE"])
        self.assertEqual(table[2].split(),
                         ["host", "web1", host["serial"], host["issued"][:10],
                          host["expires"][:10], "valid"])

    def test_expired(self):
        self.plain_authority()
        with open(self.path("index.tsv"), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"20[3-9]\d-", "2001-", text)
        with open(self.path("index.tsv"), "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(self.listed()[0]["state"], "expired")

    def test_show(self):
        self.plain_authority()
        self.run_pki("host", "web1", "--san", "10.0.0.1")
        shown, = json.loads(self.run_pki("show", "web1", "--json"))
        self.assertEqual(shown["names"], ["DNS:web1", "IP:10.0.0.1"])
        self.assertEqual(shown["purpose"], ["serverAuth"])
        self.assertIs(shown["ca"], False)
        for word in (shown["serial"], self.path("hosts/web1.crt")):
            self.assertEqual(json.loads(self.run_pki("show", word, "--json")),
                             [shown])
        fingerprint = make.openssl("x509", "-in", self.path("hosts/web1.crt"),
                                   "-noout", "-fingerprint", "-sha256")
        self.assertEqual(fingerprint.strip().split("=")[1].replace(":", ""),
                         shown["sha256"])
        self.assertIn("subject      CN=web1\n", self.run_pki("show", "web1"))

    def test_foreign_file(self):
        pair = make.expired_user(self.work, make.authority(self.work))
        shown, = json.loads(self.run_pki("show", pair.certificate, "--json"))
        self.assertNotIn("state", shown)
        self.assertEqual(shown["names"], ["URI:virtmux://user/ann"])

    def test_full_disk(self):
        self.plain_authority()
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PROGRAM, "--dir", self.dir, "list"],
                                  stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=TIMEOUT, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)

    def test_manual_and_help(self):
        manual = self.run_pki("--print-manual")
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Z",
                               "-Tutf8", "-"], input=manual, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False) if shutil.which("man") else None
        if done:
            self.assertEqual(done.stderr, "")
        usage = self.run_pki("--help")
        for command in ("init", "host", "user", "sign", "renew", "revoke", "crl",
                        "export", "list", "show", "check", "help"):
            self.assertIn("\n  " + command, usage)
            self.assertIn("\\fB%s\\fR" % command, manual)
            self.assertEqual(self.run_pki("help", command),
                             self.run_pki(command, "--help"))
        self.assertRegex(self.run_pki("--version"), r"^virtmux-pki \d")


class Errors(Case):
    """Each mistake: its exit status, and the words that cure it."""

    def test_command_line(self):
        for words, said in (
                ([], "a command is missing"),
                (["usr", "ann"], "'user'"),
                (["user"], "user NAME"),
                (["user", "a", "b"], "too many"),
                (["user", "../ann"], "characters"),
                (["user", "a" * 65], "1 to 64"),
                (["user", ""], "characters"),
                (["host", "*.example.org"], "wildcard"),
                (["host", "300.1.1.1"], "no name of a host"),
                (["host", "a", "--san", "IP:b"], "DNS:NAME"),
                (["host", "a", "--key-type", "rsa1024"], "ed25519"),
                (["host", "a", "--days", "0"], "1 to 36500"),
                (["host", "a", "--days", "1y"], "1 to 36500"),
                (["host", "a", "--passphrase-fd", "0"], "does not take"),
                (["init", "--name", "a\tb"], "control"),
                (["init", "--passphrase", "x"], "--passphrase"),
                (["list", "--dir"], "--dir"),
                (["init", "--no-ca-passphrase", "--ca-passphrase-fd", "0"],
                 "contradicts"),
                (["init", "--batch"], "--ca-passphrase-fd"),
                (["init"], "no terminal")):
            with self.subTest(words):
                self.assertIn(said, self.run_pki(*words, status=2))

    def test_not_found(self):
        for words in (["list"], ["show"], ["host", "a"], ["user", "a"]):
            self.assertIn("virtmux-pki init", self.run_pki(*words, status=3))
        self.plain_authority()
        self.assertIn("virtmux-pki list", self.run_pki("show", "x", status=3))
        self.run_pki("user", "ann", "--passphrase-file", "/nonexistent/x",
                     status=3)

    def test_names_in_use(self):
        self.issue("init")
        self.assertIn("--dir", self.issue("init", status=1))
        self.issue("user", "ann")
        self.assertIn("--replace", self.issue("user", "ann", status=1))
        self.assertIn("in case alone", self.issue("user", "Ann", status=1))

    def test_passphrases(self):
        self.issue("init")
        said = self.run_pki("host", "a", "--ca-passphrase-fd", "0", status=6,
                            stdin=None, input="wrong one\n")
        self.assertIn("ca.key", said)
        self.assertNotIn("wrong one", said)
        said = self.run_pki("user", "a", "--ca-passphrase-fd", "0",
                            "--passphrase-fd", "0", status=6, stdin=None,
                            input=CA_PASSPHRASE + "\nabc\n")
        self.assertIn("too short", said)
        self.run_pki("user", "a", "--ca-passphrase-fd", "0", "--passphrase-fd",
                     "0", stdin=None,
                     input=CA_PASSPHRASE + "\n" + PASSPHRASE + "\n")
        os.chmod(self.work + "/ca-pass", 0o640)
        self.assertIn("chmod 600", self.issue("host", "a", status=6))

    def test_open_key(self):
        self.plain_authority()
        os.chmod(self.path("ca.key"), 0o644)
        self.assertIn("chmod 600", self.run_pki("host", "a", status=6))

    def test_open_folder(self):
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        with open(self.path("letter"), "w", encoding="ascii"):
            pass
        said = self.run_pki("init", "--no-ca-passphrase", status=6)
        self.assertIn("--dir", said)
        self.assertEqual(os.listdir(self.dir), ["letter"])

    def test_damaged_index(self):
        self.plain_authority()
        with open(self.path("index.tsv"), "a", encoding="ascii") as file:
            file.write("user\tann\n")
        for words in (["list"], ["host", "a"]):
            said = self.run_pki(*words, status=2)
            self.assertIn("index.tsv:5: ", said)


class Terminal(Case):
    """Questions at a terminal, which the test types at."""

    def talk(self, words, answers, number=None):
        """Runs the program at a terminal; (what it printed, exit status). Each
        answer waits for its question. At the end, with NUMBER, a signal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [PROGRAM, "--dir", self.dir, *words])
        printed = b""
        for answer in answers:
            printed += self.read_question(terminal)
            os.write(terminal, answer.encode() + b"\n")
        if number is not None:
            printed += self.read_question(terminal)
            self.assertFalse(self.echoes(terminal))
            os.kill(pid, number)
        printed += self.read_rest(terminal)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return printed.decode(), os.waitstatus_to_exitcode(status)

    @staticmethod
    def read_question(terminal):
        text = b""
        while not re.search(rb"(key|again): $", text):
            text += os.read(terminal, 1000)
        return text

    @staticmethod
    def read_rest(terminal):
        text = b""
        try:
            while True:
                text += os.read(terminal, 1000)
        except OSError:  # EIO: the program has closed its end
            return text

    @staticmethod
    def echoes(terminal):
        import termios
        return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)

    def test_issues(self):
        printed, status = self.talk(["init"], [CA_PASSPHRASE] * 2)
        self.assertEqual(status, 0, printed)
        self.assertNotIn(CA_PASSPHRASE, printed)
        printed, status = self.talk(["user", "ann"],
                                    [CA_PASSPHRASE, PASSPHRASE, PASSPHRASE])
        self.assertEqual(status, 0, printed)
        self.assertNotIn(PASSPHRASE, printed)
        make.openssl("pkey", "-in", self.path("users/ann.key"), "-noout",
                     "-passin", "stdin", input=PASSPHRASE)

    def test_tries(self):
        printed, status = self.talk(
            ["init"], ["one thing", "another", "abc", "four", "four"])
        self.assertEqual(status, 0, printed)
        self.assertEqual(printed.count("Too short, or the two differed"), 2)
        printed, status = self.talk(["host", "a"], ["bad", "worse", "four"])
        self.assertEqual(status, 0, printed)
        self.assertEqual(printed.count("That is not it."), 2)
        printed, status = self.talk(["host", "b"], ["bad", "worse", "worst"])
        self.assertEqual(status, 6, printed)

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            printed, status = self.talk(["init"], [], number)
            self.assertEqual(status, 130, printed)
            self.assertFalse(os.path.exists(self.path("ca.key")))


class MadeCertificates(unittest.TestCase):
    """make_certificates.py makes the faults that it promises, and no other."""

    FAULTS = {
        "host": ("sslserver", None),
        "user": ("sslclient", None),
        "expired_host": ("sslserver", "certificate has expired"),
        "expired_user": ("sslclient", "certificate has expired"),
        "not_yet_valid_host": ("sslserver", "certificate is not yet valid"),
        "not_yet_valid_user": ("sslclient", "certificate is not yet valid"),
        "host_with_user_usage": ("sslserver", "nsuitable certificate purpose"),
        "user_with_host_usage": ("sslclient", "nsuitable certificate purpose"),
        "wrong_name_host": ("sslserver", None),
        "foreign_host": ("sslserver", "unable to get local issuer"),
        "foreign_user": ("sslclient", "unable to get local issuer"),
        "self_signed_user": ("sslclient", "self-signed certificate"),
        "user_without_uri": ("sslclient", None),
        "user_with_two_uris": ("sslclient", None),
    }

    def test_faults(self):
        with tempfile.TemporaryDirectory() as work:
            made = make.make_all(work)
            self.assertEqual(sorted(self.FAULTS),
                             sorted(set(made) - {"authority",
                                                 "wrong_authority"}))
            for name, (purpose, fault) in self.FAULTS.items():
                with self.subTest(name):
                    self.check(made["authority"], made[name], purpose, fault)

    def check(self, authority, pair, purpose, fault):
        words = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile",
                 authority.certificate, pair.certificate]
        if fault is None:
            make.openssl(*words)
        else:
            self.assertRaisesRegex(RuntimeError, fault, make.openssl, *words)

    def test_encrypted_key(self):
        with tempfile.TemporaryDirectory() as work:
            pair = make.user(work, make.authority(work), passphrase="abcd")
            make.openssl("pkey", "-in", pair.key, "-noout", "-passin", "stdin",
                         input="abcd")
            self.assertEqual(mode(pair.key), 0o600)


if __name__ == "__main__":
    unittest.main()
