#!/usr/bin/env python3
# timeout: 600
"""virtmux doctor: against each fault of connect_faults it names the right step, with
the words that every other verb has, in the table and as JSON; a healthy host is found
healthy; and what is wrong behind a good connection is warned of.
"""
import csv
import fcntl
import io
import json
import os
import pty
import re
import ssl
import struct
import termios

import connect_faults
import make_certificates as make
import test_pkcs11
import virtmux_test
from virtmux_test import wait_for, write_file

STEPS = ["configuration", "certificate", "key", "passphrase", "ca", "name", "address",
         "tls", "host-certificate", "alpn", "verdict", "clocks", "rights", "libvirt",
         "revocation", "displays"]
DAY = 86400
NSS_WRAPPER = "/usr/lib/x86_64-linux-gnu/libnss_wrapper.so"


def read_table(text):
    """[(title, result, finding)] of what people see, without the head."""
    lines = text.splitlines()
    assert re.fullmatch(r" Step +Result +Finding", lines[0]), text
    assert set(lines[1]) == {"-"}, text
    rows = [re.fullmatch(r" (.{18})   (ok|warning|failed|not tried) *(.*)", line)
            for line in lines[2:]]
    assert all(rows), text
    return [(row[1].rstrip(), row[2], row[3]) for row in rows]


class Diagnosis:
    """Both forms of one run's findings. `step[NAME]` is (result, finding)."""

    def __init__(self, table, as_json):
        self.status = table.returncode
        self.stderr = table.stderr
        self.rows = read_table(table.stdout)
        self.json = json.loads(as_json.stdout)
        self.names = [step["step"] for step in self.json["steps"]]
        self.step = {step["step"]: (step["result"], step.get("finding", ""))
                     for step in reversed(self.json["steps"])}

    def results(self, result):
        return [step["step"] for step in self.json["steps"] if step["result"] == result]


class DoctorCase(connect_faults.ConnectCase):
    def doctor(self, address, words=(), env=None, **changed):
        """Twice, as a table and as JSON, which must agree in all but a number."""
        runs = [self.run_client(["doctor", *words, *form], address, env=env, **changed)
                for form in ((), ("--json",))]
        self.assertEqual(runs[0].returncode, runs[1].returncode)
        self.assertEqual([done.stderr for done in runs], ["", ""])
        found = Diagnosis(*runs)
        self.assertEqual(found.json["status"], found.status)
        self.assertEqual([step["result"] for step in found.json["steps"]],
                         [row[1] for row in found.rows])
        self.assertEqual(list(dict.fromkeys(found.names)), STEPS)
        return found

    def assert_healthy(self, found):
        self.assertEqual((found.status, set(row[1] for row in found.rows)),
                         (0, {"ok"}), found.rows)


class Faults(DoctorCase):
    def test_every_fault(self):
        for fault in self.faults(self.doctor):
            with self.subTest(fault.what):
                found = fault.attempt()
                self.assertEqual(found.status, fault.status, found.rows)
                failed = found.results("failed")
                self.assertEqual(failed[0], fault.step, found.rows)
                # The host's verdict on a certificate that seemed wrong before.
                self.assertIn(failed[1:], ([], ["verdict"]), found.rows)
                told = [row[2] for row in found.rows if row[1] == "failed"][0]
                for pattern in fault.words:
                    self.assertRegex(told, "(?i)" + pattern)
                    self.assertRegex(found.step[fault.step][1], "(?i)" + pattern)
                self.assert_nothing_after(found)

    def assert_nothing_after(self, found):
        """What needs the channel is not tried without it."""
        for name in STEPS[STEPS.index("clocks"):]:
            self.assertEqual(found.step[name][0], "not tried", name)

    def test_both_sides_offers(self):
        """Where versions do not meet, doctor asks the host what it would take."""
        peer = connect_faults.Peer(self, connect_faults.stays(
            self.tls(maximum_version=ssl.TLSVersion.TLSv1_2)))
        words = self.doctor(peer.address).step["tls"][1]
        self.assertRegex(words, r"This side offers TLS 1\.3 with x25519, .*secp256r1")
        self.assertRegex(words, r"the host agrees to TLS 1\.2 \(\w+\)$")

    def test_the_way_without_a_key(self):
        """What does not need the key is looked at all the same."""
        good = self.start_daemon().address
        found = self.doctor(good, key=os.path.join(self.work, "none.key"))
        self.assertEqual(found.results("failed"), ["key"])
        self.assertEqual((found.status, found.step["host-certificate"][0],
                          found.step["alpn"][0], found.step["verdict"][0]),
                         (6, "ok", "ok", "not tried"))
        found = self.doctor(good, ca=None)
        self.assertEqual(found.results("failed"), ["ca"])
        self.assertIn("no CA is configured", found.step["ca"][1])
        self.assertEqual((found.step["tls"][0], found.step["host-certificate"][0]),
                         ("ok", "not tried"))

    def test_key_of_another_and_open_key(self):
        good = self.start_daemon().address
        bob = self.authority.user("bob")
        found = self.doctor(good, key=bob.plain_key)
        self.assertEqual(found.results("failed"), ["key"])
        self.assertIn("does not belong to the certificate", found.step["key"][1])
        copy = write_file(os.path.join(self.work, "open.key"),
                          virtmux_test.read_file(bob.plain_key), 0o644)
        os.chmod(copy, 0o644)
        found = self.doctor(good, key=copy)
        self.assertEqual(found.results("failed"), ["key"])
        self.assertIn("chmod", found.step["key"][1])

    def test_no_rights(self):
        daemon = self.start_daemon(access={"x": {"role": "viewer", "domains": "*"}})
        found = self.doctor(daemon.address)
        self.assertEqual((found.status, found.results("failed")), (4, ["rights"]))
        self.assertEqual(found.step["verdict"][0], "ok")
        self.assertIn("access.conf", found.step["rights"][1])

    def test_dead_libvirt(self):
        libvirtd = self.start_libvirtd()
        daemon = self.start_daemon(config={"libvirt": {"uri": libvirtd.uri}})
        self.assert_healthy(self.doctor(daemon.address))
        libvirtd.stop()
        wait_for(lambda: "error" in daemon.call("alice", "host.version"),
                 "virtmuxd to notice")
        found = self.doctor(daemon.address)
        self.assertEqual((found.status, found.results("failed")), (1, ["libvirt"]))
        self.assertEqual((found.step["rights"][0], found.step["displays"][0]),
                         ("ok", "not tried"))

    def two_addresses(self, port, **options):
        """A name that has two, by a resolver of the test's own."""
        if not os.path.exists(NSS_WRAPPER):
            self.skipTest("libnss-wrapper is not installed")
        hosts = write_file(os.path.join(self.work, "hosts"),
                           "127.0.0.1 two.example\n127.0.0.2 two.example\n")
        done = self.run_client(
            ["doctor", "--json"], f"two.example:{port}",
            env={"LD_PRELOAD": NSS_WRAPPER, "NSS_WRAPPER_HOSTS": hosts,
                 "ASAN_OPTIONS": "verify_asan_link_order=0"}, **options)
        steps = json.loads(done.stdout)["steps"]
        self.assertEqual((done.returncode, len(steps)), (0, len(STEPS) + 1), steps)
        return [(step["result"], step["finding"].split()[0].rstrip(":"))
                for step in steps if step["step"] == "address"], steps

    def test_every_address_is_looked_at(self):
        daemon = self.start_daemon(config={"daemon": {"listen": "0.0.0.0:0"}})
        named = {"server-name": "localhost"}
        addresses, _ = self.two_addresses(daemon.port, **named)
        self.assertEqual(sorted(addresses), [("ok", f"127.0.0.1:{daemon.port}"),
                                             ("ok", f"127.0.0.2:{daemon.port}")])
        daemon = self.start_daemon()
        addresses, steps = self.two_addresses(daemon.port, **named)
        self.assertEqual(sorted(addresses), [("ok", f"127.0.0.1:{daemon.port}"),
                                             ("warning", f"127.0.0.2:{daemon.port}")])
        self.assertIn({"step": "name", "result": "ok", "finding": "two.example: " + ", ".join(
            address for _, address in addresses)}, steps)
        self.assertTrue(any("Connection refused" in step["finding"] for step in steps))


class Tokens(DoctorCase):
    access = {"user-*": {"role": "admin", "domains": "*"}}

    def test_key_on_a_token(self):
        if not os.path.exists(test_pkcs11.MODULE):
            self.skipTest("SoftHSM is not installed")
        token = test_pkcs11.Token(self.work, self.authority)
        daemon = self.start_daemon()

        def doctor(pin):
            path = write_file(os.path.join(self.work, "pin"), pin + "\n")
            return self.doctor(daemon.address, ("--passphrase-file", path),
                               env=token.environment, key=token.uri("ec"),
                               certificate=token.certificate("ec"))

        found = doctor(test_pkcs11.PIN)
        self.assertEqual((found.status, found.results("failed")), (0, []))
        self.assertIn("object=ec", found.step["key"][1])
        self.assertEqual(found.step["passphrase"][1], "the PIN opens the key")
        found = doctor("1234-wrong")
        self.assertEqual((found.status, found.results("failed")), (6, ["key"]))
        self.assertIn("PIN does not open", found.step["key"][1])


class Profiles(DoctorCase):
    """Before there is anything to connect to."""

    def first(self, done, status):
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        rows = read_table(done.stdout)
        self.assertEqual(rows[0][:2], ("configuration", "failed"))
        self.assertEqual({row[1] for row in rows[1:]}, {"not tried"})
        return rows[0][2]

    def test_unknown_host(self):
        done = self.run_client(["doctor", "faultyy"], "127.0.0.1:1")
        self.assertIn("did you mean 'faulty'?", self.first(done, 2))

    def test_bad_configuration(self):
        config = write_file(os.path.join(self.work, "bad"), "[host x]\nadress = y\n")
        done = self.run_client(["doctor", "--config", config], "127.0.0.1:1")
        self.assertRegex(self.first(done, 2), r"bad:2: .*adress")

    def test_no_such_configuration(self):
        none = os.path.join(self.work, "none")
        done = self.run_client(["doctor", "--config", none], "127.0.0.1:1")
        self.assertIn(none, self.first(done, 3))

    def test_bad_address(self):
        found = self.doctor("[::1")
        self.assertEqual((found.status, found.results("failed")), (2, ["name"]))


class Health(DoctorCase):
    def test_healthy_host(self):
        daemon = self.start_daemon()
        found = self.doctor(daemon.address)
        self.assert_healthy(found)
        self.assertEqual(found.names, STEPS)
        for step, pattern in (
                ("configuration", "^host 'faulty' of /.*config$"),
                ("certificate", r"^alice, until 20\d\d-\d\d-\d\d$"),
                ("key", r"\.plain, for its owner alone \(0600\)$"),
                ("passphrase", "^the key has none$"),
                ("ca", r"^virtmux CA, until"),
                ("name", r"^127\.0\.0\.1 is an address by itself$"),
                ("address", r"answers in \d+\.\d ms$"),
                ("tls", r"^TLSv1\.3, TLS_\w+, \w+$"),
                ("host-certificate", r"^localhost \(.*IP:127\.0\.0\.1.*\), issued by "
                                     "virtmux CA, until"),
                ("alpn", "^h2$"),
                ("verdict", "^the host accepts alice$"),
                ("clocks", r"are 0\.\d\d s apart$"),
                ("rights", r"^alice is admin, of domains \*$"),
                ("libvirt", r"^libvirt \d+\.\d+\.\d+ with TEST"),
                ("revocation", "^the host checks none$"),
                ("displays", "^0 of 1 domain; none listens")):
            self.assertRegex(found.step[step][1], pattern)

    def test_passphrase_and_host_as_option(self):
        daemon = self.start_daemon()
        client = self.client(daemon)
        for words in (["doctor"], ["doctor", "test"], ["-H", "test", "doctor"]):
            done = client.run(*words, "--json")
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            steps = {step["step"]: step for step in json.loads(done.stdout)["steps"]}
            self.assertEqual(steps["passphrase"]["finding"], "opens the key")

    def test_formats(self):
        daemon = self.start_daemon()
        lines = self.run_client(["doctor", "-f", "jsonl"], daemon.address).stdout
        self.assertEqual([json.loads(line)["step"] for line in lines.splitlines()],
                         STEPS)
        text = self.run_client(["doctor", "-f", "csv"], daemon.address).stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([row["step"] for row in rows], STEPS)
        self.assertEqual(rows[-1]["result"], "ok")

    def on_terminal(self, address, **environment):
        """What a terminal of 80 columns shows."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.run_client(["doctor"], address, env=environment, terminal=theirs)
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 4096):
                text += part
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        return text.decode().replace("\r\n", "\n")

    def test_terminal(self):
        """Colour unless NO_COLOR; words wrapped beside their step."""
        closed = self.closed_port()
        shown = self.on_terminal(closed, TERM="xterm")
        self.assertIn("\x1b[31mfailed\x1b[0m", shown)
        self.assertIn("\x1b[32mok\x1b[0m", shown)
        plain = self.on_terminal(closed, TERM="xterm", NO_COLOR="1")
        self.assertNotIn("\x1b", plain)
        for line in plain.splitlines():
            self.assertTrue(len(line) <= 80 or " " not in line[34:].strip(), line)
        joined = re.sub(r"\n {30,}", " ", plain)
        self.assertIn("is virtmuxd running, and is the port right?", joined)


class Warnings(DoctorCase):
    """A good connection, status 0, and a warning."""

    def warned(self, found, *steps):
        self.assertEqual((found.status, found.results("failed"), found.results("warning")),
                         (0, [], list(steps)), found.rows)
        return found.step[steps[0]][1]

    def test_display_on_a_port(self):
        daemon = self.start_daemon()
        for name, graphics in (
                ("web-1", "<graphics type='vnc' port='5999' listen='0.0.0.0'/>"),
                ("web-2", "<graphics type='vnc'><listen type='none'/></graphics>"),
                ("web-3", "<graphics type='spice' autoport='yes'/>"),
                ("web-4", "<graphics type='vnc'><listen type='socket' socket='/s'/>"
                          "</graphics>")):
            daemon.result("alice", "domain.define", {"xml": f"""<domain type='test'>
                <name>{name}</name><memory>1024</memory><os><type>hvm</type></os>
                <devices>{graphics}</devices></domain>"""})
        words = self.warned(self.doctor(daemon.address), "displays")
        self.assertRegex(words, "^TCP ports that nobody needs are open for 2 of 4: ")
        self.assertIn("web-1 (vnc, port 5999 of 0.0.0.0), web-3 (spice", words)
        self.assertIn("<listen type='none'/>", words)

    def test_certificates_near_their_end(self):
        folder = os.path.join(self.work, "near")
        os.mkdir(folder)
        user = make.user(folder, self.pairs["authority"], name="alice", end=20 * DAY - 60)
        host = make.host(folder, self.pairs["authority"], end=3 * DAY - 60)
        daemon = self.host_with(host)
        found = self.doctor(daemon.address, certificate=user.certificate, key=user.key)
        words = self.warned(found, "certificate", "host-certificate")
        self.assertRegex(words, "in 19 days: renew it with virtmux-pki")
        self.assertRegex(found.step["host-certificate"][1], "in 2 days: renew it")

    def test_revocation_list_near_its_end(self):
        self.authority.pki("crl", "--days", "20")
        daemon = self.start_daemon(config={"tls": {
            "crl": os.path.join(self.authority.folder, "crl.pem")}})
        words = self.warned(self.doctor(daemon.address), "revocation")
        self.assertRegex(words, r"until 20\d\d-.*, which is in (19|20) days: renew it with "
                                "virtmux-pki crl; without it nobody gets in")

    def test_clocks_apart(self):
        """A client that lives ten minutes ahead."""
        virtmux_test.need("faketime")
        address = self.start_daemon().address
        done = self.run_client(["doctor", "--json"], address,
                               by=["faketime", "-f", "+10m"],
                               env={"ASAN_OPTIONS": "verify_asan_link_order=0"})
        steps = {step["step"]: step for step in json.loads(done.stdout)["steps"]}
        self.assertEqual((done.returncode, steps["clocks"]["result"]), (0, "warning"))
        self.assertRegex(steps["clocks"]["finding"], r"(600|599) s behind this machine's")


if __name__ == "__main__":
    virtmux_test.main()
