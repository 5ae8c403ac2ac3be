#!/usr/bin/env python3
"""Odd names in every form of output, and back again as arguments: what a script reads is
the name itself. libvirt takes no newline and no slash in one; a description takes all.
"""
import json

import examples
import virtmux_test
from virtmux_test import read_file, run, write_file

NAMES = ["-rf", "a b", "comma,name", "semi;$(id)`id`", "plain", 'quote"s', "it's", "ünï-ço∂é",
         "back\\slash", "--all", "*", "#x", "=1+1"]
TITLE = 'quoted "title", and\ta tab'
TEXT = 'two\nlines, "quoted"\n'
XML = """<domain type='test'><name>{}</name><title>{}</title>
<description>{}</description><memory unit='MiB'>16</memory>
<os><type>hvm</type></os></domain>"""


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


class Names(virtmux_test.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.daemon = cls.start_class_daemon()
        for name in NAMES:
            cls.daemon.result("alice", "domain.define", {
                "xml": XML.format(escape(name), escape(TITLE), TEXT)})
        cls.names = sorted(NAMES + ["test"], key=lambda name: name.encode())

    def client(self, daemon, user="alice", **options):
        """Whose key opens at once."""
        return super().client(daemon, user, key=self.authority.user(user).plain_key, **options)

    def listed(self, *words):
        return self.virtmux("list", "--all", *words)

    def test_json(self):
        domains = json.loads(self.listed("--json"))["domains"]
        self.assertEqual([d["name"] for d in domains], self.names)
        self.assertEqual({d.get("title") for d in domains}, {None, TITLE})
        lines = self.listed("-f", "jsonl").splitlines()
        self.assertEqual([json.loads(line)["name"] for line in lines], self.names)

    def test_csv(self):
        text = self.client(self.daemon).run("list", "--all", "-f", "csv")
        rows = examples.parse_csv(text.stdout)
        self.assertEqual([row[1] for row in rows[1:]], self.names)
        self.assertEqual({row[5] for row in rows[1:]}, {"", TITLE})

    def test_nul(self):
        for option in ("-0", "--null"):
            self.assertEqual(self.listed("--name", option),
                             "".join(name + "\0" for name in self.names))
        uuids = self.listed("--uuid", "-0").split("\0")
        self.assertEqual((len(uuids), uuids[-1]), (len(self.names) + 1, ""))

    def test_one_line_each(self):
        """For people, and for scripts that take names without a control character."""
        self.assertEqual(self.listed("--name").splitlines(), self.names)
        table = self.listed().splitlines()
        self.assertEqual(len(table), len(self.names) + 2)
        self.assertIn("and\\x09a tab", "\n".join(table))

    def test_a_newline(self):
        self.assertEqual(json.loads(self.virtmux("desc", "plain", "--json"))["description"], TEXT)
        head, row = examples.parse_csv(self.virtmux("desc", "plain", "-f", "csv"))
        self.assertEqual(row[head.index("description")], TEXT)

    def test_the_order_is_always_the_same(self):
        self.assertEqual(len({self.listed("--json").split('"as_of"')[0] for _ in range(3)}), 1)

    def test_as_arguments(self):
        for name in NAMES:
            with self.subTest(name=name):
                self.assertEqual(json.loads(self.virtmux("dominfo", "--json", "--", name))["name"],
                                 name)
                self.assertIn(f"'{name}' started", self.virtmux("start", "--", name))
                self.virtmux("destroy", "--", name)

    def test_through_xargs(self):
        alice = self.client(self.daemon)
        names = write_file(self.work + "/names", self.listed("--name", "-0"))
        with open(names, encoding="utf-8") as file:
            done = run("xargs", "-0", "-n", "1", *alice.command("dominfo", "-f", "jsonl", "--"),
                       stdin=file, env=alice.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([json.loads(line)["name"] for line in done.stdout.splitlines()],
                         read_file(names).split("\0")[:-1])

    def test_nul_of_the_other_lists(self):
        self.virtmux("snapshot-create-as", "test", "a snapshot, \"quoted\"")
        self.assertEqual(self.virtmux("snapshot-list", "test", "--name", "-0"),
                         'a snapshot, "quoted"\0')
        self.assertEqual(self.virtmux("net-list", "--name", "-0"), "default\0")
        self.assertEqual(self.virtmux("pool-list", "--name", "-0"), "default-pool\0")
        self.assertIn("computer\0", self.virtmux("nodedev-list", "-0"))


if __name__ == "__main__":
    virtmux_test.main()
