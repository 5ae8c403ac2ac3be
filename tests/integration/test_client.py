#!/usr/bin/env python3
# timeout: 300
# sanitized: the commands and their errors
"""Every verb of virtmux against a real virtmuxd on libvirt's test driver: what a
person reads, what a script reads in each format, and the exit statuses.
"""
import csv
import io
import json
import os
import re
import signal
import struct

import virtmux_test
from virtmux_test import read_file, wait_for, write_file

TRANSIENT = """<domain type='test'>
  <name>fleeting</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os><type>hvm</type></os>
</domain>
"""
DEFINED = TRANSIENT.replace("fleeting", "kept").replace(
    "<memory", "<title>a \u001b[31mred\u001b[0m \u00e4 title</title><memory").replace(
    "\u001b", "")


class ClientCase(virtmux_test.Case):
    """A daemon, and clients of three roles."""

    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "test"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.user("alice")

    def user(self, name):
        """His key without a passphrase, which would take most of the time."""
        return self.client(self.daemon, name, key=self.authority.user(name).plain_key)

    def ok(self, *words, client=None, **options):
        """Standard output of a run that must succeed without complaint."""
        done = (client or self.alice).run(*words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def fails(self, status, *words, client=None, **options):
        """Standard error of a run that must end with STATUS and no result."""
        done = (client or self.alice).run(*words, **options)
        self.assertEqual((done.returncode, done.stdout), (status, ""),
                         (words, done.stderr))
        return done.stderr

    def state(self, name="test"):
        return json.loads(self.ok("dominfo", name, "--json"))["state"]

    def xml_file(self, text=DEFINED):
        return write_file(os.path.join(self.work, "domain.xml"), text)


class Reading(ClientCase):
    def test_list(self):
        self.assertEqual(self.ok("list"), (
            " Id   Name   State     vCPUs   Memory\n"
            "--------------------------------------\n"
            " 1    test   running       2    2 GiB\n"))

    def test_list_filters(self):
        def names(*options):
            return self.ok("list", "--name", *options).split()

        self.ok("define", self.xml_file())
        self.ok("create", self.xml_file(TRANSIENT))
        self.assertEqual(names(), ["fleeting", "test"])
        self.assertEqual(names("--all"), ["fleeting", "kept", "test"])
        self.assertEqual(names("--inactive"), ["kept"])
        self.assertEqual(names("--state-shutoff"), ["kept"])
        self.assertEqual(names("--all", "--transient"), ["fleeting"])
        self.assertEqual(names("--persistent"), ["test"])
        self.assertEqual(names("--all", "--match", "*e*t*"), ["fleeting", "kept", "test"])
        self.assertEqual(names("--all", "--match", "k*"), ["kept"])
        self.assertEqual(names("--autostart"), [])
        self.ok("suspend", "test")
        self.assertEqual(names("--state-paused"), ["test"])
        self.assertEqual(names("--state-running"), ["fleeting"])
        self.assertEqual(names("--state-paused", "--state-shutoff"), ["kept", "test"])
        self.assertEqual(names("--state-other"), [])

    def test_list_for_scripts(self):
        self.ok("define", self.xml_file())
        listed = json.loads(self.ok("list", "--all", "--json"))["domains"]
        self.assertEqual([d["name"] for d in listed], ["kept", "test"])
        self.assertEqual(listed[0]["title"], "a [31mred[0m \u00e4 title")
        self.assertEqual(listed[0]["state"], "shut-off")
        self.assertNotIn("id", listed[0])
        self.assertEqual(listed[1]["memory"], 2 << 30)
        lines = self.ok("list", "--all", "-f", "jsonl").splitlines()
        self.assertEqual([json.loads(line) for line in lines], listed)
        rows = list(csv.DictReader(io.StringIO(self.ok("list", "--all", "-f", "csv"))))
        self.assertEqual([row["name"] for row in rows], ["kept", "test"])
        self.assertEqual(rows[0]["id"], "")
        self.assertEqual(rows[1]["memory"], str(2 << 30))
        self.assertEqual(rows[0]["title"], "a [31mred[0m \u00e4 title")
        self.assertEqual(self.ok("list", "--all", "--name", "--null"), "kept\0test\0")
        self.assertEqual(self.ok("list", "--all", "--uuid").split(),
                         [d["uuid"] for d in listed])

    def test_dominfo(self):
        shown = self.ok("dominfo", "test")
        self.assertRegex(shown, r"(?m)^Name:           test$")
        self.assertRegex(shown, r"(?m)^State:          running$")
        self.assertRegex(shown, r"(?m)^Used memory:    2097152 KiB$")
        self.assertRegex(shown, r"(?m)^Persistent:     yes$")
        uuid = re.search(r"UUID: +(\S+)", shown).group(1)
        self.assertEqual(json.loads(self.ok("info", uuid, "--json"))["name"], "test")
        row = next(csv.DictReader(io.StringIO(self.ok("dominfo", "test", "-f", "csv"))))
        self.assertEqual(row["uuid"], uuid)

    def test_dumpxml(self):
        xml = self.ok("dumpxml", "test")
        self.assertTrue(xml.startswith("<domain type='test' id='1'>\n"), xml)
        self.assertTrue(xml.endswith("</domain>\n"), xml)
        self.assertIn("<domain type='test'>",
                      self.ok("dumpxml", "test", "--inactive", "--security-info"))
        result = json.loads(self.ok("dumpxml", "test", "--json"))
        self.assertEqual(result["xml"].rstrip(), xml.rstrip())

    def test_host(self):
        self.assertRegex(self.ok("nodeinfo"), r"(?m)^CPU\(s\): +16$")
        self.assertEqual(json.loads(self.ok("nodeinfo", "--json"))["hypervisor"], "TEST")
        self.assertRegex(self.ok("version"), r"(?m)^Libvirt: +\d+\.\d+\.\d+$")
        self.assertRegex(self.ok("whoami"), r"(?m)^Identity: +alice\n(.*\n)*Role: +admin$")
        self.assertIn("domain.start",
                      json.loads(self.ok("whoami", "--methods", "-j"))["methods"])

    def test_speed(self):
        shown = self.ok("speed", "--megabytes", "8")
        self.assertRegex(shown, r"^Call: +\d+ us\nFrom the host: +[\d.]+ MB/s\n"
                                r"To the host: +[\d.]+ MB/s\n$")
        result = json.loads(self.ok("speed", "--megabytes", "8", "--json"))
        self.assertEqual(result["bytes"], 8000000)
        self.assertGreater(result["upload_bytes_per_second"], 0)

    def test_call(self):
        self.assertEqual(
            json.loads(self.ok("call", "domain.list", "active=true", "--json")),
            json.loads(self.ok("list", "--json")))
        self.assertEqual(
            json.loads(self.ok("call", "domain.list", "state=running,paused", "-j")),
            json.loads(self.ok("list", "--json")))
        self.assertIn("openrpc", json.loads(self.ok("call", "rpc.discover")))
        self.fails(2, "call", "domain.info")
        self.assertIn("pausd", self.fails(2, "call", "domain.start", "domain=x", "pausd"))
        self.fails(3, "call", "domain.info", "domain=nonesuch")

    def test_screenshot(self):
        file = os.path.join(self.work, "s.png")
        self.assertEqual(self.ok("screenshot", "test", "-o", file),
                         f"Screenshot saved to {file}, with type of image/png\n")
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        with open(file, "rb") as picture:
            png = picture.read()
        self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">4s", png[12:16]), (b"IHDR",))
        self.assertGreater(struct.unpack(">I", png[16:20])[0], 0)
        result = json.loads(self.ok("screenshot", "test", "-o", file, "--json"))
        self.assertEqual(result, {"file": file, "type": "image/png", "bytes": len(png)})
        self.ok("screenshot", "test", cwd=self.work)
        self.assertEqual(len([f for f in os.listdir(self.work)
                              if re.fullmatch(r"test-[\d-]{19}\.png", f)]), 1)
        client = self.alice.spawn("screenshot", "test", "-o", "-", stdout=-1)
        self.assertEqual(client.communicate(timeout=virtmux_test.TIMEOUT)[0][:8], png[:8])

    def test_screenshot_fails(self):
        self.ok("destroy", "test")
        file = os.path.join(self.work, "s.png")
        self.fails(1, "screenshot", "test", "-o", file)
        self.fails(3, "screenshot", "nonesuch", "-o", file)
        self.assertFalse(os.path.exists(file))

    def test_without_a_host(self):
        self.daemon.stop()
        self.assertRegex(self.ok("methods"), r"(?m)^ domain\.start +operator +call")
        self.ok("help")
        self.ok("start", "--help")
        self.assertEqual(self.ok("--version").split()[0], "virtmux")
        self.assertIn("virtmux", self.fails(5, "list"))


class Acting(ClientCase):
    def test_power(self):
        steps = (
            (("suspend", "test"), "Domain 'test' suspended\n", "paused"),
            (("resume", "test"), "Domain 'test' resumed\n", "running"),
            (("reboot", "test"), "Domain 'test' is being rebooted\n", None),
            (("destroy", "test"), "Domain 'test' destroyed\n", "shut-off"),
            (("start", "test"), "Domain 'test' started\n", "running"),
            (("shutdown", "test"), "Domain 'test' is being shutdown\n", "shut-off"),
            (("start", "test"), "Domain 'test' started\n", "running"),
            (("stop", "test", "--force"), "Domain 'test' destroyed\n", "shut-off"),
            (("start", "test"), "Domain 'test' started\n", "running"),
            (("stop", "test"), "Domain 'test' is being shutdown\n", "shut-off"),
        )
        for words, said, state in steps:
            self.assertEqual(self.ok(*words), said)
            if state:
                self.assertEqual(self.state(), state, words)

    def test_what_the_hypervisor_lacks(self):
        """libvirt's test driver starts nothing paused."""
        self.ok("destroy", "test")
        self.assertIn("hypervisor", self.fails(1, "start", "test", "--paused"))

    def test_wrong_state(self):
        self.assertIn("running", self.fails(1, "start", "test"))
        self.fails(1, "destroy", "test", client=self.stopped())

    def stopped(self):
        self.ok("destroy", "test")
        return self.alice

    def test_define_and_undefine(self):
        file = self.xml_file()
        self.assertEqual(self.ok("define", file), f"Domain 'kept' defined from {file}\n")
        self.assertEqual(self.state("kept"), "shut-off")
        self.assertEqual(self.ok("undefine", "kept"),
                         "Domain 'kept' has been undefined\n")
        self.fails(3, "dominfo", "kept")
        self.assertEqual(self.ok("define", "-", input=DEFINED),
                         "Domain 'kept' defined from -\n")
        self.ok("undefine", "kept", "--managed-save")

    def test_create(self):
        file = self.xml_file(TRANSIENT)
        self.assertEqual(self.ok("create", file),
                         f"Domain 'fleeting' created from {file}\n")
        self.assertEqual(self.state("fleeting"), "running")
        self.ok("destroy", "fleeting")
        self.fails(3, "dominfo", "fleeting")

    def test_xml_that_is_wrong(self):
        self.fails(2, "define", self.xml_file("<domain/>"))
        self.fails(2, "create", "-", input="no XML")
        self.assertIn("nowhere.xml", self.fails(3, "define", "nowhere.xml", cwd=self.work))
        self.fails(2, "define", "-", input="")

    def test_result_as_json(self):
        result = json.loads(self.ok("suspend", "test", "--json"))
        self.assertEqual((result["name"], result["state"]), ("test", "paused"))
        self.assertEqual(self.ok("resume", "test", "--quiet"), "")

    def test_audited(self):
        self.ok("suspend", "test")
        record = self.daemon.wait_audit(method="domain.suspend")[0]
        self.assertEqual(record["identity"], "alice")


class Errors(ClientCase):
    def test_not_found(self):
        self.assertIn("'nonesuch'", self.fails(3, "dominfo", "nonesuch"))

    def test_as_json(self):
        error = json.loads(self.fails(3, "dominfo", "nonesuch", "--json"))["error"]
        self.assertEqual((error["code"], error["status"], error["retry"]),
                         ("not-found", 3, False))
        error = json.loads(self.fails(2, "dominfo", "-f", "jsonl"))["error"]
        self.assertEqual(error["code"], "usage")

    def test_rights(self):
        olga = self.user("olga")
        victor = self.user("victor")
        self.ok("list", client=victor)
        self.assertIn("role", self.fails(4, "start", "test", client=victor))
        self.ok("suspend", "test", client=olga)
        self.fails(4, "define", self.xml_file(), client=olga)
        self.fails(4, "dumpxml", "test", "--security-info", client=victor)
        self.ok("define", self.xml_file())
        self.assertEqual(self.ok("list", "--all", "--name", client=olga).split(), ["test"])
        self.fails(3, "dominfo", "kept", client=olga)

    def test_interrupted(self):
        """Ctrl-C while the host does not answer."""
        self.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.process.send_signal, signal.SIGCONT)
        client = self.alice.spawn("list", stdout=-1, stderr=-1, text=True)
        wait_for(lambda: self.sockets_of(client.pid), "a connection of the client")
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=virtmux_test.TIMEOUT)
        self.assertEqual((client.returncode, out), (130, ""), err)
        self.assertIn("interrupted", err)

    @staticmethod
    def sockets_of(pid):
        folder = f"/proc/{pid}/fd"
        try:
            return [fd for fd in os.listdir(folder)
                    if os.readlink(os.path.join(folder, fd)).startswith("socket:")]
        except FileNotFoundError:
            return []

    def test_usage(self):
        for words, said in (
                (("lsit",), "did you mean 'list'"),
                (("list", "--inactiv"), "did you mean '--inactive'"),
                (("start",), "virtmux start DOMAIN"),
                (("list", "-H", "tset"), "did you mean 'test'"),
                (("list", "-H", "a/b"), "not the name of one host")):
            self.assertIn(said, self.fails(2, *words))

    def test_configuration(self):
        write_file(self.alice.config, "[host test]\nadress = x\n")
        said = self.fails(2, "list")
        self.assertIn(self.alice.config + ":2: ", said)
        self.assertIn('"address"', said)

    def test_command_line_over_configuration(self):
        address = re.search(r"address = (\S+)", read_file(self.alice.config)).group(1)
        write_file(self.alice.config, "")
        self.fails(2, "list")
        user = self.daemon.authority.user("alice")
        words = ("-H", address, "--ca", user.ca, "--certificate", user.certificate,
                 "--key", user.key)
        self.assertIn("test", self.ok(*words, "list"))
        self.assertIn("test", self.ok("list", *words))
        self.assertIn("test", self.ok("list", *words[2:], env={"VIRTMUX_HOST": address}))

    def test_reader_that_leaves(self):
        """A pipe that nobody reads ends virtmux as it would any filter."""
        client = self.alice.spawn("call", "rpc.discover", stdout=-1, stderr=-1)
        client.stdout.close()
        client.stdout = None
        said = client.communicate(timeout=virtmux_test.TIMEOUT)[1]
        self.assertEqual((client.returncode, said), (-signal.SIGPIPE, b""))


if __name__ == "__main__":
    virtmux_test.main()
