#!/usr/bin/env python3
# timeout: 300
"""Each way in which reaching a host can fail, made to happen: exit status 5 or 6,
and words that say which step failed, where, what both sides said, and the cure.
No two of them read alike. The list is the table of connect_faults.
"""
import json
import re
import ssl

import connect_faults
import virtmux_test
from connect_faults import CONNECT, TLS, Peer, stays


class Failures(connect_faults.ConnectCase):
    def setUp(self):
        super().setUp()
        self.said = {}

    def list(self, address, words=(), **changed):
        return self.run_client(["list", *words], address, **changed)

    def assert_explained(self, done, status, *patterns):
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"^virtmux: ")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for pattern in patterns:
            self.assertRegex(done.stderr, "(?i)" + pattern)
        words = re.sub(r"[\d:]+|/\S+", "", done.stderr)
        self.assertNotIn(words, self.said, "the same words for another failure")
        self.said[words] = patterns

    def test_every_failure(self):
        for fault in self.faults(self.list):
            with self.subTest(fault.what):
                self.assert_explained(fault.attempt(), fault.status, *fault.words)
        self.assertEqual(self.list(self.start_daemon().address).returncode, 0)

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
