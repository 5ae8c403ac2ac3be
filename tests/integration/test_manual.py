#!/usr/bin/env python3
"""The manual pages and topics as they are installed: one page for each verb, clean to
man and mandoc, and the same words in `virtmux help TOPIC`.
"""
import glob
import os
import re
import tempfile
import unittest

import virtmux_test
from virtmux_test import BUILD, VIRTMUX, must_run, need, read_file, run

TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "client",
                      "commands", "*.def")
PLACES = ("share/bash-completion/completions/virtmux", "share/zsh/site-functions/_virtmux",
          "share/fish/vendor_completions.d/virtmux.fish", "share/man/man1/virtmux.1")


def verbs():
    """As the table has them."""
    return [verb for path in glob.glob(TABLES)
            for verb in re.findall(r'^COMMAND\(\w+, "([^"]+)"', read_file(path), re.M)]


def plain(text):
    """Without the line breaks and hyphens that a page's width makes."""
    return re.sub(r"\s+", " ", re.sub(r"\u2010\s+", "", text))


class Manual(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        need("cmake", "man", "mandoc")
        cls.folder = tempfile.TemporaryDirectory(prefix="virtmux-test-")
        cls.addClassCleanup(cls.folder.cleanup)
        must_run("cmake", "-DCMAKE_INSTALL_PREFIX=/usr", "-P",
                 os.path.join(BUILD, "client", "cmake_install.cmake"),
                 env={**os.environ, "DESTDIR": cls.folder.name})
        cls.usr = os.path.join(cls.folder.name, "usr")
        cls.pages = os.path.join(cls.usr, "share", "man", "man1")

    def page(self, name):
        return os.path.join(self.pages, name + ".1")

    def shown(self, name):
        return must_run("man", "-P", "cat", "-l", self.page(name),
                        env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})

    def test_all_are_there(self):
        for place in PLACES:
            self.assertTrue(os.path.exists(os.path.join(self.usr, place)), place)
        self.assertGreater(len(verbs()), 150)
        wanted = {"virtmux-" + verb.replace(" ", "-") + ".1" for verb in verbs()}
        self.assertEqual(set(os.listdir(self.pages)), wanted | {"virtmux.1"})

    def test_clean(self):
        """No page makes man or mandoc complain."""
        pages = sorted(glob.glob(os.path.join(self.pages, "*.1")))
        done = run("mandoc", "-T", "lint", "-W", "warning", *pages)
        self.assertEqual(done.stdout + done.stderr, "")
        for page in pages:
            done = run("groff", "-man", "-Tutf8", "-K", "utf8", "-ww", "-z", page)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)

    def test_as_a_user_reads_it(self):
        text = self.shown("virtmux-shutdown")
        for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "JSON",
                        "EXIT STATUS", "SEE ALSO"):
            self.assertRegex(text, f"(?m)^{heading}$")
        self.assertIn("virtmux-shutdown - ask a guest to shut down", text)
        self.assertIn("--mode=acpi|agent|initctl|signal|paravirt", text)
        self.assertIn("virtmux-reboot(1)", plain(text))
        self.assertIn("virtmux-host-add(1)", plain(self.shown("virtmux-host-list")))

    def test_all_verbs_are_explained(self):
        for verb in verbs():
            page = read_file(self.page("virtmux-" + verb.replace(" ", "-")))
            for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"):
                body = re.search(rf"(?ms)^\.SH {heading}\n(.*?)(?=^\.SH)", page)
                self.assertIsNotNone(body, f"{verb}: {heading}")
                self.assertGreater(len(body[1].strip()), 10, f"{verb}: {heading}")


class Topics(unittest.TestCase):

    def test_topics(self):
        """All that the overview names open, and stand in virtmux(1) as well."""
        overview = must_run(VIRTMUX, "help")
        names = re.findall(r"(?m)^  ([\w-]+)", overview.split("\nTopics:\n")[1])
        for name in ("exit-status", "configuration", "formats", "session", "hosts", "keys",
                     "environment", "completion"):
            self.assertIn(name, names)
        manual = must_run(VIRTMUX, "--print-manual")
        for name in names:
            text = must_run(VIRTMUX, "help", name)
            title = re.search(r"(?m)^[A-Z ]+$", text)
            self.assertIsNotNone(title, text)
            self.assertIn(f".SH {title[0]}\n", manual)
            self.assertNotIn("`", text)
            for line in text.splitlines():
                self.assertLess(len(line), 100, line)

    def test_words(self):
        self.assertRegex(must_run(VIRTMUX, "help", "exit-status"),
                         r"(?m)^  130 +interrupted by the user$")
        self.assertIn("connect-timeout", must_run(VIRTMUX, "help", "configuration"))
        session = must_run(VIRTMUX, "help", "session")
        self.assertIn("Usage: virtmux session", session)
        self.assertIn("SESSION\n", session)
        self.assertEqual(run(VIRTMUX, "help", "exit-statuses").returncode, 2)


if __name__ == "__main__":
    virtmux_test.main()
