#!/usr/bin/env python3
# timeout: 300
"""Snapshots through virtmux: the methods and the verbs with libvirt's test driver,
and on a real QEMU with a qcow2 disk.
"""
import json
import os

import virtmux_test
from virtmux_test import must_run, need

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
QEMU = """<domain type='qemu'><name>test</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='{disk}'/><target dev='vda' bus='virtio'/></disk></devices></domain>"""
WEB = """<domain type='test'><name>web-1</name><memory unit='MiB'>64</memory>
<os><type>hvm</type></os></domain>"""


class SnapshotCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "*"},
        "oscar": {"role": "operator", "domains": "web-*"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def take(self, name, user="alice", **params):
        answer = self.result("snapshot.create", user, domain="test", name=name,
                             **params)
        self.assertEqual(answer, {"uuid": UUID, "name": "test", "snapshot": name})

    def names(self):
        rows = self.result("snapshot.list", domain="test")["snapshots"]
        return [row["snapshot"] for row in rows]

    def info(self, **params):
        return self.result("snapshot.info", domain="test", **params)["info"]


class Methods(SnapshotCase):

    def test_create_and_show(self):
        self.take("s1", user="olga", description="a <first> & only one")
        row = self.info(snapshot="s1")
        self.assertRegex(row.pop("created"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        self.assertEqual(row, {
            "snapshot": "s1", "state": "running", "children": 0, "descendants": 0,
            "current": True, "external": False, "metadata": True,
            "description": "a <first> & only one"})
        self.assertEqual(self.info(current=True)["snapshot"], "s1")
        shown = self.result("snapshot.xml", domain="test", current=True)
        self.assertEqual((shown["uuid"], shown["snapshot"]), (UUID, "s1"))
        self.assertIn("<description>a &lt;first&gt; &amp; only one</description>",
                      shown["xml"])
        record = self.daemon.wait_audit(method="snapshot.create", event="end")[0]
        self.assertEqual((record["uuid"], record["outcome"]), (UUID, "ok"))

    def test_family(self):
        for name in ("s1", "s2", "s3"):
            self.take(name)
        self.result("snapshot.revert", domain="test", snapshot="s1")
        self.take("s4")
        rows = self.result("snapshot.list", domain="test")["snapshots"]
        self.assertEqual(
            [(row["snapshot"], row.get("parent"), row["children"],
              row["descendants"], row["current"]) for row in rows],
            [("s1", None, 2, 3, False), ("s2", "s1", 1, 1, False),
             ("s3", "s2", 0, 0, False), ("s4", "s1", 0, 0, True)])

    def test_revert(self):
        self.take("running")
        self.result("domain.destroy", domain="test")
        self.take("off")
        answer = self.result("snapshot.revert", "olga", domain="test",
                             snapshot="running")
        self.assertEqual(answer["snapshot"], "running")
        self.assertEqual(self.result("domain.info", domain="test")["state"], "running")
        self.result("snapshot.revert", domain="test", snapshot="off")
        self.assertEqual(self.result("domain.info", domain="test")["state"], "shut-off")
        self.result("snapshot.revert", domain="test", snapshot="running", paused=True)
        self.assertEqual(self.result("domain.info", domain="test")["state"], "paused")

    def test_delete(self):
        for name in ("s1", "s2", "s3", "s4"):
            self.take(name)
        self.result("snapshot.delete", domain="test", snapshot="s3",
                    children_only=True)
        self.assertEqual(self.names(), ["s1", "s2", "s3"])
        answer = self.result("snapshot.delete", "olga", domain="test", snapshot="s1")
        self.assertEqual(answer["snapshot"], "s1")
        self.assertNotIn("parent", self.info(snapshot="s2"))
        self.result("snapshot.delete", domain="test", snapshot="s2", children=True)
        self.assertEqual(self.names(), [])

    def test_redefine(self):
        self.take("s1")
        self.take("s2")
        xml = self.result("snapshot.xml", domain="test", snapshot="s1",
                          secure=True)["xml"]
        self.result("snapshot.delete", domain="test", snapshot="s1")
        self.assertEqual(self.names(), ["s2"])
        self.result("snapshot.create", domain="test", xml=xml, redefine=True,
                    current=True)
        self.assertEqual(self.names(), ["s1", "s2"])
        self.assertEqual(self.info(current=True)["snapshot"], "s1")

    def test_flag_that_the_driver_does_not_know(self):
        self.take("s1")
        words = self.refused("unsupported", "snapshot.delete", domain="test",
                             snapshot="s1", metadata=True)
        self.assertNotIn("function", words)

    def test_name_in_use(self):
        self.take("s1")
        words = self.refused("exists", "snapshot.create", domain="test", name="s1")
        self.assertEqual(words, "domain 'test' has a snapshot 's1' already")

    def test_no_such(self):
        for method in ("info", "xml", "revert", "delete"):
            words = self.refused("not-found", "snapshot." + method, domain="test",
                                 snapshot="nobody")
            self.assertEqual(words, "domain 'test' has no snapshot 'nobody'")
            words = self.refused("not-found", "snapshot." + method, domain="test",
                                 current=True)
            self.assertEqual(words, "domain 'test' has no current snapshot")

    def test_parameters_that_exclude_each_other(self):
        for method in ("info", "xml", "revert", "delete"):
            for which in ({}, {"snapshot": "s1", "current": True}):
                self.refused("invalid-params", "snapshot." + method, domain="test",
                             **which)
        self.refused("invalid-params", "snapshot.revert", domain="test", snapshot="a",
                     running=True, paused=True)
        self.refused("invalid-params", "snapshot.delete", domain="test", snapshot="a",
                     children=True, children_only=True)
        for params in ({"name": "../a"}, {"name": ".a"}, {"redefine": True},
                       {"current": True}, {"quiesce": True},
                       {"live": True, "disk_only": True},
                       {"name": "a", "xml": "<domainsnapshot/>"},
                       {"xml": "<domain/>"}, {"xml": "<domainsnapshot>"},
                       {"xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><domainsnapshot/>"}):
            self.refused("invalid-params", "snapshot.create", domain="test", **params)
        self.assertEqual(self.names(), [])


class Rights(SnapshotCase):

    def test_roles(self):
        self.take("s1")
        for method in ("create", "revert", "delete"):
            self.refused("denied", "snapshot." + method, "victor", domain="test")
        self.result("snapshot.info", "victor", domain="test", snapshot="s1")
        for params in ({"xml": "<domainsnapshot/>"}, {"reuse_external": True},
                       {"redefine": True}):
            self.refused("denied", "snapshot.create", "olga", domain="test", **params)
        self.refused("denied", "snapshot.xml", "olga", domain="test", snapshot="s1",
                     secure=True)

    def test_scope(self):
        """A domain outside is one that does not exist, whatever it has."""
        self.take("s1")
        self.result("domain.define", xml=WEB)
        for method in ("create", "list", "info", "xml", "revert", "delete"):
            params = {} if method in ("create", "list") else {"snapshot": "s1"}
            words = [self.refused("not-found", "snapshot." + method, "oscar",
                                  domain=name, **params) for name in ("test", "toast")]
            self.assertEqual(words[0].replace("test", "toast"), words[1])
        self.assertEqual(self.names(), ["s1"])
        self.result("snapshot.create", "oscar", domain="web-1", name="s1")


class Verbs(SnapshotCase):

    def test_whole_life(self):
        self.assertEqual(self.virtmux("snapshot-create-as", "test", "s1", "first"),
                         "Domain snapshot s1 created\n")
        self.virtmux("snapshot-create-as", "--domain", "test", "--name", "s2")
        self.assertRegex(self.virtmux("snapshot-create", "test"),
                         r"^Domain snapshot \d+ created\n$")
        fields = [line.split(None, 1) for line in
                  self.virtmux("snapshot-info", "test", "s2").splitlines()]
        self.assertEqual(fields, [
            ["Name:", "s2"], ["Domain:", "test"], ["Current:", "no"],
            ["State:", "running"], ["Location:", "internal"], ["Parent:", "s1"],
            ["Children:", "1"], ["Descendants:", "1"], ["Metadata:", "yes"]])
        self.assertEqual(self.virtmux("snapshot-parent", "test", "s2"), "s1\n")
        self.virtmux("snapshot-parent", "test", "s1", status=3)
        self.assertEqual(self.virtmux("snapshot-current", "test", "s2"),
                         "Snapshot s2 set as current\n")
        self.assertEqual(self.virtmux("snapshot-current", "test", "--name"), "s2\n")
        self.assertIn("<name>s2</name>", self.virtmux("snapshot-current", "test"))
        self.assertIn("<description>first</description>",
                      self.virtmux("snapshot-dumpxml", "test", "s1"))
        self.assertEqual(self.virtmux("snapshot-revert", "test", "s1"),
                         "Domain snapshot s1 reverted\n")
        self.assertEqual(self.virtmux("snapshot-delete", "test", "--current",
                                      "--children-only"),
                         "Domain snapshot s1 children deleted\n")
        self.assertEqual(self.virtmux("snapshot-list", "test", "--name"), "s1\n")
        self.assertEqual(self.virtmux("snapshot-delete", "test", "s1"),
                         "Domain snapshot s1 deleted\n")

    def test_list(self):
        for name in ("s1", "s2", "s3"):
            self.take(name)
        self.result("domain.destroy", domain="test")
        self.take("off")
        self.result("snapshot.revert", domain="test", snapshot="s1")
        self.take("s4")
        lines = self.virtmux("snapshot-list", "test", "--parent").splitlines()
        self.assertEqual(lines[0].split(),
                         ["Name", "Creation", "Time", "State", "Parent"])
        self.assertEqual([(line.split()[0], *line.split()[-2:]) for line in lines[2:]
                          if line],
                         [("off", "shutoff", "s3"), ("s1", "running", "-"),
                          ("s2", "running", "s1"), ("s3", "running", "s2"),
                          ("s4", "running", "s1")])
        for options, expected in (
                (["--roots"], ["s1"]), (["--leaves"], ["off", "s4"]),
                (["--no-leaves"], ["s1", "s2", "s3"]), (["--inactive"], ["off"]),
                (["--active"], ["s1", "s2", "s3", "s4"]), (["--external"], []),
                (["--from", "s1"], ["s2", "s4"]), (["--no-metadata"], []),
                (["--from", "s2", "--descendants"], ["off", "s3"])):
            shown = self.virtmux("snapshot-list", "test", "--name", *options)
            self.assertEqual(shown.split(), expected, options)
        shown = json.loads(self.virtmux("--json", "snapshot-list", "test", "--roots"))
        self.assertEqual([row["snapshot"] for row in shown["snapshots"]], ["s1"])
        self.virtmux("snapshot-list", "test", "--descendants", status=2)

    def test_tree_is_virsh_s(self):
        """The same snapshots, drawn by virsh, whose test driver is its own."""
        need("virsh")
        steps = (("take", "a"), ("take", "b"), ("take", "c"), ("revert", "b"),
                 ("take", "d"), ("revert", "a"), ("take", "e"), ("take", "f"))
        words = []
        for step, name in steps:
            if step == "take":
                self.take(name)
                words.append("snapshot-create-as test " + name)
            else:
                self.result("snapshot.revert", domain="test", snapshot=name)
                words.append("snapshot-revert test " + name)
        words.append("snapshot-list test --tree")
        virsh = must_run("virsh", "--connect", "test:///default", "; ".join(words))
        tree = self.virtmux("snapshot-list", "test", "--tree")
        self.assertIn("  |   +- d\n", tree)
        self.assertTrue(virsh.rstrip("\n").endswith(tree.rstrip("\n")), (virsh, tree))

    def test_specifications_become_xml(self):
        shown = self.virtmux(
            "snapshot-create-as", "test", "s<1", "--print-xml", "--memspec",
            "/m,,1,snapshot=external", "--diskspec", "vda,snapshot=external,file=/a'b",
            "--diskspec", "vdb,driver=qcow2,stype=block,file=/dev/x")
        self.assertEqual(shown, """<domainsnapshot>
  <name>s&lt;1</name>
  <memory snapshot='external' file='/m,1'/>
  <disks>
    <disk name='vda' snapshot='external'>
      <source file='/a&apos;b'/>
    </disk>
    <disk name='vdb' type='block'>
      <driver type='qcow2'/>
      <source dev='/dev/x'/>
    </disk>
  </disks>
</domainsnapshot>
""")
        for spec in ("vda,shot=no", "vda,stype=net", "vda,file=/a,file=/b"):
            self.virtmux("snapshot-create-as", "test", "--print-xml", "--diskspec",
                         spec, status=2)

    def test_failures(self):
        self.virtmux("snapshot-info", "test", "nobody", status=3)
        self.virtmux("snapshot-info", "test", status=2)
        self.virtmux("snapshot-create-as", "test", "s1", status=4, user="victor")
        self.virtmux("snapshot-create-as", "test", "s1", "--memspec", "/x", status=4,
                     user="olga")
        self.virtmux("snapshot-list", "nobody", status=3)


class RealQemu(SnapshotCase):
    """A domain without a system, whose one disk is qcow2, under qemu:///embed."""

    def start_daemon(self, **options):
        need("qemu-img")
        qemu = virtmux_test.EmbeddedQemu(self.work)
        self.addCleanup(qemu.end)
        self.disk = os.path.join(self.work, "disk.qcow2")
        must_run("qemu-img", "create", "-q", "-f", "qcow2", self.disk, "16M")
        daemon = super().start_daemon(config={"libvirt": {"uri": qemu.uri}}, **options)
        daemon.result("alice", "domain.define", {"xml": QEMU.format(disk=self.disk)})
        return daemon

    def state(self):
        return self.result("domain.info", domain="test")["state"]

    def in_disk(self):
        """The snapshots that the disk holds, as qemu-img sees them."""
        shown = json.loads(must_run("qemu-img", "info", "--force-share",
                                    "--output=json", self.disk))
        return [snapshot["name"] for snapshot in shown.get("snapshots", [])]

    def test_internal(self):
        self.result("snapshot.create", domain="test", name="off")
        self.assertEqual(self.in_disk(), ["off"])
        self.result("domain.start", domain="test", paused=True)
        self.result("domain.resume", domain="test")
        self.result("snapshot.create", domain="test", name="on")
        self.assertEqual(self.info(snapshot="on")["state"], "running")
        self.assertEqual(self.info(snapshot="on")["parent"], "off")
        self.result("snapshot.revert", domain="test", snapshot="off")
        self.assertEqual(self.state(), "shut-off")
        self.result("snapshot.revert", domain="test", snapshot="on", paused=True)
        self.assertEqual(self.state(), "paused")
        self.result("snapshot.revert", domain="test", snapshot="on")
        self.assertEqual(self.state(), "running")
        self.result("domain.destroy", domain="test")
        self.result("snapshot.delete", domain="test", snapshot="on", metadata=True)
        self.assertEqual(self.names(), ["off"])
        self.assertEqual(sorted(self.in_disk()), ["off", "on"])
        self.result("snapshot.delete", domain="test", snapshot="off")
        self.assertEqual(self.in_disk(), ["on"])

    def test_external(self):
        self.result("domain.start", domain="test")
        self.result("snapshot.create", "olga", domain="test", name="ext",
                    disk_only=True, atomic=True)
        row = self.info(snapshot="ext")
        self.assertEqual((row["state"], row["external"]), ("disk-snapshot", True))
        shown = self.result("domain.xml", domain="test")["xml"]
        self.assertIn("disk.ext", shown)
        self.result("snapshot.delete", domain="test", snapshot="ext", metadata=True)
        self.assertEqual(self.names(), [])
        words = self.refused("unsupported", "snapshot.create", domain="test", name="q",
                             disk_only=True, quiesce=True)
        self.assertIn("guest agent", words)
        self.assertEqual(self.names(), [])

    def test_memory_in_a_file(self):
        memory = os.path.join(self.work, "memory")
        self.result("domain.start", domain="test")
        self.virtmux("snapshot-create-as", "test", "m1", "--memspec", memory,
                     "--diskspec", "vda,snapshot=external,file=" + self.disk + ".m1")
        self.assertTrue(os.path.exists(memory))
        self.assertTrue(os.path.exists(self.disk + ".m1"))
        self.assertTrue(self.info(snapshot="m1")["external"])


if __name__ == "__main__":
    virtmux_test.main()
