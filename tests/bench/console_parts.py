"""The parts of tests/bench/run that need real guests: consoles and displays under
QEMU, an upload into a storage pool. The host, its certificates and the guests are
those of the integration tests, with the daemon's log at its usual level.
"""
import getpass
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                                "integration"))
import consoles         # noqa: E402
import test_console     # noqa: E402
import test_transfer    # noqa: E402
import virtmux_test     # noqa: E402

SCREEN = "1920x1080"
CONSOLE_SECONDS = 60
KEYS = 60           # by each way in one round; they take turns, key by key
HALF_A_MS = 500     # us that a keystroke may cost more


class Host(test_console.ConsoleCase):
    """Four guests of tests/guest/tiny.c; tiny-0 has its display on a socket too."""

    guests = ["tiny-0", "tiny-1", "tiny-2", "tiny-3"]

    @classmethod
    def host_config(cls):
        return {"daemon": {"log-level": "info"}}

    @classmethod
    def guest_xml(cls):
        cls.work = cls.class_folder
        cls.display = os.path.join(cls.work, "display")
        return [consoles.tiny_xml(name, SCREEN if name == "tiny-0" else consoles.SIZE)
                .replace("<listen type='none'/>", "<listen type='none'/>" if name != "tiny-0"
                         else f"<listen type='socket' socket='{cls.display}'/>")
                for name in cls.guests]

    @classmethod
    def boot(cls):
        for xml in cls.xml:
            cls.daemon.result("alice", "domain.create", {"xml": xml})

    @classmethod
    def begin(cls, **options):
        """A process that ends with the host."""
        process = subprocess.Popen(options.pop("words"), stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, **options)
        cls.addClassCleanup(virtmux_test.end_process, process)
        return process

    @classmethod
    def view(cls, session):
        """The socket of `virtmux view`, by way of the user's session or without."""
        client = virtmux_test.Client(cls.work, cls.daemon, "alice",
                                     {"session": "yes" if session else "no"})
        client.config += f"-{session}"
        shutil.copy(client.config.rsplit("-", 1)[0], client.config)
        client.environment["VIRTMUX_CONFIG"] = client.config
        if session:
            client.run("session", "open")
            cls.addClassCleanup(client.run, "session", "end")
        path = os.path.join(cls.work, f"view-{session}")
        cls.begin(words=client.command("view", "--no-viewer", "--socket", path, "tiny-0"),
                  env=client.environment, stdout=subprocess.DEVNULL)
        virtmux_test.wait_for(lambda: os.path.exists(path), path)
        return path

    @classmethod
    def ssh(cls):
        """ssh -L of the display's socket over loopback, or None without sshd."""
        sshd = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
        if not sshd or not shutil.which("ssh"):
            return None
        folder = os.path.join(cls.work, "ssh")
        os.mkdir(folder, 0o700)
        for name in ("host", "user"):
            virtmux_test.must_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                                  os.path.join(folder, name))
        shutil.copy(os.path.join(folder, "user.pub"), os.path.join(folder, "keys"))
        port = free_port()
        config = virtmux_test.write_file(os.path.join(folder, "config"), f"""
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
""")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        cls.begin(words=[sshd, "-D", "-f", config], stdout=subprocess.DEVNULL)
        path = os.path.join(folder, "display")
        words = ["ssh", "-F", "none", "-N", "-p", str(port), "-i", f"{folder}/user",
                 "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                 "-o", "IdentitiesOnly=yes", "-o", "ExitOnForwardFailure=yes",
                 "-o", "ConnectionAttempts=20",
                 "-L", f"{path}:{cls.display}", getpass.getuser() + "@127.0.0.1"]
        cls.begin(words=words, stdout=subprocess.DEVNULL)
        virtmux_test.wait_for(lambda: os.path.exists(path), path)
        return path

    @classmethod
    def stunnel(cls):
        """TLS 1.3 with both certificates on both ends, or None without stunnel."""
        if not shutil.which("stunnel4"):
            return None
        near, far = free_port(), free_port()
        host, user = cls.authority.host(), cls.authority.user("alice")
        common = f"foreground = yes\npid =\nsslVersion = TLSv1.3\nCAfile = {host.ca}\nverify = 2\n"
        for name, text in (
                ("far", f"[display]\naccept = 127.0.0.1:{far}\nconnect = {cls.display}\n"
                 f"cert = {host.certificate}\nkey = {host.key}\n"),
                ("near", f"[display]\nclient = yes\naccept = 127.0.0.1:{near}\n"
                 f"connect = 127.0.0.1:{far}\ncert = {user.certificate}\n"
                 f"key = {user.plain_key}\n")):
            config = virtmux_test.write_file(
                os.path.join(cls.work, f"stunnel-{name}"), common + text)
            cls.begin(words=["stunnel4", config], stdout=subprocess.DEVNULL)
        return str(near)


    @classmethod
    def socat(cls):
        """Two processes that pass bytes on over TCP as they are, or None: what the way
        alone costs on this machine, without any protection."""
        if not shutil.which("socat"):
            return None
        port, path = free_port(), os.path.join(cls.work, "socat")
        for words in ([f"TCP-LISTEN:{port},bind=127.0.0.1,fork,nodelay",
                       f"UNIX-CONNECT:{cls.display}"],
                      [f"UNIX-LISTEN:{path},fork", f"TCP:127.0.0.1:{port},nodelay"]):
            cls.begin(words=["socat", *words], stdout=subprocess.DEVNULL)
        virtmux_test.wait_for(lambda: os.path.exists(path), path)
        return path


def free_port():
    with virtmux_test.socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def rfb(bench, address, *words):
    """bench_rfb's result; it is tried again for as long as nobody listens yet."""
    limit = time.monotonic() + 20
    while True:
        done = virtmux_test.run(bench.place.program("bench_rfb"), address, *words,
                                timeout=600)
        if done.returncode == 0:
            return json.loads(done.stdout)
        if time.monotonic() > limit:
            sys.exit(f"run: {done.stderr}")
        time.sleep(0.2)  # no event tells of a listener; the limit is above


def ways():
    """Name -> address of the same display, by each way that this machine has."""
    found = {"direct": Host.display, "virtmux": Host.view(False),
             "its session": Host.view(True), "ssh -L": Host.ssh(),
             "stunnel": Host.stunnel(), "socat, in clear text": Host.socat()}
    for name in [name for name, address in found.items() if not address]:
        print(f"display: {name} is left out, since it is not installed")
        del found[name]
    return found


def display(bench):
    found = ways()
    rates = {name: [] for name in found}
    for _ in range(bench.rounds):
        for name, address in found.items():
            rates[name].append(rfb(bench, address, "frames", str(bench.seconds))
                               ["bytes_per_second"] / 1e6)
    for name in found:
        if name != "direct":
            bench.row(f"VNC {SCREEN}, all pixels, {name} / direct", "MB/s", rates[name],
                      rates["direct"], (">=", 0.9 if name == "virtmux" else 0))


def keys(bench):
    found = ways()
    medians = {name: [] for name in found}
    for _ in range(bench.rounds):
        answer = rfb(bench, ",".join(found.values()), "keys", str(KEYS))
        for name, median in zip(found, answer["p50_us"]):
            medians[name].append(median)
    direct = statistics.median(medians["direct"])
    print(f"keystroke to screen, direct: {direct:.0f} us, 15 ms of which is QEMU's clock")
    for name in found:
        if name != "direct":
            more = [a - b for a, b in zip(medians[name], medians["direct"])]
            bench.row(f"keystroke to screen by {name}: more / 0.5 ms", "us", more,
                      [HALF_A_MS] * len(more), ("<=", 1.0 if name == "virtmux" else 99))


def run(bench, part):
    """One of the parts, with a host of its own."""
    case = test_transfer.Beside if part == "transfer" else Host
    try:
        case.setUpClass()
        {"consoles": many, "display": display, "keys": keys, "transfer": transfer}[part](bench)
    except unittest.SkipTest as why:
        print(f"{part}: left out: {why}")
    finally:
        case.doClassCleanups()


def transfer(bench):
    idle, beside = [], []
    for _ in range(max(1, bench.rounds // 2)):
        case = test_transfer.Beside("idle_and_beside")
        try:
            case.setUp()
            one, other = case.idle_and_beside()
        finally:
            case.doCleanups()
        idle.append(one)
        beside.append(other)
    bench.row("call p99 beside an upload into a pool / idle", "ms", beside, idle, ("<=", 2.0))


def many(bench):
    script = consoles.sixteen(Host.guests, CONSOLE_SECONDS, CONSOLE_SECONDS // 4)
    before = Host.daemon.rss_kib()
    answer = Host.daemon.node("alice", script)
    count = CONSOLE_SECONDS * consoles.LINES_A_SECOND
    expected = [{"bytes": count * consoles.LINE_SIZE,
                 "sha256": consoles.digest(consoles.printed(port, count))}
                for port in range(consoles.LINES)] * 4
    lost = sum(a != b for a, b in zip([*answer["others"], answer["last"]], expected))
    bench.row("16 consoles and 2 displays: call p99 / idle", "ms", [answer["p99"]],
              [answer["idle_p99"]], ("<=", 2.0))
    bench.row("  consoles that lost a byte / 1", "", [lost], [1], ("<=", 0))
    bench.row("  what the daemon took for them / 5 MiB", "KiB",
              [Host.daemon.rss_kib() - before], [5120], ("<=", 1.0))
