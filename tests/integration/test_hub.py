#!/usr/bin/env python3
# timeout: 600
"""A serial line as a hub: what came before, watchers beside a writer, taking over,
coming back without a byte lost or doubled, stalls and floods. The guests run
tests/guest/tiny.c, whose every byte is known.
"""
import json
import os
import select
import shlex
import shutil
import struct
import subprocess
import tempfile
import threading

import consoles
import virtmux_test
from consoles import LINE_SIZE, digest, printed
from test_console import ConsoleCase
from virtmux_test import need, rss_kib, wait_for

HISTORY = 64 * 1024  # bytes that a line keeps

# A console: its answer's headers, its bytes summed up, and the words of its end.
LINE = consoles.MANY + """
const lineOf = async (query, guest) => {
    const stream = connect(`/domains/${guest || "tiny-0"}/serial/0?` +
        new URLSearchParams(query || {}));
    const it = {stream, bytes: 0, parts: [], end: null, closed: false};
    let wake = () => {};
    stream.on("data", part => { it.bytes += part.length; it.parts.push(part); wake(); });
    stream.on("trailers", fields => {
        it.end = decodeURIComponent(fields["virtmux-end"]); });
    stream.on("error", () => {});
    stream.on("end", () => { stream.end(); });
    stream.on("close", () => { it.closed = true; wake(); });
    it.until = condition => new Promise((resolve, reject) => {
        const clock = setTimeout(() => reject(new Error(condition + " not met with " +
            it.bytes + " bytes, " + it.end)), 60000);
        wake = () => { if (condition(it)) { clearTimeout(clock); resolve(it); } };
        wake();
    });
    await new Promise(resolve => stream.on("response", headers => {
        it.headers = headers;
        it.status = headers[":status"];
        it.line = headers["virtmux-line"];
        it.offset = Number(headers["virtmux-offset"]);
        it.taken = Number(headers["virtmux-taken"]);
        resolve();
    }));
    it.text = () => Buffer.concat(it.parts);
    it.sum = () => ({bytes: it.bytes,
        sha256: crypto.createHash("sha256").update(it.text()).digest("hex")});
    it.cut = async () => {
        stream.close(constants.NGHTTP2_CANCEL);
        await it.until(it => it.closed);
        return it;
    };
    return it;
};
// Where the line is now; a watcher that wants nothing of what was.
const where = async () => (await (await lineOf({watch: true, history: 0})).cut()).offset;
const reaches = async end => { while (await where() < end) await sleep(50); };
"""


def summed(data):
    return {"bytes": len(data), "sha256": digest(data)}


class HubCase(ConsoleCase):
    """A guest for each test, anew."""

    @classmethod
    def guest_xml(cls):
        return consoles.tiny_xml("tiny-0", "640x480", 1)

    @classmethod
    def boot(cls):
        cls.addClassCleanup(cls.daemon.call, "alice", "domain.destroy",
                            {"domain": "tiny-0"})

    def setUp(self):
        super().setUp()
        self.daemon.call("alice", "domain.destroy", {"domain": "tiny-0"})
        self.start_guest()

    def start_guest(self):
        self.daemon.result("alice", "domain.create", {"xml": self.xml})

        pictures = set()

        def is_up():
            """It paints another box for a key only where it hears its lines too."""
            self.daemon.call("alice", "domain.send-key",
                             {"domain": "tiny-0", "keys": ["KEY_A"]})
            picture = self.daemon.curl("alice", "/domains/tiny-0/screenshot").body
            if picture[16:24] == struct.pack(">II", 640, 480):
                pictures.add(picture)
            return len(pictures) > 1

        wait_for(is_up, "the guest", 60)

    @classmethod
    def node(cls, script, user="alice", **values):
        head = "".join(f"const {name} = {json.dumps(value)};\n"
                       for name, value in values.items())
        return cls.daemon.node(user, head + LINE + script)


class Hub(HubCase):

    def test_who_comes_late_sees_what_came_before(self):
        """Also before anybody was there, and no more than is kept."""
        answer = self.node("""
            const first = await lineOf();
            first.stream.write("f 100\\r");
            await first.until(it => it.bytes >= 6400);
            await first.cut();
            const late = await lineOf({watch: true});
            await late.until(it => it.bytes >= 6400);
            late.stream.close();
            const again = await lineOf();
            again.stream.write("f 3000\\r");
            await again.cut();
            await reaches(6400 + 3000 * 64);
            const all = await lineOf({watch: true}), some = await lineOf({history: 700});
            await all.until(it => it.bytes >= 65536);
            await some.until(it => it.bytes >= 700);
            return [first, late, all, some].map(it => [it.line === first.line, it.offset,
                it.headers["virtmux-mode"], it.sum()]);
        """)
        second = printed(0, 3000)
        whole = 6400 + len(second)
        self.assertEqual(answer, [
            [True, 0, "write", summed(printed(0, 100))],
            [True, 0, "watch", summed(printed(0, 100))],
            [True, whole - HISTORY, "watch", summed(second[-HISTORY:])],
            [True, whole - 700, "write", summed(second[-700:])]])

    def test_watchers_and_the_writer_get_the_same(self):
        """And what watchers send reaches nobody."""
        answer = self.node("""
            const first = await lineOf({watch: true}), writer = await lineOf();
            const second = await lineOf({watch: true});
            first.stream.write("f 7777\\r");
            second.stream.write("x\\r");
            writer.stream.write("p 600\\r");
            const all = [first, writer, second];
            for (const it of all) await it.until(it => it.bytes >= 600 * 64);
            return all.map(it => it.sum());
        """)
        self.assertEqual(answer, [summed(printed(0, 600))] * 3)

    def test_hostile_bytes_pass_unchanged(self):
        answer = self.node("""
            const writer = await lineOf(), watcher = await lineOf({watch: true});
            writer.stream.write("x\\r");
            await writer.until(it => it.bytes > 0);
            const end = await (async () => {
                for (let n = 0; ; n = writer.bytes) {
                    await sleep(300);
                    if (writer.bytes === n) return n;
                }
            })();
            await watcher.until(it => it.bytes >= end);
            const late = await lineOf({watch: true});
            await late.until(it => it.bytes >= end);
            return [writer, watcher, late].map(it => it.text().toString("hex"));
        """)
        self.assertEqual(answer[0], answer[1])
        self.assertEqual(answer[0], answer[2])
        self.assertIn("1b5d", answer[0])  # ESC ], an operating system command

    def test_one_writes(self):
        """The second one is told who it is, and how to go on."""
        words, end = self.node("""
            const first = await lineOf({writer: "mine"});
            const second = await lineOf({writer: "other"});
            await second.until(it => it.closed || it.bytes > 0 && it.stream.readableEnded);
            const third = await lineOf({force: true});
            await first.until(it => it.closed);
            third.stream.write("p 20\\r");
            await third.until(it => it.bytes >= 20 * 64);
            return [JSON.parse(second.text()).error, first.end];
        """)
        self.assertEqual(words["data"]["name"], "busy")
        self.assertRegex(words["message"],
                         r"^alice writes on serial line 0 of domain 'tiny-0', from "
                         r"127\.0\.0\.1:\d+ since 20\S+ \S+ UTC: watch it with "
                         "--read-only, or take it over with --force$")
        self.assertRegex(end, r"^busy: alice has taken the line over, from 127\.0\.0\.1:\d+$")

    def test_parameters(self):
        answer = self.node("""
            const refused = async query => {
                const it = await lineOf(query);
                await it.until(it => it.closed || it.stream.readableEnded);
                return [it.status, JSON.parse(it.text()).error.data.name];
            };
            return [await refused({line: "x"}), await refused({after: 3}),
                await refused({watch: true, history: "many"}),
                await refused({writer: "x".repeat(65)})];
        """)
        self.assertEqual(answer, [[400, "invalid-params"]] * 4)


class Return(HubCase):
    """Over cuts of the stream."""

    LINES = 1600  # 8 s of a paced line

    def test_no_byte_is_lost_or_doubled(self):
        """Cut again and again, at any moment; counted and summed up."""
        answer = self.node("""
            const parts = [];
            let after = 0, cuts = 0, back = 0, line = null;
            while (after < size) {
                const query = {writer: "me"};
                if (line) Object.assign(query, {line, after});
                const it = await lineOf(query);
                if (it.status !== 200) throw new Error(it.status + ": " + it.text());
                if (line && it.line !== line) throw new Error("another line");
                if (it.offset !== after || it.headers["virtmux-missed"])
                    throw new Error(JSON.stringify(it.headers) + " after " + after);
                if (!line) it.stream.write("p " + lines + "\\r");
                line = it.line;
                await sleep(Math.random() * 150);
                // Every other one is not let go: its place is taken all the same.
                if (cuts++ % 2) await it.cut();
                else it.stream.pause();
                parts.push(it.text());
                after += it.bytes;
            }
            const all = Buffer.concat(parts);
            return {cuts, bytes: all.length,
                sha256: crypto.createHash("sha256").update(all).digest("hex")};
        """, lines=self.LINES, size=self.LINES * LINE_SIZE)
        cuts = answer.pop("cuts")
        print(f"{cuts} cuts", end=" ... ", flush=True)
        self.assertGreater(cuts, 30)
        self.assertEqual(answer, summed(printed(0, self.LINES)))

    def test_what_was_taken_is_counted(self):
        """A command in pieces, each by another stream; what is sent twice would show."""
        answer = self.node("""
            const counts = [];
            let at = 0;
            const command = "p 123\\r";
            while (at < command.length) {
                const it = await lineOf({writer: "me"});
                counts.push(it.taken);
                at = it.taken;
                it.stream.write(command.slice(at, at + 2));
                await sleep(30);
                if (counts.length % 2) await it.cut();
            }
            const it = await lineOf({writer: "me"});
            await it.until(it => it.bytes >= 123 * 64);
            await sleep(300);
            const other = await lineOf({writer: "other", force: true});
            return [counts, it.taken, it.sum(), other.taken];
        """)
        counts, taken, got, other = answer
        self.assertEqual(sorted(counts), counts)
        self.assertEqual((counts[0], taken, other), (0, len("p 123\r"), 0))
        self.assertEqual(got, summed(printed(0, 123)))

    def test_its_own_place_is_taken_back(self):
        answer = self.node("""
            const first = await lineOf({writer: "me"});
            const second = await lineOf({writer: "me"});
            await first.until(it => it.closed);
            second.stream.write("p 9\\r");
            await second.until(it => it.bytes >= 9 * 64);
            return first.end;
        """)
        self.assertEqual(answer, "busy: the same console came back by another way")

    def test_what_is_no_longer_kept_is_told(self):
        answer = self.node("""
            const first = await lineOf();
            first.stream.write("f 3000\\r");
            await first.until(it => it.bytes >= 1000);
            await first.cut();
            await reaches(3000 * 64);
            const second = await lineOf({line: first.line, after: 1000});
            await second.until(it => it.bytes >= 65536);
            return [second.headers["virtmux-missed"], second.offset, second.sum()];
        """)
        begin = 3000 * LINE_SIZE - HISTORY
        self.assertEqual(answer, [str(begin - 1000), begin,
                                  summed(printed(0, 3000)[-HISTORY:])])

    def test_another_run_is_another_line(self):
        first = self.node("""
            const it = await lineOf();
            it.stream.write("p 10\\r");
            await it.until(it => it.bytes >= 640);
            const gone = call("domain.destroy", {domain: "tiny-0"});
            await it.until(it => it.closed);
            await gone;
            return [it.line, it.end];
        """)
        self.assertEqual(first[1], "state: domain 'tiny-0' has stopped (destroyed)")
        self.start_guest()
        second = self.node("""
            const it = await lineOf({line, after: 640});
            it.stream.write("p 5\\r");
            await it.until(it => it.bytes >= 320);
            return [it.line, it.offset, it.sum()];
        """, line=first[0])
        self.assertNotEqual(second[0], first[0])
        self.assertEqual(second[1:], [0, summed(printed(0, 5))])


class Stall(HubCase):

    FLOOD = 30000  # lines: 1.9 MB

    def bounded(self, script, **values):
        """What the daemon grows by while SCRIPT runs, KiB, and what that returns."""
        self.node("await where(); return null;")
        before = rss_kib(self.daemon.process.pid)
        answer = self.node(script, **values)
        return rss_kib(self.daemon.process.pid) - before, answer

    def test_a_stalled_watcher_among_others(self):
        """It holds the line up for a while, then is let go, with a word."""
        grown, answer = self.bounded("""
            const stuck = await lineOf({watch: true}), writer = await lineOf();
            stuck.stream.pause();
            writer.stream.write("f " + lines + "\\r");
            const begin = Date.now();
            let over = false;
            const calls = callsUntil(() => over);
            await writer.until(it => it.bytes >= lines * 64);
            over = true;
            const took = Date.now() - begin;
            stuck.stream.resume();
            await stuck.until(it => it.closed);
            const back = await lineOf({watch: true, line: stuck.line, after: stuck.bytes});
            return {sum: writer.sum(), stuck: stuck.sum(), end: stuck.end, took,
                missed: Number(back.headers["virtmux-missed"]), p99: quantile(await calls, 0.99)};
        """, lines=self.FLOOD)
        flood = printed(0, self.FLOOD)
        self.assertEqual(answer["sum"], summed(flood))
        self.assertEqual(answer["stuck"], summed(flood[:answer["stuck"]["bytes"]]))
        self.assertEqual(answer["end"], "timed-out: this console took nothing for 10 s, "
                         "and the line went on without it")
        self.assertEqual(answer["missed"],
                         len(flood) - HISTORY - answer["stuck"]["bytes"])
        self.assertGreater(answer["took"], 9500)
        self.told(grown, answer)

    def told(self, grown, answer):
        print(f"{grown} KiB, calls p99 {answer['p99']:.1f} ms", end=" ... ", flush=True)
        if not virtmux_test.is_sanitized():
            self.assertLess(grown, 2048)
        self.assertLess(answer["p99"], 500)

    def test_a_flood_that_nobody_reads(self):
        """The guest is not held back, and what is kept is bounded."""
        grown, answer = self.bounded("""
            const writer = await lineOf();
            writer.stream.write("f " + lines + "\\r");
            await writer.cut();
            let over = false;
            const calls = callsUntil(() => over);
            await reaches(lines * 64);
            over = true;
            const it = await lineOf({watch: true});
            await it.until(it => it.bytes >= 65536);
            return {sum: it.sum(), p99: quantile(await calls, 0.99)};
        """, lines=self.FLOOD)
        self.assertEqual(answer["sum"], summed(printed(0, self.FLOOD)[-HISTORY:]))
        self.told(grown, answer)

    def test_a_sole_console_that_stalls_holds_its_guest(self):
        """As a serial line does; nothing is lost, however long it takes."""
        grown, answer = self.bounded("""
            const it = await lineOf();
            it.stream.pause();
            it.stream.write("f " + lines + "\\r");
            let over = false;
            const calls = callsUntil(() => over);
            let before = -1, now = await where();
            while (now !== before || now === 0) {
                await sleep(1000);
                before = now;
                now = await where();
            }
            over = true;
            it.stream.resume();
            await it.until(it => it.bytes >= lines * 64);
            return {held: now, sum: it.sum(), p99: quantile(await calls, 0.99)};
        """, lines=self.FLOOD)
        self.assertLess(answer["held"], 1 << 20)
        self.assertEqual(answer["sum"], summed(printed(0, self.FLOOD)))
        self.told(grown, answer)


class Libvirtd(HubCase):
    """The same over a libvirtd, which other programs use too."""

    config = {}

    @classmethod
    def start_host(cls):
        cls.libvirtd = virtmux_test.Libvirtd(cls.class_folder)
        cls.addClassCleanup(cls.libvirtd.end)
        cls.libvirtd.start()
        cls.daemon = cls.start_class_daemon(libvirt={"uri": cls.libvirtd.qemu_uri},
                                            **cls.config)

    @classmethod
    def guest_xml(cls):
        """The kernel may lie where libvirtd's account cannot read."""
        need("virsh", "script", "libvirtd")
        xml = super().guest_xml()
        path = xml.split("<kernel>")[1].split("<")[0]
        folder = tempfile.mkdtemp(dir=cls.class_folder)
        os.chmod(folder, 0o755)
        copy = shutil.copy(path, folder)
        os.chmod(copy, 0o644)
        return xml.replace(path, copy)

    def virsh_console(self, *words):
        """`virsh console` on a terminal of its own; ends with its standard input."""
        command = shlex.join(["virsh", "-c", self.libvirtd.qemu_uri, "console", "tiny-0", *words])
        process = subprocess.Popen(
            ["script", "--quiet", "--return", "--command", command, "/dev/null"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(virtmux_test.end_process, process)
        self.addCleanup(process.stdin.close)
        os.set_blocking(process.stdout.fileno(), False)
        process.text = ""
        return process

    @staticmethod
    def hears(process, *texts):
        """Whether it has said one of them."""
        process.text += (process.stdout.read() or b"").decode()
        return any(text in process.text for text in texts)

    def sees(self, process, *texts):
        wait_for(lambda: self.hears(process, *texts), f"{texts} by virsh")


class Kept(Libvirtd):

    def test_libvirtd_is_started_anew(self):
        """The line is the same, goes on, and lost nothing of what the guest said."""
        first = self.node("""
            const it = await lineOf();
            it.stream.write("p 10\\r");
            await it.until(it => it.bytes >= 640);
            return it.line;
        """)
        self.libvirtd.stop()
        self.libvirtd.start()
        wait_for(lambda: "result" in self.daemon.call("alice", "domain.list"), "libvirt")
        answer = self.node("""
            const it = await lineOf({line, after: 320});
            it.stream.write("p 5\\r");
            await it.until(it => it.bytes >= 640);
            return [it.line === line, it.offset, it.sum()];
        """, line=first)
        self.assertEqual(answer, [True, 320, summed(printed(0, 10)[320:] + printed(0, 5))])

    def opened(self):
        return sum(record["event"] == "begin" and record["method"] == "domain.serial"
                   for record in self.daemon.audit())

    def test_virsh_takes_the_line(self):
        """With --force; our consoles are told, and one of them takes it back."""
        refused = self.virsh_console()
        self.sees(refused, "Active console session exists")
        watching = threading.Thread(target=lambda: ends.append(self.node("""
            const it = await lineOf({watch: true});
            await it.until(it => it.closed);
            return [it.line, it.end];
        """)))
        ends, before = [], self.opened()
        watching.start()
        wait_for(lambda: self.opened() > before, "the watcher")
        taking = self.virsh_console("--force")
        self.sees(taking, "Escape character")
        watching.join()
        self.assertEqual(ends[0][1], "busy: another program of the host has taken the line, "
                         "as virsh console --force does")
        self.daemon.wait_log("serial line 0 of domain 'tiny-0' was taken by another program")
        answer = self.node("""
            const without = await lineOf();
            const it = await lineOf({force: true});
            it.stream.write("p 5\\r");
            await it.until(it => it.bytes >= 320);
            return [without.status, it.line === line, it.sum()];
        """, line=ends[0][0])
        self.assertEqual(answer, [503, True, summed(printed(0, 5))])


class Used(Libvirtd):
    """Lines that are taken only while they are used."""

    config = {"console": {"attach": "use"}}

    def test_virsh_has_it_when_nobody_uses_it(self):
        self.node("""
            const it = await lineOf();
            it.stream.write("p 10\\r");
            await it.until(it => it.bytes >= 640);
            await it.cut();
            return null;
        """)

        def attaches():
            """What is typed before it has the terminal is another line's end."""
            process = self.virsh_console()
            while not self.hears(process, "00000004 ", "Active console session exists"):
                process.stdin.write(b"p 5\r")
                process.stdin.flush()
                select.select([process.stdout], [], [], 1)
            return "Active console" not in process.text

        wait_for(attaches, "virsh without --force")


if __name__ == "__main__":
    virtmux_test.main()
