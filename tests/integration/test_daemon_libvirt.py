#!/usr/bin/env python3
# timeout: 300
"""A private libvirtd that is killed and started again under a running virtmuxd:
calls fail with a clear error meanwhile and work again within 2 s, without a
restart; a connection is none the worse for it.
"""
import signal
import threading
import time

import virtmux_test
from virtmux_test import wait_for

AGAIN = 2.0  # seconds in which calls must work again


class Restart(virtmux_test.Case):
    """SIGKILL and SIGTERM of libvirtd."""

    def setUp(self):
        super().setUp()
        self.libvirtd = self.start_libvirtd()
        self.daemon = self.start_daemon(config={"libvirt": {
            "uri": self.libvirtd.uri}})

    def works(self):
        answer = self.daemon.call("alice", "domain.list")
        if "result" in answer:
            return answer["result"]["domains"][0]["name"] == "test"
        self.assert_error(answer, "unavailable")
        return False

    def restart(self, how):
        wait_for(self.works, "a first answer")
        self.libvirtd.stop(how)

        def fails():
            answer = self.daemon.call("alice", "domain.list")
            return answer if "error" in answer else None

        answer = wait_for(fails, "an error without libvirtd")
        words = self.assert_error(answer, "unavailable")
        self.assertTrue(answer["error"]["data"]["retry"])
        self.assertNotIn(self.libvirtd.folder, words)
        self.assertEqual(
            self.daemon.result("alice", "session.whoami")["role"], "admin")
        self.assertEqual(self.daemon.curl(
            "alice", "/domains/test/screenshot").status, 503)
        self.libvirtd.start()
        begin = time.monotonic()
        wait_for(self.works, "an answer of the new libvirtd", AGAIN)
        return time.monotonic() - begin

    def test_killed(self):
        for _ in range(3):
            took = self.restart(signal.SIGKILL)
            print(f"works again after {took * 1000:.0f} ms", end=" ... ", flush=True)

    def test_ended(self):
        self.restart(signal.SIGTERM)

    def test_calls_in_flight_are_all_answered(self):
        """Whatever the moment, each call gets a result or a clear error."""
        wait_for(self.works, "a first answer")
        stop = threading.Event()
        answers = []

        def ask():
            while not stop.is_set():
                answers.extend(self.daemon.node("alice", """
                    return Promise.all([...Array(50)].map(
                        () => call("domain.info", {domain: "test"})));
                """))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for _ in range(3):
                seen = len(answers)
                wait_for(lambda seen=seen: len(answers) > seen, "more answers")
                self.libvirtd.stop()
                self.libvirtd.start()
        finally:
            stop.set()
            asking.join()
        for answer in answers:
            if "error" in answer:
                self.assert_error(answer, "unavailable")
        wait_for(self.works, "an answer of the last libvirtd", AGAIN)


if __name__ == "__main__":
    virtmux_test.main()
