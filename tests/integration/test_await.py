#!/usr/bin/env python3
"""--wait of shutdown, stop and reboot: until the domain is off, or exit status 7."""
import json
import subprocess
import time

import virtmux_test

PAUSE = 500  # milliseconds that a wait in vain may take


class Await(virtmux_test.Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def client(self, daemon, user="alice", **options):
        """Whose key opens at once."""
        return super().client(daemon, user, key=self.authority.user(user).plain_key, **options)

    def state(self):
        return self.result("domain.info", domain="test")["state"]

    def test_shutdown(self):
        self.assertEqual(self.virtmux("shutdown", "test", "--wait"),
                         "Domain 'test' has shut down\n")
        self.assertEqual(self.state(), "shut-off")

    def test_stop(self):
        told = json.loads(self.virtmux("stop", "test", "--wait", "--json"))
        self.assertEqual((told["name"], self.state()), ("test", "shut-off"))

    def test_it_does_not_reboot_in_time(self):
        """libvirt's test driver tells of no reboot."""
        begin = time.monotonic()
        words = self.virtmux("reboot", "test", "--wait", "--timeout", f"{PAUSE}ms", "--json",
                             status=7)
        self.assertGreaterEqual(time.monotonic() - begin, PAUSE / 1000)
        error = json.loads(words)["error"]
        self.assertEqual((error["code"], error["status"]), ("timed-out", 7))
        self.assertIn("it may still do it", error["message"])

    def test_it_ends_instead_of_rebooting(self):
        process = self.client(self.daemon).spawn(
            "reboot", "test", "--wait", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.daemon.wait_audit(method="domain.reboot")
        self.result("domain.destroy", domain="test")
        out, err = process.communicate(timeout=virtmux_test.TIMEOUT)
        self.assertEqual((process.returncode, out), (1, ""))
        self.assertIn("is off: it has not started anew", err)

    def test_an_unknown_domain(self):
        self.virtmux("shutdown", "nobody", "--wait", status=3)

    def test_a_domain_that_is_off(self):
        self.result("domain.destroy", domain="test")
        self.virtmux("shutdown", "test", "--wait", status=1)


if __name__ == "__main__":
    virtmux_test.main()
