"""Many consoles at once, for test_consoles.py and tests/bench/run: guests of
tests/guest/tiny.c, whose every byte is known, and a script for node that reads their
serial lines and displays over one connection beside calls.
"""
import hashlib
import json
import uuid

from test_console import CONSOLE
from virtmux_test import guest_xml

LINES = 4              # serial lines of a guest
LINE_SIZE = 64         # bytes, as in tiny.c
LINES_A_SECOND = 200   # that a paced port prints
SIZE = "1280x800"      # pixels of the screen, 4 bytes each


def tiny_xml(name, size=SIZE, lines=LINES):
    return guest_xml(name, str(uuid.uuid4()), size, str(lines), script="tiny-xml")


def printed(port, count):
    """What `p COUNT` or `f COUNT` prints on that port of a guest."""
    text = "".join(map(chr, range(33, 127))) * 2
    return b"".join(
        f"{k:08x} {text[(k + port) % 94:(k + port) % 94 + 53]}\r\n".encode()
        for k in range(count))


def digest(data):
    return hashlib.sha256(data).hexdigest()


# What a script in node may use beside that of test_console.py: the bytes of a serial
# line counted and summed up, a display that is asked for all of its pixels without a
# pause, and calls one after the other with their times.
MANY = CONSOLE + """
const crypto = require("crypto");
const connect = path => session.request({":method": "CONNECT", ":protocol": "virtmux",
    ":scheme": "https", ":authority": "localhost", ":path": path});
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

// A serial line that is to give so many bytes for a command; done() waits for them.
const serialOf = async (path, command, size) => {
    const stream = connect(path);
    const it = {stream, path, bytes: 0, hash: crypto.createHash("sha256"), over: false};
    let finish, fail;
    const all = new Promise((resolve, reject) => { finish = resolve; fail = reject; });
    all.catch(() => {});
    stream.on("data", part => {
        if (it.over) return;
        it.bytes += part.length;
        it.hash.update(part);
        if (it.bytes >= size) finish();
    });
    stream.on("error", fail);
    stream.on("close", () => fail(new Error(path + " closed after " + it.bytes)));
    await new Promise((resolve, reject) => {
        stream.on("response", headers => headers[":status"] === 200 ? resolve()
            : reject(new Error(path + ": " + JSON.stringify(headers))));
    });
    it.begin = () => stream.write(command + "\\r");
    it.done = async () => {
        await all;
        it.over = true;
        stream.close(constants.NGHTTP2_CANCEL);
        return {bytes: it.bytes, sha256: it.hash.digest("hex")};
    };
    return it;
};

// A VNC viewer (RFC 6143) that has two full requests under way, raw pixels.
const displayOf = async path => {
    const stream = connect(path);
    const it = {stream, bytes: 0, updates: 0};
    let have = Buffer.alloc(0), wanted = 0, wake = () => {}, skip = 0;
    const pump = () => {
        while (skip > 0 && have.length > 0) {
            const n = Math.min(skip, have.length);
            skip -= n;
            have = have.subarray(n);
        }
        if (skip === 0 && have.length >= wanted) wake();
    };
    stream.on("data", part => {
        it.bytes += part.length;
        have = have.length ? Buffer.concat([have, part]) : part;
        pump();
    });
    stream.on("error", () => {});
    const take = n => new Promise(resolve => {
        wanted = n;
        wake = () => {
            wake = () => {};
            const part = have.subarray(0, n);
            have = have.subarray(n);
            resolve(part);
        };
        pump();
    });
    const drop = async n => { skip = n; await take(0); };
    await take(12);
    stream.write("RFB 003.008\\n");
    await take((await take(1))[0]);
    stream.write(Buffer.from([1]));
    await take(4);
    stream.write(Buffer.from([1]));
    const init = await take(24);
    await drop(init.readUInt32BE(20));
    const width = init.readUInt16BE(0), height = init.readUInt16BE(2);
    // The pointer moves, or QEMU would look ever more seldom whether anything changed.
    const request = Buffer.from([5, 0, 0, 1, 0, 1, 3, 0, 0, 0, 0, 0, width >> 8,
        width & 255, height >> 8, height & 255]);
    stream.write(Buffer.from([2, 0, 0, 1, 0, 0, 0, 0]));  // SetEncodings: raw
    const update = async () => {
        const head = await take(4);
        if (head[0] !== 0) throw new Error("RFB message " + head[0]);
        stream.write(request);
        for (let n = head.readUInt16BE(2); n > 0; n--) {
            const rect = await take(12);
            if (rect.readInt32BE(8) !== 0) throw new Error("no raw rectangle");
            await drop(rect.readUInt16BE(4) * rect.readUInt16BE(6) * 4);
        }
        it.updates++;
    };
    it.stop = false;
    it.run = async () => {
        stream.write(Buffer.concat([request, request]));
        while (!it.stop) await update();
        stream.close(constants.NGHTTP2_CANCEL);
    };
    // Asks, and reads nothing more from the midst of an update on.
    it.stall = async () => {
        stream.write(Buffer.concat([request, request]));
        await take(4 + 12 + 100);
        stream.pause();
    };
    return it;
};

// A call every few milliseconds until stop() is true; their times in ms, sorted.
const callsUntil = async stop => {
    const times = [];
    while (!stop()) {
        const begin = process.hrtime.bigint();
        const answer = await call("session.whoami", {}, {priority: "u=0"});
        if (!answer.result) throw new Error(JSON.stringify(answer));
        times.push(Number(process.hrtime.bigint() - begin) / 1e6);
        await sleep(5);
    }
    return times.sort((a, b) => a - b);
};
const quantile = (times, q) => times[Math.floor((times.length - 1) * q)];
"""

SIXTEEN = MANY + """
const plan = PLAN;
const command = "p " + plan.lines, size = plan.lines * plan.line_size;
const lines = [];
for (const name of plan.guests)
    for (let port = 0; port < plan.ports; port++)
        lines.push(await serialOf(
            `/domains/${name}/serial/${port}?force=true&history=0`, command, size));
const moving = await displayOf(`/domains/${plan.guests[0]}/graphics/0`);
const stuck = await displayOf(`/domains/${plan.guests[1]}/graphics/0`);
await callsUntil((end => () => Date.now() > end)(Date.now() + 500));
const idle = await callsUntil((end => () => Date.now() > end)(Date.now() +
    plan.idle_ms));
const stalled = lines.pop();
stalled.stream.pause();
await stuck.stall();
const run = plan.display ? moving.run() : null;
for (const it of [...lines, stalled]) it.begin();
const begin = Date.now();
let over = false;
const busy = callsUntil(() => over);
const others = await Promise.all(lines.map(it => it.done()));
over = true;
const took = Date.now() - begin, beside = await busy;
const held = stalled.bytes, updates = moving.updates;
moving.stop = true;
if (run) await run;
stalled.stream.resume();
const last = await stalled.done();
stuck.stream.close(constants.NGHTTP2_CANCEL);
return {others, last, held, took, updates, stuck: stuck.bytes, calls: beside.length,
    idle_p99: quantile(idle, 0.99), p99: quantile(beside, 0.99),
    idle_p50: quantile(idle, 0.5), p50: quantile(beside, 0.5), most: quantile(beside, 1)};
"""


def sixteen(guests, seconds, idle_seconds, display=True):
    """The script: 16 serial lines of 4 guests, one of which is not read, a display
    that is read and one that is not."""
    return SIXTEEN.replace("PLAN", json.dumps({
        "guests": guests, "ports": LINES, "lines": seconds * LINES_A_SECOND,
        "line_size": LINE_SIZE, "idle_ms": idle_seconds * 1000, "display": display}))
