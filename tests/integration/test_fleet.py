#!/usr/bin/env python3
# timeout: 180
# serial: it measures time
"""Twenty hosts at once: real virtmuxd, each with libvirt's test driver, of which one
hangs (it is stopped: the kernel takes connections, nobody answers) and one refuses (it
has ended, its port is closed). Directly, and through sessions that the command opens.
"""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import virtmux_test
from virtmux_test import PASSPHRASE, VIRTMUX, ini, wait_for, write_file

HOSTS = [f"kvm{n:02}" for n in range(1, 21)]
HANGS, REFUSES = "kvm07", "kvm13"
GOOD = [name for name in HOSTS if name not in (HANGS, REFUSES)]
PATIENCE = 3    # seconds of connect-timeout: what the host that hangs costs
SLACK = 5       # seconds that the machine may be late
NOISE = 0.5     # seconds of the processor that many processes take now or then


class FleetCase(virtmux_test.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemons = {}
        for name in HOSTS:
            daemon = cls.daemons[name] = virtmux_test.Daemon(
                cls.class_folder, cls.authority, cls.access, {})
            daemon.spawn()
            cls.addClassCleanup(daemon.end)
        for daemon in cls.daemons.values():
            daemon.wait_ready()
        cls.daemons[REFUSES].stop()
        hanging = cls.daemons[HANGS].process
        hanging.send_signal(signal.SIGSTOP)
        cls.addClassCleanup(hanging.send_signal, signal.SIGCONT)

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemons[GOOD[0]])
        self.asked = os.path.join(self.work, "asked")
        self.environment = {**self.alice.environment, "VIRTMUX_ASKPASS": write_file(
            os.path.join(self.work, "askpass"),
            f"#!/bin/sh\necho \"$1\" >>{self.asked}\necho \"{PASSPHRASE}\"\n", 0o700)}

    def configure(self, patience=f"{PATIENCE}s", **defaults):
        identity = self.authority.user("alice")
        sections = {"defaults": {
            "ca": identity.ca, "certificate": identity.certificate,
            "key": identity.key, "connect-timeout": patience, **defaults}}
        for name, daemon in self.daemons.items():
            sections["host " + name] = {"address": daemon.address}
        write_file(self.alice.config, ini(sections))

    def run_client(self, *words):
        """To its end: what came of it, and the seconds that it took."""
        begin = time.monotonic()
        done = virtmux_test.run(VIRTMUX, *words, env=self.environment, timeout=60)
        return done, time.monotonic() - begin

    def questions(self):
        if not os.path.exists(self.asked):
            return 0
        return len(virtmux_test.read_file(self.asked).splitlines())

    def assert_in_time(self, both, good):
        """The host that hangs costs its time-out, and no more than once."""
        self.assertGreater(both, PATIENCE)
        self.assertLess(both, 2 * good + PATIENCE + SLACK)

    def assert_all_but_two(self, done):
        """18 results in the configuration's order, and the two with their reasons."""
        self.assertEqual(done.returncode, 8, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(list(answer), HOSTS)
        for name in GOOD:
            self.assertEqual([d["name"] for d in answer[name]["domains"]], ["test"])
        self.assertIn("refused", answer[REFUSES]["error"]["message"])
        self.assertIn(f"{PATIENCE} s", answer[HANGS]["error"]["message"])
        last = json.loads(done.stderr.splitlines()[-1])["error"]
        self.assertEqual((last["code"], last["status"]), ("partial", 8))
        self.assertRegex(last["message"], rf"^2 of 20 hosts failed: {HANGS} \([a-z-]+\), "
                         rf"{REFUSES} \(connect\)$")


class Direct(FleetCase):
    def setUp(self):
        super().setUp()
        self.configure()

    def configure(self, *words, **defaults):
        key = self.authority.user("alice").plain_key
        super().configure(*words, **{"session": "no", "key": key, **defaults})

    def test_eighteen_results_and_two_names(self):
        done, good = self.run_client("-H", ",".join(GOOD), "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        done, both = self.run_client("-H", "@all", "list", "--json")
        print(f"18 hosts: {good:.2f} s; all 20: {both:.2f} s", end=" ", flush=True)
        self.assert_all_but_two(done)
        self.assert_in_time(both, good)
        self.assertEqual(self.questions(), 0)

    def test_for_people(self):
        done, _ = self.run_client("-H", "*", "list", "--all")
        self.assertEqual(done.returncode, 8)
        titles = re.findall(r"(?m)^(kvm\d\d):$", done.stdout)
        self.assertEqual(sorted(titles), GOOD)
        self.assertEqual(done.stdout.count(" test "), len(GOOD))
        lines = done.stderr.splitlines()
        self.assertEqual(sorted(line.split(": ")[1] for line in lines[:-1]),
                         [HANGS, REFUSES])
        self.assertRegex(lines[-1], rf"2 of 20 hosts failed: {HANGS} .*, {REFUSES} ")

    def test_who_is_awaited(self):
        """On a terminal: results as they come, then a line that names the one."""
        self.configure("10m")
        master, terminal = pty.openpty()
        self.addCleanup(os.close, master)
        environment = {**self.environment, "TERM": "xterm"}
        process = subprocess.Popen([VIRTMUX, "-H", "kvm0?", "list", "-f", "jsonl"],
                                   env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=terminal)
        self.addCleanup(process.stdout.close)
        self.addCleanup(virtmux_test.end_process, process, signal.SIGKILL)
        os.close(terminal)
        names = {json.loads(process.stdout.readline())["host"] for _ in range(8)}
        self.assertEqual(names, {name for name in HOSTS[:9] if name != HANGS})
        text = b""

        def awaited():
            nonlocal text
            if select.select([master], [], [], 0)[0]:
                text += os.read(master, 4096)
            return re.search(rb"1 of 9 hosts awaited \(\d+ s\): kvm07", text)
        wait_for(awaited, "the line that names the host")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(virtmux_test.TIMEOUT), 130)


class Sessions(FleetCase):
    def setUp(self):
        super().setUp()
        self.configure(persist="1m")
        self.addCleanup(self.run_client, "session", "end", "all")

    def test_one_unlocking_for_all(self):
        """What a passphrase costs (scrypt) is paid once: all of its processes together
        take less than two unlockings more than they take with a key that has none."""
        once = self.processor_seconds("-H", GOOD[0], "list")
        self.run_client("session", "end", "all")
        sealed = self.processor_seconds("-H", ",".join(GOOD), "list")
        self.run_client("session", "end", "all")
        self.assertEqual(self.questions(), 2)
        self.configure(persist="1m", key=self.authority.user("alice").plain_key)
        single = self.processor_seconds("-H", GOOD[0], "list")
        self.run_client("session", "end", "all")
        plain = self.processor_seconds("-H", ",".join(GOOD), "list")
        scrypt = once - single
        print(f"processor time: one host {once:.2f} s ({single:.2f} s without "
              f"passphrase), {len(GOOD)} hosts {sealed:.2f} s ({plain:.2f} s)", end=" ",
              flush=True)
        self.assertGreater(scrypt, 0.05)
        self.assertLess(sealed, plain + 2 * scrypt + NOISE)

    def processor_seconds(self, *words):
        """Of the command with its processes, and of the sessions that it leaves."""
        def children():
            times = os.times()
            return times.children_user + times.children_system
        begin = children()
        done, _ = self.run_client(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        seconds = children() - begin
        done, _ = self.run_client("session", "list", "--json")
        for session in json.loads(done.stdout)["sessions"]:
            with open(f"/proc/{session['pid']}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
            seconds += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        return seconds

    def test_one_question_and_one_session_each(self):
        done, good = self.run_client("-H", ",".join(GOOD), "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.questions(), 1)
        self.run_client("session", "end", "all")
        done, both = self.run_client("-H", "@all", "list", "--json")
        self.assert_all_but_two(done)
        self.assert_in_time(both, good)
        self.assertEqual(self.questions(), 2)
        done, _ = self.run_client("session", "list", "--json")
        self.assertEqual([s["host"] for s in json.loads(done.stdout)["sessions"]], GOOD)
        # again, by what is open: no question, and no handshake
        done, again = self.run_client("-H", ",".join(GOOD), "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.questions(), 2)
        for name in GOOD:
            self.assertEqual(self.daemons[name].log().count('"alice" connected'), 2)
        print(f"opening 18: {good:.2f} s; all 20: {both:.2f} s; 18 open: {again:.2f} s",
              end=" ", flush=True)


if __name__ == "__main__":
    virtmux_test.main()
