#!/usr/bin/env python3
# serial: it measures time, memory and processor time
# timeout: 300
"""virtmuxd under those who never authenticate, who come too often, and who only
sit there: everybody else is served as before, and an idle client costs little.
"""
import os
import resource
import select
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import threading
import time
import unittest

import virtmux_test
from virtmux_test import VIRTMUXD, wait_for

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING = 4, 6
ACK = 1
IDLE = 1000  # clients
SANITIZED = b"__asan_init" in open(VIRTMUXD, "rb").read() \
    if os.path.exists(VIRTMUXD) else False


# Connects and goes, from another address than everybody else, until it is ended.
STORM = """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    with socket.socket() as client:
        client.settimeout(10)
        try:
            client.bind(("127.0.0.9", 0))
            client.connect(("127.0.0.1", int(sys.argv[1])))
        except OSError:
            pass
"""


def frame(kind, flags=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        b"\0\0\0\0" + payload


def open_plain(daemon, source="127.0.0.1"):
    client = socket.socket()
    client.settimeout(10)
    client.bind((source, 0))
    client.connect(("127.0.0.1", daemon.port))
    return client


def is_closed(client):
    """Whether the host has ended it."""
    if not select.select([client], [], [], 0)[0]:
        return False
    try:
        return client.recv(4096) == b""
    except OSError:
        return True


class IdleClient:
    """An HTTP/2 client that asks for nothing, and answers each PING."""

    def __init__(self, context, port):
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.socket.sendall(PREFACE + frame(SETTINGS))
        self.received = b""
        self.greeted = False
        while not self.greeted:
            self.read()
        self.socket.setblocking(False)

    def read(self):
        """False where the host has ended it."""
        try:
            data = self.socket.recv(16384)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except OSError:
            return False
        if not data:
            return False
        self.received += data
        while len(self.received) >= 9:
            size = int.from_bytes(self.received[:3], "big")
            if len(self.received) < 9 + size:
                break
            kind, flags = self.received[3], self.received[4]
            payload = self.received[9:9 + size]
            self.received = self.received[9 + size:]
            if kind == SETTINGS and not flags & ACK:
                self.greeted = True
                self.socket.sendall(frame(SETTINGS, ACK))
            elif kind == PING and not flags & ACK:
                self.socket.sendall(frame(PING, ACK, payload))
        return True


class IdleClients:
    """Many of them, served by a thread."""

    def __init__(self, daemon, user):
        identity = daemon.authority.user(user)
        self.context = ssl.create_default_context(cafile=identity.ca)
        self.context.load_cert_chain(identity.certificate, identity.plain_key)
        self.context.set_alpn_protocols(["h2"])
        self.port = daemon.port
        self.clients = []
        self.ended = 0
        self.poll = select.epoll()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def add(self, count):
        for _ in range(count):
            client = IdleClient(self.context, self.port)
            self.clients.append(client)
            self.poll.register(client.socket, select.EPOLLIN)

    def serve(self):
        while not self.stop.is_set():
            ready = {number for number, _ in self.poll.poll(0.05)}
            for client in list(self.clients) if ready else []:
                if client.socket.fileno() in ready and not client.read():
                    self.poll.unregister(client.socket)
                    self.clients.remove(client)
                    client.socket.close()
                    self.ended += 1

    def close(self):
        self.stop.set()
        self.thread.join()
        for client in self.clients:
            client.socket.close()


class Strangers(virtmux_test.Case):
    """Connections without a certificate."""

    def setUp(self):
        super().setUp()
        self.open = []
        self.addCleanup(lambda: [client.close() for client in self.open])

    def sit(self, daemon, count, source="127.0.0.1"):
        for _ in range(count):
            try:
                self.open.append(open_plain(daemon, source))
            except OSError:
                pass

    def assert_served(self, daemon, seconds=2):
        begin = time.monotonic()
        daemon.result("alice", "session.whoami")
        self.assertLess(time.monotonic() - begin, seconds * (5 if SANITIZED else 1))

    def test_silent_sockets_of_one_source(self):
        daemon = self.start_daemon()
        self.sit(daemon, 400)
        self.assert_served(daemon)
        wait_for(lambda: sum(not is_closed(c) for c in self.open) <= 32,
                 "the oldest have made room")
        self.assertFalse(is_closed(self.open[-1]))
        self.assertIn("the oldest makes room", daemon.log())

    def test_silent_sockets_of_many_sources(self):
        daemon = self.start_daemon()
        for host in range(2, 22):
            self.sit(daemon, 20, f"127.0.0.{host}")
        self.assert_served(daemon)
        wait_for(lambda: sum(not is_closed(c) for c in self.open) <= 256,
                 "the oldest have made room")

    def test_grace(self):
        daemon = self.start_daemon(config={"limits": {"grace": "1s"}})
        self.sit(daemon, 5)
        self.open[0].sendall(b"\x16\x03\x01\x00\xff")
        wait_for(lambda: all(is_closed(c) for c in self.open), "the grace is over", 5)
        daemon.wait_log("refused 127.0.0.1:.*did not finish")

    def test_no_tls_at_all(self):
        daemon = self.start_daemon()
        self.sit(daemon, 3)
        for client, words in zip(self.open, (b"GET / HTTP/1.1\r\n\r\n", PREFACE,
                                             b"SSH-2.0-x\r\n")):
            client.sendall(words)
        wait_for(lambda: all(is_closed(c) for c in self.open), "they are refused")
        daemon.wait_log("refused 127.0.0.1:")

    def test_a_storm_of_connections(self):
        daemon = self.start_daemon()
        storm = subprocess.Popen([sys.executable, "-c", STORM, str(daemon.port)])
        self.addCleanup(virtmux_test.end_process, storm)
        daemon.wait_log("more than .* connections a second come from this source")
        times = []
        for _ in range(9):
            begin = time.monotonic()
            daemon.result("alice", "session.whoami")
            times.append(time.monotonic() - begin)
        self.assertLess(statistics.median(times), 1 * (5 if SANITIZED else 1), times)
        self.assertIsNone(storm.poll())
        warnings = [line for line in daemon.log().splitlines() if "warning:" in line]
        self.assertLess(len(warnings), 100)

    def test_members_are_undisturbed(self):
        daemon = self.start_daemon()
        idle = IdleClients(daemon, "alice")
        self.addCleanup(idle.close)
        idle.add(20)
        for host in range(2, 22):
            self.sit(daemon, 20, f"127.0.0.{host}")
        self.assert_served(daemon)
        self.assertEqual(idle.ended, 0)

    def test_descriptors_run_out(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))

        daemon = self.make_daemon()
        daemon.spawn(preexec_fn=few)
        self.addCleanup(daemon.end)
        daemon.wait_ready()
        daemon.wait_log("connected to libvirt")
        for host in range(2, 10):
            self.sit(daemon, 30, f"127.0.0.{host}")
        daemon.wait_log("cannot be accepted: Too many open files")
        before = daemon.cpu_ms()
        begin = time.monotonic()
        wait_for(lambda: time.monotonic() > begin + 1, "a second")
        self.assertLess(daemon.cpu_ms() - before, 100)
        for client in self.open:
            client.close()
        self.assert_served(daemon)


class Members(virtmux_test.Case):
    """Connections of those who may come."""

    access = {"alice": {"role": "admin", "domains": "*"},
              "bob": {"role": "viewer", "domains": "*"}}

    def test_connections_of_one_identity(self):
        daemon = self.start_daemon(config={"limits": {
            "connections-per-identity": "3"}})
        idle = IdleClients(daemon, "bob")
        self.addCleanup(idle.close)
        idle.add(4)
        wait_for(lambda: idle.ended == 1, "the fourth is ended")
        daemon.wait_log('refused .* "bob": .* has 3 connections')
        daemon.result("alice", "session.whoami")

    def test_connections_in_all(self):
        daemon = self.start_daemon(config={"limits": {"connections": "3"}})
        idle = IdleClients(daemon, "bob")
        self.addCleanup(idle.close)
        idle.add(3)
        with self.assertRaises(AssertionError):
            daemon.result("alice", "session.whoami")
        daemon.wait_log("refused .* 3 connections are open")
        self.assertEqual(idle.ended, 0)

    @unittest.skipIf(SANITIZED, "a sanitizer has its own memory and time")
    def test_what_a_thousand_idle_clients_cost(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        daemon = self.start_daemon(config={"daemon": {"log-level": "info"}})
        idle = IdleClients(daemon, "bob")
        self.addCleanup(idle.close)
        idle.add(100)
        before = daemon.rss_kib()
        idle.add(IDLE)
        each = (daemon.rss_kib() - before) / IDLE
        # Long enough for each to be asked for a sign of life.
        cpu, begin = daemon.cpu_ms(), time.monotonic()
        wait_for(lambda: time.monotonic() > begin + 12, "12 seconds")
        second = (daemon.cpu_ms() - cpu) / (time.monotonic() - begin)
        print(f"{each:.1f} KiB each, {second:.1f} ms of CPU a second", end=" ... ",
              flush=True)
        self.assertEqual(idle.ended, 0)
        self.assertLessEqual(each, 52)
        self.assertLessEqual(second, 20)
        daemon.result("alice", "session.whoami")


if __name__ == "__main__":
    virtmux_test.main()
