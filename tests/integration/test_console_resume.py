#!/usr/bin/env python3
# timeout: 600
"""What a serial console loses over cuts of its channel, counted: nothing, in neither
direction; and where bytes are gone that nobody could keep, that it says so, and how
many. Against a real guest, through a relay that cuts, also through a session, and
with a virtmuxd that is killed.
"""
import hashlib
import os
import random
import re
import signal
import subprocess
import threading
import time

import test_console
import virtmux_test
from test_console_client import Terminal
from test_transfer import Relay
from virtmux_test import TIMEOUT, end_process, read_file, wait_for, write_file

CUTS = 12
TYPED = 20000      # bytes that are typed into the guest
PIECE = 100        # bytes of them at once
FLOOD = 60000      # lines that it prints while nobody hears it
LONG = 4 * TIMEOUT
PROMPT = "# "


class Reader(threading.Thread):
    """What a pipe gives, as it comes."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe = pipe
        self.data = b""
        self.start()

    def run(self):
        while part := os.read(self.pipe.fileno(), 65536):
            self.data += part

    @property
    def text(self):
        return self.data.decode("latin1")

    def see(self, pattern, timeout=LONG):
        wait_for(lambda: re.search(pattern, self.text), f"{pattern!r} in the output",
                 timeout)


class Console:
    """`virtmux console --script` whose input stays open."""

    def __init__(self, client, *words):
        self.process = client.spawn(
            "console", "web-1", "--script", *words, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out = Reader(self.process.stdout)
        self.err = Reader(self.process.stderr)

    def type(self, text):
        self.process.stdin.write(text if isinstance(text, bytes) else text.encode())
        self.process.stdin.flush()

    def end(self, status=0):
        """The end of the input; what it says on standard error."""
        self.process.stdin.close()
        code = self.process.wait(LONG)
        self.out.join()
        self.err.join()
        if code != status:
            raise AssertionError(f"status {code}: {self.err.text}\n{self.out.text[-500:]}")
        return self.err.text

    def close(self):
        if self.process.poll() is None:
            end_process(self.process, signal.SIGKILL)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


class ResumeCase(test_console.ConsoleCase):

    def setUp(self):
        super().setUp()
        self.node("const line = await logIn(); await line.cancel();")
        self.relay = Relay(self.daemon.port)
        self.addCleanup(self.relay.close)

    def client_through_relay(self, **options):
        client = self.client(self.daemon, address=f"127.0.0.1:{self.relay.port}",
                             **options)
        client.config = write_file(client.config + "-relay", read_file(client.config))
        client.environment["VIRTMUX_CONFIG"] = client.config
        return client

    def console(self, client, *words):
        console = Console(client, *words)
        self.addCleanup(console.close)
        return console

    def cut_while(self, progress, between=lambda: None):
        """Cuts the channel CUTS times, each time when it stands and there was PROGRESS
        since the last one."""
        self.cuts, before = 0, None
        while self.cuts < CUTS:
            wait_for(lambda: self.relay.pairs and progress() != before, "progress", LONG)
            between()
            before = progress()
            self.relay.cut()
            self.cuts += 1


def numbers(text):
    """Of the guest's lines; a prompt may stand before one of them."""
    return [int(n) for n in re.findall(r"n(\d+)\r?$", text, re.MULTILINE)]


# Until told, and at most 1.6 kB/s, so that the host can keep what comes in half a minute.
PRINT = ("stty -echo; rm -f /tmp/stop; (i=0; while [ ! -e /tmp/stop ]; do echo n$i; "
         "i=$((i+1)); [ $((i % 10)) = 0 ] && usleep 50000; done; "
         "echo all''said $i lines) &\n")
STOP = "touch /tmp/stop; stty echo\n"


class Cuts(ResumeCase):

    def all_is_there(self, out):
        out.see(r"allsaid \d+ lines")
        last = int(re.search(r"allsaid (\d+) lines", out.text).group(1))
        self.assertGreater(last, CUTS)
        self.assertEqual(numbers(out.text), list(range(last)))

    def count_output(self, console):
        """Lines while it is cut: all of them, each once."""
        console.type(PRINT)
        console.out.see("n0\r\n")
        self.cut_while(lambda: len(console.out.data))
        console.type(STOP)
        self.all_is_there(console.out)

    def test_output_over_many_cuts(self):
        console = self.console(self.client_through_relay())
        self.count_output(console)
        self.assertEqual(console.end(), "")

    def test_output_of_a_watcher_over_many_cuts(self):
        """Who does not disturb the one who writes."""
        writer = self.console(self.client(self.daemon))
        watcher = self.client_through_relay().spawn(
            "console", "web-1", "--read-only", "--history", "0",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(watcher.stderr.close)
        self.addCleanup(watcher.stdout.close)
        self.addCleanup(end_process, watcher)
        out, err = Reader(watcher.stdout), Reader(watcher.stderr)
        err.see("Watching domain 'web-1'")
        writer.type(PRINT)
        self.cut_while(lambda: len(out.data))
        writer.type(STOP)
        self.all_is_there(out)
        self.assertNotIn("are lost", err.text)
        self.all_is_there(writer.out)
        writer.end()

    def count_input(self, console, between=lambda: None):
        """Bytes that the guest gathers in a file: their checksum is that of what was
        typed, while the channel is cut under them."""
        data = bytes(random.Random(1).choices(range(256), k=TYPED))
        console.type("stty raw -echo; echo rea''dy; "
                     f"head -c {TYPED} >/tmp/typed; stty sane; sha256sum /tmp/typed; "
                     "echo fin''ished\n")
        console.out.see("ready")
        sent = 0

        def feed():
            nonlocal sent
            while sent < TYPED:
                console.type(data[sent:sent + PIECE])
                sent += PIECE
                wait_for(lambda: self.cuts >= CUTS or
                         sent <= TYPED * (self.cuts + 1) // CUTS, "a cut", LONG)
        self.cuts = 0
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        self.cut_while(lambda: sent, between)
        feeder.join()
        console.out.see("finished")
        self.assertIn(hashlib.sha256(data).hexdigest(), console.out.text)

    def test_input_over_many_cuts(self):
        console = self.console(self.client_through_relay())
        self.count_input(console)
        self.assertEqual(console.end(), "")

    def test_through_a_session(self):
        """Which comes back after each cut, and stays the same."""
        client = self.client_through_relay(session="yes")

        def pid():
            return re.search(r'"pid":(\d+)',
                             client.run("session", "-f", "jsonl").stdout).group(1)

        self.assertEqual(client.run("session", "open").returncode, 0)
        self.addCleanup(client.run, "session", "end")
        first = pid()
        console = self.console(client)
        self.count_output(console)
        self.count_input(console)
        self.assertEqual(pid(), first)
        self.assertEqual(console.end(), "")

    def test_a_flood_that_nobody_could_keep(self):
        """The bytes that are missing are as many as it says."""
        console = self.console(self.client_through_relay())
        console.type("stty -echo; echo bef''ore; sleep 1; "
                     f"seq 1 {FLOOD}; echo af''ter; stty echo\n")
        console.out.see("before\r\n")
        self.relay.refuse = True
        self.relay.cut()
        # Another one sees when the guest is done.
        done = self.client(self.daemon).run("wait-serial", "web-1", "^after",
                                            "--timeout", "2m", timeout=LONG)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.relay.refuse = False
        console.out.see("after\r\n")
        said = console.end(1)
        missed = int(re.search(r"; (\d+) bytes that the guest said meanwhile are lost",
                               said).group(1))
        self.assertIn(f"{missed} bytes that the guest said are missing", said)
        text = console.out.text
        flood = "".join(f"{n}\r\n" for n in range(1, FLOOD + 1))
        got = text[text.index("before\r\n") + 8:text.index("after\r\n")]
        self.assertEqual(len(got) + missed, len(flood))
        self.assertTrue(flood.endswith(got))


class Restarts(ResumeCase):
    """A virtmuxd that is killed under its consoles, and finds the guest running."""

    def restart(self):
        self.relay.refuse = True
        self.daemon.stop(signal.SIGKILL)
        self.daemon.spawn()
        self.daemon.wait_ready()
        self.relay.target = ("127.0.0.1", self.daemon.port)
        self.relay.refuse = False

    def test_a_script_is_told_what_nobody_knows(self):
        console = self.console(self.client_through_relay())
        console.type("\n")
        console.out.see(PROMPT)
        self.restart()
        said = console.end(9)
        self.assertIn("its serial line has begun anew", said)
        self.assertIn("whether the last 1 bytes that were sent have arrived is not known",
                      said)

    def test_a_person_goes_on(self):
        terminal = Terminal(self.client_through_relay(), "console", "web-1")
        self.addCleanup(terminal.close)
        terminal.see("Connected to domain 'web-1'")
        terminal.type("\r")
        terminal.see(PROMPT)
        self.restart()
        terminal.see("The console of domain 'web-1' is cut off: .*; ~[.] leaves")
        terminal.see("Connected again to domain 'web-1'; its serial line has begun anew")
        self.assertTrue(terminal.is_raw())
        terminal.type("echo $((6 * 7)) quinces\r")
        terminal.see("42 quinces")
        terminal.type("~.")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertTrue(terminal.is_restored())


class Away(ResumeCase):
    """A channel that is cut and does not come back for a while."""

    def connected(self, *words, **options):
        terminal = Terminal(self.client_through_relay(**options), "console", "web-1",
                            "--history", "0", *words)
        self.addCleanup(terminal.close)
        terminal.see("Escape character is [^\r\n]*\r\n")
        wait_for(terminal.is_raw, "raw mode")
        terminal.type("\r")
        terminal.see(PROMPT)
        return terminal

    def cut(self, terminal):
        self.relay.refuse = True
        self.relay.cut()
        terminal.see("is cut off: ")
        self.assertTrue(terminal.is_raw())

    def test_the_escape_keys_work_meanwhile(self):
        for keys in ("\x1d", "\r~."):
            self.relay.refuse = False
            terminal = self.connected()
            self.cut(terminal)
            begin = time.monotonic()
            terminal.type(keys)
            self.assertEqual(terminal.wait(), 0, terminal.text)
            self.assertLess(time.monotonic() - begin, TIMEOUT / 3)
            self.assertIn("Disconnected from domain 'web-1'", terminal.text)
            self.assertTrue(terminal.is_restored())

    def test_what_is_typed_meanwhile_arrives(self):
        terminal = self.connected()
        self.cut(terminal)
        terminal.type("echo $((6 * 7)) medlars\r~?")
        terminal.see(" ~r   tells the guest the size")
        self.relay.refuse = False
        terminal.see("Connected again to domain 'web-1'")
        terminal.see("42 medlars")
        terminal.type("\x1d")
        self.assertEqual(terminal.wait(), 0, terminal.text)

    def test_an_interrupt_meanwhile_is_the_guests(self):
        """And ends what runs there; its terminal drops what is typed with it."""
        terminal = self.connected()
        terminal.type("echo re''ady; cat\r")
        terminal.see("ready")
        self.cut(terminal)
        terminal.type("\x03")
        self.relay.refuse = False
        terminal.see("Connected again to domain 'web-1'")
        terminal.see(PROMPT)
        terminal.type("echo $((6 * 7)) quinces\r")
        terminal.see("42 quinces")
        terminal.type("\x1d")
        self.assertEqual(terminal.wait(), 0, terminal.text)

    def test_it_gives_up_in_time(self):
        terminal = self.connected(reconnect="2s")
        self.cut(terminal)
        begin = time.monotonic()
        self.assertEqual(terminal.wait(), 5, terminal.text)
        self.assertGreater(time.monotonic() - begin, 0.5)
        self.assertIn("the console of domain 'web-1' broke off: ", terminal.text)
        self.assertTrue(terminal.is_restored())

    def test_no_reconnect(self):
        terminal = self.connected("--no-reconnect")
        self.relay.cut()
        self.assertEqual(terminal.wait(), 5, terminal.text)
        self.assertNotIn("is cut off", terminal.text)
        self.assertTrue(terminal.is_restored())

    def test_somebody_has_taken_the_line_meanwhile(self):
        terminal = self.connected()
        self.cut(terminal)
        other = self.console(self.client(self.daemon), "--force")
        other.type("\n")
        other.out.see(PROMPT)
        self.relay.refuse = False
        self.assertEqual(terminal.wait(), 1, terminal.text)
        self.assertIn("alice writes on serial line 0 of domain 'web-1'", terminal.text)
        self.assertTrue(terminal.is_restored())
        other.end()

    def test_the_guest_was_started_again_meanwhile(self):
        """What was typed for the former run is not typed into the new one."""
        terminal = self.connected()
        self.cut(terminal)
        terminal.type("poweroff\r")
        self.daemon.result("alice", "domain.destroy", {"domain": "web-1"})
        self.daemon.result("alice", "domain.start", {"domain": "web-1"})
        self.relay.refuse = False
        terminal.see("its serial line has begun anew.*; 9 bytes that were typed "
                     "meanwhile are thrown away", LONG)
        terminal.see("login: ", LONG)
        terminal.type("\x1d")
        self.assertEqual(terminal.wait(), 0, terminal.text)


if __name__ == "__main__":
    virtmux_test.main()
