#!/usr/bin/env python3
# timeout: 400
"""Devices and disks' jobs of a real QEMU under a private libvirtd of an ordinary
user. The domain web-1 is paused before its first instruction: it locks no tray.
"""
import json
import os
import re
import subprocess

import virtmux_test
from virtmux_test import must_run, need, wait_for, write_file

MAC = "52:54:00:00:00:01"
XML = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='{disks}/{name}.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
      <target dev='hda' bus='ide'/><readonly/></disk>
    <disk type='file' device='floppy'><driver name='qemu' type='raw'/>
      <target dev='fda'/></disk>
    <interface type='user'><mac address='{mac}'/><model type='virtio'/>
      <alias name='ua-nic'/></interface>
    <controller type='usb' model='piix3-uhci'/>
    <memballoon model='virtio'/>
  </devices>
</domain>"""
POOL = """<pool type='dir'><name>media</name>
  <target><path>{path}</path></target></pool>"""


class QemuCase(virtmux_test.Case):
    """One libvirtd and one virtmuxd for the class."""

    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "web-*"},
        "oscar": {"role": "operator", "domains": "*"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    @classmethod
    def setUpClass(cls):
        need("qemu-system-x86_64", "qemu-img", "virsh", "libvirtd")
        super().setUpClass()
        cls.libvirtd = virtmux_test.Libvirtd(cls.class_folder)
        cls.addClassCleanup(cls.libvirtd.end)
        cls.disks = os.path.join(cls.libvirtd.folder, "disks")
        os.mkdir(cls.disks)
        cls.make_volumes()
        for name in ("web-1", "db-1"):
            cls.make_disk(name)
        cls.libvirtd.own(cls.disks)
        cls.libvirtd.start()
        cls.daemon = cls.start_class_daemon(libvirt={"uri": cls.libvirtd.qemu_uri})
        pool = write_file(os.path.join(cls.class_folder, "pool.xml"),
                          POOL.format(path=cls.disks))
        cls.libvirtd.virsh("pool-create", pool)
        for name in ("web-1", "db-1"):
            cls.daemon.result("alice", "domain.define", {"xml": XML.format(
                name=name, disks=cls.disks, mac=MAC)})
        cls.daemon.result("alice", "domain.start",
                          {"domain": "web-1", "paused": True})

    @classmethod
    def make_disk(cls, name):
        """NAME.qcow2 over a raw image of 8 MiB that is full."""
        base = os.path.join(cls.disks, name + ".raw")
        with open(base, "wb") as file:
            file.write(os.urandom(8 << 20))
        must_run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base,
                 os.path.join(cls.disks, name + ".qcow2"))

    @classmethod
    def make_volumes(cls):
        """Two ISO images, as their first descriptor tells, and two others."""
        for name in ("one.iso", "two.iso", "db-seed.iso"):
            with open(os.path.join(cls.disks, name), "wb") as file:
                file.write(bytes(0x8000) + b"\1CD001\1" + bytes(0x9000))
        for name, size in (("floppy.img", 1474560), ("large.img", 8 << 20)):
            with open(os.path.join(cls.disks, name), "wb") as file:
                file.truncate(size)

    def result(self, method, user="alice", **params):
        params.setdefault("domain", "web-1")
        return self.daemon.result(user, method, params)

    def refused(self, name, method, user="alice", **params):
        params.setdefault("domain", "web-1")
        return self.assert_error(self.daemon.call(user, method, params), name)

    def xml(self, *words):
        return self.libvirtd.virsh("dumpxml", "web-1", *words)

    def disk(self, target, **params):
        for disk in self.result("device.list", **params)["disk"]:
            if disk["target"] == target:
                return disk
        raise AssertionError(target)

    def medium(self, target, **params):
        """The name of the file in a drive, or None."""
        source = self.disk(target, **params).get("source")
        return os.path.basename(source) if source else None


class Media(QemuCase):

    def tearDown(self):
        for target in ("hda", "fda"):
            for params in ({"live": True}, {"config": True}):
                answer = self.daemon.call("alice", "device.change-media", {
                    "domain": "web-1", "path": target, "action": "eject", **params})
                if "error" in answer:
                    self.assertIn("is empty", self.assert_error(answer, "state"))
        super().tearDown()

    def change(self, action, volume=None, user="olga", path="hda", **params):
        if volume:
            params.update(pool="media", volume=volume)
        return self.result("device.change-media", user, path=path, action=action,
                           **params)

    def test_insert_update_eject(self):
        answer = self.change("insert", "one.iso")
        self.assertEqual(answer["name"], "web-1")
        self.assertEqual(self.medium("hda"), "one.iso")
        self.assertIsNone(self.medium("hda", inactive=True))
        self.assertIn("has a medium", self.refused(
            "state", "device.change-media", path="hda", action="insert", pool="media",
            volume="two.iso"))
        self.change("update", "two.iso", persistent=True)
        self.assertEqual(self.medium("hda"), "two.iso")
        self.assertEqual(self.medium("hda", inactive=True), "two.iso")
        self.change("eject", live=True, config=True)
        self.assertIsNone(self.medium("hda"))
        self.assertIsNone(self.medium("hda", inactive=True))
        self.assertIn("is empty", self.refused(
            "state", "device.change-media", path="hda", action="eject"))

    def test_floppy(self):
        self.change("insert", "floppy.img", path="fda")
        self.assertEqual(self.medium("fda"), "floppy.img")
        self.change("eject", path="fda")
        for volume in ("large.img", "db-1.qcow2", "db-1.raw"):
            self.refused("not-found", "device.change-media", "oscar", path="fda",
                         action="insert", pool="media", volume=volume)

    def test_operator_takes_media_alone(self):
        """What is no medium, or another's, is as if it did not exist."""
        self.daemon.result("alice", "device.change-media", {
            "domain": "db-1", "path": "hda", "action": "insert", "pool": "media",
            "volume": "db-seed.iso"})
        words = {self.refused(
            "not-found", "device.change-media", "olga", path="hda", action="insert",
            pool="media", volume=volume).replace(volume, "X")
                 for volume in ("db-1.raw", "db-1.qcow2", "web-1.raw", "large.img",
                                "db-seed.iso", "none.iso")}
        words.add(self.refused(
            "not-found", "device.change-media", "olga", path="hda", action="insert",
            pool="none", volume="one.iso").replace("one.iso", "X").replace(
                "'none'", "'media'"))
        self.assertEqual(len(words), 1, words)
        self.refused("denied", "device.change-media", "olga", path="hda",
                     action="insert", source=self.disks + "/one.iso")
        self.assertIsNone(self.medium("hda"))
        self.change("insert", "db-seed.iso", user="oscar")
        self.assertEqual(self.medium("hda"), "db-seed.iso")

    def test_admin_names_paths(self):
        self.change("update", user="alice", source=self.disks + "/large.img")
        self.assertEqual(self.medium("hda"), "large.img")

    def test_wrong_calls(self):
        for params in ({}, {"pool": "media"}, {"source": "/x", "pool": "media",
                                               "volume": "one.iso"}):
            self.refused("invalid-params", "device.change-media", path="hda",
                         action="insert", **params)
        self.refused("invalid-params", "device.change-media", path="hda",
                     action="eject", pool="media", volume="one.iso")
        self.refused("not-found", "device.change-media", path="vdz", action="eject")
        self.refused("unsupported", "device.change-media", path="vda", action="eject")
        self.refused("not-found", "device.change-media", path="hda", action="insert",
                     pool="none", volume="one.iso")
        self.refused("not-found", "device.change-media", path="hda", action="insert",
                     pool="media", volume="none.iso")
        self.refused("not-found", "device.change-media", "olga", domain="db-1",
                     path="hda", action="eject")
        self.refused("denied", "device.change-media", "victor", path="hda",
                     action="eject")
        self.refused("state", "device.change-media", domain="db-1", path="hda",
                     action="update", pool="media", volume="one.iso", live=True)

    def test_verb(self):
        text = self.virtmux("change-media", "web-1", "hda", "--insert", "--pool",
                            "media", "--volume", "one.iso", user="olga")
        self.assertEqual(text, "Successfully inserted media.\n")
        text = self.virtmux("change-media", "web-1", "hda",
                            self.disks + "/two.iso")
        self.assertEqual(text, "Successfully updated media.\n")
        self.assertEqual(self.medium("hda"), "two.iso")
        self.virtmux("change-media", "web-1", "hda", "--eject", "--live")
        self.assertIsNone(self.medium("hda"))
        self.virtmux("change-media", "web-1", "hda", "--eject", "--insert", status=2)
        self.virtmux("change-media", "web-1", "hda", "--eject", status=1)


class Devices(QemuCase):

    def link(self, **params):
        return self.result("device.list", **params)["interface"][0]["link"]

    def test_link(self):
        self.result("device.set-link", "olga", interface=MAC, state="down")
        self.assertEqual(self.link(), "down")
        self.assertEqual(self.link(inactive=True), "up")
        self.assertIn("<link state='down'/>", self.xml())
        self.result("device.set-link", "olga", interface="ua-nic", state="up",
                    persistent=True)
        self.assertEqual(self.link(), "up")
        self.refused("not-found", "device.set-link", interface="vnet9", state="up")
        self.refused("not-found", "device.set-link", "olga", domain="db-1",
                     interface=MAC, state="up")
        self.refused("denied", "device.set-link", "victor", interface=MAC, state="up")
        self.assertEqual(
            self.virtmux("domif-setlink", "web-1", MAC, "down", "--config"),
            "Device updated successfully\n")
        self.assertEqual(self.link(), "up")
        self.assertEqual(self.virtmux("domif-getlink", "web-1", MAC, "--config"),
                         MAC + " down\n")
        self.result("device.set-link", interface=MAC, state="up", config=True)

    def test_attach_update_detach(self):
        disk = (f"<disk type='file' device='disk'><source file='{self.disks}/large.img'/>"
                "<target dev='sdb' bus='usb'/><alias name='ua-stick'/></disk>")
        self.result("device.attach", xml=disk)
        self.assertIn("ua-stick", self.xml())
        self.assertNotIn("ua-stick", self.xml("--inactive"))
        self.assertIn("ua-stick", self.refused("unsupported", "device.attach", xml=disk))
        self.result("device.detach", alias="ua-stick")
        wait_for(lambda: "ua-stick" not in self.xml(), "the stick is gone")
        self.refused("not-found", "device.detach", alias="ua-stick")
        file = write_file(os.path.join(self.work, "disk.xml"), disk)
        self.virtmux("attach-device", "web-1", file, "--config")
        self.assertIn("ua-stick", self.xml("--inactive"))
        self.assertNotIn("ua-stick", self.xml())
        write_file(file, disk.replace("large.img", "floppy.img"))
        self.virtmux("update-device", "web-1", file, "--config")
        self.assertIn("floppy.img", self.xml("--inactive"))
        self.virtmux("detach-device", "web-1", file, "--config")
        self.assertNotIn("ua-stick", self.xml("--inactive"))
        self.virtmux("attach-device", "web-1", file, "--persistent")
        self.assertIn("ua-stick", self.xml())
        self.assertIn("ua-stick", self.xml("--inactive"))
        self.virtmux("detach-device-alias", "web-1", "ua-stick", "--live", "--config")
        wait_for(lambda: "ua-stick" not in self.xml(), "the stick is gone")
        self.assertNotIn("ua-stick", self.xml("--inactive"))

    def test_xml_is_for_admins(self):
        for method in ("attach", "detach", "update"):
            self.refused("denied", "device." + method, "oscar", xml="<disk/>")
            self.refused("not-found", "device." + method, domain="web-9",
                         xml="<disk/>")
            for xml in ("<disk", "<!DOCTYPE a [<!ENTITY b 'c'>]><disk>&b;</disk>",
                        "<disk/>", "<disk><target dev=''/></disk>"):
                self.refused("invalid-params", "device." + method, xml=xml)
            self.refused("unsupported", "device." + method, xml="<teapot/>")
        self.refused("invalid-params", "device.detach")
        self.refused("invalid-params", "device.detach", xml="<disk/>", alias="x")
        self.refused("state", "device.attach", domain="db-1", live=True,
                     xml="<input type='tablet' bus='usb'/>")

    def test_stats(self):
        """The same numbers as virsh, of what does not change meanwhile."""
        stats = self.daemon.result("alice", "domain.stats", {"domain": "web-1"})
        mine = stats["domains"][0]
        theirs = dict(re.findall(r"  (\S+)=(.*)",
                                 self.libvirtd.virsh("domstats", "web-1")))
        self.assertEqual(mine["state"], {"state": "paused", "reason": "user"})
        self.assertEqual(mine["balloon"]["current"],
                         int(theirs["balloon.current"]) * 1024)
        self.assertEqual(mine["vcpu"]["maximum"], int(theirs["vcpu.maximum"]))
        self.assertEqual(mine["vcpu"]["vcpus"][0]["state"], "running")
        self.assertEqual([b["name"] for b in mine["block"]][:3], ["vda", "hda", "fda"])
        self.assertEqual(mine["block"][0]["path"], theirs["block.0.path"])
        self.assertEqual(mine["block"][0]["capacity"], 8 << 20)
        self.assertIn("rx_bytes", mine["net"][0] if mine["net"] else {"rx_bytes": 0})
        both = self.daemon.result("alice", "domain.stats", {
            "groups": ["state", "block"], "nowait": True, "backing": True})["domains"]
        self.assertEqual([d["name"] for d in both], ["db-1", "web-1"])
        chain = [b["backing_index"] for b in both[1]["block"] if b["name"] == "vda"]
        self.assertEqual(len(chain), 2)

    def test_stats_verbs(self):
        text = self.virtmux("domblkinfo", "web-1", "vda")
        self.assertRegex(text, r"vda +8388608 +\d+ +\d+")
        self.assertIn("8 MiB", self.virtmux("domblkinfo", "web-1", "--human"))
        self.assertRegex(self.virtmux("domblkstat", "web-1", "vda"),
                         r"(?m)^vda rd_reqs \d+$")
        self.assertRegex(self.virtmux("dommemstat", "web-1"), r"(?m)^rss \d+$")


class Jobs(QemuCase):

    def setUp(self):
        super().setUp()
        self.images = [os.path.join(self.disks, "web-1" + end)
                       for end in (".qcow2", ".raw")]

    def backing(self):
        return self.disk("vda")["backing"]

    def snapshot(self, name):
        """A further image on top of the chain."""
        path = os.path.join(self.disks, name)
        self.libvirtd.virsh("snapshot-create-as", "web-1", name, "--disk-only",
                            "--no-metadata", "--diskspec", f"vda,file={path}",
                            "--diskspec", "hda,snapshot=no",
                            "--diskspec", "fda,snapshot=no")
        return path

    def test_commit_and_pull_and_copy(self):
        """In one test, since each leaves another chain behind."""
        self.assertEqual(self.backing(), 1)
        # An active commit, by hand.
        self.snapshot("top-1")
        self.assertEqual(self.backing(), 2)
        self.result("block.commit", "olga", path="vda", active=True, shallow=True)
        job = wait_for(lambda: self.ready("vda"), "the commit is ready")
        self.assertEqual(job["type"], "active-commit")
        self.assertTrue(job["active"])
        self.refused("state", "block.pull", "olga", path="vda")
        self.result("block.abort", "olga", path="vda", pivot=True)
        self.assertEqual(self.backing(), 1)
        self.assertEqual(self.result("block.job", "victor", path="vda")["active"], False)
        # The same by the verb; then one that is called off.
        self.snapshot("top-2")
        text = self.virtmux("blockcommit", "web-1", "vda", "--shallow", "--pivot")
        self.assertEqual(text, "Successfully pivoted\n")
        self.assertEqual(self.backing(), 1)
        self.snapshot("top-3")
        text = self.virtmux("blockcommit", "web-1", "vda", "--shallow",
                            "--keep-overlay")
        self.assertEqual(text, "Commit complete, overlay image kept\n")
        self.assertEqual(self.backing(), 2)
        # A pull with a limit, seen, sped up, and waited for.
        self.result("block.pull", "olga", path="vda", bandwidth=65536)
        job = self.result("block.job", path="vda")
        self.assertEqual((job["type"], job["bandwidth"]), ("pull", 65536))
        self.assertRegex(self.virtmux("blockjob", "web-1", "vda", "--bytes"),
                         r"^Block Pull: \[ *\d+ %\]    Bandwidth limit: 65536 bytes/s")
        self.virtmux("blockjob", "web-1", "vda", "--bandwidth", "3")
        self.assertEqual(self.result("block.job", path="vda")["bandwidth"], 3 << 20)
        self.virtmux("blockjob", "web-1", "vda", "--abort")
        self.assertEqual(self.virtmux("blockjob", "web-1", "vda"),
                         "No current block job for vda\n")
        self.assertEqual(self.virtmux("blockpull", "web-1", "vda", "--wait"),
                         "Pull complete\n")
        self.assertEqual(self.backing(), 0)
        # A copy, mirrored and pivoted to.
        copy = os.path.join(self.disks, "copy.qcow2")
        self.refused("denied", "block.copy", "oscar", path="vda", dest=copy)
        text = self.virtmux("blockcopy", "web-1", "vda", "--dest", copy, "--format",
                            "qcow2", "--pivot", "--transient-job")
        self.assertEqual(text, "Successfully pivoted\n")
        self.assertEqual(self.disk("vda")["source"], copy)
        must_run("qemu-img", "compare", "-q", "-U", copy, self.images[1])

    def ready(self, path):
        job = self.result("block.job", path=path)
        return job if job.get("ready") else None

    def test_interrupted_wait_cancels_the_job(self):
        copy = os.path.join(self.disks, "slow.raw")
        client = self.client(self.daemon).spawn(
            "blockcopy", "web-1", "vda", "--dest", copy, "--format", "raw", "--wait",
            "--transient-job", "--bandwidth", "65536", "--bytes",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: self.result("block.job", path="vda")["active"], "the job")
        client.send_signal(2)
        _, errors = client.communicate(timeout=virtmux_test.TIMEOUT)
        self.assertEqual(client.returncode, 130, errors)
        self.assertIn("was cancelled", errors)
        self.assertFalse(self.result("block.job", path="vda")["active"])

    def test_resize(self):
        self.assertEqual(
            self.virtmux("blockresize", "web-1", "fda", "1M", status=1)[:4], "virt")
        self.virtmux("blockresize", "web-1", "vda", "9M", user="olga")
        info = json.loads(self.virtmux("domblkinfo", "web-1", "vda", "--json"))
        self.assertEqual(info[0]["capacity"], 9 << 20)
        self.virtmux("blockresize", "web-1", "vda", "many", status=2)
        self.refused("denied", "block.resize", "victor", path="vda", size=1 << 20)
        self.refused("state", "block.resize", domain="db-1", path="vda", size=1 << 20)

    def test_wrong_calls(self):
        for method, params in (
                ("abort", {}), ("commit", {}), ("job", {}), ("pull", {}),
                ("set-speed", {"bandwidth": 1}), ("resize", {"size": 1 << 20}),
                ("copy", {"dest": "/nowhere/x"})):
            self.refused("not-found", "block." + method, domain="web-9", path="vda",
                         **params)
            self.refused("not-found", "block." + method, path="vdz", **params)
            self.refused("state", "block." + method, domain="db-1", path="vda",
                         **params)
        self.refused("denied", "block.commit", "olga", path="vda", base="/etc/passwd")
        self.refused("denied", "block.pull", "olga", path="vda", base="/etc/passwd")
        self.refused("invalid-params", "block.copy", path="vda")
        self.refused("invalid-params", "block.copy", path="vda", xml="<disk/>",
                     format="raw")
        self.refused("state", "block.set-speed", path="vda", bandwidth=1)
        self.refused("state", "block.abort", path="vda")


if __name__ == "__main__":
    virtmux_test.main()
