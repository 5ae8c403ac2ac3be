#!/usr/bin/env python3
# sanitized: parameters of devices that are wrong
"""Statistics, devices and the guest agent against test:///default, whose one
domain "test" has a disk, an interface and an agent that the driver plays.
"""
import json
import os

import virtmux_test

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
MAC = "aa:bb:cc:dd:ee:ff"
XML = """<domain type='test'><name>{name}</name><memory unit='MiB'>64</memory>
  <vcpu>3</vcpu><os><type>hvm</type></os></domain>"""


class DeviceCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "web-*"},
        "oscar": {"role": "operator", "domains": "*"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def define(self, name):
        self.result("domain.define", xml=XML.format(name=name))


class Stats(DeviceCase):

    def test_all_domains_in_the_order_of_names(self):
        self.define("web-1")
        self.define("db-1")
        domains = self.result("domain.stats")["domains"]
        self.assertEqual([d["name"] for d in domains], ["db-1", "test", "web-1"])
        test, web = domains[1:]
        self.assertEqual(test["uuid"], UUID)
        self.assertEqual(test["state"], {"state": "running", "reason": "unknown"})
        self.assertEqual(test["balloon"], {"current": 2 << 30, "maximum": 8 << 30})
        self.assertEqual(test["vcpu"], {"current": 2, "vcpus": []})
        self.assertGreater(test["cpu"]["time"], 0)
        self.assertEqual(web["state"]["state"], "shut-off")
        self.assertEqual(web["vcpu"]["current"], 3)

    def test_groups_and_filters(self):
        self.define("web-1")
        for active, name in ((True, "test"), (False, "web-1")):
            domains = self.result("domain.stats", active=active,
                                  groups=["vcpu"])["domains"]
            self.assertEqual([d["name"] for d in domains], [name])
            self.assertNotIn("balloon", domains[0])
            self.assertIn("current", domains[0]["vcpu"])
        self.assertEqual(
            self.result("domain.stats", persistent=False)["domains"], [])

    def test_one_domain(self):
        for name in ("test", UUID):
            domains = self.result("domain.stats", domain=name)["domains"]
            self.assertEqual([d["name"] for d in domains], ["test"])
        self.assertIn("nobody", self.refused("not-found", "domain.stats",
                                             domain="nobody"))
        self.refused("invalid-params", "domain.stats", domain="test", active=True)
        self.daemon.wait_audit(method="domain.stats", uuid=UUID, outcome="ok")

    def test_group_that_the_driver_does_not_know(self):
        self.result("domain.stats", groups=["perf"])
        self.refused("unsupported", "domain.stats", groups=["perf"], enforce=True)

    def test_scope(self):
        self.define("web-1")
        domains = self.result("domain.stats", "olga")["domains"]
        self.assertEqual([d["name"] for d in domains], ["web-1"])
        hidden = self.refused("not-found", "domain.stats", "olga", domain="test")
        missing = self.refused("not-found", "domain.stats", "olga", domain="tesx")
        self.assertEqual(hidden.replace("test", "tesx"), missing)

    def test_verbs(self):
        self.define("web-1")
        text = self.virtmux("domstats")
        self.assertIn("Domain: 'test'\n", text)
        self.assertIn("  state.state=running\n", text)
        self.assertIn("Domain: 'web-1'\n", text)
        text = self.virtmux("domstats", "test", "--vcpu", "--balloon", "--nowait")
        self.assertEqual(text, "Domain: 'test'\n  balloon.current=2147483648\n"
                         "  balloon.maximum=8589934592\n  vcpu.current=2\n\n")
        text = self.virtmux("domstats", "--list-inactive", "--state")
        self.assertEqual(text.splitlines()[0], "Domain: 'web-1'")
        answer = json.loads(self.virtmux("domstats", "--json", "--vcpu"))
        self.assertEqual([d["name"] for d in answer["domains"]], ["test", "web-1"])
        self.assertIn("current 2147483648\n", self.virtmux("dommemstat", "test"))
        self.virtmux("domstats", "nobody", status=3)
        self.virtmux("domstats", "test", "--perf", "--enforce", status=1)
        self.assertIn("no disk 'vdz'",
                      self.virtmux("domblkinfo", "test", "vdz", status=3))
        self.virtmux("domblkstat", "test", "vdz", status=3)
        self.virtmux("domifstat", "test", "nic9", status=3)


class Devices(DeviceCase):

    def test_list(self):
        devices = self.result("device.list", domain="test")
        self.assertEqual(devices["uuid"], UUID)
        self.assertEqual(devices["disk"], [
            {"n": 0, "type": "file", "device": "disk", "target": "vda",
             "bus": "virtio", "source": "/guest/diskimage1"}])
        self.assertEqual(devices["interface"], [
            {"n": 0, "type": "network", "target": "testnet0", "source": "default",
             "mac": MAC, "link": "up"}])
        self.refused("not-found", "device.list", "olga", domain="test")

    def test_addresses(self):
        found = self.result("domain.interfaces", domain="test")["interface"]
        self.assertEqual(found, [
            {"n": 0, "name": "testnet0", "hwaddr": MAC, "addrs": [
                {"n": 0, "type": "ipv4", "addr": "192.168.122.3", "prefix": 24}]}])
        self.result("domain.interfaces", domain="test", source="agent")
        self.result("domain.destroy", domain="test")
        words = self.refused("state", "domain.interfaces", domain="test")
        self.assertIn("not running", words)

    def test_verbs(self):
        def cells(*words):
            return [line.split() for line in self.virtmux(*words).splitlines()]
        self.assertIn(["vda", "/guest/diskimage1"], cells("domblklist", "test"))
        self.assertIn(["file", "disk", "vda", "/guest/diskimage1"],
                      cells("domblklist", "test", "--details"))
        self.assertIn(["testnet0", "network", "default", "-", MAC],
                      cells("domiflist", "test"))
        self.assertIn(["testnet0", MAC, "ipv4", "192.168.122.3/24"],
                      cells("domifaddr", "test", "--source", "lease"))
        self.assertEqual(self.virtmux("domif-getlink", "test", "testnet0"),
                         "testnet0 up\n")
        self.assertEqual(self.virtmux("domif-getlink", "test", MAC.upper()),
                         MAC.upper() + " up\n")
        file = self.client(self.daemon).config
        self.assertEqual(  # virsh's --config, behind the verb, is not the global one
            self.virtmux("--config", file, "domif-getlink", "test", MAC, "--config"),
            MAC + " up\n")
        self.assertIn("domiflist",
                      self.virtmux("domif-getlink", "test", "nic9", status=3))


class Agent(DeviceCase):
    """The driver plays an agent; a real one is in test_agent.py."""

    def test_time(self):
        now = self.result("agent.time", "victor", domain="test")
        self.assertGreater(now["seconds"], 0)
        self.result("agent.set-time", "oscar", domain="test", seconds=1000,
                    nanoseconds=5)
        for params in ({}, {"seconds": 1, "sync": True},
                       {"seconds": 1, "nanoseconds": 1000000000}):
            self.refused("invalid-params", "agent.set-time", domain="test", **params)
        self.refused("denied", "agent.set-time", "victor", domain="test", seconds=1)
        self.assertGreaterEqual(
            self.result("agent.ping", domain="test")["latency"], 0)
        self.assertRegex(self.virtmux("domtime", "test"), r"^Time: \d+$")
        self.assertRegex(self.virtmux("domtime", "test", "--pretty"),
                         r"^Time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        for words in (["--now"], ["--time", "5"], ["--sync"]):
            self.virtmux("domtime", "test", *words)
        self.virtmux("domtime", "test", "--now", "--sync", status=2)

    def test_filesystems(self):
        fs = self.result("agent.fs-info", domain="test")["fs"]
        self.assertEqual(fs[0], {"n": 0, "name": "vda1", "mountpoint": "/",
                                 "fstype": "ext4", "disk": [{"n": 0, "alias": "vda"}]})
        self.assertEqual(self.virtmux("domfsinfo", "test").splitlines()[2].split(),
                         ["/", "vda1", "ext4", "vda"])
        self.assertEqual(
            self.result("agent.fs-freeze", domain="test", mountpoints=["/"])["count"], 1)
        self.assertEqual(self.result("agent.fs-thaw", domain="test")["count"], 1)
        self.assertEqual(self.virtmux("domfsfreeze", "test"),
                         "Froze 2 filesystem(s)\n")
        self.assertEqual(self.virtmux("domfsthaw", "test", "/boot"),
                         "Thawed 1 filesystem(s)\n")
        self.virtmux("domfstrim", "test", "--minimum", "4096")
        self.refused("denied", "agent.fs-freeze", "victor", domain="test")

    def test_names(self):
        self.assertEqual(self.result("agent.hostname", domain="test")["hostname"],
                         "testhost")
        self.assertEqual(self.virtmux("domhostname", "test"), "testhost\n")
        self.refused("unsupported", "agent.info", domain="test")

    def test_password_is_nowhere(self):
        secret = "a very secret word"
        file = virtmux_test.write_file(self.work + "/password", secret + "\n")
        text = self.virtmux("set-user-password", "test", "root",
                            "--password-file", file)
        self.assertEqual(text, "Password set successfully for root in test\n")
        for user, domain, name in (("oscar", "test", "denied"),
                                   ("alice", "nobody", "not-found")):
            answer = self.daemon.call(user, "agent.set-password", {
                "domain": domain, "user": "root", "password": secret})
            self.assert_error(answer, name)
        records = self.daemon.wait_audit(method="agent.set-password", event="end",
                                         outcome="ok")
        self.assertEqual(records[0]["target"], "test user=root")
        self.virtmux("set-user-password", "test", "root", "--batch", status=6)
        self.daemon.stop()
        for folder, _, files in os.walk(self.daemon.work):
            for name in files:
                path = os.path.join(folder, name)
                if not os.path.isfile(path):  # a socket
                    continue
                with open(path, "rb") as content:
                    self.assertNotIn(secret.encode(), content.read(), name)

    def test_not_running(self):
        self.result("domain.destroy", domain="test")
        for method, params in (
                ("ping", {}), ("time", {}), ("set-time", {"seconds": 1}),
                ("fs-info", {}), ("fs-freeze", {}), ("fs-thaw", {}), ("fs-trim", {}),
                ("hostname", {})):
            self.refused("state", "agent." + method, domain="test", **params)
            self.refused("not-found", "agent." + method, domain="nobody", **params)


if __name__ == "__main__":
    virtmux_test.main()
