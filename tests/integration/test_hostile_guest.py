#!/usr/bin/env python3
# timeout: 300
# sanitized: what a guest may print and draw
"""Guests that mean ill, real ones: floods and escape sequences on a serial line, a VNC
server that stops in the midst of a message or never answers. Bounded, told in the log
or to the one who asked, and nobody else notices.
"""
import os
import re
import shutil
import signal
import threading
import time

import consoles
import virtmux_test
from test_console import ConsoleCase
from virtmux_test import must_run, read_file, wait_for, write_file

SILENT = 8              # viewers of a display that does not answer
SOON_MS = 10000         # what a busy machine may take for one call
LIBVIRT_WAITS = 30      # seconds, for a guest that is busy (QEMU_JOB_WAIT_TIME)
# What tiny.c prints for "x".
HOSTILE = (b"\033]0;evil title\007\033]2;\033[31mnested\033\\\033[2J\033[H\033[31m"
           b"\033[c\033[6n\033P$qm\033\\\033]52;c;ZXZpbA==\007"
           b"\220\235\233\377\376\0\010\010\010\r\n~.\r\n\035end of it\r\n")

SCRIPT = consoles.MANY + """
// What another guest's line gives, and calls meanwhile, are as ever.
const othersAreWell = async () => {
    const line = await serialOf("/domains/good/serial/0?force=true&history=0", "f 500", 500 * 64);
    let over = false;
    const calls = callsUntil(() => over);
    line.begin();
    const said = await line.done();
    over = true;
    const times = await calls;
    const view = open("/domains/good/graphics/0");
    await view.see(/^RFB 003/);
    await view.cancel();
    return {...said, most: quantile(times, 1)};
};
"""


class Hostile(ConsoleCase):

    access = {"alice": {"role": "admin", "domains": "*"},
              "bob": {"role": "operator", "domains": "good"}}

    @classmethod
    def guest_xml(cls):
        return [consoles.tiny_xml(name, lines=1) for name in ("evil", "good")]

    @classmethod
    def boot(cls):
        for xml in cls.xml:
            cls.daemon.result("alice", "domain.create", {"xml": xml})

    def setUp(self):
        super().setUp()
        self.client_of_alice = self.client(self.daemon)
        found = must_run("pgrep", "--full", f"qemu.*guest=evil.*{self.class_folder}")
        self.qemu = int(found.split()[0])
        self.addCleanup(os.kill, self.qemu, signal.SIGCONT)

    def node(self, script, user="alice"):
        return self.daemon.node(user, SCRIPT + script)

    def check_bob(self):
        """Who has nothing to do with it."""
        begin = time.monotonic()
        self.assert_well(self.node("return await othersAreWell();", "bob"))
        self.assertLess(time.monotonic() - begin, LIBVIRT_WAITS)

    def assert_well(self, others):
        self.assertEqual(others["sha256"], consoles.digest(consoles.printed(0, 500)))
        self.assertLess(others["most"], SOON_MS)

    def most_kib(self):
        status = read_file(f"/proc/{self.daemon.process.pid}/status")
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))

    def wait_closed(self, before):
        wait_for(lambda: self.descriptors() <= before, f"{before} descriptors again")

    def assert_harmless(self, text):
        """No control character, of C0 or C1, but the ends of lines."""
        self.assertNotRegex(text, "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]")

    def test_flood(self):
        """As fast as it can: the one who reads gets all, who does not is held by his
        window, and no memory fills."""
        before = self.most_kib()
        answer = self.node("""
            const line = await serialOf("/domains/evil/serial/0?force=true&history=0",
                "f 99999999", 256 * 1024);
            line.begin();
            const others = await othersAreWell();
            const taken = await line.done();
            const stuck = await serialOf("/domains/evil/serial/0?force=true&history=0",
                "f 99999999", 1);
            stuck.stream.pause();
            const also = await othersAreWell();
            stuck.stream.write("s\\r");
            stuck.stream.close(constants.NGHTTP2_CANCEL);
            return [taken, others, also];
        """)
        taken, others, also = answer
        self.assertGreaterEqual(taken["bytes"], 256 * 1024)
        self.assert_well(others)
        self.assert_well(also)
        if not virtmux_test.is_sanitized():
            self.assertLess(self.most_kib() - before, 8 * 1024)

    def test_escape_sequences(self):
        """To a console as they are; where virtmux itself prints, as harmless text."""
        answer = self.node(f"""
            const line = await serialOf("/domains/evil/serial/0?force=true&history=0",
                "x", {len(HOSTILE)});
            line.begin();
            return await line.done();
        """)
        self.assertEqual(answer, {"bytes": len(HOSTILE),
                                  "sha256": consoles.digest(HOSTILE)})
        done = self.client_of_alice.run("wait-serial", "evil", "never", "--force", "--send",
                                        "x\\r", "--timeout", "6s")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("end of it", done.stderr)
        self.assert_harmless(done.stdout + done.stderr)
        self.daemon.result("alice", "domain.set-title", {
            "domain": "evil", "text": "\u009b31mred", "live": True})
        done = self.client_of_alice.run("desc", "evil", "--title")
        self.assertIn("red", done.stdout, done.stderr)
        self.assert_harmless(done.stdout + done.stderr)
        self.assert_harmless(self.daemon.log())
        self.assert_harmless(read_file(self.daemon.audit_file))

    def stop_qemu(self):
        os.kill(self.qemu, signal.SIGSTOP)
        wait_for(lambda: "State:\tT" in read_file(f"/proc/{self.qemu}/status"), "stopped")

    def while_it_stands(self, script):
        """SCRIPT in node, which calls stopped() where the evil guest's QEMU is to stop,
        and woken() where bob is looked at, and then it is to go on."""
        flags = [os.path.join(self.work, str(n)) for n in range(4)]
        head = f"""
            const flags = {flags};
            const wait = i => async () => {{
                fs.writeFileSync(flags[i], "");
                while (!fs.existsSync(flags[i + 1])) await sleep(20);
            }};
            const stopped = wait(0), woken = wait(2);
        """
        found = []
        thread = threading.Thread(target=lambda: found.append(self.node(head + script)))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(write_file, flags[3], "")
        for flag, act in ((0, self.stop_qemu), (2, self.check_bob)):
            wait_for(lambda flag=flag: os.path.exists(flags[flag]) or
                     not thread.is_alive(), "stopped() or woken()",
                     virtmux_test.SCRIPT_TIMEOUT)
            act()
            if flag == 2:
                os.kill(self.qemu, signal.SIGCONT)
            write_file(flags[flag + 1], "")
        thread.join()
        self.assertTrue(found, "node has failed")
        return found[0]

    def test_half_an_update(self):
        """It stops in the midst of one, and later goes on where it was."""
        before = self.descriptors()
        others = self.while_it_stands("""
            const view = await displayOf("/domains/evil/graphics/0");
            const gone = await displayOf("/domains/evil/graphics/0");
            const run = view.run();
            await gone.stall();
            while (view.updates < 2) await sleep(5);
            await stopped();
            const updates = view.updates;
            const others = await othersAreWell();
            gone.stream.close(constants.NGHTTP2_CANCEL);
            await woken();
            while (view.updates < updates + 3) await sleep(5);
            view.stop = true;
            await run;
            return others;
        """)
        self.assert_well(others)
        self.wait_closed(before)

    def test_no_answer_at_all(self):
        """One user asks for its display as often as he may, while it stands still."""
        before = self.descriptors()
        answered = self.while_it_stands(f"""
            await stopped();
            const views = Array.from({{length: {SILENT}}},
                () => open("/domains/evil/graphics/0"));
            await sleep(500);
            await views[0].cancel();
            await woken();
            let answered = 0;
            for (const view of views.slice(1)) {{
                await view.until(it => it.ended || it.closed || /^RFB/.test(it.text));
                if (/^RFB/.test(view.text)) answered++;
                await view.cancel();
            }}
            return answered;
        """)
        self.assertGreater(answered, 0)
        self.wait_closed(before)


class OverLibvirtd(virtmux_test.Case):
    """A libvirtd that cuts a client off which is silent for four seconds."""

    SECONDS = 15

    def setUp(self):
        super().setUp()
        virtmux_test.need("node", "qemu-system-x86_64")
        self.libvirtd = virtmux_test.Libvirtd(
            self.class_folder, "keepalive_interval = 1\nkeepalive_count = 3\n")
        self.addCleanup(self.libvirtd.end)
        self.libvirtd.start()
        self.daemon = self.start_daemon(config={
            "libvirt": {"uri": self.libvirtd.qemu_uri}})
        xml = consoles.tiny_xml("evil")
        kernel = re.search("<kernel>(.*)</kernel>", xml).group(1)
        copy = shutil.copy(kernel, self.libvirtd.folder)
        self.daemon.result("alice", "domain.create", {"xml": xml.replace(kernel, copy)})

    def test_keep_alive_beside_floods(self):
        """Three lines flood consoles that read, one a console that does not."""
        answer = self.daemon.node("alice", SCRIPT + f"""
            const lines = await Promise.all([0, 1, 2, 3].map(port => serialOf(
                `/domains/evil/serial/${{port}}?force=true&history=0`, "f 99999999",
                1e12)));
            lines[3].stream.pause();
            for (const line of lines) line.begin();
            const end = Date.now() + {self.SECONDS * 1000};
            const calls = await callsUntil(() => Date.now() > end);
            const info = await call("domain.info", {{domain: "evil"}});
            const bytes = lines.map(it => it.bytes);
            for (const line of lines) line.stream.close(constants.NGHTTP2_CANCEL);
            return {{bytes, calls: calls.length, state: info.result.state,
                     most: quantile(calls, 1)}};
        """)
        print(f"{sum(answer['bytes']) // 1024} KiB, {answer['calls']} calls", end=" ... ",
              flush=True)
        for taken in answer["bytes"][:3]:
            self.assertGreater(taken, 64 * 1024)
        self.assertEqual(answer["state"], "running")
        self.assertLess(answer["most"], SOON_MS)
        self.assertNotIn("cannot be reached", self.daemon.log())
        self.assertNotIn("keepalive", self.said())
        # And a daemon that stands still is cut off, and is told of.
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        try:
            wait_for(lambda: "keepalive" in self.said(), "libvirtd cuts it off")
        finally:
            os.kill(self.daemon.process.pid, signal.SIGCONT)
        self.daemon.wait_log("cannot be reached")

    def said(self):
        return read_file(os.path.join(self.libvirtd.folder, "log"))


if __name__ == "__main__":
    virtmux_test.main()
