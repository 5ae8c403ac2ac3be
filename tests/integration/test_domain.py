#!/usr/bin/env python3
# sanitized: parameters of domains that are wrong
"""The methods of domains, of the host and of the channel's measurement, as curl
sees them; libvirt is test:///default, whose one domain "test" runs.
"""
import json

import virtmux_test

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
OTHER_UUID = "11111111-2222-4333-8444-555555555555"
XML = """<domain type='test'>
  <name>{name}</name>{uuid}
  <title>a title</title>
  <memory unit='MiB'>64</memory>
  <vcpu>3</vcpu>
  <os><type>hvm</type></os>
</domain>"""


def domain_xml(name, uuid=None):
    return XML.format(name=name, uuid=f"<uuid>{uuid}</uuid>" if uuid else "")


class DomainCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "web-*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()

    def state(self, domain="test"):
        return self.result("domain.info", domain=domain)["state"]

    def names(self, user="alice", **filters):
        domains = self.result("domain.list", user, **filters)["domains"]
        return [domain["name"] for domain in domains]


class Life(DomainCase):
    """Each action, and the state that it leaves."""

    def act(self, method, expected, **params):
        answer = self.result(method, domain="test", **params)
        self.assertEqual(answer, {"uuid": UUID, "name": "test", "state": expected})
        self.assertEqual(self.state(), expected)

    def test_suspend_and_resume(self):
        self.act("domain.suspend", "paused")
        self.act("domain.resume", "running")
        self.refused("state", "domain.resume", domain="test")

    def test_destroy_and_start(self):
        self.act("domain.destroy", "shut-off")
        words = self.refused("state", "domain.destroy", domain="test")
        self.assertIn("test", words)
        self.act("domain.start", "running")
        self.refused("state", "domain.start", domain="test")

    def test_flag_that_the_driver_does_not_know(self):
        self.act("domain.destroy", "shut-off")
        self.refused("unsupported", "domain.start", domain="test", paused=True)
        self.assertEqual(self.state(), "shut-off")

    def test_shutdown_and_reboot(self):
        self.act("domain.reboot", "running")
        self.act("domain.shutdown", "shut-off")

    def test_by_uuid(self):
        answer = self.result("domain.suspend", domain=UUID)
        self.assertEqual(answer["name"], "test")
        self.assertEqual(self.state(), "paused")

    def test_no_such_domain(self):
        for method in ("info", "xml", "start", "destroy", "suspend", "resume",
                       "shutdown", "reboot", "undefine"):
            words = self.refused("not-found", "domain." + method, domain="nobody")
            self.assertIn("nobody", words)

    def test_audit_names_the_domain(self):
        self.result("domain.suspend", domain=UUID)
        record = self.daemon.wait_audit(method="domain.suspend", event="end")[0]
        self.assertEqual(record["uuid"], UUID)
        self.assertEqual(record["name"], "test")
        self.assertEqual(record["outcome"], "ok")


class Definitions(DomainCase):

    def test_define_and_undefine(self):
        answer = self.result("domain.define", xml=domain_xml("web-1", OTHER_UUID))
        self.assertEqual(answer, {"uuid": OTHER_UUID, "name": "web-1",
                                  "state": "shut-off"})
        self.assertEqual(self.names(), ["test", "web-1"])
        shown = self.result("domain.xml", domain="web-1")
        self.assertEqual(shown["uuid"], OTHER_UUID)
        self.assertIn("<vcpu placement='static'>3</vcpu>", shown["xml"])
        self.assertEqual(self.result("domain.undefine", domain="web-1"),
                         {"uuid": OTHER_UUID, "name": "web-1"})
        self.assertEqual(self.names(), ["test"])

    def test_undefine_of_an_active_domain_makes_it_transient(self):
        answer = self.result("domain.undefine", domain="test")
        self.assertEqual(answer["state"], "running")
        self.assertEqual(self.names(persistent=False), ["test"])

    def test_undefine_cannot_remove_and_keep(self):
        self.refused("invalid-params", "domain.undefine", domain="test",
                     nvram=True, keep_nvram=True)
        self.assertEqual(self.names(), ["test"])

    def test_create_is_gone_when_it_stops(self):
        answer = self.result("domain.create", xml=domain_xml("web-2"))
        self.assertEqual(answer["state"], "running")
        self.assertEqual(self.names(persistent=False), ["web-2"])
        self.assertNotIn("state", self.result("domain.destroy", domain="web-2"))
        self.assertEqual(self.names(), ["test"])

    def test_bad_xml(self):
        for xml in ("<domain", "<domain/>", "<network/>",
                    "<!DOCTYPE a [<!ENTITY b 'c'>]><domain>&b;</domain>"):
            for method in ("domain.define", "domain.create"):
                answer = self.daemon.call("alice", method, {"xml": xml})
                self.assertIn(answer["error"]["data"]["name"],
                              ("invalid-params", "failed"), (xml, answer))
        self.assertEqual(self.names(), ["test"])

    def test_name_of_another_domain(self):
        self.refused("exists", "domain.define", xml=domain_xml("test", OTHER_UUID))


class Lists(DomainCase):

    def test_fields(self):
        self.result("domain.define", xml=domain_xml("web-1", OTHER_UUID))
        first, second = self.result("domain.list")["domains"]
        self.assertEqual(first, {
            "uuid": UUID, "name": "test", "id": 1, "state": "running", "vcpus": 2,
            "memory": 2 << 30, "memory_max": 8 << 30, "persistent": True,
            "autostart": False})
        self.assertEqual(second, {
            "uuid": OTHER_UUID, "name": "web-1", "state": "shut-off", "vcpus": 3,
            "memory": 64 << 20, "memory_max": 64 << 20, "title": "a title",
            "persistent": True, "autostart": False})

    def test_filters(self):
        self.result("domain.define", xml=domain_xml("web-1"))
        self.result("domain.create", xml=domain_xml("web-2"))
        self.result("domain.suspend", domain="web-2")
        for filters, expected in (
                ({}, ["test", "web-1", "web-2"]),
                ({"active": True}, ["test", "web-2"]),
                ({"active": False}, ["web-1"]),
                ({"state": ["paused", "shut-off"]}, ["web-1", "web-2"]),
                ({"name": "web-*"}, ["web-1", "web-2"]),
                ({"name": "*[1x]"}, ["web-1"]),
                ({"persistent": True}, ["test", "web-1"]),
                ({"autostart": True}, []),
                ({"active": True, "name": "web-*"}, ["web-2"])):
            self.assertEqual(self.names(**filters), expected, filters)

    def test_info(self):
        info = self.result("domain.info", domain="test")
        for key, value in {"uuid": UUID, "name": "test", "id": 1, "vcpus": 2,
                           "state": "running", "os_type": "linux",
                           "memory": 2 << 30, "memory_max": 8 << 30,
                           "persistent": True, "autostart": False,
                           "managed_save": False}.items():
            self.assertEqual(info[key], value, key)


    def test_consoles(self):
        """Displays and serial lines, in the order that consoles are numbered."""
        devices = """<devices>
          <graphics type='vnc' port='5999' listen='0.0.0.0'/>
          <graphics type='vnc'><listen type='none'/></graphics>
          <graphics type='spice'><listen type='socket' socket='/run/s'/></graphics>
          <graphics type='sdl'/>
          <serial type='pty'/><serial type='null'/></devices></domain>"""
        xml = domain_xml("web-1").replace("</domain>", devices)
        self.result("domain.define", xml=xml)
        info = self.result("domain.info", domain="web-1")
        self.assertEqual(info["graphics"], [
            {"n": 0, "type": "vnc", "listen": "address", "address": "0.0.0.0",
             "port": 5999},
            {"n": 1, "type": "vnc", "listen": "none"},
            {"n": 2, "type": "spice", "listen": "socket", "socket": "/run/s"},
            {"n": 3, "type": "sdl", "listen": "none"}])
        self.assertEqual(
            [(line["n"], line["device"], line["type"]) for line in info["serial"]],
            [(0, "serial", "pty"), (1, "serial", "null")])
        bare = self.result("domain.info", domain="test")
        self.assertEqual((bare["graphics"], bare["serial"]), ([], []))


class Scope(DomainCase):
    """What lies outside of somebody's globs does not exist for him."""

    def setUp(self):
        super().setUp()
        self.result("domain.define", xml=domain_xml("web-1", OTHER_UUID))

    def test_list(self):
        self.assertEqual(self.names("olga"), ["web-1"])
        info = self.result("host.info", "olga")
        self.assertEqual((info["domains_active"], info["domains_inactive"]), (0, 1))

    def test_same_words_as_for_nothing(self):
        for method in ("info", "xml", "start", "destroy", "suspend", "resume",
                       "shutdown", "reboot"):
            for hidden, absent in (("test", "toast"), (UUID, UUID[:-1] + "0")):
                words = [self.refused("not-found", "domain." + method, "olga",
                                      domain=name) for name in (hidden, absent)]
                self.assertEqual(words[0].replace(hidden, ""),
                                 words[1].replace(absent, ""))
        self.assertEqual(self.state(), "running")

    def test_resources(self):
        for domain in ("test", UUID):
            answer = self.daemon.curl("olga", f"/domains/{domain}/screenshot")
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.json()["error"]["data"]["name"], "not-found")

    def test_inside(self):
        self.assertEqual(self.result("domain.start", "olga", domain="web-1"),
                         {"uuid": OTHER_UUID, "name": "web-1", "state": "running"})


class Screenshots(DomainCase):

    def test_picture(self):
        answer = self.daemon.curl("alice", "/domains/test/screenshot")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.body.startswith(b"\x89PNG\r\n\x1a\n"))
        self.assertEqual(answer.headers["content-type"], "image/png")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(answer.headers["virtmux-domain-uuid"], UUID)
        self.assertEqual(answer.headers["virtmux-domain-name"], "test")
        record = self.daemon.wait_audit(method="domain.screenshot", event="end")[0]
        self.assertEqual((record["uuid"], record["bytes_out"]),
                         (UUID, len(answer.body)))

    def test_none(self):
        answer = self.daemon.curl("alice", "/domains/nobody/screenshot")
        self.assertEqual(answer.status, 404)
        self.assertEqual(answer.json()["error"]["data"]["name"], "not-found")


class Host(DomainCase):

    def test_info(self):
        info = self.result("host.info")
        self.assertEqual(info["uri"], "test:///default")
        self.assertEqual(info["hypervisor"], "TEST")
        self.assertEqual(info["cpus"], 16)
        self.assertEqual(info["memory"], 3 << 30)
        self.assertEqual((info["domains_active"], info["domains_inactive"]), (1, 0))

    def test_version(self):
        version = self.result("host.version")
        self.assertEqual(version["hypervisor"], "TEST")
        for name in ("agent", "libvirt", "client_library"):
            self.assertRegex(version[name], r"^\d+\.\d+\.\d+$")

    def test_whoami_lists_methods(self):
        olga = self.result("session.whoami", "olga", methods=True)
        self.assertEqual(olga["domains"], ["web-*"])
        self.assertIn("domain.start", olga["methods"])
        self.assertNotIn("domain.define", olga["methods"])
        alice = self.result("session.whoami", methods=True)
        self.assertIn("domain.define", alice["methods"])
        self.assertRegex(alice["not_after"], r"^\d{4}-\d\d-\d\dT[\d:.]+Z$")


class Speed(DomainCase):

    def test_download(self):
        for size in (0, 1, 3_000_001):
            answer = self.daemon.curl("alice", f"/speed?bytes={size}")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["content-length"], str(size))
            self.assertEqual(len(answer.body), size)
        records = self.daemon.wait_audit(method="host.speed-download", event="end",
                                         bytes_out=3_000_001)
        self.assertEqual(records[0]["outcome"], "ok")

    def test_upload(self):
        for size in (0, 1, 3_000_001):
            answer = self.daemon.curl("alice", "/speed", b"x" * size,
                                      words=["--request", "PUT"])
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json()["bytes"], size)
            if size > 1:
                self.assertGreater(answer.json()["duration"], 0)

    def test_needs_a_number(self):
        for query in ("", "?bytes=-1", "?bytes=x", "?bytes=1&more=2"):
            answer = self.daemon.curl("alice", "/speed" + query)
            self.assertEqual(answer.status, 400, query)
            self.assertEqual(json.loads(answer.body)["error"]["data"]["name"],
                             "invalid-params")

    def test_peers_that_go_in_the_middle(self):
        before = self.daemon.rss_kib()
        self.daemon.node("alice", """
            for (let i = 0; i < 20; i++) {
                const path = "/speed?bytes=9007199254740992";
                const stream = session.request({":path": path});
                stream.on("error", () => {});
                await new Promise(done => stream.once("data", done));
                stream.close(constants.NGHTTP2_CANCEL);
                await new Promise(done => stream.once("close", done));
            }
            const stream = session.request({":method": "PUT", ":path": "/speed"});
            stream.on("error", () => {});
            stream.write("some");
            await call("session.whoami");
            stream.close(constants.NGHTTP2_CANCEL);
            await new Promise(done => stream.once("close", done));
            await call("session.whoami");
        """)
        self.daemon.wait_audit(method="host.speed-upload", event="end")
        self.assertLess(self.daemon.rss_kib() - before, 16 * 1024)
        self.assertEqual(self.state(), "running")


if __name__ == "__main__":
    virtmux_test.main()
