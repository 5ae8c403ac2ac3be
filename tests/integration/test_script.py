#!/usr/bin/env python3
# timeout: 300
"""The script of the manual (doc/examples/login.sh), run as it stands there against
the real guest, and that the manual shows this very file.
"""
import os
import subprocess

import test_console
import virtmux_test
from virtmux_test import read_file

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc",
                      "examples", "login.sh")
LINES_MAX = 25
PATIENCE = 200  # seconds, of an emulated guest on a busy machine


class Script(test_console.ConsoleCase):
    @classmethod
    def boot(cls):
        """The script does that."""
        cls.daemon.result("alice", "domain.define", {"xml": cls.xml})
        cls.addClassCleanup(cls.daemon.call, "alice", "domain.destroy", {"domain": "web-1"})

    def test_it_logs_in_and_shuts_down(self):
        alice = self.client(self.daemon, session="yes")
        self.assertEqual(alice.run("session", "open").returncode, 0)
        self.addCleanup(alice.run, "session", "end")
        path = os.path.dirname(virtmux_test.VIRTMUX) + os.pathsep + os.environ["PATH"]
        done = subprocess.run(
            [SCRIPT, "web-1"], env={**alice.environment, "PATH": path}, cwd=self.work,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\nThe guest runs Linux \d+\.\d+\.\S+\n")
        info = self.daemon.result("alice", "domain.info", {"domain": "web-1"})
        self.assertEqual(info["state"], "shut-off")
        self.assertEqual(self.daemon.wait_audit(method="domain.shutdown")[-1]["outcome"], "ok")

    def test_it_fails_where_the_guest_does_not_exist(self):
        alice = self.client(self.daemon, session="yes")
        self.assertEqual(alice.run("session", "open").returncode, 0)
        self.addCleanup(alice.run, "session", "end")
        path = os.path.dirname(virtmux_test.VIRTMUX) + os.pathsep + os.environ["PATH"]
        done = virtmux_test.run(SCRIPT, "nobody", env={**alice.environment, "PATH": path})
        self.assertEqual(done.returncode, 3, done.stderr)

    def test_the_manual_shows_it(self):
        script = read_file(SCRIPT)
        self.assertLessEqual(script.count("\n"), LINES_MAX)
        done = virtmux_test.run(virtmux_test.VIRTMUX, "--print-manual")
        roff = script.replace("\\", "\\e").replace("-", "\\-")
        for character, name in ("'", "aq"), ("~", "ti"), ("^", "ha"), ("`", "ga"):
            roff = roff.replace(character, "\\(" + name)
        self.assertIn(".nf\n" + roff + ".fi\n", done.stdout)


if __name__ == "__main__":
    virtmux_test.main()
