#!/usr/bin/env python3
# timeout: 600
"""What scripts do with a guest's screen and keyboard, against a real guest: `type`,
`wait-screen` and `screenshot --all`.
"""
import hashlib
import json
import os
import re
import struct
import subprocess
import zlib

import test_console
import virtmux_test
from virtmux_test import wait_for

TIMED_OUT = 7
PATIENCE = 200     # seconds, of an emulated guest on a busy machine
SIZE = (720, 400)  # the text mode of the guest
COLUMN, ROW = 9, 16  # pixels of one of its characters
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc",
                        "examples")
LOGIN, PROMPT = (os.path.join(EXAMPLES, name) for name in ("login.png", "prompt.png"))
PRINTABLE = "".join(chr(c) for c in range(0x20, 0x7f))
EMPTY = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory>
    <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{devices}
    <controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"""


def encode_png(width, height, pixels):
    """RGB, without filters."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = b"".join(b"\0" + bytes(pixels[y * width * 3:(y + 1) * width * 3])
                    for y in range(height))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def cut(picture, x, y, width, height):
    """A piece of a decoded picture, as PNG."""
    whole, _, pixels = picture
    rows = [pixels[((y + i) * whole + x) * 3:((y + i) * whole + x + width) * 3]
            for i in range(height)]
    return encode_png(width, height, b"".join(bytes(row) for row in rows))


class Screen(test_console.ConsoleCase):
    """The tests share a shell on the guest's screen; what it has done it says on the
    serial line."""

    said = 0  # words of the shell so far
    in_shell = False

    @classmethod
    def boot(cls):
        """The first test waits for it."""
        cls.daemon.result("alice", "domain.define", {"xml": cls.xml})
        cls.daemon.result("alice", "domain.start", {"domain": "web-1"})
        cls.addClassCleanup(cls.daemon.call, "alice", "domain.destroy", {"domain": "web-1"})

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon, session="yes")
        self.addCleanup(self.alice.run, "session", "end")
        if not Screen.in_shell:
            self.virtmux("wait-screen", "web-1", "--match", LOGIN, "--anywhere", "--timeout",
                         "3m", timeout=PATIENCE)
            self.type("root\\n")
            self.virtmux("wait-screen", "web-1", "--match", PROMPT, "--anywhere", "--timeout",
                         "1m", timeout=PATIENCE)
            Screen.in_shell = True
        self.shell("clear")

    def virtmux(self, *words, status=0, **options):
        done = self.alice.run(*words, cwd=self.work, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def type(self, text, *words, **options):
        return self.virtmux("type", "web-1", text, *words, **options)

    def write(self, name, data):
        path = os.path.join(self.work, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def picture(self):
        answer = self.daemon.curl("alice", "/domains/web-1/screenshot")
        return test_console.decode_png(answer.body)

    def lines_opened(self):
        return len([record for record in self.daemon.audit()
                    if record["method"] == "domain.serial" and record["event"] == "begin"])

    def shell(self, command):
        """Types it, and waits for its end: what it printed, on one line."""
        Screen.said += 1
        opened = self.lines_opened()
        with self.alice.spawn("wait-serial", "web-1", f"^{self.said}:.*:end$", "--force",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            wait_for(lambda: self.lines_opened() > opened, "the listener")
            self.type(f"x=$({{ {command}; }} 2>&1 | tee /dev/tty);"
                      f"printf '\\\\n%s\\\\n' \"{self.said}:$(echo $x):end\" >/dev/ttyS0\\n")
            said, error = process.communicate()
        self.assertEqual(process.returncode, 0, error)
        return said.split(":", 1)[1].removesuffix(":end\n")

    # -- type --------------------------------------------------------------------

    def test_a_command_is_typed(self):
        self.assertEqual(self.shell("echo $((6 * 7)) plums"), "42 plums")

    def test_every_key_arrives(self):
        """All that ASCII prints, typed to a program that takes it as it is."""
        self.type("stty raw -echo; head -c %d >/tmp/it; stty sane\\n" % len(PRINTABLE))
        done = json.loads(self.virtmux("type", "web-1", "-", "--json", input=PRINTABLE))
        self.assertEqual(done, {"name": "web-1", "uuid": test_console.UUID,
                                "characters": len(PRINTABLE)})
        self.assertEqual(self.shell("md5sum </tmp/it").split()[0],
                         hashlib.md5(PRINTABLE.encode()).hexdigest())

    def test_what_cannot_be_typed(self):
        before = len(self.daemon.audit())
        for words, said in (
                (("K\u00f6ln",), "layout 'us' has no key for '\u00f6' (U+00F6, character 2"),
                (("root", "--layout", "ru"), "layout 'ru' has no key for 'r'"),
                (("x", "--layout", "nonesuch"), "no keyboard layout 'nonesuch'"),
                (("\\q",), "the text knows"), (("x", "--holdtime", "0"), "1..1000")):
            self.assertIn(said, self.virtmux("type", "web-1", *words, status=2))
        self.assertNotIn("domain.send-key", json.dumps(self.daemon.audit()[before:]))

    def test_a_guest_that_takes_no_keys(self):
        self.daemon.result("alice", "domain.suspend", {"domain": "web-1"})
        self.addCleanup(self.daemon.result, "alice", "domain.resume", {"domain": "web-1"})
        said = self.virtmux("type", "web-1", "x", status=1)
        self.assertIn("is paused, and takes no keys: virtmux resume web-1", said)

    # -- wait-screen ---------------------------------------------------------------

    def test_stable_and_changed(self):
        done = self.virtmux("wait-screen", "web-1", "--stable", "1s", "--json", "-o", "it.png")
        done = json.loads(done)
        self.assertEqual((done["name"], done["file"]), ("web-1", "it.png"))
        self.assertLessEqual(done["different"], 0.1)
        said = self.virtmux("wait-screen", "web-1", "--change", "--since", "it.png",
                            "--timeout", "3s", "-o", "kept.png", status=TIMED_OUT)
        self.assertIn("did not change within 3000 ms", said)
        self.assertIn("kept in kept.png", said)
        self.type("seq 100\\n")
        self.virtmux("wait-screen", "web-1", "--change", "--since", "it.png")

    def test_a_busy_screen_is_not_stable(self):
        self.type("(while :; do seq 40; done)\\n")
        self.addCleanup(self.type, "-", input="\x03")  # Ctrl-C
        said = self.virtmux("wait-screen", "web-1", "--stable", "3s", "--timeout", "4s",
                            status=TIMED_OUT)
        kept = re.search(r"kept in (web-1-[-0-9]+\.png)", said).group(1)
        path = os.path.join(self.work, kept)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, "rb") as file:
            self.assertEqual(test_console.decode_png(file.read())[:2], SIZE)

    def test_match(self):
        """A word in the first line; then the same word below, and the first line gone."""
        region = ("--region", f"0,0,{4 * COLUMN},{ROW}")
        self.shell("clear; echo plum")
        self.write("plum.png", cut(self.picture(), 0, 0, 4 * COLUMN, ROW))
        self.virtmux("wait-screen", "web-1", "--match", "plum.png", *region)
        self.shell("clear; echo; echo; printf '%7s%s\\\\n' '' plum")
        found = self.virtmux("wait-screen", "web-1", "--match", "plum.png", "--anywhere")
        self.assertEqual(found, f"{9 * COLUMN},{2 * ROW + ROW // 2}\n")
        found = json.loads(self.virtmux("wait-screen", "web-1", "--match", "plum.png",
                                        "--anywhere", "--json"))
        self.assertEqual([found[key] for key in ("x", "y", "width", "height")],
                         [7 * COLUMN, 2 * ROW, 4 * COLUMN, ROW])
        said = self.virtmux("wait-screen", "web-1", "--match", "plum.png", *region,
                            "--timeout", "3s", status=TIMED_OUT)
        self.assertRegex(said, r"did not match plum.png within 3000 ms; .* % of its "
                               r"pixels differed in the end, and 0.1 % may")
        self.virtmux("wait-screen", "web-1", "--match", "plum.png", *region,
                     "--tolerance", "100")

    def test_other_sizes(self):
        self.write("small.png", encode_png(64, 48, bytes(64 * 48 * 3)))
        said = self.virtmux("wait-screen", "web-1", "--match", "small.png", "--timeout",
                            "1s", status=TIMED_OUT)
        self.assertIn("the screen has 720 x 400 pixels, the reference 64 x 48", said)
        said = self.virtmux("wait-screen", "web-1", "--stable", "100ms", "--region",
                            "700,0,30,10", "--timeout", "3s", status=TIMED_OUT)
        self.assertIn("the region lies outside", said)

    def test_wrong_words(self):
        self.write("no.png", b"no picture")
        self.write("small.png", encode_png(64, 48, bytes(64 * 48 * 3)))
        for words, status, said in (
                (("--stable", "1s", "--change"), 2, "give one"),
                (("--match", "no.png"), 1, "no.png: it is no PNG"),
                (("--match", "missing.png"), 3, "missing.png"),
                (("--match", "small.png", "--region", "0,0,100,100"), 2, "neither"),
                (("--region", "0,0,0,1"), 2, "X,Y,WIDTH,HEIGHT"),
                (("--region", "0,0,1,1,"), 2, "X,Y,WIDTH,HEIGHT"),
                (("--tolerance", "101"), 2, "percentage"),
                (("--anywhere",), 2, "--match"), (("--since", "small.png"), 2, "--change")):
            self.assertIn(said, self.virtmux("wait-screen", "web-1", *words, status=status))
        self.virtmux("wait-screen", "nobody", status=3)

    # -- click ---------------------------------------------------------------------

    def test_what_cannot_be_clicked(self):
        for words, status, said in (
                (("720,10",), 2, "720,10 lies outside the screen of domain 'web-1', which "
                                 "has 720 x 400 pixels"),
                (("10,10",), 1, "give it a tablet"),
                (("10",), 2, "X,Y"), (("1,2,3",), 2, "X,Y"), (("-1,2",), 2, None),
                (("1,1", "--move", "--double"), 2, "--move presses no button"),
                (("1,1", "--screen", "9"), 3, "display")):
            error = self.virtmux("click", "web-1", *words, status=status)
            self.assertIn(said or "", error)
        self.virtmux("click", "nobody", "1,1", status=3)

    # -- screenshot ----------------------------------------------------------------

    def start_empty(self, name, devices):
        self.daemon.result("alice", "domain.create",
                           {"xml": EMPTY.format(name=name, devices=devices)})
        self.addCleanup(self.daemon.call, "alice", "domain.destroy", {"domain": name})

    def test_all(self):
        self.shell("yes plum plum plum plum plum plum | head -20")
        self.start_empty("blind", "<video><model type='none'/></video>")
        self.start_empty("seeing", "<graphics type='vnc'><listen type='none'/></graphics>")
        done = json.loads(self.virtmux("screenshot", "--all", "-o", "all.png", "--json"))
        self.assertEqual([d["name"] for d in done["domains"]], ["blind", "seeing", "web-1"])
        blind, _, web = done["domains"]
        self.assertTrue(blind["error"])
        self.assertEqual((web["width"], web["height"]), SIZE)
        with open(os.path.join(self.work, "all.png"), "rb") as file:
            data = file.read()
        self.assertEqual(done["bytes"], len(data))
        width, height, pixels = test_console.decode_png(data)
        self.assertEqual((width, height), (2 * 332 + 12, 2 * 280 + 12))
        # The third cell, the first of the second row, shows a page of text.
        cell = cut((width, height, pixels), 12, 292 + 62, 320, 177)
        lit = sum(value > 60 for value in test_console.decode_png(cell)[2])
        self.assertGreater(lit, 1000)
        process = self.alice.spawn("screenshot", "--all", "-o", "-", stdout=subprocess.PIPE)
        self.assertTrue(process.communicate()[0].startswith(b"\x89PNG"))

    def test_all_of_none(self):
        olga = self.client(self.daemon, "olga")
        done = olga.run("screenshot", "--all", "-o", "none.png", cwd=self.work)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("no domain runs on host 'test'", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.work, "none.png")))
        self.virtmux("screenshot", status=2)
        self.virtmux("screenshot", "web-1", "--all", status=2)


if __name__ == "__main__":
    virtmux_test.main()
