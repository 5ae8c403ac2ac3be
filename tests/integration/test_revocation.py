#!/usr/bin/env python3
# timeout: 600
"""What ends when a certificate is revoked or a right is taken away, and how soon; new
revocation lists over the channel; reloads by a method; warnings before the end. With
a real guest for the consoles, else with test:///default.
"""
import json
import os
import shutil
import subprocess
import threading
import time

import make_certificates as make
import virtmux_test
from test_console import ConsoleCase
from virtmux_test import guest_xml, read_file, wait_for, write_file

SOON = 5  # seconds after a reload


class Methods(virtmux_test.Case):
    """host.reload, host.push-crl and host.info."""

    access = {"alice": {"role": "admin", "domains": "*"},
              "bob": {"role": "operator", "domains": "*"},
              "carol": {"role": "admin", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.ca = make.Pair(self.authority.ca,
                            os.path.join(self.authority.folder, "ca.key"))
        self.crl = os.path.join(self.work, "crl.pem")
        make.crl(self.crl, self.ca, number=10)
        self.daemon = self.start_daemon(config={"tls": {"crl": self.crl}})

    def list_of(self, *users, ca=None, **options):
        pairs = [make.Pair(self.authority.user(user).certificate, None)
                 for user in users]
        return make.crl(os.path.join(self.work, "new.pem"), ca or self.ca, pairs,
                        **options)

    def push(self, path, user="alice"):
        return self.client(self.daemon, user).run("host", "push-crl", path)

    def refused(self, path, status, words, user="alice"):
        before = read_file(self.crl)
        done = self.push(path, user)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, words)
        self.assertEqual(read_file(self.crl), before)

    def test_a_newer_list(self):
        self.assertEqual(self.daemon.result("bob", "session.whoami")["role"], "operator")
        done = self.push(self.list_of("bob", number=11))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Revocation list 11 of 'virtmux CA' is in force", done.stdout)
        done = self.client(self.daemon, "bob").run("list")
        self.assertEqual(done.returncode, 6)
        self.assertIn("it has been revoked", done.stderr)
        self.daemon.wait_log(r"refused 127\.0\.0\.1:\d+: the user's certificate has been "
                             r"revoked at 20\d\d-.*offered: certificate of \"bob\"")
        self.assertEqual(os.stat(self.crl).st_mode & 0o777, 0o644)
        # the same once more is no harm
        self.assertEqual(self.push(self.list_of(number=12)).returncode, 0)
        again = self.daemon.result("alice", "host.push-crl",
                                   {"crl": read_file(self.crl)})
        self.assertEqual((again["number"], again["revoked"]), ("12", 0))
        self.assertEqual(self.client(self.daemon, "bob").run("list").returncode, 0)

    def test_the_list_of_virtmux_pki(self):
        authority = virtmux_test.Authority(os.path.join(self.work, "pki"))
        for name in ("alice", "bob"):
            authority.user(name)
        self.daemon.authority = authority
        authority.pki("crl")
        crl = os.path.join(authority.folder, "crl.pem")
        shutil.copy(crl, self.crl)
        self.daemon.write_config({"tls": {"crl": self.crl}})
        self.daemon.reload()
        self.daemon.result("bob", "session.whoami")
        authority.pki("revoke", "bob")
        done = self.push(crl)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.client(self.daemon, "bob").run("list")
        self.assertEqual(done.returncode, 6, done.stderr)

    def test_lists_that_are_not_taken(self):
        self.refused(self.list_of(number=9), 1, "newer revocation list: its number is 10, "
                     "that of this one 9")
        self.refused(self.list_of("bob", number=10), 1, "newer revocation list")
        self.refused(self.list_of(number=None), 2, "has no number")
        self.refused(self.list_of(number=11, begin=-make.DAY, end=-make.HOUR), 1,
                     "out of date: the next one was due 20")
        self.refused(self.list_of(number=11, begin=make.HOUR), 1, "not valid yet")
        other = make.authority(self.work, common_name="strange CA")
        self.refused(self.list_of(ca=other, number=11), 1,
                     'of the CA "strange CA", which this host does not know')
        other = make.authority(self.work, common_name="virtmux CA", file="twin")
        self.refused(self.list_of(ca=other, number=11), 1, "but not its signature")
        self.refused(self.authority.ca, 2, "0 revocation lists in it")
        self.refused(self.list_of(number=11), 4, "needs the role admin", user="bob")
        self.daemon.write_config({})
        self.daemon.reload()
        self.refused(self.list_of(number=11), 1, "checks no revocation list: set crl")

    def test_lists_of_two_authorities(self):
        other = make.authority(self.work, common_name="second CA")
        cas = write_file(os.path.join(self.work, "cas.pem"),
                         read_file(self.ca.certificate) + read_file(other.certificate))
        make.crl(os.path.join(self.work, "other.pem"), other, number=3)
        with open(self.crl, "a", encoding="ascii") as out:
            out.write(read_file(os.path.join(self.work, "other.pem")))
        self.daemon.write_config({"tls": {"ca": cas, "crl": self.crl}})
        self.daemon.reload()
        self.assertEqual(self.push(self.list_of("bob", number=11)).returncode, 0)
        self.assertEqual(read_file(self.crl).count("BEGIN X509 CRL"), 2)
        self.refused(self.list_of(ca=other, number=2), 1, "its number is 3")
        self.assertEqual(self.push(self.list_of(ca=other, number=4)).returncode, 0)
        self.assertEqual(self.client(self.daemon, "bob").run("list").returncode, 6)

    def test_one_who_revokes_himself(self):
        self.push(self.list_of("carol", number=11), user="carol")
        done = self.client(self.daemon, "carol").run("list")
        self.assertEqual(done.returncode, 6)
        self.daemon.wait_audit(method="host.push-crl", outcome="ok", event="end")

    def test_reload(self):
        self.daemon.write_access({**self.access, "bob": {"role": "viewer",
                                                         "domains": "*"}})
        self.daemon.write_config({"tls": {"crl": self.crl},
                                  "libvirt": {"slow-workers": "2"}})
        done = self.client(self.daemon).run("host", "reload", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["restart"], "[libvirt] slow-workers")
        self.assertRegex(result["crl_next_update"], r"^20\d\d-")
        self.assertEqual(self.daemon.result("bob", "session.whoami")["role"], "viewer")

    def test_a_reload_that_fails(self):
        write_file(self.daemon.access_file, "[bob]\nrole = boss\ndomains = *\n")
        done = self.client(self.daemon).run("host", "reload")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"access\.conf:2: .*viewer operator admin")
        self.daemon.wait_log(r"reload failed, and nothing has changed: .*access\.conf:2")
        self.assertEqual(self.daemon.result("bob", "session.whoami")["role"], "operator")
        self.assertEqual(self.client(self.daemon, "bob").run("host", "reload").returncode,
                         4)

    def test_a_list_whose_reload_fails(self):
        write_file(self.daemon.access_file, "nonsense")
        done = self.push(self.list_of("bob", number=11))
        self.assertEqual(done.returncode, 2)
        self.assertIn("in place, but not in force", done.stderr)
        self.daemon.result("bob", "session.whoami")

    def test_warnings_before_the_end(self):
        log = self.daemon.log()
        self.assertRegex(log, r"warning: \[tls\] crl: .* ends in [01] days \(20\d\d-.*push-crl")
        self.assertNotIn("[tls] certificate:", log)
        host = make.host(self.work, self.ca, end=29 * make.DAY + 60)
        make.crl(self.crl, self.ca, number=11, end=31 * make.DAY)
        self.daemon.write_config({"tls": {"crl": self.crl, "key": host.key,
                                          "certificate": host.certificate}})
        mark = len(self.daemon.log())
        self.daemon.reload()
        log = self.daemon.log()[mark:]
        self.assertRegex(log, r"\[tls\] certificate: .* ends in 29 days")
        self.assertNotIn("[tls] crl:", log)
        info = self.daemon.result("alice", "host.info")
        due = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 31 * make.DAY))
        self.assertEqual(info["crl_next_update"][:10], due)
        self.assertIn("certificate_not_after", info)

    def test_a_stale_list_ends_what_is_open(self):
        client = self.open_line("bob")
        make.crl(self.crl, self.ca, number=11, begin=-make.DAY, end=-make.HOUR)
        self.daemon.reload()
        self.daemon.wait_log("crl: .* has ended .* so that nobody gets in")
        self.assertEqual(client.wait(timeout=SOON), 0)
        self.assertIn("revocation list is out of date", client.stdout.read())

    def open_line(self, user):
        """A connection that prints what the host says at its end."""
        virtmux_test.need("node")
        identity = self.authority.user(user)
        settings = json.dumps({"port": self.daemon.port, "ca": identity.ca, "cert":
                               identity.certificate, "key": identity.plain_key})
        script = virtmux_test.NODE_HEAD.replace("SETTINGS", settings) + """
            console.log("open");
            session.on("goaway", (code, last, data) => console.log(code,
                data ? data.toString() : ""));
            session.on("error", () => {});
            await new Promise(resolve => session.on("close", resolve));
        """ + virtmux_test.NODE_TAIL
        process = subprocess.Popen(["node", "--input-type=commonjs", "--eval", script],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(virtmux_test.end_process, process)
        self.assertEqual(process.stdout.readline(), "open\n")
        self.daemon.wait_log(f'"{user}" connected')
        return process

    def test_revoked_while_connected(self):
        bob, carol = self.open_line("bob"), self.open_line("carol")
        self.list_of("bob", number=11)
        shutil.copy(os.path.join(self.work, "new.pem"), self.crl)
        self.daemon.reload()
        begin = time.monotonic()
        self.assertEqual(bob.wait(timeout=SOON), 0)
        self.assertLess(time.monotonic() - begin, SOON)
        self.assertRegex(bob.stdout.read(), r"^12 tls: the user's certificate has been "
                                            r"revoked at 20\d\d-")
        self.assertIsNone(carol.poll())
        self.daemon.wait_log('"bob" at .* has gone: the user.s certificate has been revoked')


class Consoles(ConsoleCase):
    """Open ones, of a guest that runs (web-1) and one that has yet to (web-2)."""

    access = {"alice": {"role": "admin", "domains": "*"},
              "bob": {"role": "operator", "domains": "web-*"},
              "carol": {"role": "operator", "domains": "web-*"},
              "dora": {"role": "operator", "domains": "web-*"}}

    @classmethod
    def start_host(cls):
        super().start_host()
        cls.crl = os.path.join(cls.class_folder, "crl.pem")
        cls.ca = make.Pair(cls.authority.ca, os.path.join(cls.authority.folder, "ca.key"))
        make.crl(cls.crl, cls.ca, number=1)
        config = read_file(cls.daemon.conf)
        write_file(cls.daemon.conf, config.replace("[tls]\n", f"[tls]\ncrl = {cls.crl}\n"))
        cls.daemon.reload()

    @classmethod
    def boot(cls):
        text = super().boot()
        xml = guest_xml("web-2", "0d6b1d3a-8f43-4f0e-9b4e-3f1f2a1b4c5e")
        cls.daemon.result("alice", "domain.define", {"xml": xml})
        cls.daemon.result("alice", "domain.start", {"domain": "web-2", "paused": True})
        return text

    def background(self, user, script):
        """Runs SCRIPT in node, which calls begun(); waits for that. A function that
        waits for its end and gives what it returns."""
        flag = os.path.join(self.work, user + ".begun")
        found = []
        script = f'const begun = () => fs.writeFileSync("{flag}", "");' + script
        thread = threading.Thread(
            target=lambda: found.append(self.node(script, user)))
        thread.start()
        self.addCleanup(thread.join)
        wait_for(lambda: os.path.exists(flag) or not thread.is_alive(), "begun()",
                 virtmux_test.SCRIPT_TIMEOUT)

        def result():
            thread.join()
            self.assertTrue(found, "node has failed")
            return found[0]
        return result

    def test_revoked(self):
        """Both consoles of the one end, the other's goes on byte for byte."""
        stop = os.path.join(self.work, "stop")
        # Bob's guest writes until it is told to stop, however long the rest takes.
        bob = self.background("bob", f"""
            const line = await logIn();
            const texts = [];
            do {{
                await line.run("seq 1 150");
                texts.push(line.text);
                begun();
            }} while (!fs.existsSync("{stop}"));
            await line.cancel();
            return texts;
        """)
        self.addCleanup(write_file, stop, "")
        carol = self.background("carol", """
            let words = "";
            session.on("goaway", (code, last, data) => { words += data; });
            session.on("error", () => {});
            const line = open("/domains/web-2/serial/0");
            const view = open("/domains/web-2/graphics/0");
            await line.answered();
            await view.see(/^RFB/);
            begun();
            await Promise.all([line.until(it => it.closed),
                               view.until(it => it.closed)]);
            return {words, end: Date.now() / 1000};
        """)
        pair = make.Pair(self.authority.user("carol").certificate, None)
        make.crl(self.crl, self.ca, [pair], number=2)
        begin = time.time()
        self.daemon.reload()
        answer = carol()
        write_file(stop, "")
        self.assertLess(answer["end"] - begin, SOON)
        self.assertRegex(answer["words"], "tls: the user's certificate has been revoked")
        expected = "".join(f"{n}\r\n" for n in range(1, 151)) + "done"
        for text in bob():  # a prompt may come before it
            begin = text.index("1\r\n2\r\n")
            self.assertEqual(text[begin:begin + len(expected)], expected)
        for method in ("domain.serial", "domain.graphics"):
            self.daemon.wait_audit(method=method, event="end", identity="carol")

    def test_a_client_says_why(self):
        client = self.client(self.daemon, "dora")
        process = client.spawn("console", "web-2", stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(virtmux_test.end_process, process)
        self.daemon.wait_log('"dora" connected')
        pair = make.Pair(self.authority.user("dora").certificate, None)
        make.crl(self.crl, self.ca, [pair], number=3)
        begin = time.monotonic()
        self.daemon.reload()
        try:
            _, words = process.communicate(timeout=SOON)
        finally:
            make.crl(self.crl, self.ca, number=4)
            self.daemon.reload()
        self.assertLess(time.monotonic() - begin, SOON + 1)
        self.assertEqual(process.returncode, 6, words)
        self.assertRegex(words, "ended the connection: the user's certificate has been "
                                "revoked")

    def test_rights_taken_away(self):
        """Of a connection's consoles only those that are no longer permitted end."""
        bob = self.background("bob", """
            const line = open("/domains/web-2/serial/0");
            const lost = open("/domains/web-2/graphics/0");
            const kept = open("/domains/web-1/graphics/0");
            for (const it of [lost, kept]) await it.see(/^RFB/);
            await line.answered();
            begun();
            for (const it of [line, lost]) await it.until(it => it.closed);
            const end = Date.now() / 1000;
            kept.stream.write("RFB 003.008\\n");
            await kept.until(it => it.text.length >= 14);
            const me = await call("session.whoami");
            const again = await refusal("/domains/web-2/serial/0");
            const codes = [line.stream.rstCode, lost.stream.rstCode, kept.closed];
            await kept.cancel();
            return {end, codes, again, domains: me.result.domains};
        """)
        self.daemon.write_access({**self.access, "bob": {"role": "operator",
                                                         "domains": "web-1"}})
        self.addCleanup(self.daemon.reload)
        self.addCleanup(self.daemon.write_access, self.access)
        begin = time.time()
        self.daemon.reload()
        answer = bob()
        self.assertLess(answer["end"] - begin, SOON)
        self.assertEqual(answer["codes"], [12, 12, False])
        self.assertEqual(answer["domains"], ["web-1"])
        self.assertEqual(answer["again"], [404, "not-found"])
        ends = self.daemon.wait_audit(method="domain.serial", event="end",
                                      identity="bob", outcome="denied")
        self.assertEqual(ends[0]["name"], "web-2")
        self.daemon.wait_log("rights were taken away: 0 connections and 2 streams")


if __name__ == "__main__":
    virtmux_test.main()
