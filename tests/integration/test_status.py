#!/usr/bin/env python3
# timeout: 300
"""Each exit status of `virtmux help exit-status`, made to happen by the real programs; and
that with --batch, or without a terminal, nothing is asked, whatever there is to ask.
"""
import json
import os
import re
import signal
import socket
import subprocess
import typing

import test_client_key
import test_pkcs11
import virtmux_test
from virtmux_test import TIMEOUT, VIRTMUX, ini, read_file, run, wait_for, write_file

LIMIT = "--timeout=1s"
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc",
                        "SCRIPTING.md")
USAGE, NO_CREDENTIALS, INTERRUPTED = 2, 6, 130
UUID = "4ba1f5c0-3b1e-4a57-9a61-6d1a2f0c9f11"


class Question(typing.NamedTuple):
    """What asks a person, the prompt, and the status where --batch forbids it."""
    words: list
    prompt: str
    batch_status: int
    environment: dict = {}


def documented():
    """{status: words} of the manual."""
    text = run(VIRTMUX, "help", "exit-status").stdout
    return {int(number): words for number, words in re.findall(r"^  (\d+) +(.*)$", text, re.M)}


class Statuses(virtmux_test.Case):
    """A case for each status, by its number; what the manual has and this has not is a
    failure, and the other way round."""

    access = {**virtmux_test.Case.access, "victor": {"role": "viewer", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.libvirtd = self.start_libvirtd()
        self.daemon = self.start_daemon(config={"libvirt": {"uri": self.libvirtd.uri}})
        self.alice = self.client(self.daemon, key=self.authority.user("alice").plain_key)

    def status(self, *words, client=None):
        done = (client or self.alice).run("--json", *words)
        if done.returncode:
            error = json.loads(done.stderr.splitlines()[-1])["error"]
            self.assertEqual(error["status"], done.returncode)
        return done.returncode

    def other(self, name, **options):
        """A further host of the configuration."""
        config = read_file(self.alice.config)
        section = dict(line.split(" = ", 1) for line in config.split("[host test]\n")[1].split(
            "\n[")[0].splitlines() if " = " in line)
        write_file(self.alice.config, config + ini({"host " + name: {**section, **options}}))

    def closed_port(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return f"127.0.0.1:{listener.getsockname()[1]}"

    def case_0(self):
        return self.status("list")

    def case_1(self):
        return self.status("start", "test")

    def case_2(self):
        return self.status("list", "--nosuch")

    def case_3(self):
        return self.status("dominfo", "nobody")

    def case_4(self):
        victor = self.client(self.daemon, "victor", key=self.authority.user("victor").plain_key)
        return self.status("destroy", "test", client=victor)

    def case_5(self):
        self.other("closed", address=self.closed_port())
        return self.status("-H", "closed", "list")

    def case_6(self):
        self.other("foreign", ca=self.authority.user("alice").certificate)
        return self.status("-H", "foreign", "list")

    def case_7(self):
        return self.status("reboot", "test", "--wait", LIMIT)

    def case_8(self):
        self.other("away", address=self.closed_port())
        return self.alice.run("-H", "test,away", "list").returncode

    def case_9(self):
        self.libvirtd.process.send_signal(signal.SIGSTOP)
        try:
            return self.status("suspend", "test", LIMIT)
        finally:
            self.libvirtd.process.send_signal(signal.SIGCONT)

    def case_130(self):
        def asked():
            return [r for r in self.daemon.audit() if r.get("method") == "domain.reboot"]

        before = len(asked())
        process = self.alice.spawn("reboot", "test", "--wait", stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        wait_for(lambda: len(asked()) > before, "the guest is asked")
        process.send_signal(signal.SIGINT)
        return process.wait(timeout=TIMEOUT)

    def test_each(self):
        cases = {int(name[5:]) for name in dir(self) if name.startswith("case_")}
        self.assertEqual(set(documented()), cases)
        for status in sorted(cases):
            with self.subTest(status=status, words=documented()[status]):
                self.assertEqual(getattr(self, f"case_{status}")(), status)

    def test_the_document_has_the_same(self):
        line = read_file(DOCUMENT).replace("\n", " ").split("The exit status is frozen: ")[1]
        found = re.findall(r"(\d+) [a-zA-Z]", line.split(". ")[0])
        self.assertEqual([int(number) for number in found], sorted(documented()))


class Prompts(virtmux_test.Case):
    """All that could be asked, with --batch at a terminal, and without a terminal."""

    access = {**virtmux_test.Case.access, "user-*": {"role": "admin", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.daemon = self.start_daemon()
        self.alice = self.client(self.daemon)
        self.environment = {name: value for name, value in self.alice.environment.items()
                            if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        self.asks = {
            "passphrase": Question(["list"], "Passphrase for", NO_CREDENTIALS),
            "new passphrase": Question(["enroll", "someone"], "a new one", NO_CREDENTIALS),
            "secret": Question(["secret-set-value", UUID, "--interactive"],
                               "Value of the secret", USAGE),
        }
        if os.path.exists(test_pkcs11.MODULE):
            self.asks["PIN"] = self.pin()

    def pin(self):
        token = test_pkcs11.Token(self.work, self.authority)
        config = write_file(os.path.join(self.work, "token.config"), ini({"host token": {
            "address": self.daemon.address, "ca": self.authority.ca, "session": "no",
            "certificate": token.certificate("ec"), "key": token.uri("ec")}}))
        return Question(["-H", "token", "list"], "PIN for", NO_CREDENTIALS,
                        {**token.environment, "VIRTMUX_CONFIG": config})

    def terminal(self, question, *words):
        """Started at one; what it showed when it has ended is in `seen`."""
        return test_client_key.Terminal([VIRTMUX, *words, *question.words],
                                        {**self.environment, **question.environment})

    def test_batch_at_a_terminal(self):
        for what, question in self.asks.items():
            with self.subTest(what):
                terminal = self.terminal(question, "--batch")
                self.assertEqual(terminal.finish(), question.batch_status, terminal.seen)
                self.assertNotIn(question.prompt, terminal.seen)
                self.assertIn("--batch", terminal.seen)

    def test_no_terminal(self):
        for what, question in self.asks.items():
            with self.subTest(what):
                done = run(VIRTMUX, *question.words, start_new_session=True,
                           env={**self.environment, **question.environment})
                self.assertEqual(done.returncode, NO_CREDENTIALS, done.stderr)
                self.assertIn("no terminal", done.stderr)
                self.assertNotIn(question.prompt, done.stdout + done.stderr)

    def test_they_are_asked_else(self):
        """At a terminal, and without --batch: so the other two can fail."""
        for what, question in self.asks.items():
            with self.subTest(what):
                terminal = self.terminal(question)
                terminal.expect(question.prompt)
                terminal.type("\x03")
                self.assertEqual(terminal.finish(), INTERRUPTED)


if __name__ == "__main__":
    virtmux_test.main()
