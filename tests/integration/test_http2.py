#!/usr/bin/env python3
# sanitized: frames that are wrong in every way
"""virtmuxd's HTTP/2 as a peer meets it that does not keep to RFC 9113 and RFC 7541: each
fault ends its stream or its connection with the code that the section names, nobody
else's, and what is allowed, though odd, is served. The frames are made by hand.
"""
import json
import socket
import ssl
import struct

import virtmux_test
from virtmux_test import TIMEOUT

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, \
    WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32

_, PROTOCOL, INTERNAL, FLOW_CONTROL, _, STREAM_CLOSED, FRAME_SIZE, _, CANCEL, \
    COMPRESSION, _, CALM = range(12)

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME = range(1, 6)

WINDOW_MOST = 2 ** 31 - 1
FRAME_LEAST = 16384

WHOAMI = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "session.whoami"}).encode()


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def number(value):
    return struct.pack(">I", value)


def setting(name, value):
    return frame(SETTINGS, payload=struct.pack(">HI", name, value))


def text(value):
    """A string of HPACK without Huffman's code (RFC 7541 section 5.2)."""
    value = value.encode() if isinstance(value, str) else value
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, size = len(value) - 127, b"\x7f"
    while rest >= 128:
        size += bytes([rest % 128 + 128])
        rest //= 128
    return size + bytes([rest]) + value


def block(*fields):
    """A header block, each field a literal that is not indexed (section 6.2.2)."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def request(method="POST", path="/rpc", *more, scheme="https"):
    return [(":method", method), (":scheme", scheme), (":path", path),
            (":authority", "localhost"), *more]


def headers(stream, fields, flags=END_HEADERS | END_STREAM):
    return frame(HEADERS, flags, stream, block(*fields))


def call(stream, *more, body=WHOAMI):
    return headers(stream, request("POST", "/rpc", *more), END_HEADERS) + \
        frame(DATA, END_STREAM, stream, body)


GET = request("GET", "/nothing")


class Peer:
    """One connection. `end` is the GOAWAY's code, or "closed" where there was none."""

    def __init__(self, daemon, user="alice", preface=PREFACE + frame(SETTINGS)):
        identity = daemon.authority.user(user)
        context = ssl.create_default_context(cafile=identity.ca)
        context.load_cert_chain(identity.certificate, identity.plain_key)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", daemon.port), timeout=TIMEOUT)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.pending = b""
        self.streams = {}  # id: what became of it
        self.bodies = {}
        self.pongs = 0
        self.greeted = False
        self.end = None
        self.send(preface)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:  # it was too much for the host already: reading tells
            pass

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.greeted = True
            self.send(frame(SETTINGS, ACK))
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.end = struct.unpack(">II", payload[:8])[1]
        elif kind == RST_STREAM:
            self.streams.setdefault(stream, ("reset", struct.unpack(">I", payload)[0]))
        elif kind in (HEADERS, DATA):
            if kind == DATA:
                self.bodies[stream] = self.bodies.get(stream, b"") + payload
            if flags & END_STREAM:
                self.streams.setdefault(stream, ("answered",))

    def step(self):
        """Reads what has come, at least a byte, and takes the whole frames of it."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            if self.end is None:
                self.end = "closed"
            return
        self.pending += data
        while len(self.pending) >= 9:
            size = int.from_bytes(self.pending[:3], "big")
            if len(self.pending) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self.pending[3:9])
            payload, self.pending = self.pending[9:9 + size], self.pending[9 + size:]
            self.take(kind, flags, stream & WINDOW_MOST, payload)

    def until(self, condition):
        while not condition() and self.end is None:
            self.step()
        return self

    def greet(self):
        return self.until(lambda: self.greeted)

    def became(self, stream):
        """("answered",), ("reset", CODE) or ("ended", CODE): what comes first."""
        self.until(lambda: stream in self.streams)
        return self.streams.get(stream) or ("ended", self.end)

    def ping(self):
        """Whether it is alive."""
        before = self.pongs
        self.send(frame(PING, 0, 0, b"12345678"))
        return self.until(lambda: self.pongs > before).end is None

    def close(self):
        self.socket.close()


# Connection errors: what is sent after the greeting, and the GOAWAY's codes.
CONNECTION = {
    # RFC 9113 section 4
    "4.2 a frame over the limit": (
        frame(DATA, 0, 1, b"x" * (FRAME_LEAST + 1)), {FRAME_SIZE}),
    "4.2 SETTINGS over the limit": (
        frame(SETTINGS, payload=b"\0\x63\0\0\0\0" * 2731), {FRAME_SIZE}),
    "4.3 a header block that is no HPACK": (
        frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x40\x01\x40\x7f\xff\xff"),
        {COMPRESSION, PROTOCOL}),
    "4.3 another frame inside a header block": (
        headers(1, GET, END_STREAM) + frame(PING, 0, 0, b"12345678"), {PROTOCOL}),
    "4.3 another stream's frame inside a header block": (
        headers(1, GET, END_STREAM) + frame(CONTINUATION, END_HEADERS, 3, b""),
        {PROTOCOL}),
    # section 5
    "5.1 DATA on an idle stream": (frame(DATA, 0, 1, b"x"), {PROTOCOL, STREAM_CLOSED}),
    "5.1 RST_STREAM on an idle stream": (frame(RST_STREAM, 0, 1, number(CANCEL)),
                                         {PROTOCOL}),
    "5.1 WINDOW_UPDATE on an idle stream": (frame(WINDOW_UPDATE, 0, 1, number(1)),
                                            {PROTOCOL}),
    "5.1 CONTINUATION on an idle stream": (
        frame(CONTINUATION, END_HEADERS, 1, block(*GET)), {PROTOCOL}),
    "5.1.1 a stream of an even number": (headers(2, GET), {PROTOCOL}),
    # section 6
    "6.1 DATA on stream 0": (frame(DATA, 0, 0, b"x"), {PROTOCOL}),
    "6.1 DATA with more padding than payload": (
        headers(1, request(), END_HEADERS) +
        frame(DATA, PADDED | END_STREAM, 1, b"\x05abc"), {PROTOCOL}),
    "6.1 DATA whose padding has no length": (
        headers(1, request(), END_HEADERS) + frame(DATA, PADDED, 1, b""),
        {PROTOCOL, FRAME_SIZE}),
    "6.2 HEADERS on stream 0": (headers(0, GET), {PROTOCOL}),
    "6.2 HEADERS with more padding than payload": (
        frame(HEADERS, PADDED | END_HEADERS | END_STREAM, 1, b"\xff" + block(*GET)),
        {PROTOCOL}),
    "6.2 HEADERS too short for their priority": (
        frame(HEADERS, WITH_PRIORITY | END_HEADERS, 1, b"\0\0"),
        {PROTOCOL, FRAME_SIZE}),
    "6.4 RST_STREAM on stream 0": (frame(RST_STREAM, 0, 0, number(CANCEL)), {PROTOCOL}),
    "6.4 RST_STREAM of another length": (
        headers(1, request(), END_HEADERS) + frame(RST_STREAM, 0, 1, b"\0\0\0"),
        {FRAME_SIZE}),
    "6.5 SETTINGS on a stream": (frame(SETTINGS, 0, 1), {PROTOCOL}),
    "6.5 SETTINGS ACK with a payload": (frame(SETTINGS, ACK, 0, b"\0" * 6),
                                        {FRAME_SIZE}),
    "6.5 SETTINGS of another length": (frame(SETTINGS, 0, 0, b"\0\3\0"), {FRAME_SIZE}),
    "6.5.2 ENABLE_PUSH is 2": (setting(ENABLE_PUSH, 2), {PROTOCOL}),
    "6.5.2 INITIAL_WINDOW_SIZE over the limit": (
        setting(INITIAL_WINDOW, WINDOW_MOST + 1), {FLOW_CONTROL}),
    "6.5.2 MAX_FRAME_SIZE under the limit": (
        setting(MAX_FRAME, FRAME_LEAST - 1), {PROTOCOL}),
    "6.5.2 MAX_FRAME_SIZE over the limit": (setting(MAX_FRAME, 1 << 24), {PROTOCOL}),
    "6.5.3 an ACK that nobody waits for": (frame(SETTINGS, ACK) * 3, {PROTOCOL}),
    "6.6 PUSH_PROMISE from a client": (
        frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + block(*GET)), {PROTOCOL}),
    "6.7 PING on a stream": (frame(PING, 0, 1, b"12345678"), {PROTOCOL}),
    "6.7 PING of another length": (frame(PING, 0, 0, b"1234567"), {FRAME_SIZE}),
    "6.8 GOAWAY on a stream": (frame(GOAWAY, 0, 1, number(0) * 2), {PROTOCOL}),
    "6.9 WINDOW_UPDATE by nothing": (frame(WINDOW_UPDATE, 0, 0, number(0)), {PROTOCOL}),
    "6.9 WINDOW_UPDATE of another length": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"),
                                            {FRAME_SIZE}),
    "6.9.1 a window over the limit": (
        frame(WINDOW_UPDATE, 0, 0, number(WINDOW_MOST)) * 2, {FLOW_CONTROL}),
    "6.10 CONTINUATION on stream 0": (
        headers(1, GET, END_STREAM) + frame(CONTINUATION, END_HEADERS, 0, b""),
        {PROTOCOL}),
    "6.10 CONTINUATION behind a whole block": (
        headers(1, request(), END_HEADERS) + frame(CONTINUATION, END_HEADERS, 1, b""),
        {PROTOCOL}),
    "6.10 a header block without an end": (
        headers(1, GET, END_STREAM) + frame(CONTINUATION, 0, 1, b"") * 4000,
        {PROTOCOL, CALM, INTERNAL, "closed"}),
    # RFC 7541
    "2.3.3 an index that there is not": (
        frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xc6"), {COMPRESSION}),
    "5.2 a string in Huffman's code with too much padding": (
        frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x01a\x82\x1f\xff"),
        {COMPRESSION}),
    "5.2 a string longer than its block": (
        frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x7e" + b"a" * 16),
        {COMPRESSION}),
    "6.1 the index 0": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"),
                        {COMPRESSION}),
    "6.3 a table larger than the settings allow": (
        frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x7f" + block(*GET)),
        {COMPRESSION}),
    "6.3 the table's size behind a field": (
        frame(HEADERS, END_HEADERS | END_STREAM, 1, block(*GET) + b"\x3f\x00"),
        {COMPRESSION}),
    # RFC 9218
    "7.1 PRIORITY_UPDATE on a stream": (
        frame(PRIORITY_UPDATE, 0, 1, number(1) + b"u=1"), {PROTOCOL}),
}

# Stream errors: what is sent of stream 1, and its RST_STREAM's codes.
STREAM = {
    "5.1 DATA behind the end": (call(1) + frame(DATA, 0, 1, b"x"), {STREAM_CLOSED}),
    "5.1 HEADERS behind the end": (
        call(1) + headers(1, GET), {STREAM_CLOSED, PROTOCOL}),
    "6.9 WINDOW_UPDATE by nothing": (
        headers(1, request(), END_HEADERS) + frame(WINDOW_UPDATE, 0, 1, number(0)),
        {PROTOCOL}),
    "6.9.1 a window over the limit": (
        headers(1, request(), END_HEADERS) +
        frame(WINDOW_UPDATE, 0, 1, number(WINDOW_MOST)), {FLOW_CONTROL}),
    "6.9.2 a window that the settings lift over the limit": (
        headers(1, request(), END_HEADERS) +
        frame(WINDOW_UPDATE, 0, 1, number(WINDOW_MOST - 65535)) +
        setting(INITIAL_WINDOW, 65536), {FLOW_CONTROL}),
    "8.1 a second block without the stream's end": (
        headers(1, request(), END_HEADERS) +
        headers(1, [("x-trailer", "1")], END_HEADERS), {PROTOCOL}),
    "8.1 a pseudo-header in the trailer": (
        headers(1, request(), END_HEADERS) + headers(1, [(":path", "/")]), {PROTOCOL}),
    "8.1.1 more content than its length": (
        headers(1, request("POST", "/rpc", ("content-length", "1")), END_HEADERS) +
        frame(DATA, END_STREAM, 1, b"xx"), {PROTOCOL}),
    "8.1.1 less content than its length": (
        headers(1, request("POST", "/rpc", ("content-length", "3")), END_HEADERS) +
        frame(DATA, END_STREAM, 1, b"xx"), {PROTOCOL}),
    "8.2 a field's name in capitals": (
        headers(1, [*GET, ("X-Test", "1")]), {PROTOCOL}),
    "8.2.1 a field's name with a space": (headers(1, [*GET, ("x y", "1")]), {PROTOCOL}),
    "8.2.1 a field's value with a newline": (
        headers(1, [*GET, ("x-test", "1\r\nx: 2")]), {PROTOCOL}),
    "8.2.1 a field's value with a NUL": (
        headers(1, [*GET, ("x-test", "1\0")]), {PROTOCOL}),
    "8.2.2 connection": (headers(1, [*GET, ("connection", "close")]), {PROTOCOL}),
    "8.2.2 transfer-encoding": (
        headers(1, [*GET, ("transfer-encoding", "chunked")]), {PROTOCOL}),
    "8.2.2 te other than trailers": (headers(1, [*GET, ("te", "gzip")]), {PROTOCOL}),
    "8.3 an unknown pseudo-header": (headers(1, [*GET[:3], (":x", "1")]), {PROTOCOL}),
    "8.3 a pseudo-header of answers": (
        headers(1, [(":status", "200"), *GET]), {PROTOCOL}),
    "8.3 a pseudo-header behind a field": (
        headers(1, [("x-test", "1"), *GET]), {PROTOCOL}),
    "8.3.1 an empty path": (headers(1, request("GET", "")), {PROTOCOL}),
    "8.3.1 no path": (headers(1, [GET[0], GET[1], GET[3]]), {PROTOCOL}),
    "8.3.1 no method": (headers(1, GET[1:]), {PROTOCOL}),
    "8.3.1 no scheme": (headers(1, [GET[0], *GET[2:]]), {PROTOCOL}),
    "8.3.1 two methods": (headers(1, [GET[0], *GET]), {PROTOCOL}),
    "8.3.1 two paths": (headers(1, [*GET[:3], GET[2]]), {PROTOCOL}),
    "8.5 CONNECT with a path and no protocol": (
        headers(1, request("CONNECT", "/domains/test/serial/0")), {PROTOCOL}),
    "RFC 8441 4 a protocol without CONNECT": (
        headers(1, [*GET, (":protocol", "virtmux")]), {PROTOCOL}),
}

# What is allowed: stream 1 is answered.
ALLOWED = {
    "4.1 a frame of an unknown type": frame(0x42, 0xff, 0, b"what?") + call(1),
    "4.1 flags and the reserved bit that nobody knows": (
        frame(HEADERS, END_HEADERS | 0xc2, 1 | 1 << 31, block(*request())) +
        frame(DATA, END_STREAM | 0xf6, 1, WHOAMI)),
    "4.3 a header block in many pieces": (
        frame(HEADERS, 0, 1, b"") +
        b"".join(frame(CONTINUATION, 0, 1, block(field)) for field in request()) +
        frame(CONTINUATION, END_HEADERS, 1, b"") + frame(DATA, END_STREAM, 1, WHOAMI)),
    "5.3 PRIORITY of a stream that is to come": (
        frame(PRIORITY, 0, 1, number(0) + b"\x10") + call(1)),
    "6.1 padding": (
        headers(1, request(), END_HEADERS) +
        frame(DATA, PADDED | END_STREAM, 1, b"\x09" + WHOAMI + b"\0" * 9)),
    "6.2 padding and a priority": (
        frame(HEADERS, PADDED | WITH_PRIORITY | END_HEADERS, 1,
              b"\x03" + number(0) + b"\x20" + block(*request()) + b"\0" * 3) +
        frame(DATA, END_STREAM, 1, WHOAMI)),
    "6.5 a setting that nobody knows": setting(0x4242, 7) + call(1),
    "6.9 no window at first": (
        setting(INITIAL_WINDOW, 0) + call(1) +
        frame(WINDOW_UPDATE, 0, 1, number(65536))),
    "6.9 a window of one byte, and more of it": (
        setting(INITIAL_WINDOW, 1) + call(1) +
        frame(WINDOW_UPDATE, 0, 1, number(1)) * 1000),
    "8.1 a trailer": (
        headers(1, request(), END_HEADERS) + frame(DATA, 0, 1, WHOAMI) +
        headers(1, [("x-trailer", "1")])),
    "8.2.2 te: trailers": call(1, ("te", "trailers")),
    "8.2.3 cookies in pieces": call(1, ("cookie", "a=b"), ("cookie", "c=d")),
    "RFC 9218 7.1 PRIORITY_UPDATE of a stream that is to come": (
        frame(PRIORITY_UPDATE, 0, 0, number(1) + b"u=1, i") + call(1)),
    "RFC 9218 4 a priority that is none": call(1, ("priority", "u=9;;, what")),
    "RFC 7541 4.2 a table of nothing": (
        setting(HEADER_TABLE_SIZE, 0) +
        frame(HEADERS, END_HEADERS, 1, b"\x20" + block(*request())) +
        frame(DATA, END_STREAM, 1, WHOAMI)),
}


# What nghttp2 passes over, as a reset of ours may have crossed it, or since priorities of
# the old kind mean nothing: no harm is done.
PASSED_OVER = {
    "6.3 PRIORITY on stream 0": frame(PRIORITY, 0, 0, b"\0\0\0\0\1") + call(7),
    "RFC 9218 7.1 PRIORITY_UPDATE of stream 0": (
        frame(PRIORITY_UPDATE, 0, 0, number(0) + b"u=1") + call(7)),
    "5.1.1 a stream number that goes back": headers(5, GET) + headers(3, GET) + call(7),
    "5.1 HEADERS behind a reset": (
        headers(5, request(), END_HEADERS) + frame(RST_STREAM, 0, 5, number(CANCEL)) +
        headers(5, [("x-trailer", "1")]) + call(7)),
    "7 an error code that nobody knows": (
        headers(5, request(), END_HEADERS) + frame(RST_STREAM, 0, 5, number(0x4242)) +
        call(7)),
    "5.1 DATA behind a reset": (
        headers(5, request(), END_HEADERS) + frame(RST_STREAM, 0, 5, number(CANCEL)) +
        frame(DATA, END_STREAM, 5, WHOAMI) + call(7)),
}


class Faults(virtmux_test.Case):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemon = cls.start_class_daemon()

    def peer(self, **options):
        peer = Peer(self.daemon, **options)
        self.addCleanup(peer.close)
        return peer

    def setUp(self):
        super().setUp()
        self.other = self.peer().greet()

    def tearDown(self):
        """Somebody else's connection has seen nothing of all that."""
        self.assertTrue(self.other.ping())
        self.other.send(call(1))
        self.assertEqual(self.other.became(1), ("answered",))
        super().tearDown()

    def test_prefaces_that_are_none(self):
        for preface in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                        PREFACE.replace(b"SM", b"XX") + frame(SETTINGS),
                        PREFACE + frame(PING, 0, 0, b"12345678"),
                        PREFACE + frame(SETTINGS, ACK)):
            with self.subTest(preface[:40]):
                self.assertIn(self.peer(preface=preface).until(lambda: False).end,
                              (PROTOCOL, "closed"))

    def test_errors_of_the_connection(self):
        for what, (data, codes) in CONNECTION.items():
            with self.subTest(what):
                peer = self.peer().greet()
                peer.send(data)
                self.assertIn(peer.until(lambda: False).end, codes)

    def test_errors_of_a_stream(self):
        """The connection goes on, or ends with the same code."""
        for what, (data, codes) in STREAM.items():
            with self.subTest(what):
                peer = self.peer().greet()
                peer.send(data)
                self.assertTrue(peer.ping() or peer.end in codes, peer.end)
                if peer.end is None:
                    self.assertIn(peer.became(1), [("reset", code) for code in codes])

    def test_what_is_allowed(self):
        for what, data in ALLOWED.items():
            self.assert_served(what, data, 1)

    def test_what_is_passed_over(self):
        for what, data in PASSED_OVER.items():
            self.assert_served(what, data, 7)

    def assert_served(self, what, data, stream):
        with self.subTest(what):
            peer = self.peer().greet()
            peer.send(data)
            self.assertEqual(peer.became(stream), ("answered",))
            self.assertEqual(json.loads(peer.bodies[stream])["result"]["identity"],
                             "alice")

    def test_a_header_list_over_the_limit(self):
        """In one frame and in many: the stream alone is refused."""
        large = [(f"x-{i}", "y" * 4000) for i in range(5)]  # of 16 KiB
        peer = self.peer().greet()
        parts = [block(*request()), *(block(field) for field in large)]
        peer.send(frame(HEADERS, 0, 1, parts[0]) +
                  b"".join(frame(CONTINUATION, 0, 1, part) for part in parts[1:]) +
                  frame(CONTINUATION, END_HEADERS, 1, b""))
        self.assert_refused(peer)

    def test_a_field_that_grows_when_it_is_unpacked(self):
        """4 KB in the table, named a thousand times: a list of 4 MB from 1 KB."""
        peer = self.peer().greet()
        first = b"\x40" + text("x-big") + text("y" * 4000)
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1,
                        block(*request()) + first + b"\xbe" * 1000))
        self.assert_refused(peer)

    def assert_refused(self, peer):
        """431, which has no body; the next call of the same connection is served."""
        self.assertEqual(peer.became(1), ("answered",))
        self.assertNotIn(1, peer.bodies)
        peer.send(call(3))
        self.assertEqual(peer.became(3), ("answered",))
        self.assertIn(b"alice", peer.bodies[3])


if __name__ == "__main__":
    virtmux_test.main()
