#!/usr/bin/env python3
# timeout: 600
"""Every example of the manual, run as it is written: on libvirt's test driver, and what
that cannot do on a real QEMU with a small guest and its agent. Each is run once more with
--json and held against the schema that `virtmux schema` prints; where the verb lists,
with --format=jsonl and csv as well. A verb without an example or a schema fails here.

To give a new verb its place: an EXAMPLE line and, unless it shows its method's result, a
PRINTS line in client/commands/NOUN.def. What its example names that is not there yet goes
into BEFORE; what it must leave as it was, into AFTER; a verb that needs a real guest into
REAL.
"""
import os
import re
import subprocess
import unittest
import unittest.mock

import virtmux_test
from examples import ExampleCase, read_examples, read_schema
from virtmux_test import GUEST, must_run, need, run, wait_for, write_file

DOMAIN = """<domain type='test'><name>{name}</name><memory unit='MiB'>64</memory>
<vcpu>2</vcpu><os><type>hvm</type></os><devices>
<disk type='file' device='disk'><source file='/var/tmp/{name}.img'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/>
</interface><graphics type='vnc'/><memballoon model='virtio'/></devices></domain>"""
POOL = "<pool type='dir'><name>{}</name><target><path>{}</path></target></pool>"
FILES = {
    "network.xml": "<network><name>lab</name><bridge name='virbr9'/>"
                   "<ip address='192.168.199.1' netmask='255.255.255.0'/></network>",
    "host.xml": "<host mac='52:54:00:00:00:09' ip='192.168.122.9'/>",
    "volume.xml": "<volume><name>new.img</name><capacity>1048576</capacity></volume>",
    "snapshot.xml": "<domainsnapshot><name>wednesday</name></domainsnapshot>",
    "checkpoint.xml": "<domaincheckpoint><name>wednesday</name></domaincheckpoint>",
    "backup.xml": "<domainbackup><disks><disk name='vda' type='file'/></disks></domainbackup>",
    "secret.xml": "<secret ephemeral='yes' private='no'>"
                  "<uuid>5a6c0000-0000-4000-8000-000000000001</uuid></secret>",
    "nic.xml": "<interface type='user'><mac address='52:54:00:00:00:01'/>"
               "<model type='virtio'/><link state='down'/><alias name='ua-nic'/></interface>",
    "password": "new-Word7\n", "passphrase.txt": "a passphrase",
    "evening.txt": "list --all\n",
    "web.cast": '{"version": 2, "width": 80, "height": 24}\n[0.1, "o", "login: "]\n',
}
# Beside what the small guest has: disks, a network, and a way for its agent.
DEVICES = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='{disks}/web.qcow2'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
<target dev='hda' bus='ide'/><readonly/></disk>
<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>
<alias name='ua-nic'/></interface>
<controller type='usb' model='piix3-uhci'/><memballoon model='virtio'/>
<channel type='unix'><source mode='bind' path='{disks}/agent'/>
<target type='virtio' name='org.qemu.guest_agent.0'/></channel>"""
STICK = """<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='{}/stick.raw'/><target dev='sdb' bus='usb'/><alias name='ua-stick'/></disk>"""
BOOT = 120  # seconds that the guest may take, emulated on a busy machine
SECRET = "5a6c0000-0000-4000-8000-000000000001"


def wait_unplugged(case):
    """QEMU lets a device go when it likes to."""
    wait_for(lambda: "ua-stick" not in case.shell("virtmux dumpxml web").stdout,
             "the stick is gone")


def drop_overlay(case):
    """Of a snapshot that was merged: libvirt leaves the file."""
    os.unlink(os.path.join(case.disks, "web.overlay"))


# What must be there before an example, and what is undone behind it: words of virtmux.
BEFORE = {
    "create": ["list"], "undefine": ["define old.xml"], "domrename": ["define old.xml"],
    "managedsave-remove": ["start saved", "managedsave saved"], "restore": [
        "save web /var/tmp/web.save"],
    "resume": ["suspend web"], "net-undefine": ["net-define network.xml"],
    "net-start": ["net-define network.xml"], "pool-undefine": ["pool-define pool.xml"],
    "pool-build": ["pool-define pool.xml"], "pool-start": ["pool-define pool.xml"],
    "pool-delete": ["pool-define pool.xml"],
    "host add": ["host remove lab"], "config unset": ["config set layout de -H lab"],
    "checkpoint-delete": ["checkpoint-create-as web monday"],
    "checkpoint-dumpxml": ["checkpoint-create-as web monday"],
    "detach-device": ["attach-device web stick.xml --live"],
    "detach-device-alias": ["attach-device web stick.xml --live"],
    "secret-undefine": ["secret-define secret.xml"],
    "secret-set-value": ["secret-define secret.xml"],
    "domfsthaw": ["domfsfreeze web"],
    "blockcommit": ["snapshot-create-as web overlay --disk-only --no-metadata"],
    "vol-delete": ["vol-create-as default spare.img 1M"],
}
START, DESTROY = ["start web"], ["destroy web"]
AFTER = {
    "start": ["destroy db"], "shutdown": START, "destroy": START, "stop": START,
    "suspend": ["resume web"], "managedsave": START, "save": ["restore /var/tmp/web.save"],
    "job info": ["restore /var/tmp/web.save"], "job wait": ["restore /var/tmp/web.save"],
    "create": ["destroy scratch"], "clone": ["undefine db-2"], "domrename": ["undefine older"],
    "net-define": ["net-undefine lab"], "net-create": ["net-destroy lab"],
    "net-start": ["net-destroy lab", "net-undefine lab"], "net-destroy": ["net-start default"],
    "pool-define": ["pool-undefine images"], "pool-define-as": ["pool-undefine images"],
    "pool-create": ["pool-destroy images"], "pool-create-as": ["pool-destroy images"],
    "pool-build": ["pool-undefine images"],
    "pool-start": ["pool-destroy images", "pool-undefine images"],
    "pool-delete": ["pool-undefine images"],
    "pool-destroy": ["pool-start default"],
    "net-update": ["net-update default delete ip-dhcp-host host.xml --live"],
    "vol-create": ["vol-delete new.img --pool default"],
    "vol-create-as": ["vol-delete new.qcow2 --pool default"],
    "vol-clone": ["vol-delete copy.img --pool default"],
    "vol-delete": ["vol-create-as default data.img 1M", "vol-delete spare.img --pool default"],
    "snapshot-create": ["snapshot-delete web wednesday"],
    "snapshot-create-as": ["snapshot-delete web sunday"],
    "snapshot-delete": ["snapshot-create-as web monday"],
    "host remove": ["host add lab lab.example"], "host default": ["host default home"],
    "host rename": ["host rename attic lab"],
    "checkpoint-create": ["checkpoint-delete web wednesday"],
    "checkpoint-create-as": ["checkpoint-delete web sunday"],
    "checkpoint-dumpxml": ["checkpoint-delete web monday"],
    "secret-define": ["secret-undefine " + SECRET],
    "secret-set-value": ["secret-undefine " + SECRET],
    "domfsfreeze": ["domfsthaw web"],
    "domif-setlink": ["domif-setlink web 52:54:00:00:00:01 up"],
    "change-media": ["change-media web hda --eject"],
    "blockcommit": [drop_overlay],
    "attach-device": ["detach-device web stick.xml --live", wait_unplugged],
    "detach-device": [wait_unplugged], "detach-device-alias": [wait_unplugged],
}


# What libvirt can do on this machine with nothing but a refusal: why, and with which.
REFUSED = {
    "net-dhcp-leases": (1, "unsupported", "cannot do that", "the test driver has no leases"),
    "domifstat": (3, "not-found", "has no interface 'vnet0'",
                  "an ordinary user's network has no device on the host"),
    "host end-session": (3, "not-found", "there is no session 2", "it has ended by then"),
}
# What needs a real guest, its agent, its disks, or libvirt's other drivers.
REAL = {
    "guest-agent-ping", "guest-exec", "guestinfo", "domhostname", "domtime", "domfsinfo",
    "set-user-password", "domfsfreeze", "domfsthaw", "domfstrim",
    "blockresize", "blockcommit", "blockcopy", "blockpull", "blockjob",
    "checkpoint-create", "checkpoint-create-as", "checkpoint-list", "checkpoint-dumpxml",
    "checkpoint-delete", "backup-begin", "backup-dumpxml", "dump", "domjobinfo",
    "domjobabort", "dompmsuspend", "dompmwakeup", "domblkinfo", "domblkstat", "domifstat",
    "attach-device", "detach-device", "detach-device-alias", "update-device",
    "change-media", "domif-setlink", "domif-getlink", "domifaddr", "domcapabilities",
    "nodememstats", "send-key", "type", "click", "screenshot", "console", "view",
    "wait-serial", "wait-screen", "migrate", "migrate-getmaxdowntime", "migrate-getspeed",
    "migrate-postcopy", "migrate-setmaxdowntime", "migrate-setspeed",
    "secret-list", "secret-define", "secret-undefine", "secret-set-value", "job cancel",
    "vol-resize", "vol-wipe", "vol-upload", "vol-download",
}
# Another test runs the verb: it needs a terminal, a viewer, a second host, or changes
# what the rest of this test stands on.
ELSEWHERE = {
    "backup-begin": "checkpoint", "backup-dumpxml": "checkpoint", "click": "screen",
    "console": "console_client", "domjobabort": "migrate", "dompmsuspend": "definition_qemu",
    "dompmwakeup": "definition_qemu", "enroll": "enroll", "event": "events",
    "host drain": "host", "host push-crl": "revocation", "import": "enroll",
    "job cancel": "jobs", "migrate": "migrate", "migrate-postcopy": "migrate",
    "session": "session", "view": "view", "wait-screen": "wait", "wait-serial": "wait",
    "web": "web",
    "blockcopy": "device_qemu", "completion": "completion", "config": "config",
}


def run_verb(case, verb, line):
    if verb == "replay" and "--info" not in line:
        case.run_as_written(verb, line)  # it prints the guest's bytes, in any format
        return
    if verb in REFUSED:
        status, code, words, _ = REFUSED[verb]
        case.refused_as_told(verb, line, BEFORE.get(verb, ()), (status, code, words))
        return
    case.run_example(verb, line, BEFORE.get(verb, ()), AFTER.get(verb, ()))


class Tables(unittest.TestCase):
    def test_every_verb_has_an_example(self):
        for verb, lines in read_examples().items():
            self.assertTrue(lines, f"{verb} has no EXAMPLE line in client/commands")
            for line in lines:
                self.assertRegex(line, r"\bvirtmux\b", verb)

    def test_what_is_elsewhere_is_there(self):
        for verb, test in ELSEWHERE.items():
            path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"test_{test}.py")
            self.assertTrue(os.path.exists(path), (verb, path))

    def test_every_verb_has_a_schema(self):
        for verb in read_examples():
            schema = read_schema(*verb.split())
            if schema is None:
                words = run(virtmux_test.VIRTMUX, "schema", *verb.split()).stderr
                self.assertIn("has no --json, since", words)
            elif "anyOf" not in schema:
                self.assertIn("x-silent", schema, f"{verb} prints nothing, and does not say so")


class OnTheTestDriver(ExampleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # virStorageVolCreateXMLFrom() of libvirt 9.0; the many commands stay quick.
        with unittest.mock.patch.dict(os.environ):
            virtmux_test.unwind_whole_stacks()
            cls.daemon = cls.start_class_daemon()
        cls.make_client()

    def make_world(self):
        for name, text in FILES.items():
            self.write(name, text)
        for n, name in enumerate(("web", "db", "old", "saved", "scratch")):
            self.write(name + ".xml", DOMAIN.format(name=name).replace(
                "</name>", f"</name><uuid>5a6c0000-0000-4000-8000-00000000010{n}</uuid>"))
        self.write("pool.xml", POOL.format("images", "/srv/images"))
        self.write("default.xml", POOL.format("default", "/srv/default"))
        self.write("disk.img", "x" * 1000)
        for step in ("define web.xml", "define db.xml", "define saved.xml", "start web",
                     "pool-define default.xml", "pool-start default",
                     "vol-create-as default data.img 1M", "snapshot-create-as web monday",
                     "snapshot-create-as web tuesday"):
            self.do(step)

    def test_examples(self):
        self.make_world()
        for verb, lines in read_examples().items():
            if verb in REAL or verb in ELSEWHERE:
                continue
            for line in lines:
                with self.subTest(verb=verb, line=line):
                    run_verb(self, verb, line)


class OnQemu(ExampleCase):
    """web is a Linux with an agent in QEMU, under a private libvirtd."""

    @classmethod
    def setUpClass(cls):
        need("qemu-system-x86_64", "qemu-img", "virsh", "libvirtd")
        super().setUpClass()
        cls.libvirtd = virtmux_test.Libvirtd(cls.class_folder)
        cls.addClassCleanup(cls.libvirtd.end)
        cls.disks = os.path.join(cls.libvirtd.folder, "disks")
        os.mkdir(cls.disks)
        xml = cls.make_guest()
        cls.libvirtd.own(cls.disks)
        cls.libvirtd.start()
        cls.daemon = cls.start_class_daemon(libvirt={"uri": cls.libvirtd.qemu_uri})
        cls.make_client()
        # Stands for ImageMagick's viewer: reads a PNG, or fails.
        cls.make_program("display", "head -c 8 | cmp - <(printf '\\x89PNG\\r\\n\\x1a\\n') "
                         "&& cat >/dev/null")
        for name, text in FILES.items():
            write_file(os.path.join(cls.folder, name), text)
        write_file(os.path.join(cls.folder, "stick.xml"), STICK.format(cls.disks))
        write_file(os.path.join(cls.folder, "disk.img"), "x" * 1000)
        write_file(os.path.join(cls.folder, "default.xml"), POOL.format("default", cls.disks))
        for words in (("pool-create", os.path.join(cls.folder, "default.xml")),
                      ("vol-create-as", "default", "data.img", "1M"),
                      ("vol-create-as", "default", "cd.iso", "1M")):
            must_run(*cls.alice.command(*words), env=cls.alice.environment)
        cls.daemon.result("alice", "domain.define", {"xml": xml})
        if "error" in cls.daemon.call("alice", "domain.start", {"domain": "web"}):
            raise AssertionError(cls.daemon.log())
        wait_for(lambda: "result" in cls.daemon.call(
            "alice", "agent.ping", {"domain": "web"}), "the agent", BOOT)

    @classmethod
    def make_guest(cls):
        try:
            kernel, initrd = must_run(os.path.join(GUEST, "build-agent"), timeout=BOOT).split()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise unittest.SkipTest(f"no guest with an agent: {error}") from error
        for file in (kernel, initrd):
            must_run("cp", file, cls.disks)
        must_run("qemu-img", "create", "-q", "-f", "raw",
                 os.path.join(cls.disks, "base.raw"), "8M")
        must_run("qemu-img", "create", "-q", "-f", "raw",
                 os.path.join(cls.disks, "stick.raw"), "1M")
        must_run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
                 os.path.join(cls.disks, "base.raw"), os.path.join(cls.disks, "web.qcow2"))
        xml = re.sub(
            r"<kernel>.*</initrd>",
            f"<kernel>{cls.disks}/{os.path.basename(kernel)}</kernel>"
            f"<initrd>{cls.disks}/{os.path.basename(initrd)}</initrd>",
            virtmux_test.guest_xml("web"), flags=re.DOTALL)
        xml = re.sub(r"<controller type='usb' model='none'/>|<memballoon model='none'/>", "", xml)
        return xml.replace("<serial ", DEVICES.format(disks=cls.disks) + "<serial ", 1)

    def test_examples(self):
        done = self.alice.run("screenshot", "web", "-o", os.path.join(self.folder, "before.png"))
        self.assertEqual(done.returncode, 0, done.stderr)
        for verb, lines in read_examples().items():
            for line in lines if verb in REAL and verb not in ELSEWHERE else []:
                with self.subTest(verb=verb, line=line):
                    run_verb(self, verb, line)


if __name__ == "__main__":
    virtmux_test.main()
