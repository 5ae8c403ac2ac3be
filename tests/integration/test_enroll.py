#!/usr/bin/env python3
# timeout: 300
"""From nothing to the first list in four commands, typed as the README has them, at
a terminal, against a real virtmuxd; what import takes and refuses; host add, list
and remove; keys of every kind that enroll makes.
"""
import json
import os
import re
import stat
import tempfile

import virtmux_test
from test_client_key import Terminal
from virtmux_test import VIRTMUX, must_run, write_file

PASSPHRASE = "a horse of anna's"
EXTENSIONS = """basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:virtmux://user/{name}
"""


class EnrollCase(virtmux_test.Case):
    access = {"anna": {"role": "admin", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.home = tempfile.mkdtemp(prefix="home", dir=self.work)
        self.folder = os.path.join(self.home, ".config", "virtmux")
        self.config_file = os.path.join(self.folder, "config")
        self.passphrase = write_file(os.path.join(self.work, "passphrase"),
                                     PASSPHRASE + "\n")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(
                ("VIRTMUX_", "XDG_", "SSH_ASKPASS", "DISPLAY"))},
            "HOME": self.home, "XDG_RUNTIME_DIR": self.home, "NO_COLOR": "1",
            "PATH": os.path.dirname(VIRTMUX) + ":" + os.environ["PATH"]}

    def run_client(self, *words, **options):
        return virtmux_test.run(VIRTMUX, *words, start_new_session=True,
                                env=self.environment, **options)

    def must_run(self, *words):
        done = self.run_client(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def assert_refused(self, done, status, *patterns):
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        for pattern in patterns:
            self.assertRegex(done.stderr, pattern)

    def enroll(self, name="anna", *words):
        return self.must_run("enroll", name, "--passphrase-file", self.passphrase, *words)

    def path(self, name):
        return os.path.join(self.folder, name)

    def sign(self, name="anna", days="30", authority=None, request=None):
        """The administrator's side: the certificate, where he sends it from."""
        authority = authority or self.authority
        signed = os.path.join(self.work, name + ".crt")
        must_run("openssl", "x509", "-req", "-in", request or self.path(name + ".csr"),
                 "-CA", authority.ca, "-CAkey", os.path.join(authority.folder, "ca.key"),
                 "-days", days, "-out", signed, "-extfile",
                 write_file(os.path.join(self.work, "ext"), EXTENSIONS.format(name=name)))
        return signed

    def mode(self, path):
        return stat.S_IMODE(os.stat(path).st_mode)

    def defaults(self):
        text = virtmux_test.read_file(self.config_file)
        return dict(re.findall(r"^(\S+) = (.*)$", text.split("[host")[0], re.M))


class FromNothing(EnrollCase):
    def test_four_commands(self):
        daemon = self.start_daemon()
        t = Terminal(["/bin/sh", "-c", "virtmux enroll anna"], self.environment)
        t.expect(r"Passphrase for \S+/anna\.key, a new one: ")
        self.assertFalse(t.echoes())
        t.type(PASSPHRASE + "\n")
        t.expect(r"Passphrase for \S+/anna\.key, once more: ")
        t.type(PASSPHRASE + "\n")
        t.expect(r"\n +virtmux-pki sign anna\.csr --user anna\r\n")
        t.expect(r"\n +virtmux import anna\.crt ca\.crt\r\n")
        self.assertEqual(t.finish(), 0)

        # The administrator: the request comes to him, the certificates go back.
        must_run("cp", self.path("anna.csr"), self.authority.folder)
        self.authority.pki("sign", os.path.join(self.authority.folder, "anna.csr"),
                           "--user", "anna")
        must_run("cp", os.path.join(self.authority.folder, "users", "anna.crt"),
                 self.authority.ca, self.work)

        self.environment["VIRTMUX_ASKPASS"] = "/nowhere/askpass"  # nobody is asked
        out = must_run("/bin/sh", "-c", "virtmux import anna.crt ca.crt", cwd=self.work,
                       env=self.environment)
        self.assertIn("virtmux host add NAME ADDRESS", out)
        out = must_run("/bin/sh", "-c", f"virtmux host add kvm1 {daemon.address}",
                       env=self.environment)
        self.assertIn("virtmux -H kvm1 list", out)
        del self.environment["VIRTMUX_ASKPASS"]

        t = Terminal(["/bin/sh", "-c", "virtmux list"], self.environment)
        t.expect(r"Passphrase for \S+/anna\.key: ")
        t.type(PASSPHRASE + "\n")
        t.expect(r" 1    test   running")
        self.assertEqual(t.finish(), 0)
        daemon.wait_audit(method="domain.list", identity="anna")

    def test_what_it_leaves(self):
        """Modes, forms, and a key that openssl opens with the passphrase alone."""
        self.enroll()
        self.must_run("import", self.sign(), self.authority.ca)
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["anna.crt", "anna.csr", "anna.key", "ca.crt", "config"])
        self.assertEqual([self.mode(self.folder), self.mode(self.path("anna.key")),
                          self.mode(self.config_file)], [0o700, 0o600, 0o600])
        self.assertEqual(self.defaults(), {"certificate": "anna.crt", "key": "anna.key",
                                           "ca": "ca.crt"})
        self.assertIn("ENCRYPTED PRIVATE KEY", virtmux_test.read_file(self.path("anna.key")))
        form = must_run("openssl", "asn1parse", "-in", self.path("anna.key"))
        self.assertRegex(form, r"(?s)PBES2.*scrypt.*aes-256-cbc")
        must_run("openssl", "pkey", "-in", self.path("anna.key"), "-noout", "-passin",
                 "file:" + self.passphrase)
        request = must_run("openssl", "req", "-in", self.path("anna.csr"), "-verify",
                           "-noout", "-text")
        self.assertRegex(request, r"Subject: CN = anna\n")
        self.assertIn("URI:virtmux://user/anna", request)

    def test_algorithms(self):
        daemon = self.start_daemon()
        for algorithm, words in (("p256", "prime256v1"), ("p384", "secp384r1"),
                                 ("ed25519", "ED25519"), ("rsa3072", "3072 bit")):
            with self.subTest(algorithm):
                self.enroll("anna", "--force", "--algorithm", algorithm)
                text = must_run("openssl", "req", "-in", self.path("anna.csr"), "-noout",
                                "-verify", "-text")
                self.assertIn(words, text)
                self.must_run("import", self.sign(), self.authority.ca, "--force")
                self.must_run("host", "add", "kvm1", daemon.address, "--force")
                out = self.must_run("list", "--json", "--passphrase-file", self.passphrase)
                self.assertEqual(json.loads(out)["domains"][0]["name"], "test")


class Enroll(EnrollCase):
    def test_refused(self):
        self.enroll()
        key = virtmux_test.read_file(self.path("anna.key"))
        done = self.run_client("enroll", "anna", "--passphrase-file", self.passphrase)
        self.assert_refused(done, 1, "anna.key is there already", "--force")
        self.assertEqual(virtmux_test.read_file(self.path("anna.key")), key)
        self.enroll("anna", "--force")
        self.assertNotEqual(virtmux_test.read_file(self.path("anna.key")), key)
        self.assert_refused(self.run_client("enroll", "../x"), 2, "a user's name has")
        self.assert_refused(self.run_client("enroll", "bob", "--batch"), 6,
                            "needs a passphrase")
        self.assert_refused(self.run_client("enroll", "bob", "--algorithm=dsa"), 2,
                            "p256 p384 ed25519")
        empty = write_file(os.path.join(self.work, "empty"), "\n")
        self.assert_refused(self.run_client("enroll", "bob", "--passphrase-file", empty), 6,
                            "an empty passphrase protects nothing")
        self.assertNotIn("bob.key", os.listdir(self.folder))

    def test_differing(self):
        t = Terminal([VIRTMUX, "enroll", "anna"], self.environment)
        t.expect("a new one: ")
        t.type("one\n")
        t.expect("once more: ")
        t.type("two\n")
        t.expect("They differ. Passphrase for ")
        t.type("\x03")
        self.assertEqual(t.finish(), 130)
        self.assertEqual(os.listdir(self.folder), [])

    def test_key_that_is_there(self):
        """Its request alone is made, and import knows it by --key."""
        key = os.path.join(self.work, "own.key")
        os.close(os.open(key, os.O_CREAT, 0o600))
        must_run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
        self.must_run("enroll", "anna", "--key", key)
        self.assertEqual(os.listdir(self.folder), ["anna.csr"])
        out = json.loads(self.must_run("import", self.sign(), self.authority.ca, "--key",
                                       key, "--json"))
        self.assertEqual((out["identity"], out["key"], out["configured"]),
                         ("anna", os.path.realpath(key), True))
        self.assertEqual(self.defaults()["key"], os.path.realpath(key))


class Import(EnrollCase):
    def test_chain_and_order(self):
        """One file with both, and the CA's before the user's."""
        self.enroll()
        text = (virtmux_test.read_file(self.authority.ca)
                + virtmux_test.read_file(self.sign()))
        chain = write_file(os.path.join(self.work, "chain.pem"), text)
        out = self.must_run("import", chain)
        self.assertRegex(out, r"Certificate: \S+/anna\.crt \(user anna, valid until 20")
        self.must_run("import", chain)  # once more changes nothing

    def test_ca_first(self):
        self.assertIn("virtmux enroll", self.must_run("import", self.authority.ca))
        self.assertEqual(self.defaults(), {"ca": "ca.crt"})
        self.enroll()
        der = os.path.join(self.work, "anna.der")
        must_run("openssl", "x509", "-in", self.sign(), "-outform", "DER", "-out", der)
        self.must_run("import", der)
        self.assertEqual(self.defaults(), {"certificate": "anna.crt", "key": "anna.key",
                                           "ca": "ca.crt"})

    def test_renewed(self):
        self.enroll()
        self.must_run("import", self.sign(), self.authority.ca)
        first = virtmux_test.read_file(self.path("anna.crt"))
        self.must_run("import", self.sign(days="60"))
        self.assertNotEqual(virtmux_test.read_file(self.path("anna.crt")), first)

    def test_pkcs12(self):
        daemon = self.start_daemon()
        user = self.authority.user("anna")
        for name, words in (("new", []), ("old", ["-legacy"]),
                            ("iter", ["-keypbe", "PBE-SHA1-3DES", "-certpbe",
                                      "PBE-SHA1-3DES"])):
            with self.subTest(name):
                p12 = os.path.join(self.work, name + ".p12")
                must_run("openssl", "pkcs12", "-export", "-inkey", user.plain_key, "-in",
                         user.certificate, "-certfile", user.ca, "-out", p12, *words,
                         "-passout", "file:" + self.passphrase)
                self.must_run("import", p12, "--passphrase-file", self.passphrase,
                              "--force")
                self.assertRegex(must_run("openssl", "asn1parse", "-in",
                                          self.path("anna.key")), "scrypt")
                self.must_run("host", "add", "h", daemon.address, "--force")
                self.must_run("list", "--passphrase-file", self.passphrase)
        done = self.run_client("import", p12, "--passphrase-file", write_file(
            os.path.join(self.work, "wrong"), "wrong\n"))
        self.assert_refused(done, 6, "does not open .*iter.p12")

    def test_exported(self):
        """What virtmux-pki export makes for somebody who made no key."""
        daemon = self.start_daemon()
        self.authority.user("anna")
        p12 = os.path.join(self.work, "anna.p12")
        self.authority.pki("export", "anna", "--p12", "-o", p12, "--passphrase-file",
                           self.authority.passphrase_file, "--p12-passphrase-file",
                           self.passphrase)
        self.must_run("import", p12, "--passphrase-file", self.passphrase)
        self.must_run("host", "add", "h", daemon.address)
        self.must_run("list", "--passphrase-file", self.passphrase)

    def test_refused(self):
        self.enroll()
        signed = self.sign()
        self.assert_refused(self.run_client("import", signed), 6,
                            "no CA's certificate came with it", r"import \S+ ca\.crt")
        other = virtmux_test.Authority(os.path.join(self.work, "other"))
        self.assert_refused(self.run_client("import", signed, other.ca), 6, "issue|sign|CA")
        self.assert_refused(self.run_client("import", self.passphrase), 6,
                            "holds no certificate")
        self.assert_refused(self.run_client("import", "/nowhere/x"), 3, "/nowhere/x")
        self.assert_refused(
            self.run_client("import", self.authority.host().certificate,
                            self.authority.ca), 6, "clientAuth|user")
        bob = self.authority.user("bob")
        self.assert_refused(self.run_client("import", bob.certificate, bob.ca), 6,
                            "for a key that is not here", "enroll")
        self.assert_refused(self.run_client("import", signed, bob.certificate, bob.ca), 6,
                            "second user's certificate")
        self.assert_refused(
            self.run_client("import", signed, bob.ca, "--key", bob.plain_key), 6,
            "for another key than")
        self.assertEqual(sorted(os.listdir(self.folder)), ["anna.csr", "anna.key"])

    def test_expired(self):
        self.enroll()
        signed = self.sign(days="-1")
        self.assert_refused(self.run_client("import", signed, self.authority.ca), 6,
                            "expired|ended")

    def test_second_identity(self):
        """[defaults] stays; the command that uses the new one is told, and works."""
        daemon = self.start_daemon(access={"carl": {"role": "viewer", "domains": "*"}})
        self.enroll()
        self.must_run("import", self.sign(), self.authority.ca)
        before = virtmux_test.read_file(self.config_file)
        self.enroll("carl")
        out = self.must_run("import", self.sign("carl"))
        self.assertEqual(virtmux_test.read_file(self.config_file), before)
        command = re.search(r"virtmux host add NAME ADDRESS (.*)", out).group(1).split()
        self.must_run("host", "add", "kvm1", daemon.address, *command)
        out = self.must_run("whoami", "--json", "--passphrase-file", self.passphrase)
        self.assertEqual(json.loads(out)["identity"], "carl")


class LibvirtPki(EnrollCase):
    def test_offered(self):
        """libvirt's own certificate: told with the command, used when that was run."""
        pki = os.path.join(self.home, ".pki", "libvirt")
        os.makedirs(pki)
        key = os.path.join(pki, "clientkey.pem")
        os.close(os.open(key, os.O_CREAT, 0o600))
        must_run("openssl", "genpkey", "-algorithm", "rsa", "-out", key)
        request = os.path.join(self.work, "request")
        must_run("openssl", "req", "-new", "-key", key, "-subj", "/O=libvirt/CN=anna",
                 "-out", request)
        must_run("openssl", "x509", "-req", "-in", request, "-CA", self.authority.ca,
                 "-CAkey", os.path.join(self.authority.folder, "ca.key"), "-days", "9",
                 "-out", os.path.join(pki, "clientcert.pem"), "-extfile", write_file(
                     os.path.join(self.work, "ext"),
                     EXTENSIONS.rsplit("subjectAltName", 1)[0]))
        must_run("cp", self.authority.ca, os.path.join(pki, "cacert.pem"))
        daemon = self.start_daemon(config={"tls": {"identity": "cn"}})
        out = self.must_run("host", "add", "kvm1", daemon.address)
        self.assertIn("identity = cn", out)
        done = self.run_client("list")
        self.assert_refused(done, 6, "no certificate is configured", "identity = cn")
        command = re.search(r"virtmux (host add .*)", done.stderr).group(1)
        self.must_run(*command.split())
        out = self.must_run("whoami", "--json")
        self.assertEqual(json.loads(out)["identity"], "anna")


class Hosts(EnrollCase):
    def test_add_list_remove(self):
        self.must_run("host", "add", "a", "a.example")
        with open(self.config_file, "a", encoding="utf-8") as file:
            file.write("\n# the one in the cellar\n[host b]\naddress = b.example\n")
        self.must_run("host", "add", "c", "[2001:db8::1]:99", "--default",
                      "--server-name", "c.example")
        hosts = json.loads(self.must_run("host", "list", "--json"))["hosts"]
        self.assertEqual([(h["name"], h["address"], h["default"]) for h in hosts],
                         [("a", "a.example", False), ("b", "b.example", False),
                          ("c", "[2001:db8::1]:99", True)])
        self.must_run("host", "remove", "a")
        self.must_run("host", "remove", "c")
        self.assertEqual(virtmux_test.read_file(self.config_file),
                         "[defaults]\n\n# the one in the cellar\n[host b]\n"
                         "address = b.example\n\n")

    def test_refused(self):
        self.must_run("host", "add", "a", "a.example")
        before = virtmux_test.read_file(self.config_file)
        self.assert_refused(self.run_client("host", "add", "a", "b"), 1, "--force")
        self.assert_refused(self.run_client("host", "add", "a,b", "b"), 2, "host's name")
        self.assert_refused(self.run_client("host", "add", "b", "b:99999"), 2, "b:99999|port")
        self.assert_refused(self.run_client("host", "add", "b", "b\nkey = x"), 2, "no address")
        self.assert_refused(self.run_client("host", "add", "b", "b", "--ca=/nowhere"), 3,
                            "/nowhere")
        self.assert_refused(self.run_client("host", "remove", "aa"), 3, "did you mean 'a'|no host")
        self.assertEqual(virtmux_test.read_file(self.config_file), before)


if __name__ == "__main__":
    virtmux_test.main()
