#!/usr/bin/env python3
# timeout: 300
"""The host's machine, its secrets, its sessions and its end through virtmux: the
methods and the verbs, with libvirt's test driver and with a private libvirtd.
"""
import base64
import json
import os

import virtmux_test
from virtmux_test import end_process, wait_for, write_file

SECRET = "44444444-2222-4333-8444-555555555555"
OTHER = "55555555-2222-4333-8444-555555555555"
XML = """<secret ephemeral='no' private='yes'><uuid>{uuid}</uuid>
<description>{words}</description>
<usage type='volume'><volume>{volume}</volume></usage></secret>"""


class HostCase(virtmux_test.Case):
    access = {
        "alice": {"role": "admin", "domains": "*"},
        "adam": {"role": "admin", "domains": "web-*"},
        "olga": {"role": "operator", "domains": "*"},
        "victor": {"role": "viewer", "domains": "*"},
        "walter": {"role": "viewer", "domains": "web-*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()


class Machine(HostCase):
    """With the test driver."""

    def test_capabilities(self):
        xml = self.result("host.capabilities", "walter")["xml"]
        self.assertIn("<capabilities>", xml)
        self.assertEqual(self.virtmux("capabilities").strip(), xml.strip())
        self.refused("unsupported", "host.domain-capabilities")
        self.refused("denied", "host.domain-capabilities", "olga",
                     emulator="/bin/sh")

    def test_stats(self):
        stats = self.result("host.stats", "walter")
        self.assertGreater(stats["cpu_idle"], 0)
        self.assertIn("load_15", stats)
        self.assertNotIn("memory_total", stats)
        self.assertLess(self.result("host.stats", cpu=0)["cpu_user"],
                        stats["cpu_user"] + 1)
        self.refused("unsupported", "host.stats", cell=0)
        lines = self.virtmux("nodecpustats").splitlines()
        self.assertEqual([line.split(":")[0] for line in lines],
                         ["user", "system", "idle", "iowait", "intr"])
        self.virtmux("nodememstats", status=1)

    def test_devices(self):
        computer = {"device": "computer", "capabilities": ["system"]}
        rows = self.result("nodedev.list")["devices"]
        self.assertEqual(rows[0], computer)
        self.assertEqual([row["device"] for row in rows],
                         sorted(row["device"] for row in rows))
        host = [row for row in rows if row["device"] == "scsi_host1"][0]
        self.assertEqual(host["parent"], "computer")
        self.assertEqual(self.result("nodedev.list", cap=["system", "none"]),
                         {"devices": [computer]})
        self.assertEqual(self.result("nodedev.list", cap=["none"]), {"devices": []})
        self.assertEqual(self.result("nodedev.info", device="computer"), computer)
        self.assertIn("<name>computer</name>",
                      self.virtmux("nodedev-dumpxml", "computer"))
        self.assertEqual(self.virtmux("nodedev-list").split(),
                         [row["device"] for row in rows])
        tree = self.virtmux("nodedev-list", "--tree").splitlines()
        self.assertEqual(tree[0], "computer")
        self.assertIn("  +- scsi_host1", tree)
        self.assertEqual(self.virtmux("nodedev-list", "--cap", "none,system"),
                         "computer\n")
        self.virtmux("nodedev-list", "--cap", "system", "--tree", status=2)
        for method in ("info", "xml"):
            words = self.refused("not-found", "nodedev." + method, device="none")
            self.assertEqual(words, "there is no device 'none' on this host")

    def test_secrets_that_the_driver_does_not_keep(self):
        self.refused("unsupported", "secret.list")

    def test_rights(self):
        for user in ("walter", "adam"):
            for method in ("nodedev.list", "secret.list"):
                self.refused("denied", method, user)
            for method in ("nodedev.info", "nodedev.xml"):
                self.refused("denied", method, user, device="computer")
        for user in ("olga", "victor", "adam"):
            self.refused("denied", "secret.undefine", user, secret=SECRET)
            self.refused("denied", "secret.set-value", user, secret=SECRET, value="YQ==")
        for user in ("olga", "victor"):
            self.refused("denied", "host.drain", user)
            self.refused("denied", "session.end", user, session=1)


class Libvirt(HostCase):
    """A private libvirtd of an ordinary user, with QEMU's driver and secrets."""

    def start_daemon(self, **options):
        self.libvirtd = self.start_libvirtd()
        daemon = super().start_daemon(
            config={"libvirt": {"uri": self.libvirtd.qemu_uri}}, **options)

        def keeps_secrets():
            answer = daemon.call("alice", "secret.list")
            if answer.get("error", {}).get("data", {}).get("name") == "unsupported":
                self.skipTest("this libvirtd keeps no secrets")
            return "result" in answer
        wait_for(keeps_secrets, "an answer of libvirtd")
        return daemon

    def define(self, uuid=SECRET, volume="/v/1", words="of a disk"):
        return self.result("secret.define", xml=XML.format(
            uuid=uuid, volume=volume, words=words))

    def test_secrets(self):
        self.assertEqual(self.define(), {"secret": SECRET})
        self.assertEqual(self.result("secret.list", "victor"), {"secrets": [
            {"secret": SECRET, "usage": "volume", "usage_id": "/v/1",
             "description": "of a disk", "ephemeral": False, "private": True}]})
        self.refused("exists", "secret.define",
                     xml=XML.format(uuid=OTHER, volume="/v/1", words=""))
        self.assertEqual(self.result("secret.undefine", secret=SECRET),
                         {"secret": SECRET})
        self.assertEqual(self.result("secret.list"), {"secrets": []})
        for method, more in (("undefine", {}), ("set-value", {"value": "YQ=="})):
            self.refused("not-found", "secret." + method, secret=OTHER, **more)

    def test_values(self):
        """What is set is what libvirt holds; it is in no log, audit or answer."""
        self.define()
        for n in range(1, 70):
            value = os.urandom(n)
            self.result("secret.set-value", secret=SECRET,
                        value=base64.b64encode(value).decode())
            self.assertEqual(self.held(), value)
        for wrong in ("", "YQ", "YQ=", "YQ===", "Y=Q=", "Y Q=", "====", "YQ==YQ==",
                      "\u00e4\u00e4"):
            self.refused("invalid-params", "secret.set-value", secret=SECRET,
                         value=wrong)
        self.assertEqual(self.held(), value)
        text = "c29tZXRoaW5nIHRoYXQgbm9ib2R5IHNlZXM="
        self.result("secret.set-value", secret=SECRET, value=text)
        record = self.daemon.wait_audit(method="secret.set-value", event="end",
                                        outcome="ok")[0]
        self.assertEqual(record["uuid"], SECRET)
        self.daemon.stop()
        for seen in (self.daemon.log(), json.dumps(self.daemon.audit())):
            self.assertNotIn(text, seen)
            self.assertNotIn("something that nobody sees", seen)
        for folder, _, names in os.walk(self.daemon.work):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        self.assertNotIn(text.encode(), file.read(), name)

    def held(self):
        """The value as libvirtd has written it."""
        path = os.path.join(self.libvirtd.folder, "XDG_CONFIG_HOME", "libvirt",
                            "secrets", SECRET + ".base64")
        return base64.b64decode(virtmux_test.read_file(path))

    def test_verbs(self):
        path = write_file(os.path.join(self.work, "secret.xml"), XML.format(
            uuid=SECRET, volume="/v/1", words="of a disk"))
        self.assertEqual(self.virtmux("secret-define", path),
                         f"Secret {SECRET} created\n")
        self.assertEqual(self.virtmux("secret-list").splitlines()[2].split()[:5],
                         [SECRET, "volume", "/v/1", "no", "yes"])
        path = write_file(os.path.join(self.work, "value"), "open sesame")
        self.assertEqual(
            self.virtmux("secret-set-value", SECRET, "--file", path, "--plain"),
            "Secret value set\n")
        self.assertEqual(self.held(), b"open sesame")
        self.virtmux("secret-set-value", SECRET, "--file", "-", input="YWJj\nZGVm\n")
        self.assertEqual(self.held(), b"abcdef")
        self.virtmux("secret-set-value", SECRET, "--file", "-", status=2, input="")
        self.virtmux("--batch", "secret-set-value", SECRET, status=2)
        self.virtmux("secret-set-value", SECRET, "YWJj", status=2)
        self.assertEqual(self.virtmux("secret-undefine", SECRET),
                         f"Secret {SECRET} deleted\n")

    def test_machine(self):
        self.assertIn("<domainCapabilities>", self.virtmux(
            "domcapabilities", "--virttype", "qemu", "--arch", "x86_64"))
        self.refused("invalid-params", "host.domain-capabilities", arch="pdp11")
        stats = self.result("host.stats")
        self.assertGreater(stats["memory_total"], stats["memory_free"])
        lines = self.virtmux("nodememstats").splitlines()
        self.assertRegex(lines[0], r"^total *: +\d+ KiB$")
        self.assertIn("%", self.virtmux("nodecpustats", "--percent"))
        self.refused("invalid-params", "host.stats", cpu=65000)


class Sessions(HostCase):

    def sessions(self, user="alice"):
        return self.result("session.list", user)["sessions"]

    def test_who_sees_whom(self):
        with self.attached("olga") as olga:
            rows = self.sessions()
            self.assertEqual([row["identity"] for row in rows], ["olga", "alice"])
            self.assertEqual([row["own"] for row in rows], [False, True])
            self.assertEqual(rows[1]["streams"], 1)
            self.assertEqual([row["identity"] for row in self.sessions("victor")],
                             ["victor"])
            self.assertEqual([row["identity"] for row in self.sessions("olga")],
                             ["olga", "olga"])
            self.assertIn("olga", self.virtmux("host", "sessions"))
            self.assertIsNone(olga.poll())

    def test_end(self):
        with self.attached("olga") as olga:
            number = self.sessions()[0]["session"]
            self.assertEqual(self.virtmux("host", "end-session", str(number)),
                             f"Session {number} of 'olga' ended\n")
            wait_for(lambda: number not in [row["session"] for row in self.sessions()],
                     "the session's end")
            self.daemon.wait_log('"olga" at .* has ended this session')
            self.assertIsNone(olga.poll())  # it connects again
            self.refused("not-found", "session.end", session=number)
            self.refused("not-found", "session.end", session=0)
        record = self.daemon.wait_audit(method="session.end", event="end",
                                        outcome="ok")[0]
        self.assertEqual(record["identity"], "alice")

    def test_own_end_is_answered(self):
        answer = self.daemon.node("alice", """
            const rows = (await call("session.list")).result.sessions;
            const own = rows.find(row => row.own);
            const ended = new Promise(done => session.once("close", done));
            const answer = await call("session.end", {session: own.session});
            await ended;
            return answer.result.identity;
        """)
        self.assertEqual(answer, "alice")

    def attached(self, user):
        """A connection that stays until it is ended: a process with poll()."""
        case = self

        class Attached:
            def __enter__(self):
                self.process = case.client(case.daemon, user).spawn(
                    "event", "--all", stdout=virtmux_test.subprocess.DEVNULL,
                    stderr=virtmux_test.subprocess.DEVNULL)
                wait_for(lambda: user in [row["identity"] for row in case.sessions()],
                         user + " is connected")
                return self.process

            def __exit__(self, *_):
                end_process(self.process)

        return Attached()


class Drain(HostCase):

    def test_drain(self):
        words = self.virtmux("host", "drain")
        self.assertRegex(words, r"^The host's agent ends, once 1 calls and streams")
        self.daemon.process.wait(virtmux_test.TIMEOUT)
        self.assertEqual(self.daemon.process.returncode, 0)
        self.assertIn("drained", self.daemon.log())
        record = self.daemon.audit()[-1]
        self.assertEqual((record["method"], record["outcome"]), ("host.drain", "ok"))


if __name__ == "__main__":
    virtmux_test.main()
