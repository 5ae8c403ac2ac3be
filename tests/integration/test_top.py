#!/usr/bin/env python3
# timeout: 300
"""`virtmux top`: frames to a pipe, and the live table on a terminal, which is tmux's:
keys, another size, and the terminal given back on every way out.
"""
import json
import os
import re
import signal

import test_domain
import virtmux_test
from virtmux_test import VIRTMUX, must_run, need, wait_for, write_file


class TopCase(virtmux_test.Case):

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        for name in ("web-1", "web-2"):
            self.daemon.result("alice", "domain.create",
                               {"xml": test_domain.domain_xml(name)})
        self.alice = self.client(self.daemon)

    def virtmux(self, *words, status=0, **options):
        done = self.alice.run(*words, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout


class Frames(TopCase):

    def test_batch(self):
        text = self.virtmux("top", "--batch", "-n", "2", "-d", "300ms")
        frames = text.strip("\n").split("\nvirtmux top - ")
        self.assertEqual(len(frames), 2, text)
        for frame in frames:
            self.assertRegex(frame, r"16 CPUs, 3 GiB")
            self.assertIn("3 domains, 3 running", frame)
            self.assertRegex(frame, r"(?m)^State +%CPU +Mem +%MEM +Read/s")
            self.assertNotIn("\x1b", frame)
        rows = [line.split() for line in frames[1].splitlines()[-3:]]
        self.assertEqual(sorted(row[-1] for row in rows), ["test", "web-1", "web-2"])
        for row in rows:
            self.assertEqual(row[0], "running")
            self.assertRegex(row[1], r"^\d+\.\d$")  # known from the second on
        self.assertRegex(frames[0], r"(?m)^running +- ")

    def test_sorted(self):
        def names(order):
            text = self.virtmux("top", "-n", "1", "--sort", order)
            return [line.split()[-1] for line in text.splitlines()[4:]]
        self.assertEqual(names("name"), ["test", "web-1", "web-2"])
        self.assertEqual(names("memory")[0], "test")  # 2 GiB against 64 MiB

    def test_json(self):
        lines = self.virtmux("top", "-n", "2", "-d", "200ms", "--json").splitlines()
        first, second = (json.loads(line) for line in lines)
        self.assertNotIn("cpu_percent", first["domains"][0])
        domain = {d["name"]: d for d in second["domains"]}["web-1"]
        self.assertEqual((domain["state"], domain["memory"]), ("running", 64 << 20))
        self.assertGreaterEqual(domain["cpu_percent"], 0)
        self.assertGreaterEqual(domain["cpu_time"], 0)

    def test_all(self):
        self.daemon.result("alice", "domain.destroy", {"domain": "test"})
        self.assertNotIn("shut-off", self.virtmux("top", "-n", "1"))
        self.assertRegex(self.virtmux("top", "-n", "1", "--all"),
                         r"(?m)^shut-off .* test$")

    def test_errors(self):
        self.virtmux("top", "-n", "0", status=2)
        self.virtmux("top", "--sort", "colour", status=2)
        self.daemon.stop()
        done = self.alice.run("top", "-n", "1")
        self.assertEqual(done.returncode, 5, done.stderr)


class Screen(TopCase):
    """In a terminal of tmux's, in which a shell goes on afterwards."""

    def setUp(self):
        super().setUp()
        need("tmux")
        self.socket = os.path.join(self.work, "tmux")
        config = write_file(os.path.join(self.work, "tmux.conf"),
                            "set -g remain-on-exit on\n")
        self.tmux("-f", config, "new-session", "-d", "-x", "100", "-y", "20",
                  "env PS1='shell> ' sh", env=self.alice.environment)
        self.addCleanup(self.tmux, "kill-server")
        self.see("shell>")
        self.before = self.modes()

    def tmux(self, *words, **options):
        return must_run("tmux", "-S", self.socket, *words, **options)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def see(self, pattern):
        return wait_for(lambda: re.search(pattern, self.screen()) and self.screen(),
                        f"{pattern!r} on the screen")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def modes(self):
        tty = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        return re.sub(r"rows \d+; columns \d+;", "", must_run("stty", "-a", "-F", tty))

    def start(self, *words):
        line = " ".join([VIRTMUX, "--passphrase-file", self.alice.passphrase_file,
                         "top", "-d", "200ms", *words])
        self.keys(line, "Enter")
        self.see("3 domains, 3 running")

    def pid(self):
        pane = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        return int(must_run("pgrep", "-P", pane, "-o", "virtmux"))

    def assert_given_back(self):
        self.see(r"(?m)^shell>\s*$")
        self.assertNotIn("3 domains", self.screen())
        self.assertNotIn("NDELAY", self.screen())
        self.assertEqual(self.modes(), self.before)
        self.assertEqual(self.tmux("display-message", "-p",
                                   "#{alternate_on} #{cursor_flag}").strip(), "0 1")
        self.keys("echo still-$((40+2))", "Enter")
        self.see("still-42")

    def test_keys(self):
        self.start()
        self.see(r"running .* web-2")
        self.keys("N")
        self.see(r"(?s)test\n.*web-1\n.*web-2\n")
        self.keys("R")
        self.see(r"(?s)web-2\n.*web-1\n.* test\n")
        self.keys("M")
        self.see(r"(?s) test\n.*web-1\n.*web-2\n")
        self.keys("h")
        self.see("sort by memory")
        self.keys("h")
        self.see("%CPU +Mem")
        self.keys("q")
        self.assert_given_back()

    def test_it_is_live(self):
        self.start()
        self.daemon.result("alice", "domain.suspend", {"domain": "web-1"})
        self.see(r"paused .* web-1")
        self.daemon.result("alice", "domain.destroy", {"domain": "web-2"})
        self.see("2 domains, 1 running")
        self.keys("C-c")
        self.see("shell>")

    def test_another_size(self):
        self.start()
        self.tmux("resize-window", "-x", "40", "-y", "8")
        wait_for(lambda: max(map(len, self.screen().splitlines())) <= 40
                 and "virtmux top" in self.screen(), "a small screen")
        self.tmux("resize-window", "-x", "120", "-y", "30")
        self.see(r"(?m)^running +.* web-2$")
        self.tmux("resize-window", "-x", "90", "-y", "7")
        self.keys("N")
        self.see(r"(?m) web-1$")
        self.assertNotIn("web-2", self.screen())
        self.keys("j")
        self.see(r"(?m) web-2$")
        self.keys("Up")
        wait_for(lambda: "web-2" not in self.screen(), "a line up")
        self.tmux("resize-window", "-x", "100", "-y", "20")
        self.keys("q")
        self.assert_given_back()

    def test_given_back_on_every_way_out(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(signal=number):
                self.start()
                os.kill(self.pid(), number)
                wait_for(lambda: self.modes() == self.before, "the modes")
                self.keys("clear", "Enter")
                self.assert_given_back()

    def test_the_host_goes(self):
        self.start()
        self.daemon.stop()
        self.see("shell>")
        self.assertEqual(self.modes(), self.before)

    def test_stopped_and_continued(self):
        self.start()
        self.keys("C-z")
        self.see("shell>")
        self.assertEqual(self.tmux("display-message", "-p", "#{alternate_on}").strip(),
                         "0")
        self.keys("fg", "Enter")
        self.see("3 domains, 3 running")
        self.keys("q")
        self.see("shell>")
        self.assertEqual(self.modes(), self.before)


if __name__ == "__main__":
    virtmux_test.main()
