#!/usr/bin/env python3
"""What changes a domain's definition, saves its memory or presses its keys: the
methods and the client's verbs, against test:///default, whose one domain "test"
runs with 2 of 2 processors and 2 of 8 GiB. What that driver cannot do is tried in
test_definition_qemu.py.
"""
import os
import re

import virtmux_test
from virtmux_test import write_file

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
GIB = 1 << 30
URI = "http://example.org/ns"
WEB = """<domain type='test'><name>web-1</name><memory unit='MiB'>64</memory>
<vcpu current='2'>4</vcpu><os><type>hvm</type></os></domain>"""


class DefinitionCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "amy": {"role": "admin", "domains": "web-*"},
        "olga": {"role": "operator", "domains": "*"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.client(self.daemon)

    def info(self, domain="test"):
        return self.result("domain.info", domain=domain)

    def xml(self, domain="test", **params):
        return self.result("domain.xml", domain=domain, **params)["xml"]


class Texts(DefinitionCase):

    def test_title_and_description(self):
        self.assertEqual(self.result("domain.description", domain="test"),
                         {"uuid": UUID, "name": "test"})
        self.result("domain.set-title", domain="test", text="The test")
        self.result("domain.set-description", domain="test", text="two\nlines",
                    live=True, config=True)
        self.assertEqual(self.result("domain.description", domain=UUID), {
            "uuid": UUID, "name": "test", "title": "The test",
            "description": "two\nlines"})
        self.assertEqual(self.result("domain.list")["domains"][0]["title"], "The test")
        self.result("domain.set-title", domain="test", text="")
        self.assertNotIn("title", self.result("domain.description", domain="test"))

    def test_live_and_config_are_two(self):
        self.result("domain.set-title", domain="test", text="at the next start",
                    config=True)
        self.assertNotIn("title", self.result("domain.description", domain="test"))
        shown = self.result("domain.description", domain="test", config=True)
        self.assertEqual(shown["title"], "at the next start")

    def test_refusals(self):
        self.assertIn("one line", self.refused(
            "invalid-params", "domain.set-title", domain="test", text="a\nb"))
        self.refused("invalid-params", "domain.description", domain="test", live=True,
                     config=True)
        self.result("domain.destroy", domain="test")
        self.assertIn("is not running", self.refused(
            "state", "domain.set-title", domain="test", text="a", live=True))
        for user in ("olga", "victor"):
            self.refused("denied", "domain.set-title", user, domain="test", text="a")
        self.refused("not-found", "domain.set-title", "amy", domain="test", text="a")

    def test_desc(self):
        self.assertIn("No description for domain: test", self.virtmux("desc", "test"))
        self.virtmux("desc", "test", "some", "words")
        self.assertEqual(self.virtmux("desc", "test"), "some words\n")
        self.virtmux("desc", "test", "--title", "--config", "A title")
        self.assertEqual(self.virtmux("desc", "test", "--title", "--config"), "A title\n")
        self.assertIn("No title", self.virtmux("desc", "test", "--title", "--live"))
        self.virtmux("desc", "test", "")
        self.assertIn("No description", self.virtmux("desc", "test"))

    def test_desc_cannot_drive_the_terminal(self):
        self.result("domain.set-description", domain="test", text="a\u009b2Jb\nc")
        self.assertEqual(self.virtmux("desc", "test"), "a\\xC2\\x9B2Jb\nc\n"
                         .replace("\\xC2\\x9B", self.escaped("\u009b")))

    def escaped(self, text):
        """As the client shows it in any other place."""
        self.result("domain.set-title", domain="test", text=text)
        shown = self.virtmux("dominfo", "test")
        return re.search(r"Title: +(\S+)", shown).group(1)


class Metadata(DefinitionCase):

    def test_set_get_and_remove(self):
        self.refused("not-found", "domain.metadata", domain="test", uri=URI)
        self.result("domain.set-metadata", domain="test", uri=URI, key="ex",
                    xml="<a b='1'/>")
        self.assertEqual(self.result("domain.metadata", domain="test", uri=URI), {
            "uuid": UUID, "name": "test", "xml": "<a b=\"1\"/>"})
        self.assertIn(f"xmlns:ex=\"{URI}\"", self.xml())
        self.result("domain.remove-metadata", domain="test", uri=URI)
        words = self.refused("not-found", "domain.metadata", domain="test", uri=URI)
        self.assertIn(URI, words)

    def test_bad_xml(self):
        for xml in ("", "text", "<a", "<a/><b/>",
                    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                    "<a>" * 100 + "</a>" * 100):
            self.refused("invalid-params", "domain.set-metadata", domain="test",
                         uri=URI, key="ex", xml=xml)
        self.refused("denied", "domain.set-metadata", "olga", domain="test", uri=URI,
                     key="ex", xml="<a/>")

    def test_verb(self):
        self.virtmux("metadata", "test", URI, "--key", "ex", "--set", "<a/>")
        self.assertEqual(self.virtmux("metadata", "test", URI), "<a/>\n")
        self.virtmux("metadata", "test", URI, "--remove")
        self.virtmux("metadata", "test", URI, status=3)
        self.virtmux("metadata", "test", URI, "--set", "<a/>", status=2)
        self.virtmux("metadata", "test", URI, "--set", "<a/>", "--remove", status=2)


class Sizes(DefinitionCase):

    def test_memory(self):
        self.result("domain.set-memory", "olga", domain="test", memory=GIB)
        self.assertEqual(self.info()["memory"], GIB)
        self.result("domain.set-memory", domain="test", memory=GIB + 1, config=True)
        self.assertEqual(self.info()["memory"], GIB)
        self.assertIn(f"<currentMemory unit='KiB'>{(GIB >> 10) + 1}<",
                      self.xml(inactive=True))
        words = self.refused("invalid-params", "domain.set-memory", domain="test",
                             memory=100 * GIB)
        self.assertIn("domain 'test' could not be given that much memory", words)
        self.assertIn("more than its maximum", words)

    def test_most_memory(self):
        words = self.refused("state", "domain.set-max-memory", domain="test",
                             memory=4 * GIB)
        self.assertIn("config", words)
        self.result("domain.set-max-memory", domain="test", memory=4 * GIB, config=True)
        self.assertEqual(self.info()["memory_max"], 8 * GIB)
        self.result("domain.destroy", domain="test")
        self.result("domain.set-max-memory", domain="test", memory=16 * GIB)
        self.assertEqual(self.info()["memory_max"], 16 * GIB)

    def test_processors(self):
        self.result("domain.define", xml=WEB)
        self.result("domain.set-vcpus", domain="web-1", count=3)
        self.assertEqual(self.info("web-1")["vcpus"], 3)
        self.result("domain.start", domain="web-1")
        self.result("domain.set-vcpus", "olga", domain="web-1", count=4)
        self.assertEqual(self.info("web-1")["vcpus"], 4)
        words = self.refused("invalid-params", "domain.set-vcpus", domain="web-1",
                             count=5)
        self.assertIn("more than its maximum", words)
        self.result("domain.set-vcpus", domain="web-1", count=6, maximum=True,
                    config=True)
        self.assertIn("current='3'>6</vcpu>", self.xml("web-1", inactive=True))
        self.refused("unsupported", "domain.set-vcpus", domain="web-1", count=2,
                     guest=True)
        self.refused("invalid-params", "domain.set-vcpus", domain="web-1", count=0)

    def test_operator_changes_no_definition(self):
        before = self.xml(inactive=True)
        for method, params in (("set-memory", {"memory": GIB}),
                               ("set-vcpus", {"count": 1})):
            method = "domain." + method
            self.refused("denied", method, "olga", domain="test", config=True, **params)
            self.refused("denied", method, "victor", domain="test", **params)
        self.refused("denied", "domain.set-vcpus", "olga", domain="test", count=1,
                     maximum=True)
        self.refused("denied", "domain.set-max-memory", "olga", domain="test",
                     memory=GIB)
        # what does not run has only a definition
        self.result("domain.destroy", domain="test")
        for method, params in (("set-memory", {"memory": GIB}),
                               ("set-vcpus", {"count": 1})):
            words = self.refused("state", "domain." + method, "olga", domain="test",
                                 **params)
            self.assertIn("is not running", words)
        self.assertEqual(self.xml(inactive=True), before)

    def test_verbs(self):
        self.virtmux("setmem", "test", "1G")
        self.assertEqual(self.info()["memory"], GIB)
        self.virtmux("setmem", "test", "524288")
        self.assertEqual(self.info()["memory"], GIB // 2)
        self.virtmux("setmem", "test", "1.5G", status=2)
        self.virtmux("setmem", "test", "9E", status=2)
        self.virtmux("setmaxmem", "test", "4GB", "--config")
        self.assertIn(f"<memory unit='KiB'>{4000000000 // 1024}</memory>",
                      self.xml(inactive=True))
        self.virtmux("setvcpus", "test", "1", "--live")
        self.assertEqual(self.info()["vcpus"], 1)
        self.virtmux("setvcpus", "test", "4", "--maximum", "--config")
        self.assertIn(">4</vcpu>", self.xml(inactive=True))
        self.virtmux("setvcpus", "test", "0", status=2)
        self.virtmux("setvcpus", "test", "9", "--live", status=2)


class Marks(DefinitionCase):

    def test_autostart(self):
        self.assertEqual(self.result("domain.autostart", domain="test"),
                         {"uuid": UUID, "name": "test", "state": "running"})
        self.assertTrue(self.info()["autostart"])
        self.result("domain.autostart", domain="test", disable=True)
        self.assertFalse(self.info()["autostart"])
        self.assertIn("marked as autostarted", self.virtmux("autostart", "test"))
        self.assertTrue(self.info()["autostart"])
        self.assertIn("unmarked", self.virtmux("autostart", "test", "--disable"))
        self.refused("denied", "domain.autostart", "olga", domain="test")

    def test_no_such_domain(self):
        for method, params in (
                ("autostart", {}), ("reset", {}), ("inject-nmi", {}),
                ("rename", {"name": "x"}), ("set-vcpus", {"count": 1}),
                ("set-memory", {"memory": 1}), ("set-max-memory", {"memory": 1}),
                ("description", {}), ("metadata", {"uri": URI}),
                ("managed-save", {}), ("managed-save-remove", {}),
                ("save", {"path": "/x"}), ("dump", {"path": "/x"}),
                ("send-key", {"keys": ["1"]}), ("job-info", {}), ("job-abort", {}),
                ("control-info", {}), ("pm-suspend", {"target": "mem"}),
                ("pm-wakeup", {})):
            for user, domain in (("alice", "nobody"), ("amy", "test")):
                words = self.refused("not-found", "domain." + method, user,
                                     domain=domain, **params)
                self.assertEqual(words, f"there is no domain '{domain}' on this host")


class Saved(DefinitionCase):

    def test_managed_save(self):
        answer = self.result("domain.managed-save", "olga", domain="test")
        self.assertEqual(answer["state"], "shut-off")
        self.assertTrue(self.info()["managed_save"])
        self.assertIn("is not running", self.refused(
            "state", "domain.managed-save", domain="test"))
        self.result("domain.start", domain="test")
        self.virtmux("managedsave", "test")
        self.virtmux("managedsave-remove", "test")
        self.assertFalse(self.info()["managed_save"])
        self.assertIn("no managed save image", self.refused(
            "state", "domain.managed-save-remove", domain="test"))

    def test_transient_has_no_managed_save(self):
        self.result("domain.create", xml=WEB)
        self.assertIn("transient", self.refused(
            "state", "domain.managed-save", domain="web-1"))

    def test_running_or_paused(self):
        for method, params in (("managed-save", {"domain": "test"}),
                               ("save", {"domain": "test", "path": "/x"}),
                               ("restore", {"path": "/x"})):
            words = self.refused("invalid-params", "domain." + method, running=True,
                                 paused=True, **params)
            self.assertIn("exclude each other", words)

    def test_save_and_restore(self):
        path = os.path.join(self.work, "saved")
        answer = self.result("domain.save", domain="test", path=path)
        self.assertEqual(answer["state"], "shut-off")
        self.assertGreater(os.path.getsize(path), 0)
        self.assertEqual(self.result("domain.restore", path=path),
                         {"uuid": UUID, "name": "test", "state": "running"})
        words = self.refused("state", "domain.restore", path=path)
        self.assertIn("runs already", words)
        self.virtmux("save", "test", path)
        self.assertEqual(self.info()["state"], "shut-off")
        self.assertIn("restored", self.virtmux("restore", path))
        self.assertEqual(self.info()["state"], "running")

    def test_restore_within_ones_rights(self):
        path = os.path.join(self.work, "saved")
        self.result("domain.save", domain="test", path=path)
        self.refused("denied", "domain.restore", "amy", path=path)
        self.refused("denied", "domain.restore", "olga", path=path)
        self.assertEqual(self.info()["state"], "shut-off")

    def test_paths(self):
        for method in ("save", "dump"):
            words = self.refused("invalid-params", "domain." + method, domain="test",
                                 path="relative")
            self.assertIn("absolute", words)
            self.refused("denied", "domain." + method, "olga", domain="test", path="/x")
        self.assertIn("no such file", self.refused(
            "not-found", "domain.restore", path=self.work + "/none"))
        junk = write_file(os.path.join(self.work, "junk"), "x" * 4096)
        self.assertIn("no saved domain", self.refused(
            "invalid-params", "domain.restore", path=junk))
        self.assertEqual(self.info()["state"], "running")

    def test_other_xml_must_be_the_same_domain(self):
        path = os.path.join(self.work, "saved")
        xml = self.xml().replace("<name>test<", "<name>other<")
        self.result("domain.save", domain="test", path=path)
        self.assertIn("another name", self.refused(
            "invalid-params", "domain.restore", path=path, xml=xml))

    def test_dump(self):
        path = os.path.join(self.work, "core")
        self.result("domain.dump", domain="test", path=path)
        self.assertGreater(os.path.getsize(path), 0)
        self.assertEqual(self.info()["state"], "running")
        self.virtmux("dump", "test", path, "--crash")
        self.assertNotEqual(self.info()["state"], "running")
        self.refused("invalid-params", "domain.dump", domain="test", path=path,
                     format="elf")
        self.refused("invalid-params", "domain.dump", domain="test", path=path,
                     live=True, crash=True)


class Guests(DefinitionCase):

    def test_reset_and_nmi(self):
        for method in ("domain.reset", "domain.inject-nmi"):
            self.assertEqual(self.result(method, "olga", domain="test")["state"],
                             "running")
            self.refused("denied", method, "victor", domain="test")
        self.virtmux("reset", "test")
        self.virtmux("inject-nmi", "test")
        self.result("domain.destroy", domain="test")
        for method in ("domain.reset", "domain.inject-nmi"):
            self.assertIn("is not running",
                          self.refused("state", method, domain="test"))

    def test_keys(self):
        self.result("domain.send-key", "olga", domain="test",
                    keys=["KEY_LEFTCTRL", "KEY_LEFTALT", "KEY_DELETE"])
        self.result("domain.send-key", domain="test", keys=["0x1c", "28"], holdtime=10)
        self.result("domain.send-key", domain="test", keys=["4"], codeset="usb")
        for keys, words in ((["KEY_ENTRE"], "did you mean 'KEY_ENTER'"),
                            (["65536"], "no number"), (["0x"], "no number"),
                            (["1x"], "no number"), ([], "1 to 16"),
                            (["1"] * 17, "1 to 16")):
            self.assertIn(words, self.refused("invalid-params", "domain.send-key",
                                              domain="test", keys=keys), keys)
        self.assertIn("only the codeset linux", self.refused(
            "invalid-params", "domain.send-key", domain="test", keys=["KEY_A"],
            codeset="usb"))

    def test_send_key(self):
        self.virtmux("send-key", "test", "KEY_A", "30")
        self.virtmux("send-key", "test", "--codeset", "usb", "--holdtime", "50", "4")
        self.virtmux("send-key", "test", status=2)
        self.virtmux("send-key", "test", "KEY_NONE", status=2)
        self.virtmux("send-key", "test", "--codeset", "no", "1", status=2)

    def test_control(self):
        self.assertEqual(self.result("domain.control-info", "victor", domain="test"), {
            "uuid": UUID, "name": "test", "state": "ok", "since": 0})
        self.assertEqual(self.virtmux("domcontrol", "test"), "ok\n")

    def test_what_the_driver_cannot_do(self):
        for method, params in (("job-info", {}), ("job-abort", {}),
                               ("pm-suspend", {"target": "mem"}), ("pm-wakeup", {})):
            words = self.refused("unsupported", "domain." + method, domain="test",
                                 **params)
            self.assertIn("test", words)


class Clones(DefinitionCase):
    """Of "test", with the disk vda and one interface; by the definition alone."""

    def macs(self, domain):
        return re.findall(r"<mac address='([^']+)'", self.xml(domain))

    def test_with_a_disk_of_its_own(self):
        answer = self.result("domain.clone", domain="test", name="web-<2>",
                             disks=[{"target": "vda", "path": "/images/web-2"}])
        self.assertEqual((answer["name"], answer["state"]), ("web-<2>", "shut-off"))
        self.assertNotEqual(answer["uuid"], UUID)
        xml = self.xml("web-<2>")
        self.assertIn("<source file='/images/web-2'/>", xml)
        self.assertNotIn("/guest/diskimage1", xml)
        self.assertEqual(len(self.macs("web-<2>")), 1)
        self.assertNotEqual(self.macs("web-<2>"), self.macs("test"))
        self.assertEqual(self.info()["state"], "running")
        self.result("domain.start", domain=answer["uuid"])
        record = self.daemon.wait_audit(method="domain.clone", event="end")[0]
        self.assertEqual(record["uuid"], answer["uuid"])

    def test_without_disks(self):
        words = self.refused("invalid-params", "domain.clone", domain="test", name="web-2")
        self.assertIn("'vda' cannot belong to two domains", words)
        self.result("domain.clone", domain="test", name="web-2", without_disks=True)
        self.assertNotIn("<disk", self.xml("web-2"))

    def test_on_a_block_device(self):
        self.result("domain.clone", domain="test", name="web-2",
                    disks=[{"target": "vda", "path": "/dev/vg/web-2"}])
        self.assertRegex(self.xml("web-2"),
                         r"<disk type='block'[^>]*>\s*<source dev='/dev/vg/web-2'/>")

    def test_refusals(self):
        disk = {"target": "vda", "path": "/images/a"}
        for disks, words in (([{**disk, "target": "vdb"}], "no disk 'vdb'"),
                             ([{**disk, "path": "images/a"}], "not absolute"),
                             ([{**disk, "path": "/guest/diskimage1"}], "of the domain itself"),
                             ([disk, disk], "named twice")):
            self.assertIn(words, self.refused("invalid-params", "domain.clone",
                                              domain="test", name="x", disks=disks))
        self.refused("exists", "domain.clone", domain="test", name="test",
                     without_disks=True)
        self.result("domain.define", xml=WEB)
        self.refused("denied", "domain.clone", "amy", domain="web-1", name="db-1")
        self.refused("denied", "domain.clone", "olga", domain="web-1", name="web-2")
        self.assertEqual(self.result("domain.clone", "amy", domain="web-1",
                                     name="web-2")["name"], "web-2")

    def test_verb(self):
        self.virtmux("clone", "test", "web-2", "vda=/images/a=b")
        self.assertIn("<source file='/images/a=b'/>", self.xml("web-2"))
        self.virtmux("clone", "test", "web-3", "--without-disks")
        self.virtmux("clone", "test", "web-4", "vda", status=2)
        self.virtmux("clone", "test", "web-4", status=2)


class Flags(DefinitionCase):

    def test_undefine_cannot_remove_and_keep(self):
        self.assertIn("keep_tpm", self.refused(
            "invalid-params", "domain.undefine", domain="test", tpm=True,
            keep_tpm=True))

    def test_nvram_that_the_driver_does_not_know(self):
        self.result("domain.destroy", domain="test")
        self.refused("unsupported", "domain.start", domain="test", reset_nvram=True)
        self.virtmux("start", "test", "--reset-nvram", status=1)
        self.refused("unsupported", "domain.create", xml=WEB, reset_nvram=True)


if __name__ == "__main__":
    virtmux_test.main()
