#!/usr/bin/env python3
"""--timeout: the bound of a whole command, whatever it waits for, with an error that says
what that was, and status 7, or 9 where a change may have been made. All other limits are
ten minutes here, so that nothing else can end a command.
"""
import json
import os
import signal
import socket
import subprocess
import time

import connect_faults
import test_session
import virtmux_test
from connect_faults import Peer, silent, stays
from virtmux_test import PASSPHRASE, VIRTMUX, wait_for, write_file

LIMIT = 0.7      # seconds, of --timeout
WORDS = f"--timeout={int(LIMIT * 1000)}ms"
LONG = {"timeout": "10m", "connect-timeout": "10m", "reconnect": "10m"}
CANNOT_CONNECT, TIMED_OUT, UNKNOWN = 5, 7, 9
OVER = "the whole command's --timeout of 700 ms is over"


class TimeoutCase(connect_faults.ConnectCase):
    def assert_late(self, done, status, *words):
        self.assertEqual(done.returncode, status, (done.stdout, done.stderr))
        error = json.loads(done.stderr.splitlines()[-1])["error"]
        self.assertEqual(error["status"], status)
        for word in (*words, OVER):
            self.assertIn(word, error["message"])

    def timed(self, client, *words, **options):
        """What it said; it may not end before its time."""
        begin = time.monotonic()
        done = client.run(WORDS, "--json", *words, **options)
        self.assertGreaterEqual(time.monotonic() - begin, LIMIT)
        return done


class Connecting(TimeoutCase):
    """A host that is silent at each step of the way to it."""

    def reach(self, address, words=("list",)):
        begin = time.monotonic()
        done = self.run_client([WORDS, "--json", *words], address, **LONG)
        self.assertGreaterEqual(time.monotonic() - begin, LIMIT)
        return done

    def full(self):
        """An address that takes no more connections, and refuses none."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(listener.close)
        for _ in range(4):
            taken = socket.socket()
            taken.setblocking(False)
            taken.connect_ex(listener.getsockname())
            self.addCleanup(taken.close)
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def test_no_answer_at_all(self):
        address = self.full()
        self.assert_late(self.reach(address), TIMED_OUT, f"no answer from {address}")

    def test_no_tls(self):
        self.assert_late(self.reach(Peer(self, silent).address), TIMED_OUT,
                         "took the connection, and is silent")

    def test_no_first_frame(self):
        self.assert_late(self.reach(Peer(self, stays(self.tls())).address), TIMED_OUT,
                         "took the connection, and is silent")

    def test_a_change_that_was_not_sent_did_not_take_place(self):
        done = self.reach(Peer(self, silent).address, ("start", "web"))
        self.assert_late(done, TIMED_OUT)


class Answering(TimeoutCase):
    """A host that is there, and whose libvirt stands still."""

    def setUp(self):
        super().setUp()
        self.libvirtd = self.start_libvirtd()
        self.daemon = self.start_daemon(config={"libvirt": {"uri": self.libvirtd.uri}})
        self.alice = self.client(self.daemon, key=self.authority.user("alice").plain_key,
                                 **LONG)
        self.good("list")

    def good(self, *words):
        done = self.alice.run(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def stop(self, process):
        """It does nothing any more, until the test is over."""
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(process.send_signal, signal.SIGCONT)

    def test_a_call(self):
        self.stop(self.libvirtd.process)
        self.assert_late(self.timed(self.alice, "dominfo", "test"), TIMED_OUT,
                         "domain.info: the host has not answered")

    def test_a_change(self):
        self.stop(self.libvirtd.process)
        self.assert_late(self.timed(self.alice, "suspend", "test"), UNKNOWN,
                         "whether domain.suspend took place is not known",
                         "look before it is done again")

    def test_a_job(self):
        self.stop(self.libvirtd.process)
        path = os.path.join(self.work, "image")
        done = self.timed(self.alice, "save", "test", path)
        job = json.loads(self.good("job", "list", "--json"))["jobs"][0]["id"]
        self.assert_late(done, UNKNOWN, f"job {job} goes on on the host",
                         f'"virtmux job wait {job}"')
        self.assert_late(self.timed(self.alice, "job", "wait", job), TIMED_OUT,
                         f"job {job} goes on on the host")

    def test_each_line_of_a_shell(self):
        """A shell ends with its input; --timeout is of each line."""
        self.stop(self.libvirtd.process)
        begin = time.monotonic()
        done = self.alice.run(WORDS, "shell", input="dominfo test\n" * 2)
        self.assertGreaterEqual(time.monotonic() - begin, 2 * LIMIT)
        self.assertEqual((done.returncode, done.stderr.count(OVER)), (TIMED_OUT, 2), done.stderr)

    def test_waiting_for_a_guest(self):
        done = self.timed(self.alice, "reboot", "test", "--wait")
        self.assert_late(done, TIMED_OUT, "was asked to reboot", "it may still do it")

    def test_events(self):
        done = self.timed(self.alice, "event", "--event", "watchdog", "--loop")
        self.assertEqual(done.returncode, TIMED_OUT, done.stderr)
        self.assertIn("no event came", done.stderr)

    def test_an_upload(self):
        """Its bytes do not leave: the host reads none."""
        pool = os.path.join(self.work, "pool")
        os.mkdir(pool, mode=0o777)
        file = write_file(os.path.join(self.work, "disk"), "")
        os.truncate(file, 1 << 30)  # more than can arrive before the stop
        self.good("pool-create-as", "p", "dir", "--target", pool)
        self.good("vol-create-as", "p", "v", "1G")
        process = self.alice.spawn(
            "--json", "--timeout=3s", "vol-upload", "v", file, "--pool", "p",
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.daemon.wait_audit(method="volume.upload")
        self.stop(self.daemon.process)
        self.stop(self.libvirtd.process)
        said = process.communicate(timeout=virtmux_test.TIMEOUT)[1]
        self.assertEqual(process.returncode, TIMED_OUT, said)

    def test_a_standard_input_that_nobody_closes(self):
        ends = os.pipe()
        self.addCleanup(os.close, ends[0])
        self.addCleanup(os.close, ends[1])
        done = self.timed(self.alice, "define", "-", stdin=ends[0])
        self.assert_late(done, TIMED_OUT, "waits for something of this machine")

    def test_one_of_several_hosts(self):
        config = virtmux_test.read_file(self.alice.config)
        peer = Peer(self, silent).address
        here = config[config.index("[host test]"):]
        write_file(self.alice.config, config + here.replace("[host test]", "[host far]")
                   .replace(self.daemon.address, peer))
        done = self.timed(self.alice, "-H", "test,far", "list")
        self.assertEqual(done.returncode, 8, done.stderr)
        hosts = json.loads(done.stdout)
        self.assertEqual([d["name"] for d in hosts["test"]["domains"]], ["test"])
        self.assertEqual(hosts["far"]["error"]["code"], "timed-out")
        self.assertIn(OVER, hosts["far"]["error"]["message"])


class Session(test_session.SessionCase):
    """The session is on the way to the host as well, and its opening is bounded."""
    assert_late = TimeoutCase.assert_late
    timed = TimeoutCase.timed

    def make_client(self, daemon, **options):
        super().make_client(daemon, **{**LONG, **options})

    def test_typing_does_not_count(self):
        """The askpass program sleeps longer than --timeout, as somebody who is called away."""
        askpass = write_file(os.path.join(self.work, "askpass"),
                             f'#!/bin/sh\nsleep 9\necho "{PASSPHRASE}"\n', 0o700)
        for session in "yes", "no":
            with self.subTest(session=session):
                config = virtmux_test.read_file(self.alice.config)
                write_file(self.alice.config,
                           config.replace("session = yes", "session = " + session))
                done = virtmux_test.run(
                    VIRTMUX, "--timeout=8s", "list", start_new_session=True,
                    env={**self.alice.environment, "VIRTMUX_ASKPASS": askpass})
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_opening(self):
        """To a host that is silent; no process goes on."""
        peer = Peer(self, silent).address
        config = virtmux_test.read_file(self.alice.config)
        write_file(self.alice.config, config.replace(self.daemon.address, peer))
        # The key is opened within that time, on a busy machine too.
        done = self.alice.run("--timeout=5s", "--json", "list")
        self.assertEqual(done.returncode, TIMED_OUT, done.stderr)
        self.assertIn(f"cannot connect to {peer}", json.loads(done.stderr)["error"]["message"])
        self.assertEqual(self.sessions(), [])
        self.assertEqual(test_session.connections(int(peer.split(":")[1])), [])

    def test_a_session_that_stands_still(self):
        pid = self.open()["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        self.assert_late(self.timed(self.alice, "start", "test"), TIMED_OUT,
                         "the session to host 'test' does not answer")
        os.kill(pid, signal.SIGCONT)

    def test_a_host_that_has_gone(self):
        """Its session waits for it, and knows that it has passed on nothing."""
        self.open()
        self.daemon.stop(signal.SIGKILL)
        wait_for(lambda: self.sessions()[0]["state"] == "away", "it is away")
        for words in ("list",), ("suspend", "test"):
            done = self.timed(self.alice, *words)
            self.assertEqual(done.returncode, CANNOT_CONNECT, done.stderr)
            self.assertIn("nothing was done", done.stderr)


if __name__ == "__main__":
    virtmux_test.main()
