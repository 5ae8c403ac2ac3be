#!/usr/bin/env python3
# timeout: 300
"""Each way in which reaching a host can fail, made to happen: exit status 5 or 6,
and words that say which step failed, where, what both sides said, and the cure.
No two of them read alike. The table in test_every_failure is the list.
"""
import json
import os
import re
import socket
import ssl
import threading
import unittest

import make_certificates as make
import virtmux_test
from virtmux_test import write_file

CONNECT = 5
TLS = 6


class Peer:
    """Something on a port that is no virtmuxd: SERVE(socket) for each connection."""

    def __init__(self, case, serve):
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.connections = []
        case.addCleanup(self.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        try:
            self.serve(connection)
        except OSError:  # ssl.SSLError too: the client went
            connection.close()

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


def plain(connection):
    """A mail server's greeting, before a word of the client's."""
    connection.sendall(b"220 mail.example.org ESMTP\r\n")
    connection.recv(4096)
    connection.close()


def web(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.close()


def silent(connection):
    while connection.recv(4096):
        pass


def closing(connection):
    connection.recv(1)
    connection.close()


def stays(context):
    """TLS, and then not a word."""
    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            silent(secured)
    return serve


class ConnectCase(virtmux_test.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = os.path.join(cls.class_folder, "bad")
        os.mkdir(folder)
        ca = make.Pair(cls.authority.ca, os.path.join(cls.authority.folder, "ca.key"))
        cls.pairs = make.make_all(folder, ca)

    def setUp(self):
        super().setUp()
        self.said = {}

    def options(self, **changed):
        """The client's section, good but for what is CHANGED."""
        user = self.authority.user("alice")
        return {"ca": user.ca, "certificate": user.certificate, "key": user.plain_key,
                "session": "no", "connect-timeout": "20s", **changed}

    def list(self, address, words=(), **changed):
        config = write_file(os.path.join(self.work, "config"), virtmux_test.ini(
            {"host faulty": {"address": address, **self.options(**changed)}}))
        environment = {**os.environ, "VIRTMUX_CONFIG": config, "HOME": self.work}
        return virtmux_test.run(virtmux_test.VIRTMUX, "--batch", "list", *words,
                                env=environment)

    def host_with(self, pair, **options):
        """A virtmuxd with another certificate."""
        return self.start_daemon(config={"tls": {
            "certificate": pair.certificate, "key": pair.key, **options}})

    def tls(self, alpn=("h2",), **settings):
        """A TLS server with the good host's certificate that asks for the user's."""
        host = self.authority.host()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(host.certificate, host.key)
        context.load_verify_locations(self.authority.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        if alpn:
            context.set_alpn_protocols(alpn)
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    def assert_explained(self, done, status, *patterns):
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"^virtmux: ")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for pattern in patterns:
            self.assertRegex(done.stderr, "(?i)" + pattern)
        words = re.sub(r"[\d:]+|/\S+", "", done.stderr)
        self.assertNotIn(words, self.said, "the same words for another failure")
        self.said[words] = patterns


class Failures(ConnectCase):
    def test_every_failure(self):
        """The list: what is wrong, the exit status, what the words must have."""
        good = self.start_daemon().address
        alice = self.authority.user("alice")
        pairs = self.pairs

        def as_user(name, address=good):
            return self.list(address, certificate=pairs[name].certificate,
                             key=pairs[name].key)

        def at_host(name):
            return self.list(self.host_with(pairs[name]).address)

        def at_peer(serve, **options):
            return self.list(Peer(self, serve).address, **options)

        soon = {"connect-timeout": "1s"}
        tls12 = self.tls(maximum_version=ssl.TLSVersion.TLSv1_2)
        table = (
            # certificates of the host, judged here
            ("wrong CA", TLS, lambda: self.list(good, ca=pairs["wrong_authority"].certificate),
             ("issued by a CA that we do not trust", "virtmux CA", "ca = FILE")),
            ("wrong name", TLS, lambda: at_host("wrong_name_host"),
             ("not for '127.0.0.1'", "DNS:wrong.example.org", "IP:192.0.2.1", "--san")),
            ("expired", TLS, lambda: at_host("expired_host"),
             ("has expired", r"to 20\d\d-.* UTC.*clock says 20\d\d-.* UTC", "issue a new")),
            ("not yet valid", TLS, lambda: at_host("not_yet_valid_host"),
             ("not valid yet", r"from 20\d\d-.*clock says 20\d\d-", "clock")),
            ("client certificate as host's", TLS, lambda: at_host("host_with_user_usage"),
             ("serverAuth", "virtmux-pki host")),
            # certificates of the user, judged by the host
            ("host certificate as user's", TLS, lambda: as_user("user_with_host_usage"),
             ("host refused our certificate", "clientAuth", "virtmux-pki user")),
            ("expired user", TLS, lambda: as_user("expired_user"),
             ("host refused our certificate", "has expired", "clock says", "issue a new")),
            ("not yet valid user", TLS, lambda: as_user("not_yet_valid_user"),
             ("host refused our certificate", "not valid yet", "clock")),
            ("foreign user", TLS, lambda: as_user("foreign_user"),
             ("does not know the CA", "virtmuxd.conf")),
            ("user without a name", TLS, lambda: as_user("user_without_uri"),
             ("virtmux://user/NAME", "virtmux-pki user")),
            # what the user lacks
            ("no certificate", TLS, lambda: self.list(good, certificate=None, key=None),
             ("no certificate is configured", "virtmux enroll", "certificate = FILE")),
            ("wrong passphrase", TLS, lambda: self.list(
                good, words=("--passphrase-file", self.wrong_passphrase()), key=alice.key),
             ("passphrase does not open the key", "alice.key")),
            ("no passphrase", TLS, lambda: self.list(good, key=alice.key),
             ("needs a passphrase", "--batch", "--passphrase-fd")),
            # peers that are no virtmuxd
            ("TLS 1.2 only", TLS, lambda: at_peer(stays(tls12)),
             ("no common TLS version", "we offer TLS 1.3", "TLS 1.2 at most",
              "tls-min = 1.2")),
            ("plain TCP", TLS, lambda: at_peer(plain),
             ("does not speak TLS", "220 mail.example", "virtmuxd's port")),
            ("a web server", TLS, lambda: at_peer(web),
             ("does not speak TLS", "HTTP/1.1 400", "virtmuxd's port")),
            ("no ALPN", TLS, lambda: at_peer(stays(self.tls(alpn=()))),
             ("does not speak HTTP/2", "ALPN", "virtmuxd's port")),
            ("silent TLS", CONNECT, lambda: at_peer(stays(self.tls()), **soon),
             ("time-out after 1 s", "TLS stands", "first HTTP/2 frame")),
            ("silent port", CONNECT, lambda: at_peer(silent, **soon),
             ("time-out after 1 s", "TCP connection stands", "virtmuxd's port", "firewall")),
            ("hangs up", CONNECT, lambda: at_peer(closing),
             ("before the host said a word", "virtmuxd's port", "log")),
            # no peer at all
            ("refused port", CONNECT, lambda: self.list(self.closed_port()),
             ("Connection refused", "nothing listens there", "is virtmuxd running")),
            ("unknown name", CONNECT, lambda: self.list("no-such-host.invalid"),
             ("no-such-host.invalid", "cannot be resolved", "name server")),
        )
        for what, status, attempt, patterns in table:
            with self.subTest(what):
                self.assert_explained(attempt(), status, *patterns)
        self.assertEqual(self.list(good).returncode, 0)

    def wrong_passphrase(self):
        return write_file(os.path.join(self.work, "wrong"), "wrong\n")

    @staticmethod
    def closed_port():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return f"127.0.0.1:{listener.getsockname()[1]}"

    def test_same_reason_other_subject(self):
        """Failures that may read like one of the list, since the cure is the same."""
        good = self.start_daemon().address
        pair = self.pairs["self_signed_user"]
        self.assert_explained(
            self.list(good, certificate=pair.certificate, key=pair.key), TLS,
            "host refused our certificate", "signed by its own key")
        self.assert_explained(
            self.list(self.host_with(self.pairs["foreign_host"]).address), TLS,
            "CA that we do not trust", "test CA")
        self.assert_explained(
            self.list(good, **{"server-name": "other.example"}), TLS,
            "not for 'other.example'", "DNS:localhost", "server-name")
        self.assert_explained(
            self.list(Peer(self, stays(self.tls(alpn=["http/1.1"]))).address), TLS,
            "ALPN")

    def test_no_rights(self):
        """The host knows the user and gives him nothing: that is no failure of TLS."""
        daemon = self.start_daemon(access={"x": {"role": "viewer", "domains": "*"}})
        done = self.list(daemon.address)
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn("access.conf", done.stderr)

    def test_older_tls(self):
        """tls-min = 1.2 reaches a peer that has nothing newer; below, it is refused."""
        peer = Peer(self, stays(self.tls(maximum_version=ssl.TLSVersion.TLSv1_2)))
        self.assert_explained(
            self.list(peer.address, **{"tls-min": "1.2", "connect-timeout": "1s"}),
            CONNECT, "TLS stands")
        done = self.list(peer.address, **{"tls-min": "1.1"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("tls-min", done.stderr)

    def test_every_address_is_tried(self):
        """localhost has two addresses where IPv6 is there; one of them serves."""
        daemon = self.start_daemon()
        done = self.list(f"localhost:{daemon.port}")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_errors_as_json(self):
        done = self.list(self.closed_port(), words=("--json",))
        error = json.loads(done.stderr)["error"]
        self.assertEqual((error["code"], error["status"], error["retry"]),
                         ("connect", CONNECT, True))


if __name__ == "__main__":
    virtmux_test.main()
