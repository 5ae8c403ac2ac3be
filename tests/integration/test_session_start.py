#!/usr/bin/env python3
"""The session as its user meets it: the first command opens it and asks once, however
many come at the same moment, and fails as a connection of its own would.
"""
import json
import os
import signal
import socket
import subprocess

import test_session
import virtmux_test
from test_client_key import ASKPASS, Terminal
from test_session import NAME, is_alive
from virtmux_test import (PASSPHRASE, TIMEOUT, VIRTMUX, end_process, free_port, read_file,
                          run, wait_for, write_file)

SHELLS, EACH = 4, 50
AT_ONCE = 8
ROUNDS = 6


class StartCase(test_session.SessionCase):
    """Nobody opens a session; passphrases come from an askpass program that counts."""

    def setUp(self):
        super().setUp()
        self.askpass = self.make_askpass(PASSPHRASE)

    def make_askpass(self, answer):
        path = write_file(os.path.join(self.work, "askpass"),
                          ASKPASS.format(answer=answer, status=0), 0o700)
        self.alice.environment["VIRTMUX_ASKPASS"] = path
        return path

    def asked(self):
        """How often, since this was asked last."""
        try:
            with open(self.askpass + ".asked", "r+", encoding="utf-8") as file:
                times = len(file.readlines())
                file.truncate(0)
            return times
        except FileNotFoundError:
            return 0

    def end_all(self):
        """No process of the test's stays."""
        run(VIRTMUX, "session", "end", "all", env=self.alice.environment)
        for status in self.sessions():
            os.kill(status["pid"], signal.SIGKILL)

    def command(self, *words, **options):
        """virtmux with nothing but its environment, and no terminal."""
        return run(VIRTMUX, *words, start_new_session=True,
                   **{"env": self.alice.environment, **options})

    def good(self, *words):
        done = self.command(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def at_once(self, *words, times=AT_ONCE):
        """The exit statuses and errors of so many."""
        processes = [subprocess.Popen(
            [VIRTMUX, *words], env=self.alice.environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True) for _ in range(times)]
        said = [p.communicate(timeout=TIMEOUT)[1] for p in processes]
        return list(zip([p.returncode for p in processes], said))

    def openers(self):
        """Processes that are, or open, a session of this test."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    ours = self.alice.runtime.encode() in file.read()
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if ours and b"session" in words and is_alive(pid):
                found.append(int(pid))
        return found

    def assert_nothing_stays(self):
        wait_for(lambda: not self.openers(), "no process stays")
        self.assertEqual(self.sessions(), [])
        self.assertFalse(os.path.exists(self.socket))

    def follow(self):
        """An event stream that is under way: the process."""
        process = subprocess.Popen(
            [VIRTMUX, "event", "--loop", "--json"], env=self.alice.environment,
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.addCleanup(end_process, process, signal.SIGKILL)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.assertEqual(json.loads(process.stdout.readline())["type"], "begin")
        return process

    def assert_goes_on(self, follower):
        """What happens now is told by it."""
        self.good("--no-session", "suspend", "test")
        line = json.loads(follower.stdout.readline())
        self.assertIn("domain", json.dumps(line))
        self.good("--no-session", "resume", "test")
        self.asked()


class Start(StartCase):

    def test_a_script_of_200_commands_in_4_shells(self):
        """One passphrase, one handshake."""
        script = f"""
            for i in $(seq {EACH}); do
                case $((i % 3)) in
                0) "$0" list --all ;;
                1) "$0" --json dominfo test ;;
                2) "$0" -f csv list ;;
                esac || echo "failed: $i" >&2
            done"""
        shells = [subprocess.Popen(
            ["/bin/sh", "-c", script, VIRTMUX], env=self.alice.environment,
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True) for _ in range(SHELLS)]
        for shell in shells:
            out, err = shell.communicate(timeout=4 * TIMEOUT)
            self.assertEqual(err, "")
            self.assertGreaterEqual(out.count("test"), EACH)
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.handshakes(), 1)
        self.assertEqual(len(self.sessions()), 1)

    def test_first_commands_at_the_same_moment(self):
        for i in range(ROUNDS):
            said = self.at_once("list")
            self.assertEqual(said, [(0, "")] * AT_ONCE, f"round {i}")
            self.assertEqual(self.asked(), 1)
            self.assertEqual(self.handshakes(), i + 1)
            wait_for(lambda: len(self.openers()) == 1, "one process stays")
            self.good("session", "end")
        self.assert_nothing_stays()

    def test_the_process_tells_what_it_is(self):
        self.good("list")
        with open(f"/proc/{self.sessions()[0]['pid']}/cmdline", "rb") as file:
            self.assertEqual(file.read().split(b"\0")[:3],
                             [b"virtmux", b"session", b"open"])

    def test_at_the_terminal(self):
        del self.alice.environment["VIRTMUX_ASKPASS"]
        t = Terminal([VIRTMUX, "list"], self.alice.environment)
        t.expect("Passphrase for ")
        t.type("wrong\n")
        t.expect("That was wrong. Passphrase for ")
        t.type(PASSPHRASE + "\n")
        t.expect("test   running")
        self.assertEqual(t.finish(), 0)
        self.assertIn("running", self.good("--batch", "list"))
        self.assertEqual(self.handshakes(), 1)

    def test_interrupted_at_the_prompt(self):
        del self.alice.environment["VIRTMUX_ASKPASS"]
        t = Terminal([VIRTMUX, "list"], self.alice.environment)
        t.expect("Passphrase for ")
        t.type("\x03")
        self.assertIn(t.finish(), (130, -signal.SIGINT))
        self.assert_nothing_stays()

    def test_interrupted_while_another_one_asks(self):
        """Who waits for his turn can leave, and who asks does not mind."""
        del self.alice.environment["VIRTMUX_ASKPASS"]
        asking = Terminal([VIRTMUX, "list"], self.alice.environment)
        asking.expect("Passphrase for ")
        waiting = Terminal([VIRTMUX, "list"], self.alice.environment)
        wait_for(lambda: len(self.openers()) == 2, "it waits")
        waiting.type("\x03")
        self.assertIn(waiting.finish(), (130, -signal.SIGINT))
        asking.type(PASSPHRASE + "\n")
        asking.expect("test   running")
        self.assertEqual(asking.finish(), 0)

    def test_who_is_killed_leaves_his_turn_to_others(self):
        del self.alice.environment["VIRTMUX_ASKPASS"]
        t = Terminal([VIRTMUX, "list"], self.alice.environment)
        t.expect("Passphrase for ")
        for pid in self.openers():
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(t.finish(), 1)
        self.make_askpass(PASSPHRASE)
        self.assertIn("running", self.good("list"))

    def assert_same_as_direct(self, status, *words):
        """A first command fails as a connection of its own does; and what is left."""
        direct = self.command("--no-session", *words)
        self.asked()
        done = self.command(*words)
        self.assertEqual((direct.returncode, done.returncode), (status, status))
        self.assertEqual(done.stderr, direct.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assert_nothing_stays()

    def test_a_wrong_passphrase(self):
        self.askpass = self.make_askpass("wrong")
        self.assert_same_as_direct(6, "list")
        self.assertEqual(self.asked(), 3)
        said = self.at_once("list")
        self.assertEqual({status for status, _ in said}, {6}, said)
        self.assertEqual(len({words for _, words in said}), 1, said)
        self.assertLess(self.asked(), 3 * AT_ONCE)  # late ones may ask again
        self.assert_nothing_stays()
        self.askpass = self.make_askpass(PASSPHRASE)
        self.assertIn("running", self.good("list"))

    def test_nobody_to_ask(self):
        self.assert_same_as_direct(6, "--batch", "list")
        self.assertEqual(self.asked(), 0)
        del self.alice.environment["VIRTMUX_ASKPASS"]
        self.assert_same_as_direct(6, "list")

    def test_a_host_that_is_not_there(self):
        self.daemon.stop()
        self.assert_same_as_direct(5, "list")
        self.make_client(self.daemon, address=f"localhost:{free_port()}")
        self.askpass = self.make_askpass(PASSPHRASE)
        self.assert_same_as_direct(5, "list")

    def test_what_cannot_be_asked_by_that_name(self):
        self.make_client(self.daemon, **{"server-name": "another.example"})
        self.askpass = self.make_askpass(PASSPHRASE)
        self.assert_same_as_direct(6, "list")
        self.make_client(self.daemon, key="/nowhere/key")
        self.assert_same_as_direct(6, "list")

    def test_a_host_that_says_nothing(self):
        """Those that come while one tries hear of it together."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.make_client(self.daemon, **{
                "address": f"127.0.0.1:{silent.getsockname()[1]}",
                "connect-timeout": "1s"})
            self.askpass = self.make_askpass(PASSPHRASE)
            self.assert_same_as_direct(5, "list")
            self.asked()
            said = self.at_once("list")
        self.assertEqual({status for status, _ in said}, {5}, said)
        self.assertEqual(len({words for _, words in said}), 1, said)
        self.assertRegex(said[0][1], r"host 'test': .*no TLS answer came")
        self.assertEqual(self.asked(), 1)
        self.assert_nothing_stays()

    def test_those_that_open_none(self):
        for words, status in ((["--no-session", "list"], 0), (["session", "list"], 0),
                              (["doctor"], 0), (["session", "end"], 3),
                              (["session", "lock"], 3), (["session", "end", "all"], 0),
                              (["--key", self.authority.user("alice").plain_key, "list"],
                               0), (["help"], 0)):
            done = self.command(*words)
            self.assertEqual(done.returncode, status, (words, done.stderr))
            self.assertEqual(self.openers(), [], words)
        environment = {**self.alice.environment,
                       "SSLKEYLOGFILE": os.path.join(self.work, "secrets")}
        done = self.command("list", env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("CLIENT_", read_file(environment["SSLKEYLOGFILE"]))
        self.assert_nothing_stays()

    def test_many_hosts_ask_once(self):
        text = read_file(self.alice.config)
        section = text[text.index("[host test]"):]
        write_file(self.alice.config, text + section.replace("[host test]", "[host b]"))
        for _ in range(2):
            done = self.command("-H", "test,b", "list", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.asked(), 1)
        self.assertEqual([s["host"] for s in self.sessions()], ["b", NAME])
        self.assertEqual(self.handshakes(), 2)
        self.good("session", "end", "all")
        self.assert_nothing_stays()


if __name__ == "__main__":
    virtmux_test.main()
