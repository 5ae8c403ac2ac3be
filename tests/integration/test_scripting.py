#!/usr/bin/env python3
"""The recipes of doc/SCRIPTING.md, read from there and run by sh as they stand: each in a
world that has what it names. A recipe that no case here knows fails.
"""
import os
import re
import subprocess

import virtmux_test
from virtmux_test import TIMEOUT, VIRTMUX, read_file, write_file

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc",
                        "SCRIPTING.md")
DOMAIN = ("<domain type='test'><name>{}</name><memory>1024</memory>"
          "<os><type>hvm</type></os></domain>")
ODD = "it's a b"  # a name that careless quoting breaks


def recipes():
    """[(heading words, command)] of the document's last section."""
    text = read_file(DOCUMENT).split("\n## Recipes\n")[1]
    return re.findall(r"([^\n]+):\n\n((?:\t[^\n]+\n?)+)", text)


class Recipes(virtmux_test.Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.client(self.daemon, key=self.authority.user("alice").plain_key)

    def define(self, name, running=True):
        file = write_file(os.path.join(self.work, "xml"), DOMAIN.format(name))
        for words in [("define", file)] + [("start", "--", name)] * running:
            done = self.alice.run(*words)
            self.assertEqual(done.returncode, 0, done.stderr)

    def sh(self, recipe):
        """Its output; it must end well, and say nothing on standard error."""
        # A path of the recipe is one of this test's, which are many at a time.
        recipe = recipe.replace("/var/tmp/", self.work + "/")
        path = os.path.dirname(VIRTMUX) + os.pathsep + os.environ["PATH"]
        done = subprocess.run(
            ["sh", "-euc", recipe], env={**self.alice.environment, "PATH": path},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=TIMEOUT, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), (recipe, done.stdout))
        return done.stdout

    def state(self, name):
        return self.daemon.result("alice", "domain.info", {"domain": name})["state"]

    def every_running_domain(self, recipe):
        self.define(ODD)
        said = self.sh(recipe)
        for name in ODD, "test":
            self.assertRegex(said, f"(?m)^Name: +{re.escape(name)}$")

    def a_name_that(self, recipe):
        self.define("-rf", running=False)
        self.sh(recipe)
        self.assertEqual(self.state("-rf"), "running")

    def two_minutes(self, recipe):
        self.define("web")
        self.assertIn("has shut down", self.sh(recipe))
        self.assertEqual(self.state("web"), "shut-off")

    def a_long_call(self, recipe):
        self.define("web")
        self.assertRegex(self.sh(recipe), r"\AJob \S+ is done\n\Z")
        self.assertEqual(self.state("web"), "shut-off")
        self.assertTrue(os.path.exists(os.path.join(self.work, "web.save")))

    def test_each(self):
        found = recipes()
        self.assertEqual(len(found), read_file(DOCUMENT).split("## Recipes")[1].count("\n\t"))
        for words, recipe in found:
            case = "_".join(re.findall("[a-z]+", words.lower())[:3])
            with self.subTest(words):
                case = next((getattr(self, name) for name in dir(self)
                             if case.startswith(name)), None)
                self.assertIsNotNone(case, "no case of this test is for it")
                self.end_all()
                case("\n".join(line.strip() for line in recipe.splitlines()))

    def end_all(self):
        """A domain of an earlier recipe is in no later one's way."""
        for domain in self.daemon.result("alice", "domain.list")["domains"]:
            if domain["name"] != "test":
                if domain["state"] == "running":
                    self.daemon.result("alice", "domain.destroy", {"domain": domain["uuid"]})
                self.daemon.result("alice", "domain.undefine", {"domain": domain["uuid"]})


if __name__ == "__main__":
    virtmux_test.main()
