#!/usr/bin/env python3
# timeout: 400
"""A real qemu-guest-agent in a real small guest under qemu:///embed: what it tells,
what it does, and what is said where there is none, or none that answers.
"""
import os
import re
import subprocess
import time
import unittest

import virtmux_test
from virtmux_test import GUEST, guest_xml, must_run, wait_for, write_file

CHANNEL = ("<channel type='unix'><target type='virtio' "
           "name='org.qemu.guest_agent.0'/></channel>")
READS = ("ping", "time", "info", "fs-info")


class Agent(virtmux_test.Case):
    """web-1 has an agent, mute-1 a channel and no system, bare-1 neither."""

    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "bare-*"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        qemu = virtmux_test.EmbeddedQemu(cls.class_folder)
        cls.addClassCleanup(qemu.end)
        xml = guest_xml("NAME")
        try:
            kernel, initrd = must_run(os.path.join(GUEST, "build-agent"),
                                      timeout=120).split()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise unittest.SkipTest(f"no guest with an agent: {error}")
        cls.daemon = cls.start_class_daemon(libvirt={"uri": qemu.uri})
        with_agent = re.sub(r"<kernel>.*</initrd>", f"<kernel>{kernel}</kernel>"
                            f"<initrd>{initrd}</initrd>", xml, flags=re.DOTALL)
        with_channel = with_agent.replace("<serial ", CHANNEL + "<serial ", 1)
        bare = re.sub(r"<kernel>.*</cmdline>", "", xml, flags=re.DOTALL)
        cls.begin("web-1", with_channel)
        cls.begin("mute-1", bare.replace("<serial ", CHANNEL + "<serial ", 1))
        cls.begin("bare-1", bare)
        wait_for(lambda: "result" in cls.daemon.call(
            "alice", "agent.ping", {"domain": "web-1"}), "the agent", 120)

    @classmethod
    def begin(cls, name, xml):
        cls.daemon.result("alice", "domain.define", {"xml": xml.replace(
            "<name>NAME<", f"<name>{name}<")})
        cls.daemon.result("alice", "domain.start", {"domain": name})

    def result(self, method, **params):
        return self.daemon.result("alice", method, {"domain": "web-1", **params})

    def test_ping(self):
        self.assertGreater(self.result("agent.ping")["latency"], 0)
        self.assertEqual(self.virtmux("guest-agent-ping", "web-1"),
                         "The guest agent of 'web-1' answers\n")

    def test_info(self):
        info = self.result("agent.info")
        self.assertEqual(info["hostname"], "virtmux-guest")
        self.assertEqual(info["os"]["machine"], "x86_64")
        self.assertRegex(info["os"]["kernel_release"], r"^\d+\.\d+")
        self.assertEqual(info["timezone"]["offset"], 0)
        self.assertEqual([i["name"] for i in info["interface"]], ["lo"])
        only = self.result("agent.info", groups=["hostname"])
        self.assertEqual(only["hostname"], "virtmux-guest")
        self.assertNotIn("os", only)
        self.assertEqual(self.virtmux("domhostname", "web-1"), "virtmux-guest\n")
        self.assertIn("virtmux-guest", self.virtmux("guestinfo", "web-1", "--hostname"))
        self.assertEqual(self.result("agent.hostname", source="agent")["hostname"],
                         "virtmux-guest")

    def test_addresses_by_the_agent(self):
        found = self.result("domain.interfaces", source="agent")["interface"]
        self.assertEqual([i["name"] for i in found], ["lo"])

    def test_clock(self):
        self.result("agent.set-time", seconds=1000000000)
        self.assertLess(self.result("agent.time")["seconds"] - 1000000000, 60)
        self.virtmux("domtime", "web-1", "--now")
        self.assertLess(abs(self.result("agent.time")["seconds"] - time.time()), 60)
        self.assertRegex(self.virtmux("domtime", "web-1", "--pretty"),
                         r"^Time: 20\d\d-")

    def test_file_systems(self):
        """The guest has none that could be frozen: it lives in memory."""
        self.assertEqual(self.result("agent.fs-info")["fs"], [])
        self.assertEqual(self.result("agent.fs-freeze")["count"], 0)
        self.assertEqual(self.result("agent.fs-thaw")["count"], 0)

    def test_password(self):
        file = write_file(os.path.join(self.work, "password"), "new-Word7\n")
        self.virtmux("set-user-password", "web-1", "root", "--password-file", file)
        self.assert_error(self.daemon.call("alice", "agent.set-password", {
            "domain": "web-1", "user": "nobody-here", "password": "x"}), "failed")
        self.assertNotIn("new-Word7", self.daemon.log())

    def test_programs(self):
        self.assertEqual(self.virtmux("guest-exec", "web-1", "/bin/echo", "--", "-n", "a b",
                                      "c\td"), "a b c\td")
        long = self.virtmux("guest-exec", "web-1", "/bin/sh", "--", "-c", "seq 1 20000")
        self.assertEqual(long.split(), [str(n) for n in range(1, 20001)])
        said = self.virtmux("guest-exec", "web-1", "/bin/sh", "--", "-c",
                            "echo out; echo err >&2; exit 3", status=1)
        self.assertIn("err\n", said)
        self.assertIn("/bin/sh in the guest 'web-1' ended with status 3", said)
        answer = self.result("agent.exec", program="/bin/sh", arguments=["-c", "kill -9 $$"])
        self.assertEqual(answer["signal"], 9)
        self.assertNotIn("status", answer)

    def test_a_program_that_does_not_end(self):
        begin = time.monotonic()
        words = self.assert_error(self.daemon.call("alice", "agent.exec", {
            "domain": "web-1", "program": "/bin/sleep", "arguments": ["1000"], "timeout": 1}),
            "timed-out")
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        process = re.search(r"runs on as process (\d+) in the guest 'web-1'", words).group(1)
        self.result("agent.exec", program="/bin/kill", arguments=[process])

    def test_programs_that_cannot_be_run(self):
        self.assert_error(self.daemon.call("alice", "agent.exec", {
            "domain": "web-1", "program": "/no/such"}), "failed")
        for domain, code in (("bare-1", "unsupported"), ("mute-1", "timed-out"),
                             ("web-9", "not-found")):
            self.assert_error(self.daemon.call("alice", "agent.exec", {
                "domain": domain, "program": "/bin/true"}), code)
        self.assert_error(self.daemon.call("olga", "agent.exec", {
            "domain": "bare-1", "program": "/bin/true"}), "denied")

    def test_no_channel(self):
        for method in READS:
            words = self.assert_error(self.daemon.call(
                "alice", "agent." + method, {"domain": "bare-1"}), "unsupported")
            self.assertIn("add one to its definition", words)

    def test_no_agent(self):
        for method in READS:
            words = self.assert_error(self.daemon.call(
                "alice", "agent." + method, {"domain": "mute-1"}), "timed-out")
            self.assertIn("qemu-guest-agent", words)

    def test_scope_and_role(self):
        for method in READS:
            self.assert_error(self.daemon.call(
                "olga", "agent." + method, {"domain": "web-1"}), "not-found")
        for method, params in (("fs-freeze", {}), ("set-time", {"seconds": 1}),
                               ("set-password", {"user": "root", "password": "x"})):
            self.assert_error(self.daemon.call(
                "victor", "agent." + method, {"domain": "web-1", **params}), "denied")


if __name__ == "__main__":
    virtmux_test.main()
