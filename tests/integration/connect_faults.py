"""The ways in which reaching a host can fail, each made to happen: servers that are
no virtmuxd, a client's configuration with one fault, and the table of them all.
Imported by the tests of what commands say, and of what doctor finds.

    class Failures(connect_faults.ConnectCase):
        def test(self):
            for fault in self.faults(self.list):
                done = fault.attempt()      # fails as fault.status, .words, .step tell
"""
import collections
import os
import socket
import ssl
import subprocess
import threading

import make_certificates as make
import virtmux_test
from virtmux_test import write_file

CONNECT = 5
TLS = 6

# What is wrong; the client's exit status; a function that meets it; patterns of the
# words; the step of doctor that fails.
Fault = collections.namedtuple("Fault", "what status attempt words step")


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

    def options(self, **changed):
        """The client's section, good but for what is CHANGED."""
        user = self.authority.user("alice")
        return {"ca": user.ca, "certificate": user.certificate, "key": user.plain_key,
                "session": "no", "connect-timeout": "20s", **changed}

    def run_client(self, words, address, env=None, terminal=None, by=(), **changed):
        """virtmux WORDS with that host, and nobody to ask; started by the command BY,
        its results on the descriptor TERMINAL."""
        config = write_file(os.path.join(self.work, "config"), virtmux_test.ini(
            {"host faulty": {"address": address, **self.options(**changed)}}))
        environment = {**os.environ, "VIRTMUX_CONFIG": config, "HOME": self.work,
                       **(env or {})}
        command = [*by, virtmux_test.VIRTMUX, "--batch", *words]
        if terminal is None:
            return virtmux_test.run(*command, env=environment)
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                              stdout=terminal, check=False, timeout=virtmux_test.TIMEOUT)

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

    def faults(self, reach):
        """The table. REACH(address, words=(), **changed) runs the client."""
        good = self.start_daemon().address
        alice = self.authority.user("alice")
        pairs = self.pairs

        def as_user(name):
            return reach(good, certificate=pairs[name].certificate,
                         key=pairs[name].key)

        def at_host(name):
            return reach(self.host_with(pairs[name]).address)

        def at_peer(serve, **options):
            return reach(Peer(self, serve).address, **options)

        soon = {"connect-timeout": "1s"}
        tls12 = self.tls(maximum_version=ssl.TLSVersion.TLSv1_2)
        return (
            # certificates of the host, judged here
            Fault("wrong CA", TLS, lambda: reach(good, ca=pairs["wrong_authority"].certificate),
                  ("issued by a CA that we do not trust", "virtmux CA", "ca = FILE"),
                  "host-certificate"),
            Fault("wrong name", TLS, lambda: at_host("wrong_name_host"),
                  ("not for '127.0.0.1'", "DNS:wrong.example.org", "IP:192.0.2.1", "--san"),
                  "host-certificate"),
            Fault("expired", TLS, lambda: at_host("expired_host"),
                  ("has expired", r"to 20\d\d-.* UTC.*clock says 20\d\d-.* UTC", "issue a new"),
                  "host-certificate"),
            Fault("not yet valid", TLS, lambda: at_host("not_yet_valid_host"),
                  ("not valid yet", r"from 20\d\d-.*clock says 20\d\d-", "clock"),
                  "host-certificate"),
            Fault("client certificate as host's", TLS, lambda: at_host("host_with_user_usage"),
                  ("serverAuth", "virtmux-pki host"), "host-certificate"),
            # certificates of the user, judged by the host
            Fault("host certificate as user's", TLS, lambda: as_user("user_with_host_usage"),
                  ("host refused our certificate", "clientAuth", "virtmux-pki user"),
                  "certificate"),
            Fault("expired user", TLS, lambda: as_user("expired_user"),
                  ("host refused our certificate", "has expired", "clock says", "issue a new"),
                  "certificate"),
            Fault("not yet valid user", TLS, lambda: as_user("not_yet_valid_user"),
                  ("host refused our certificate", "not valid yet", "clock"), "certificate"),
            Fault("foreign user", TLS, lambda: as_user("foreign_user"),
                  ("does not know the CA", "virtmuxd.conf"), "verdict"),
            Fault("user without a name", TLS, lambda: as_user("user_without_uri"),
                  ("virtmux://user/NAME", "virtmux-pki user"), "certificate"),
            # what the user lacks
            Fault("no certificate", TLS, lambda: reach(good, certificate=None, key=None),
                  ("no certificate is configured", "virtmux enroll", "certificate = FILE"),
                  "certificate"),
            Fault("wrong passphrase", TLS, lambda: reach(
                    good, words=("--passphrase-file", self.wrong_passphrase()), key=alice.key),
                  ("passphrase does not open the key", "alice.key"), "passphrase"),
            Fault("no passphrase", TLS, lambda: reach(good, key=alice.key),
                  ("needs a passphrase", "--batch", "--passphrase-fd"), "passphrase"),
            # peers that are no virtmuxd
            Fault("TLS 1.2 only", TLS, lambda: at_peer(stays(tls12)),
                  ("no common TLS version", "we offer TLS 1.3", "TLS 1.2 at most",
                   "tls-min = 1.2"), "tls"),
            Fault("plain TCP", TLS, lambda: at_peer(plain),
                  ("does not speak TLS", "220 mail.example", "virtmuxd's port"), "tls"),
            Fault("a web server", TLS, lambda: at_peer(web),
                  ("does not speak TLS", "HTTP/1.1 400", "virtmuxd's port"), "tls"),
            Fault("no ALPN", TLS, lambda: at_peer(stays(self.tls(alpn=()))),
                  ("does not speak HTTP/2", "ALPN", "virtmuxd's port"), "alpn"),
            Fault("silent TLS", CONNECT, lambda: at_peer(stays(self.tls()), **soon),
                  ("time-out after 1 s", "TLS stands", "first HTTP/2 frame"), "verdict"),
            Fault("silent port", CONNECT, lambda: at_peer(silent, **soon),
                  ("time-out after 1 s", "TCP connection stands", "virtmuxd's port", "firewall"),
                  "tls"),
            Fault("hangs up", CONNECT, lambda: at_peer(closing),
                  ("before the host said a word", "virtmuxd's port", "log"), "tls"),
            # no peer at all
            Fault("refused port", CONNECT, lambda: reach(self.closed_port()),
                  ("Connection refused", "nothing listens there", "is virtmuxd running"),
                  "address"),
            Fault("unknown name", CONNECT, lambda: reach("no-such-host.invalid"),
                  ("no-such-host.invalid", "cannot be resolved", "name server"), "name"),
        )

    def wrong_passphrase(self):
        return write_file(os.path.join(self.work, "wrong"), "wrong\n")

    @staticmethod
    def closed_port():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return f"127.0.0.1:{listener.getsockname()[1]}"
