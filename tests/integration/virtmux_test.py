"""What the integration tests share: a folder of their own, an authority made by
the real virtmux-pki, a running virtmuxd, and ways to talk to it. Imported by
test_*.py; the programs are those of the build directory in $VIRTMUX_BUILD.

    import virtmux_test

    class MyTest(virtmux_test.Case):
        access = {"alice": {"role": "admin", "domains": "*"}}

        def test_list(self):
            daemon = self.start_daemon()            # on a free port, and ready
            done = self.client(daemon, "alice").run("list", "--all")
            self.assertEqual(done.returncode, 0, done.stderr)
            answer = daemon.call("alice", "domain.list")
            answer = daemon.curl("alice", "/openrpc.json")

    if __name__ == "__main__":
        virtmux_test.main()

self.result(), self.refused() and self.virtmux() say the same of self.daemon, for
tests that have but one. start_class_daemon() is one for all tests of the class.

`access` (identity -> options) and `config` (section -> options) of the class, or
arguments of start_daemon(), become access.conf and virtmuxd.conf; libvirt is
test:///default unless config says otherwise. Users and the host get their
certificates when they are first named. daemon.log() and daemon.audit() are what it
has written; daemon.reload() and daemon.stop() wait until it is done.

What always holds: everything lies under self.work, which goes with the test; each
process that was started here is ended by its own pid, and so are the guests of a
libvirt that was started here (they outlive virtmuxd and libvirtd); nothing sleeps
where it can wait for a condition (wait_for); the machine's own configuration is
not looked at.
"""
import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

BUILD = os.path.abspath(os.environ.get("VIRTMUX_BUILD", "build"))
VIRTMUXD = os.path.join(BUILD, "daemon", "virtmuxd")
VIRTMUX = os.path.join(BUILD, "client", "virtmux")
VIRTMUX_PKI = os.path.join(BUILD, "pki", "virtmux-pki")

GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest")

PASSPHRASE = "the user's own passphrase"
HOST = "localhost"  # the name in the host's certificate
TIMEOUT = 90        # seconds: what takes longer hangs, however busy the machine is
SCRIPT_TIMEOUT = 2 * TIMEOUT  # a script in node that waits for one thing after another
SKIPPED = 77        # exit status of a script that this machine cannot run


class Ended(Exception):
    """The test was told to end."""


def end_tests(number, _frame):
    """The test that runs fails, and what it started ends with it; no other begins."""
    for result in list(unittest.signals._results):
        result.stop()
    raise Ended(signal.Signals(number).name)


def main():
    """unittest.main(), with status 77 where every test was skipped."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_tests)
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun == len(result.skipped) else 0)


def need(*programs):
    """Skips the test where a program is not installed."""
    for program in programs:
        if not shutil.which(program):
            raise unittest.SkipTest(program + " is not installed")


def unwind_whole_stacks():
    """Lets LeakSanitizer see the function of libvirt that tests/leaks.supp names: the
    quick way of unwinding ends before it."""
    if "ASAN_OPTIONS" in os.environ:
        os.environ["ASAN_OPTIONS"] += ":fast_unwind_on_malloc=0"


def wait_for(condition, what, timeout=TIMEOUT):
    """The first true value of CONDITION(); fails with WHAT after TIMEOUT s."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.01)


def wait_idle(pid):
    """Until a process has had nothing to do 20 times in a row."""
    seen, times = None, 0

    def idle():
        nonlocal seen, times
        status = read_file(f"/proc/{pid}/status")
        now = re.findall(r"ctxt_switches:\s+(\d+)", status)
        times = times + 1 if now == seen else 0
        seen = now
        return times >= 20 and "State:\tS" in status
    wait_for(idle, f"process {pid} has nothing to do")


def is_sanitized():
    """Whether the programs are of a build with ASan."""
    with open(VIRTMUX, "rb") as program:
        return b"__asan_init" in program.read()


def traced(environment):
    """A copy for a program under strace, where a leak check cannot run."""
    options = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return {**environment, "ASAN_OPTIONS": options}


def rss_kib(pid):
    """Resident memory; 0 in a build with ASan, which keeps what was freed a while."""
    if is_sanitized():
        return 0
    return int(re.search(r"VmRSS:\s+(\d+)", read_file(f"/proc/{pid}/status")).group(1))


def write_file(path, text, mode=0o600):
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(path, flags, mode), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read_file(path):
    with open(path, encoding="utf-8", errors="backslashreplace") as file:
        return file.read()


def ini(sections):
    """{section: {key: value}} as text; a value that is None is left out."""
    lines = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in options.items()
                  if value is not None]
    return "\n".join(lines) + "\n"


def run(*words, **options):
    """A program to its end; its output as text."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("timeout", TIMEOUT)
    if "input" in options:
        del options["stdin"]
    return subprocess.run(words, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, check=False, **options)


def must_run(*words, **options):
    done = run(*words, **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: status {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout


def at_terminal(words, environment, columns=80, lines=24):
    """Runs it to its end at a terminal of that size, where nobody types; (what it
    showed, how it ended). Ended by a signal: less than 0."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(words, env=environment, stdin=slave, stdout=slave,
                               stderr=slave, start_new_session=True)
    os.close(slave)
    shown = b""

    def ended():
        nonlocal shown
        while select.select([master], [], [], 0)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:  # EIO: nobody has the other end any more
                return True
            if not part:
                return True
            shown += part
        return False
    try:
        wait_for(ended, f"the end of {words}")
        return shown.decode(), process.wait(TIMEOUT)
    finally:
        end_process(process, signal.SIGKILL)
        os.close(master)


def free_port():
    """One of the loopback's that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def end_process(process, how=signal.SIGTERM, timeout=TIMEOUT):
    """Ends a process that was started here; its exit status."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    return process.returncode


class Identity:
    """A certificate with its key, and where the key is without passphrase."""

    def __init__(self, authority, name, folder):
        self.name = name
        self.ca = authority.ca
        self.certificate = os.path.join(folder, name + ".crt")
        self.key = os.path.join(folder, name + ".key")
        self.plain_key = self.key

    def strip_passphrase(self, passphrase_file):
        self.plain_key = self.key + ".plain"
        write_file(self.plain_key, must_run(
            "openssl", "pkey", "-in", self.key, "-passin",
            "file:" + passphrase_file))


class Authority:
    """A CA by the real virtmux-pki. `passphrase_file` opens the users' keys."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = os.path.join(folder, "ca.crt")
        self.identities = {}
        self.pki("init", "--no-ca-passphrase")
        self.passphrase_file = write_file(
            os.path.join(folder, "passphrase"), PASSPHRASE + "\n")

    def pki(self, *words):
        return must_run(VIRTMUX_PKI, "--dir", self.folder, "--batch", *words)

    def host(self, name=HOST, *sans):
        if ("host", name) not in self.identities:
            sans = sans or ("IP:127.0.0.1", "IP:::1")
            self.pki("host", name, *["--san=" + san for san in sans])
            self.identities["host", name] = Identity(
                self, name, os.path.join(self.folder, "hosts"))
        return self.identities["host", name]

    def user(self, name):
        if ("user", name) not in self.identities:
            self.pki("user", name, "--passphrase-file", self.passphrase_file)
            user = Identity(self, name, os.path.join(self.folder, "users"))
            user.strip_passphrase(self.passphrase_file)
            self.identities["user", name] = user
        return self.identities["user", name]


class NotifySocket:
    """A service manager's end of NOTIFY_SOCKET. ABSTRACT: without a file."""

    def __init__(self, folder, abstract=False):
        name = os.path.join(folder, f"notify-{os.urandom(4).hex()}")
        self.name = "@" + name if abstract else name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name if abstract else name)
        self.socket.settimeout(0.05)

    def next(self):
        """The next message as {name: value}, or None where there is none."""
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.splitlines())

    def close(self):
        self.socket.close()


class Response:
    """What curl got: status, headers (lower case), body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


class Daemon:
    """A virtmuxd with a folder of its own in FOLDER. Made by Case.start_daemon();
    `port` and `address` are where it listens (the first address, if there are
    several)."""

    def __init__(self, folder, authority, access, config):
        self.work = work = tempfile.mkdtemp(prefix="d", dir=folder)
        self.authority = authority
        self.conf = os.path.join(work, "virtmuxd.conf")
        self.access_file = os.path.join(work, "access.conf")
        self.audit_file = os.path.join(work, "audit.jsonl")
        self.log_file = os.path.join(work, "virtmuxd.log")
        self.notify = None
        self.process = None
        self.port = None
        self.write_access(access)
        self.write_config(config)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def write_access(self, access):
        write_file(self.access_file, ini(access))

    def write_config(self, config):
        host = self.authority.host()
        sections = {
            "daemon": {"listen": "127.0.0.1:0", "access": self.access_file,
                       "audit": self.audit_file, "log-level": "debug",
                       "state-directory": os.path.join(self.work, "state"),
                       "drain-timeout": "2s"},
            "tls": {"certificate": host.certificate, "key": host.key,
                    "ca": self.authority.ca},
            "libvirt": {"uri": "test:///default"},
        }
        for section, options in config.items():
            sections.setdefault(section, {}).update(options)
        write_file(self.conf, ini(sections))

    def spawn(self, *words, env=None, **options):
        """Starts it, and does not wait."""
        self.notify = NotifySocket(self.work)
        environment = {**os.environ, "NOTIFY_SOCKET": self.notify.name,
                       **(env or {})}
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [VIRTMUXD, "--config", self.conf, *words], env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)

    def wait_ready(self):
        def ready():
            message = self.notify.next()
            if self.process.poll() is not None:
                raise AssertionError("virtmuxd has ended:\n" + self.log())
            return message if message and "READY" in message else None

        status = wait_for(ready, "READY=1")["STATUS"]
        self.port = int(re.search(r":(\d+)(,|$)", status).group(1))

    def reload(self):
        """SIGHUP, and until it is over."""
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "RELOADING" in (self.notify.next() or {}), "RELOADING=1")
        wait_for(lambda: "READY" in (self.notify.next() or {}), "READY=1")

    def stop(self, how=signal.SIGTERM):
        status = end_process(self.process, how)
        self.notify.close()
        return status

    def end(self):
        """For the end of a test: where it runs it stops, with status 0."""
        status = self.stop() if self.process.poll() is None else 0
        self.notify.close()
        if status != 0 or "Sanitizer" in self.log():
            raise AssertionError(f"status {status}:\n{self.log()}")

    def log(self):
        return read_file(self.log_file)

    def wait_log(self, pattern):
        return wait_for(lambda: re.search(pattern, self.log()),
                        f"{pattern!r} in the log")

    def audit(self):
        """Its records so far; those of reads come with a second's delay."""
        if not os.path.exists(self.audit_file):
            return []
        return [json.loads(line) for line in
                read_file(self.audit_file).split("\n") if line.endswith("}")]

    def wait_audit(self, **members):
        """The records that have all these members, once there is one."""
        return wait_for(lambda: [record for record in self.audit()
                                 if members.items() <= record.items()],
                        f"{members} in the audit")

    def cpu_ms(self):
        """Processor time so far, in steps of 10 ms."""
        fields = read_file(f"/proc/{self.process.pid}/stat").rsplit(") ")[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")

    def rss_kib(self):
        status = read_file(f"/proc/{self.process.pid}/status")
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def curl(self, user, path, data=None, headers=(), words=()):
        """A request by curl; USER None: without a certificate. DATA: a body, which
        makes it a POST. The Response; AssertionError where there is none."""
        need("curl")
        command = ["curl", "--silent", "--show-error", "--http2", "--noproxy", "*",
                   "--cacert", self.authority.ca, "--dump-header", "-"]
        if user:
            identity = self.authority.user(user)
            command += ["--cert", identity.certificate, "--key", identity.plain_key]
        if data is not None:
            command += ["--data-binary", "@-"]
        for header in headers:
            command += ["--header", header]
        done = subprocess.run(
            [*command, *words, f"https://{HOST}:{self.port}{path}", "--connect-to",
             f"{HOST}:{self.port}:{self.address}"],
            input=data.encode() if isinstance(data, str) else data or b"",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
            check=False)
        if done.returncode != 0:
            raise AssertionError(f"curl: status {done.returncode}: {done.stderr}")
        return parse_response(done.stdout)

    def call(self, user, method, params=None, key=None):
        """A call; the response object, with "result" or "error"."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            request["params"] = params
        headers = ["idempotency-key: " + key] if key else []
        return self.curl(user, "/rpc", json.dumps(request), headers).json()

    def result(self, user, method, params=None):
        """The result of a call that must succeed."""
        answer = self.call(user, method, params)
        if "result" not in answer:
            raise AssertionError(f"{method}: {answer}")
        return answer["result"]

    def node(self, user, script):
        """SCRIPT, the body of an async function in node, on an HTTP/2 session of
        USER: request(headers, body) gives {status, headers, body}, call(method,
        params, headers) the response object; session and constants are node's. What
        it returns comes back."""
        need("node")
        identity = self.authority.user(user)
        settings = json.dumps({
            "port": self.port, "ca": identity.ca, "cert": identity.certificate,
            "key": identity.plain_key})
        done = run("node", "--input-type=commonjs", "--eval",
                   NODE_HEAD.replace("SETTINGS", settings) + script + NODE_TAIL,
                   timeout=SCRIPT_TIMEOUT)
        if done.returncode != 0:
            raise AssertionError("node: " + done.stderr)
        return json.loads(done.stdout)


NODE_HEAD = """
const http2 = require("http2"), fs = require("fs");
const settings = SETTINGS, constants = http2.constants;
const session = http2.connect("https://localhost:" + settings.port, {
    host: "127.0.0.1", lookup: (name, options, done) => options.all
        ? done(null, [{address: "127.0.0.1", family: 4}])
        : done(null, "127.0.0.1", 4),
    ca: fs.readFileSync(settings.ca), cert: fs.readFileSync(settings.cert),
    key: fs.readFileSync(settings.key)});
const request = (headers, body) => new Promise((resolve, reject) => {
    const stream = session.request(headers, {endStream: body === undefined});
    const parts = [];
    let got = {};
    stream.on("response", headers => { got = headers; });
    stream.on("data", part => parts.push(part));
    stream.on("error", error => reject(error));
    stream.on("close", () => resolve({status: got[":status"], headers: got,
        code: stream.rstCode, body: Buffer.concat(parts).toString("latin1")}));
    if (body !== undefined) stream.end(body);
});
const call = async (method, params, headers) => {
    const answer = await request({":method": "POST", ":path": "/rpc", ...headers},
        JSON.stringify({jsonrpc: "2.0", id: 1, method, params}));
    return JSON.parse(answer.body);
};
const connected = new Promise((resolve, reject) => {
    session.on("remoteSettings", resolve);
    session.on("error", reject);
});
(async () => {
    await connected;
"""
NODE_TAIL = """
})().then(result => {
    fs.writeSync(1, JSON.stringify(result === undefined ? null : result));
    session.destroy();
}).catch(error => {
    fs.writeSync(2, String(error.stack || error));
    process.exit(1);
});
"""


def parse_response(output):
    """Status, headers and body of what curl --dump-header - printed."""
    head, body = output.split(b"\r\n\r\n", 1)
    while head.startswith(b"HTTP/2 1"):  # an interim response
        head, body = body.split(b"\r\n\r\n", 1)
    lines = head.decode().splitlines()
    headers = dict(re.split(": *", line, maxsplit=1) for line in lines[1:])
    return Response(int(lines[0].split()[1]), headers, body)


class Client:
    """The program virtmux as one user with a home of his own."""

    def __init__(self, work, daemon, user, options):
        identity = daemon.authority.user(user)
        self.home = os.path.join(work, "home-" + user)
        self.runtime = os.path.join(self.home, "run")
        os.makedirs(self.runtime, mode=0o700, exist_ok=True)
        self.config = write_file(os.path.join(self.home, "config"), ini({
            "defaults": {"host": "test"},
            "host test": {
                "address": daemon.address, "ca": identity.ca,
                "certificate": identity.certificate, "key": identity.key,
                "session": "no", **options},
        }))
        self.environment = {
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("VIRTMUX_", "XDG_", "SSH_ASKPASS"))},
            "HOME": self.home, "XDG_RUNTIME_DIR": self.runtime,
            "VIRTMUX_CONFIG": self.config, "NO_COLOR": "1",
        }
        self.passphrase_file = daemon.authority.passphrase_file

    def command(self, *words):
        return [VIRTMUX, "--passphrase-file", self.passphrase_file, *words]

    def run(self, *words, env=None, **options):
        """To its end; stdout, stderr and returncode."""
        return run(*self.command(*words),
                   env={**self.environment, **(env or {})}, **options)

    def spawn(self, *words, env=None, **options):
        """A process that the caller ends (end_process)."""
        return subprocess.Popen(self.command(*words),
                                env={**self.environment, **(env or {})}, **options)


def guest_xml(*words, script="domain-xml"):
    """The definition of the small Linux guest; WORDS: its name and its UUID. Or what
    another SCRIPT of tests/guest prints. Skips the test where no guest can be made."""
    try:
        return must_run(os.path.join(GUEST, script), *words)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        raise unittest.SkipTest(f"no guest: {error}") from error


def end_guests(folder):
    """Of a QEMU driver that keeps their process ids in FOLDER, until they are gone."""
    for file in glob.glob(os.path.join(glob.escape(folder), "*.pid")):
        try:
            guest = os.pidfd_open(int(read_file(file)))
        except (FileNotFoundError, ProcessLookupError):
            continue  # libvirt has ended it meanwhile
        with os.fdopen(guest, "rb") as process:
            signal.pidfd_send_signal(process.fileno(), signal.SIGKILL)
            if not select.select([process], [], [], TIMEOUT)[0]:
                raise AssertionError(f"the guest of {file} does not end")


class EmbeddedQemu:
    """libvirt's QEMU driver inside virtmuxd (`uri`), with a root folder of its own.
    end() after virtmuxd, which leaves its guests running."""

    def __init__(self, folder):
        need("qemu-system-x86_64")
        self.root = tempfile.mkdtemp(prefix="e", dir=folder)
        self.uri = "qemu:///embed?root=" + self.root
        conf = 'stdio_handler = "file"\n'
        if os.geteuid() == 0:
            conf += 'user = "root"\ngroup = "root"\nnamespaces = []\n'
        os.mkdir(os.path.join(self.root, "etc"))
        write_file(os.path.join(self.root, "etc", "qemu.conf"), conf)

    def end(self):
        end_guests(os.path.join(self.root, "run", "qemu"))


def drop_stale_locks():
    """Of terminals, by programs of root that were killed: a libvirtd of somebody else
    cannot remove them, and gives no console on a terminal of that number."""
    for lock in glob.glob("/var/lock/LCK..*"):
        try:
            if not os.path.exists(f"/proc/{int(read_file(lock))}"):
                os.unlink(lock)
        except (FileNotFoundError, ValueError):
            pass    # somebody else was quicker, or it is no such file


class Libvirtd:
    """A private libvirtd of an ordinary user, to be killed and started again; as root
    it runs as nobody. `uri` is its test driver, `qemu_uri` its QEMU driver. CONF:
    further lines of libvirtd.conf. end() when the test is over: guests outlive it."""

    def __init__(self, folder, conf=""):
        need("libvirtd")
        self.folder = tempfile.mkdtemp(prefix="lv-", dir=folder)
        self.socket = os.path.join(self.folder, "libvirt-sock")
        self.uri = "test+unix:///default?socket=" + self.socket
        self.qemu_uri = "qemu+unix:///session?socket=" + self.socket
        self.conf = write_file(os.path.join(self.folder, "libvirtd.conf"),
                               f'unix_sock_dir = "{self.folder}"\n'
                               'auth_unix_rw = "none"\nauth_unix_ro = "none"\n' + conf,
                               0o644)
        self.environment = {**os.environ, "HOME": self.folder}
        for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            self.environment[name] = os.path.join(self.folder, name)
            os.mkdir(self.environment[name], mode=0o700)
        settings = os.path.join(self.folder, "XDG_CONFIG_HOME", "libvirt")
        os.mkdir(settings)
        write_file(os.path.join(settings, "qemu.conf"), 'stdio_handler = "file"\n')
        self.process = None
        self.within, self.words = [], []  # a program that it runs under, its arguments
        self.account = {}
        if os.getuid() == 0:
            drop_stale_locks()
            self.account = {"user": "nobody", "group": "nogroup",
                            "extra_groups": []}
            while folder not in (tempfile.gettempdir(), "/"):
                os.chmod(folder, 0o711)
                folder = os.path.dirname(folder)
        self.own(self.folder)

    def virsh(self, *words):
        """What virsh says of its QEMU driver."""
        return must_run("virsh", "--connect", self.qemu_uri, *words)

    def own(self, folder):
        """FOLDER and all in it is of the user that libvirtd runs as."""
        if self.account:
            for path, _, files in os.walk(folder):
                for name in [path] + [os.path.join(path, file) for file in files]:
                    shutil.chown(name, "nobody", "nogroup")

    def start(self):
        """Until it takes connections."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [*self.within, "libvirtd", *self.words, "--config", self.conf, "--pid-file",
                 os.path.join(self.folder, "pid")], env=self.environment, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, cwd="/", **self.account)

        def listens():
            if self.process.poll() is not None:
                raise AssertionError("libvirtd has ended:\n" + read_file(
                    os.path.join(self.folder, "log")))
            with socket.socket(socket.AF_UNIX) as client:
                return client.connect_ex(self.socket) == 0

        wait_for(listens, "libvirtd")

    def stop(self, how=signal.SIGKILL):
        if self.process:
            end_process(self.process, how)

    def end(self):
        self.stop()
        end_guests(os.path.join(self.folder, "XDG_RUNTIME_DIR", "libvirt", "qemu", "run"))


class Case(unittest.TestCase):
    """A test with a folder, and an authority shared by the tests of its class."""

    access = {"alice": {"role": "admin", "domains": "*"}}
    config = {}

    @classmethod
    def setUpClass(cls):
        need("openssl")
        cls.class_folder = tempfile.mkdtemp(prefix="virtmux-test-")
        cls.addClassCleanup(shutil.rmtree, cls.class_folder)
        cls.authority = Authority(os.path.join(cls.class_folder, "pki"))

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="t", dir=self.class_folder)
        self.addCleanup(shutil.rmtree, self.work)

    def make_daemon(self, access=None, config=None):
        """With its files written, not started."""
        return Daemon(self.work, self.authority,
                      self.access if access is None else access,
                      self.config if config is None else config)

    def start_daemon(self, access=None, config=None, **options):
        """Ready to be talked to; ended when the test is over, where it must not
        have failed meanwhile. OPTIONS: of Daemon.spawn()."""
        daemon = self.make_daemon(access, config)
        daemon.spawn(**options)
        self.addCleanup(daemon.end)
        daemon.wait_ready()
        return daemon

    @classmethod
    def start_class_daemon(cls, **config):
        """The same for all tests of the class. CONFIG: sections and their options."""
        daemon = Daemon(cls.class_folder, cls.authority, cls.access, config)
        daemon.spawn()
        cls.addClassCleanup(daemon.end)
        daemon.wait_ready()
        return daemon

    def start_libvirtd(self):
        """A private one; ended when the test is over."""
        libvirtd = Libvirtd(self.work)
        self.addCleanup(libvirtd.end)
        libvirtd.start()
        return libvirtd

    def result(self, method, user="alice", /, **params):
        """The result of a call to self.daemon, which must succeed."""
        return self.daemon.result(user, method, params)

    def refused(self, name, method, user="alice", /, **params):
        """The words with which self.daemon answers a call: with the error NAME."""
        return self.assert_error(self.daemon.call(user, method, params), name)

    def virtmux(self, *words, status=0, user="alice", **options):
        """What the client printed, which ends with STATUS: for an error, its words."""
        done = self.client(self.daemon, user).run(*words, **options)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done.stdout if status == 0 else done.stderr

    def client(self, daemon, user="alice", **options):
        """OPTIONS: further ones of [host test]."""
        return Client(self.work, daemon, user, options)

    def assert_error(self, answer, name):
        """That ANSWER (of a call) is the error of that NAME; its words."""
        self.assertIn("error", answer)
        self.assertEqual(answer["error"]["data"]["name"], name, answer)
        return answer["error"]["message"]
