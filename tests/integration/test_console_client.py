#!/usr/bin/env python3
# timeout: 600
"""`virtmux console` on a pseudo-terminal, on pipes and on files, against a real
guest: what is read and typed, how it is left, and that the terminal is given back
on every way out, a kill included.
"""
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import test_console
import virtmux_test
from virtmux_test import TIMEOUT, read_file, rss_kib, wait_for, wait_idle, write_file

CTRL_BRACKET = "\x1d"
LFLAG = 3  # of tcgetattr()


class Terminal:
    """A program on a pseudo-terminal of its own, which is its controlling one."""

    def __init__(self, client, *words, env=None):
        self.master, self.slave = pty.openpty()
        self.before = self.modes()
        self.text = ""
        self.process = subprocess.Popen(
            client.command(*words), env={**client.environment, **(env or {})},
            stdin=self.slave, stdout=self.slave, stderr=self.slave,
            preexec_fn=self.take_terminal)

    def take_terminal(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def modes(self):
        return termios.tcgetattr(self.slave)

    def is_raw(self):
        return not self.modes()[LFLAG] & (termios.ICANON | termios.ECHO)

    def is_restored(self):
        return self.modes() == self.before

    def read_some(self, timeout):
        if select.select([self.master], [], [], timeout)[0]:
            self.text += os.read(self.master, 65536).decode("latin1")

    def see(self, pattern, timeout=TIMEOUT):
        """Reads until PATTERN; what stood before it is dropped."""
        end = time.monotonic() + timeout
        while not re.search(pattern, self.text):
            if time.monotonic() > end:
                raise AssertionError(f"{pattern!r} not seen: {self.text[-2000:]!r}")
            self.read_some(0.05)
        match = re.search(pattern, self.text)
        seen, self.text = self.text[:match.end()], self.text[match.end():]
        return seen

    def type(self, text):
        os.write(self.master, text.encode("latin1"))

    def wait(self, timeout=TIMEOUT):
        """To the program's end; its status. What it prints is read meanwhile."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"does not end: {self.text[-2000:]!r}")
            self.read_some(0.05)
        self.read_some(0.05)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class ConsoleClient(test_console.ConsoleCase):
    """A guest at its shell, whose prompt is "# ", for each test."""

    access = {**test_console.ConsoleCase.access,
              "bob": {"role": "operator", "domains": "web-*"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node("const line = await logIn(); await line.cancel();")

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon)

    def terminal(self, *words, client=None, **options):
        terminal = Terminal(client or self.alice, "console", *words, **options)
        self.addCleanup(terminal.close)
        return terminal

    def connected(self, *words, **options):
        """A terminal on the guest's shell."""
        terminal = self.terminal("web-1", "--force", *words, **options)
        terminal.see("Connected to domain 'web-1'")
        terminal.see("Escape character is [^\r\n]*\r\n")
        wait_for(terminal.is_raw, "raw mode")
        terminal.type("\r")
        terminal.see("# ")
        return terminal

    def assert_left(self, terminal, status=0):
        self.assertEqual(terminal.wait(), status, terminal.text)
        self.assertTrue(terminal.is_restored())

    # -- a terminal --------------------------------------------------------------

    def test_typed_text_arrives_and_its_output_is_shown(self):
        terminal = self.connected()
        terminal.type("echo $((6 * 7)) pears\r")
        terminal.see("42 pears")
        terminal.type(CTRL_BRACKET)
        terminal.see("Disconnected from domain 'web-1'")
        self.assert_left(terminal)

    def test_every_byte_but_the_escape_reaches_the_guest(self):
        """Read by a terminal that changes nothing, Ctrl-C, Ctrl-Z and NUL too."""
        sent = [n for n in range(256) if n != ord(CTRL_BRACKET)]
        terminal = self.connected()
        terminal.type("stty raw -echo; echo rea''dy; "
                      f"dd bs=1 count={len(sent)} 2>/dev/null | od -An -v -tx1; "
                      "stty sane; echo do''ne\r")
        terminal.see("ready")
        terminal.type("".join(map(chr, sent)))
        text = terminal.see("done").replace("done", "")
        self.assertEqual([int(n, 16) for n in text.split()], sent)
        terminal.type(CTRL_BRACKET)
        self.assert_left(terminal)

    def test_tilde_and_dot_at_the_start_of_a_line(self):
        terminal = self.connected()
        terminal.type("echo a~.b\r")
        terminal.see("a~[.]b\r\n")
        terminal.type("~")
        terminal.type(".")
        self.assert_left(terminal)

    def test_another_escape_key(self):
        terminal = self.connected("--escape", "^A")
        terminal.type("echo one\x1d two\r")
        terminal.see("two")
        terminal.type("\x01")
        self.assert_left(terminal)

    def test_what_was_typed_before_the_escape_arrives(self):
        terminal = self.connected()
        terminal.type("touch /tmp/typed-before\r" + CTRL_BRACKET)
        self.assert_left(terminal)
        terminal = self.connected()
        terminal.type("ls /tmp/typed*\r")
        terminal.see("\n/tmp/typed-before")
        terminal.type(CTRL_BRACKET)
        self.assert_left(terminal)

    # -- signals -----------------------------------------------------------------

    def test_signals_that_end_it_restore_the_terminal(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            terminal = self.connected()
            terminal.process.send_signal(number)
            self.assert_left(terminal, 130)

    def test_quit_restores_the_terminal(self):
        terminal = self.connected()
        terminal.process.send_signal(signal.SIGQUIT)
        self.assert_left(terminal, -signal.SIGQUIT)

    def test_a_killed_console_leaves_no_raw_terminal(self):
        terminal = self.connected()
        terminal.process.kill()
        terminal.process.wait()
        wait_for(terminal.is_restored, "the guard restores the terminal")

    def test_a_shell_that_has_set_its_own_modes_is_left_alone(self):
        terminal = self.connected()
        terminal.process.send_signal(signal.SIGSTOP)
        modes = list(terminal.before)
        modes[LFLAG] &= ~termios.ECHO
        termios.tcsetattr(terminal.slave, termios.TCSANOW, modes)
        guard = [pid for pid in children(terminal.process.pid)]
        self.assertEqual(len(guard), 1)
        terminal.process.kill()
        terminal.process.wait()
        wait_for(lambda: not os.path.exists(f"/proc/{guard[0]}"), "the guard ends")
        self.assertEqual(terminal.modes(), modes)

    def test_stopped_and_continued(self):
        terminal = self.connected()
        terminal.process.send_signal(signal.SIGTSTP)
        wait_for(lambda: is_stopped(terminal.process.pid), "it stops")
        self.assertTrue(terminal.is_restored())
        terminal.process.send_signal(signal.SIGCONT)
        wait_for(terminal.is_raw, "raw mode again")
        terminal.type("echo on | tr o i\r")
        terminal.see("in\r\n")
        terminal.type(CTRL_BRACKET)
        self.assert_left(terminal)

    def test_the_terminal_stays_blocking_for_others(self):
        terminal = self.connected()
        flags = fcntl.fcntl(terminal.slave, fcntl.F_GETFL)
        self.assertFalse(flags & os.O_NONBLOCK)
        terminal.type(CTRL_BRACKET)
        self.assert_left(terminal)

    # -- refusals and ends -------------------------------------------------------

    def test_refused(self):
        victor = self.client(self.daemon, "victor")
        for words, client, status, text in (
                (["web-1"], victor, 4, "viewer"),
                (["nothing"], self.alice, 3, "nothing"),
                (["web-1", "--devname", "9"], self.alice, 3, "9"),
                (["web-1", "--devname", "x"], self.alice, 2, "serial port"),
                (["web-1", "--escape", "^^^"], self.alice, 2, "escape key")):
            terminal = self.terminal(*words, client=client)
            self.assert_left(terminal, status)
            self.assertIn(text, terminal.text)
            self.assertNotIn("Connected", terminal.text)

    def test_one_holds_it_until_another_one_takes_it(self):
        first = self.connected()
        second = self.terminal("web-1", client=self.client(self.daemon, "bob"))
        self.assertEqual(second.wait(), 1, second.text)
        self.assertIn("force", second.text)
        self.connected(client=self.client(self.daemon, "bob"))
        first.see("the console of domain 'web-1' has ended: bob has taken the line over, "
                  "from 127.0.0.1")
        self.assert_left(first, 1)

    # -- pipes and files ---------------------------------------------------------

    def piped(self, *words, **options):
        return self.alice.run("console", "web-1", "--force", *words, **options)

    def test_a_script_through_pipes(self):
        done = self.piped("--idle", "1s", input="\necho $((6 * 7)) plums\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("42 plums", done.stdout)
        self.assertIn("Connected to domain 'web-1'", done.stderr)
        self.assertNotIn("Escape", done.stderr)

    def test_pipes_pass_every_byte_unless_a_key_is_asked_for(self):
        keys = "\n\x15echo '~.' | tr . o\n" + CTRL_BRACKET
        done = self.piped("--idle", "1s", input=keys + "\n")
        self.assertIn("~o", done.stdout)
        begin = time.monotonic()
        done = self.piped("--escape", "^]", "--idle", "1d", input=keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(time.monotonic() - begin, TIMEOUT / 2)

    def test_files(self):
        script = write_file(os.path.join(self.work, "in"),
                            "\necho $((6 * 7)) figs\n")
        output = os.path.join(self.work, "out")
        with open(script, "rb") as stdin, open(output, "wb") as stdout:
            process = self.alice.spawn(
                "console", "web-1", "--force", "--idle", "1s", stdin=stdin,
                stdout=stdout, stderr=subprocess.PIPE)
            self.assertEqual(process.wait(TIMEOUT), 0, process.stderr.read())
            process.stderr.close()
        self.assertIn("42 figs", read_file(output))

    def test_pipes_get_their_flags_back(self):
        read_end, write_end = os.pipe()
        other_read, other_write = os.pipe()
        os.write(write_end, b"\n")
        os.close(write_end)
        process = self.alice.spawn(
            "console", "web-1", "--force", "--idle", "200ms", stdin=read_end,
            stdout=other_write, stderr=subprocess.DEVNULL)
        self.assertEqual(process.wait(TIMEOUT), 0)
        for fd in (read_end, other_write):
            self.assertFalse(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK)
        for fd in (read_end, other_read, other_write):
            os.close(fd)

    def test_a_reader_that_has_enough(self):
        process = self.alice.spawn(
            "console", "web-1", "--force", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        process.stdin.write(b"\n\n")
        process.stdin.flush()
        self.assertEqual(process.wait(TIMEOUT), 1)
        self.assertIn(b"Broken pipe", process.stderr.read())
        process.stdin.close()
        process.stderr.close()

    def test_a_slow_reader_loses_nothing(self):
        """Half a megabyte that nobody reads at first is held by windows and pipes;
        then all of it comes, in order, once."""
        last = 90000
        process = self.alice.spawn(
            "console", "web-1", "--force", "--idle", "2s", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdin.write(b"\n")
        process.stdin.flush()
        wait_for(lambda: pipe_holds(process.stdout) > 0, "a prompt")
        at_first = rss_kib(process.pid)
        process.stdin.write(b"stty -echo; echo; seq 1 %d; stty sane\n" % last)
        process.stdin.flush()
        held = wait_for(lambda: pipe_is_full(process.stdout), "the pipe is full",
                        4 * TIMEOUT)
        wait_idle(process.pid)
        self.assertLessEqual(rss_kib(process.pid) - at_first, 16 * 1024)
        process.stdin.close()
        text = process.stdout.read().decode("latin1")
        process.stdout.close()
        self.assertEqual(process.wait(TIMEOUT), 0)
        self.assertTrue(held)
        numbers = [int(n) for n in re.findall(r"^(\d+)\r?$", text, re.MULTILINE)]
        self.assertEqual(numbers, list(range(1, last + 1)))


class Ends(test_console.ConsoleCase):
    """What ends a console from the other side."""

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon)
        self.daemon.call("alice", "domain.start", {"domain": "web-1"})

    def connected(self, *words):
        terminal = Terminal(self.alice, "console", "web-1", *words)
        self.addCleanup(terminal.close)
        terminal.see("Escape character is [^\r\n]*\r\n")
        wait_for(terminal.is_raw, "raw mode")
        return terminal

    def test_1_the_guest_stops(self):
        terminal = self.connected()
        self.daemon.result("alice", "domain.destroy", {"domain": "web-1"})
        terminal.see(r"The console has ended: domain 'web-1' has stopped \(destroyed\)")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertTrue(terminal.is_restored())

    def test_2_the_host_is_killed(self):
        terminal = self.connected("--no-reconnect")
        self.daemon.stop(signal.SIGKILL)
        self.addCleanup(self.daemon.wait_ready)
        self.addCleanup(self.daemon.spawn)  # which finds the guest running
        terminal.see("virtmux: the console of domain 'web-1' broke off: ")
        self.assertEqual(terminal.wait(), 5, terminal.text)
        self.assertTrue(terminal.is_restored())


def children(pid):
    return [int(n) for n in read_file(f"/proc/{pid}/task/{pid}/children").split()]


def is_stopped(pid):
    return "State:\tT" in read_file(f"/proc/{pid}/status")


def pipe_holds(file):
    held = bytearray(4)
    fcntl.ioctl(file.fileno(), termios.FIONREAD, held)
    return int.from_bytes(held, "little")


def pipe_is_full(file):
    """Whether a writer of that pipe would have to wait: its pages may be half empty."""
    end = os.open(f"/proc/self/fd/{file.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        return not select.select([], [end], [], 0)[1]
    finally:
        os.close(end)


if __name__ == "__main__":
    virtmux_test.main()
