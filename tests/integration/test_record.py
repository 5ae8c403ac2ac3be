#!/usr/bin/env python3
# timeout: 600
"""Recordings of consoles of a real guest, by the host where access.conf demands it
and by the client: what is in the files is what was shown, byte for byte, also after
a kill; a disk that is full ends the console that is recorded on it, and no other.
"""
import json
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import time

import test_console
import virtmux_test
from virtmux_test import TIMEOUT, read_file, wait_for

ESCAPED = {chr(0xef00 + byte): bytes([byte]) for byte in range(256)}


def read_cast(path):
    """The header, and the events as (seconds, kind, bytes)."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file if line.endswith("\n")]
    return lines[0], [(at, kind, b"".join(ESCAPED.get(c) or c.encode() for c in text))
                      for at, kind, text in lines[1:]]


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def bytes_of(path, kind):
    return b"".join(data for _, k, data in read_cast(path)[1] if k == kind)


def text_of(path):
    """What the guest said, with the ends of lines that run() gives."""
    return bytes_of(path, "o").decode().replace("\r\n", "\n")


def read_capture(path):
    """What it tells of itself, its records as (us, kind, bytes), whether it is
    closed (doc/RECORDING.md)."""
    data = read_bytes(path)
    assert data[:20] == b"virtmux-capture\n\0\0\0\1", data[:20]
    at, records = 20, []
    while at + 16 <= len(data):
        kind, length, us = struct.unpack(">c3xIQ", data[at:at + 16])
        if at + 16 + length > len(data):
            break
        records.append((us, kind.decode(), data[at + 16:at + 16 + length]))
        at += 16 + length
    about = json.loads(records.pop(0)[2])
    closed = bool(records) and records[-1][1] == "E"
    sums = struct.unpack(">QQ", records.pop()[2]) if closed else None
    if closed:
        assert sums == tuple(sum(len(d) for _, k, d in records if k == kind)
                             for kind in "SC"), sums
    return about, records, closed


class Viewer:
    """A VNC client of the simplest kind (RFC 6143): true colour, Raw alone. SCREEN is
    what it shows, 4 bytes a pixel."""

    FORMAT = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)

    def __init__(self, path, pixels=FORMAT, encodings=(0,)):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        version = self.take(12)
        self.socket.sendall(version)
        assert 1 in self.take(self.take(1)[0])
        self.socket.sendall(b"\1")
        if version == b"RFB 003.008\n":
            assert self.take(4) == b"\0\0\0\0"
        self.socket.sendall(b"\1")
        head = self.take(24)
        self.width, self.height = struct.unpack(">HH", head[:4])
        self.name = self.take(struct.unpack(">I", head[20:])[0]).decode()
        self.screen = bytearray(self.width * self.height * 4)
        self.updates = 0
        self.socket.sendall(b"\0\0\0\0" + pixels +
                            struct.pack(">BxH", 2, len(encodings)) +
                            b"".join(struct.pack(">i", e) for e in encodings))
        self.ask(False)

    def take(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def ask(self, incremental=True):
        self.socket.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width,
                                        self.height))

    def key(self, code):
        for down in (1, 0):
            self.socket.sendall(struct.pack(">BBxxI", 4, down, code))

    def read_update(self):
        """Until one update of the picture is there."""
        kind = self.take(1)[0]
        while kind != 0:
            assert kind == 2, kind  # a bell, and nothing else
            kind = self.take(1)[0]
        for _ in range(struct.unpack(">xH", self.take(3))[0]):
            x, y, width, height, encoding = struct.unpack(">HHHHi", self.take(12))
            assert encoding == 0, encoding
            for row in range(y, y + height):
                at = (row * self.width + x) * 4
                self.screen[at:at + width * 4] = self.take(width * 4)
        self.updates += 1

    def colours(self):
        """As a PNG has them: red, green, blue."""
        out = bytearray(self.width * self.height * 3)
        for i, at in enumerate((2, 1, 0)):
            out[i::3] = self.screen[at::4]
        return bytes(out)

    def close(self):
        self.socket.close()


class RecordCase(test_console.ConsoleCase):

    access = {**test_console.ConsoleCase.access,
              "rita": {"role": "operator", "domains": "*", "record": "yes"},
              "sara": {"role": "operator", "domains": "*", "record": "serial"}}

    @classmethod
    def host_config(cls):
        cls.folder = os.path.join(cls.class_folder, "recorded", "consoles")
        return {"console": {"record-directory": cls.folder}}

    def recorded(self, method="domain.serial", identity="rita"):
        """The path of the file of the last such console that has ended."""
        record = self.daemon.wait_audit(method=method, event="end",
                                        identity=identity)[-1]
        return os.path.join(self.folder, record["recording"])


    def offered(self, client, *words):
        """Starts virtmux with WORDS, which offers a display; its process and path."""
        path = os.path.join(self.work, f"display{len(os.listdir(self.work))}")
        process = client.spawn(*words, "--socket", path, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        self.addCleanup(self.end, process)
        wait_for(lambda: os.path.exists(path) or process.poll() is not None, path)
        return process, path

    def end(self, process):
        process.kill()
        process.communicate()

    def look(self, path, changes=2):
        """A viewer that sees the screen, and that it changes by what is typed."""
        viewer = Viewer(path)
        viewer.read_update()
        for _ in range(changes):
            viewer.key(0xff0d)
            before = bytes(viewer.screen)
            while bytes(viewer.screen) == before:
                viewer.ask()
                viewer.read_update()
        return viewer

    def replayed(self, recording, updates, *words):
        """What a viewer shows of a recording after so many updates."""
        process, path = self.offered(self.alice, "replay", recording, *words)
        viewer = Viewer(path)
        while viewer.updates < updates:
            viewer.read_update()
        viewer.close()
        self.assertEqual(process.wait(TIMEOUT), 0, process.stderr.read())
        self.assertFalse(os.path.exists(path))
        return viewer

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon)


class ByHost(RecordCase):

    def test_a_serial_line(self):
        """What the file has is what the client got and sent, in both directions."""
        answer = self.node("""
            const line = open("/domains/web-1/serial/0?force=true");
            let all = "", sent = "";
            line.stream.on("data", part => { all += part.toString("latin1"); });
            const write = line.stream.write.bind(line.stream);
            line.stream.write = text => {
                sent += Buffer.from(text).toString("latin1");
                return write(text);
            };
            await line.answered();
            line.type("");
            await line.see(/login: |# /);
            if (/login: /.test(line.text)) { line.type("root"); await line.see(/# /); }
            await line.run("echo $((6 * 7)) pl\u00fcms");
            await line.cancel();
            return {text: all, sent, headers: line.headers};
        """, "rita")
        self.assertEqual(answer["headers"]["virtmux-recorded"], "yes")
        path = self.recorded()
        header, events = read_cast(path)
        written = bytes_of(path, "o").decode("latin1")
        self.assertEqual(written[:len(answer["text"])], answer["text"])
        self.assertEqual(bytes_of(path, "i").decode("latin1"), answer["sent"])
        self.assertIn("42 plüms".encode(), bytes_of(path, "o"))
        self.assertEqual(sorted(events, key=lambda e: e[0]), events)
        about = header["virtmux"]
        record = self.ended("domain.serial")
        self.assertEqual(
            (about["by"], about["identity"], about["domain"], about["uuid"],
             about["call"], about["kind"], about["n"]),
            ("host", "rita", "web-1", test_console.UUID, record["call"], "serial", "0"))
        self.assertLess(abs(header["timestamp"] - time.time()), 600)

    def test_files_are_private_and_named_for_people(self):
        self.node("const line = await serial(); await line.cancel();", "rita")
        path = self.recorded()
        call = self.ended("domain.serial")["call"].replace("_", "%5F")
        self.assertRegex(os.path.basename(path),
                         rf"^\d{{8}}T\d{{6}}[.]\d{{3}}Z_rita_web-1_serial0_{call}[.]cast$")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o700)

    def test_a_display(self):
        answer = self.node("""
            const view = open("/domains/web-1/graphics/0");
            await view.see(/^RFB 003\\.008\\n/);
            view.stream.write("RFB 003.008\\n");
            await view.until(it => it.text.length >= 14);
            view.stream.write(Buffer.from([1]));
            await view.until(it => it.text.length >= 18);
            view.stream.write(Buffer.from([1]));
            await view.until(it => it.text.length >= 18 + 24);
            await view.cancel();
            return {headers: view.headers,
                    bytes: Buffer.from(view.text, "latin1").toString("hex")};
        """, "rita")
        self.assertEqual(answer["headers"]["virtmux-recorded"], "yes")
        path = self.recorded("domain.graphics")
        self.assertTrue(path.endswith(".rfb"), path)
        wait_for(lambda: read_capture(path)[2], "the recording is closed")
        about, records, _ = read_capture(path)
        self.assertEqual((about["kind"], about["identity"]), ("vnc", "rita"))
        self.assertEqual(b"".join(d for _, k, d in records if k == "S"),
                         bytes.fromhex(answer["bytes"]))
        self.assertEqual(b"".join(d for _, k, d in records if k == "C"),
                         b"RFB 003.008\n\1\1")

    def test_a_display_is_shown_again(self):
        """By `replay`, to another viewer: each pixel is what the first one showed."""
        process, path = self.offered(self.client(self.daemon, "rita"), "view", "web-1")
        viewer = self.look(path)
        viewer.close()
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT)
        recording = self.recorded("domain.graphics")
        again = self.replayed(recording, viewer.updates, "--speed", "20")
        self.assertEqual((again.width, again.height), (viewer.width, viewer.height))
        self.assertIn("web-1", again.name)
        self.assertEqual(again.screen, viewer.screen)
        self.assertGreater(len(set(again.screen)), 1)

    def test_only_what_the_rights_demand(self):
        answer = self.node("""
            const view = open("/domains/web-1/graphics/0");
            await view.answered();
            const line = await serial();
            for (const it of [view, line]) await it.cancel();
            return [view.headers["virtmux-recorded"], line.headers["virtmux-recorded"]];
        """, "sara")
        self.assertEqual(answer, [None, "yes"])
        view, = self.daemon.wait_audit(method="domain.graphics", event="end",
                                       identity="sara")
        self.assertNotIn("recording", view)

    def test_the_client_says_so(self):
        done = self.client(self.daemon, "rita").run(
            "console", "web-1", "--force", "--idle", "200ms", input="\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("recorded by the host", done.stderr)
        done = self.client(self.daemon).run(
            "console", "web-1", "--force", "--idle", "200ms", input="\n")
        self.assertNotIn("recorded", done.stderr)

    def test_a_demand_ends_what_is_not_recorded(self):
        """By a reload, while the console is open; the next one is recorded."""
        process = self.client(self.daemon).spawn(
            "console", "web-1", "--force", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.stdin.write(b"\n")
            process.stdin.flush()
            self.assertTrue(process.stdout.read(1))
            self.daemon.write_access({**self.access, "alice": {
                **self.access["alice"], "record": "serial"}})
            self.daemon.reload()
            self.assertEqual(process.wait(TIMEOUT), 4)
            answer = self.node("const line = await serial(); await line.cancel();"
                               "return line.headers['virtmux-recorded'];")
            self.assertEqual(answer, "yes")
        finally:
            process.kill()
            process.communicate()
            self.daemon.write_access(self.access)
            self.daemon.reload()


class ByClient(RecordCase):
    """console --record and view --record."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node("const line = await logIn(); await line.cancel();")

    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.work, "recording")

    def console(self, *words, text="echo $((6 * 7)) plüms\n", **options):
        return self.alice.run(
            "console", "web-1", "--force", "--history", "0", "--idle", "1s",
            "--record", self.file, *words, input=text, **options)

    def test_a_console(self):
        done = self.console()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("42 plüms", done.stdout)
        self.assertEqual(text_of(self.file), done.stdout)
        self.assertEqual(bytes_of(self.file, "i"), b"")
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        about = read_cast(self.file)[0]["virtmux"]
        self.assertEqual((about["by"], about["domain"], about["uuid"]),
                         ("client", "web-1", test_console.UUID))
        self.assertEqual(self.alice.run("replay", self.file).stdout, done.stdout)
        info = json.loads(self.alice.run("replay", "--info", "--json", self.file).stdout)
        self.assertEqual((info["bytes_from_guest"], info["bytes_to_guest"],
                          info["complete"], info["domain"]),
                         (len(bytes_of(self.file, "o")), 0, True, "web-1"))

    def test_what_is_typed_only_where_it_is_asked_for(self):
        done = self.console("--record-input")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(bytes_of(self.file, "i").decode(), "echo $((6 * 7)) plüms\n")
        self.assertEqual(text_of(self.file), done.stdout)

    def test_a_file_that_is_there(self):
        virtmux_test.write_file(self.file, "precious")
        done = self.console()
        self.assertEqual(done.returncode, 1)
        self.assertIn("--overwrite", done.stderr)
        self.assertEqual(read_file(self.file), "precious")
        done = self.console("--overwrite")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(text_of(self.file), done.stdout)

    def test_nothing_is_left_of_a_console_that_never_was(self):
        done = self.alice.run("console", "nobody", "--record", self.file, input="")
        self.assertEqual(done.returncode, 3)
        self.assertFalse(os.path.exists(self.file))

    def test_a_full_disk_ends_the_recording_alone(self):
        """Told at once, and by the exit status; the console goes on."""
        def limit():
            # Above any one piece of what the guest says, which is not split.
            resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        done = self.console(text="seq 1 20000; echo l''ater\n", preexec_fn=limit)
        self.assertEqual(done.returncode, 1)
        self.assertIn("later", done.stdout)
        self.assertEqual(done.stderr.count("File too large"), 2, done.stderr)
        shown = text_of(self.file)
        self.assertGreater(len(shown), 500)
        self.assertTrue(done.stdout.startswith(shown))
        self.assertTrue(read_file(self.file).endswith("]\n"))

    def test_a_display(self):
        """Shown again pixel by pixel, and that is what the host's own picture has."""
        process, path = self.offered(self.alice, "view", "web-1", "--record", self.file)
        viewer = self.look(path)
        wait_for(lambda: self.is_what_the_host_has(viewer), "the host's own picture")
        viewer.close()
        wait_for(lambda: read_capture(self.file)[2], "the recording is closed")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(TIMEOUT), 130)
        about, records, closed = read_capture(self.file)
        self.assertEqual((about["by"], about["kind"], about["domain"], closed),
                         ("client", "vnc", "web-1", True))
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        again = self.replayed(self.file, viewer.updates, "--speed", "20")
        self.assertEqual(again.screen, viewer.screen)

    def is_what_the_host_has(self, viewer):
        """The guest may write while it is looked at; then another picture is due."""
        viewer.ask()
        viewer.read_update()
        picture = self.daemon.curl("alice", "/domains/web-1/screenshot").body
        width, height, pixels = test_console.decode_png(picture)
        self.assertEqual((width, height), (viewer.width, viewer.height))
        other = sum(1 for a, b in zip(viewer.colours(), pixels) if a != b)
        # The cursor blinks, and is all that may differ.
        return other <= 3 * 9 * 16

    def test_each_connection_has_a_file(self):
        process, path = self.offered(self.alice, "view", "web-1", "--record", self.file)
        for name in (self.file, self.file + ".2"):
            viewer = self.look(path, changes=0)
            viewer.close()
            wait_for(lambda: os.path.exists(name) and read_capture(name)[2], name)
            self.assertEqual(self.replayed(name, 1).screen, viewer.screen)
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT)


class Replay(virtmux_test.Case):
    """Recordings that were made here; no guest is needed."""

    HEADER = '{"version":2,"width":80,"height":24}'

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.work, "file")
        self.environment = {**os.environ, "HOME": self.work,
                            "XDG_RUNTIME_DIR": self.work}

    def write(self, *lines, end="\n"):
        virtmux_test.write_file(self.path, "\n".join((self.HEADER,) + lines) + end)

    def command(self, *words):
        return [virtmux_test.VIRTMUX, "replay", self.path, *words]

    def replay(self, *words):
        begin = time.monotonic()
        done = subprocess.run(self.command(*words), env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT)
        return done, time.monotonic() - begin

    def test_the_pace(self):
        self.write('[0.1,"o","a"]', '[2.1,"i","x"]', '[2.1,"o","b"]')
        done, took = self.replay("--speed", "4")
        self.assertEqual((done.returncode, done.stdout), (0, "ab"), done.stderr)
        self.assertGreaterEqual(took, 2.1 / 4)
        self.write('[0.1,"o","a"]', '[100000,"o","b"]')
        done, took = self.replay("--idle-limit", "300ms")
        self.assertEqual(done.stdout, "ab")
        self.assertGreaterEqual(took, 0.4)

    def test_ctrl_c(self):
        self.write('[0,"o","a"]', '[100000,"o","b"]')
        process = subprocess.Popen(self.command(), env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(process.stdout.read(1), b"a")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(TIMEOUT), 130)
        self.assertEqual(process.stdout.read(), b"")
        process.stdout.close()

    def test_one_that_was_cut_off(self):
        self.write('[0,"o","a"]', '[0,"o","b', end="")
        done, _ = self.replay()
        self.assertEqual((done.returncode, done.stdout), (0, "a"))
        self.assertIn("cut off", done.stderr)
        done, _ = self.replay("--info", "--json")
        self.assertFalse(json.loads(done.stdout)["complete"])

    def test_what_is_none(self):
        for text, words, status in (("", "no recording", 1), ("hello", "no recording", 1),
                                    ("{}\n", "line 1", 1),
                                    (self.HEADER + "\n{}\n", "line 2", 1)):
            virtmux_test.write_file(self.path, text)
            done, _ = self.replay()
            self.assertEqual(done.returncode, status, text)
            self.assertIn(words, done.stderr)
        os.unlink(self.path)
        self.assertEqual(self.replay()[0].returncode, 3)
        self.write()
        for speed in ("0", "-1", "nan", "1x", ""):
            self.assertEqual(self.replay("--speed", speed)[0].returncode, 2, speed)

    # -- displays ------------------------------------------------------------------

    INIT = struct.pack(">HH", 2, 1) + Viewer.FORMAT + struct.pack(">I", 3) + b"two"

    def write_display(self, *records, about=b'{"kind":"vnc"}', closed=True):
        """A handshake, and then RECORDS: (us, kind, bytes)."""
        records = [(0, b"A", about), (0, b"S", b"RFB 003.008\n"),
                   (1, b"C", b"RFB 003.008\n"), (1, b"S", b"\1\1"), (2, b"C", b"\1"),
                   (2, b"S", b"\0\0\0\0"), (3, b"C", b"\1"), (3, b"S", self.INIT),
                   (4, b"C", b"\2\0\0\2" + struct.pack(">ii", 7, 0)),
                   (5, b"C", b"\3\0\0\0\0\0\0\2\0\1"), *records]
        sums = [sum(len(d) for _, k, d in records if k == kind) for kind in (b"S", b"C")]
        if closed:
            records.append((records[-1][0], b"E", struct.pack(">QQ", *sums)))
        with open(self.path, "wb") as file:
            file.write(b"virtmux-capture\n\0\0\0\1")
            for us, kind, data in records:
                file.write(struct.pack(">c3xIQ", kind, len(data), us) + data)

    @staticmethod
    def update(pixels):
        return struct.pack(">BxHHHHHi", 0, 1, 0, 0, 2, 1, 0) + pixels

    def serve(self, *words):
        path = os.path.join(self.work, "socket")
        process = subprocess.Popen(
            self.command("--socket", path, *words), env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: os.path.exists(path) or process.poll() is not None, path)
        return process, path

    def finish(self, process):
        """Its status, and what it said to people."""
        words = process.communicate(timeout=TIMEOUT)[1].decode()
        return process.returncode, words

    def test_pictures_in_their_time(self):
        self.write_display((6, b"S", self.update(b"aaa\0bbb\0")[:9]),
                           (7, b"S", self.update(b"aaa\0bbb\0")[9:]),
                           (600_007, b"S", self.update(b"ccc\0ddd\0")))
        process, path = self.serve()
        viewer = Viewer(path, encodings=(0, 7))
        self.assertEqual((viewer.width, viewer.height, viewer.name), (2, 1, "two"))
        viewer.read_update()
        begin = time.monotonic()
        self.assertEqual(viewer.screen, b"aaa\0bbb\0")
        viewer.key(0x61)
        viewer.read_update()
        self.assertEqual(viewer.screen, b"ccc\0ddd\0")
        self.assertGreater(time.monotonic() - begin, 0.5)
        self.assertIsNone(process.poll())
        viewer.close()
        status, words = self.finish(process)
        self.assertEqual(status, 0, words)
        self.assertIn("The recording has ended", words)
        self.assertFalse(os.path.exists(path))

    def test_a_viewer_that_cannot_take_it(self):
        other = struct.pack(">BBBBHHHBBBxxx", 16, 16, 0, 1, 31, 63, 31, 11, 5, 0)
        self.write_display((6, b"S", self.update(b"aaa\0bbb\0")))
        for options, words in (({"encodings": (0,)}, "encoding 7"),
                               ({"encodings": (0, 7), "pixels": other}, "16 bits")):
            process, path = self.serve()
            viewer = Viewer(path, **options)
            with self.assertRaises(EOFError):
                viewer.read_update()
            viewer.close()
            status, said = self.finish(process)
            self.assertEqual(status, 1)
            self.assertIn(words, said)
        process, path = self.serve("--any-viewer")
        viewer = Viewer(path)
        viewer.read_update()
        viewer.close()
        self.assertEqual(self.finish(process)[0], 0)

    def test_a_display_that_was_cut_off(self):
        self.write_display((6, b"S", self.update(b"aaa\0bbb\0")), closed=False)
        with open(self.path, "ab") as file:
            file.write(b"S\0\0\0\0\0\0\5")
        process, path = self.serve()
        viewer = Viewer(path, encodings=(0, 7))
        viewer.read_update()
        self.assertEqual(viewer.screen, b"aaa\0bbb\0")
        viewer.close()
        status, words = self.finish(process)
        self.assertEqual(status, 0, words)
        self.assertIn("cut off", words)

    def test_ctrl_c_leaves_no_socket(self):
        self.write_display((6, b"S", self.update(b"aaa\0bbb\0")))
        process, path = self.serve()
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process)[0], 130)
        self.assertFalse(os.path.exists(path))

    def test_damage_is_told(self):
        self.write_display((6, b"S", self.update(b"aaa\0bbb\0")))
        with open(self.path, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"x")
        done, _ = self.replay()
        self.assertEqual(done.returncode, 1)
        self.assertIn("sums", done.stderr)


class Disks(RecordCase):
    """A disk that takes no more, and a folder that is not right."""

    def limit(self, size):
        hard = resource.prlimit(self.daemon.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def flood(self):
        """A command for the guest that floods, and is interrupted in the end."""
        self.addCleanup(self.node, r"""
            const line = open("/domains/web-1/serial/0?force=true&history=0");
            line.stream.write("\x03");
            await line.see(/# $/);
            await line.cancel();
        """)
        return "seq 1 200000"

    def test_a_full_disk_ends_its_console_alone(self):
        self.limit(300_000)
        flood = self.flood()
        self.addCleanup(self.limit, resource.RLIM_INFINITY)
        answer = self.node(f"""
            const view = open("/domains/web-1/graphics/0");
            await view.see(/^RFB/);
            const line = await logIn();
            line.text = "";
            line.stream.write("{flood}\\r");
            await line.until(it => it.closed);
            const info = await call("domain.info", {{domain: "web-1"}});
            view.stream.write("RFB 003.008\\n");
            await view.until(it => it.text.length > 12);
            await view.cancel();
            return {{text: line.text, code: line.stream.rstCode, state: info.result.state}};
        """, "sara")
        self.assertEqual(answer["state"], "running")
        path = self.recorded(identity="sara")
        record = self.ended("domain.serial")
        self.assertEqual(record["outcome"], "system")
        self.assertIn("recording", record["words"])
        shown = bytes_of(path, "o").decode("latin1")
        self.assertGreater(len(answer["text"]), 50_000)
        self.assertIn(answer["text"], shown)
        self.assertLess(os.path.getsize(path), 300_001)
        self.assertTrue(read_file(path).endswith("]\n"))
        self.daemon.wait_log("Make room there")

    def test_the_client_is_told(self):
        self.node("const line = await logIn(); await line.cancel();")
        flood = self.flood()
        self.limit(120_000)
        self.addCleanup(self.limit, resource.RLIM_INFINITY)
        done = self.client(self.daemon, "sara").run(
            "console", "web-1", "--force", "--idle", "20s", input=flood + "\n")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("the host could not write the recording", done.stderr)

    def test_a_folder_that_others_may_write(self):
        self.node("const line = await serial(); await line.cancel();", "rita")
        os.chmod(self.folder, 0o770)
        self.addCleanup(os.chmod, self.folder, 0o700)
        for what in ("serial", "graphics"):
            answer = self.node(f"return refusal('/domains/web-1/{what}/0');", "rita")
            self.assertEqual(answer, [500, "system"])
        done = self.client(self.daemon, "rita").run("console", "web-1", "--force",
                                                    input="")
        self.assertEqual(done.returncode, 1)
        self.assertIn("are recorded by the host", done.stderr)
        self.assertNotIn(self.folder, done.stderr)
        self.daemon.wait_log("chmod go-w " + self.folder)
        self.node("const line = await serial(); await line.cancel();")


class Killed(RecordCase):
    """At whatever moment the daemon is killed, the file has what the client got."""

    def test_killed_while_the_guest_talks(self):
        self.node("const line = await logIn(); await line.cancel();")
        shown = os.path.join(self.work, "shown")
        with open(shown, "wb") as stdout:
            process = self.client(self.daemon, "rita").spawn(
                "console", "web-1", "--force", "--no-reconnect",
                stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE)
            process.stdin.write(b"\nseq 1 10000000\n")
            process.stdin.flush()
            wait_for(lambda: os.path.getsize(shown) > 200_000, "much is shown")
            self.daemon.process.kill()
            self.assertEqual(process.wait(TIMEOUT), 5)
            process.communicate()
        name, = [n for n in os.listdir(self.folder) if "_rita_" in n]
        written = bytes_of(os.path.join(self.folder, name), "o")
        seen = read_bytes(shown)
        self.assertGreater(len(seen), 200_000)
        self.assertGreaterEqual(len(written), len(seen))
        self.assertEqual(written[:len(seen)], seen)
        self.daemon.spawn()  # which finds the guest running
        self.daemon.wait_ready()


if __name__ == "__main__":
    virtmux_test.main()
