#!/usr/bin/env python3
# timeout: 600
"""`virtmux view` with real viewers (TigerVNC under Xvfb, gvnccapture) and with
scripts in their place, against a real guest: the picture, where it is offered and
to whom, and what is left behind.
"""
import json
import os
import pwd
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
import zlib

import test_console
import virtmux_test
from virtmux_test import (TIMEOUT, end_process, need, read_file, rss_kib, run, wait_for,
                          wait_idle, write_file)

GREETING = b"RFB 003.008\n"
PIXELS = b"\x20\x18\x00\x01\x00\xff\x00\xff\x00\xff\x10\x08\x00\x00\x00\x00"


class Screen:
    """An X server without hardware, whose picture is a file."""

    def __init__(self, folder):
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1024x768x24",
             "-nolisten", "tcp", "-fbdir", folder], pass_fds=[write_end],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            self.name = ":" + pipe.readline().strip()
        self.file = os.path.join(folder, "Xvfb_screen0")

    def close(self):
        end_process(self.process)

    def rows(self):
        """Its lines, 8-bit RGB, from an X window dump of 32 bits a pixel."""
        with open(self.file, "rb") as file:
            data = file.read()
        header, height, line, colours = (struct.unpack_from(">I", data, at)[0]
                                         for at in (0, 20, 48, 76))
        for at in range(header + colours * 12, len(data), line)[:height]:
            raw, rgb = data[at:at + line], bytearray(line // 4 * 3)
            rgb[0::3], rgb[1::3], rgb[2::3] = raw[2::4], raw[1::4], raw[0::4]
            yield bytes(rgb)

    def shows(self, width, height, pixels):
        """Whether the picture stands somewhere near the upper left corner."""
        rows = list(self.rows())
        wanted = [bytes(pixels[at:at + width * 3])
                  for at in range(0, len(pixels), width * 3)]
        return any(all(rows[y + i].startswith(wanted[i], 3 * x)
                       for i in range(height))
                   for y in range(64) for x in range(64))


class Rfb:
    """A viewer that speaks just enough of RFC 6143; raw pixels, nothing drawn."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(TIMEOUT)

    def read(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise AssertionError(f"ended after {len(data)} of {n} bytes")
            data += part
        return data

    def open(self, shared=b"\x01"):
        self.expect(GREETING)
        self.socket.sendall(GREETING)
        kinds = self.read(self.read(1)[0])
        assert 1 in kinds, kinds  # no password
        self.socket.sendall(b"\x01")
        self.expect(b"\0\0\0\0")
        self.socket.sendall(shared)
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.read(struct.unpack(">I", self.read(4))[0])
        self.socket.sendall(b"\0\0\0\0" + PIXELS + b"\x02\0\0\x01\0\0\0\0")

    def expect(self, data):
        got = self.read(len(data))
        assert got == data, got

    def request(self):
        self.socket.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width,
                                        self.height))

    def update(self):
        """One update; how many pixels it has."""
        kind, count = struct.unpack(">BxH", self.read(4))
        assert kind == 0, kind
        pixels = 0
        for _ in range(count):
            _, _, width, height, encoding = struct.unpack(">HHHHi", self.read(12))
            assert encoding == 0, encoding
            self.read(width * height * 4)
            pixels += width * height
        return pixels


class ViewCase(test_console.ConsoleCase):

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon)
        self.folder = os.path.join(self.alice.runtime, "virtmux")
        self.path = os.path.join(self.work, "display")

    def picture(self):
        """(width, height, pixels) by virtmux screenshot."""
        done = self.alice.run("screenshot", "web-1", "-o",
                              os.path.join(self.work, "shot.png"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.work, "shot.png"), "rb") as file:
            return test_console.decode_png(file.read())

    def view(self, *words, env=None, client=None):
        process = (client or self.alice).spawn(
            "view", "web-1", *words, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end_view, process)
        return process

    def end_view(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def offered(self, *words):
        """A view without a viewer, and what it says in JSON."""
        process = self.view("--json", *words)
        line = process.stdout.readline()
        self.assertTrue(line, "view has ended")
        return process, json.loads(line)

    def connect(self, where):
        if "socket" in where:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(where["socket"])
        else:
            connection = socket.create_connection((where["host"], where["port"]))
        self.addCleanup(connection.close)
        return Rfb(connection)

    def assert_ended(self, process, status, text=""):
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, status, out + err)
        self.assertIn(text, err)
        self.assertEqual(self.left_behind(), [])

    def left_behind(self):
        if not os.path.exists(self.folder):
            return []
        return [name for name in os.listdir(self.folder) if "web-1" in name]


class Viewers:
    """Real ones; each picture is compared with that of the hypervisor."""

    def assert_shows(self, shows):
        """Waits until SHOWS(width, height, pixels) is true of the guest's picture:
        its cursor blinks, hence perhaps not the first time."""
        def same():
            width, height, pixels = self.picture()
            return len(set(pixels)) > 1 and shows(width, height, pixels)

        wait_for(same, "the guest's picture", timeout=120)

    def test_tigervnc(self):
        need("Xvfb", "xtigervncviewer")
        screen = Screen(self.work)
        self.addCleanup(screen.close)
        process = self.view(env={"DISPLAY": screen.name})
        self.assert_shows(screen.shows)
        name = self.left_behind()[0]
        self.assertRegex(name, r"^web-1-\d+[.]vnc$")
        mode = os.stat(os.path.join(self.folder, name)).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o700)
        viewer = children(process.pid)
        self.assertEqual(len(viewer), 1)
        os.kill(viewer[0], signal.SIGTERM)
        self.assert_ended(process, 0)

    def test_gvnccapture_again_and_again(self):
        need("gvnccapture")
        process, where = self.offered("--port", "0")
        file = os.path.join(self.work, "capture.png")

        def captures(*picture):
            done = run("gvnccapture", f"127.0.0.1:{where['port'] - 5900}", file)
            self.assertEqual(done.returncode, 0, done.stderr)
            return read_capture(file) == picture

        self.assert_shows(captures)
        self.assert_shows(captures)
        process.send_signal(signal.SIGINT)
        self.assert_ended(process, 130)


class Offers:

    def test_a_socket_for_many_at_once(self):
        process, where = self.offered("--socket", self.path)
        self.assertEqual(where, {"domain": "web-1", "kind": "vnc",
                                 "socket": self.path})
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        viewers = [self.connect(where) for _ in range(3)]
        for viewer in viewers:
            viewer.open()
        for viewer in viewers:
            viewer.request()
            self.assertEqual(viewer.update(), viewer.width * viewer.height)
            viewer.socket.close()
        self.connect(where).open()
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)
        self.assertFalse(os.path.exists(self.path))

    def test_what_is_at_the_path_already(self):
        write_file(self.path, "precious")
        done = self.alice.run("view", "web-1", "--socket", self.path)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("exists already", done.stderr)
        self.assertEqual(read_file(self.path), "precious")
        os.unlink(self.path)
        process, where = self.offered("--socket", self.path)
        done = self.alice.run("view", "web-1", "--socket", self.path)
        self.assertEqual(done.returncode, 1, done.stderr)
        process.kill()
        process.wait()
        self.assertTrue(os.path.exists(self.path))  # nobody could remove it
        process, where = self.offered("--socket", self.path)
        self.connect(where).open()

    def test_a_port_for_one_at_a_time(self):
        process, where = self.offered("--port", "0")
        self.assertEqual(listening(process.pid), [f"127.0.0.1:{where['port']}"])
        first = self.connect(where)
        first.open()
        self.assertEqual(listening(process.pid), [])
        with self.assertRaises(ConnectionRefusedError):
            self.connect(where)
        first.socket.close()
        wait_for(lambda: listening(process.pid), "it listens again")
        self.connect(where).open()

    def test_only_its_own_user_connects(self):
        if os.geteuid() != 0:
            self.skipTest("root can be another user")
        for words in (["--port", "0"], ["--socket", "/tmp/" + os.urandom(8).hex()]):
            process, where = self.offered(*words)
            if "socket" in where:
                os.chmod(where["socket"], 0o666)
            self.assertEqual(read_as_nobody(where), b"")
            self.connect(where).open()
            process.send_signal(signal.SIGTERM)
            self.assert_ended(process, 130, "refused: it belongs to uid")

    def test_refused(self):
        for user, words, status in (("victor", [], 4), ("alice", ["--screen", "5"], 3),
                                    ("alice", ["--port", "1", "--socket", "x"], 2)):
            done = self.client(self.daemon, user).run(
                "view", "web-1", "--no-viewer", *words)
            self.assertEqual(done.returncode, status, done.stderr)
        done = self.alice.run("view", "nothing", "--no-viewer")
        self.assertEqual(done.returncode, 3, done.stderr)

    def test_for_people(self):
        process = self.view("--no-viewer")
        text = "".join(process.stdout.readline() for _ in range(3))
        self.assertIn("vncviewer '" + self.folder, text)
        self.assertIn("Ctrl-C", text)

    def test_a_viewer_that_takes_nothing(self):
        """It asks for some 60 MB, of which view may hold a window or so."""
        process, where = self.offered("--socket", self.path)
        viewer = self.connect(where)
        viewer.open()
        before = rss_kib(process.pid)
        updates = 0
        for _ in range(50):
            viewer.request()
        wait_idle(process.pid)
        self.assertLess(rss_kib(process.pid) - before, 24 * 1024)
        viewer.request()
        viewer.socket.settimeout(2)
        try:
            while True:
                updates += viewer.update() > 0
        except TimeoutError:
            self.assertGreater(updates, 0)


class Scripts:
    """Viewers of the test's own, which tell what they were given."""

    SCRIPT = """
import socket, sys
def greet(s, **kind):
    got = s.recv(12)
    print("got", got.decode(), end="")
%s
"""

    def script(self, body):
        path = write_file(os.path.join(self.work, "viewer.py"), self.SCRIPT % body)
        return f"{sys.executable} '{path}'"

    def test_socket(self):
        command = self.script("""
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
greet(s)
print(sys.argv[2])
""")
        process = self.view("--viewer", command + " {socket} 'of {domain}'")
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(out, "got RFB 003.008\nof web-1\n")
        self.assertEqual(self.left_behind(), [])

    def test_file(self):
        command = self.script("""
import os
text = open(sys.argv[1]).read()
print(text, oct(os.stat(sys.argv[1]).st_mode & 0o777))
os.unlink(sys.argv[1])
port = int(text.split("port=")[1].split()[0])
greet(socket.create_connection(("127.0.0.1", port)))
""")
        process = self.view("--viewer", command + " {file}")
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        self.assertRegex(out, r"^\[virt-viewer\]\ntype=vnc\nhost=127[.]0[.]0[.]1\n"
                         r"port=\d+\ndelete-this-file=1\ntitle=web-1\n 0o600\n"
                         r"got RFB 003[.]008\n$")
        self.assertEqual(self.left_behind(), [])

    def test_configured(self):
        command = self.script("""
greet(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
""")
        self.alice = self.client(self.daemon, viewer=command + " {port}")
        process = self.view()
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(out, "got RFB 003.008\n")

    def test_viewers_that_fail(self):
        for command, status, text in (
                ("/does/not/exist {socket}", 1, "cannot start the viewer"),
                (self.script("sys.exit(7)") + " {port}", 1, "ended with status 7"),
                ("some-viewer", 2, "{socket}, {port} or {file}"),
                ("'some {port}", 2, "quote")):
            self.assert_ended(self.view("--viewer", command), status, text)

    def test_a_viewer_goes_with_an_interrupted_view(self):
        command = self.script("""
import os, signal
open(sys.argv[2], "w").write(str(os.getpid()))
signal.pause()
""")
        file = os.path.join(self.work, "pid")
        process = self.view("--viewer", command + f" {{port}} {file}")
        pid = int(wait_for(lambda: os.path.exists(file) and read_file(file), "its pid"))
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)
        wait_for(lambda: not is_alive(pid), "the viewer ends")


class View(Viewers, Offers, Scripts, ViewCase):
    """All of these on one guest."""


class Ends(ViewCase):

    def setUp(self):
        super().setUp()
        self.daemon.call("alice", "domain.start", {"domain": "web-1"})

    def stop_guest(self):
        self.daemon.result("alice", "domain.destroy", {"domain": "web-1"})

    def test_the_guest_stops_while_a_viewer_is_there(self):
        process, where = self.offered("--socket", self.path)
        viewer = self.connect(where)
        viewer.open()
        self.stop_guest()
        self.assertEqual(viewer.socket.recv(1), b"")
        self.assert_ended(process, 0, "Domain 'web-1' has stopped")

    def test_the_guest_stops_while_nobody_looks(self):
        process, where = self.offered("--port", "0")
        self.connect(where).open()
        self.stop_guest()
        self.assert_ended(process, 0, "Domain 'web-1' has stopped")

    def test_the_host_goes(self):
        process, where = self.offered("--socket", self.path)
        viewer = self.connect(where)
        viewer.open()
        self.daemon.stop(signal.SIGKILL)
        self.addCleanup(self.daemon.wait_ready)
        self.addCleanup(self.daemon.spawn)
        self.assertEqual(viewer.socket.recv(1), b"")
        self.assert_ended(process, 5, "connection")


def read_capture(file):
    """(width, height, pixels) of gvnccapture's PNG: 8 bits, RGB with alpha."""
    parts, at = {}, 8
    with open(file, "rb") as png:
        data = png.read()
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        parts[kind] = parts.get(kind, b"") + data[at + 8:at + 8 + length]
        at += length + 12
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, colour) == (8, 6), (depth, colour)
    raw, line, pixels = zlib.decompress(parts[b"IDAT"]), bytes(width * 4), bytearray()
    for at in range(0, len(raw), width * 4 + 1):
        line = unfilter(raw[at], bytearray(raw[at + 1:at + 1 + width * 4]), line)
        for channel in zip(line[0::4], line[1::4], line[2::4]):
            pixels += bytes(channel)
    return width, height, pixels


def unfilter(kind, line, above):
    """W3C PNG, section 9.2, of 4 bytes a pixel."""
    for i in range(len(line)):
        left, corner = (line[i - 4], above[i - 4]) if i >= 4 else (0, 0)
        guess = left + above[i] - corner
        paeth = min((left, above[i], corner), key=lambda v: abs(guess - v))
        line[i] = (line[i] + (0, left, above[i], (left + above[i]) // 2,
                              paeth)[kind]) & 0xff
    return line


def children(pid):
    return [int(n) for n in read_file(f"/proc/{pid}/task/{pid}/children").split()]


def is_alive(pid):
    try:
        return "State:\tZ" not in read_file(f"/proc/{pid}/status")
    except OSError:
        return False


def listening(pid):
    """The TCP addresses on which that process listens."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
        if match:
            inodes.add(match.group(1))
    found = []
    for line in read_file("/proc/net/tcp").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            host, port = fields[1].split(":")
            found.append(socket.inet_ntoa(struct.pack("<I", int(host, 16))) +
                         f":{int(port, 16)}")
    return found


def read_as_nobody(where):
    """What another user gets to read there."""
    script = """
import json, socket, sys
where = json.loads(sys.argv[1])
if "socket" in where:
    s = socket.socket(socket.AF_UNIX)
    s.connect(where["socket"])
else:
    s = socket.create_connection((where["host"], where["port"]))
s.settimeout(20)
try:
    sys.stdout.buffer.write(s.recv(12))
except ConnectionResetError:
    pass
"""
    done = subprocess.run(["/usr/bin/python3", "-c", script, json.dumps(where)],
                          user=pwd.getpwnam("nobody").pw_uid, stdout=subprocess.PIPE,
                          timeout=TIMEOUT, check=True, cwd="/")
    return done.stdout


if __name__ == "__main__":
    virtmux_test.main()
