#!/usr/bin/env python3
# timeout: 300
"""The audit and the journal of keys where they cannot be written: a disk that is
full, a folder that went. What changes something is refused before it is done, reads
go on, and all is well again once there is room. The audit in systemd's journal, and
its rotation while calls run.

Runs in a mount namespace of its own, in which it may fill a small file system and put
a journal of its own in the place of systemd's; skipped where there is none.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

import virtmux_test
from virtmux_test import must_run, wait_for

JOURNAL = "/run/systemd/journal"
INSIDE = "VIRTMUX_TEST_NAMESPACE"


class Small:
    """A file system of 64 KiB at PATH, to be filled and emptied."""

    def __init__(self, path):
        self.path = path
        os.mkdir(path, 0o700)
        must_run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "none", path)
        self.filler = os.path.join(path, "filler")

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def empty(self):
        os.unlink(self.filler)

    def end(self):
        must_run("umount", "--lazy", self.path)


class AuditCase(virtmux_test.Case):
    """A daemon that drives `test`, with something of it on a small file system."""

    def small(self):
        small = Small(os.path.join(self.work, "small"))
        self.addCleanup(small.end)
        return small

    def state(self):
        return self.daemon.result("alice", "domain.info", {"domain": "test"})["state"]

    def suspend(self, key=None):
        return self.daemon.call("alice", "domain.suspend", {"domain": "test"}, key)

    def assert_refused(self, answer, word):
        """Before anything was done, and reads go on."""
        words = self.assert_error(answer, "system")
        self.assertIn("domain.suspend was not done", words)
        self.assertIn(word, words)
        self.assertNotIn(self.work, words)
        self.assertEqual(self.state(), "running")

    def lines(self, path):
        """Each of them whole."""
        text = virtmux_test.read_file(path)
        self.assertTrue(text == "" or text.endswith("}\n"), text[-200:])
        return [json.loads(line) for line in text.splitlines()]


class Audit(AuditCase):
    """Of the audit's file."""

    def test_a_full_disk(self):
        small = self.small()
        path = os.path.join(small.path, "audit.jsonl")
        self.daemon = self.start_daemon(config={"daemon": {"audit": path}})
        small.fill()
        # The last page of the file may have room for some lines yet.
        wait_for(lambda: self.fills(), "a refusal")
        self.assert_refused(self.suspend("k1"), "audit")
        self.daemon.wait_log(f"the audit cannot be written to {path}: No space left")
        small.empty()
        answer = self.suspend("k1")
        self.assertEqual(answer["result"]["state"], "paused", answer)
        self.daemon.wait_log("the audit can be written")
        outcomes = [r.get("outcome") for r in self.lines(path)
                    if r["method"] == "domain.suspend"]
        self.assertEqual(outcomes, [None, "system", None, "ok"])

    def fills(self):
        answer = self.daemon.call("alice", "domain.resume", {"domain": "test"})
        return answer["error"]["data"]["name"] == "system"

    def test_a_folder_that_went(self):
        folder = os.path.join(self.work, "log")
        path = os.path.join(folder, "audit.jsonl")
        os.mkdir(folder)
        self.daemon = self.start_daemon(config={"daemon": {"audit": path}})
        self.state()
        shutil.rmtree(folder)
        self.assert_refused(self.suspend(), "audit")
        os.mkdir(folder)
        self.assertEqual(self.suspend()["result"]["state"], "paused")
        self.daemon.wait_log("was removed: it is made anew")
        self.assertEqual([r["event"] for r in self.lines(path)
                          if r["method"] == "domain.suspend"][-2:], ["begin", "end"])

    def test_rotation_while_calls_run(self):
        """Every call stands in one of the files, its begin before its end."""
        self.daemon = self.start_daemon()
        stop = threading.Event()
        ids = []

        def call():
            while not stop.is_set():
                for method in ("domain.suspend", "domain.resume"):
                    ids.append(self.daemon.result(
                        "alice", method, {"domain": "test"})["uuid"])

        calling = threading.Thread(target=call)
        calling.start()
        files = []
        try:
            for number in range(10):
                seen = len(ids)
                wait_for(lambda seen=seen: len(ids) > seen or not calling.is_alive(),
                         "more calls")
                files.append(f"{self.daemon.audit_file}.{number}")
                os.rename(self.daemon.audit_file, files[-1])
                self.daemon.reload()
        finally:
            stop.set()
            calling.join()
        self.daemon.stop()
        records = [r for path in [*files, self.daemon.audit_file]
                   for r in self.lines(path)]
        begun = [r["call"] for r in records if r["event"] == "begin"]
        ended = [r["call"] for r in records if r["event"] == "end"]
        self.assertEqual(len(begun), len(ids))
        self.assertEqual(begun, [call for call in ended if call in set(begun)])


class Journal(AuditCase):
    """systemd's journal: datagrams in its native protocol."""

    def setUp(self):
        super().setUp()
        os.makedirs(JOURNAL, exist_ok=True)
        must_run("mount", "-t", "tmpfs", "none", JOURNAL)
        self.addCleanup(must_run, "umount", "--lazy", JOURNAL)
        self.listen()

    def listen(self):
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.journal.close)
        self.journal.bind(os.path.join(JOURNAL, "socket"))
        self.journal.settimeout(virtmux_test.TIMEOUT)

    def next(self):
        """The fields of the next message."""
        text = self.journal.recv(65536).decode()
        self.assertTrue(text.endswith("\n"))
        return dict(line.split("=", 1) for line in text.splitlines())

    def test_records(self):
        self.daemon = self.start_daemon(config={"daemon": {"audit": "journal"}})
        self.assertEqual(self.suspend()["result"]["state"], "paused")
        for event in ("begin", "end"):
            fields = self.next()
            self.assertEqual(fields["SYSLOG_IDENTIFIER"], "virtmuxd-audit")
            self.assertEqual(fields["PRIORITY"], "6")
            record = json.loads(fields["MESSAGE"])
            self.assertEqual((record["event"], record["method"], record["target"]),
                             (event, "domain.suspend", "test"))

    def test_a_journal_that_went(self):
        self.daemon = self.start_daemon(config={"daemon": {"audit": "journal"}})
        self.journal.close()
        os.unlink(os.path.join(JOURNAL, "socket"))
        self.assert_refused(self.suspend(), "audit")
        self.listen()
        self.assertEqual(self.suspend()["result"]["state"], "paused")
        outcomes = []
        while "ok" not in outcomes:
            record = json.loads(self.next()["MESSAGE"])
            if record["method"] == "domain.suspend":
                outcomes.append(record.get("outcome"))
        self.assertEqual(outcomes, [None, "system", None, "ok"])

    def test_none_at_the_start(self):
        self.journal.close()
        os.unlink(os.path.join(JOURNAL, "socket"))
        daemon = self.make_daemon(config={"daemon": {"audit": "journal"}})
        daemon.spawn()
        self.assertEqual(daemon.process.wait(virtmux_test.TIMEOUT), 1)
        daemon.notify.close()
        self.assertIn("`audit = /path/of/a/file` does without it", daemon.log())


class Keys(AuditCase):
    """Of the journal of idempotency keys."""

    def start_on(self, folder):
        self.daemon = self.start_daemon(config={"daemon": {
            "state-directory": folder}})

    def kill_and_start(self):
        self.daemon.stop(signal.SIGKILL)
        self.daemon.spawn()
        self.daemon.wait_ready()

    def test_a_full_disk(self):
        small = self.small()
        self.start_on(small.path)
        small.fill()
        keys = iter(range(1000))
        # The last page of the file may have room for some records yet.
        wait_for(lambda: self.fills(next(keys)), "a refusal")
        self.assert_refused(self.suspend("k1"), "make room")
        self.daemon.wait_log("keys.journal cannot be written: No space left")
        # Without a key nothing has to be remembered.
        self.assertEqual(self.suspend()["result"]["state"], "paused")
        self.daemon.result("alice", "domain.resume", {"domain": "test"})
        small.empty()
        self.assertEqual(self.suspend("k1")["result"]["state"], "paused")
        self.kill_and_start()
        # test:///default is new; the key is not.
        self.assertEqual(self.suspend("k1")["result"]["state"], "paused")
        self.assertEqual(self.state(), "running")

    def fills(self, number):
        answer = self.daemon.call("alice", "domain.resume", {"domain": "test"},
                                  f"f{number}")
        return answer["error"]["data"]["name"] == "system"

    def test_a_folder_that_went(self):
        folder = os.path.join(self.work, "keys")
        self.start_on(folder)
        shutil.rmtree(folder)
        self.assert_refused(self.suspend("k1"), "journal")
        os.mkdir(folder, 0o700)
        self.assertEqual(self.suspend("k1")["result"]["state"], "paused")
        self.kill_and_start()
        self.assertEqual(self.suspend("k1")["result"]["state"], "paused")
        self.assertEqual(self.state(), "running")

    def test_a_second_daemon(self):
        self.start_on(os.path.join(self.work, "keys"))
        second = self.make_daemon(config={"daemon": {
            "state-directory": os.path.join(self.work, "keys")}})
        second.spawn()
        self.assertEqual(second.process.wait(virtmux_test.TIMEOUT), 1)
        second.notify.close()
        self.assertIn(f"another virtmuxd (process {self.daemon.process.pid})",
                      second.log())

    def test_a_damaged_file(self):
        self.start_on(os.path.join(self.work, "keys"))
        self.suspend("k1")
        self.suspend("k2")
        self.daemon.stop()
        path = os.path.join(self.work, "keys", "keys.journal")
        with open(path, "r+b") as file:
            file.seek(40)
            file.write(b"?")
        self.daemon.spawn()
        self.assertEqual(self.daemon.process.wait(virtmux_test.TIMEOUT), 1)
        self.daemon.notify.close()
        self.assertRegex(self.daemon.log(), "keys.journal: it is damaged at byte 16")
        self.assertIn(f"mv {path} {path}.damaged", self.daemon.log())
        os.rename(path, path + ".damaged")
        self.daemon.spawn()
        self.daemon.wait_ready()
        self.assertEqual(self.state(), "running")

    def test_a_call_that_was_cut_by_the_end(self):
        """libvirt is stopped in the middle, and virtmuxd killed: nobody knows."""
        libvirtd = self.start_libvirtd()
        self.daemon = self.start_daemon(config={"libvirt": {"uri": libvirtd.uri}})
        wait_for(lambda: "result" in self.daemon.call("alice", "domain.list"),
                 "libvirt")
        libvirtd.process.send_signal(signal.SIGSTOP)
        self.addCleanup(libvirtd.process.send_signal, signal.SIGCONT)
        calling = threading.Thread(target=self.ignore, args=("k1",))
        calling.start()
        self.daemon.wait_audit(method="domain.suspend", event="begin")
        path = os.path.join(self.daemon.work, "state", "keys.journal")
        wait_for(lambda: os.path.getsize(path) > 16, "the record of its begin")
        self.daemon.stop(signal.SIGKILL)
        calling.join()
        libvirtd.process.send_signal(signal.SIGCONT)
        self.daemon.spawn()
        self.daemon.wait_ready()
        wait_for(lambda: "result" in self.daemon.call("alice", "domain.list"),
                 "libvirt")
        for _ in range(2):
            words = self.assert_error(self.suspend("k1"), "unknown-outcome")
            self.assertIn("domain.suspend was begun at ", words)
            self.assertRegex(words, r"Now 'test' \([0-9a-f-]{36}\) is (running|paused)")
        self.daemon.wait_audit(method="domain.suspend", outcome="unknown-outcome",
                               replayed=True)

    def ignore(self, key):
        try:
            self.suspend(key)
        except AssertionError:
            pass  # the connection ended: that is what it is for


def enter():
    """This script once more, in a mount namespace of its own."""
    words = ["unshare", "--mount"] + (["--map-root-user"] if os.getuid() else [])
    if shutil.which("unshare") is None or subprocess.run(
            [*words, "mount", "-t", "tmpfs", "none", "/mnt"],
            stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("no mount namespace can be had here")
        sys.exit(virtmux_test.SKIPPED)
    os.environ[INSIDE] = "1"
    os.execvp(words[0], [*words, sys.executable, "-B", *sys.argv])


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter()
    virtmux_test.main()
