#!/usr/bin/env python3
# timeout: 300
"""What libvirt's test driver cannot do, with a QEMU that boots nothing under
qemu:///embed: renaming, a managed save with its job, libvirt's figures of it, a
clone that starts beside its original, and refusals of a real driver.
"""
import os

import virtmux_test
from virtmux_test import write_file

UUID = "7d1f4f0c-2a55-4d1e-9d3a-6a1f8f5f2f11"
XML = """<domain type='qemu'><name>{name}</name>{uuid}<memory unit='MiB'>64</memory>
<currentMemory unit='MiB'>48</currentMemory><vcpu current='1'>2</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<pm><suspend-to-mem enabled='yes'/></pm>
<devices>{disks}<graphics type='vnc' port='5999'><listen type='none'/></graphics>
<interface type='user'><mac address='52:54:00:11:22:33'/></interface>
<memballoon model='virtio'/></devices></domain>"""
DISKS = """<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='{folder}/a.img'/><target dev='vda'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"""


class QemuCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "amy": {"role": "admin", "domains": "web-*"},
        "olga": {"role": "operator", "domains": "*"},
    }

    def setUp(self):
        super().setUp()
        qemu = virtmux_test.EmbeddedQemu(self.work)
        self.addCleanup(qemu.end)
        self.daemon = self.start_daemon(config={"libvirt": {"uri": qemu.uri}})

    def define(self, name="web-1", disks=""):
        self.result("domain.define", xml=XML.format(
            name=name, uuid=f"<uuid>{UUID}</uuid>", disks=disks))

    def state(self, domain=UUID):
        return self.result("domain.info", domain=domain)["state"]


class Definitions(QemuCase):

    def test_rename(self):
        self.define()
        self.assertEqual(self.result("domain.rename", domain="web-1", name="web-2"),
                         {"uuid": UUID, "name": "web-2", "state": "shut-off"})
        self.refused("not-found", "domain.info", domain="web-1")
        self.virtmux("domrename", "web-2", "web-3")
        self.assertEqual(self.result("domain.info", domain=UUID)["name"], "web-3")
        # rights follow the name
        self.refused("denied", "domain.rename", "amy", domain="web-3", name="db-1")
        self.refused("denied", "domain.rename", "olga", domain="web-3", name="web-4")
        self.result("domain.define", xml=XML.format(name="web-1", uuid="", disks=""))
        words = self.refused("exists", "domain.rename", domain="web-3", name="web-1")
        self.assertIn("'web-3'", words)
        self.result("domain.start", domain="web-3", paused=True)
        words = self.refused("state", "domain.rename", domain="web-3", name="web-4")
        self.assertIn("shut it down", words)

    def test_clone_starts_beside_its_original(self):
        for name in ("a.img", "b.img"):
            write_file(os.path.join(self.work, name), "\0" * 512)
        self.define(disks=DISKS.format(folder=self.work))
        self.result("domain.start", domain="web-1", paused=True)
        clone = self.result("domain.clone", domain="web-1", name="web-2", disks=[
            {"target": "vda", "path": os.path.join(self.work, "b.img")}])
        xml = self.result("domain.xml", domain="web-2")["xml"]
        self.assertNotIn("52:54:00:11:22:33", xml)
        self.assertNotIn("5999", xml)
        self.assertIn("device='cdrom'", xml)
        self.assertIn("/b.img", xml)
        self.result("domain.start", domain="web-2", paused=True)
        self.assertEqual(self.state(clone["uuid"]), "paused")
        self.assertEqual(self.state(), "paused")


class Running(QemuCase):

    def setUp(self):
        super().setUp()
        self.define()
        self.result("domain.start", domain="web-1")

    def test_managed_save_and_its_job(self):
        none = self.result("domain.job-info", domain="web-1")
        self.assertEqual((none["type"], none["operation"]), ("none", "unknown"))
        self.assertIn("no job", self.refused("state", "domain.job-abort", domain="web-1"))
        self.assertEqual(self.result("domain.control-info", domain="web-1")["state"], "ok")
        self.result("domain.managed-save", "olga", domain="web-1", paused=True)
        self.assertEqual(self.state(), "shut-off")
        self.assertTrue(self.result("domain.info", domain="web-1")["managed_save"])
        self.result("domain.start", domain="web-1")
        self.assertEqual(self.state(), "paused")
        self.result("domain.resume", domain="web-1")

    def test_save_restore_and_the_last_job(self):
        path = os.path.join(self.work, "saved")
        self.virtmux("save", "web-1", path)
        self.assertEqual(self.state(), "shut-off")
        self.assertIn("restored", self.virtmux("restore", path, "--paused"))
        self.assertEqual(self.state(), "paused")
        self.refused("denied", "domain.restore", "olga", path=path)
        job = self.result("domain.job-info", domain="web-1", completed=True)
        self.assertEqual((job["type"], job["operation"]), ("completed", "save"))
        self.assertGreater(job["elapsed"], 0)
        shown = self.virtmux("domjobinfo", "web-1", "--completed")
        self.assertRegex(shown, r"Job type: +completed\nOperation: +save\nTime elapsed: ")
        dump = os.path.join(self.work, "core")
        self.result("domain.dump", domain="web-1", path=dump, memory_only=True)
        with open(dump, "rb") as file:
            self.assertEqual(file.read(4), b"\x7fELF")

    def test_sizes(self):
        self.result("domain.set-vcpus", "olga", domain="web-1", count=2)
        self.assertEqual(self.result("domain.info", domain="web-1")["vcpus"], 2)
        for method, params in (("set-vcpus", {"count": 3}),
                               ("set-memory", {"memory": 1 << 30})):
            words = self.refused("invalid-params", "domain." + method, domain="web-1",
                                 **params)
            self.assertIn("more than its maximum", words)
        self.assertIn("config", self.refused(
            "state", "domain.set-max-memory", domain="web-1", memory=1 << 30))
        self.result("domain.set-max-memory", domain="web-1", memory=1 << 30, config=True)
        self.assertIn("agent", self.refused(
            "unsupported", "domain.set-vcpus", domain="web-1", count=1, guest=True))

    def test_guest(self):
        for method in ("reset", "inject-nmi"):
            self.result("domain." + method, "olga", domain="web-1")
        self.result("domain.send-key", domain="web-1",
                    keys=["KEY_LEFTCTRL", "KEY_LEFTALT", "KEY_DELETE"])
        words = self.refused("unsupported", "domain.pm-suspend", domain="web-1",
                             target="mem")
        self.assertIn("web-1", words)
        self.assertEqual(self.state(), "running")

    def test_metadata_of_both(self):
        uri = "http://example.org/ns"
        self.result("domain.set-metadata", domain="web-1", uri=uri, key="ex",
                    xml="<a/>", live=True, config=True)
        for where in ("live", "config"):
            self.assertEqual(self.result("domain.metadata", domain="web-1", uri=uri,
                                         **{where: True})["xml"], "<a/>")
        self.result("domain.remove-metadata", domain="web-1", uri=uri, live=True)
        self.refused("not-found", "domain.metadata", domain="web-1", uri=uri)


if __name__ == "__main__":
    virtmux_test.main()
