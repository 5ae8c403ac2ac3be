#!/usr/bin/env python3
"""What becomes of a session: it is looked at, locked, ended, gives way to one of another
version, is killed or stopped; what runs in it goes on as long as it may.
"""
import os
import signal

import virtmux_test
from test_secrets import memory_of, secrets_of
from test_session import NAME, is_alive
from test_session_start import AT_ONCE, ROUNDS, StartCase
from virtmux_test import PASSPHRASE, read_file, wait_for, write_file

OTHER_VERSION = "0.0.1"


class Life(StartCase):
    """Lock, end, another version, a sudden death."""

    def test_what_list_tells(self):
        self.good("list")
        first = self.sessions()[0]
        wait_for(lambda: self.sessions()[0]["idle_ms"] > first["idle_ms"] + 100,
                 "looking at it is no use of it")
        last = self.sessions()[0]
        self.assertEqual((last["state"], last["clients"]), ("serving", 0))
        self.assertAlmostEqual(last["idle_ms"] + last["ends_in_ms"], 600000)
        self.assertRegex(self.good("session"),
                         r"Host +State .*\n-+\n *test +serving .* (10|9) min ")
        self.assertIn("idle_ms,ends_in_ms", self.good("-f", "csv", "session"))
        self.follow()
        used = self.sessions()[0]
        self.assertFalse({"idle_ms", "ends_in_ms"} & set(used), used)
        self.assertEqual((used["clients"], used["streams"]), (1, 1))

    def test_looking_does_not_keep_it(self):
        self.make_client(self.daemon, persist="1s")
        self.askpass = self.make_askpass(PASSPHRASE)
        self.good("list")
        wait_for(lambda: not self.sessions(), "it ends while it is looked at")

    def test_lock(self):
        """What runs goes on; the key is gone; the next command asks."""
        self.good("list")
        follower = self.follow()
        old = self.sessions()[0]
        if not virtmux_test.is_sanitized():
            self.assertNotEqual(self.secrets_in(old["pid"]), [])
        self.assertIn("locked", self.good("session", "lock"))
        self.assertEqual(self.asked(), 1)
        self.assertFalse(os.path.exists(self.socket))
        self.assertEqual([(s["pid"], s["state"]) for s in self.sessions()],
                         [(old["pid"], "draining")])
        self.assertEqual(self.command("--batch", "list", env={
            **self.alice.environment, "VIRTMUX_ASKPASS": ""}).returncode, 6)
        self.assertEqual(self.secrets_in(old["pid"]), [])
        self.assert_goes_on(follower)
        self.assertIn("running", self.good("list"))
        self.assertEqual(self.asked(), 1)
        self.assertEqual([s["state"] for s in self.sessions()], ["serving", "draining"])
        follower.kill()
        wait_for(lambda: not is_alive(old["pid"]), "it ends with what ran in it")
        self.assertEqual(len(self.sessions()), 1)
        self.assertEqual(os.listdir(self.folder).count(NAME + ".sock"), 1)

    def secrets_in(self, pid):
        """Those of its user that stand in the memory of a process."""
        if virtmux_test.is_sanitized():
            return []  # ASan's memory is of terabytes
        key = self.authority.user("alice").plain_key
        parts = list(memory_of(pid))
        self.assertGreater(sum(map(len, parts)), 1 << 20)
        return [what for what, secret in secrets_of(key).items()
                if any(secret in part for part in parts)]

    def test_a_locked_one_that_is_not_used_ends(self):
        self.good("list")
        pid = self.sessions()[0]["pid"]
        self.good("session", "lock", "all")
        wait_for(lambda: not is_alive(pid), "it ends")
        self.assert_nothing_stays()

    def test_end_ends_also_what_drains(self):
        self.good("list")
        follower = self.follow()
        self.good("session", "lock")
        self.good("list")
        self.assertEqual(len(self.sessions()), 2)
        self.assertEqual(self.good("session", "end").count("ended"), 2)
        self.assert_nothing_stays()
        self.assertIsNone(follower.poll())  # it comes back, as it does after any cut

    def other_version(self):
        """The session that serves says that it is of another one; its process."""
        pid = next(s["pid"] for s in self.sessions() if s["state"] == "serving")
        lock = self.socket + ".lock"
        text = read_file(lock)
        self.assertRegex(text, rf"^serves {pid} \S+( \S+)?\n$")
        write_file(lock, f"serves {pid} {OTHER_VERSION}\n")
        return pid

    def test_an_older_one_gives_way(self):
        self.good("list")
        follower = self.follow()
        first = self.other_version()
        for _ in range(ROUNDS):
            self.asked()
            old = self.other_version()
            self.assertEqual(self.at_once("list"), [(0, "")] * AT_ONCE)
            self.assertEqual(self.asked(), 1)
            wait_for(lambda old=old: old == first or not is_alive(old), "it ends")
            states = {s["pid"]: s["state"] for s in self.sessions()}
            self.assertEqual(states.pop(first), "draining")
            self.assertEqual(list(states.values()), ["serving"])
        self.assert_goes_on(follower)
        self.assertEqual(self.at_once("list"), [(0, "")] * AT_ONCE)
        self.assertEqual(self.asked(), 0)

    def test_the_configuration_is_changed(self):
        """A session to what was the host before serves no new command: none goes to
        another host than the file says now."""
        self.good("list")
        follower = self.follow()
        old = self.sessions()[0]["pid"]
        other = self.start_daemon()
        text = read_file(self.alice.config)
        write_file(self.alice.config, text.replace(self.daemon.address, other.address))
        self.asked()
        self.assertEqual(self.at_once("list"), [(0, "")] * AT_ONCE)
        self.assertEqual(self.asked(), 1)
        states = {s["pid"]: (s["state"], s["peer"]) for s in self.sessions()}
        self.assertEqual(states.pop(old), ("draining", self.daemon.address))
        self.assertEqual(list(states.values()), [("serving", other.address)])
        self.assertIsNone(follower.poll())
        self.good("-H", NAME + "," + NAME, "list")
        self.assertEqual(self.asked(), 0)

    def test_a_killed_one_is_replaced(self):
        for _ in range(3):
            self.good("list")
            pid = self.sessions()[0]["pid"]
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda pid=pid: not is_alive(pid), "it is dead")
            self.assertTrue(os.path.exists(self.socket))
            self.assertEqual(self.sessions(), [])
            self.assertEqual(self.command("session", "end").returncode, 3)
            self.assertEqual(self.at_once("list"), [(0, "")] * AT_ONCE)
            self.assertNotEqual(self.sessions()[0]["pid"], pid)
        self.assertEqual(self.asked(), 4)

    def test_an_ending_one_takes_no_file_of_another(self):
        self.good("list")
        old = self.sessions()[0]["pid"]
        os.unlink(self.socket)
        self.good("list")
        os.kill(old, signal.SIGTERM)
        wait_for(lambda: not is_alive(old), "the one without a file ends")
        self.good("list")
        self.assertEqual(self.asked(), 2)

    def test_one_that_is_stopped(self):
        """It answers nobody: that is said, and the command goes its own way."""
        self.make_client(self.daemon, **{"connect-timeout": "1s"})
        self.askpass = self.make_askpass(PASSPHRASE)
        self.good("list")
        pid = self.sessions()[0]["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        done = self.command("list")
        self.assertIn("running", done.stdout)
        self.assertRegex(done.stderr, "no session is used.*time-out after 1 s")


if __name__ == "__main__":
    virtmux_test.main()
