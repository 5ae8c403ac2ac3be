#!/usr/bin/env python3
# timeout: 600
"""The examples of the manual that move a guest to another host, run as their pages print
them: two libvirtds with all rights in a network of their own, where the other one is called
other.example and asks for certificates; the guest is a real one. How examples are run, and
what is held against their output, is told in examples.py.
"""
import os
import shutil
import socket
import unittest
import uuid

import make_certificates as make
import virtmux_test
from examples import MOVES, ExampleCase, read_verbs
from virtmux_test import end_guests, guest_xml, must_run, need, run, wait_for, write_file

OTHER = "other.example"  # as the examples have it
ADDRESS = "10.77.1.1"  # of both: libvirt moves no guest to an address of the loopback's net
SLOW, FAST = "migrate-setspeed web 1", "migrate-setspeed web 1000"
BEGIN = f"migrate web qemu+tls://{OTHER}/system --live --detach"
# Of this machine, that libvirtd's and QEMU's libraries read.
ETC = ("group", "ld.so.cache", "localtime", "passwd", "protocols", "services")
QEMU_CONF = f"""stdio_handler = "file"
user = "root"
group = "root"
namespaces = []
cgroup_controllers = []
security_driver = "none"
migration_host = "{OTHER}"
migration_address = "{ADDRESS}"
"""
# What the machine's own libvirt has is not seen: $1 is put in the place of /etc.
ENTER = """for folder in /run /var/cache/libvirt /var/lib/libvirt /var/log/libvirt; do
	mount -t tmpfs none "$folder" || exit 1
done
mount --bind "$1" /etc || exit 1
shift
exec "$@"
"""


class Network:
    """A namespace in which nothing but these hosts is."""

    def __init__(self):
        self.name = f"virtmux-{os.getpid()}-moves"
        done = run("ip", "netns", "add", self.name)
        if done.returncode:
            raise unittest.SkipTest(f"no network namespaces: {done.stderr.strip()}")
        must_run("ip", "-n", self.name, "link", "set", "lo", "up")
        must_run("ip", "-n", self.name, "address", "add", ADDRESS + "/32", "dev", "lo")

    def end(self):
        run("ip", "netns", "del", self.name)


class SystemLibvirtd(virtmux_test.Libvirtd):
    """One with all rights, as on a VM host, for itself in a network. `qemu_uri` is its
    QEMU driver."""

    def __init__(self, folder, network, pki, listen):
        super().__init__(folder, f'host_uuid = "{uuid.uuid4()}"\nlisten_tcp = 0\n'
                                 f'listen_tls = {listen}\nlisten_addr = "{ADDRESS}"\n')
        self.account = {}
        self.qemu_uri = "qemu+unix:///system?socket=" + self.socket
        etc = os.path.join(self.folder, "etc")
        os.makedirs(os.path.join(etc, "libvirt"))
        shutil.copytree(pki, os.path.join(etc, "pki"))
        for name in ETC:
            if os.path.exists("/etc/" + name):
                shutil.copy("/etc/" + name, etc)
        write_file(os.path.join(etc, "hosts"), f"127.0.0.1 localhost\n"
                   f"{ADDRESS} {OTHER} {socket.gethostname()}\n", 0o644)
        write_file(os.path.join(etc, "nsswitch.conf"), "hosts: files\n", 0o644)
        write_file(os.path.join(etc, "libvirt", "qemu.conf"), QEMU_CONF)
        self.within = ["ip", "netns", "exec", network.name, "unshare", "--mount",
                       "--propagation", "private", "sh", "-c", ENTER, "sh", etc]
        self.words = ["--listen"] if listen else []

    def end(self):
        """Its guests first: where they are told is seen only as it sees it."""
        if self.process.poll() is None:
            end_guests(f"/proc/{self.process.pid}/root/run/libvirt/qemu")
        self.stop()


def make_pki(folder):
    """As libvirt wants it in /etc/pki, for a host and for whom it asks."""
    made = os.path.join(folder, "made")
    pki = os.path.join(folder, "pki")
    for path in (made, os.path.join(pki, "CA"), os.path.join(pki, "libvirt", "private")):
        os.makedirs(path)
    authority = make.authority(made)
    shutil.copy(authority.certificate, os.path.join(pki, "CA", "cacert.pem"))
    for role in ("server", "client"):
        pair = make.sign(made, role, OTHER, [
            "basicConstraints = critical,CA:FALSE", f"extendedKeyUsage = {role}Auth",
            "keyUsage = critical,digitalSignature,keyEncipherment",
            f"subjectAltName = DNS:{OTHER}"], authority)
        shutil.copy(pair.certificate, os.path.join(pki, "libvirt", role + "cert.pem"))
        shutil.copy(pair.key, os.path.join(pki, "libvirt", "private", role + "key.pem"))
    return pki


# -- steps around the examples ---------------------------------------------------------

def begin(case, *words):
    """A move that takes a minute, unless something is done about it."""
    case.do(SLOW)
    case.job = case.do(" ".join((BEGIN, *words))).strip()
    wait_for(lambda: case.daemon.result("alice", "job.info", {"job": case.job}).get(
        "progress", {}).get("done"), "the move has begun")


def begin_postcopy(case):
    begin(case, "--postcopy")


def wait_job(case, state):
    wait_for(lambda: case.daemon.result("alice", "job.info", {
        "job": case.job})["state"] == state, "the move is " + state)


def bring_back(case):
    """It has gone: the next one begins here."""
    case.other.virsh("destroy", "web")
    case.do("start web")


class OnTwoHosts(ExampleCase):
    before = {"migrate": [FAST], "migrate-postcopy": [begin_postcopy], "job cancel": [begin]}
    after = {
        "migrate": [bring_back],
        "migrate-postcopy": [lambda case: wait_job(case, "done"), bring_back],
        "job cancel": [lambda case: wait_job(case, "cancelled")],
    }

    @classmethod
    def setUpClass(cls):
        need("ip", "unshare", "virsh", "qemu-system-x86_64")
        if os.geteuid() != 0:
            raise unittest.SkipTest("a libvirtd with all rights needs root")
        super().setUpClass()
        xml = guest_xml("web")
        network = Network()
        cls.addClassCleanup(network.end)
        pki = make_pki(cls.class_folder)
        here, cls.other = (cls.start_libvirtd_in(network, pki, listen) for listen in (0, 1))
        cls.daemon = cls.start_class_daemon(libvirt={"uri": here.qemu_uri})
        cls.make_client()
        cls.daemon.result("alice", "domain.define", {"xml": xml})
        cls.daemon.result("alice", "domain.start", {"domain": "web"})

    @classmethod
    def start_libvirtd_in(cls, network, pki, listen):
        libvirtd = SystemLibvirtd(cls.class_folder, network, pki, listen)
        cls.addClassCleanup(libvirtd.end)
        libvirtd.start()
        return libvirtd

    def test_examples(self):
        self.run_examples(verb for verb in read_verbs() if verb in MOVES)


if __name__ == "__main__":
    virtmux_test.main()
