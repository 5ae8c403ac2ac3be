#!/usr/bin/env python3
# sanitized: ends and reloads at any moment
"""virtmuxd from its start to its end: the command line, faults that stop it and
their words, readiness, sockets handed over, reload, drain. libvirt is
test:///default.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

import virtmux_test
from virtmux_test import VIRTMUXD, run, wait_for, write_file


class CommandLine(unittest.TestCase):
    """What needs no configuration."""

    def test_help_and_version(self):
        done = run(VIRTMUXD, "--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--config", "--check-config", "--print-manual", "--log-level"):
            self.assertIn(word, done.stdout)
        done = run(VIRTMUXD, "--version")
        self.assertRegex(done.stdout, r"^virtmuxd \d+\.\d+\.\d+\n$")

    def test_usage(self):
        for words in (["--nonsense"], ["more"], ["--log-level", "loud"],
                      ["--config"]):
            done = run(VIRTMUXD, *words)
            with self.subTest(words=words):
                self.assertEqual(done.returncode, 2)
                self.assertRegex(done.stderr, r"^virtmuxd: .+\n$")

    def test_manual(self):
        done = run(VIRTMUXD, "--print-manual")
        self.assertTrue(done.stdout.startswith(".TH VIRTMUXD 8"))
        for word in ("unauthenticated-per-source", "drain-timeout", "SIGHUP", "deny"):
            self.assertIn(word, done.stdout)
        if shutil.which("man"):
            shown = run("man", "--warnings", "-l", "-", input=done.stdout)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))

    def test_missing_configuration(self):
        for words in ([], ["--check-config"]):
            done = run(VIRTMUXD, "--config", "/nonexistent.conf", *words)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("/nonexistent.conf", done.stderr)


class Faults(virtmux_test.Case):
    """What stops a start, and --check-config, with file, line and cure."""

    def refused(self, daemon, *words):
        done = run(VIRTMUXD, "--config", daemon.conf, *words)
        self.assertNotEqual(done.returncode, 0)
        lines = [line for line in done.stderr.splitlines()
                 if "debug:" not in line and "info:" not in line]
        self.assertEqual(len(lines), 1, done.stderr)
        return done

    def both(self, daemon, pattern, status):
        """--check-config and a start say the same."""
        for words in (["--check-config"], []):
            done = self.refused(daemon, *words)
            self.assertRegex(done.stderr, pattern)
            self.assertEqual(done.returncode, status)

    def test_in_order(self):
        daemon = self.make_daemon()
        done = run(VIRTMUXD, "--config", daemon.conf, "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_unknown_key(self):
        daemon = self.make_daemon(config={"limits": {"call": "3"}})
        line = virtmux_test.read_file(daemon.conf).splitlines().index("call = 3") + 1
        self.both(daemon, rf'virtmuxd\.conf:{line}: .*did you mean "calls"', 2)

    def test_tls_version(self):
        self.both(self.make_daemon(config={"tls": {"tls-min": "1.0"}}), "RFC 8996", 2)

    def test_access(self):
        daemon = self.make_daemon(access={"alice": {"role": "boss"}})
        self.both(daemon, r"access\.conf:2: .*viewer operator admin", 2)

    def test_no_access_file(self):
        daemon = self.make_daemon()
        os.unlink(daemon.access_file)
        self.both(daemon, r"access\.conf", 3)

    def test_key_that_others_can_read(self):
        daemon = self.make_daemon()
        key = shutil.copy(self.authority.host().key, daemon.work)
        os.chmod(key, 0o644)
        daemon.write_config({"tls": {"key": key}})
        self.both(daemon, "chmod", 6)

    def test_key_of_another_certificate(self):
        key = self.authority.user("alice").plain_key
        self.both(self.make_daemon(config={"tls": {"key": key}}), "key", 6)

    def test_key_with_a_passphrase(self):
        key = self.authority.user("alice").key
        self.both(self.make_daemon(config={"tls": {"key": key}}), "passphrase", 6)

    def test_no_certificate_in_the_file(self):
        daemon = self.make_daemon()
        path = write_file(os.path.join(daemon.work, "empty.crt"), "nothing\n")
        for option in ("certificate", "ca", "crl"):
            daemon.write_config({"tls": {option: path}})
            self.both(daemon, "empty.crt", 6)

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            daemon = self.make_daemon(config={"daemon": {
                "listen": f"127.0.0.1:{port}"}})
            done = self.refused(daemon)
        self.assertIn(f"127.0.0.1:{port}", done.stderr)
        self.assertIn("ss -tlnp", done.stderr)

    def test_audit_that_cannot_be_written(self):
        daemon = self.make_daemon(config={"daemon": {
            "audit": "/nonexistent/audit.jsonl"}})
        self.assertIn("/nonexistent/audit.jsonl", self.refused(daemon).stderr)


class Start(virtmux_test.Case):
    """Readiness, and sockets from outside."""

    def test_several_addresses(self):
        daemon = self.start_daemon(config={"daemon": {
            "listen": "127.0.0.1:0, [::1]:0"}})
        ports = re.search(r"listens on 127\.0\.0\.1:(\d+), \[::1\]:(\d+) ",
                          daemon.log())
        if not ports:
            raise unittest.SkipTest("no IPv6 here")
        for address, port in (("127.0.0.1", ports[1]), ("::1", ports[2])):
            with socket.create_connection((address, int(port))):
                pass

    def test_ipv6_call(self):
        try:
            daemon = self.start_daemon(config={"daemon": {"listen": "[::1]:0"}})
        except AssertionError:
            if os.path.exists("/proc/net/if_inet6"):
                raise
            raise unittest.SkipTest("no IPv6 here") from None
        answer = daemon.curl("alice", "/openrpc.json", words=[
            "--connect-to", f"localhost:{daemon.port}:[::1]:{daemon.port}"])
        self.assertEqual(answer.status, 200)

    def test_abstract_notify_socket(self):
        daemon = self.make_daemon()
        notify = virtmux_test.NotifySocket(daemon.work, abstract=True)
        daemon.spawn(env={"NOTIFY_SOCKET": notify.name})
        self.addCleanup(daemon.end)
        ready = wait_for(notify.next, "READY=1")
        self.assertIn("127.0.0.1:", ready["STATUS"])
        daemon.stop()
        self.assertIn("STOPPING", wait_for(notify.next, "STOPPING=1"))
        notify.close()

    def test_sockets_handed_over(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            daemon = self.make_daemon(config={"daemon": {"listen": "192.0.2.1:1"}})
            os.set_inheritable(listening.fileno(), True)
            # LISTEN_PID is that of the program itself: the shell becomes it.
            daemon.notify = virtmux_test.NotifySocket(daemon.work)
            with open(daemon.log_file, "wb") as log:
                daemon.process = subprocess.Popen(
                    ["sh", "-c", f"exec 3<&{listening.fileno()}; LISTEN_FDS=1 "
                     'LISTEN_PID=$$ exec "$@"', "sh", VIRTMUXD, "--config",
                     daemon.conf], pass_fds=[listening.fileno()], stdout=log,
                    stderr=log, env={**os.environ,
                                     "NOTIFY_SOCKET": daemon.notify.name})
            self.addCleanup(daemon.end)
            daemon.wait_ready()
            self.assertEqual(daemon.port, listening.getsockname()[1])
        daemon.result("alice", "session.whoami")

    def test_descriptor_that_does_not_listen(self):
        daemon = self.make_daemon()
        done = run("sh", "-c", 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec '
                   '"$@"', "sh", VIRTMUXD, "--config", daemon.conf)
        self.assertEqual(done.returncode, 2)
        self.assertIn("ListenStream=", done.stderr)

    def test_without_libvirt(self):
        missing = os.path.join(self.work, "no-libvirt")
        daemon = self.start_daemon(config={"libvirt": {
            "uri": f"test+unix:///default?socket={missing}"}})
        daemon.result("alice", "session.whoami")
        self.assert_error(daemon.call("alice", "domain.list"), "unavailable")
        answer = daemon.curl("alice", "/domains/test/screenshot")
        self.assertEqual(answer.status, 503)

    def test_keylog_is_loud(self):
        keylog = os.path.join(self.work, "keys")
        daemon = self.start_daemon(config={"tls": {"tls-keylog": keylog}})
        self.assertRegex(daemon.log(), "warning: .*tls-keylog.*ALL connections")
        daemon.result("alice", "session.whoami")
        self.assertIn("CLIENT_TRAFFIC_SECRET_0", virtmux_test.read_file(keylog))

    def test_it_closes_what_it_inherits_no_further(self):
        """Nothing of the daemon's lies open in the programs it could start."""
        daemon = self.start_daemon()
        daemon.result("alice", "domain.list")
        folder = f"/proc/{daemon.process.pid}/fdinfo"
        for number in os.listdir(folder):
            if int(number) <= 2:
                continue
            try:
                where = os.readlink(f"/proc/{daemon.process.pid}/fd/{number}")
                info = virtmux_test.read_file(os.path.join(folder, number))
            except FileNotFoundError:
                continue
            if where.startswith("/dev/null"):
                continue  # libvirt's own log
            flags = int(re.search(r"flags:\s+(\d+)", info)[1], 8)
            self.assertTrue(flags & os.O_CLOEXEC, where)


class Reload(virtmux_test.Case):
    """SIGHUP: all or nothing."""

    access = {"alice": {"role": "admin", "domains": "*"},
              "bob": {"role": "operator", "domains": "*"}}

    def open_session(self, daemon, user):
        """A connection that node keeps open, which ends by the host's doing."""
        identity = self.authority.user(user)
        script = """
            const http2 = require("http2"), fs = require("fs");
            const [port, ca, cert, key] = process.argv.slice(1);
            const session = http2.connect("https://localhost:" + port, {
                host: "127.0.0.1", ca: fs.readFileSync(ca),
                lookup: (n, o, done) => o.all
                    ? done(null, [{address: "127.0.0.1", family: 4}])
                    : done(null, "127.0.0.1", 4),
                cert: fs.readFileSync(cert), key: fs.readFileSync(key)});
            session.on("remoteSettings", () => console.log("open"));
            session.on("error", error => console.log(error.message));
            session.on("close", () => { console.log("closed"); process.exit(); });
        """
        process = subprocess.Popen(
            ["node", "-e", script, str(daemon.port), identity.ca,
             identity.certificate, identity.plain_key], stdout=subprocess.PIPE,
            text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(virtmux_test.end_process, process, signal.SIGKILL)
        self.assertEqual(process.stdout.readline(), "open\n")
        daemon.wait_log(f'"{user}" connected')
        return process

    def test_rights(self):
        virtmux_test.need("node")
        daemon = self.start_daemon()
        alice = self.open_session(daemon, "alice")
        bob = self.open_session(daemon, "bob")
        self.assert_error(daemon.call("bob", "domain.define", {"xml": "<a/>"}),
                          "denied")
        daemon.write_access({"alice": self.access["alice"],
                             "bob": {"role": "viewer", "domains": "*"}})
        daemon.reload()
        self.assertEqual(daemon.result("bob", "session.whoami")["role"], "viewer")
        self.assertIsNone(bob.poll())
        daemon.write_access({"alice": self.access["alice"]})
        daemon.reload()
        self.assertEqual(bob.wait(timeout=5), 0)
        self.assertIsNone(alice.poll())
        answer = daemon.curl("bob", "/openrpc.json")
        self.assertEqual(answer.status, 403)
        self.assertIsNone(alice.poll())

    def test_a_fault_changes_nothing(self):
        daemon = self.start_daemon()
        write_file(daemon.access_file, "[bob]\nrole = boss\ndomains = *\n")
        daemon.reload()
        daemon.wait_log(r"the reload failed, and nothing has changed: .*"
                        r"access\.conf:2")
        self.assertEqual(daemon.result("bob", "session.whoami")["role"], "operator")
        daemon.write_access({"bob": {"role": "viewer", "domains": "*"}})
        write_file(daemon.conf, "[limits]\ncalls = none\n")
        daemon.reload()
        daemon.wait_log(r"nothing has changed: .*virtmuxd\.conf:2")
        self.assertEqual(daemon.result("bob", "session.whoami")["role"], "operator")

    def test_the_certificate(self):
        daemon = self.start_daemon()
        other = virtmux_test.Authority(os.path.join(self.work, "other"))
        daemon.authority, before = other, daemon.authority
        daemon.write_config({})
        with self.assertRaises(AssertionError):
            daemon.result("alice", "session.whoami")
        daemon.reload()
        self.assertEqual(daemon.result("alice", "session.whoami")["role"], "admin")
        daemon.authority = before
        with self.assertRaises(AssertionError):
            daemon.result("alice", "session.whoami")

    def test_limits_and_log_level(self):
        daemon = self.start_daemon()
        daemon.write_config({"limits": {"request-body": "4K"},
                             "daemon": {"log-level": "error"}})
        daemon.reload()
        size = os.path.getsize(daemon.log_file)
        self.assertEqual(daemon.curl("alice", "/rpc", "x" * 5000).status, 413)
        self.assertEqual(os.path.getsize(daemon.log_file), size)

    def test_what_needs_a_restart_is_told(self):
        daemon = self.start_daemon()
        daemon.write_config({"libvirt": {"slow-workers": "2"}})
        daemon.reload()
        daemon.wait_log(r"\[libvirt\] slow-workers: changed, but only a restart")

    def test_rotation(self):
        daemon = self.start_daemon()
        daemon.result("alice", "domain.suspend", {"domain": "test"})
        os.rename(daemon.audit_file, daemon.audit_file + ".1")
        daemon.reload()
        daemon.result("alice", "domain.resume", {"domain": "test"})
        self.assertEqual({r["method"] for r in daemon.audit()}, {"domain.resume"})


class Drain(virtmux_test.Case):
    """SIGTERM."""

    def test_idle(self):
        daemon = self.start_daemon()
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("drained", daemon.log())

    def test_interrupt(self):
        daemon = self.start_daemon()
        self.assertEqual(daemon.stop(signal.SIGINT), 0)

    def test_transfers_may_finish(self):
        daemon = self.start_daemon(config={"daemon": {"drain-timeout": "20s"}})
        identity = self.authority.user("alice")
        transfer = subprocess.Popen(
            ["curl", "--silent", "--http2", "--cacert", identity.ca, "--cert",
             identity.certificate, "--key", identity.plain_key, "--limit-rate", "8M",
             "--output", "/dev/null", "--write-out", "%{size_download}",
             "--connect-to", f"localhost:{daemon.port}:{daemon.address}",
             f"https://localhost:{daemon.port}/speed?bytes=12000000"],
            stdout=subprocess.PIPE, text=True)
        daemon.wait_log("host.speed|open")
        daemon.wait_log(r'"alice" connected')
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_log("ending: 1 connections")
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", daemon.port)).close()
        self.assertEqual(transfer.communicate(timeout=30)[0], "12000000")
        self.assertEqual(daemon.process.wait(timeout=10), 0)

    def stalled_transfer(self, daemon):
        """A stream that its reader has left alone."""
        identity = self.authority.user("alice")
        script = f"""
            const http2 = require("http2"), fs = require("fs");
            const session = http2.connect("https://localhost:{daemon.port}", {{
                host: "127.0.0.1", ca: fs.readFileSync({identity.ca!r}),
                lookup: (n, o, done) => o.all
                    ? done(null, [{{address: "127.0.0.1", family: 4}}])
                    : done(null, "127.0.0.1", 4),
                cert: fs.readFileSync({identity.certificate!r}),
                key: fs.readFileSync({identity.plain_key!r})}});
            session.on("error", () => {{}});
            const stream = session.request({{":path": "/speed?bytes=900000000"}});
            stream.on("response", () => {{ stream.pause(); console.log("begun"); }});
            stream.on("error", () => {{}});
        """
        process = subprocess.Popen(["node", "-e", script], stdout=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(virtmux_test.end_process, process, signal.SIGKILL)
        self.assertEqual(process.stdout.readline(), "begun\n")

    def test_the_time_out_cuts(self):
        virtmux_test.need("node")
        daemon = self.start_daemon(config={"daemon": {"drain-timeout": "300ms"}})
        self.stalled_transfer(daemon)
        self.assertEqual(daemon.stop(), 0)
        end = [r for r in daemon.audit() if r["method"] == "host.speed-download"]
        self.assertEqual(end[-1]["outcome"], "disconnected")

    def test_a_second_signal_ends_at_once(self):
        virtmux_test.need("node")
        daemon = self.start_daemon(config={"daemon": {"drain-timeout": "1h"}})
        self.stalled_transfer(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_log("ending: 1 connections and 1 calls")
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(timeout=10), 1)
        self.assertIn("a second signal", daemon.log())


if __name__ == "__main__":
    virtmux_test.main()
