#!/usr/bin/env python3
# timeout: 600
"""`virtmux wait-serial` against a real guest: what scripts wait for, what they type,
and what they are told in vain.
"""
import json
import os
import subprocess
import time

import test_console
import virtmux_test
from virtmux_test import read_file

TIMED_OUT = 7
LONG = 5 * virtmux_test.TIMEOUT


class WaitSerial(test_console.ConsoleCase):
    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon)
        self.log_in()

    def log_in(self):
        done = self.wait("login: $|# $", "--send", "\\r")
        self.assertEqual(done.returncode, 0, done.stderr)
        if "login:" in done.stdout:
            self.assertEqual(self.wait("# $", "--send", "root\\r").returncode, 0)

    def boot_again(self):
        self.daemon.result("alice", "domain.start", {"domain": "web-1", "paused": True})
        self.node("""
            const line = open("/domains/web-1/serial/0?force=true");
            await line.answered();
            await call("domain.resume", {domain: "web-1"});
            await line.see(/login: /);
            await line.cancel();
        """)

    def wait(self, *words, **options):
        return self.alice.run("wait-serial", "web-1", *words, "--force", **options)

    def test_a_line_is_found_and_printed(self):
        done = self.wait("^[0-9]+ plums$", "--send", "echo $((6 * 7)) plums\\r")
        self.assertEqual((done.returncode, done.stdout), (0, "42 plums\n"), done.stderr)

    def test_a_prompt_without_an_end_of_line(self):
        done = self.wait("fruit\\? $", "--send", "printf 'which %s? ' fruit; read x\\r")
        self.assertEqual((done.returncode, done.stdout), (0, "which fruit? \n"), done.stderr)
        self.assertEqual(self.wait("# $", "--send", "\\r").returncode, 0)

    def test_colours_and_case(self):
        done = self.wait("^RED AND BOLD$", "-i", "--send",
                         "printf '\\\\033[31mred\\\\033[0m and bold\\\\n'\\r")
        self.assertEqual((done.returncode, done.stdout), (0, "red and bold\n"), done.stderr)

    def test_as_json(self):
        done = self.wait("^fig [0-9]$", "--json", "--send", "echo fig $((1 + 1))\\r")
        self.assertEqual(json.loads(done.stdout),
                         {"domain": "web-1", "uuid": test_console.UUID, "line": "fig 2"})

    def test_in_vain(self):
        kept = os.path.join(self.work, "heard")
        begin = time.monotonic()
        done = self.wait("never", "--timeout", "4s", "--output", kept, "--send",
                         "echo first; echo last of $((1 + 1))\\r")
        self.assertEqual((done.returncode, done.stdout), (TIMED_OUT, ""))
        self.assertGreaterEqual(time.monotonic() - begin, 4)
        self.assertIn("'never' on domain 'web-1': it was not seen: the whole "
                      "command's --timeout of 4 s is over", done.stderr)
        self.assertIn("first\nlast of 2\n", read_file(kept))
        self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)

    def test_silence(self):
        """Once what earlier tests made the guest say has come to its end."""
        def said():
            done = self.wait("never", "--new", "--timeout", "3s")
            self.assertEqual(done.returncode, TIMED_OUT)
            return done.stderr
        virtmux_test.wait_for(lambda: "the guest said nothing" in said(), "silence")

    def test_a_flood_is_searched_as_it_comes(self):
        done = self.wait("^19999$", "--send", "seq 1 20000\\r", "--timeout", "2m")
        self.assertEqual((done.returncode, done.stdout), (0, "19999\n"), done.stderr)

    def test_all_that_was_to_be_typed_is_typed(self):
        """Also where the line is found while most of it is still to go out."""
        words = "".join(f"echo line $(({n}))\\r" for n in range(3000))
        done = self.wait("^line 1$", "--send", words + "echo end > /tmp/typed\\r",
                         "--timeout", "2m", timeout=LONG)
        self.assertEqual((done.returncode, done.stdout), (0, "line 1\n"), done.stderr)
        done = self.wait("^end$", "--send", "cat /tmp/typed\\r", "--timeout", "2m",
                         timeout=LONG)
        self.assertEqual((done.returncode, done.stdout), (0, "end\n"), done.stderr)

    def test_what_was_said_before(self):
        """Is found, unless only what is new is wanted; and nobody is disturbed."""
        self.wait("^sloe 2$", "--send", "echo sloe $((1 + 1))\\r")
        writer = self.alice.spawn("console", "web-1", "--script", stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(virtmux_test.end_process, writer)
        writer.stdin.write(b"echo sloe $((2 + 1))\n")
        writer.stdin.flush()
        done = self.alice.run("wait-serial", "web-1", "^sloe 3$")
        self.assertEqual((done.returncode, done.stdout), (0, "sloe 3\n"), done.stderr)
        done = self.alice.run("wait-serial", "web-1", "^sloe 2$")
        self.assertEqual((done.returncode, done.stdout), (0, "sloe 2\n"), done.stderr)
        done = self.alice.run("wait-serial", "web-1", "^sloe", "--new", "--timeout", "1s")
        self.assertEqual(done.returncode, TIMED_OUT, done.stdout)
        done = self.alice.run("wait-serial", "web-1", "x", "--send", "\\r")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("alice writes on serial line 0", done.stderr)
        text, said = writer.communicate(timeout=LONG)
        self.assertEqual((writer.returncode, said), (0, b""))
        self.assertIn(b"\nsloe 3\r\n", text)

    def test_wrong_words(self):
        for words, status, said in (
                (("(",), 2, "no extended regular expression"),
                (("x", "--send", "\\q"), 2, "--send knows"),
                (("x", "--port", "9"), 3, "has no serial line 9"),
        ):
            done = self.wait(*words)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(said, done.stderr)
        done = self.alice.run("wait-serial", "web-9", "x")
        self.assertEqual(done.returncode, 3, done.stderr)

    def test_the_guest_stops_meanwhile(self):
        self.addCleanup(self.boot_again)
        process = self.alice.spawn("wait-serial", "web-1", "never", "--force", "--send",
                                   "poweroff -f\\r", stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        said = process.communicate(timeout=virtmux_test.TIMEOUT)[1]
        self.assertEqual(process.returncode, 1, said)
        self.assertIn("has stopped (shutdown) before it was seen", said)


if __name__ == "__main__":
    virtmux_test.main()
