#!/usr/bin/env python3
# timeout: 300
"""virtmux-pki with keys that were made elsewhere: sign and renew, read by openssl
and certtool, with requests of openssl, certtool and a terminal; and gnutls-cli with
such a certificate at a real virtmuxd. VIRTMUX_BUILD names the build directory.
"""
import json
import os
import pty
import re
import shutil
import subprocess
import unittest

import make_certificates as make
import virtmux_test
from pki_case import Case, PROGRAM, fields


class Requests(Case):
    def setUp(self):
        super().setUp()
        self.plain_authority()
        self.key = self.work + "/own.key"
        self.csr = self.work + "/own.csr"

    def request(self, common, *names, key_type="p256", extensions=()):
        """A request by openssl, into self.csr, with its key in self.key."""
        make.make_key(self.key, key_type)
        lines = list(extensions)
        if names:
            lines.append("subjectAltName=" + ",".join(names))
        make.openssl("req", "-new", "-key", self.key, "-subj", "/CN=" + common,
                     "-out", self.csr,
                     *[word for line in lines for word in ("-addext", line)])
        return self.csr

    def names(self, file):
        return fields(self.path(file))[0]["X509v3 Subject Alternative Name"][1]

    def check_key(self, file):
        """That the certificate has the key which never came here."""
        self.assertEqual(
            make.openssl("x509", "-in", self.path(file), "-noout", "-pubkey"),
            make.openssl("pkey", "-in", self.key, "-pubout"))
        self.assertFalse(os.path.exists(self.path(file[:-3] + "key")))


class Sign(Requests):
    """What is granted is what the command line says, or a person's yes."""

    def test_every_key_type(self):
        for key_type in ("p256", "p384", "ed25519", "rsa3072"):
            with self.subTest(key_type):
                name = "ann-" + key_type
                self.request(name, key_type=key_type)
                self.run_pki("sign", self.csr, "--user", name)
                file = "users/" + name + ".crt"
                self.check_key(file)
                self.verify(self.path(file), "sslclient")
                self.assertEqual(self.names(file), "URI:virtmux://user/" + name)
                host = name + ".example.org"
                self.run_pki("sign", self.csr, "--host", host, "--san", "::1")
                self.verify(self.path("hosts", host + ".crt"), "sslserver")
                self.run_pki("check")

    def test_nothing_else_is_granted(self):
        self.request("root", "URI:virtmux://user/root", "DNS:evil",
                     "email:a@b.org", "IP:10.0.0.1", extensions=(
                         "basicConstraints=critical,CA:TRUE",
                         "keyUsage=keyCertSign", "extendedKeyUsage=serverAuth",
                         "nameConstraints=permitted;DNS:evil",
                         "1.2.3.4=critical,DER:0500"))
        done = self.raw("sign", self.csr, "--user", "ann")
        self.assertEqual(done.returncode, 0, done.stderr)
        for wish in ("subject      CN=root", "ca           yes"):
            self.assertIn(wish, done.stderr)
        self.assertIn("Not granted:\nURI:virtmux://user/root\nDNS:evil\n"
                      "email:a@b.org\nIP:10.0.0.1\nto be an authority\n"
                      "to be a server\n", done.stderr)
        extensions, text = fields(self.path("users/ann.crt"))
        self.assertIn("Subject: CN = ann\n", text)
        self.assertEqual(sorted(name[7:] for name in extensions), [
            "Authority Key Identifier", "Basic Constraints",
            "Extended Key Usage", "Key Usage", "Subject Alternative Name",
            "Subject Key Identifier"])
        self.assertEqual(self.names("users/ann.crt"), "URI:virtmux://user/ann")
        self.assertEqual(extensions["X509v3 Extended Key Usage"][1],
                         "TLS Web Client Authentication")
        self.run_pki("check")

    def test_request_of_certtool(self):
        template = virtmux_test.write_file(
            self.work + "/template", 'cn = "web1"\ndns_name = "web1"\n'
            'ip_address = "10.0.0.1"\ntls_www_server\n')
        make.make_key(self.key)
        virtmux_test.must_run(
            "certtool", "--generate-request", "--load-privkey", self.key,
            "--template", template, "--outfile", self.csr)
        self.run_pki("sign", self.csr, "--host", "web1", "--san", "10.0.0.1")
        self.verify(self.path("hosts/web1.crt"), "sslserver")
        self.check_key("hosts/web1.crt")

    def test_der(self):
        self.request("ann")
        make.openssl("req", "-in", self.csr, "-outform", "DER", "-out",
                     self.csr + ".der")
        self.run_pki("sign", self.csr + ".der", "--user", "ann")
        self.check_key("users/ann.crt")

    def test_changed_request(self):
        self.request("ann")
        make.openssl("req", "-in", self.csr, "-outform", "DER", "-out", self.csr)
        with open(self.csr, "rb") as file:
            der = file.read()
        self.assertEqual(der.count(b"ann"), 1)
        with open(self.csr, "wb") as file:
            file.write(der.replace(b"ann", b"bob"))
        said = self.raw("sign", self.csr, "--user", "bob")
        self.assertEqual(said.returncode, 6)
        self.assertIn("not signed by its own key", said.stderr)

    def test_weak_key(self):
        self.request("ann", key_type="rsa1024")
        said = self.run_pki("sign", self.csr, "--user", "ann", status=6)
        self.assertIn("RSA 1024", said)
        self.assertIn("2048", said)

    def test_without_a_terminal(self):
        self.request("ann")
        done = self.raw("sign", self.csr)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no terminal", done.stderr)
        self.assertIn("--user NAME", done.stderr)
        self.assertEqual(len(self.listed()), 1)

    def talk(self, answer, *words):
        """At a terminal; (what it printed, exit status)."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [PROGRAM, "--dir", self.dir, "sign", self.csr,
                               *words])
        text = b""
        try:
            while b"[yes/no] " not in text:
                text += os.read(terminal, 1000)
            os.write(terminal, answer.encode() + b"\n")
            while True:
                text += os.read(terminal, 1000)
        except OSError:  # EIO: the program has closed its end
            pass
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return text.decode(), os.waitstatus_to_exitcode(status)

    def test_confirmed(self):
        self.request("x", "URI:virtmux://user/ann", "email:a@b.org")
        said, status = self.talk("no")
        self.assertEqual(status, 130, said)
        self.assertEqual(len(self.listed()), 1)
        said, status = self.talk("yes")
        self.assertEqual(status, 0, said)
        self.assertIn("Not granted:\r\nemail:a@b.org\r\n", said)
        self.assertIn("To be signed as: user ann\r\n", said)
        self.check_key("users/ann.crt")
        self.request("x", "DNS:web1", "IP:10.0.0.1")
        said, status = self.talk("y")
        self.assertIn("To be signed as: host web1 (DNS:web1, IP:10.0.0.1)\r\n",
                      said)
        self.assertEqual(self.names("hosts/web1.crt"),
                         "DNS:web1, IP Address:10.0.0.1")

    def test_terminal_sees_no_control_character(self):
        """A request is a stranger's: its bytes must not steer the terminal."""
        make.make_key(self.key)
        config = virtmux_test.write_file(
            self.work + "/config", "[req]\ndistinguished_name=d\nprompt=no\n"
            "req_extensions=e\n[d]\nCN=a\x1b[31mb\n[e]\nsubjectAltName=URI:x:"
            "\x1b[2Jy\n")
        make.openssl("req", "-new", "-key", self.key, "-config", config, "-out",
                     self.csr)
        done = self.raw("sign", self.csr, "--user", "ann")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("\x1b", done.stderr)
        self.assertIn("\\x1B[2Jy", done.stderr)


class Renew(Requests):
    """A new end for the same names and key."""

    def check_renewed(self, file, purpose, old_text):
        """The same in all but serial, times and signature."""
        def rest(text):
            text = re.sub(r"Serial Number:.*?\n.*?\n|Not (Before|After ?): .*",
                          "", text)
            return text[:text.index("    Signature Value:")]

        self.verify(self.path(file), purpose)
        self.assertEqual(rest(fields(self.path(file))[1]), rest(old_text))

    def test_every_key_type(self):
        for key_type in ("p256", "p384", "ed25519", "rsa3072"):
            with self.subTest(key_type):
                shutil.rmtree(self.dir)
                self.plain_authority("--key-type", key_type)
                self.run_pki("host", "web1", "--key-type", key_type, "--san",
                             "10.0.0.1", "--san", "b.example.org")
                self.issue_user("ann", "--key-type", key_type)
                for name, file, purpose in (
                        ("web1", "hosts/web1.crt", "sslserver"),
                        ("ann", "users/ann.crt", "sslclient")):
                    old = fields(self.path(file))[1]
                    self.run_pki("renew", name)
                    self.check_renewed(file, purpose, old)
                self.run_pki("check")

    def issue_user(self, name, *words):
        self.run_pki("user", name, *words, "--passphrase-file",
                     self.work + "/pass")

    def test_states(self):
        self.run_pki("host", "web1", "--days", "3")
        first = self.listed()[1]["serial"]
        self.run_pki("renew", first, "--days", "9")
        self.assertEqual([entry["state"] for entry in self.listed()],
                         ["valid", "replaced", "valid"])
        self.assertIn("was replaced by", self.run_pki("renew", first, status=1))
        self.run_pki("revoke", "web1")
        self.assertIn("virtmux-pki host web1",
                      self.run_pki("renew", "web1", status=1))

    def test_new_key(self):
        self.issue_user("ann", "--key-type", "p384")
        old = make.openssl("x509", "-in", self.path("users/ann.crt"), "-noout",
                           "-pubkey")
        self.run_pki("renew", "ann", "--new-key", "--passphrase-file",
                     self.work + "/pass")
        new = make.openssl("pkey", "-in", self.path("users/ann.key"), "-pubout",
                           "-passin", "file:" + self.work + "/pass")
        self.assertNotEqual(new, old)
        self.assertEqual(new, make.openssl(
            "x509", "-in", self.path("users/ann.crt"), "-noout", "-pubkey"))
        self.assertIn("secp384r1", fields(self.path("users/ann.crt"))[1])

    def test_signed_request(self):
        self.request("ann")
        self.run_pki("sign", self.csr, "--user", "ann")
        self.run_pki("renew", "ann")
        self.check_key("users/ann.crt")
        self.assertIn("virtmux-pki sign", self.run_pki("renew", "ann",
                                                       "--new-key", status=1))


class Constraints(Requests):
    """--permit: what the authority may vouch for, and nobody is locked out."""

    def permitted(self, *permits):
        shutil.rmtree(self.dir)
        self.plain_authority(*[word for permit in permits
                               for word in ("--permit", permit)])
        # certtool would hold its own constraints against its common name.
        make.openssl("verify", "-x509_strict", "-CAfile", self.path("ca.crt"),
                     self.path("ca.crt"))
        return fields(self.path("ca.crt"))[0]["X509v3 Name Constraints"]

    def refused(self, name, *words):
        said = self.run_pki("host", name, *words, status=1)
        self.assertIn("not among those that the authority permits", said)

    def host(self, name, *words):
        self.run_pki("host", name, *words)
        self.verify(self.path("hosts", name + ".crt"), "sslserver")

    def user(self, name):
        self.run_pki("user", name, "--passphrase-file", self.work + "/pass")
        self.verify(self.path("users", name + ".crt"), "sslclient")

    def test_domains(self):
        critical, _ = self.permitted("example.org", "DNS:b.net")
        self.assertTrue(critical)
        shown, = json.loads(self.run_pki("show", "--json"))
        self.assertEqual(shown["permitted"], ["DNS:example.org", "DNS:b.net"])
        self.assertEqual(shown["excluded"], ["IP:0.0.0.0/0", "IP:::/0"])
        self.host("kvm1.example.org", "--san", "b.net")
        self.refused("kvm1.example.com")
        self.refused("xexample.org")
        self.refused("kvm2.example.org", "--san", "10.0.0.1")
        self.refused("10.0.0.1")
        for name in ("ann", "ann.lee", "ann@example.com", "a" * 64):
            self.user(name)
        self.run_pki("check")

    def test_nets(self):
        self.permitted("10.0.0.0/8", "IP:2001:db8::/32")
        shown, = json.loads(self.run_pki("show", "--json"))
        self.assertEqual(shown["permitted"], ["IP:10.0.0.0/8",
                                              "IP:2001:db8::/32"])
        self.host("10.1.2.3", "--san", "2001:db8::1")
        self.refused("11.0.0.1")
        self.refused("2001:db9::1")
        self.refused("kvm1.example.org")
        self.user("ann.lee")
        self.run_pki("check")

    def test_both(self):
        self.permitted("example.org", "10.0.0.0/8")
        self.host("kvm1.example.org", "--san", "10.0.0.1")
        self.host("10.0.0.2")
        self.refused("kvm1.example.org", "--san", "192.0.2.1", "--replace")
        said = self.run_pki("init", "--permit", "10.0.0.0/99", status=2)
        self.assertIn("--permit", said)


class Export(Requests):
    """A PKCS#12 file, taken by OpenSSL, GnuTLS and NSS."""

    def export(self, name, *words):
        file = self.work + "/" + name + ".p12"
        self.run_pki("export", name, "--p12", "--output", file,
                     "--p12-passphrase-file", self.work + "/ca-pass", *words)
        return file

    def export_user(self, *words):
        self.run_pki("user", "ann", *words, "--passphrase-file",
                     self.work + "/pass")
        return self.export("ann", "--passphrase-file", self.work + "/pass")

    def test_openssl_and_gnutls(self):
        for key_type in ("p256", "p384", "ed25519", "rsa3072"):
            with self.subTest(key_type):
                file = self.export_user("--key-type", key_type, "--replace")
                self.assertEqual(os.stat(file).st_mode & 0o7777, 0o600)
                pem = make.openssl("pkcs12", "-in", file, "-noenc", "-passin",
                                   "file:" + self.work + "/ca-pass")
                self.assertEqual(pem.count("BEGIN CERTIFICATE"), 2)
                self.assertEqual(pem.count("BEGIN PRIVATE KEY"), 1)
                self.assertIn("friendlyName: ann", pem)
                own = virtmux_test.write_file(self.work + "/pem", pem)
                self.verify(own, "sslclient")
                told = virtmux_test.must_run(
                    "certtool", "--p12-info", "--inder", "--infile", file,
                    "--password", virtmux_test.read_file(
                        self.work + "/ca-pass").strip())
                self.assertEqual(told.count("Type: Certificate"), 2)
                self.assertEqual(told.count("Type: PKCS #8 Encrypted key"), 1)
                os.unlink(file)

    def test_nss(self):
        virtmux_test.need("pk12util", "certutil")
        file = self.export_user()
        database = "sql:" + self.work + "/nss"
        os.mkdir(self.work + "/nss")
        virtmux_test.must_run("certutil", "-N", "-d", database,
                              "--empty-password")
        virtmux_test.must_run("pk12util", "-i", file, "-d", database, "-w",
                              self.work + "/ca-pass")
        listed = virtmux_test.must_run("certutil", "-L", "-d", database)
        self.assertRegex(listed, r"\nann +u,u,u\n")
        name = re.search(r"\n(virtmux CA.*?) +,,", listed).group(1)
        virtmux_test.must_run("certutil", "-M", "-n", name, "-t", "TC,,", "-d",
                              database)
        told = virtmux_test.must_run("certutil", "-V", "-e", "-n", "ann", "-u",
                                     "C", "-d", database)
        self.assertIn("certificate is valid", told)

    def test_host_and_errors(self):
        self.run_pki("host", "web1")
        file = self.export("web1")
        self.assertIn("exists already", self.run_pki(
            "export", "web1", "--p12", "-o", file, status=1))
        self.assertIn("--p12", self.run_pki("export", "web1", status=2))
        self.request("bob")
        self.run_pki("sign", self.csr, "--user", "bob")
        self.assertIn("stays there", self.run_pki(
            "export", "bob", "--p12", "-o", self.work + "/b", status=3))


class Foreign(virtmux_test.Case):
    """A certificate by "sign", and one by "user", with another TLS library."""

    def gnutls(self, daemon, certificate, key):
        """The bytes that virtmuxd sends first, over gnutls-cli."""
        process = subprocess.Popen(
            ["gnutls-cli", "--logfile=/dev/stderr", "--alpn=h2",
             "--x509cafile=" + self.authority.ca, "--x509certfile=" + certificate,
             "--x509keyfile=" + key, "--sni-hostname=localhost",
             "--verify-hostname=localhost", "--port=%d" % daemon.port, "127.0.0.1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(virtmux_test.end_process, process)
        # The preface of HTTP/2 and empty SETTINGS (RFC 9113 3.4).
        process.stdin.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                            b"\0\0\0\x04\0\0\0\0\0")
        process.stdin.flush()
        got = process.stdout.read(9)
        process.stdin.close()
        rest = process.stderr.read().decode(errors="replace")
        process.stdout.close()
        process.stderr.close()
        return got, rest

    def test_gnutls_cli(self):
        virtmux_test.need("gnutls-cli", "openssl")
        daemon = self.start_daemon()
        made = self.authority.user("alice")
        key = make.make_key(os.path.join(self.work, "own.key"))
        csr = os.path.join(self.work, "own.csr")
        make.openssl("req", "-new", "-key", key, "-subj", "/CN=bob", "-out", csr)
        self.authority.pki("sign", csr, "--user", "bob")
        signed = os.path.join(self.authority.folder, "users", "bob.crt")
        for name, certificate, key in (("alice", made.certificate, made.plain_key),
                                       ("bob", signed, key)):
            got, said = self.gnutls(daemon, certificate, key)
            # The host's first frame: SETTINGS on stream 0.
            self.assertEqual(got[3:9], b"\x04\0\0\0\0\0", said)
            daemon.wait_log(name)


if __name__ == "__main__":
    unittest.main()
