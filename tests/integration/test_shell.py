#!/usr/bin/env python3
"""`virtmux shell`: lines from a pipe and from a person at a terminal: quoting, status,
history, completion, Ctrl-C and Ctrl-D.
"""
import os
import re
import stat

import virtmux_test
from test_completion import CompletionCase, Terminal
from virtmux_test import VIRTMUX, read_file, wait_for, wait_idle

PROMPT = b"virtmux test> "


class Pipe(virtmux_test.Case):

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon(access={
            **self.access, "bob": {"role": "viewer", "domains": "*"}})
        self.alice = self.client(self.daemon)

    def shell(self, text, *words):
        return self.alice.run("shell", *words, input=text)

    def test_lines(self):
        done = self.shell("# nothing\n\nlist --name # all that run\n"
                          "dominfo 'te'\"st\" -j\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines()[0], "test")
        self.assertIn('"name":"test"', done.stdout.replace('": "', '":"'))
        self.assertNotIn("virtmux", done.stdout)

    def test_status(self):
        """A failing line is told; the next one runs; the last one's status counts."""
        done = self.shell("dominfo nobody\nlist --name\n")
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "test"))
        self.assertIn("nobody", done.stderr)
        self.assertEqual(self.shell("list --name\ndominfo nobody\n").returncode, 3)
        self.assertEqual(self.shell("listt\n").returncode, 2)
        done = self.shell("dominfo nobody\nlist --name\n", "-e")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        done = self.shell("list 'x\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("has no end", done.stderr)
        done = self.shell("list --name\nquit\nlist --name\n")
        self.assertEqual((done.returncode, done.stdout), (0, "test\n"))

    def test_use(self):
        bob = self.daemon.authority.user("bob")
        with open(self.alice.config, "a", encoding="utf-8") as file:
            file.write(f"[host other]\naddress = {self.daemon.address}\nca = {bob.ca}\n"
                       f"certificate = {bob.certificate}\nkey = {bob.key}\n"
                       "session = no\n")
        done = self.shell("use other\nwhoami -j\nuse nowhere!\n-H test whoami -j\n")
        self.assertEqual(re.findall('"identity": ?"([a-z]+)"', done.stdout),
                         ["bob", "alice"])
        self.assertIn("nowhere!", done.stderr)
        self.assertEqual(self.shell("use\n").returncode, 2)
        self.assertEqual(self.shell("shell\n").returncode, 2)

    def test_standard_input_is_the_shells(self):
        """A command gets none of the lines."""
        done = self.shell("define -\nlist --name\n")
        self.assertEqual(done.stdout.strip(), "test")
        self.assertEqual(done.returncode, 0)


class Person(CompletionCase):

    def setUp(self):
        super().setUp()
        self.open_session()
        self.state = os.path.join(self.work, "state")
        self.history = os.path.join(self.state, "virtmux", "history")
        self.start()

    def start(self):
        environment = {**self.alice.environment, "TERM": "vt100", "LC_ALL": "C.UTF-8",
                       "XDG_STATE_HOME": self.state, "HOME": self.work}
        self.terminal = Terminal([VIRTMUX, "shell"], environment)
        self.addCleanup(self.terminal.close)
        self.terminal.wait(PROMPT)

    def type(self, text, answer):
        """What comes after TEXT, once ANSWER (an expression) is there."""
        self.terminal.output = b""
        self.terminal.type(text)
        wait_for(lambda: re.search(answer, self.terminal.read()),
                 f"{answer!r} in {self.terminal.output!r}")
        return self.terminal.output

    def ends(self, text, status):
        self.terminal.type(text)
        self.assertEqual(self.terminal.process.wait(virtmux_test.TIMEOUT), status)

    def test_lines_and_end(self):
        self.type("list --name\r", rb"\ntest\r\n[^>]*" + PROMPT)
        self.type("dominfo nobody\r", rb"nobody.*\n(.*\n)*.*" + PROMPT)
        self.ends("\x04", 3)

    def test_mistyped_name(self):
        """A person is told what was meant; a script is not, and asks once."""
        self.define("web-1")
        shown = self.type("dominfo wbe-1\r", rb"did you mean(.*\n)*.*" + PROMPT)
        self.assertIn(b"did you mean 'web-1'?", shown)
        self.type("net-info defalt\r", rb"did you mean 'default'(.*\n)*.*" + PROMPT)
        shown = self.type("dominfo zzzzzzzz\r", rb"zzzz.*\n(.*\n)*.*" + PROMPT)
        self.assertNotIn(b"did you mean", shown)
        done = self.alice.run("dominfo", "wbe-1")
        self.assertEqual(done.returncode, 3)
        self.assertNotIn("did you mean", done.stderr)

    def test_quit(self):
        self.ends("quit\r", 0)

    def test_completion(self):
        self.define("off-1", "off-2", "a b")
        self.type("dumpxm\ttes\t\r", rb"<name>test</name>(.*\n)*.*" + PROMPT)
        self.type("start a\t\r", rb"'a b' started(.*\n)*.*" + PROMPT)
        self.type("start of\t", rb"f-")
        self.type("\t", rb"off-1 +off-2")
        self.type("2\r", rb"'off-2' started(.*\n)*.*" + PROMPT)
        shown = self.type("us\tte\t\r", rb"(?s)\r\n.*" + PROMPT)
        self.assertNotIn(b"virtmux: ", shown)

    def test_cancel(self):
        """Ctrl-C drops a line, or ends a command, and never the shell."""
        self.type("destroy te", rb"destroy te")
        self.type("\x03", rb"\^C\r\n[^>]*" + PROMPT)
        self.type("list --name\r", rb"\ntest\r\n[^>]*" + PROMPT)
        self.type("event --all --loop\r", rb"\n")
        pid = self.terminal.process.pid
        child = wait_for(lambda: read_file(f"/proc/{pid}/task/{pid}/children").split(),
                         "the command runs")
        wait_idle(child[0])
        self.type("\x03", PROMPT)
        self.type("list --name\r", rb"\ntest\r\n[^>]*" + PROMPT)
        self.ends("\x04", 0)

    def test_history(self):
        self.type("list --name\r", rb"\ntest\r\n[^>]*" + PROMPT)
        self.type(" list --uuid\r", rb"\n[0-9a-f-]{36}\r\n(.*\n)*.*" + PROMPT)
        self.ends("\x04", 0)
        self.assertEqual(read_file(self.history), "list --name\n")
        self.assertEqual(stat.S_IMODE(os.stat(self.history).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.history)).st_mode),
                         0o700)
        self.start()
        self.type("\x10\r", rb"\ntest\r\n[^>]*" + PROMPT)  # Ctrl-P: the line before
        self.ends("\x04", 0)


# Those of the module that this one takes its classes from are not its own.
del CompletionCase


if __name__ == "__main__":
    virtmux_test.main()
