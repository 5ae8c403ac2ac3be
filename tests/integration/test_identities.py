#!/usr/bin/env python3
# timeout: 600
# sanitized: certificates that are wrong in every way
"""Bad identities, each with one fault, shown by a user to the host and by a host to
the client: refused inside the handshake, with words of its own on both sides. FAULTS
is the list. And an authority that libvirt's users have already, which is accepted.
"""
import os
import re
import ssl
import subprocess
import threading
import socket
import time

import make_certificates as make
import virtmux_test
from virtmux_test import must_run, need, wait_for, write_file

TLS = 6
NAMES = {"user": "URI:virtmux://user/alice",
         "host": "DNS:localhost,IP:127.0.0.1"}
USAGE = {"user": "clientAuth", "host": "serverAuth"}
OTHER = {"user": "host", "host": "user"}
CA_LINES = ["keyUsage = critical,keyCertSign,cRLSign", "subjectKeyIdentifier = hash"]


class Trust:
    """A CA with a good host and a good user."""

    def __init__(self, folder, file, lines=(), **options):
        self.folder = os.path.join(folder, file)
        os.mkdir(self.folder)
        self.ca = make.sign(self.folder, "ca", file + " CA", [
            "basicConstraints = critical,CA:TRUE,pathlen:0", *CA_LINES, *lines],
            **{"end": 30 * make.DAY, **options})
        self.good = {kind: self.leaf(kind, "good-" + kind) for kind in NAMES}

    def leaf(self, kind, file, issuer=None, alone=False, **changes):
        """A KIND's certificate; CHANGES: extensions (None: without it) by their short
        names, and options of make.sign()."""
        lines = {"bc": "critical,CA:FALSE", "ku": "critical,digitalSignature",
                 "ski": "hash", "aki": "keyid", "eku": USAGE[kind],
                 "san": NAMES[kind], "more": None}
        long = {"bc": "basicConstraints", "ku": "keyUsage",
                "ski": "subjectKeyIdentifier", "aki": "authorityKeyIdentifier",
                "eku": "extendedKeyUsage", "san": "subjectAltName"}
        for name in lines:
            lines[name] = changes.pop(name, lines[name])
        common_name = changes.pop("cn", "alice" if kind == "user" else "localhost")
        extensions = [f"{long[name]} = {value}" if name in long else value
                      for name, value in lines.items() if value is not None]
        return make.sign(self.folder, file, common_name, extensions,
                         None if alone else issuer or self.ca, **changes)


# -- the faults ----------------------------------------------------------------

def changed(**changes):
    return lambda trust, kind, file: trust.leaf(kind, file, **changes)


def by_other_ca(common_name):
    def build(trust, kind, file):
        other = make.authority(trust.folder, file=file + "-ca",
                               common_name=common_name)
        return trust.leaf(kind, file, other)
    return build


def by_intermediate(trust, kind, file):
    between = make.sign(trust.folder, file + "-ca", "between", [
        "basicConstraints = critical,CA:TRUE,pathlen:0", *CA_LINES,
        "authorityKeyIdentifier = keyid"], trust.ca)
    return chained(trust.leaf(kind, file, between), between)


def by_a_leaf(trust, kind, file):
    return chained(trust.leaf(kind, file, trust.good[OTHER[kind]]),
                   trust.good[OTHER[kind]])


def chained(leaf, issuer):
    with open(leaf.certificate, "a", encoding="ascii") as out:
        out.write(virtmux_test.read_file(issuer.certificate))
    return leaf


def with_nul(trust, kind, file):
    old, san = ((b"alice", NAMES["user"] + "Xbob") if kind == "user" else
                (b"localhost", "DNS:localhostXevil.example"))
    return make.resign(trust.leaf(kind, file, san=san, cn="X"), trust.ca,
                       old + b"X", old + b"\0")


def with_nul_cn(trust, kind, file):
    return make.resign(trust.leaf(kind, file, cn="nulXname"), trust.ca, b"nulX",
                       b"nul\0")


def altered(trust, kind, file):
    return make.spoil(trust.leaf(kind, file))


def good(trust, kind, file):
    return trust.good[kind]


class Fault:
    """What is wrong, how it is made, the words of who judges it, and where they
    differ those of the other side."""

    def __init__(self, name, build, words, kinds="user host", other=None, trust="plain",
                 crl=None, lists=None, weak=False, host=None):
        self.name = name
        self.build = build
        self.words = words
        self.kinds = kinds.split()
        self.other = other or words
        self.trust = trust
        self.host = host      # whose certificate the host has, where not TRUST's
        self.crl = crl        # (path, trust, pair) -> writes the list of the judge
        self.lists = lists    # what the other side says where the list is at fault
        self.weak = weak      # its owner's own OpenSSL would not load it


def crl_of(**options):
    return lambda path, trust, pair: make.crl(path, trust.ca, **options)


def revoking(path, trust, pair):
    make.crl(path, trust.ca, [pair])


def foreign_crl(common_name):
    def write(path, trust, pair):
        make.crl(path, make.authority(trust.folder, file="crl-ca",
                                      common_name=common_name))
    return write


LISTS = "cannot judge certificates now: its revocation list"
UNKNOWN_CA = "does not know the CA"
NOT_OURS = "(not issued by our CA|CA that we do not trust)"

FAULTS = [
    Fault("wrong CA", by_other_ca("strange CA"), NOT_OURS + ".*strange CA",
          other=UNKNOWN_CA + ".*strange CA"),
    Fault("wrong CA of our CA's name", by_other_ca("plain CA"),
          NOT_OURS + ".*another CA of the same name",
          other=UNKNOWN_CA + ".*plain CA"),
    Fault("intermediate that is not sent",
          lambda t, k, f: t.leaf(k, f, make.sign(t.folder, f + "-ca", "hidden CA", [
              "basicConstraints = critical,CA:TRUE,pathlen:0", *CA_LINES], t.ca)),
          NOT_OURS + ".*hidden CA", other=UNKNOWN_CA + ".*hidden CA"),
    Fault("intermediate", by_intermediate, 'comes from the intermediate CA "between"'),
    Fault("issued by a leaf", by_a_leaf, "which is no CA"),
    Fault("self-signed", changed(alone=True, aki=None), "signed by its own key"),
    Fault("altered after it was signed", altered, "signature under .* not the CA's"),
    Fault("expired", changed(begin=-2 * make.DAY, end=-make.HOUR),
          "certificate has expired: it is valid from .* clock says"),
    Fault("not yet valid", changed(begin=make.DAY, end=2 * make.DAY),
          "certificate is not valid yet"),
    Fault("revoked", lambda t, k, f: t.leaf(k, f), "certificate has been revoked at",
          other="it has been revoked", crl=revoking),
    Fault("CA as a leaf", changed(bc="critical,CA:TRUE",
                                  ku="critical,digitalSignature,keyCertSign"),
          "is a CA's, not a (user|host)'s"),
    Fault("no extended usage", changed(eku=None), "has no extended key usage"),
    Fault("wrong kind", lambda t, k, f: t.leaf(k, f, eku=USAGE[OTHER[k]]),
          "extended key usage lacks (clientAuth|serverAuth)"),
    Fault("further usage", lambda t, k, f: t.leaf(k, f, eku="clientAuth,serverAuth"),
          "may be used for 2 purposes"),
    Fault("key for agreement only", changed(ku="critical,keyAgreement"),
          "(lacks digitalSignature|may not be used for this)"),
    Fault("NUL in an alternative name", with_nul,
          "a NUL byte stands in an alternative name"),
    Fault("NUL in the common name", with_nul_cn,
          "a NUL byte stands in the subject's name"),
    Fault("RSA of 1024 bits", changed(key_type="rsa1024"),
          "key of the .* too weak .RSA of 1024 bits", weak=True),
    Fault("SHA-1", changed(digest="sha1", issuer=None),
          "signature under the .* too weak .ecdsa-with-SHA1", weak=True),
    Fault("unknown critical extension",
          changed(more="1.2.3.4.5.6 = critical,DER:0500"),
          r"critical extension 1\.2\.3\.4\.5\.6"),
    Fault("path length of a leaf", changed(bc="critical,CA:FALSE,pathlen:3"),
          "RFC 5280: .*[Pp]ath length"),
    Fault("explicit curve", changed(key_type="p256-explicit"),
          "RFC 5280: .*explicit ECC parameters"),
    Fault("a name that the CA may not give", good,
          "not permitted by its name constraints", trust="permitting {kind}"),
    Fault("a name that the CA must not give", good,
          "are excluded by its name constraints", trust="excluding {kind}"),
    Fault("expired CA of a host", good, "the CA's certificate has expired", "host",
          trust="expired"),
    Fault("expired CA of users", good, "the CA's certificate has expired", "user",
          other="has expired by the host's clock", trust="expired", host="plain"),
    Fault("stale list", good, "revocation list is out of date: the next one was due",
          crl=crl_of(begin=-2 * make.DAY, end=-make.HOUR), lists=LISTS),
    Fault("early list", good, "revocation list is not valid yet",
          crl=crl_of(begin=make.HOUR, end=make.DAY), lists=LISTS),
    Fault("list of another CA", good, 'revocation lists has none of the CA "plain CA"',
          crl=foreign_crl("strange CA"), lists=LISTS),
    Fault("list of another CA of the same name", good,
          "revocation list is not signed by our CA", crl=foreign_crl("plain CA"),
          lists=LISTS),
    # a user's name
    Fault("no name", changed(san=None), "names 0 identities", "user"),
    Fault("two names", changed(san=NAMES["user"] + "," + make.URI + "root"),
          "names 2 identities", "user"),
    Fault("a URI of others", changed(san="URI:https://example.org/alice"),
          "URI is not virtmux://user/NAME", "user"),
    Fault("a name of strange characters", changed(san=make.URI + "al/ice"),
          "not made of letters", "user"),
    Fault("an empty name", changed(san="URI:virtmux://user/"),
          "name in the certificate is empty", "user"),
    Fault("a long name", changed(san=make.URI + "a" * 65),
          "more than 64 characters", "user"),
    # a host's name
    Fault("other names", changed(san="DNS:other.example,IP:192.0.2.9"),
          "not for '127.0.0.1'.*DNS:other.example", "host",
          other="refused our certificate: it asked for an address.*DNS:other.example"),
    Fault("a common name alone", changed(san=None), "not for '127.0.0.1'.*are none",
          "host", other="refused our certificate: it asked for an address.*are none"),
    Fault("an address as a host name", changed(san="DNS:127.0.0.1"),
          "not for '127.0.0.1'.*DNS:127.0.0.1", "host",
          other="it asked for an address.*DNS:127.0.0.1"),
]

# Faults whose cure is the same may read the same.
ALIKE = [{"no name", "two names"},
         {"other names", "a common name alone", "an address as a host name"},
         {"wrong CA", "wrong CA of our CA's name", "intermediate that is not sent"}]


def alike(one, other):
    return any(one.name in group and other.name in group for group in ALIKE)


class Identities(virtmux_test.Case):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.class_folder
        cls.trusts = {
            "plain": Trust(folder, "plain"),
            "expired": Trust(folder, "expired", begin=-30 * make.DAY, end=-make.HOUR),
        }
        for name, line in (("permitting user", "permitted;URI:.example.org"),
                           ("permitting host", "permitted;DNS:example.org"),
                           ("excluding user", "excluded;URI:user"),
                           ("excluding host", "excluded;DNS:localhost")):
            cls.trusts[name] = Trust(folder, name,
                                     ["nameConstraints = critical," + line])

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon(config=self.tls_of("plain"))
        self.said = {}
        self.attempts = []

    def tls_of(self, trust, pair=None, crl=None):
        trust = self.trusts[trust]
        pair = pair or trust.good["host"]
        return {"tls": {"ca": trust.ca.certificate, "certificate": pair.certificate,
                        "key": pair.key, "crl": crl}}

    def serve(self, trust, pair=None, crl=None):
        """With these files; what the log says from then on."""
        self.daemon.write_config(self.tls_of(trust, pair, crl))
        self.daemon.reload()
        mark = len(self.daemon.log())
        return lambda: self.daemon.log()[mark:]

    def list(self, trust, pair=None, crl=None, address=None):
        trust = self.trusts[trust]
        pair = pair or trust.good["user"]
        config = write_file(os.path.join(self.work, "config"), virtmux_test.ini(
            {"host it": {"address": address or self.daemon.address,
                         "ca": trust.ca.certificate, "certificate": pair.certificate,
                         "key": pair.key, "crl": crl, "session": "no"}}))
        return virtmux_test.run(
            virtmux_test.VIRTMUX, "--batch", "list",
            env={**os.environ, "VIRTMUX_CONFIG": config, "HOME": self.work})

    def expect_client(self, done, words):
        self.assertEqual((done.returncode, done.stdout), (TLS, ""), done.stderr)
        self.assertRegex(done.stderr, words)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def expect_log(self, log, words):
        line = wait_for(lambda: re.search(r"refused 127\.0\.0\.1:\d+: .*\n", log()),
                        f"a line with {words!r} in\n{log()}").group()
        self.assertRegex(line, words)
        self.assertNotIn("connected from", log())
        return line

    def remember(self, side, fault, words):
        """No other fault reads like it."""
        words = re.sub(r"offered: .*|\"[^\"]*\"|'[^']*'|\(.*?\)|[-\d:.]+|/\S+", "", words)
        other = self.said.setdefault((side, words), fault)
        self.assertTrue(other is fault or alike(other, fault),
                        f"{fault.name} reads like {other.name} on the {side}: {words}")

    def table(self, kind):
        faults = [fault for fault in FAULTS if kind in fault.kinds]
        for number, fault in enumerate(faults):
            with self.subTest(fault.name, kind=kind):
                named = fault.trust.format(kind=kind)
                trust = self.trusts[named]
                pair = fault.build(trust, kind, f"{kind}-{number}")
                crl = None
                if fault.crl:
                    crl = os.path.join(trust.folder, f"{kind}-{number}.crl")
                    fault.crl(crl, trust, pair)
                self.attempt(kind, fault, named, pair, crl)
        self.assertEqual(self.daemon.audit(), [])
        self.serve("plain")
        self.assertEqual(self.list("plain").returncode, 0)
        return len(faults)

    def test_users(self):
        count = self.table("user")
        self.assertGreaterEqual(count, 33)

    def test_hosts(self):
        count = self.table("host")
        self.assertGreaterEqual(count, 30)

    def await_line(self):
        """The daemon writes at most 20 refusals a second: ours shall be among them."""
        wait_for(lambda: sum(at > time.monotonic() - 1.5 for at in self.attempts) < 10,
                 "a second with less refusals")
        self.attempts.append(time.monotonic())

    def attempt(self, kind, fault, trust, pair, crl):
        self.await_line()
        shown = fault.host or trust
        if kind == "user":
            log = self.serve(trust, self.trusts[shown].good["host"], crl=crl)
            if fault.weak:
                self.shake_hands(pair)
                said = self.expect_client(self.list(trust, pair), "cannot be used|"
                                          "can be used|does not belong|holds no")
            else:
                said = self.expect_client(
                    self.list(shown, pair), fault.lists or fault.other)
                self.assertRegex(said, r"the host (refused our certificate|cannot judge|"
                                       r"does not know the CA)")
            line = self.expect_log(log, fault.words)
            self.assertRegex(line, r"offered: certificate of .*, names .*, serial "
                                   r"[0-9a-f]+, issued by .*, valid until 20\d\d-")
            self.remember("host", fault, line)
            if not fault.lists and not fault.weak:
                self.remember("client", fault, said)
        elif fault.weak:
            said = self.expect_client(self.list(
                trust, address=self.weak_host(pair)), fault.words)
            self.serve(trust, pair)
            self.daemon.wait_log("the reload failed, and nothing has changed: .*"
                                 + re.escape(pair.certificate))
            self.remember("client", fault, said)
        else:
            log = self.serve(trust, pair)
            said = self.expect_client(self.list(trust, crl=crl), fault.words)
            self.remember("client", fault, said)
            if fault.lists:  # once a minute
                self.daemon.wait_log("refused .*the client " + fault.lists)
                return
            line = self.expect_log(log, fault.other)
            self.assertRegex(line, "the client (refused our certificate|does not know "
                                   "the CA)")
            self.remember("host", fault, line)

    # -- peers whose OpenSSL lets them show what virtmux itself would not load

    def shake_hands(self, pair):
        """A client with PAIR that is refused."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", self.daemon.address, "-alpn", "h2",
             "-cert", pair.certificate, "-key", pair.key, "-cipher",
             "DEFAULT@SECLEVEL=0", "-ign_eof", "-quiet"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
            timeout=virtmux_test.TIMEOUT)
        self.assertRegex(done.stderr, "alert")

    def weak_host(self, pair):
        """A TLS server with PAIR; the test fails where it gets a byte of HTTP/2."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.load_cert_chain(pair.certificate, pair.key)
        context.set_alpn_protocols(["h2"])
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        got = []

        def serve():
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    got.append(secured.recv(1))
            except OSError:
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(lambda: self.assertIn(got, ([], [b""])))
        return f"127.0.0.1:{listener.getsockname()[1]}"


class Libvirt(virtmux_test.Case):
    """Certificates as libvirt's manual has them made, by certtool."""

    def certtool(self, *words):
        must_run("certtool", *words)

    def issue(self, name, template):
        key, crt = (os.path.join(self.work, name + end) for end in (".key", ".pem"))
        text = write_file(os.path.join(self.work, name + ".info"), template)
        self.certtool("--generate-privkey", "--sec-param=medium", "--outfile", key)
        os.chmod(key, 0o600)
        words = (["--generate-self-signed"] if name == "cacert" else
                 ["--generate-certificate", "--load-ca-certificate",
                  os.path.join(self.work, "cacert.pem"), "--load-ca-privkey",
                  os.path.join(self.work, "cacert.key")])
        self.certtool(*words, "--template", text, "--load-privkey", key,
                      "--outfile", crt)
        return make.Pair(crt, key)

    def test_identity_from_the_common_name(self):
        need("certtool")
        ca = self.issue("cacert", "cn = Our libvirt\nca\ncert_signing_key\n")
        host = self.issue("servercert", "organization = Ours\ncn = localhost\n"
                          "dns_name = localhost\nip_address = 127.0.0.1\n"
                          "tls_www_server\nencryption_key\nsigning_key\n")
        user = self.issue("clientcert", "country = GB\norganization = Ours\n"
                          "cn = alice\ntls_www_client\nencryption_key\nsigning_key\n")
        both = self.issue("bothcert", "cn = alice\ntls_www_client\ntls_www_server\n"
                          "encryption_key\nsigning_key\n")
        tls = {"ca": ca.certificate, "certificate": host.certificate, "key": host.key}
        daemon = self.start_daemon(config={"tls": {**tls, "identity": "cn"}})
        for pair in (user, both):
            done = self.list(daemon, ca, pair)
            self.assertEqual((done.returncode, "running" in done.stdout), (0, True),
                             done.stderr)
        daemon.write_config({"tls": tls})
        daemon.reload()
        done = self.list(daemon, ca, user)
        self.assertEqual(done.returncode, TLS)
        self.assertRegex(done.stderr, "names 0 identities")

    def list(self, daemon, ca, pair):
        config = write_file(os.path.join(self.work, "config"), virtmux_test.ini(
            {"host it": {"address": daemon.address, "ca": ca.certificate,
                         "certificate": pair.certificate, "key": pair.key,
                         "session": "no"}}))
        return virtmux_test.run(
            virtmux_test.VIRTMUX, "--batch", "list",
            env={**os.environ, "VIRTMUX_CONFIG": config, "HOME": self.work})


if __name__ == "__main__":
    virtmux_test.main()
