#!/usr/bin/env python3
# timeout: 300
"""Storage pools and volumes: the methods as curl sees them and the verbs of the
client, against test:///default for the ways of the API and against a private
libvirtd with a real folder for what becomes of it on the disk.
"""
import json
import os
import re

import virtmux_test

virtmux_test.unwind_whole_stacks()  # virStorageVolCreateXMLFrom() of libvirt 9.0

POOL_XML = """<pool type='dir'><name>{name}</name>{uuid}
<target><path>{path}</path></target></pool>"""
MIB = 1 << 20
GIB = 1 << 30


def pool_xml(name, path="/nowhere", uuid=None):
    return POOL_XML.format(name=name, path=path,
                           uuid=f"<uuid>{uuid}</uuid>" if uuid else "")


class StorageCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "vera": {"role": "viewer", "domains": "*"},
        "otto": {"role": "operator", "domains": "*"},
        "webby": {"role": "admin", "domains": "web-*"},
    }

    def start(self, uri="test:///default"):
        self.daemon = self.start_daemon(config={"libvirt": {"uri": uri}})


class Pools(StorageCase):

    def setUp(self):
        super().setUp()
        self.start()

    def names(self, **filters):
        return [pool["name"] for pool in
                self.result("pool.list", **filters)["pools"]]

    def test_life(self):
        ref = self.result("pool.define", xml=pool_xml("p2"))
        self.assertEqual(ref["name"], "p2")
        self.assertEqual(self.names(), ["default-pool", "p2"])
        self.assertEqual(self.names(active=True), ["default-pool"])
        self.assertEqual(self.names(active=False), ["p2"])
        self.assertEqual(self.result("pool.build", pool="p2"), ref)
        self.assertEqual(self.result("pool.start", pool=ref["uuid"]), ref)
        info = self.result("pool.info", pool="p2")
        self.assertEqual((info["state"], info["persistent"], info["autostart"]),
                         ("running", True, False))
        self.assertEqual(info["capacity"], info["available"] + info["allocation"])
        self.result("pool.refresh", pool="p2")
        self.result("pool.autostart", pool="p2")
        self.assertEqual(self.names(autostart=True), ["p2"])
        self.result("pool.autostart", pool="p2", disable=True)
        self.assertEqual(self.names(autostart=True), [])
        self.assertIn("already", self.refused("state", "pool.start", pool="p2"))
        self.assertIn("stop it first",
                      self.refused("state", "pool.undefine", pool="p2"))
        self.assertEqual(self.result("pool.destroy", pool="p2"), ref)
        self.assertIn("start it first",
                      self.refused("state", "pool.refresh", pool="p2"))
        self.assertEqual(self.result("pool.delete", pool="p2"), ref)
        self.assertEqual(self.result("pool.undefine", pool="p2"), ref)
        self.assertEqual(self.names(), ["default-pool"])

    def test_transient(self):
        self.result("pool.create", xml=pool_xml("t1"))
        self.assertEqual(self.names(persistent=False), ["t1"])
        self.assertIn("transient",
                      self.refused("state", "pool.autostart", pool="t1"))
        self.result("pool.destroy", pool="t1")
        self.assertEqual(self.names(), ["default-pool"])

    def test_types(self):
        self.assertEqual(self.names(type=["dir", "logical"]), ["default-pool"])
        self.assertEqual(self.names(type=["logical", "iscsi-direct"]), [])

    def test_xml(self):
        shown = self.result("pool.xml", pool="default-pool")
        self.assertEqual(shown["name"], "default-pool")
        self.assertIn("<pool type='dir'>", shown["xml"])
        self.assertIn(shown["uuid"], shown["xml"])

    def test_errors(self):
        for verb in ("autostart", "build", "delete", "destroy", "info", "refresh",
                     "start", "undefine", "xml"):
            self.assertIn("'none'",
                          self.refused("not-found", "pool." + verb, pool="none"))
        for xml in ("<pool", "<pool/>", "<domain/>"):
            self.refused("invalid-params", "pool.define", xml=xml)
            self.refused("invalid-params", "pool.create", xml=xml)
        self.refused("exists", "pool.define", xml=pool_xml("default-pool"))
        self.refused("exists", "pool.create", xml=pool_xml("default-pool"))
        self.refused("invalid-params", "pool.build", pool="default-pool",
                     overwrite=True, no_overwrite=True)
        self.refused("invalid-params", "pool.list", type=["floppy"])

    def test_roles(self):
        self.assertEqual(len(self.result("pool.list", "vera")["pools"]), 1)
        self.refused("denied", "pool.start", "vera", pool="default-pool")
        self.refused("denied", "pool.destroy", "otto", pool="default-pool")
        # Volumes tell of guests: rights on some domains are not enough.
        self.refused("denied", "pool.list", "webby")
        self.refused("denied", "volume.list", "webby", pool="default-pool")

    def test_audit(self):
        self.result("pool.define", xml=pool_xml("p2"))
        record = self.daemon.wait_audit(method="pool.define", event="end")[0]
        self.assertEqual((record["name"], record["outcome"]), ("p2", "ok"))

    def test_client(self):
        self.assertRegex(self.virtmux("pool-list"), r"default-pool +active +no")
        self.assertIn("Pool 'p3' defined", self.virtmux(
            "pool-define-as", "p3", "dir", "--target", "/a/'b'&c"))
        self.assertIn("&amp;c", self.virtmux("pool-dumpxml", "p3"))
        self.assertNotIn("p3", self.virtmux("pool-list"))
        self.assertRegex(self.virtmux("pool-list", "--all", "--details"),
                         r"p3 +inactive +no +yes +- +- +-")
        self.assertEqual(self.virtmux("pool-list", "--inactive", "--name"), "p3\n")
        self.assertIn("started", self.virtmux("pool-start", "p3"))
        self.assertIn("marked", self.virtmux("pool-autostart", "p3"))
        self.assertIn("unmarked", self.virtmux("pool-autostart", "p3", "--disable"))
        self.assertRegex(self.virtmux("pool-info", "p3", "--bytes"),
                         r"State: +running\n(.*\n)*Capacity: +\d+\n")
        self.assertIn("destroyed", self.virtmux("pool-destroy", "p3"))
        self.assertIn("undefined", self.virtmux("pool-undefine", "p3"))
        self.assertIn("'p3'", self.virtmux("pool-info", "p3", status=3))
        self.assertIn("viewer", self.virtmux("pool-destroy", "default-pool",
                                             status=4, user="vera"))
        pools = json.loads(self.virtmux("pool-list", "--all", "--json"))["pools"]
        self.assertEqual([pool["name"] for pool in pools], ["default-pool"])
        self.assertIn("<name>vg0</name>", self.virtmux(
            "pool-define-as", "vg0", "logical", "--print-xml"))


class Volumes(StorageCase):

    def setUp(self):
        super().setUp()
        self.start()

    def test_life(self):
        ref = self.result("volume.create-as", pool="default-pool", name="v1",
                          capacity=GIB, allocation=0, format="qcow2")
        self.assertEqual((ref["pool"], ref["name"]), ("default-pool", "v1"))
        self.assertEqual(self.result("volume.lookup", volume=ref["path"]), ref)
        self.assertEqual(self.result("volume.lookup", volume=ref["key"]), ref)
        self.assertEqual(
            self.result("volume.lookup", pool="default-pool", volume="v1"), ref)
        info = self.result("volume.info", volume=ref["key"])
        self.assertEqual((info["type"], info["capacity"], info["allocation"]),
                         ("file", GIB, 0))
        self.assertIn("<name>v1</name>", self.result(
            "volume.xml", pool="default-pool", volume="v1")["xml"])
        copy = self.result("volume.clone", pool="default-pool", volume="v1",
                           name="v2")
        self.assertEqual(copy["name"], "v2")
        listed = self.result("volume.list", pool="default-pool")
        self.assertEqual(listed["pool"], "default-pool")
        self.assertEqual([sorted(v) for v in listed["volumes"]],
                         [["name", "path"]] * 2)
        detailed = self.result("volume.list", pool="default-pool", details=True)
        self.assertEqual([(v["name"], v["capacity"]) for v in detailed["volumes"]],
                         [("v1", GIB), ("v2", GIB)])
        self.assertEqual(self.result("volume.delete", pool="default-pool",
                                     volume="v1"), ref)
        self.refused("not-found", "volume.info", pool="default-pool", volume="v1")

    def test_errors(self):
        where = {"pool": "default-pool", "volume": "none"}
        for verb, more in (("info", {}), ("xml", {}), ("lookup", {}),
                           ("delete", {}), ("wipe", {}),
                           ("resize", {"capacity": 1}), ("clone", {"name": "x"})):
            words = self.refused("not-found", "volume." + verb, **where, **more)
            self.assertIn("volume 'none'", words)
            words = self.refused("not-found", "volume." + verb, pool="nowhere",
                                 volume="none", **more)
            self.assertIn("pool 'nowhere'", words)
            self.refused("not-found", "volume." + verb, volume="/none", **more)
        self.refused("not-found", "volume.list", pool="none")
        self.refused("invalid-params", "volume.create", pool="default-pool",
                     xml="<volume/>")
        self.result("volume.create-as", pool="default-pool", name="v1", capacity=1)
        self.refused("exists", "volume.create-as", pool="default-pool", name="v1",
                     capacity=1)
        self.result("pool.destroy", pool="default-pool")
        self.assertIn("start it first", self.refused(
            "state", "volume.list", pool="default-pool"))

    def test_roles(self):
        self.assertEqual(
            self.result("volume.list", "vera", pool="default-pool")["volumes"], [])
        for user in ("vera", "otto"):
            self.refused("denied", "volume.create-as", user, pool="default-pool",
                         name="v", capacity=1)


class RealPool(StorageCase):
    """A folder of its own, through a private libvirtd."""

    def setUp(self):
        super().setUp()
        self.libvirtd = self.start_libvirtd()
        self.start(self.libvirtd.qemu_uri)
        self.folder = os.path.join(self.libvirtd.folder, "pool")
        self.virtmux("pool-define-as", "real", "dir", "--target", self.folder)
        self.assertFalse(os.path.exists(self.folder))
        self.virtmux("pool-start", "real", "--build")
        self.assertTrue(os.path.isdir(self.folder))

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_client(self):
        self.virtmux("vol-create-as", "real", "a.img", "10M", "--allocation", "1MiB")
        self.assertEqual(os.path.getsize(self.path("a.img")), 10 * MIB)
        self.virtmux("vol-create-as", "real", "b.qcow2", "1G", "--format", "qcow2",
                     "--backing-vol", "a.img", "--backing-vol-format", "raw")
        self.assertIn(self.path("a.img"),
                      self.virtmux("vol-dumpxml", "b.qcow2", "--pool", "real"))
        self.assertEqual(self.virtmux("vol-path", "a.img", "--pool", "real"),
                         self.path("a.img") + "\n")
        self.assertEqual(self.virtmux("vol-name", self.path("a.img")), "a.img\n")
        self.assertEqual(self.virtmux("vol-pool", self.path("a.img")), "real\n")
        self.assertEqual(self.virtmux("vol-key", "a.img", "--pool", "real"),
                         self.path("a.img") + "\n")
        self.assertRegex(self.virtmux("vol-info", self.path("a.img")),
                         r"Capacity: +10 MiB")
        self.assertRegex(self.virtmux("vol-list", "real", "--details"),
                         r"a.img +\S+ +file +10 MiB +\S+ \S+\n"
                         r" *b.qcow2 +\S+ +file +1 GiB")
        self.virtmux("vol-resize", "a.img", "20M", "--pool", "real")
        self.assertEqual(os.path.getsize(self.path("a.img")), 20 * MIB)
        self.assertIn("shrink", self.virtmux("vol-resize", "a.img", "5M", "--pool",
                                             "real", status=2))
        self.virtmux("vol-resize", "a.img", "5M", "--pool", "real", "--shrink")
        self.assertEqual(os.path.getsize(self.path("a.img")), 5 * MIB)
        with open(self.path("a.img"), "r+b") as image:
            image.write(b"secret" * 1000)
        self.virtmux("vol-clone", "a.img", "c.img", "--pool", "real")
        with open(self.path("c.img"), "rb") as image:
            self.assertEqual(image.read(6), b"secret")
        self.virtmux("vol-wipe", "a.img", "--pool", "real")
        with open(self.path("a.img"), "rb") as image:
            self.assertNotIn(b"secret", image.read())
        self.virtmux("vol-delete", "a.img", "--pool", "real")
        self.assertFalse(os.path.exists(self.path("a.img")))
        xml = virtmux_test.write_file(
            os.path.join(self.work, "v.xml"),
            "<volume><name>d.img</name><capacity unit='MiB'>3</capacity></volume>")
        self.assertIn("d.img", self.virtmux("vol-create", "real", xml))
        self.assertEqual(os.path.getsize(self.path("d.img")), 3 * MIB)

    def test_errors(self):
        self.virtmux("vol-create-as", "real", "a.img", "1M")
        self.assertIn("of that name", self.virtmux(
            "vol-create-as", "real", "a.img", "1M", status=1))
        self.assertIn("10X", self.virtmux("vol-create-as", "real", "b", "10X",
                                          status=2))
        self.refused("invalid-params", "volume.resize", pool="real",
                     volume="a.img", capacity=1)
        words = self.refused("failed", "volume.create-as", pool="real", name="huge",
                             capacity=1 << 52, allocation=1 << 52)
        self.assertIsNone(re.search(re.escape(self.folder), words), words)
        self.assertEqual(os.listdir(self.folder), ["a.img"])
        self.virtmux("pool-destroy", "real")
        self.assertIn("not empty", self.virtmux("pool-delete", "real", status=1))

    def test_outside_changes(self):
        with open(self.path("new.img"), "wb") as image:
            image.truncate(MIB)
        self.assertNotIn("new.img", self.virtmux("vol-list", "real"))
        self.virtmux("pool-refresh", "real")
        self.assertIn("new.img", self.virtmux("vol-list", "real"))


if __name__ == "__main__":
    virtmux_test.main()
