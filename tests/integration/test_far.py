#!/usr/bin/env python3
# serial: it measures time
# timeout: 300
"""A host that is 40 ms away: how many round trips a list takes, counted and timed by
a relay of the test's own, beside virsh on the same line; and bulk beside a plain TLS
socket. What was counted is printed."""
import copy
import heapq
import json
import os
import selectors
import socket
import ssl
import sys
import threading
import time

import virtmux_test
from virtmux_test import must_run, need, write_file

ONE_WAY = 0.020         # seconds
ROUND_TRIP = 2 * ONE_WAY
DOMAINS = 100
BYTES = 96 * 1000000    # of a bulk transfer
RATE = 12.5e6           # bytes a second of the slow line: 100 Mbit/s
TRIES = 20              # of what is timed: the best counts


class Side:
    """One direction of a connection: what is on its way, oldest first."""

    def __init__(self, source, sink, begins):
        self.source = source
        self.sink = sink
        self.begins = begins    # it is the client that sends
        self.held = 0       # bytes on the line
        self.free = 0       # when the line has sent what it took
        self.peer = None    # the other direction
        self.depth = 0      # of what has arrived at the sink
        self.ended = False


class Relay:
    """A line of ROUND_TRIP, at RATE bytes a second. `depth` is how many round trips
    the last connection has taken up to now: a byte from the client is one deeper
    than what the client had got before it, a byte of the host's as deep as what the
    host had got. The TCP handshake, which the kernel answers at once, counts as one,
    and takes its time."""

    def __init__(self, target, path=None, rate=None):
        self.target = target    # a port, or the path of a Unix socket
        self.rate = rate
        self.most = int((rate or 0) * ROUND_TRIP) + 256 * 1024
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(path or ("127.0.0.1", 0))
        self.listener.listen()
        self.port = None if path else self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.line = []          # heap of (due, number, side, depth, data)
        self.number = 0
        self.last = None        # the host's side of the last connection
        self.sockets = [self.listener]
        self.stopping = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    @property
    def depth(self):
        return self.last.depth if self.last else 0

    def close(self):
        self.stopping = True
        self.thread.join()
        for one in self.sockets:
            one.close()

    def run(self):
        while not self.stopping:
            wait = self.line[0][0] - time.monotonic() if self.line else 0.05
            for key, _ in self.selector.select(max(0, min(wait, 0.05))):
                if key.data:
                    self.read(key.data)
                else:
                    self.accept()
            while self.line and self.line[0][0] <= time.monotonic():
                self.arrive(heapq.heappop(self.line))

    def accept(self):
        near, _ = self.listener.accept()
        far = socket.socket(socket.AF_UNIX if isinstance(self.target, str)
                            else socket.AF_INET)
        far.connect(self.target if isinstance(self.target, str)
                    else ("127.0.0.1", self.target))
        self.sockets += [near, far]
        up, down = Side(near, far, True), Side(far, near, False)
        up.peer, down.peer = down, up
        up.free = time.monotonic() + ROUND_TRIP
        down.depth = 1
        self.last = down
        for side in (up, down):
            if side.source.family == socket.AF_INET:
                side.source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(side.source, selectors.EVENT_READ, side)

    def read(self, side):
        try:
            data = side.source.recv(16384)
        except OSError:
            data = b""
        # What its sender had got before; only the client begins a round trip.
        depth = side.peer.depth + (1 if side.begins else 0)
        now = time.monotonic()
        side.free = max(now, side.free) + (len(data) / self.rate if self.rate else 0)
        side.held += len(data)
        self.number += 1
        heapq.heappush(self.line, (side.free + ONE_WAY, self.number, side, depth, data))
        if not data or side.held > self.most:
            self.selector.unregister(side.source)
            side.ended = not data

    def arrive(self, packet):
        _, _, side, depth, data = packet
        try:
            if data:
                side.sink.setblocking(True)
                side.sink.sendall(data)
                side.depth = max(side.depth, depth)
            else:
                side.sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass    # it has gone
        full = side.held > self.most
        side.held -= len(data)
        if full and side.held <= self.most and not side.ended:
            self.selector.register(side.source, selectors.EVENT_READ, side)


def tell(what, figure):
    print(f"    {what:<60} {figure}", file=sys.stderr, flush=True)


class Far(virtmux_test.Case):

    def setUp(self):
        super().setUp()
        self.node = write_file(os.path.join(self.work, "node.xml"), "<node>" + "".join(
            f"<domain type='test'><name>guest-{i:03}</name><memory>65536</memory>"
            "<vcpu>1</vcpu><os><type>hvm</type></os></domain>"
            for i in range(DOMAINS)) + "</node>", 0o644)
        self.daemon = self.start_daemon(
            config={"libvirt": {"uri": "test://" + self.node}})

    def relay(self, target, **options):
        relay = Relay(target, **options)
        self.addCleanup(relay.close)
        return relay

    def behind(self, relay):
        """The daemon, as it is seen through RELAY."""
        far = copy.copy(self.daemon)
        far.port = relay.port
        return far

    def alice(self, relay, **options):
        """A client whose key has no passphrase: that would cost time of its own."""
        plain = self.authority.user("alice").plain_key
        return self.client(self.behind(relay), key=plain, **options)

    def rows(self, output):
        return [line for line in output.splitlines() if "guest-" in line]


class Trips(Far):

    def test_a_first_list(self):
        relay = self.relay(self.daemon.port)
        alice = self.alice(relay)
        begun = time.monotonic()
        done = alice.run("list", "--all")
        took = time.monotonic() - begun
        self.assertEqual(len(self.rows(done.stdout)), DOMAINS, done.stderr)
        tell(f"first list of {DOMAINS} domains, TCP and TLS included",
             f"{relay.depth} round trips, {took * 1000:.0f} ms")
        self.assertLessEqual(relay.depth, 4)

    def test_a_list_over_an_open_channel(self):
        relay = self.relay(self.daemon.port)
        alice = self.alice(relay, session="yes")
        self.assertEqual(alice.run("session", "open").returncode, 0)
        self.addCleanup(alice.run, "session", "end")
        counts, times = [], []
        for _ in range(TRIES):
            before, begun = relay.depth, time.monotonic()
            done = alice.run("list", "--all")
            times.append(time.monotonic() - begun)
            counts.append(relay.depth - before)
            self.assertEqual(len(self.rows(done.stdout)), DOMAINS, done.stderr)
        tell(f"list of {DOMAINS} domains by a command over an open channel",
             f"{min(counts)} round trip, {min(times) * 1000:.0f} ms")
        self.assertEqual(min(counts), 1, counts)

    def test_the_time_of_a_list(self):
        """From the request to the last byte, in round trips."""
        relay = self.relay(self.daemon.port)
        took = self.behind(relay).node("alice", f"""
            const took = [];
            for (let i = 0; i < {TRIES} + 1; i++) {{
                const begun = process.hrtime.bigint();
                const answer = await call("domain.list");
                took.push(Number(process.hrtime.bigint() - begun) / 1e9);
                if (answer.result.domains.length != {DOMAINS}) return null;
            }}
            return took.slice(1);
            """)
        trips = min(took) / ROUND_TRIP
        tell(f"list of {DOMAINS} domains, request to last byte",
             f"{trips:.2f} round trips, {min(took) * 1000:.1f} ms")
        self.assertLessEqual(trips, 1.3, took)

    def test_virsh(self):
        """What the same costs there: a call for each domain, and more."""
        need("virsh")
        libvirtd = self.start_libvirtd()
        os.chmod(self.work, 0o711)
        path = os.path.join(self.work, "far.sock")
        relay = self.relay(libvirtd.socket, path=path)
        begun = time.monotonic()
        rows = must_run("virsh", "-c", f"test+unix://{self.node}?socket={path}", "list",
                        "--all")
        took = time.monotonic() - begun
        self.assertEqual(len(self.rows(rows)), DOMAINS)
        tell(f"virsh list --all of {DOMAINS} domains, without TLS",
             f"{relay.depth} round trips, {took * 1000:.0f} ms")
        self.assertGreater(relay.depth, DOMAINS)


class Bulk(Far):

    def plain_server(self):
        """A TLS socket that sends BYTES, then takes as many; its port."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        host = self.authority.host()
        context.load_cert_chain(host.certificate, host.key)
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            with listener, context.wrap_socket(listener.accept()[0],
                                               server_side=True) as peer:
                peer.sendall(bytes(BYTES))
                left = BYTES
                while left:
                    left -= len(peer.recv(1 << 16))
                peer.sendall(b"!")
        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        return listener.getsockname()[1]

    def plain_rates(self):
        """Bytes a second down and up, through a line of its own."""
        relay = self.relay(self.plain_server(), rate=RATE)
        context = ssl.create_default_context(cafile=self.authority.ca)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", relay.port)),
                                 server_hostname="localhost") as peer:
            left = BYTES - len(peer.recv(1))
            begun = time.monotonic()
            while left:
                left -= len(peer.recv(1 << 16))
            down = BYTES / (time.monotonic() - begun)
            begun = time.monotonic()
            peer.sendall(bytes(BYTES))
            peer.recv(1)
            return down, BYTES / (time.monotonic() - begun)

    def test_bulk(self):
        relay = self.relay(self.daemon.port, rate=RATE)
        done = self.alice(relay).run("speed", "--megabytes", str(BYTES // 1000000),
                                     "--json", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        ours = json.loads(done.stdout)
        plain = self.plain_rates()
        for way, rate, reference in (
                ("from the host", ours["download_bytes_per_second"], plain[0]),
                ("to the host", ours["upload_bytes_per_second"], plain[1])):
            tell(f"bulk {way} / a plain TLS socket",
                 f"{rate / 1e6:.2f} / {reference / 1e6:.2f} MB/s = {rate / reference:.3f}")
            self.assertGreaterEqual(rate / reference, 0.9)


if __name__ == "__main__":
    virtmux_test.main()
