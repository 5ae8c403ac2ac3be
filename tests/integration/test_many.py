#!/usr/bin/env python3
# timeout: 600
"""One verb on many hosts: -H a,b,c and -H @group, with three real hosts, each with
libvirt's test driver, and some that are not there.
"""
import csv
import io
import json
import os
import pty
import select
import signal
import socket
import subprocess
import time

import virtmux_test
from virtmux_test import PASSPHRASE, VIRTMUX, ini, wait_for, write_file

XML = """<domain type='test'><name>{}</name><memory unit='MiB'>64</memory>
<vcpu>1</vcpu><os><type>hvm</type></os></domain>"""


class ManyCase(virtmux_test.Case):
    access = {"alice": {"role": "admin", "domains": "*"},
              "victor": {"role": "viewer", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.daemons = {name: self.start_daemon() for name in "abc"}
        self.alice = self.client(self.daemons["a"])
        self.configure(self.alice)

    def configure(self, client, groups=None, **extra):
        """[host a], [host b], [host c], and what EXTRA ({name: options}) has."""
        identity = self.authority.user("alice")
        common = {"ca": identity.ca, "certificate": identity.certificate,
                  "key": identity.key, "session": "no", "timeout": "20s"}
        sections = {"defaults": {**common, "host": "a"}}
        for name, daemon in self.daemons.items():
            sections["host " + name] = {"address": daemon.address}
        for name, options in extra.items():
            sections["host " + name] = options
        for name, hosts in (groups or {"all": "a, b, c", "web": "b c"}).items():
            sections["group " + name] = {"hosts": hosts}
        write_file(client.config, ini(sections))

    def virtmux(self, *words, status=0, **options):
        done = self.alice.run(*words, **options)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done

    def result(self, *words, **options):
        return json.loads(self.virtmux(*words, "--json", **options).stdout)

    def silent_host(self):
        """An address where somebody listens and never says a word."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def dead_host(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return f"127.0.0.1:{listener.getsockname()[1]}"


class Results(ManyCase):

    def test_json_has_a_member_for_each(self):
        answer = self.result("-H", "a,b,c", "list")
        self.assertEqual(list(answer), ["a", "b", "c"])
        for name in answer:
            self.assertEqual([d["name"] for d in answer[name]["domains"]], ["test"])

    def test_groups_and_names_are_mixed_each_once(self):
        self.assertEqual(list(self.result("-H", "@web", "nodeinfo")), ["b", "c"])
        self.assertEqual(list(self.result("-H", "c,@all,a", "nodeinfo")),
                         ["c", "a", "b"])
        self.assertEqual(list(self.result("nodeinfo", env={"VIRTMUX_HOST": "@web"})),
                         ["b", "c"])

    def test_patterns_and_groups_of_them(self):
        self.configure(self.alice, {"some": "[bc], @more", "more": "a"})
        for hosts, names in (("*", "abc"), ("@all", "abc"), ("[b-c]", "bc"),
                             ("c,?", "cab"), ("@some", "bca")):
            self.assertEqual(list(self.result("-H", hosts, "nodeinfo")), list(names),
                             hosts)

    def test_each_host_is_asked_for_itself(self):
        self.virtmux("-H", "b", "suspend", "test")
        answer = self.result("-H", "@all", "dominfo", "test")
        self.assertEqual({name: answer[name]["state"] for name in answer},
                         {"a": "running", "b": "paused", "c": "running"})
        for name, daemon in self.daemons.items():
            self.assertEqual(len(daemon.wait_audit(method="domain.info")), 1, name)

    def test_a_line_stands_behind_the_name(self):
        lines = self.virtmux("-H", "@all", "suspend", "test").stdout.splitlines()
        self.assertEqual(sorted(lines), [f"{n}: Domain 'test' suspended" for n in "abc"])
        self.assertEqual(self.virtmux("-q", "-H", "@all", "resume", "test").stdout, "")

    def test_a_table_stands_under_the_name(self):
        alone = self.virtmux("-H", "a", "list").stdout
        blocks = [f"{name}:\n{alone}" for name in "ab"]
        self.assertIn(self.virtmux("-H", "a,b", "list").stdout,
                      ("\n".join(blocks), "\n".join(reversed(blocks))))

    def test_csv_is_one_table(self):
        text = self.virtmux("-H", "a,b", "list", "-f", "csv").stdout
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual([(r["host"], r["name"], r["vcpus"]) for r in rows],
                         [("a", "test", "2"), ("b", "test", "2")])
        self.assertTrue(text.startswith("host,id,name,"))

    def test_csv_with_quotes(self):
        for name, host in (('q-1', "a"), ("q,2", "b")):
            xml = XML.format(name).replace(
                "<memory", "<title>say \"hi\", twice</title><memory", 1) \
                if host == "a" else XML.format(name)
            self.virtmux("-H", host, "define", "-", input=xml)
        text = self.virtmux("-H", "b,a", "list", "--inactive", "-f", "csv").stdout
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual([(r["host"], r["name"], r["title"]) for r in rows],
                         [("b", "q,2", ""), ("a", "q-1", 'say "hi", twice')])

    def test_json_lines_name_the_host(self):
        text = self.virtmux("-H", "@all", "list", "--all", "-f", "jsonl").stdout
        rows = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(sorted((r["host"], r["name"]) for r in rows),
                         [("a", "test"), ("b", "test"), ("c", "test")])

    def test_what_is_no_json_is_a_string(self):
        answer = self.result("-H", "a,b", "dumpxml", "test")
        for name in "ab":
            xml = answer[name] if isinstance(answer[name], str) else \
                answer[name]["xml"]
            self.assertIn("<name>test</name>", xml)

    def test_standard_input_is_for_all(self):
        self.virtmux("-H", "@all", "define", "-", input=XML.format("web-1"))
        answer = self.result("-H", "@all", "list", "--inactive")
        for name in "abc":
            self.assertEqual([d["name"] for d in answer[name]["domains"]], ["web-1"])

    def configure_sessions(self):
        identity = self.authority.user("alice")
        write_file(self.alice.config, ini({
            "defaults": {"ca": identity.ca, "certificate": identity.certificate,
                         "key": identity.key},
            **{f"host {n}": {"address": d.address}
               for n, d in self.daemons.items()}}))

    def sessions(self):
        return [s["host"] for s in self.result("session", "list")["sessions"]]

    def test_a_session_of_what_is_renamed_or_removed(self):
        """It serves no new commands; the host is reached by its new name."""
        self.configure_sessions()
        self.addCleanup(self.alice.run, "session", "end", "all")
        self.virtmux("-H", "a,b", "list")
        self.assertEqual(self.sessions(), ["a", "b"])
        self.assertIs(self.result("host", "show", "a")["session"], True)
        for words in (["rename", "a", "attic"], ["remove", "b"]):
            self.assertIn("Its session takes no new commands",
                          self.virtmux("host", *words).stdout)
        wait_for(lambda: self.sessions() == [], "both have ended")
        self.assertIs(self.result("host", "show", "attic")["session"], False)
        self.assertEqual(list(self.result("-H", "a*", "list")), ["attic"])
        self.assertEqual(self.sessions(), ["attic"])

    def test_a_session_of_each(self):
        """Opened and ended on all at once; commands use them."""
        self.configure_sessions()
        done = self.virtmux("-H", "a,b", "session", "open")
        self.addCleanup(self.alice.run, "-H", "a,b", "session", "end")
        self.assertEqual(sorted(done.stdout.splitlines()), [
            f"{n}: Session to host '{n}' opened" for n in "ab"])
        environment = {**self.alice.environment, "VIRTMUX_ASKPASS": "/bin/false"}
        done = virtmux_test.run(VIRTMUX, "-H", "a,b", "list", "--json",
                                env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.daemons["a"].log().split('"alice" connected')), 2)


class Failures(ManyCase):

    def test_some_fail(self):
        self.virtmux("-H", "b", "suspend", "test")
        done = self.virtmux("-H", "@all", "suspend", "test", status=8)
        self.assertEqual(sorted(done.stdout.splitlines()), [
            "a: Domain 'test' suspended", "c: Domain 'test' suspended"])
        self.assertRegex(done.stderr, r"(?m)^virtmux: b: .*test")
        self.assertIn("1 of 3 hosts failed: b (state)", done.stderr)

    def test_some_fail_in_json(self):
        self.virtmux("-H", "a,b", "suspend", "test")
        done = self.virtmux("-H", "@all", "suspend", "test", "--json", status=8)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["a"]["error"]["code"], "state")
        self.assertEqual(answer["c"]["state"], "paused")
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual({line.get("host") for line in lines}, {"a", "b", None})
        self.assertEqual(lines[-1]["error"]["status"], 8)

    def test_all_fail_alike(self):
        done = self.virtmux("-H", "@all", "dominfo", "nobody", status=3)
        self.assertEqual(done.stdout, "")
        for name in "abc":
            self.assertRegex(done.stderr, rf"(?m)^virtmux: {name}: .*nobody")

    def test_all_fail_differently(self):
        self.configure(self.alice, gone={"address": self.dead_host()})
        done = self.virtmux("-H", "a,gone", "dominfo", "nobody", status=8)
        self.assertIn("2 of 2 hosts failed: a (not-found), gone (connect)", done.stderr)

    def test_a_host_that_is_not_there(self):
        self.configure(self.alice, gone={"address": self.dead_host()})
        done = self.virtmux("-H", "a,gone,c", "list", "--json", status=8)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["gone"]["error"]["code"], "connect")
        self.assertEqual(answer["c"]["domains"][0]["name"], "test")

    def test_nothing_is_done_where_a_name_is_wrong(self):
        for hosts, words in (("a,bb", "no host 'bb'"), ("a,@webb", "@web"),
                             ("a,,b", "empty"), ("@nothing", "group"),
                             ("a,x-*", "matches none"), ("a,x/y", "x/y")):
            done = self.virtmux("-H", hosts, "suspend", "test", status=2)
            self.assertIn(words, done.stderr, hosts)
        self.assertEqual(self.result("-H", "a", "dominfo", "test")["state"], "running")

    def test_verbs_for_one_host(self):
        for words in (["console", "test"], ["view", "test"], ["host", "list"],
                      ["screenshot", "test"], ["enroll"]):
            done = self.virtmux("-H", "a,b", *words, status=2)
            self.assertIn("one host at a time, since", done.stderr)
        done = self.virtmux("-H", "a,b", "--address", "c", "list", status=2)
        self.assertIn("--address", done.stderr)

    def test_help_needs_no_hosts(self):
        self.assertIn("Usage", self.virtmux("-H", "a,b", "list", "--help").stdout)
        self.assertIn("SEVERAL HOSTS", self.virtmux("--print-manual").stdout)

    def test_groups_in_the_configuration(self):
        self.configure(self.alice, {"web": "a, @db", "db": "@web"})
        self.assertIn("holds itself: @web has @db has @web",
                      self.virtmux("-H", "@web", "list", status=2).stderr)
        self.configure(self.alice, {"web": "a b/c"})
        self.assertIn("b/c", self.virtmux("-H", "@web", "list", status=2).stderr)
        self.configure(self.alice, {"web": ""})
        self.assertIn("no hosts", self.virtmux("-H", "@web", "list", status=2).stderr)
        write_file(self.alice.config, "[group web]\nhost = a\n")
        self.assertIn('did you mean "hosts"',
                      self.virtmux("-H", "@web", "list", status=2).stderr)


class Time(ManyCase):

    def spawn(self, *words, **options):
        process = self.alice.spawn(*words, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()

    def lines_until(self, stream, count):
        """The first COUNT lines, while the process still runs."""
        lines = []

        def more():
            if select.select([stream], [], [], 0)[0]:
                lines.append(stream.readline().decode())
            return len(lines) >= count
        os.set_blocking(stream.fileno(), True)
        wait_for(more, f"{count} lines")
        return lines

    def test_a_slow_host_holds_up_nobody(self):
        self.configure(self.alice, slow={"address": self.silent_host(),
                                         "connect-timeout": "10m"})
        for form, first in (("table", "a: Domain 'test' suspended\n"),
                            ("jsonl", None)):
            process = self.spawn("-H", "slow,a", "suspend" if first else "resume",
                                 "test", "-f", form)
            line = self.lines_until(process.stdout, 1)[0]
            if first:
                self.assertEqual(line, first)
            else:
                self.assertEqual(json.loads(line)["host"], "a")
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(virtmux_test.TIMEOUT), 130)

    def test_ctrl_c_ends_all(self):
        self.configure(self.alice, s1={"address": self.silent_host(),
                                       "connect-timeout": "10m"},
                       s2={"address": self.silent_host(), "connect-timeout": "10m"})
        for number, group in ((signal.SIGINT, True), (signal.SIGTERM, False)):
            process = self.spawn("-H", "s1,s2", "list", start_new_session=True)
            children = wait_for(lambda p=process: self.children(p.pid, 2), "two hosts")
            if group:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            self.assertEqual(process.wait(virtmux_test.TIMEOUT), 130)
            for child in children:
                self.assertFalse(os.path.exists(f"/proc/{child}"))

    @staticmethod
    def children(pid, count):
        """Of a process, once there are so many that do the verb's work."""
        try:
            text = virtmux_test.read_file(f"/proc/{pid}/task/{pid}/children")
        except FileNotFoundError:
            return []
        return text.split() if len(text.split()) == count else []

    def test_they_run_at_the_same_time(self):
        self.configure(self.alice, **{
            f"s{n}": {"address": self.silent_host(), "connect-timeout": "2s"}
            for n in range(8)})
        begin = time.monotonic()
        self.virtmux("-H", ",".join(f"s{n}" for n in range(8)), "list", status=5)
        self.assertLess(time.monotonic() - begin, 10)


class Passphrases(ManyCase):
    """Asked once for each key."""

    def askpass(self, answers):
        """A program that gives these answers one after the other, and counts."""
        count = os.path.join(self.work, "asked")
        write_file(count, "")
        listed = "\n".join(f'{n + 1}) echo "{a}" ;;' for n, a in enumerate(answers))
        program = write_file(os.path.join(self.work, "askpass"), f"""#!/bin/sh
echo "$1" >>{count}
case $(wc -l <{count}) in
{listed}
*) exit 1 ;;
esac
""", 0o700)
        self.environment = {**self.alice.environment, "VIRTMUX_ASKPASS": program}
        return count

    def run_asked(self, *words):
        return virtmux_test.run(VIRTMUX, *words, env=self.environment)

    def asked(self, count):
        return virtmux_test.read_file(count).splitlines()

    def test_once_for_one_key(self):
        count = self.askpass([PASSPHRASE])
        done = self.run_asked("-H", "@all", "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(json.loads(done.stdout)), 3)
        self.assertEqual(len(self.asked(count)), 1)

    def test_again_where_it_was_wrong(self):
        count = self.askpass(["wrong", PASSPHRASE])
        done = self.run_asked("-H", "@all", "list", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.asked(count)), 2)
        self.assertIn("wrong", self.asked(count)[1])

    def test_never_right(self):
        count = self.askpass(["no"] * 9)
        done = self.run_asked("-H", "@all", "list")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertEqual(len(self.asked(count)), 3)
        for name in "abc":
            self.assertIn(f"virtmux: {name}: ", done.stderr)

    def test_once_for_each_of_two_keys(self):
        victor = self.authority.user("victor")
        self.configure(self.alice, v={
            "address": self.daemons["a"].address, "key": victor.key,
            "certificate": victor.certificate})
        count = self.askpass([PASSPHRASE, PASSPHRASE])
        done = self.run_asked("-H", "a,v,b", "call", "session.whoami", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([a["identity"] for a in json.loads(done.stdout).values()],
                         ["alice", "victor", "alice"])
        self.assertEqual(len(self.asked(count)), 2)

    def test_a_key_that_cannot_be_read_is_that_hosts_trouble(self):
        self.configure(self.alice, k={"address": self.daemons["a"].address,
                                      "key": "/nowhere/key"})
        self.askpass([PASSPHRASE])
        done = self.run_asked("-H", "k,a", "list", "--json")
        self.assertEqual(done.returncode, 8, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["k"]["error"]["code"], "key")
        self.assertIn("domains", answer["a"])

    def test_from_a_descriptor_and_nobody(self):
        read_end, write_end = os.pipe()
        os.write(write_end, PASSPHRASE.encode() + b"\n")
        os.close(write_end)
        done = virtmux_test.run(VIRTMUX, "-H", "@all", "list", "--json",
                                "--passphrase-fd", str(read_end),
                                env=self.alice.environment, pass_fds=[read_end])
        os.close(read_end)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.environment = self.alice.environment
        done = self.run_asked("-H", "a,b", "--batch", "list")
        self.assertEqual(done.returncode, 6)
        self.assertIn("--batch asks nobody", done.stderr)

    def test_at_the_terminal(self):
        """Asked once; Ctrl-C there ends all and nothing is done."""
        for keys, status, seen in ((PASSPHRASE.encode() + b"\n", 0, b"a: Domain"),
                                   (b"\x03", 130, b"")):
            pid, master = pty.fork()
            if pid == 0:
                os.execve(VIRTMUX, [VIRTMUX, "-H", "@all", "suspend" if status == 0
                                    else "resume", "test"], self.alice.environment)
            text = b""

            def more():
                nonlocal text
                if select.select([master], [], [], 0)[0]:
                    try:
                        text += os.read(master, 4096)
                    except OSError:
                        return True
                return b"assphrase" in text
            wait_for(more, "the question")
            os.write(master, keys)
            while True:
                try:
                    part = os.read(master, 4096)
                except OSError:
                    break
                if not part:
                    break
                text += part
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), status)
            os.close(master)
            self.assertEqual(text.count(b"assphrase for"), 1, text)
            self.assertIn(seen, text)


if __name__ == "__main__":
    virtmux_test.main()
