#!/usr/bin/env python3
"""One's own channel read by tshark, as doc/KEYLOG.md shows it: with the key log of the
client, and with that of the host; both are loud, and nobody else can read the file.
"""
import os
import signal
import subprocess
import unittest

import virtmux_test
from virtmux_test import need, read_file, run, wait_for


class Capture:
    """What passes on a port of the loopback, until stop()."""

    def __init__(self, case, port):
        self.port = port
        self.path = os.path.join(case.work, "channel.pcapng")
        self.messages = os.path.join(case.work, "tshark.log")
        with open(self.messages, "wb") as log:
            self.process = subprocess.Popen(
                ["tshark", "-i", "lo", "-f", f"tcp port {port}", "-w", self.path],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        case.addCleanup(virtmux_test.end_process, self.process, signal.SIGINT)
        wait_for(self.has_begun, "the capture")

    def has_begun(self):
        if self.process.poll() is not None:
            raise unittest.SkipTest("tshark cannot capture: " + read_file(self.messages))
        return "Capture started" in read_file(self.messages)

    def read(self, keys, *words):
        return run("tshark", "-r", self.path, "-d", f"tcp.port=={self.port},tls", *(
            ["-o", "tls.keylog_file:" + keys] if keys else []), *words).stdout

    def stop(self):
        """Once the connection's end is in it."""
        wait_for(lambda: len(self.read(None, "-Y", "tcp.flags.fin == 1")
                             .splitlines()) >= 1, "a FIN in the capture")
        virtmux_test.end_process(self.process, signal.SIGINT)


class KeyLog(virtmux_test.Case):

    def setUp(self):
        super().setUp()
        need("tshark")
        self.keys = os.path.join(self.work, "keys")

    def assert_readable(self, capture):
        fields = capture.read(self.keys, "-Y", "http2", "-T", "fields", "-e",
                              "http2.headers.path", "-e", "http2.headers.method")
        self.assertIn("/rpc\tPOST", fields)
        json = capture.read(self.keys, "-Y", "json", "-T", "fields", "-e", "json.key",
                            "-e", "json.value.string")
        for word in ("method", "domain.list", "result", "running"):
            self.assertIn(word, json)
        blind = capture.read(None, "-Y", "http2 or json", "-T", "fields", "-e",
                             "http2.headers.path")
        self.assertEqual(blind, "")
        self.assertEqual(os.stat(self.keys).st_mode & 0o777, 0o600)

    def test_of_the_client(self):
        daemon = self.start_daemon()
        capture = Capture(self, daemon.port)
        virtmux_test.write_file(self.keys, "", 0o644)
        done = self.client(daemon).run("list", env={"SSLKEYLOGFILE": self.keys})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("SSLKEYLOGFILE is set"), 1, done.stderr)
        capture.stop()
        self.assert_readable(capture)

    def test_of_the_host(self):
        daemon = self.start_daemon(config={"tls": {"tls-keylog": self.keys}})
        self.assertRegex(daemon.log(), "warning: .*tls-keylog.*ALL connections")
        capture = Capture(self, daemon.port)
        done = self.client(daemon).run("list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        capture.stop()
        self.assert_readable(capture)
        daemon.reload()
        self.assertEqual(daemon.log().count("the secrets of ALL connections"), 2)

    @unittest.skipIf(os.geteuid(), "needs a file of somebody else")
    def test_a_file_of_somebody_else(self):
        virtmux_test.write_file(self.keys, "", 0o644)
        os.chown(self.keys, 65534, 65534)
        daemon = self.start_daemon()
        done = self.client(daemon).run("list", env={"SSLKEYLOGFILE": self.keys})
        self.assertEqual(done.returncode, 6)
        self.assertIn("belongs to somebody else", done.stderr)
        os.symlink(self.keys, self.keys + ".link")
        done = self.client(daemon).run("list", env={"SSLKEYLOGFILE": self.keys + ".link"})
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(read_file(self.keys), "")


if __name__ == "__main__":
    virtmux_test.main()
