#!/usr/bin/env python3
# timeout: 600
"""`virtmux web` with a real guest: its page in headless Chromium (web/page.mjs), who
is let in and who is not, and what it holds when a page takes nothing. Pictures of the
page are left in $VIRTMUX_PICTURES, where that is set.
"""
import fcntl
import hashlib
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import unittest

import test_console
import virtmux_test
from virtmux_test import (BUILD, TIMEOUT, VIRTMUX, is_sanitized, need, rss_kib, run, wait_for,
                          wait_idle, write_file)

HERE = os.path.dirname(os.path.abspath(__file__))
CHROMIUM = "chromium"
UUID_2 = "0d6b1d3a-8f43-4f0e-9b4e-3f1f2a1b4c5e"
DOMAIN = "/api/hosts/test/domains/" + test_console.UUID
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3


def playwright():
    """The folder with playwright-core, fetched once for this build."""
    need("node", "npm", CHROMIUM)
    folder = os.path.join(BUILD, "tests", "playwright")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = ""
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, "web", name), folder)
            wanted += virtmux_test.read_file(os.path.join(HERE, "web", name))
        stamp = os.path.join(folder, "fetched")
        digest = hashlib.sha256(wanted.encode()).hexdigest()
        if os.path.exists(stamp) and virtmux_test.read_file(stamp) == digest:
            return folder
        done = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                   cwd=folder, timeout=120)
        if done.returncode != 0:
            raise unittest.SkipTest("npm cannot get playwright-core: " + done.stderr)
        write_file(stamp, digest)
    return folder


class Web:
    """A running `virtmux web`, and a browser's requests to it."""

    def __init__(self, client, *words):
        self.process = client.spawn("web", "--json", "--no-browser", *words,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("web has ended: " + self.process.communicate()[1])
        told = json.loads(line)
        self.url, self.socket = told["url"], told.get("socket")
        self.token = self.url.split("?")[1]
        self.host = self.url.split("/")[2]
        self.cookie = None
        self.said = None  # on standard error, to the end

    def connect(self):
        if self.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(TIMEOUT)
            connection.connect(self.socket)
            return connection
        name, port = self.host.split(":")
        return socket.create_connection((name, int(port)), timeout=TIMEOUT)

    def request(self, path, method="GET", cookie=True, **headers):
        """(status, headers, body); a header None is left out."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = self.connect()
        headers = {"Host": self.host, **{name.replace("_", "-"): value
                                         for name, value in headers.items()}}
        if method != "GET":
            headers.setdefault("Origin", "http://" + self.host)
        if cookie and self.cookie:
            headers["Cookie"] = self.cookie
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, body

    def enter(self):
        status, headers, body = self.request("/?" + self.token)
        assert status == 200, body
        self.cookie = headers["set-cookie"].split(";")[0]
        return headers

    def json(self, path, **options):
        status, _, body = self.request(path, **options)
        assert status == 200, (status, body)
        return json.loads(body)

    def open(self, path, **headers):
        """A WebSocket; a Socket, or (status, body) of the refusal."""
        headers = {"Host": self.host, "Origin": "http://" + self.host, "Upgrade": "websocket",
                   "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": KEY, "Cookie": self.cookie or "x=y", **headers}
        connection = self.connect()
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        connection.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
        return Socket(connection)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=TIMEOUT)


class Socket:
    """A WebSocket that speaks just enough of RFC 6455."""

    def __init__(self, connection):
        self.socket = connection
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                break
        self.head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])

    def more(self):
        try:
            part = self.socket.recv(65536)
        except ConnectionError:  # closed with something of ours unread
            part = b""
        self.data += part
        return bool(part)

    def frame(self):
        """(opcode, payload), or None at the end."""
        def have(n):
            while len(self.data) < n:
                if not self.more():
                    return False
            return True
        if not have(2):
            return None
        n, at = self.data[1] & 127, 2
        if n == 126 and have(4):
            n, at = struct.unpack(">H", self.data[2:4])[0], 4
        elif n == 127 and have(10):
            n, at = struct.unpack(">Q", self.data[2:10])[0], 10
        if not have(at + n):
            return None
        frame = self.data[0] & 15, self.data[at:at + n]
        self.data = self.data[at + n:]
        return frame

    def see(self, pattern):
        """All that came until it matches."""
        text = b""
        while not re.search(pattern, text):
            text += self.frame()[1]
        return text

    def send(self, data, opcode=2, masked=True):
        n = len(data)
        head = bytes([0x80 | opcode]) + (
            bytes([n | 128 * masked]) if n < 126 else
            bytes([126 | 128 * masked]) + struct.pack(">H", n) if n < 65536 else
            bytes([127 | 128 * masked]) + struct.pack(">Q", n))
        mask = b"\x01\x02\x03\x04"
        if masked:
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.socket.sendall(head + (mask if masked else b"") + data)

    def close(self):
        self.socket.close()


class WebCase(test_console.ConsoleCase):

    def setUp(self):
        super().setUp()
        self.alice = self.client(self.daemon)
        self.addCleanup(self.alice.run, "session", "end", "test")

    def add_host(self, name, address):
        text = virtmux_test.read_file(self.alice.config)
        section = text[text.index("[host test]"):].replace("[host test]", f"[host {name}]")
        section = re.sub("(?m)^address = .*", "address = " + address, section)
        write_file(self.alice.config, text + section)
        self.addCleanup(self.alice.run, "session", "end", name)

    def web(self, *words):
        web = Web(self.alice, *words)
        self.addCleanup(self.end, web)
        return web

    def end(self, web):
        if web.said is None:
            web.said = web.end()[1]
            self.assertEqual(web.process.returncode, 0, web.said)
            self.assertNotIn("Sanitizer", web.said)

    def entered(self, *words):
        """With the cookie, and its host connected."""
        web = self.web(*words)
        web.enter()
        self.wait_host(web, "test", "open")
        return web

    def wait_host(self, web, name, state):
        def reached():
            hosts = web.json("/api/hosts")["hosts"]
            return [h for h in hosts if h["name"] == name and h["state"] == state]
        return wait_for(reached, f"{name} is {state}")[0]


class Page:

    def test_in_a_browser(self):
        modules = playwright()
        xml = self.xml.replace("<name>web-1", "<name>web-2").replace(test_console.UUID, UUID_2)
        self.daemon.result("alice", "domain.define", {"xml": xml})
        self.add_host("lab", "127.0.0.1:1")
        pictures = os.environ.get("VIRTMUX_PICTURES", self.work)
        web = self.web()
        settings = {"url": web.url, "folder": pictures, "modules": modules,
                    "chromium": shutil.which(CHROMIUM),
                    "serial": f"#/test/{test_console.UUID}/serial/0"}
        done = run("node", os.path.join(HERE, "web", "page.mjs"), json.dumps(settings),
                   timeout=300, env={**os.environ, "HOME": self.work})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["done"],
                         ["list", "start", "terminal", "display", "clothes", "busy"])


class Gate:

    def test_without_the_token_nothing_is_served(self):
        web = self.web()
        for path in ("/", "/index.html", "/main.js", "/style.css", "/lib/xterm/xterm.mjs",
                     "/api/hosts", DOMAIN, "/?token=" + "0" * 64, "/?token=", "/none",
                     "/main.js?" + web.token, "/api/hosts?" + web.token):
            status, headers, body = web.request(path)
            self.assertEqual(status, 403, path)
            self.assertIn(b"virtmux web", body)
            self.assertNotIn("set-cookie", headers)
            self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual(self.refusal(web), 403)
        self.assertEqual(web.request("/?" + web.token, method="POST")[0], 403)
        headers = web.enter()
        self.assertIn("HttpOnly; SameSite=Strict", headers["set-cookie"])
        self.assertEqual(web.request("/?" + web.token, cookie=False)[0], 403)
        for path in ("/", "/main.js", "/api/hosts"):
            status, headers, _ = web.request(path)
            self.assertEqual(status, 200, path)
            for name, value in (("x-content-type-options", "nosniff"),
                                ("referrer-policy", "no-referrer"),
                                ("cross-origin-opener-policy", "same-origin"),
                                ("cross-origin-resource-policy", "same-origin"),
                                ("cache-control", "no-store")):
                self.assertEqual(headers[name], value)

    def refusal(self, web, **headers):
        console = web.open(DOMAIN + "/serial/0", **headers)
        console.close()
        return console.status

    def test_pages_from_elsewhere(self):
        web = self.entered()
        for headers in ({"Host": "evil.example"}, {"Host": None},
                        {"Host": "127.0.0.1:1"}, {"Host": "127.0.0.1"},
                        {"Host": web.host + ".evil.example"}):
            self.assertIn(web.request("/api/hosts", **headers)[0], (400, 403), headers)
        for headers in ({"Origin": "http://evil.example"}, {"Origin": None},
                        {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
                        {"Origin": "https://" + web.host}, {"Sec_Fetch_Site": "same-site"},
                        {"Sec_Fetch_Site": "cross-site"}):
            self.assertEqual(web.request(DOMAIN + "/suspend", method="POST", **headers)[0], 403,
                             headers)
        self.assertEqual(web.request("/api/hosts", Sec_Fetch_Site="same-site")[0], 403)
        for origin in ("http://evil.example", None, "null"):
            self.assertEqual(self.refusal(web, Origin=origin), 403)
        self.assertEqual(web.request(DOMAIN + "/suspend")[0], 404)  # a GET does nothing
        self.assertEqual(web.json(DOMAIN)["state"], "running")

    def test_another_user_gets_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("root can be another user")
        for words in ([], ["--socket", "/tmp/" + os.urandom(8).hex()]):
            web = self.web(*words)
            if web.socket:
                os.chmod(web.socket, 0o666)
            self.assertEqual(ask_as_nobody(web), b"")
            web.enter()  # and the token is unused
            self.end(web)
            self.assertIn("refused: it belongs to uid", web.said)

    def test_a_socket(self):
        path = os.path.join(self.work, "page")
        web = self.entered("--socket", path)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(web.request("/", Host="localhost:8080")[0], 200)
        self.assertEqual(web.request("/", Host="evil.example")[0], 403)
        self.end(web)
        self.assertFalse(os.path.exists(path))


class Serves:

    def test_hosts_and_domains(self):
        web = self.entered()
        domains = web.json("/api/hosts/test/domains")["domains"]
        self.assertIn("web-1", [domain["name"] for domain in domains])
        self.assertEqual(web.json(DOMAIN)["uuid"], test_console.UUID)
        status, headers, body = web.request(DOMAIN + "/screenshot")
        self.assertEqual((status, headers["content-type"]), (200, "image/png"))
        self.assertGreater(test_console.decode_png(body)[0], 600)
        for path, status in (("/api/hosts/none/domains", 404), ("/api/hosts/test", 404),
                             ("/api/hosts/test/domains/none", 404), ("/api/", 404),
                             ("/api/hosts/test/domains/..%2f..%2frpc", 404),
                             ("/../../etc/passwd", 404), ("/%2e%2e/etc/passwd", 404),
                             ("//main.js", 404), ("/lib/", 404), ("/x" * 2000, 414)):
            self.assertEqual(web.request(path)[0], status, path[:80])
        status, _, body = web.request(DOMAIN + "/start", method="POST")
        self.assertEqual((status, json.loads(body)["error"]["name"]), (409, "state"))
        self.assertEqual(web.request(DOMAIN + "/undefine", method="POST")[0], 404)

    def test_a_host_that_is_away_is_tried_again(self):
        with socket.socket() as finder:
            finder.bind(("127.0.0.1", 0))
            port = finder.getsockname()[1]
        self.add_host("lab", f"127.0.0.1:{port}")
        web = self.entered()
        away = self.wait_host(web, "lab", "away")
        self.assertIn("Connection refused", away["reason"])
        self.assertEqual(web.request("/api/hosts/lab/domains")[0], 503)
        lab = self.make_daemon(config={"daemon": {"listen": f"127.0.0.1:{port}"}})
        lab.spawn()
        lab.wait_ready()
        self.wait_host(web, "lab", "open")
        self.assertEqual(web.json("/api/hosts/lab/domains")["domains"][0]["name"], "test")
        lab.stop()
        self.wait_host(web, "lab", "away")
        self.wait_host(web, "test", "open")

    def test_the_wrong_words(self):
        for words in (["--port", "1", "--socket", "x"], ["--no-session"], ["--key", "x"]):
            done = self.alice.run("web", "--no-browser", *words)
            self.assertEqual(done.returncode, 2, done.stderr)
        folder = os.path.join(self.work, "bin")
        shutil.copytree(os.path.join(BUILD, "client", "web", "page"),
                        os.path.join(folder, "web", "page"),
                        ignore=shutil.ignore_patterns("lib"))
        shutil.copy(VIRTMUX, folder)
        done = run(os.path.join(folder, "virtmux"), "web", env=self.alice.environment)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"etc/web-fetch {folder}/web/page/lib", done.stderr)


class Limits:

    def console(self, web, query=""):
        console = web.open(DOMAIN + "/serial/0" + query)
        self.addCleanup(console.close)
        self.assertEqual(console.status, 101)
        self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", console.head)  # RFC 6455 1.3
        kind, words = console.frame()
        self.assertEqual((kind, json.loads(words)["type"]), (1, "open"), words)
        return console

    def test_a_page_that_takes_nothing(self):
        """A flood of the guest's stays where it is; all else goes on, and so does the
        flood, whole, as soon as something is taken."""
        web = self.entered()
        console = self.console(web, "?force=true&history=0")
        console.send(b"\r")
        text = console.see(rb"login: |# ")
        if b"login: " in text:
            console.send(b"root\r")
            text += console.see(rb"# ")
        console.send(b"stty -echo; seq 100000 219999; echo a''ll; stty echo\r")
        got = len(text)
        before = rss_kib(web.process.pid)
        text = b""
        # as much as may be untaken, and not a byte more
        while got + len(text) < 512 * 1024:
            text += console.frame()[1]
        wait_idle(web.process.pid)
        self.assertEqual(got + len(text), 512 * 1024)
        self.assertEqual(console.data, b"")
        self.assertEqual(web.json(DOMAIN)["state"], "running")
        if not is_sanitized():
            self.assertLess(rss_kib(web.process.pid) - before, 8 * 1024)
        while b"\nall\r\n" not in text[-200:]:
            console.send(json.dumps({"taken": got + len(text)}).encode(), opcode=1)
            text += console.frame()[1]
        numbers = [int(n) for n in re.findall(rb"(?m)^(\d{6})\r$", text)]
        self.assertEqual(numbers, list(range(100000, 220000)))

    def test_what_no_page_sends(self):
        web = self.entered()
        for data, options in ((b"x" * 70000, {}), (b"x", {"masked": False}),
                              (b"x", {"opcode": 3})):
            console = self.console(web, "?force=true")
            console.send(data, **options)
            kind = 0
            while kind != 8:  # it is closed, after what the guest said
                kind = (console.frame() or (8, b""))[0]
            console.close()
        console = self.console(web, "?force=true")
        for words in (b"", b"{}", b'{"taken":-1}', b'{"taken":99999999}', b'{"taken":"1"}',
                      b"[" * 100, b"\xff"):
            if words != b"\xff":  # that one is no text: RFC 6455 8.1
                console.send(words, opcode=1)
        console.send(b"\r")
        self.assertEqual(console.frame()[0], 2)

    def test_too_much_of_everything(self):
        web = self.entered()
        with web.connect() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: " + web.host.encode() + b"\r\nX: ")
            try:
                for _ in range(100):
                    connection.sendall(b"x" * 1024)
                    connection.settimeout(0.01)
                    try:
                        if not connection.recv(1):
                            break
                    except TimeoutError:
                        pass
                    else:
                        break
                else:
                    self.fail("100 KiB of a header are taken")
            except ConnectionError:
                pass
        many = [web.connect() for _ in range(140)][::-1]  # the last are the ones too many
        ended = 0
        for connection in many:
            connection.settimeout(0.5 if not ended else 0.01)
            try:
                ended += connection.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                ended += 1
        self.assertGreater(ended, 0)
        for connection in many:
            connection.close()
        wait_for(lambda: self.serves(web), "it serves again")

    def serves(self, web):
        try:
            return web.request("/api/hosts")[0] == 200
        except (ConnectionError, http.client.HTTPException):
            return False


class OnePage(Page, Gate, Serves, Limits, WebCase):
    """All of these on one guest."""


def ask_as_nobody(web):
    """What another user gets, even with the token."""
    script = """
import json, socket, sys
web = json.loads(sys.argv[1])
if web["socket"]:
    s = socket.socket(socket.AF_UNIX)
    s.connect(web["socket"])
else:
    name, port = web["host"].split(":")
    s = socket.create_connection((name, int(port)))
s.settimeout(20)
try:
    s.sendall(f"GET /?{web['token']} HTTP/1.1\\r\\nHost: {web['host']}\\r\\n\\r\\n".encode())
    sys.stdout.buffer.write(s.recv(4096))
except (BrokenPipeError, ConnectionResetError):
    pass
"""
    told = json.dumps({"socket": web.socket, "host": web.host, "token": web.token})
    done = subprocess.run(["/usr/bin/python3", "-c", script, told],
                          user=pwd.getpwnam("nobody").pw_uid, stdout=subprocess.PIPE,
                          timeout=TIMEOUT, check=True, cwd="/")
    return done.stdout


if __name__ == "__main__":
    virtmux_test.main()
