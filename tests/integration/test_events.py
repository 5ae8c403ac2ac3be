#!/usr/bin/env python3
# timeout: 240
# sanitized: events and those who do not read them
"""Events and the inventory, with the real programs: GET /events with its journal,
scopes, rights that change, drains and restarts of libvirtd; `virtmux event`; and
lists that show each change."""
import json
import os
import signal
import subprocess
import threading

import test_device_qemu
import virtmux_test
from virtmux_test import HOST, end_process, must_run, need, wait_for, write_file

XML = ("<domain type='test'><name>%s</name><memory>65536</memory><vcpu>2</vcpu>"
       "<os><type>hvm</type></os></domain>")


class Follower:
    """GET /events by curl, as a list of lines that grows."""

    def __init__(self, daemon, user, query=""):
        identity = daemon.authority.user(user)
        self.lines = []
        self.process = subprocess.Popen(
            ["curl", "--silent", "--no-buffer", "--http2", "--noproxy", "*", "--cacert",
             daemon.authority.ca, "--cert", identity.certificate, "--key",
             identity.plain_key, "--connect-to", f"{HOST}:{daemon.port}:{daemon.address}",
             f"https://{HOST}:{daemon.port}/events{query}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        self.first = self.wait(lambda line: True)

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def wait(self, matches, what="a line"):
        return wait_for(lambda: next((l for l in list(self.lines) if matches(l)), None),
                        f"{what} among the events: {self.lines}")

    def wait_event(self, event, domain="test"):
        return self.wait(lambda l: l.get("event") == event and l.get("domain") == domain,
                         f"{event} of {domain}")

    def wait_type(self, kind):
        return self.wait(lambda l: l["type"] == kind, kind)

    def wait_end(self):
        self.process.wait(virtmux_test.TIMEOUT)
        self.close()
        return self.process.returncode

    def close(self):
        end_process(self.process)
        self.thread.join()
        self.process.stdout.close()


class EventCase(virtmux_test.Case):
    access = {"alice": {"role": "admin", "domains": "*"},
              "web": {"role": "operator", "domains": "web-*"},
              "deaf": {"role": "admin", "domains": "*", "deny": "event.*"}}

    def setUp(self):
        need("curl")
        super().setUp()
        self.daemon = self.start_daemon()

    def follow(self, user="alice", query="", daemon=None):
        follower = Follower(daemon or self.daemon, user, query)
        self.addCleanup(follower.close)
        return follower

    def events(self, user="alice", query="?follow=false"):
        """All that is there, without the first line."""
        body = self.daemon.curl(user, "/events" + query).body.decode()
        return [json.loads(line) for line in body.splitlines()][1:]

    def word(self, user="alice"):
        """The place where the journal is now."""
        return self.daemon.curl(user, "/events?follow=false").json()["after"]

    def flip(self, times=1, domain="test"):
        """Two lifecycle events each."""
        for _ in range(times):
            self.daemon.result("alice", "domain.suspend", {"domain": domain})
            self.daemon.result("alice", "domain.resume", {"domain": domain})

    def define(self, *names):
        for name in names:
            self.daemon.result("alice", "domain.define", {"xml": XML % name})


class Stream(EventCase):

    def test_what_a_line_says(self):
        follower = self.follow()
        self.assertEqual(set(follower.first), {"after", "time", "type"})
        self.assertEqual(follower.first["type"], "begin")
        self.daemon.result("alice", "domain.destroy", {"domain": "test"})
        line = follower.wait_event("stopped")
        info = self.daemon.result("alice", "domain.info", {"domain": "test"})
        self.assertEqual(line["uuid"], info["uuid"])
        self.assertEqual(line["detail"], "destroyed")
        self.assertRegex(line["time"], r"^20\d\d-\d\d-\d\dT[\d:.]+Z$")

    def test_resumed_without_a_gap(self):
        """Cut at every third event: each is heard once, in its order."""
        word, heard = self.word(), []
        self.flip(20)
        wait_for(lambda: len(self.events(query="?follow=false&after=" + word)) == 40,
                 "40 events")
        place = word
        while len(heard) < 40:
            part = self.events(query="?follow=false&after=" + place)[:3]
            heard += part
            place = part[-1]["after"]
        self.assertEqual([line["event"] for line in heard], ["suspended", "resumed"] * 20)
        self.assertEqual(len({line["after"] for line in heard}), 40)
        self.assertEqual(self.events(query="?follow=false&after=" + place), [])

    def test_a_place_that_is_not_known(self):
        self.flip()
        self.follow().close()
        for word in ("0123456789abcdef", "x", "%E2%82%AC"):
            lines = self.events(query="?follow=false&after=" + word)
            self.assertEqual(lines[0]["type"], "missed", lines)
            self.assertIn("connected", [line.get("event") for line in lines])

    def test_of_another_run(self):
        word = self.word()
        self.daemon.stop()
        self.daemon = self.start_daemon()
        lines = self.events(query="?follow=false&after=" + word)
        self.assertEqual(lines[0]["type"], "missed")

    def test_types_and_domains(self):
        self.define("web-1")
        word = self.word()
        self.flip()
        self.daemon.result("alice", "domain.start", {"domain": "web-1"})
        self.daemon.result("alice", "domain.destroy", {"domain": "web-1"})
        everything = wait_for(
            lambda: (lambda all_: len(all_) == 4 and all_)(
                self.events(query="?follow=false&after=" + word)), "4 events")
        self.assertEqual([line["domain"] for line in everything],
                         ["test", "test", "web-1", "web-1"])
        for query, count in (("domain=web-1", 2), (f"domain={everything[0]['uuid']}", 2),
                             ("type=lifecycle", 4), ("type=reboot", 0),
                             ("type=reboot&type=lifecycle&domain=test", 2)):
            lines = self.events(query=f"?follow=false&after={word}&{query}")
            self.assertEqual(len(lines), count, (query, lines))
        self.assertEqual(self.daemon.curl("alice", "/events?domain=none").status, 404)
        self.assertEqual(self.daemon.curl("alice", "/events?type=none").status, 400)

    def test_a_drain_ends_the_stream(self):
        follower = self.follow()
        self.flip()
        follower.wait_event("resumed")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(follower.wait_end(), 0)
        self.assertNotIn("are cut", self.daemon.log())


class Rights(EventCase):

    def test_nothing_is_heard_of_others(self):
        follower = self.follow("web")
        word = self.word("web")
        self.define("web-1", "db-1")
        for domain in ("db-1", "web-1"):
            self.daemon.result("alice", "domain.start", {"domain": domain})
        self.flip(1, "db-1")
        self.daemon.result("alice", "domain.destroy", {"domain": "db-1"})
        self.daemon.result("alice", "domain.destroy", {"domain": "web-1"})
        follower.wait_event("stopped", "web-1")
        text = json.dumps(follower.lines)
        self.assertNotIn("db-1", text)
        self.assertEqual([line["event"] for line in follower.lines[1:]],
                         ["defined", "started", "stopped"])
        lines = self.events("web", "?follow=false&after=" + word)
        self.assertEqual(lines, follower.lines[1:])
        answers = [self.daemon.curl("web", "/events?domain=" + name)
                   for name in ("db-1", "none-1")]
        self.assertEqual([a.status for a in answers], [404, 404])
        words = [a.json()["error"]["message"] for a in answers]
        self.assertEqual(words[0].replace("db-1", "X"), words[1].replace("none-1", "X"))

    def test_denied(self):
        self.assertEqual(self.daemon.curl("deaf", "/events").status, 403)

    def test_rights_that_are_taken_away(self):
        whole, part = self.follow("alice"), self.follow("web")
        self.define("web-1")
        part.wait_event("defined", "web-1")
        self.daemon.write_access({**self.access,
                                  "alice": {"role": "admin", "domains": "db-*"}})
        self.daemon.reload()
        self.assertNotEqual(whole.wait_end(), 0)
        self.daemon.write_access({"alice": {"role": "admin", "domains": "*"}})
        self.daemon.reload()
        self.assertNotEqual(part.wait_end(), 0)
        [record] = [r for r in self.daemon.wait_audit(method="event.follow", event="end")
                    if r["identity"] == "alice"]
        self.assertEqual(record["outcome"], "denied")


class Libvirt(EventCase):
    """A libvirtd that goes and comes, and that others use."""

    def setUp(self):
        super().setUp()
        self.libvirtd = self.start_libvirtd()
        self.daemon = self.start_daemon(config={"libvirt": {"uri": self.libvirtd.uri}})

    def virsh(self, *words):
        need("virsh")
        return must_run("virsh", "-c", self.libvirtd.uri, *words)

    def state(self, name="test"):
        rows = self.daemon.result("alice", "domain.list")["domains"]
        return next((row["state"] for row in rows if row["name"] == name), None)

    def test_others_are_heard_and_listed(self):
        follower = self.follow()
        first = self.daemon.result("alice", "domain.list")
        self.virsh("suspend", "test")
        follower.wait_event("suspended")
        self.assertEqual(self.state(), "paused")  # as soon as it was heard
        self.virsh("resume", "test")
        follower.wait_event("resumed")
        self.assertEqual(self.state(), "running")
        self.virsh("net-destroy", "default")
        line = follower.wait_type("network-lifecycle")
        self.assertEqual((line["network"], line["event"]), ("default", "stopped"))
        self.virsh("pool-destroy", "default-pool")
        line = follower.wait_type("pool-lifecycle")
        self.assertEqual((line["pool"], line["event"]), ("default-pool", "stopped"))
        self.virsh("desc", "--live", "--title", "test", "a title")
        line = follower.wait_type("metadata-change")
        rows = self.daemon.result("alice", "domain.list")
        self.assertEqual(rows["domains"][0]["title"], "a title")
        self.assertGreaterEqual(rows["as_of"], first["as_of"])

    def test_after_a_restart(self):
        follower = self.follow()
        self.virsh("suspend", "test")
        follower.wait_event("suspended")
        self.assertEqual(self.state(), "paused")
        self.libvirtd.stop()
        follower.wait_event("disconnected", None)
        self.libvirtd.start()
        missed = follower.wait_type("missed")
        follower.wait_event("connected", None)
        self.assertIn("libvirt", missed["event"])
        self.assertEqual(self.state(), "running")  # its state is new, and read anew
        self.virsh("destroy", "test")
        follower.wait_event("stopped")
        self.assertEqual(self.state(), "shut-off")


class Qemu(test_device_qemu.QemuCase):
    """What the test driver does not tell of."""

    def test_devices_and_jobs(self):
        need("curl")
        followers = [Follower(self.daemon, user, "?domain=web-1")
                     for user in ("alice", "olga")]
        for follower in followers:
            self.addCleanup(follower.close)
        tablet = write_file(os.path.join(self.work, "tablet.xml"),
                            "<input type='tablet' bus='usb'/>")
        virsh = self.libvirtd.virsh
        virsh("attach-device", "web-1", tablet, "--live")
        virsh("blockpull", "web-1", "vda", "--wait")
        virsh("destroy", "web-1")
        for follower in followers:
            follower.wait_event("stopped", "web-1")
            line = follower.wait_type("device-added")
            self.assertEqual(line["event"], "added")
            self.assertRegex(line["device"], "^input[0-9]$")
            line = follower.wait_type("block-job")
            self.assertEqual((line["event"], line["detail"], line["device"]),
                             ("completed", "pull", "vda"))
            self.assertEqual({line.get("domain") for line in follower.lines},
                             {None, "web-1"})
        rows = self.daemon.result("olga", "domain.list")["domains"]
        self.assertEqual([(row["name"], row["state"]) for row in rows],
                         [("web-1", "shut-off")])


class Lists(EventCase):

    def test_every_own_change_is_listed(self):
        """By one client's calls, each followed by a list of another's."""
        def states():
            rows = self.daemon.result("web", "domain.list")["domains"]
            return {row["name"]: row["state"] for row in rows}

        self.define("web-1", "db-1")
        self.assertEqual(states(), {"web-1": "shut-off"})
        for method, state in (("start", "running"), ("suspend", "paused"),
                              ("resume", "running"), ("destroy", "shut-off")):
            self.daemon.result("alice", "domain." + method, {"domain": "web-1"})
            self.assertEqual(states(), {"web-1": state}, method)
        self.daemon.result("alice", "domain.undefine", {"domain": "web-1"})
        self.assertEqual(states(), {})

    def test_a_batch_sees_its_own_changes(self):
        def call(n, method, **params):
            return {"jsonrpc": "2.0", "id": n, "method": method, "params": params}

        batch = []
        for i in range(10):
            batch += [call(i, "domain.suspend", domain="test"), call(i, "domain.list"),
                      call(i, "domain.resume", domain="test"), call(i, "domain.list")]
        answers = self.daemon.curl("alice", "/rpc", json.dumps(batch)).json()
        states = [a["result"]["domains"][0]["state"] for a in answers[1::2]]
        self.assertEqual(states, ["paused", "running"] * 10)


class Verb(EventCase):

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon)

    def event(self, *words, **options):
        return self.alice.run("event", *words, **options)

    def loop(self, *words):
        """Of one that has begun; its lines come with readline()."""
        process = self.alice.spawn("event", "--loop", "--json", *words, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(end_process, process, signal.SIGKILL)
        self.assertEqual(json.loads(process.stdout.readline())["type"], "begin")
        return process

    def test_the_first_event_as_virsh_shows_it(self):
        word = self.word()
        self.flip()
        done = self.event("--after", word)
        self.assertEqual(done.stdout, "event 'lifecycle' for domain 'test': "
                         "Suspended Paused\nevents received: 1\n", done.stderr)
        done = self.event("--after", word, "--timestamp", "--domain", "test")
        self.assertRegex(done.stdout, r"^20\d\d-[-\dT:.]+Z: event 'lifecycle' for domain")
        lines = self.event("--after", word, "--json", "--event", "lifecycle").stdout
        self.assertEqual([json.loads(line)["type"] for line in lines.splitlines()],
                         ["begin", "lifecycle"])

    def test_what_fails(self):
        for words, status in ((("--timeout", "1", "--event", "reboot"), 7),
                              (("none",), 3), (("--event", "none"), 2),
                              (("-f", "csv"), 2)):
            done = self.event(*words)
            self.assertEqual(done.returncode, status, (words, done.stderr))
        done = self.event("--list")
        self.assertIn("job-completed\n", done.stdout)
        types = [{"type": name} for name in done.stdout.split()]
        done = self.event("--list", "--json")
        self.assertEqual([json.loads(line) for line in done.stdout.splitlines()], types)
        done = self.client(self.daemon, "deaf").run("event")
        self.assertEqual(done.returncode, 4, done.stderr)

    def test_a_loop_until_it_is_interrupted(self):
        process = self.loop("test")
        self.flip(3)
        events = [json.loads(process.stdout.readline())["event"] for _ in range(6)]
        self.assertEqual(events, ["suspended", "resumed"] * 3)
        self.assertEqual(end_process(process, signal.SIGINT), 130)

    def test_it_goes_on_under_new_rights(self):
        process = self.loop()
        self.define("web-1", "db-1")
        for _ in range(2):
            process.stdout.readline()
        self.daemon.write_access({**self.access,
                                  "alice": {"role": "admin", "domains": "web-*"}})
        self.daemon.reload()
        self.assertEqual(json.loads(process.stdout.readline())["type"], "begin")
        self.daemon.write_access({**self.access, "bob": {"role": "admin", "domains": "*"}})
        for domain in ("db-1", "web-1"):
            self.daemon.call("alice", "domain.start", {"domain": domain})
        line = json.loads(process.stdout.readline())
        self.assertEqual((line["domain"], line["event"]), ("web-1", "started"))

    def check_restart(self, process):
        """That PROCESS goes on with another daemon at the same address."""
        port = self.daemon.port
        self.daemon.stop()
        self.daemon = self.start_daemon(
            config={"daemon": {"listen": f"127.0.0.1:{port}"}})
        kinds = [json.loads(process.stdout.readline())["type"] for _ in range(2)]
        self.assertEqual(kinds, ["begin", "missed"])
        self.flip()
        heard = [json.loads(process.stdout.readline()).get("event") for _ in range(3)]
        self.assertEqual(heard, ["connected", "suspended", "resumed"])
        self.assertEqual(end_process(process, signal.SIGTERM), 130)

    def test_it_goes_on_after_a_restart(self):
        self.check_restart(self.loop())

    def test_through_a_session(self):
        self.alice = self.client(self.daemon, session="yes")
        self.assertEqual(self.alice.run("session", "open").returncode, 0)
        self.addCleanup(self.alice.run, "session", "end")
        self.check_restart(self.loop())


if __name__ == "__main__":
    virtmux_test.main()
