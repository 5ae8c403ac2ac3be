#!/usr/bin/env python3
# timeout: 300
# sanitized: wrong requests for content, peers that go
"""The content of volumes over HTTP as curl and node see it: ranges, holes,
checksums, wrong requests, several writers, peers that go. A private libvirtd has a
folder as its pool; what was written is read from the folder itself.
"""
import hashlib
import json
import os
import struct

import virtmux_test
from virtmux_test import wait_for

SPARSE = "application/vnd.virtmux.sparse"
MIB = 1 << 20


def records(*parts, digest=None):
    """DATA (bytes) and holes (numbers) in the sparse form, with their checksum."""
    out, sha = b"", hashlib.sha256()
    for part in parts:
        kind, length = (b"H", part) if isinstance(part, int) else (b"D", len(part))
        out += kind + struct.pack(">Q", length)[1:]
        out += b"" if isinstance(part, int) else part
        sha.update(bytes(part))
    return out + b"E" + struct.pack(">Q", 32)[1:] + (digest or sha.digest())


def read_records(text):
    """[bytes or number, …], and whether the checksum at the end is right."""
    parts, sha = [], hashlib.sha256()
    while text:
        kind, length = text[:1], struct.unpack(">Q", b"\0" + text[1:8])[0]
        text = text[8:]
        if kind == b"H":
            parts.append(length)
            sha.update(bytes(length))
            continue
        body, text = text[:length], text[length:]
        if kind == b"E":
            return parts, body == sha.digest()
        parts.append(body)
        sha.update(body)
    return parts, None


class Content(virtmux_test.Case):
    access = {"alice": {"role": "admin", "domains": "*"},
              "vera": {"role": "viewer", "domains": "*"}}

    def setUp(self):
        super().setUp()
        self.libvirtd = self.start_libvirtd()
        self.daemon = self.start_daemon(config={
            "libvirt": {"uri": self.libvirtd.qemu_uri}})
        self.folder = os.path.join(self.libvirtd.folder, "pool")
        self.daemon.result("alice", "pool.create", {"build": True, "xml": f"""
            <pool type='dir'><name>real</name>
            <target><path>{self.folder}</path></target></pool>"""})
        self.create("v.img", MIB)

    def create(self, name, capacity):
        self.daemon.result("alice", "volume.create-as", {
            "pool": "real", "name": name, "capacity": capacity, "allocation": 0})

    def path(self, name="v.img"):
        return os.path.join(self.folder, name)

    def content(self, name="v.img"):
        with open(self.path(name), "rb") as file:
            return file.read()

    def fill(self, data):
        with open(self.path(), "wb") as file:
            file.write(data)

    def get(self, *headers, name="v.img", user="alice"):
        return self.daemon.curl(user, f"/pools/real/volumes/{name}",
                                headers=headers)

    def put(self, body, *headers, name="v.img", user="alice"):
        return self.daemon.curl(user, f"/pools/real/volumes/{name}", body, headers,
                                ["--request", "PUT"])

    def refused(self, answer, status, code):
        self.assertEqual(answer.status, status, answer.body)
        error = answer.json()["error"]
        self.assertEqual(error["data"]["name"], code)
        self.assertNotIn(self.folder, error["message"])
        return error["message"]

    def checksum(self, **params):
        return self.daemon.result("alice", "volume.checksum", {
            "pool": "real", "volume": "v.img", **params})


class Downloads(Content):

    def setUp(self):
        super().setUp()
        self.data = os.urandom(700_001)
        self.fill(self.data)

    def test_whole(self):
        answer = self.get()
        self.assertEqual((answer.status, answer.body), (200, self.data))
        self.assertEqual(answer.headers["content-length"], str(len(self.data)))
        self.assertEqual(answer.headers["accept-ranges"], "bytes")
        self.assertEqual(answer.headers["content-type"], "application/octet-stream")
        record = self.daemon.wait_audit(method="volume.download", event="end")[0]
        self.assertEqual((record["outcome"], record["bytes_out"]),
                         ("ok", len(self.data)))

    def test_ranges(self):
        size = len(self.data)
        for text, part in (("0-0", slice(0, 1)), ("10-99", slice(10, 100)),
                           ("700000-", slice(size - 1, size)),
                           ("-5", slice(size - 5, size)),
                           ("-9999999", slice(0, size)),
                           ("100-9999999", slice(100, size))):
            answer = self.get("range: bytes=" + text)
            self.assertEqual(answer.status, 206, text)
            self.assertEqual(answer.body, self.data[part], text)
            self.assertEqual(answer.headers["content-range"],
                             f"bytes {part.start}-{part.stop - 1}/{size}")
        for text in ("bytes=5-2", "bytes=a-", "bytes=0-1,4-5", "lines=0-1",
                     "bytes=99999999999999999999-"):
            answer = self.get("range: " + text)
            self.assertEqual((answer.status, len(answer.body)), (200, size), text)
        for text in (f"{size}-", "-0"):
            answer = self.get("range: bytes=" + text)
            self.assertEqual(answer.status, 416)
            self.assertEqual(answer.headers["content-range"], f"bytes */{size}")

    def test_if_range(self):
        etag = self.get("range: bytes=0-0").headers["etag"]
        self.assertEqual(self.get("range: bytes=1-1", "if-range: " + etag).status,
                         206)
        self.fill(self.data)
        self.assertNotEqual(self.get().headers["etag"], etag)
        self.assertEqual(self.get("range: bytes=1-1", "if-range: " + etag).status,
                         200)

    def test_sparse(self):
        with open(self.path(), "r+b") as file:
            file.seek(4 * MIB)
            file.write(b"end")
            file.truncate(6 * MIB)
        answer = self.get("accept: " + SPARSE)
        self.assertEqual((answer.status, answer.headers["content-type"]),
                         (200, SPARSE))
        self.assertEqual(answer.headers["virtmux-volume-size"], str(6 * MIB))
        self.assertLess(len(answer.body), MIB)
        parts, whole = read_records(answer.body)
        self.assertTrue(whole)
        self.assertEqual(b"".join(bytes(part) for part in parts), self.content())
        answer = self.get("accept: " + SPARSE, f"range: bytes={2 * MIB}-{3 * MIB}")
        self.assertEqual(answer.status, 206)
        self.assertEqual(read_records(answer.body), ([MIB + 1], True))

    def test_empty(self):
        self.fill(b"")
        answer = self.get()
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(read_records(self.get("accept: " + SPARSE).body),
                         ([], True))

    def test_checksum(self):
        whole = hashlib.sha256(self.data).hexdigest()
        self.assertEqual(self.checksum(), {
            "offset": 0, "length": len(self.data), "sha256": whole, "blocks": []})
        parts = [hashlib.sha256(self.data[at:at + 300_000]).hexdigest()
                 for at in range(0, len(self.data), 300_000)]
        self.assertEqual(self.checksum(block=300_000)["blocks"], parts)
        self.assertEqual(self.checksum(offset=10, length=20)["sha256"],
                         hashlib.sha256(self.data[10:30]).hexdigest())
        for params in ({"offset": 1 << 40}, {"block": 1}):
            self.assert_error(self.daemon.call("alice", "volume.checksum", {
                "pool": "real", "volume": "v.img", **params}), "invalid-params")

    def test_errors(self):
        self.assertIn("'none'", self.refused(self.get(name="none"), 404,
                                             "not-found"))
        answer = self.daemon.curl("alice", "/pools/none/volumes/v.img")
        self.assertIn("'none'", self.refused(answer, 404, "not-found"))
        self.refused(self.get(user="vera"), 403, "denied")
        # What a link in the pool's folder leads to is not read through it.
        secret = virtmux_test.write_file(os.path.join(self.work, "secret"), "secret")
        os.unlink(self.path())
        os.symlink(secret, self.path())
        answer = self.get()
        self.assertNotIn(b"secret", answer.body)
        os.unlink(self.path())
        os.mkfifo(self.path())
        self.assertNotEqual(self.get().status, 200)

    def test_many_readers_and_stalled_ones(self):
        """The ninth is told to wait; a reader that stops stops nobody else."""
        os.truncate(self.path(), 64 * MIB)
        counts = self.daemon.node("alice", """
            const path = "/pools/real/volumes/v.img";
            const open = () => new Promise(resolve => {
                const stream = session.request({":path": path});
                stream.on("error", () => {});
                stream.on("response", headers => {
                    const status = headers[":status"];
                    stream.pause();
                    if (status !== 200) stream.close(constants.NGHTTP2_CANCEL);
                    resolve([stream, status]);
                });
            });
            const streams = [];
            for (let i = 0; i < 8; i++) streams.push(await open());
            const ninth = await open();
            const begin = process.hrtime.bigint();
            await call("session.whoami");
            const ms = Number(process.hrtime.bigint() - begin) / 1e6;
            for (const [stream] of streams) {
                stream.close(constants.NGHTTP2_CANCEL);
                await new Promise(done => stream.once("close", done));
            }
            let last = 503;
            const until = Date.now() + 20000;
            while (last === 503 && Date.now() < until)
                [, last] = await open();
            return [streams.map(([, status]) => status), ninth[1], ms, last];
        """)
        self.assertEqual(counts[0], [200] * 8)
        self.assertEqual(counts[1], 503)
        self.assertEqual(counts[3], 200)
        self.assertEqual(
            len(self.daemon.wait_audit(method="volume.download", event="end",
                                       outcome="busy")) >= 1, True)


class Uploads(Content):

    def test_whole(self):
        data = os.urandom(MIB)
        answer = self.put(data)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.json(), {
            "pool": "real", "name": "v.img", "offset": 0, "length": MIB,
            "sha256": hashlib.sha256(data).hexdigest()})
        self.assertEqual(self.content(), data)
        record = self.daemon.wait_audit(method="volume.upload", event="end")[0]
        self.assertEqual((record["outcome"], record["bytes_in"]), ("ok", MIB))

    def test_parts(self):
        data = os.urandom(MIB)
        for first, last in ((0, 99), (100, 499_999), (500_000, MIB - 1)):
            answer = self.put(data[first:last + 1],
                              f"content-range: bytes {first}-{last}/{MIB}")
            self.assertEqual(answer.json()["length"], last - first + 1)
        self.assertEqual(self.content(), data)
        for text in ("bytes 5-2/10", "bytes 0-9/5", "bytes */5", "0-5/6",
                     "bytes 0-/5"):
            self.refused(self.put(b"x", "content-range: " + text), 400,
                         "invalid-request")
        # Another length than was announced.
        self.refused(self.put(b"12345", "content-range: bytes 0-2/*"), 400,
                     "invalid-request")
        self.assertEqual(self.put(b"12", "content-range: bytes 0-2/*").status, 500)

    def test_sparse(self):
        self.fill(os.urandom(MIB))
        body = records(b"begin", MIB - 10, b"end!!", 7 * MIB)
        answer = self.put(body, "content-type: " + SPARSE)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.json()["length"], 8 * MIB)
        self.assertEqual(self.content(),
                         b"begin" + bytes(MIB - 10) + b"end!!" + bytes(7 * MIB))
        self.assertLess(os.stat(self.path()).st_blocks * 512, 64 * 1024)
        info = self.daemon.result("alice", "volume.info",
                                  {"pool": "real", "volume": "v.img"})
        self.assertEqual(info["capacity"], 8 * MIB)  # libvirt has looked anew

    def test_wrong_checksum(self):
        wrong = bytes(32)
        words = self.refused(self.put(records(b"data", digest=wrong),
                                      "content-type: " + SPARSE), 500, "failed")
        self.assertIn(wrong.hex(), words)
        self.assertIn(hashlib.sha256(b"data").hexdigest(), words)

    def test_bad_records(self):
        good = records(b"data")
        for body, status in ((b"Q" + bytes(7), 400), (good[:-1], 500),
                             (good + b"x", 400), (b"", 500), (b"data", 500)):
            answer = self.put(body, "content-type: " + SPARSE)
            self.assertEqual(answer.status, status, body)

    def test_errors(self):
        self.refused(self.put(b"x", name="none"), 404, "not-found")
        self.refused(self.put(b"x", user="vera"), 403, "denied")
        self.assertEqual(self.content(), bytes(MIB))

    def test_one_writer(self):
        """A second one is told so, and may write when the first has gone."""
        seen = self.daemon.node("alice", """
            const path = "/pools/real/volumes/v.img";
            const first = session.request({":method": "PUT", ":path": path,
                "content-range": "bytes 0-999999/*"});
            first.on("error", () => {});
            first.write("first");
            while (!fs.readFileSync("%s").subarray(0, 5).equals(Buffer.from("first")))
                await call("session.whoami");
            const put = () => request({":method": "PUT", ":path": path}, "second");
            let answer = await put();
            const refused = answer.body;
            first.close(constants.NGHTTP2_CANCEL);
            do answer = await put(); while (answer.status === 503);
            return [refused, answer.status];
        """ % self.path())
        self.assertIn("written already", json.loads(seen[0])["error"]["message"])
        self.assertEqual(seen[1], 200)
        self.assertEqual(self.content()[:6], b"second")
        self.daemon.wait_audit(method="volume.upload", event="end",
                               outcome="disconnected")

    def test_cut(self):
        """What came before a cut is written; nothing of it is left open."""
        self.daemon.node("alice", """
            const stream = session.request({":method": "PUT",
                ":path": "/pools/real/volumes/v.img",
                "content-range": "bytes 0-999999/*"});
            stream.on("error", () => {});
            stream.write(Buffer.alloc(300000, "x"));
            while (fs.readFileSync("%s")[299999] !== 120)
                await call("session.whoami");
            stream.close(constants.NGHTTP2_CANCEL);
            await new Promise(done => stream.once("close", done));
        """ % self.path())
        self.assertEqual(self.content(), b"x" * 300_000 + bytes(MIB - 300_000))
        self.daemon.wait_audit(method="volume.upload", event="end",
                               outcome="disconnected")
        folder = f"/proc/{self.daemon.process.pid}/fd"

        def closed():
            links = [os.path.join(folder, fd) for fd in os.listdir(folder)]
            return self.path() not in [os.readlink(link) for link in links
                                       if os.path.lexists(link)]

        wait_for(closed, "the volume is closed")

    def test_beyond_any_file(self):
        hole = b"H" + struct.pack(">Q", 1 << 55)[1:]
        answer = self.put(hole, "content-type: " + SPARSE)
        self.assertIn("at byte 0", self.refused(answer, 500, "system"))

    def test_full(self):
        done = virtmux_test.run("mount", "-t", "tmpfs", "-o", "size=2m,mode=777",
                                "none", self.folder)
        if done.returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(virtmux_test.must_run, "umount", self.folder)
        self.daemon.result("alice", "pool.refresh", {"pool": "real"})
        self.create("f.img", 8 * MIB)
        words = self.refused(self.put(os.urandom(4 * MIB), name="f.img"), 500,
                             "failed")
        self.assertIn("storage is full", words)
        self.assertRegex(words, r"'f.img' was written up to byte \d{7}")


if __name__ == "__main__":
    virtmux_test.main()
