#!/usr/bin/env python3
"""Networks through virtmux: the methods, and the verbs as a person types them;
libvirt is test:///default, whose one network "default" runs.
"""
import json
import os

import virtmux_test
from virtmux_test import wait_for, write_file

UUID = "dd8fe884-6c02-601e-7551-cca97df1c5df"
OTHER_UUID = "22222222-2222-4333-8444-555555555555"
XML = """<network>
  <name>{name}</name>{uuid}
  <bridge name='vmbr{number}'/>
  <ip address='192.168.{number}.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.{number}.2' end='192.168.{number}.99'/></dhcp>
  </ip>
</network>"""


def network_xml(name, number, uuid=None):
    return XML.format(name=name, number=number,
                      uuid=f"<uuid>{uuid}</uuid>" if uuid else "")


class NetworkCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "*"},
        "walter": {"role": "viewer", "domains": "web-*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def names(self, **filters):
        return [network["name"] for network in
                self.result("network.list", **filters)["networks"]]


class Methods(NetworkCase):

    def test_info_and_list(self):
        expected = {"uuid": UUID, "name": "default", "active": True,
                    "persistent": True, "autostart": False, "bridge": "virbr0"}
        self.assertEqual(self.result("network.info", network="default"), expected)
        self.assertEqual(self.result("network.info", network=UUID), expected)
        self.assertEqual(self.result("network.list"), {"networks": [expected]})

    def test_life(self):
        ref = {"uuid": UUID, "name": "default"}
        words = self.refused("state", "network.start", network="default")
        self.assertEqual(words, "network 'default' is active already")
        self.assertEqual(self.result("network.destroy", network=UUID), ref)
        self.assertFalse(self.result("network.info", network=UUID)["active"])
        self.assertEqual(self.result("network.start", network="default"), ref)
        self.assertTrue(self.result("network.info", network=UUID)["active"])
        record = self.daemon.wait_audit(method="network.start", event="end",
                                        outcome="ok")[0]
        self.assertEqual((record["uuid"], record["name"]), (UUID, "default"))

    def test_autostart(self):
        self.result("network.autostart", network="default")
        self.assertEqual(self.names(autostart=True), ["default"])
        self.result("network.autostart", network="default", disable=True)
        self.assertEqual(self.names(autostart=True), [])

    def test_define_and_undefine(self):
        ref = self.result("network.define", xml=network_xml("lab", 50, OTHER_UUID))
        self.assertEqual(ref, {"uuid": OTHER_UUID, "name": "lab"})
        self.assertEqual(self.names(), ["default", "lab"])
        self.assertEqual(self.names(active=False), ["lab"])
        shown = self.result("network.xml", network="lab")
        self.assertEqual((shown["uuid"], shown["name"]), (OTHER_UUID, "lab"))
        self.assertIn("192.168.50.99", shown["xml"])
        self.assertEqual(self.result("network.undefine", network="lab"), ref)
        self.assertEqual(self.names(), ["default"])

    def test_create_is_gone_when_it_stops(self):
        self.result("network.create", xml=network_xml("lab", 51))
        self.assertEqual(self.names(persistent=False), ["lab"])
        self.result("network.destroy", network="lab")
        self.assertEqual(self.names(), ["default"])

    def test_update(self):
        host = "<host mac='00:16:3e:77:e2:ed' name='a' ip='192.168.122.100'/>"
        change = {"network": "default", "section": "ip-dhcp-host", "xml": host}
        self.result("network.update", command="add-last", live=True, config=True,
                    **change)
        shown = self.result("network.xml", network="default")
        self.assertIn("192.168.122.100", shown["xml"])
        words = self.refused("state", "network.update", command="add-last", **change)
        self.assertIn("existing dhcp host entry", words)
        self.result("network.update", command="delete", live=True, config=True,
                    **change)
        shown = self.result("network.xml", network="default")
        self.assertNotIn("192.168.122.100", shown["xml"])
        self.refused("state", "network.update", command="delete", **change)

    def test_leases_that_the_driver_does_not_keep(self):
        words = self.refused("unsupported", "network.leases", network="default")
        self.assertIn("network 'default'", words)

    def test_flag_that_the_driver_does_not_know(self):
        self.refused("unsupported", "network.xml", network="default", inactive=True)

    def test_bad_xml(self):
        for xml in ("<network", "<domain/>", "<network/>", "<network><name>a</name>",
                    "<!DOCTYPE a [<!ENTITY b 'c'>]><network><name>&b;</name></network>",
                    "<network><name>x</name><ip address='no'/></network>"):
            for method in ("network.define", "network.create"):
                self.refused("invalid-params", method, xml=xml)
        self.refused("invalid-params", "network.update", network="default",
                     command="add-last", section="ip-dhcp-host", xml="<host")
        self.assertEqual(self.names(), ["default"])

    def test_name_or_uuid_of_another(self):
        for method in ("network.define", "network.create"):
            words = self.refused("exists", method,
                                 xml=network_xml("default", 52, OTHER_UUID))
            self.assertIn("network 'default'", words)

    def test_no_such_network(self):
        for method in ("info", "xml", "leases", "start", "destroy", "undefine",
                       "autostart"):
            for name in ("nobody", OTHER_UUID):
                words = self.refused("not-found", "network." + method, network=name)
                self.assertEqual(words, f"there is no network '{name}' on this host")


class RealDriver(NetworkCase):
    """libvirt's own driver of networks, in a private libvirtd of an ordinary user: it
    may start none, but holds definitions as it does for root."""

    def start_daemon(self, **options):
        libvirtd = self.start_libvirtd()
        daemon = super().start_daemon(config={"libvirt": {"uri": libvirtd.qemu_uri}},
                                      **options)

        def drives_networks():
            answer = daemon.call("alice", "network.list")
            name = answer.get("error", {}).get("data", {}).get("name")
            if name == "unsupported":
                self.skipTest("this libvirtd drives no networks")
            return "result" in answer
        wait_for(drives_networks, "an answer of libvirtd")
        return daemon

    def test_states(self):
        self.result("network.define", xml=network_xml("lab", 60, OTHER_UUID))
        self.assertEqual(self.names(active=False), ["lab"])
        words = self.refused("state", "network.destroy", network="lab")
        self.assertEqual(words, "network 'lab' is not active: start it first")
        self.result("network.autostart", network="lab")
        self.assertEqual(self.names(autostart=True), ["lab"])
        host = "<host mac='00:16:3e:77:e2:ed' ip='192.168.60.100'/>"
        change = {"network": "lab", "section": "ip-dhcp-host", "xml": host}
        words = self.refused("state", "network.update", command="add-last",
                             live=True, **change)
        self.assertEqual(words, "network 'lab' is not active: start it first")
        self.result("network.update", command="add-last", config=True, **change)
        words = self.refused("state", "network.update", command="add-last",
                             config=True, **change)
        self.assertIn("existing dhcp host entry", words)
        shown = self.result("network.xml", network="lab", inactive=True)
        self.assertIn("192.168.60.100", shown["xml"])
        self.assertEqual(self.result("network.leases", network="lab")["leases"], [])
        self.refused("exists", "network.define", xml=network_xml("lab", 61))
        self.result("network.undefine", network="lab")
        self.assertEqual(self.names(), [])

    def test_bad_xml(self):
        words = self.refused("invalid-params", "network.define",
                             xml="<network><name>a</name><ip address='no'/></network>")
        self.assertIn("network 'a'", words)


class Rights(NetworkCase):

    def test_roles(self):
        for user in ("olga", "walter"):
            for method in ("start", "destroy", "undefine", "autostart"):
                self.refused("denied", "network." + method, user, network="default")
            self.refused("denied", "network.define", user, xml="<network/>")
            self.refused("denied", "network.update", user, network="default",
                         command="delete", section="ip", xml="<ip/>")
        self.assertTrue(self.result("network.info", network="default")["active"])

    def test_what_tells_of_guests_is_not_for_one_of_some_domains(self):
        self.result("network.info", "walter", network="default")
        self.result("network.list", "walter")
        for method in ("network.xml", "network.leases"):
            self.refused("denied", method, "walter", network="default")
        self.result("network.xml", "olga", network="default")


class Verbs(NetworkCase):

    def test_list(self):
        self.result("network.define", xml=network_xml("lab", 53))
        lines = self.virtmux("net-list").splitlines()
        self.assertEqual(lines[0].split(), ["Name", "State", "Autostart", "Persistent"])
        self.assertEqual([line.split() for line in lines[2:] if line],
                         [["default", "active", "no", "yes"]])
        self.assertIn("lab", self.virtmux("net-list", "--all"))
        self.assertEqual(self.virtmux("net-list", "--inactive", "--name"), "lab\n")
        self.assertEqual(self.virtmux("net-list", "--uuid"), UUID + "\n")
        self.assertEqual(
            self.virtmux("-f", "csv", "net-list", "--inactive").splitlines(),
            ["name,active,autostart,persistent", "lab,false,false,true"])
        shown = json.loads(self.virtmux("--json", "net-list", "--all"))
        self.assertEqual([row["name"] for row in shown["networks"]],
                         ["default", "lab"])

    def test_info(self):
        lines = self.virtmux("net-info", "default").splitlines()
        self.assertEqual([line.split() for line in lines], [
            ["Name:", "default"], ["UUID:", UUID], ["Active:", "yes"],
            ["Persistent:", "yes"], ["Autostart:", "no"], ["Bridge:", "virbr0"]])

    def test_whole_life(self):
        path = write_file(os.path.join(self.work, "lab.xml"), network_xml("lab", 54))
        self.assertEqual(self.virtmux("net-define", path),
                         f"Network lab defined from {path}\n")
        self.assertEqual(self.virtmux("net-autostart", "lab"),
                         "Network lab marked as autostarted\n")
        self.assertEqual(self.virtmux("net-autostart", "lab", "--disable"),
                         "Network lab unmarked as autostarted\n")
        self.assertEqual(self.virtmux("net-start", "--network", "lab"),
                         "Network lab started\n")
        host = "<host mac='00:16:3e:77:e2:ed' ip='192.168.54.100'/>"
        self.assertEqual(
            self.virtmux("net-update", "lab", "add", "ip-dhcp-host", host, "--live"),
            "Updated network lab\n")
        self.assertIn("192.168.54.100", self.virtmux("net-dumpxml", "lab"))
        path = write_file(os.path.join(self.work, "host.xml"), host)
        config = os.path.join(self.work, "home-alice", "config")
        self.virtmux("--config", config, "net-update", "lab", "delete",
                     "ip-dhcp-host", path, "--config", "--live")
        self.assertNotIn("192.168.54.100", self.virtmux("net-dumpxml", "lab"))
        self.assertEqual(self.virtmux("net-destroy", "lab"), "Network lab destroyed\n")
        self.assertEqual(self.virtmux("net-undefine", "lab"),
                         "Network lab has been undefined\n")
        path = write_file(os.path.join(self.work, "lab.xml"), network_xml("lab", 55))
        self.assertEqual(self.virtmux("net-create", path),
                         f"Network lab created from {path}\n")

    def test_failures(self):
        self.assertIn("there is no network 'nobody'",
                      self.virtmux("net-info", "nobody", status=3))
        self.virtmux("net-start", "default", status=1)
        self.virtmux("net-destroy", "default", status=4, user="olga")
        self.virtmux("net-dhcp-leases", "default", status=1)
        self.virtmux("net-update", "default", "shake", "ip", "<ip/>", status=2)
        self.virtmux("net-update", "default", "add", "cellar", "<ip/>", status=2)
        self.virtmux("net-update", "default", "add", "ip", "<ip/>", "--live",
                     "--current", status=2)
        self.virtmux("net-start", status=2)


if __name__ == "__main__":
    virtmux_test.main()
