"""The parts of tests/bench/run that tell what a whole command costs beside virsh, with
the user's session and without, and what the session itself costs bulk and calls.
"""
import os
import subprocess
import sys
import time

GUESTS = 4
COMMAND_ROUNDS = 50     # at least
GUEST_XML = """<domain type='qemu'><name>bench-{}</name><memory unit='MiB'>16</memory>
<os><type>hvm</type></os></domain>"""
STREAMS = 8             # that carry bulk
RPC_MORE_US = 60        # that a call may take longer through the session


class User:
    """A home with a configuration for the daemon on PORT, with a session or without.
    The key is a plain file, as virsh's is: what a passphrase's scrypt takes is meant to
    be dear, and compares with nothing there."""

    def __init__(self, place, port, session):
        self.virtmux = place.program("virtmux")
        home = place.path(f"home-{port}-{session}")
        os.makedirs(os.path.join(home, "run"), mode=0o700)
        config = os.path.join(home, "config")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"[defaults]\nhost = bench\n[host bench]\naddress = 127.0.0.1:{port}\n"
                    f"ca = {place.path('ca.crt')}\ncertificate = {place.path('user.crt')}\n"
                    f"key = {place.path('user.key')}\nsession = {session}\n")
        self.environment = {
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("VIRTMUX_", "XDG_"))},
            "HOME": home, "XDG_RUNTIME_DIR": os.path.join(home, "run"),
            "VIRTMUX_CONFIG": config}
        self.socket = os.path.join(home, "run", "virtmux", "bench.sock")

    def run(self, *words):
        return subprocess.run([self.virtmux, *words], env=self.environment, check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def __enter__(self):
        self.run("session", "open")
        return self

    def __exit__(self, *why):
        self.run("session", "end")


class Command:
    """Something to be run to its end, many times."""

    def __init__(self, words, environment=None):
        self.words = words
        self.environment = environment or dict(os.environ)
        self.ms = []

    def output(self):
        done = subprocess.run(self.words, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"run: {' '.join(self.words)}: {done.stderr}")
        return done.stdout

    def measure(self, null):
        """From the fork to the end, as a shell would see it."""
        begin = time.monotonic_ns()
        pid = os.posix_spawn(self.words[0], self.words, self.environment, file_actions=[
            (os.POSIX_SPAWN_DUP2, null, fd) for fd in (1, 2)])
        status = os.waitpid(pid, 0)[1]
        self.ms.append((time.monotonic_ns() - begin) / 1e6)
        if status:
            sys.exit(f"run: {' '.join(self.words)} ended with status {status}")


def start_guests(bench, uri):
    """Paused ones, that end with the virsh that made them."""
    virsh = bench.place.start("virsh", "-q", "-c", uri, stderr=subprocess.STDOUT)
    for i in range(GUESTS):
        file = bench.place.write(f"guest-{i}.xml", GUEST_XML.format(i))
        virsh.stdin.write(f"create {file} --paused --autodestroy\n")
        virsh.stdin.flush()
        while "bench-" not in (line := virsh.stdout.readline()):
            if not line or "rror" in line:
                print(f"commands: without a guest, as none can be made: {line.strip()}")
                return virsh, 0
    return virsh, GUESTS


def measure(commands, guests, rounds):
    """All of them, one after the other, in each round."""
    for command in commands:
        found = command.output().count("bench-")
        if found != guests:
            sys.exit(f"run: {' '.join(command.words)} lists {found} of {guests} guests")
    # virsh also warns of each certificate that is meant for TLS 1.3 alone.
    with open(os.devnull, "w", encoding="ascii") as null:
        for _ in range(rounds):
            for command in commands:
                command.measure(null.fileno())


def commands(bench):
    if not bench.libvirt_port:
        print("commands: left out, since there is no libvirtd to compare with (or not root)")
        return
    place = bench.place
    local = f"qemu+unix:///system?socket={place.path('sock', 'libvirt-sock')}"
    tls = f"qemu+tls://localhost:{bench.libvirt_port}/system?pkipath={place.dir}"
    virsh, guests = start_guests(bench, local)
    port, daemon = bench.another_host(local)
    alone = User(place, port, "no")
    with User(place, port, "yes") as shared:
        ways = [Command([shared.virtmux, "list"], shared.environment),
                Command([alone.virtmux, "list"], alone.environment),
                Command(["/usr/bin/virsh", "-c", local, "list"]),
                Command(["/usr/bin/virsh", "-c", tls, "list"])]
        measure(ways, guests, max(COMMAND_ROUNDS, bench.rounds))
    session, direct, by_unix, by_tls = (way.ms for way in ways)
    print(f"whole processes that list {guests} guests; all keys are plain files")
    bench.row("list in a session / virsh, Unix socket", "ms", session, by_unix, ("<=", 0.5))
    bench.row("list in a session / virsh, TLS", "ms", session, by_tls, ("<=", 0.3))
    bench.row("list without a session / virsh, TLS", "ms", direct, by_tls, ("<=", 1.0))
    daemon.terminate()
    virsh.stdin.close()
    virsh.wait()


def session(bench):
    with User(bench.place, bench.port, "yes") as user:
        for command, way in (("down", "host to client"), ("up", "client to host")):
            direct, through = [], []
            for _ in range(bench.rounds):
                direct.append(bench.channel(command, STREAMS)["bytes_per_second"] / 1e6)
                through.append(bench.channel(command, STREAMS, user.socket)
                               ["bytes_per_second"] / 1e6)
            bench.row(f"session: bulk {way}, {STREAMS} streams / direct", "MB/s", through,
                      direct, (">=", 0.8))
        direct, through = [], []
        for _ in range(bench.rounds):
            direct.append(bench.channel("calls", 1)["p50_us"])
            through.append(bench.channel("calls", 1, user.socket)["p50_us"])
        bench.row("session: call p50 / direct", "us", through, direct, ("<=", 99))
        bench.row(f"  what it adds / {RPC_MORE_US} us", "us",
                  [a - b for a, b in zip(through, direct)], [RPC_MORE_US] * len(direct),
                  ("<=", 1.0))
