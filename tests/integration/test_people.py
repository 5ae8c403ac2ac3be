#!/usr/bin/env python3
"""What a person at a terminal sees and a script does not: how long ago and how soon,
tables within the terminal's width, and certificates that end soon.
"""
import csv
import io
import json
import os
import re

import virtmux_test
from virtmux_test import VIRTMUX_PKI, Identity, at_terminal, write_file

AGO = r"(now|\d+ (s|min|h|days|months|years) ago)"
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"
UTC = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
CODES = "\x1b["


class Person(virtmux_test.Case):
    """One terminal, one pipe."""

    access = {name: {"role": "admin", "domains": "*"} for name in ("alice", "near")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemon = cls.start_class_daemon()
        cls.daemon.result("alice", "snapshot.create", {"domain": "test",
                                                       "name": "one"})

    def setUp(self):
        super().setUp()
        self.be("alice")

    def be(self, user):
        self.alice = self.client(self.daemon, user, session="yes")
        self.addCleanup(self.alice.run, "session", "end", "all")

    def see(self, *words, columns=80, status=0, **environment):
        """What the terminal of so many columns shows."""
        environment = {**self.alice.environment, "TERM": "xterm", **environment}
        text, ended = at_terminal(self.alice.command(*words), environment, columns)
        self.assertEqual(ended, status, text)
        return text

    def read(self, *words):
        """What a script gets."""
        done = self.alice.run(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class Mistyped(Person):
    """What was meant is told."""

    def test_words(self):
        with open(self.alice.config, "a", encoding="utf-8") as file:
            file.write("\n[group both]\nhosts = test\n")
        for words, status, said in (
                (("lsit",), 2, "did you mean 'list'"),
                (("help", "formts"), 2, "did you mean 'formats'"),
                (("help", "lsit"), 2, "did you mean 'list'"),
                (("-H", "both", "list"), 2, "a group is: '@both'"),
                (("-H", "tset", "list"), 2, "did you mean 'test'"),
                (("list", "--inactve"), 2, "did you mean '--inactive'"),
                (("dominfo", "tset"), 3, "did you mean 'test'")):
            self.assertIn(said, self.see(*words, columns=120, status=status), words)

    def test_what_is_there_is_not_meant(self):
        seen = self.see("snapshot-revert", "test", "nope", columns=120, status=3)
        self.assertIn("no snapshot 'nope'", seen)
        self.assertNotIn("did you mean", seen)


class Tables(Person):
    """They fit: narrower gaps and columns first, then a block for each row."""

    def test_widths(self):
        self.read("list")
        for columns in (120, 80, 60):
            for words in (("session",), ("list",), ("host", "sessions"),
                          ("snapshot-list", "test"), ("pool-list", "--details")):
                seen = self.see(*words, columns=columns).splitlines()
                self.assertLessEqual(max(map(len, seen)), columns, (words, seen))
                self.assertTrue(any(line.startswith("-----") for line in seen) or
                                columns < 80, (words, seen))

    def test_narrow(self):
        self.read("list")  # opens the session
        seen = self.see("session", columns=40)
        self.assertRegex(seen, r"(?m)^Host:     test\r?$")
        self.assertRegex(seen, r"(?m)^State:    serving\r?$")
        self.assertRegex(seen, r"(?m)^Address:  127\.0\.0\.1:\d+\r?$")
        self.assertLessEqual(max(map(len, seen.splitlines())), 40)
        self.assertRegex(self.read("session"), r"(?m)^ test +serving ")


class Moments(Person):

    def test_tables(self):
        seen = self.see("snapshot-list", "test")
        self.assertRegex(seen, rf"(?m)^ one +{AGO} +running\r?$")
        self.assertRegex(self.read("snapshot-list", "test"),
                         rf"(?m)^ one +{UTC} +running$")
        self.assertRegex(self.see("host", "sessions"), rf" alice .* {AGO} ")
        self.assertRegex(self.read("host", "sessions"), rf" alice .* {UTC} ")
        # any result, that no verb renders in a way of its own
        self.assertRegex(self.see("call", "snapshot.list", "domain=test"),
                         rf" one .*{AGO}")
        self.assertRegex(self.read("call", "snapshot.list", "domain=test"),
                         rf" one .*{ISO}")

    def test_other_formats(self):
        """They are the same at a terminal."""
        for words, read in (
                (("--json",), lambda text: json.loads(text)["snapshots"][0]),
                (("-f", "jsonl"), json.loads),
                (("-f", "csv"), lambda text: next(csv.DictReader(io.StringIO(text))))):
            seen = read(self.see(*words, "snapshot-list", "test"))
            self.assertRegex(seen["created"], rf"^{ISO}$", words)
            self.assertEqual(seen, read(self.read(*words, "snapshot-list", "test")))

    def test_fields(self):
        seen = self.see("whoami")
        self.assertRegex(seen, rf"(?m)^Not after: +{UTC}, in (12|11) months\r?$")
        self.assertRegex(seen, rf"(?m)^Time: +{UTC}, now\r?$")
        self.assertRegex(self.read("whoami"), rf"(?m)^Not after: +{ISO}$")

    def test_a_name_that_is_like_a_moment(self):
        name = "2026-11-21T08:45:12.123Z"
        path = write_file(os.path.join(self.work, "domain.xml"),
                          f"<domain type='test'><name>{name}</name>"
                          "<memory>1024</memory><os><type>hvm</type></os></domain>")
        self.read("define", path)
        self.assertIn(name, self.see("call", "domain.list", columns=200))

    def test_on_several_hosts(self):
        """Results that come through a pipe of ours are for the same person."""
        section = virtmux_test.read_file(self.alice.config).split("[host test]")[1]
        with open(self.alice.config, "a", encoding="utf-8") as file:
            file.write("\n[host second]" + section)
        seen = self.see("-H", "test,second", "snapshot-list", "test")
        self.assertEqual(len(re.findall(rf"(?m)^ one +{AGO} +running\r?$", seen)), 2,
                         seen)
        self.assertRegex(self.read("-H", "test,second", "snapshot-list", "test"),
                         rf"(?m)^ one +{UTC} +running$")

    def test_an_end_that_is_near(self):
        """It stands out, where colours are wanted."""
        pki = self.authority
        pki.pki("user", "near", "--days", "9", "--passphrase-file", pki.passphrase_file)
        pki.identities["user", "near"] = Identity(pki, "near",
                                                  os.path.join(pki.folder, "users"))
        self.be("near")
        seen = self.see("whoami", NO_COLOR="")
        self.assertRegex(seen, rf"Not after: +\x1b\[33m{UTC}, in 9 days\x1b\[0m")
        self.assertNotIn(CODES, self.see("whoami", NO_COLOR="1"))
        self.assertNotIn(CODES, self.see("whoami", NO_COLOR="", TERM="dumb"))
        text, _ = at_terminal([VIRTMUX_PKI, "--dir", pki.folder, "list"], os.environ)
        self.assertRegex(text, r"(?m)^user  near .* in 9 days +valid, ends soon\r?$")
        self.assertRegex(text, r"(?m)^host  localhost .* in 12 months +valid\r?$")
        text, _ = at_terminal([VIRTMUX_PKI, "--dir", pki.folder, "show", "near"],
                              os.environ)
        self.assertRegex(text, rf"(?m)^expires +{UTC}, in 9 days\r?$")


if __name__ == "__main__":
    virtmux_test.main()
