#!/usr/bin/env python3
# timeout: 900
"""The same operations through virtmux and through virsh, with the same words, leave
the same state: two private libvirtds of an ordinary user with libvirt's QEMU driver
and real guests, one driven by virsh, one by virtmux. After each operation both have
succeeded or both have failed, and the lists are the same; at the end so are all XML
documents and the bytes of all volumes.

An operation is the argument list that both programs get. {base} is the side's own
folder. A verb that this virtmux does not have yet is left out on both sides, and
told; LEAST is how many must have been done.
"""
import hashlib
import os
import re
import shutil
import sys

import virtmux_test
from virtmux_test import GUEST, must_run, need, write_file

LEAST = 40  # operations that both have done with success

DOMAIN = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid>
  <title>{title}</title>
  <memory unit='MiB'>160</memory><currentMemory unit='MiB'>128</currentMemory>
  <vcpu current='1'>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{base}/kernel</kernel><initrd>{base}/initrd</initrd>
    <cmdline>console=ttyS0 quiet mitigations=off</cmdline><boot dev='hd'/></os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='{base}/{name}.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <interface type='user'><mac address='52:54:00:00:{mac}:01'/>
      <model type='virtio'/></interface>
    <graphics type='vnc'><listen type='none'/></graphics>
    <video><model type='vga'/></video>
    <serial type='pty'/><console type='pty'/>
    <controller type='usb' model='none'/><memballoon model='virtio'/>
  </devices>
</domain>
"""
NETWORK = """<network><name>{name}</name>
<uuid>77777777-0000-4000-8000-0000000000{n}</uuid><bridge name='vmxpar{n}'/>
<mac address='52:54:00:00:77:{n}'/>
<ip address='192.0.2.1' netmask='255.255.255.0'>
<dhcp><range start='192.0.2.10' end='192.0.2.20'/></dhcp></ip></network>
"""
POOL = """<pool type='dir'><name>defined</name>
<uuid>66666666-0000-4000-8000-000000000001</uuid>
<target><path>{base}/defined</path></target></pool>
"""
VOLUME = """<volume><name>{name}</name><capacity unit='MiB'>3</capacity>
<target><format type='qcow2'/></target></volume>
"""
DEVICE = """<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='{base}/extra.raw'/><target dev='vdb' bus='virtio'/></disk>
"""
HOSTDEV = """<interface type='user'><mac address='52:54:00:00:aa:02'/>
<model type='virtio'/></interface>
"""
SNAPSHOT = """<domainsnapshot><name>from-xml</name><description>d</description>
</domainsnapshot>
"""
# Files that operations name, in the side's folder.
FILES = {
    "web.xml": DOMAIN.replace("{name}", "web").replace("{title}", "one").replace(
        "{uuid}", "11111111-0000-4000-8000-000000000001").replace("{mac}", "01"),
    "web2.xml": DOMAIN.replace("{name}", "web").replace("{title}", "two").replace(
        "{uuid}", "11111111-0000-4000-8000-000000000001").replace("{mac}", "01"),
    "db.xml": DOMAIN.replace("{name}", "db").replace("{title}", "db").replace(
        "{uuid}", "11111111-0000-4000-8000-000000000002").replace("{mac}", "02"),
    "tmp.xml": DOMAIN.replace("{name}", "tmp").replace("{title}", "tmp").replace(
        "{uuid}", "11111111-0000-4000-8000-000000000003").replace("{mac}", "03"),
    "net1.xml": NETWORK.replace("{name}", "net1").replace("{n}", "01"),
    "net2.xml": NETWORK.replace("{name}", "net2").replace("{n}", "02"),
    "pool.xml": POOL, "disk.xml": DEVICE, "nic.xml": HOSTDEV, "snap.xml": SNAPSHOT,
    "vol.xml": VOLUME.replace("{name}", "made.qcow2"),
    "bad.xml": "<domain><name>bad</name></domain>",
}

OPERATIONS = """
define {base}/web.xml
define {base}/db.xml
define {base}/web2.xml
define {base}/bad.xml
define {base}/missing.xml
autostart web
autostart db
autostart db --disable
start web --paused
resume web
suspend web
suspend web
resume web
start web
start nobody
reset web
setmem web 100M --live
setmem db 96M --config
setmaxmem db 192M --config
setvcpus db 2 --config
setvcpus db 2 --config --maximum
desc db --title --new-desc another
desc db --new-desc words
metadata db urn:virtmux:test --key t --set <a/>
attach-device db {base}/disk.xml --config
attach-device db {base}/nic.xml --config
detach-device db {base}/nic.xml --config
attach-disk db {base}/extra.raw vdc --config
detach-disk db vdc --config
change-media db vdz --eject --config
domif-setlink db 52:54:00:00:02:01 down --config
blkdeviotune db vda --total-bytes-sec 1000000 --config
domrename db data
domrename data db
start db
send-key web KEY_A
send-key web KEY_NOSUCH
inject-nmi web
domblkstat web vda
blockresize web vda 32M
snapshot-create-as db first --description d
snapshot-create-as db second
snapshot-list db
snapshot-delete db second
snapshot-revert db first
managedsave web
managedsave-remove web
start web --force-boot
save web {base}/web.save
restore {base}/web.save
undefine web
destroy web --graceful
destroy web
define {base}/web.xml
destroy db
destroy db
create {base}/tmp.xml --paused
destroy tmp
undefine nobody
net-define {base}/net1.xml
net-define {base}/net2.xml
net-autostart net1
net-autostart net2
net-autostart net2 --disable
net-update net1 add ip-dhcp-host "<host mac='52:54:00:00:00:05' ip='192.0.2.5'/>" --config
net-update net1 delete ip-dhcp-host "<host mac='52:54:00:00:00:09'/>" --config
net-undefine net2
net-undefine net2
pool-define {base}/pool.xml
pool-build defined
pool-start defined
pool-autostart defined
pool-define-as second dir --target {base}/second
pool-build second
pool-start second
vol-create-as defined a.raw 4M --format raw
vol-create-as defined b.qcow2 8M --format qcow2
vol-create-as defined c.raw 4M --format raw --allocation 0
vol-create-as defined a.raw 4M --format raw
vol-create defined {base}/vol.xml
vol-upload a.raw {base}/content --pool defined
vol-upload c.raw {base}/part --pool defined --offset 1048576 --length 65536
vol-clone a.raw a2.raw --pool defined
vol-clone b.qcow2 b2.qcow2 --pool defined
vol-resize a.raw 6M --pool defined
vol-wipe c.raw --pool defined
vol-delete b2.qcow2 --pool defined
vol-delete b2.qcow2 --pool defined
vol-download a.raw {base}/downloaded --pool defined
vol-create-as second d.raw 1M --format raw
pool-refresh second
pool-destroy second
pool-undefine second
pool-create-as third dir --target {base}/third --build
pool-destroy third
"""


def words_of(line):
    """As a shell would split it; quotes keep blanks."""
    return [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', line)]


class Side:
    """A libvirtd of its own, and the folder of what it manages."""

    def __init__(self, case, name):
        self.libvirtd = case.start_libvirtd()
        self.base = os.path.join(self.libvirtd.folder, "base")
        self.name = name
        self.uri = self.libvirtd.qemu_uri
        os.mkdir(self.base)
        for file, text in FILES.items():
            write_file(os.path.join(self.base, file),
                       text.replace("{base}", self.base), 0o644)
        for file, path in zip(("kernel", "initrd"), case.guest):
            shutil.copy(path, os.path.join(self.base, file))
        for domain in ("web", "db", "tmp"):
            must_run("qemu-img", "create", "-q", "-f", "qcow2",
                     f"{self.base}/{domain}.qcow2", "16M")
        must_run("truncate", "-s", "1M", f"{self.base}/extra.raw")
        for file, size in (("content", 4 << 20), ("part", 65536)):
            with open(f"{self.base}/{file}", "wb") as content:
                content.write(hashlib.sha256(b"seed").digest() * (size >> 5))
        self.own()

    def own(self):
        """All is of the user that libvirtd runs as."""
        self.libvirtd.own(self.base)

    def virsh(self, *words):
        return virtmux_test.run("virsh", "--connect", self.uri, *words, timeout=120)

    def asked(self, *words):
        """What virsh says, with nothing in it that may differ between the sides."""
        done = self.virsh(*words)
        return normal(done.stdout if done.returncode == 0 else "none", self.base)

    def names(self, *words):
        return sorted(self.virsh(*words, "--name").stdout.split())

    def listed(self, verb):
        """The list that a verb can have changed."""
        words = ["list", "--all", "--title", "--managed-save"]
        for prefix, other in (("net-", "net-list"), ("pool-", "pool-list"),
                              ("vol-", "pool-list")):
            if verb.startswith(prefix):
                words = [other, "--all"]
        return re.sub(r"(?m)^ \d+ ", " N ", self.asked(*words))

    def documents(self):
        """{what: text} of all that there is."""
        found = {}
        for name in self.names("list", "--all"):
            found["domain", name] = self.asked("dumpxml", name)
            found["domain", name, "inactive"] = self.asked("dumpxml", name, "--inactive")
            found["domain", name, "info"] = re.sub(
                r"(?m)^(Id|CPU time):.*\n", "", self.asked("dominfo", name))
            for snapshot in self.names("snapshot-list", name):
                found["snapshot", name, snapshot] = re.sub(
                    r"<creationTime>\d+", "<creationTime>",
                    self.asked("snapshot-dumpxml", name, snapshot))
        for name in self.names("net-list", "--all"):
            found["network", name] = self.asked("net-dumpxml", name, "--inactive")
        for name in self.names("pool-list", "--all"):
            found["pool", name] = re.sub(r"<(available|allocation)[^\n]*", "",
                                         self.asked("pool-dumpxml", name))
            for line in self.virsh("vol-list", name).stdout.splitlines()[2:]:
                if line.split():
                    volume = line.split()[0]
                    found["volume", name, volume] = re.sub(
                        r"(?s)<(allocation|physical|timestamps)\b.*?</\1>", "",
                        self.asked("vol-dumpxml", volume, name))
        return found

    def checksums(self):
        """Of what a guest sees in each volume and disk, and of what was loaded down."""
        sums = {}
        raw = os.path.join(self.base, "as-raw")
        for folder, _, files in os.walk(self.base):
            for file in files:
                path = os.path.join(folder, file)
                if file.endswith(".qcow2"):
                    must_run("qemu-img", "convert", "-U", "-O", "raw", path, raw)
                    sums[file] = sha256_of(raw)
                elif file.endswith(".raw") or file == "downloaded":
                    sums[file] = sha256_of(path)
        return sums


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def normal(text, base):
    text = text.replace(base, "BASE")
    text = re.sub(r"/dev/pts/\d+|/run/user/\d+", "PTY", text)
    text = re.sub(r"(<domain[^>]*) id='\d+'", r"\1 id='N'", text)
    return re.sub(r"domain-\d+-|monitor-\d+", "domain-N-", text)


class Parity(virtmux_test.Case):

    def setUp(self):
        super().setUp()
        need("virsh", "qemu-img", "qemu-system-x86_64")
        self.guest = must_run(os.path.join(GUEST, "build-guest"), timeout=120).split()
        self.sides = {"virsh": Side(self, "virsh"), "virtmux": Side(self, "virtmux")}
        self.daemon = self.start_daemon(config={
            "libvirt": {"uri": self.sides["virtmux"].uri}})
        self.alice = self.client(self.daemon, timeout="120s")

    def verbs(self):
        return set(re.findall(r"(?m)^  ([a-z][a-z-]*)\b", self.alice.run("help").stdout))

    def do(self, line):
        """On both sides; whether both succeeded. What they did not agree upon is
        kept, so that one run tells of all."""
        done = {}
        for name, side in self.sides.items():
            words = words_of(line.replace("{base}", side.base))
            done[name] = side.virsh(*words) if name == "virsh" else \
                self.alice.run(*words, timeout=120)
            side.own()
        statuses = {name: d.returncode == 0 for name, d in done.items()}
        lists = [side.listed(line.split()[0]) for side in self.sides.values()]
        if len(set(statuses.values())) > 1 or lists[0] != lists[1]:
            self.differ.append((line, statuses, done["virsh"].stderr,
                                done["virtmux"].stderr, *lists))
        return all(statuses.values())

    def check_all(self):
        left, right = (side.documents() for side in self.sides.values())
        self.assertEqual(sorted(left), sorted(right))
        for what, text in left.items():
            self.assertEqual(text, right[what], what)
        sums = [side.checksums() for side in self.sides.values()]
        self.assertEqual(sums[0], sums[1])
        print(f"{len(left)} documents and {len(sums[0])} volumes are the same",
              file=sys.stderr)
        self.assertGreater(len(left), 8)

    def test_same_words_same_state(self):
        done, refused, absent, self.differ = 0, 0, [], []
        verbs = self.verbs()
        for line in OPERATIONS.strip().splitlines():
            verb = line.split()[0]
            if verb not in verbs:
                absent.append(verb)
                continue
            if self.do(line):
                done += 1
            else:
                refused += 1
        for difference in self.differ:
            print(*difference, sep="\n", file=sys.stderr)
        self.assertEqual([d[0] for d in self.differ], [])
        self.check_all()
        print(f"{done} operations done, {refused} refused, by both alike; not in "
              f"virtmux: {' '.join(sorted(set(absent)))}", file=sys.stderr)
        self.assertGreaterEqual(done, LEAST)


if __name__ == "__main__":
    virtmux_test.main()
