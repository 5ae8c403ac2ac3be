#!/usr/bin/env python3
# timeout: 900
"""Live and offline migration of a real small guest between two private libvirtds on
this machine, each with a virtmuxd of its own; and what a job is while it runs: its
progress, who sees it, its cancel, and that it outlives whoever began it.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import uuid

import virtmux_test
from virtmux_test import free_port, guest_xml, need, wait_for


class Migration(virtmux_test.Case):
    """One pair of hosts for the class; the guest web-1 runs on one of them."""

    access = {
        "alice": {"role": "admin", "domains": "*"},
        "anton": {"role": "admin", "domains": "db-*"},
        "olga": {"role": "operator", "domains": "db-*"},
        "oskar": {"role": "operator", "domains": "web-*"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    @classmethod
    def setUpClass(cls):
        need("qemu-system-x86_64")
        super().setUpClass()
        cls.xml = guest_xml("web-1")
        cls.copy_guest()
        cls.hosts = [cls.start_host(), cls.start_host()]

    @classmethod
    def copy_guest(cls):
        """The kernel may lie where libvirtd's account cannot read."""
        folder = tempfile.mkdtemp(prefix="g", dir=cls.class_folder)
        os.chmod(folder, 0o755)
        for part in ("kernel", "initrd"):
            path = cls.xml.split(f"<{part}>")[1].split("<")[0]
            copy = shutil.copy(path, os.path.join(folder, part))
            os.chmod(copy, 0o644)
            cls.xml = cls.xml.replace(path, copy)

    @classmethod
    def start_host(cls):
        """One that takes itself for another than those of the same machine."""
        libvirtd = virtmux_test.Libvirtd(cls.class_folder,
                                         f'host_uuid = "{uuid.uuid4()}"\n')
        cls.addClassCleanup(libvirtd.end)
        libvirtd.start()
        daemon = cls.start_class_daemon(libvirt={"uri": libvirtd.qemu_uri})
        daemon.libvirtd = libvirtd
        return daemon

    def setUp(self):
        super().setUp()
        self.here, self.there = self.hosts
        self.daemon = self.here

    def clear(self):
        for host in self.hosts:
            host.call("alice", "domain.destroy", {"domain": "web-1"})
            host.call("alice", "domain.undefine", {"domain": "web-1"})

    def boot(self):
        """The guest, seen to run, on the first host."""
        self.here.result("alice", "domain.define", {"xml": self.xml})
        self.here.result("alice", "domain.start", {"domain": "web-1"})
        self.assertIn("login:", self.type_into(self.here, "\r", "login:"))
        self.assertIn("# ", self.type_into(self.here, "root\r", "# "))

    def type_into(self, host, text, pattern):
        """What the serial line of web-1 says until PATTERN comes."""
        return host.node("alice", f"""
            const stream = session.request({{":method": "CONNECT",
                ":protocol": "virtmux", ":scheme": "https",
                ":authority": "localhost",
                ":path": "/domains/web-1/serial/0?force=true"}});
            let seen = "";
            return new Promise((resolve, reject) => {{
                const late = setTimeout(() => reject(new Error("only: " + seen)),
                                        90000);
                const again = setInterval(() => stream.write("\\r"), 3000);
                stream.on("data", part => {{
                    seen += part.toString("latin1");
                    if (seen.includes({pattern!r})) {{
                        clearInterval(again);
                        clearTimeout(late);
                        stream.close(constants.NGHTTP2_CANCEL);
                        resolve(seen);
                    }}
                }});
                stream.write({text!r});
            }});
        """)

    def state(self, host):
        answer = host.call("alice", "domain.info", {"domain": "web-1"})
        if "error" in answer:
            self.assert_error(answer, "not-found")
            return None
        return answer["result"]["state"]

    def words(self, *further):
        """A live migration to the second host, by a port of the loopback."""
        return ["migrate", "web-1", self.there.libvirtd.qemu_uri,
                f"tcp://127.0.0.1:{free_port()}", "--listen-address", "127.0.0.1",
                "--live", *further]

    def begin_slow(self):
        """A migration that takes minutes; its job."""
        job = self.virtmux(*self.words("--detach")).strip()
        self.wait_progress(job)
        return job

    def job(self, job, user="alice"):
        return self.here.result(user, "job.info", {"job": job})

    def wait_progress(self, job):
        def moves():
            progress = self.job(job).get("progress")
            return progress if progress and progress["done"] > 1 << 20 else None
        return wait_for(moves, "progress of a migration")


class Moves(Migration):

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clear)

    def test_there_and_back(self):
        self.boot()
        self.type_into(self.here, "token=47''11\r", "token")
        said = self.virtmux(*self.words())
        self.assertIn("Domain 'web-1' migrated to", said)
        self.assertEqual(self.state(self.here), "shut-off")
        self.assertEqual(self.state(self.there), "running")
        self.type_into(self.there, "echo =$token=\r", "=4711=")
        back = self.client(self.there).run(
            "--json", "migrate", "web-1", self.here.libvirtd.qemu_uri, "--live",
            "--tunnelled", "--persistent", "--undefinesource")
        self.assertEqual(back.returncode, 0, back.stderr)
        self.assertIn('"name":"web-1"', back.stdout)
        self.assertIsNone(self.state(self.there))
        self.assertEqual(self.state(self.here), "running")
        self.type_into(self.here, "echo +$token+\r", "+4711+")
        record = self.here.wait_audit(method="domain.migrate", event="end")[0]
        self.assertEqual(record["outcome"], "ok")
        self.assertEqual(record["name"], "web-1")

    def test_offline(self):
        self.here.result("alice", "domain.define", {"xml": self.xml})
        self.virtmux("migrate", "web-1", self.there.libvirtd.qemu_uri, "--offline",
                     "--persistent", "--undefinesource")
        self.assertIsNone(self.state(self.here))
        self.assertEqual(self.state(self.there), "shut-off")

    def test_limits(self):
        self.here.result("alice", "domain.define", {"xml": self.xml})
        self.here.result("alice", "domain.start", {"domain": "web-1", "paused": True})
        self.virtmux("migrate-setspeed", "web-1", "17")
        self.assertEqual(self.virtmux("migrate-getspeed", "web-1"), "17\n")
        self.virtmux("migrate-setmaxdowntime", "web-1", "450")
        self.assertEqual(self.virtmux("migrate-getmaxdowntime", "web-1"), "450\n")

    def test_refusals(self):
        """Each with words that tell the cause, and the guest as it was."""
        self.here.result("alice", "domain.define", {"xml": self.xml})
        uri = self.there.libvirtd.qemu_uri
        client = self.client(self.here)
        for status, words, further in (
                (1, "is not running", [uri, "--live"]),
                (2, "say persistent too", [uri, "--offline"])):
            done = client.run("migrate", "web-1", *further)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(words, done.stderr)
        self.here.result("alice", "domain.start", {"domain": "web-1"})
        for words, further in (
                ("cannot reach the destination",
                 ["qemu+unix:///session?socket=/nowhere/libvirt-sock"]),
                ("leads to this very host", [self.here.libvirtd.qemu_uri])):
            done = client.run("migrate", "web-1", *further, "--live")
            self.assertEqual(done.returncode, 1 if "reach" in words else 2, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertNotIn("nowhere", done.stderr)
        self.there.result("alice", "domain.define", {
            "xml": self.xml.replace("<memory", "<uuid>" + str(uuid.uuid4()) +
                                    "</uuid><memory")})
        done = client.run(*self.words())
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("the destination has a domain of that name", done.stderr)
        self.assertEqual(self.state(self.here), "running")
        for user in ("oskar", "victor"):
            self.assert_error(self.here.call(user, "domain.migrate", {
                "domain": "web-1", "uri": uri}), "denied")
        self.assert_error(self.here.call("anton", "domain.migrate", {
            "domain": "web-1", "uri": uri}), "not-found")


class Jobs(Migration):
    """What a migration is as a job. The guest is booted anew where it has gone."""

    def setUp(self):
        super().setUp()
        if self.state(self.here) != "running":
            self.clear()
            self.boot()
        self.virtmux("migrate-setspeed", "web-1", "1")

    def test_progress_scope_and_cancel(self):
        job = self.begin_slow()
        shown = self.job(job)
        self.assertEqual(shown["state"], "running")
        self.assertEqual(shown["domain"], "web-1")
        self.assertEqual(shown["identity"], "alice")
        self.assertGreater(shown["progress"]["total"], shown["progress"]["done"])
        self.assertIn(" of 1", self.virtmux("job", "info", job))
        self.assertIn(job, self.virtmux("job", "list"))
        # Whoever may not see the domain does not learn of its job.
        for user in ("anton", "olga"):
            for method in ("job.info", "job.wait", "job.cancel"):
                words = self.assert_error(
                    self.here.call(user, method, {"job": job}), "not-found")
                self.assertNotIn("web-1", words)
            self.assertEqual(self.here.result(user, "job.list")["jobs"], [])
        for user in ("oskar", "victor"):
            self.assertEqual(self.job(job, user)["id"], job)
        self.assert_error(self.here.call("oskar", "job.cancel", {"job": job}), "denied")
        waited = self.here.result("victor", "job.wait", {"job": job, "timeout": 100})
        self.assertEqual(waited["state"], "running")
        self.assertEqual(self.virtmux("job", "cancel", job, "--wait"),
                         f"Job {job} was cancelled\n")
        ended = self.here.result("alice", "job.info", {"job": job})
        self.assertEqual(ended["state"], "cancelled")
        self.assertEqual(ended["error"]["name"], "failed")
        self.assertEqual(self.state(self.here), "running")
        self.assertIsNone(self.state(self.there))
        self.assert_error(self.here.call("alice", "job.cancel", {"job": job}), "state")
        self.assertEqual(self.virtmux("-f", "csv", "job", "list").count(job), 0)
        self.assertIn("cancelled", self.virtmux("job", "list", "--all"))

    def test_an_interruption_cancels(self):
        process = self.client(self.here).spawn(
            *self.words(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        jobs = wait_for(lambda: self.here.result("alice", "job.list", {
            "running": True})["jobs"], "the job")
        self.wait_progress(jobs[0]["id"])
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, said)
        self.assertIn(f"job {jobs[0]['id']} is being cancelled", said)
        self.assertEqual(self.job(jobs[0]["id"])["state"], "cancelled")
        self.assertEqual(self.state(self.here), "running")

    def test_it_outlives_who_began_it(self):
        process = self.client(self.here).spawn(
            *self.words(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        jobs = wait_for(lambda: self.here.result("alice", "job.list", {
            "running": True})["jobs"], "the job")
        job = jobs[0]["id"]
        self.wait_progress(job)
        process.kill()
        process.wait()
        self.virtmux("migrate-setspeed", "web-1", "1000")
        self.assertIn("is done", self.virtmux("job", "wait", job))
        ended = self.job(job)
        self.assertEqual(ended["state"], "done")
        self.assertEqual(ended["result"]["name"], "web-1")
        self.assertEqual(self.state(self.there), "running")


if __name__ == "__main__":
    virtmux_test.main()
