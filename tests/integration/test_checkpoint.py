#!/usr/bin/env python3
# timeout: 300
"""Checkpoints and backups through virtmux: on a real QEMU with a qcow2 disk, under
qemu:///embed; and what is refused before.
"""
import os

import virtmux_test
from virtmux_test import must_run, wait_for, write_file

import test_snapshot

virtmux_test.unwind_whole_stacks()  # qemuBackupBegin() of libvirt 9.0


class RealQemu(test_snapshot.RealQemu):
    """The domain of the snapshots' test, whose tests are not run again."""

    test_internal = test_external = test_memory_in_a_file = None

    def setUp(self):
        super().setUp()
        self.result("domain.start", domain="test")

    def names(self):
        rows = self.result("checkpoint.list", domain="test")["checkpoints"]
        return [(row["checkpoint"], row.get("parent")) for row in rows]

    def test_checkpoints(self):
        answer = self.result("checkpoint.create", "olga", domain="test",
                             checkpoint="c1", description="a <first>")
        self.assertEqual((answer["name"], answer["checkpoint"]), ("test", "c1"))
        self.assertEqual(self.virtmux("checkpoint-create-as", "test", "c2",
                                      "--diskspec", "vda,checkpoint=bitmap"),
                         "Domain checkpoint c2 created\n")
        self.assertEqual(self.names(), [("c1", None), ("c2", "c1")])
        info = self.result("checkpoint.info", domain="test", checkpoint="c1")
        self.assertEqual(info["description"], "a <first>")
        self.assertEqual(self.virtmux("checkpoint-list", "test", "--tree").split(),
                         ["c1", "|", "+-", "c2"])
        self.assertIn("<name>c2</name>", self.virtmux(
            "checkpoint-dumpxml", "test", "c2", "--no-domain", "--size"))
        words = self.refused("exists", "checkpoint.create", domain="test",
                             checkpoint="c1")
        self.assertEqual(words, "domain 'test' has a checkpoint 'c1' already")
        self.assertEqual(self.virtmux("checkpoint-delete", "test", "c1"),
                         "Domain checkpoint c1 deleted\n")
        self.assertEqual(self.names(), [("c2", None)])
        for method in ("info", "xml", "delete"):
            words = self.refused("not-found", "checkpoint." + method, domain="test",
                                 checkpoint="c1")
            self.assertEqual(words, "domain 'test' has no checkpoint 'c1'")

    def test_backups(self):
        """Whole, then what has changed since: files of the host's."""
        self.refused("not-found", "backup.info", domain="test")
        for name, since in (("full", ""), ("part", "<incremental>full</incremental>")):
            target = os.path.join(self.work, name + ".qcow2")
            xml = write_file(os.path.join(self.work, name + ".xml"), f"""
                <domainbackup>{since}<disks><disk name='vda' type='file'>
                <target file='{target}'/><driver type='qcow2'/></disk></disks>
                </domainbackup>""")
            point = write_file(os.path.join(self.work, name + "-point.xml"),
                               f"<domaincheckpoint><name>{name}</name></domaincheckpoint>")
            self.assertEqual(self.virtmux("backup-begin", "test", xml, point),
                             "Backup started\n")
            wait_for(lambda: "error" in self.daemon.call(
                "alice", "backup.info", {"domain": "test"}), "the backup's end")
            self.assertIn("file format: qcow2", must_run(
                "qemu-img", "info", "--force-share", target))
        self.assertEqual(self.names(), [("full", None), ("part", "full")])

    def test_refused(self):
        for params in ({"xml": "<domaincheckpoint/>", "checkpoint": "a"},
                       {"redefine": True}, {"xml": "<domain/>"}):
            self.refused("invalid-params", "checkpoint.create", domain="test", **params)
        self.refused("invalid-params", "checkpoint.delete", domain="test",
                     checkpoint="a", children=True, children_only=True)
        self.refused("invalid-params", "backup.begin", domain="test", xml="<domain/>")
        self.refused("denied", "backup.begin", "olga", domain="test")
        self.refused("denied", "checkpoint.create", "olga", domain="test",
                     xml="<domaincheckpoint/>")
        self.refused("denied", "checkpoint.create", "victor", domain="test")
        for method in ("checkpoint.list", "backup.info"):
            words = [self.refused("not-found", method, "oscar", domain=name)
                     for name in ("test", "toast")]
            self.assertEqual(words[0].replace("test", "toast"), words[1])
        self.result("domain.destroy", domain="test")
        self.refused("state", "backup.begin", domain="test")


if __name__ == "__main__":
    virtmux_test.main()
