#!/usr/bin/env python3
# sanitized: configurations that are wrong
"""What the client's configuration says: config, config set, config unset, and the
verbs about hosts, each with the whole file that comes of it. No host is asked.
"""
import csv
import io
import json
import os
import shutil
import tempfile
import unittest

import virtmux_test
from virtmux_test import VIRTMUX, read_file, write_file

FILE = """\
# anna's
[defaults]
host = kvm1
persist = 1h
key = anna.key

[group web]
hosts = web-*, kvm1

[group most]
hosts = @web @db

[group db]
hosts: kvm2,kvm1   kvm3

# the first
[host kvm1]
address = a.example:1234

# the second
[host kvm2]
[host kvm3]
layout = de
[host web-1]
[host web-2]
session = no"""


class ConfigCase(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="virtmux-test-")
        self.addCleanup(shutil.rmtree, self.home)
        self.config = os.path.join(self.home, "config")
        self.write(FILE)
        runtime = os.path.join(self.home, "run")
        os.mkdir(runtime, 0o700)
        self.environment = {
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("VIRTMUX_", "XDG_"))},
            "HOME": self.home, "VIRTMUX_CONFIG": self.config,
            "XDG_RUNTIME_DIR": runtime, "NO_COLOR": "1"}

    def write(self, text):
        write_file(self.config, text)

    def run_client(self, *words, env=None, **options):
        return virtmux_test.run(VIRTMUX, *words,
                                env={**self.environment, **(env or {})}, **options)

    def virtmux(self, *words, **options):
        """What it prints; it must succeed and warn of nothing."""
        done = self.run_client(*words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def refused(self, status, *words, **options):
        """Its words; nothing is printed or changed."""
        before = read_file(self.config)
        done = self.run_client(*words, **options)
        self.assertEqual((done.returncode, done.stdout), (status, ""),
                         (words, done.stderr))
        self.assertEqual(read_file(self.config), before, words)
        return done.stderr

    def result(self, *words, **options):
        return json.loads(self.virtmux(*words, "--json", **options))

    def assert_changed(self, *changes):
        """The file is as it was, but for these (from, to)."""
        wanted = FILE
        for old, new in changes:
            self.assertEqual(wanted.count(old), 1, old)
            wanted = wanted.replace(old, new)
        self.assertEqual(read_file(self.config), wanted)


class Settings(ConfigCase):
    """config"""

    def settings(self, *words, **options):
        answer = self.result("config", *words, **options)
        return {s["key"]: s for s in answer["settings"]}

    def assert_from(self, setting, value, line, section):
        self.assertEqual((setting["value"], setting["origin"], setting["file"],
                          setting["line"], setting["section"]),
                         (value, "file", self.config, line, section))

    def test_each_has_its_place(self):
        found = self.settings()
        self.assert_from(found["host"], "kvm1", 3, "defaults")
        self.assert_from(found["address"], "a.example:1234", 18, "host kvm1")
        self.assert_from(found["persist"], "1h", 4, "defaults")
        self.assert_from(found["key"], self.home + "/anna.key", 5, "defaults")
        self.assertEqual((found["layout"]["value"], found["layout"]["origin"]),
                         ("us", "preset"))
        self.assertEqual(set(found["crl"]), {"key", "doc"})
        for key, setting in found.items():
            self.assertGreater(len(setting["doc"]), 20, key)

    def test_of_another_host(self):
        for words, environment, origin, name in (
                (("kvm3",), {}, "command-line", "host"),
                (("-H", "kvm3"), {"VIRTMUX_HOST": "kvm2"}, "command-line", "host"),
                ((), {"VIRTMUX_HOST": "kvm3"}, "environment", "VIRTMUX_HOST")):
            found = self.settings(*words, env=environment)
            self.assertEqual(found["host"]["value"], "kvm3")
            self.assertEqual(found["host"]["origin"], origin)
            self.assertIn(name, found["host"].values())
            self.assert_from(found["layout"], "de", 23, "host kvm3")
            self.assertEqual((found["address"]["value"], found["address"]["origin"]),
                             ("kvm3", "name"))

    def test_what_the_command_line_changes(self):
        found = self.settings("--timeout", "3s", "--address", "x.example", "--key",
                              "~/k", "--no-session")
        for key, value, option in (("timeout", "3s", "timeout"),
                                   ("address", "x.example", "address"),
                                   ("key", self.home + "/k", "key"),
                                   ("session", "no", "no-session")):
            self.assertEqual((found[key]["value"], found[key]["origin"],
                              found[key]["option"]), (value, "command-line", option))

    def test_where_no_host_is_meant(self):
        self.write("[defaults]\npersist = 2h\n")
        found = self.settings()
        self.assertNotIn("value", found["host"])
        self.assert_from(found["persist"], "2h", 2, "defaults")
        self.write("[host only]\n")
        found = self.settings()
        self.assertEqual((found["host"]["value"], found["host"]["origin"]),
                         ("only", "only"))

    def test_one_value(self):
        self.assertEqual(self.virtmux("config", "persist"), "1h\n")
        self.assertEqual(self.virtmux("config", "layout", "-H", "kvm3"), "de\n")
        self.assertEqual(self.virtmux("config", "host"), "kvm1\n")
        self.assertEqual(self.result("config", "layout", "-H", "kvm3")["line"], 23)
        self.assertIn("crl has no value for host kvm1",
                      self.refused(3, "config", "crl"))

    def test_tables(self):
        lines = self.virtmux("config").splitlines()
        self.assertRegex(lines[3], rf"^ address +a\.example:1234 +{self.config}:18$")
        self.assertRegex("\n".join(lines), r"(?m)^ layout +us +preset$")
        rows = list(csv.DictReader(io.StringIO(self.virtmux("config", "-f", "csv"))))
        self.assertIn({"key": "persist", "value": "1h", "from": self.config + ":4"},
                      rows)

    def test_unknown_words(self):
        self.assertIn("did you mean 'layout'?", self.refused(3, "config", "layuot"))
        self.assertIn("did you mean 'web-1'?", self.refused(3, "config", "web-9"))
        self.assertIn("one host at a time", self.refused(2, "config", "-H", "@web"))

    def test_a_fault_tells_its_place_and_the_nearest_key(self):
        self.write("[defaults]\n\n[host a]\npresist = 1h\n")
        self.assertIn(self.config + ':4: unknown key "presist" in [host]; did you mean '
                      '"persist"?', self.refused(2, "config"))


class Changes(ConfigCase):
    """config set, config unset"""

    def test_set(self):
        self.assertIn(f"persist = 2h written to [defaults] of {self.config}",
                      self.virtmux("config", "set", "persist", "2h"))
        self.virtmux("config", "set", "-H", "kvm2", "viewer", "my viewer {socket}")
        self.virtmux("config", "set", "host", "kvm3")
        self.virtmux("config", "set", "--host=web-2", "tls-min", "1.2")
        self.assert_changed(
            ("persist = 1h", "persist = 2h"), ("host = kvm1", "host = kvm3"),
            ("[host kvm2]\n", "[host kvm2]\nviewer = my viewer {socket}\n"),
            ("session = no", "session = no\ntls-min = 1.2\n"))

    def test_who_has_his_own(self):
        self.assertIn(f"Host 'kvm3' has its own: {self.config}:23",
                      self.virtmux("config", "set", "layout", "fr"))

    def test_the_environment_names_no_section(self):
        self.virtmux("config", "set", "layout", "fr", env={"VIRTMUX_HOST": "kvm2"})
        self.assert_changed(("key = anna.key\n", "key = anna.key\nlayout = fr\n"))

    def test_paths_do_not_depend_on_the_folder(self):
        write_file(os.path.join(self.home, "ca.crt"), "")
        self.virtmux("config", "set", "ca", "ca.crt", cwd=self.home)
        self.virtmux("config", "set", "crl", "~/crl.pem")
        self.virtmux("config", "set", "key", "pkcs11:token=card;object=anna")
        home = os.path.realpath(self.home)
        self.assert_changed(("key = anna.key\n", "key = pkcs11:token=card;object=anna\n"
                             f"ca = {home}/ca.crt\ncrl = ~/crl.pem\n"))
        self.assertIn("cannot find", self.refused(3, "config", "set", "ca", "ca.crt",
                                                  cwd="/"))

    def test_unset(self):
        self.virtmux("config", "unset", "persist")
        self.virtmux("config", "unset", "-H", "kvm3", "layout")
        self.assert_changed(("persist = 1h\n", ""), ("layout = de\n", ""))
        self.assertIn("is not set", self.refused(3, "config", "unset", "persist"))
        self.assertIn(self.config + ":4", self.refused(3, "config", "unset", "key",
                                                       "-H", "kvm2"))

    def test_refused(self):
        for status, words, said in (
                (2, ("persist", "1w"), '"persist" must be'),
                (2, ("tls-min", "1.1"), "1.2"),
                (2, ("timeout", "1ms"), "within 1s..1d"),
                (2, ("presist", "1h"), 'did you mean "persist"'),
                (2, ("layout", "de\nkey = x"), "line break"),
                (3, ("layout", "de", "-H", "kvm9"), "did you mean 'kvm1'"),
                (2, ("layout", "de", "-H", "*"), "one host at a time"),
                (3, ("host", "kvm9"), "did you mean 'kvm1'"),
                (2, ("host", "kvm2", "-H", "kvm3"), "not a setting of a host"),
                (1, ("via", "kvm2"), "reserved"),
                (2, ("layout",), "value")):
            self.assertIn(said, self.refused(status, "config", "set", *words), words)

    def test_a_file_with_a_fault_is_left_alone(self):
        self.write("[defaults]\nhots = a\n")
        self.assertIn(self.config + ":2", self.refused(2, "config", "set", "layout", "de"))

    def test_many_at_once_lose_nothing(self):
        keys = [f"kvm{n}" for n in range(4)]
        self.write("".join(f"[host {key}]\n" for key in keys))
        processes = [virtmux_test.subprocess.Popen(
            [VIRTMUX, "-q", "config", "set", "layout", "fr", "-H", key],
            env=self.environment) for key in keys]
        self.assertEqual([p.wait(virtmux_test.TIMEOUT) for p in processes], [0] * 4)
        self.assertEqual(read_file(self.config),
                         "".join(f"[host {key}]\nlayout = fr\n" for key in keys))


class Hosts(ConfigCase):
    """host list, show, rename, remove, default"""

    def test_list(self):
        hosts = self.result("host", "list")["hosts"]
        self.assertEqual([(h["name"], h["line"], h["groups"]) for h in hosts], [
            ("kvm1", 17, ["web", "most", "db"]), ("kvm2", 21, ["most", "db"]),
            ("kvm3", 22, ["most", "db"]), ("web-1", 24, ["web", "most"]),
            ("web-2", 25, ["web", "most"])])
        self.assertRegex(self.virtmux("host", "list"),
                         r"(?m)^ kvm1 +a\.example:1234 +yes +web, most, db +-$")

    def test_a_wrong_group_is_warned_of(self):
        self.write("[host a]\n[group x]\nhosts = @y\n[group y]\nhosts = @x\n")
        done = self.run_client("host", "list", "--json")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stdout)["hosts"][0]["groups"], [])
        self.assertIn(f"{self.config}:2: [group x] holds itself: @x has @y has @x",
                      done.stderr)

    def test_show(self):
        for words in ((), ("kvm1",), ("-H", "kvm1")):
            host = self.result("host", "show", *words)
            self.assertEqual(
                (host["name"], host["address"], host["default"], host["groups"],
                 host["key"], host["file"], host["line"], host["session"]),
                ("kvm1", "a.example:1234", True, ["web", "most", "db"],
                 self.home + "/anna.key", self.config, 17, False))
        self.assertIn("did you mean 'kvm1'?", self.refused(3, "host", "show", "kvm9"))

    def test_rename(self):
        self.assertIn("stays the default one",
                      self.virtmux("host", "rename", "kvm1", "attic"))
        self.virtmux("host", "rename", "kvm2", "cellar")
        self.assert_changed(
            ("host = kvm1", "host = attic"), ("[host kvm1]", "[host attic]"),
            ("web-*, kvm1", "web-*, attic"), ("hosts: kvm2,kvm1 ", "hosts = cellar,attic "),
            ("[host kvm2]", "[host cellar]\naddress = kvm2"))
        self.assertEqual(self.result("config", "cellar")["settings"][1]["value"], "kvm2")

    def test_rename_out_of_a_pattern(self):
        done = self.run_client("host", "rename", "web-2", "mail")
        self.assertEqual(done.returncode, 0)
        for group in ("web", "most"):
            self.assertIn(f"'mail' is not in the group '{group}', as 'web-2' was",
                          done.stderr)

    def test_rename_refused(self):
        for status, words, said in (
                (1, ("kvm1", "kvm2"), ":21: there is a host 'kvm2' already"),
                (3, ("kvm9", "kvm4"), "did you mean 'kvm1'"),
                (2, ("kvm1", "a,b"), "host's name"), (2, ("kvm1", "-x"), "x"),
                (2, ("kvm1",), "new")):
            self.assertIn(said, self.refused(status, "host", "rename", *words), words)

    def test_remove(self):
        self.assertIn("no host is the default one now",
                      self.virtmux("host", "remove", "kvm1"))
        self.assert_changed(
            ("host = kvm1\n", ""), ("web-*, kvm1", "web-*"),
            ("hosts: kvm2,kvm1 ", "hosts = kvm2 "),
            ("# the first\n[host kvm1]\naddress = a.example:1234\n\n", "# the first\n"))

    def test_default(self):
        self.assertEqual(self.virtmux("host", "default"), "kvm1\n")
        self.assertEqual(self.virtmux("-q", "host", "default", "web-2"), "")
        self.assert_changed(("host = kvm1", "host = web-2"))
        self.assertEqual(self.result("host", "default"), {"host": "web-2"})
        self.assertIn("did you mean 'web-1'",
                      self.refused(3, "host", "default", "web-9"))
        self.write("")
        self.assertIn("no host is the default one", self.refused(3, "host", "default"))


if __name__ == "__main__":
    virtmux_test.main()
