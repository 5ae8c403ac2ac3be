#!/usr/bin/env python3
# timeout: 600
"""Consoles and screenshots of a real small Linux guest under qemu:///embed: the
serial line and the display as streams of one HTTP/2 connection (node), bound to
the domain, and what is left when either side goes.
"""
import os
import re
import socket
import struct
import zlib

import virtmux_test
from virtmux_test import guest_xml, must_run, need, wait_for

UUID = "0d6b1d3a-8f43-4f0e-9b4e-3f1f2a1b4c5d"

# What a script in node may use beside request() and call(): a console as an
# object that gathers text, and waits for it.
CONSOLE = """
const open = path => {
    const stream = session.request({":method": "CONNECT", ":protocol": "virtmux",
        ":scheme": "https", ":authority": "localhost", ":path": path});
    const it = {stream, text: "", ended: false, closed: false, headers: null};
    let wake = () => {};
    stream.on("response", headers => { it.headers = headers; wake(); });
    stream.on("data", part => { it.text += part.toString("latin1"); wake(); });
    stream.on("end", () => { it.ended = true; wake(); });
    stream.on("error", () => {});
    stream.on("close", () => { it.closed = true; wake(); });
    it.until = condition => new Promise((resolve, reject) => {
        const clock = setTimeout(() => reject(new Error(condition + " not met: " +
            it.text.slice(-1000) + JSON.stringify(it.headers))), 90000);
        wake = () => { if (condition(it)) { clearTimeout(clock); resolve(it); } };
        wake();
    });
    it.see = pattern => it.until(it => pattern.test(it.text));
    it.type = line => { it.text = ""; stream.write(line + "\\r"); };
    it.run = async line => { it.type(line + "; echo d''one"); await it.see(/done/); };
    it.cancel = async () => {
        stream.close(constants.NGHTTP2_CANCEL);
        await it.until(it => it.closed);
    };
    it.answered = () => it.until(it => it.headers);
    return it;
};
const refusal = async path => {
    const it = open(path);
    await it.until(it => it.ended);
    await it.cancel();
    return [it.headers[":status"], JSON.parse(it.text).error.data.name];
};
const serial = async () => {
    const it = open("/domains/web-1/serial/0?force=true");
    await it.answered();
    return it;
};
const logIn = async () => {
    const it = await serial();
    it.type("");
    await it.see(/login: |# /);
    if (/login: /.test(it.text)) { it.type("root"); await it.see(/# /); }
    // Without echo the shell edits no line, and only icrnl makes Enter the end of one:
    // getty leaves it off at times.
    await it.run("stty -echo icrnl");
    return it;
};
"""


class ConsoleCase(virtmux_test.Case):
    """One host for the class, where the guest web-1 has been seen to boot."""

    access = {
        "alice": {"role": "admin", "domains": "*"},
        "olga": {"role": "operator", "domains": "db-*"},
        "victor": {"role": "viewer", "domains": "*"},
    }

    @classmethod
    def setUpClass(cls):
        need("node", "qemu-system-x86_64")
        super().setUpClass()
        cls.xml = cls.guest_xml()
        cls.start_host()
        cls.boot_text = cls.boot()

    @classmethod
    def guest_xml(cls):
        return guest_xml("web-1", UUID)

    @classmethod
    def start_host(cls):
        qemu = virtmux_test.EmbeddedQemu(cls.class_folder)
        cls.addClassCleanup(qemu.end)
        cls.daemon = cls.start_class_daemon(libvirt={"uri": qemu.uri},
                                            **cls.host_config())

    @classmethod
    def host_config(cls):
        """Further sections of virtmuxd.conf."""
        return {}

    @classmethod
    def boot(cls):
        """Starts the guest, and what it wrote until it asked for a login."""
        cls.daemon.result("alice", "domain.define", {"xml": cls.xml})
        cls.daemon.result("alice", "domain.start",
                          {"domain": "web-1", "paused": True})
        return cls.node("""
            const line = open("/domains/web-1/serial/0");
            await line.answered();
            await call("domain.resume", {domain: "web-1"});
            await line.see(/login: /);
            return line.text;
        """)

    @classmethod
    def node(cls, script, user="alice"):
        return cls.daemon.node(user, CONSOLE + script)

    def ended(self, method):
        """The last record of such a stream's end."""
        return self.daemon.wait_audit(method=method, event="end")[-1]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))


class Serial(ConsoleCase):

    def test_no_boot_message_is_missed(self):
        self.assertRegex(self.boot_text, r"Linux \d")
        self.assertRegex(self.boot_text, r"login: $")

    def test_a_command_and_its_output(self):
        answer = self.node("""
            const line = await logIn();
            line.type("echo $((6 * 7)) apples");
            await line.see(/42 apples/);
            await line.cancel();
            return line.headers;
        """)
        self.assertEqual(answer["virtmux-domain-uuid"], UUID)
        self.assertEqual(answer["virtmux-domain-name"], "web-1")
        self.assertEqual(answer["virtmux-console"], "serial")
        record = self.ended("domain.serial")
        self.assertEqual((record["uuid"], record["outcome"]), (UUID, "ok"))
        self.assertGreater(record["bytes_in"], 20)
        self.assertGreater(record["bytes_out"], 20)

    def test_info_lists_the_consoles(self):
        info = self.daemon.result("alice", "domain.info", {"domain": "web-1"})
        self.assertEqual(info["graphics"], [{"n": 0, "type": "vnc", "listen": "none"}])
        self.assertEqual(info["serial"], [
            {"n": 0, "device": "serial", "type": "pty", "target": "isa-serial",
             "alias": "serial0"}])

    def test_info_tells_the_port_of_a_display(self):
        """Which QEMU chose when the guest began."""
        xml = """<domain type='qemu'><name>port</name><memory unit='MiB'>16</memory>
            <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
            <graphics type='vnc' autoport='yes'/><controller type='usb' model='none'/>
            <memballoon model='none'/></devices></domain>"""
        self.daemon.result("alice", "domain.create", {"xml": xml, "paused": True})
        self.addCleanup(self.daemon.call, "alice", "domain.destroy", {"domain": "port"})
        display, = self.daemon.result("alice", "domain.info",
                                      {"domain": "port"})["graphics"]
        port = display.pop("port")
        self.assertEqual(display, {"n": 0, "type": "vnc", "listen": "address",
                                   "address": "127.0.0.1"})
        with socket.create_connection(("127.0.0.1", port)) as viewer:
            self.assertEqual(viewer.recv(4), b"RFB ")

    def test_stalled_reader_loses_nothing(self):
        """Nothing is read for a while; calls go on, and then it all comes."""
        answer = self.node("""
            const line = await logIn();
            line.stream.pause();
            line.text = "";
            line.stream.write("seq 1 40000; echo d''one\\r");
            const before = Date.now();
            for (let i = 0; i < 50; i++) await call("domain.info", {domain: "web-1"});
            const took = Date.now() - before;
            line.stream.resume();
            await line.see(/done/);
            await line.cancel();
            return {took, text: line.text};
        """)
        numbers = re.findall(r"\d+", answer["text"])
        self.assertEqual(numbers, [str(n) for n in range(1, 40001)])
        self.assertLess(answer["took"], 10000)

    def test_one_holder_at_a_time(self):
        answer = self.node("""
            const first = await serial();
            const second = await refusal("/domains/web-1/serial/0");
            const third = await serial();
            await first.until(it => it.ended);
            third.type("");
            await third.see(/login: |# /);
            await third.cancel();
            return second;
        """)
        self.assertEqual(answer, [503, "busy"])

    def test_half_close(self):
        """The end of what is typed; what the guest answers still comes."""
        self.node("""
            const line = await logIn();
            line.stream.end("sleep 1; echo later $((40 + 2))\\r");
            await line.see(/later 42/);
            await line.cancel();
        """)

    def test_no_such_port(self):
        answer = self.node("""
            return [await refusal("/domains/web-1/serial/7"),
                    await refusal("/domains/nobody/serial/0"),
                    await refusal("/domains/web-1/serial/x")];
        """)
        self.assertEqual(answer, [[404, "not-found"], [404, "not-found"],
                                  [400, "invalid-params"]])


class Graphics(ConsoleCase):

    def test_vnc_handshake(self):
        """RFC 6143 section 7.1, as far as the size and name of the screen."""
        answer = self.node("""
            const view = open("/domains/web-1/graphics/0");
            await view.see(/^RFB 003\\.008\\n/);
            view.stream.write("RFB 003.008\\n");
            await view.until(it => it.text.length >= 14);
            view.stream.write(Buffer.from([1]));
            await view.until(it => it.text.length >= 18);
            view.stream.write(Buffer.from([1]));
            await view.until(it => it.text.length >= 18 + 24);
            await view.cancel();
            return {headers: view.headers,
                    bytes: Buffer.from(view.text, "latin1").toString("hex")};
        """)
        self.assertEqual(answer["headers"]["virtmux-console"], "vnc")
        self.assertEqual(answer["headers"]["virtmux-domain-uuid"], UUID)
        greeting = bytes.fromhex(answer["bytes"])
        self.assertEqual(greeting[12:18], b"\x01\x01\0\0\0\0")  # no authentication
        self.assertEqual(struct.unpack(">HH", greeting[18:22]), (720, 400))
        self.assertIn(b"web-1", greeting)

    def test_many_at_once(self):
        """The same display twice, a serial line and calls on one connection."""
        answer = self.node("""
            const views = [0, 1].map(() => open("/domains/web-1/graphics/0"));
            const line = await serial();
            for (const view of views) await view.see(/^RFB 003/);
            const info = await call("domain.info", {domain: "web-1"});
            for (const it of [...views, line]) await it.cancel();
            return info.result.state;
        """)
        self.assertEqual(answer, "running")

    def test_no_port_listens(self):
        need("ss", "pgrep")
        listening = must_run("ss", "--tcp", "--listening", "--processes")
        ours = must_run("pgrep", "--full", "qemu.*" + self.class_folder).split()
        self.assertIn(f"pid={self.daemon.process.pid},", listening)
        for pid in ours:
            if pid != str(self.daemon.process.pid):
                self.assertNotIn(f"pid={pid},", listening)

    def test_no_such_display(self):
        answer = self.node("return refusal('/domains/web-1/graphics/3');")
        self.assertEqual(answer, [404, "not-found"])

    def test_cancelled_while_it_is_opened(self):
        """No descriptor is left, however early the peer goes."""
        self.node("const view = open('/domains/web-1/graphics/0');"
                  "await view.answered(); await view.cancel();")
        wait_for(lambda: self.daemon.audit()[-1]["event"] == "end", "the end")
        before = self.descriptors()
        self.node("""
            for (let i = 0; i < 40; i++) {
                const it = open(i % 2 ? "/domains/web-1/graphics/0"
                                      : "/domains/web-1/serial/0?force=true");
                if (i % 4 < 2) await new Promise(done => setImmediate(done));
                else await it.answered();
                await it.cancel();
            }
        """)
        wait_for(lambda: self.descriptors() <= before,
                 f"no more than {before} descriptors again")

    def test_screenshot(self):
        answer = self.daemon.curl("victor", "/domains/web-1/screenshot")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "image/png")
        self.assertEqual(answer.headers["virtmux-domain-uuid"], UUID)
        width, height, pixels = decode_png(answer.body)
        self.assertEqual((width, height), (720, 400))
        lit = sum(1 for value in pixels if value > 100)
        self.assertTrue(len(pixels) // 200 < lit < len(pixels) // 2,
                        f"{lit} of {len(pixels)} are no page of text")


class Rights(ConsoleCase):

    def refusals(self, user):
        return self.node("""
            return [await refusal("/domains/web-1/graphics/0"),
                    await refusal("/domains/web-1/serial/0")];
        """, user)

    def test_viewer(self):
        self.assertEqual(self.refusals("victor"), [[403, "denied"]] * 2)

    def test_domain_out_of_scope(self):
        self.assertEqual(self.refusals("olga"), [[404, "not-found"]] * 2)


class Ends(ConsoleCase):
    """The guest goes first."""

    def test_guest_is_destroyed_under_its_consoles(self):
        before = self.descriptors()
        answer = self.node("""
            const line = await serial();
            const view = open("/domains/web-1/graphics/0");
            await view.see(/^RFB/);
            line.type("");
            await line.see(/./);
            const gone = await call("domain.destroy", {domain: "web-1"});
            for (const it of [line, view]) await it.until(it => it.ended);
            for (const it of [line, view]) it.stream.end();
            for (const it of [line, view]) await it.until(it => it.closed);
            return [gone.result.state, line.stream.rstCode, view.stream.rstCode,
                    await refusal("/domains/web-1/serial/0")];
        """)
        self.assertEqual(answer, ["shut-off", 0, 0, [409, "state"]])
        wait_for(lambda: self.descriptors() <= before, "its descriptors closed")
        for method in ("domain.serial", "domain.graphics"):
            outcomes = [record["outcome"] for record in
                        self.daemon.wait_audit(method=method, event="end")]
            self.assertIn("ok", outcomes)
        self.assertEqual(
            self.daemon.curl("alice", "/domains/web-1/screenshot").status, 409)


def decode_png(data):
    """Width, height and samples of an 8-bit RGB PNG (W3C PNG, filters 0 to 4)."""
    parts, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        parts[kind] = parts.get(kind, b"") + data[at + 8:at + 8 + length]
        at += length + 12
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, colour) == (8, 2), (depth, colour)
    raw, line, pixels = zlib.decompress(parts[b"IDAT"]), bytes(width * 3), bytearray()
    for row in range(height):
        start = row * (width * 3 + 1)
        line = unfilter(raw[start], raw[start + 1:start + 1 + width * 3], line)
        pixels += line
    return width, height, pixels


def unfilter(kind, line, above):
    out = bytearray(line)
    for i, byte in enumerate(line):
        left = out[i - 3] if i >= 3 else 0
        corner = above[i - 3] if i >= 3 else 0
        guess = left + above[i] - corner
        paeth = min((left, above[i], corner), key=lambda v: abs(guess - v))
        out[i] = (byte + (0, left, above[i], (left + above[i]) // 2,
                          paeth)[kind]) & 0xff
    return bytes(out)


if __name__ == "__main__":
    virtmux_test.main()
