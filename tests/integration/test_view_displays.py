#!/usr/bin/env python3
# timeout: 300
"""`virtmux view` and every kind of display: VNC and SPICE that listen nowhere, on a
socket and on an address of the host, shown by real viewers and compared with the
hypervisor's own picture; looking without touching; starting, waiting, coming back; and
a display that never answers.

The guest is a boot sector: it writes a line of text, and then what is typed. Its cursor
is hidden, so that a picture stands still.
"""
import json
import os
import signal
import struct
import subprocess

import test_transfer
import test_view
import virtmux_test
from virtmux_test import end_process, need, run, wait_for

TEXT = b"virtmux shows this guest"
SECTOR = bytes.fromhex(
    "31c0" "8ed8"             # DS = 0
    "b80300" "cd10"           # 80 by 25 characters: 720 by 400 pixels
    "b401" "b90726" "cd10"    # no cursor
    "b80006" "b71f" "31c9" "ba4f18" "cd10"  # all of it white on blue
    "be3a7c"                  # SI = the text
    "ac" "84c0" "7409" "b40e" "bb0700" "cd10" "ebf2"  # each character of it
    "31c0" "cd16" "b40e" "bb0700" "cd10" "ebf3")      # each key, for ever
LISTENS = {
    "none": "<listen type='none'/>",
    "socket": "<listen type='socket'/>",
    "address": "<listen type='address' address='127.0.0.1'/>",
}
# What of a picture may differ: the square, in pixels, in which a viewer shows its own
# pointer. All else is the same bit by bit: neither VNC nor SPICE loses any of this.
POINTER = 32


def domain_xml(name, floppy, displays):
    return f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory>
        <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
        <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><devices>
        <disk type='file' device='floppy'><driver name='qemu' type='raw'/>
        <source file='{floppy}'/><target dev='fda'/><readonly/></disk>{displays}
        <video><model type='vga'/></video><controller type='usb' model='none'/>
        <memballoon model='none'/></devices></domain>"""


def has_text(picture):
    """A character has 20 white pixels or so; the firmware writes grey on black."""
    width, height, pixels = picture
    return (width, height) == (720, 400) and pixels[-1] > 100 and \
        pixels.count(255) > len(TEXT) * 3 * 10


def characters(picture):
    """How many cells of 9 by 16 pixels have something white."""
    width, _, pixels = picture
    cells = {(at // 3 % width // 9, at // 3 // width // 16)
             for at, value in enumerate(pixels) if value == 255}
    return len(cells)


def display(kind, listen):
    port = "autoport='yes'" if listen == "address" else ""
    return f"<graphics type='{kind}' {port}>{LISTENS[listen]}</graphics>"


class DisplayCase(test_view.ViewCase):
    """One host for the class, with a guest for each way to listen."""

    listens = ("none",)

    @classmethod
    def setUpClass(cls):
        need("Xvfb")
        super().setUpClass()

    @classmethod
    def boot(cls):
        cls.floppy = os.path.join(cls.class_folder, "floppy.img")
        with open(cls.floppy, "wb") as file:
            sector = (SECTOR + TEXT + b"\r\n").ljust(510, b"\0") + b"\x55\xaa"
            file.write(sector.ljust(1440 * 1024, b"\0"))
        for listen in cls.listens:
            cls.define(listen, display("vnc", listen) + display("spice", listen))
            cls.daemon.result("alice", "domain.start", {"domain": listen})
            cls.addClassCleanup(cls.daemon.call, "alice", "domain.destroy",
                                {"domain": listen})

    @classmethod
    def define(cls, name, displays):
        cls.daemon.result("alice", "domain.define",
                          {"xml": domain_xml(name, cls.floppy, displays)})

    def state(self, name):
        return self.daemon.result("alice", "domain.info", {"domain": name})["state"]

    def picture(self, name="none"):
        file = os.path.join(self.work, name + ".png")
        done = self.alice.run("screenshot", name, "-o", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(file, "rb") as png:
            return test_view.test_console.decode_png(png.read())

    def view(self, name, *words, env=None, client=None):
        process = (client or self.alice).spawn(
            "view", name, *words, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end_view, process)
        return process

    def end_view(self, process):
        """With its viewer: an interrupted view takes that along."""
        if process.poll() is None:
            end_process(process)
        process.communicate()

    def left_behind(self):
        return os.listdir(self.folder) if os.path.exists(self.folder) else []

    def screen(self):
        folder = os.path.join(self.work, "screen-" + os.urandom(4).hex())
        os.mkdir(folder)
        screen = Screen(folder)
        self.addCleanup(screen.close)
        return screen

    def text(self, name="none"):
        """The picture, once the guest has written all that it will."""
        last = None

        def written():
            nonlocal last
            before, last = last, self.picture(name)
            return last if has_text(last) and last == before else None
        return wait_for(written, f"the text of {name}", timeout=60)

    def assert_on(self, screen, name):
        picture = self.text(name)
        wait_for(lambda: screen.shows(*picture), f"the picture of {name}", timeout=60)


class Screen(test_view.Screen):
    """Where the viewer's window may stand anywhere."""

    def environment(self, home):
        """For viewers of GTK: nothing of the user's own desktop."""
        return {"DISPLAY": self.name, "GSETTINGS_BACKEND": "memory",
                "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11", "LIBGL_ALWAYS_SOFTWARE": "1",
                "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home, "XDG_DATA_HOME": home}

    def shows(self, width, height, pixels):
        """Whether the picture stands where its brightest row is found, and differs in
        a square of POINTER at most."""
        rows = list(self.rows())
        wanted = [bytes(pixels[at:at + width * 3])
                  for at in range(0, len(pixels), width * 3)]
        key = max(range(height), key=lambda y: sum(wanted[y]))
        for y, row in enumerate(rows):
            x = row.find(wanted[key])
            if x >= 0 and x % 3 == 0 and 0 <= y - key <= len(rows) - height:
                shown = [line[x:x + width * 3]
                         for line in rows[y - key:y - key + height]]
                return self.is_pointer(shown, wanted)
        return False

    @staticmethod
    def is_pointer(shown, wanted):
        places = [(i // 3, y) for y, (line, want) in enumerate(zip(shown, wanted))
                  if line != want for i in range(len(want))
                  if line[i:i + 1] != want[i:i + 1]]
        return all(max(place[axis] for place in places) -
                   min(place[axis] for place in places) < POINTER
                   for axis in (0, 1) if places)


class Kinds(DisplayCase):
    """Every way to listen, with every viewer."""

    listens = tuple(LISTENS)

    def shown(self, name, number, viewer):
        """A view by VIEWER, whose screen shows the guest; KEEP: its pictures are kept
        for the eye in the folder of that variable."""
        screen = self.screen()
        process = self.view(name, "--display", str(number), "--viewer", viewer,
                            env=screen.environment(self.work))
        self.assert_on(screen, name)
        if "VIRTMUX_TEST_PICTURES" in os.environ:
            run("convert", "xwd:" + screen.file, os.path.join(
                os.environ["VIRTMUX_TEST_PICTURES"],
                f"{name}-{number}-{viewer.split()[0]}.png"))
        end_process(process)
        self.assertEqual(process.returncode, 130, process.stderr.read())
        self.assertEqual(self.left_behind(), [])

    def test_info_tells_how_they_listen(self):
        for name in LISTENS:
            info = self.daemon.result("alice", "domain.info", {"domain": name})
            self.assertEqual([(g["type"], g["listen"]) for g in info["graphics"]],
                             [("vnc", name), ("spice", name)])

    def test_vnc_by_tigervnc(self):
        need("xtigervncviewer")
        for name in LISTENS:
            with self.subTest(name):
                self.shown(name, 0, "xtigervncviewer")

    def test_vnc_by_remote_viewer(self):
        need("remote-viewer")
        for name in LISTENS:
            with self.subTest(name):
                self.shown(name, 0, "remote-viewer")

    def test_vnc_by_gvnccapture(self):
        need("gvnccapture")
        file = os.path.join(self.work, "capture.png")
        for name in LISTENS:
            process = self.view(name, "--json", "--port", "0")
            port = json.loads(process.stdout.readline())["port"]

            with self.subTest(name):
                picture = self.text(name)
                done = run("gvnccapture", f"127.0.0.1:{port - 5900}", file)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(test_view.read_capture(file), picture)
            end_process(process)

    def test_spice_by_remote_viewer(self):
        """Main and display channel at least, and inputs: each a stream of its own."""
        need("remote-viewer")
        for name in LISTENS:
            with self.subTest(name):
                self.shown(name, 1, "remote-viewer")
        for name in LISTENS:
            streams = self.daemon.wait_audit(method="domain.graphics", name=name,
                                             event="end", outcome="ok")
            by_spice = [s for s in streams if "n=1" in s["target"].split()]
            self.assertGreaterEqual(len(by_spice), 3, streams)


class Ways(DisplayCase):
    """Looking only, starting, waiting, coming back, and what hangs."""

    def offered(self, name, *words, client=None):
        process = self.view(name, "--json", *words, client=client)
        line = process.stdout.readline()
        self.assertTrue(line, "view has ended")
        return process, json.loads(line)

    def opened(self, *words, name="none"):
        process, where = self.offered(name, "--socket", self.path, *words)
        viewer = self.connect(where)
        viewer.open()
        return process, viewer

    def press(self, viewer, key):
        """By RFB's KeyEvent, down and up, and a question whose answer comes behind."""
        for down in (1, 0):
            viewer.socket.sendall(struct.pack(">BBHI", 4, down, 0, ord(key)))
        viewer.request()
        viewer.update()

    def destroy(self, name="none"):
        self.daemon.result("alice", "domain.destroy", {"domain": name})

    def setUp(self):
        super().setUp()
        self.ensure_running()

    def ensure_running(self, name="none"):
        self.daemon.call("alice", "domain.start", {"domain": name})

    def test_keys_pass_but_read_only(self):
        before = self.text()
        process, viewer = self.opened("--read-only")
        self.press(viewer, "a")
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)
        process, viewer = self.opened()
        self.press(viewer, "b")
        wait_for(lambda: self.picture() != before, "the key on the screen")
        with_b = self.text()
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)
        # Had the first one passed, two would stand there.
        self.assertEqual(characters(with_b) - characters(before), 1)

    def test_read_only_does_not_take_spice(self):
        done = self.alice.run("view", "none", "--display", "1", "--read-only",
                              "--no-viewer")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("--read-only cannot keep the keys", done.stderr)

    def test_a_viewer_that_cannot_be_followed(self):
        process, viewer = self.opened("--read-only")
        viewer.socket.sendall(b"\x07")
        self.assertEqual(viewer.socket.recv(1), b"")
        self.assert_ended(process, 1, "cannot be followed")

    def test_shared_puts_nobody_out(self):
        _, first = self.opened()
        process, where = self.offered("none", "--socket", self.path + "2", "--shared")
        second = self.connect(where)
        second.open(shared=b"\0")
        first.request()
        self.assertGreater(first.update(), 0)
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)

    def test_start_waits_for_the_viewer(self):
        self.addCleanup(self.ensure_running)
        self.destroy()
        process, where = self.offered("none", "--socket", self.path, "--start")
        self.assertEqual(self.state("none"), "paused")
        viewer = self.connect(where)
        viewer.open()
        self.assertEqual(self.state("none"), "paused")
        viewer.request()
        wait_for(lambda: self.state("none") == "running", "it runs")
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)

    def test_start_leaves_nothing_paused(self):
        self.addCleanup(self.ensure_running)
        self.destroy()
        process = self.view("none", "--start", "--viewer", "false {port}")
        self.assert_ended(process, 1, "runs, though no viewer came")
        self.assertEqual(self.state("none"), "running")

    def test_wait(self):
        self.addCleanup(self.ensure_running)
        self.destroy()
        done = self.alice.run("--timeout", "300ms", "view", "none", "--wait", "--no-viewer")
        self.assertEqual(done.returncode, 7, done.stderr)
        process = self.view("none", "--wait", "--socket", self.path)
        self.assertIn("Waiting", process.stdout.readline())
        self.ensure_running()
        self.assertIn("offered", process.stdout.readline())
        self.connect({"socket": self.path}).open()
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)

    def test_another_run_is_not_shown(self):
        """A guest that was started anew while nobody looked."""
        process, viewer = self.opened()
        self.destroy()
        self.ensure_running()
        self.assertEqual(viewer.socket.recv(1), b"")
        self.assert_ended(process, 0)

    def test_reconnect_after_a_restart(self):
        process, viewer = self.opened("--reconnect")
        self.destroy()
        self.assertEqual(viewer.socket.recv(1), b"")
        self.assertIn("was lost", process.stderr.readline())
        self.ensure_running()
        self.assertIn("is back", process.stderr.readline())
        self.connect({"socket": self.path}).open()
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)

    def test_reconnect_after_a_cut(self):
        """Of the channel; the passphrase is not asked for again."""
        relay = test_transfer.Relay(self.daemon.port)
        self.addCleanup(relay.server.close)
        client = self.client(self.daemon, address=f"127.0.0.1:{relay.port}",
                             **{"server-name": "localhost"})
        process, where = self.offered("none", "--socket", self.path, "--reconnect",
                                      client=client)
        viewer = self.connect(where)
        viewer.open()
        relay.cut()
        self.assertEqual(viewer.socket.recv(1), b"")
        self.assertIn("was lost", process.stderr.readline())
        self.assertIn("is back", process.stderr.readline())
        viewer = self.connect(where)
        viewer.open()
        viewer.request()
        self.assertEqual(viewer.update(), viewer.width * viewer.height)
        process.send_signal(signal.SIGTERM)
        self.assert_ended(process, 130)


if __name__ == "__main__":
    virtmux_test.main()
