#!/usr/bin/env python3
# timeout: 600
"""The examples of the manual that need a real guest, each run as its page prints it: a
Linux with its agent in QEMU, under a private libvirtd. How they are run, and what is held
against their output, is told in examples.py; test_examples.py has the other verbs, and
says what a new one needs.
"""
import os
import re
import subprocess
import unittest

import test_console
import test_screen
import virtmux_test
from examples import MOVES, REAL, ExampleCase, read_verbs
from test_client_key import Terminal
from virtmux_test import GUEST, must_run, need, wait_for, write_file

BOOT = 120  # seconds that the guest may take, emulated on a busy machine
SECRET = "5a6c0000-0000-4000-8000-000000000001"
FILES = {
    "checkpoint.xml": "<domaincheckpoint><name>wednesday</name></domaincheckpoint>",
    "secret.xml": f"<secret ephemeral='yes' private='no'><uuid>{SECRET}</uuid></secret>",
    "nic.xml": "<interface type='user'><mac address='52:54:00:00:00:01'/>"
               "<model type='virtio'/><link state='down'/><alias name='ua-nic'/></interface>",
    "password": "new-Word7\n", "passphrase.txt": "a passphrase", "disk.img": "x" * 1000,
}
POOL = "<pool type='dir'><name>default</name><target><path>{}</path></target></pool>"
# Beside what the small guest has: disks, a network, a pointer, and a way for its agent.
DEVICES = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='{disks}/web.qcow2'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
<target dev='hda' bus='ide'/><readonly/></disk>
<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>
<alias name='ua-nic'/></interface><input type='tablet' bus='virtio'/>
<controller type='usb' model='piix3-uhci'/><memballoon model='virtio'/>
<channel type='unix'><source mode='bind' path='{disks}/agent'/>
<target type='virtio' name='org.qemu.guest_agent.0'/></channel>"""
STICK = """<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='{}/stick.raw'/><target dev='sdb' bus='usb'/><alias name='ua-stick'/></disk>"""
BACKUP = """<domainbackup><disks><disk name='vda' type='file'>
<target file='{disks}/backup.qcow2'/></disk></disks></domainbackup>"""
# A backup that goes on for as long as its reader likes.
PULLED = """<domainbackup mode='pull'><server transport='unix' socket='{disks}/backup'/>
<disks><disk name='vda' type='file'><scratch file='{disks}/scratch.qcow2'/></disk></disks>
</domainbackup>"""
PIECE = (0, 0, 90, 32)  # of the screen: x, y, width, height in pixels
COPY = "/var/tmp/web-copy.qcow2"  # as the example names it


def wait_unplugged(case):
    """QEMU lets a device go when it likes to."""
    wait_for(lambda: "ua-stick" not in case.shell("virtmux dumpxml web").stdout,
             "the stick is gone")


def drop_overlay(case):
    """Of a snapshot that was merged: libvirt leaves the file."""
    os.unlink(os.path.join(case.disks, "web.overlay"))


def drop_copy(_case):
    """libvirt makes it, and writes over nothing."""
    if os.path.exists(COPY):
        os.unlink(COPY)


def wait_backed_up(case):
    wait_for(lambda: "error" in case.daemon.call("alice", "backup.info", {"domain": "web"}),
             "the backup's end")


def drop_backup(case):
    """Nor over this."""
    os.unlink(os.path.join(case.disks, "backup.qcow2"))


def cut_pieces(case):
    """Of what the screen shows now: what is waited for, and what is clicked at."""
    done = case.shell("virtmux screenshot web -o now.png")
    case.assertEqual(done.returncode, 0, done.stderr)
    with open(os.path.join(case.folder, "now.png"), "rb") as file:
        piece = test_screen.cut(test_console.decode_png(file.read()), *PIECE)
    for name in ("login.png", "ok.png"):
        with open(os.path.join(case.folder, name), "wb") as file:
            file.write(piece)


def change_screen(case):
    """Since before.png."""
    case.do("screenshot web -o before.png")
    case.do("type web abcdef")


def wait_awake(case):
    wait_for(lambda: case.daemon.result("alice", "domain.info", {
        "domain": "web"})["state"] == "running", "the guest is awake")
    wait_agent(case)


def wait_asleep(case):
    wait_for(lambda: case.daemon.result("alice", "domain.info", {
        "domain": "web"})["state"] == "pm-suspended", "the guest sleeps")


def wait_agent(case):
    wait_for(lambda: "result" in case.daemon.call("alice", "agent.ping", {"domain": "web"}),
             "the agent", BOOT)


LOG_IN = "wait-serial web '# $' --send 'root\\r'"
LOG_OUT = "wait-serial web 'login: $' --send 'exit\\r'"
# As in test_examples.py: words of virtmux, or functions.
BEFORE = {
    "checkpoint-delete": ["checkpoint-create-as web monday"],
    "checkpoint-dumpxml": ["checkpoint-create-as web monday"],
    "detach-device": ["attach-device web stick.xml --live"],
    "detach-device-alias": ["attach-device web stick.xml --live"],
    "secret-undefine": ["secret-define secret.xml"],
    "secret-set-value": ["secret-define secret.xml"],
    "domfsthaw": ["domfsfreeze web"],
    "blockcommit": ["snapshot-create-as web overlay --disk-only --no-metadata"],
    "blockcopy": [drop_copy], "backup-dumpxml": ["backup-begin web pulled.xml"],
    "domjobabort": ["backup-begin web pulled.xml"],
    "dompmwakeup": ["dompmsuspend web mem", wait_asleep],
    "click": [cut_pieces], "wait-screen": [change_screen, cut_pieces], "console": [LOG_IN],
}
AFTER = {
    "checkpoint-create": ["checkpoint-delete web wednesday"],
    "checkpoint-create-as": ["checkpoint-delete web sunday"],
    "checkpoint-dumpxml": ["checkpoint-delete web monday"],
    "secret-define": ["secret-undefine " + SECRET],
    "secret-set-value": ["secret-undefine " + SECRET],
    "domfsfreeze": ["domfsthaw web"],
    "set-user-password": ["guest-exec web /bin/passwd -- -d root"],
    "domif-setlink": ["domif-setlink web 52:54:00:00:00:01 up"],
    "change-media": ["change-media web hda --eject"],
    "blockcommit": [drop_overlay], "blockcopy": [drop_copy],
    "backup-begin": [wait_backed_up, drop_backup], "domjobabort": [wait_backed_up],
    "backup-dumpxml": ["domjobabort web", wait_backed_up],
    "attach-device": ["detach-device web stick.xml --live", wait_unplugged],
    "detach-device": [wait_unplugged], "detach-device-alias": [wait_unplugged],
    "dompmsuspend": [wait_asleep, "dompmwakeup web", wait_awake],
    "dompmwakeup": [wait_awake], "console": [LOG_OUT],
}


def at_a_terminal(case, line):
    """Connected, and left by ~.; with --script it reads no terminal."""
    if "--script" in line:
        done = case.shell(line)
        case.assertIn("load average", done.stdout, line)
        return done
    terminal = Terminal(["/bin/bash", "-c", line], case.environment())
    terminal.expect("(Connected to|Watching) domain 'web'")
    terminal.expect("# ")
    terminal.type("\r~.")
    return subprocess.CompletedProcess(line, terminal.finish(), terminal.seen, "")


def until_offered(case, line):
    """Until its socket is told: in text, or as JSON."""
    return case.until_ready(line, r"Ctrl-C ends it|^\{")


LAST = {"dompmsuspend", "dompmwakeup"}  # the guest's screen stays dark behind them
WAYS = {"console": at_a_terminal, "view": until_offered}
# What libvirt can do on this machine with nothing but a refusal: (status, error, words).
REFUSED = {
    # an ordinary user's network has no device on the host
    "domifstat": (3, "not-found", "has no interface 'vnet0'"),
}


class OnQemu(ExampleCase):
    """web is a Linux with an agent in QEMU, under a private libvirtd."""

    before, after, ways, refused = BEFORE, AFTER, WAYS, REFUSED

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
        for name, text in {**FILES, "stick.xml": STICK.format(cls.disks),
                           "default.xml": POOL.format(cls.disks),
                           "backup.xml": BACKUP.format(disks=cls.disks),
                           "pulled.xml": PULLED.format(disks=cls.disks)}.items():
            write_file(os.path.join(cls.folder, name), text)
        for words in (("pool-create", os.path.join(cls.folder, "default.xml")),
                      ("vol-create-as", "default", "data.img", "1M"),
                      ("vol-create-as", "default", "cd.iso", "1M")):
            must_run(*cls.alice.command(*words), env=cls.alice.environment)
        cls.daemon.result("alice", "domain.define", {"xml": xml})
        if "error" in cls.daemon.call("alice", "domain.start", {"domain": "web"}):
            raise AssertionError(cls.daemon.log())
        wait_agent(cls)

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
        verbs = [verb for verb in read_verbs() if verb in REAL - MOVES]
        self.run_examples(sorted(verbs, key=lambda verb: verb in LAST))


if __name__ == "__main__":
    virtmux_test.main()
