#!/usr/bin/env python3
# timeout: 300
"""Every example of the manual, run as its page prints it: here those that libvirt's test
driver, the configuration, keys and sessions are enough for; test_examples_qemu.py and
test_examples_migrate.py have the rest. Each is run once more with --json and held against
the schema that `virtmux schema` prints; where the verb lists, with --format=jsonl and csv
as well. A verb without a page, an example or a schema fails here.

To give a new verb its place: an EXAMPLE line and, unless it shows its method's result, a
PRINTS line in client/commands/NOUN.def. What its example names that is not there yet goes
into BEFORE; what it must leave as it was, into AFTER; where it does not end by itself, into
WAYS; a verb that needs a real guest into REAL (examples.py).
"""
import glob
import os
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import virtmux_test
from examples import (MOVES, PAGES, REAL, Example, ExampleCase, page_of, read_examples,
                      read_schema, read_verbs)
from virtmux_test import TIMEOUT, VIRTMUX, run, wait_for, write_file

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
    "evening.txt": "list --all\n",
    "web.cast": '{"version": 2, "width": 80, "height": 24}\n[0.1, "o", "login: "]\n',
}


# -- places and hosts of an example's own ------------------------------------------

def at_another_host(case, **config):
    """A host of the example's own, which is "home" for it."""
    case.other = case.start_daemon(config=config)
    host = case.host_lines.replace(case.daemon.address, case.other.address)
    case.own["VIRTMUX_CONFIG"] = write_file(
        os.path.join(case.work, "config"), f"[defaults]\nhost = home\n[host home]{host}")


def back_home(case):
    case.own.clear()


def wait_drained(case):
    case.assertEqual(case.other.process.wait(TIMEOUT), 0, case.other.log())
    back_home(case)


def open_session_2(case):
    """The first one of that host was another command's."""
    at_another_host(case)
    case.do("whoami")
    case.follower = case.spawn("virtmux event --loop")
    # By the log, since whoever asks the host is a session himself.
    wait_for(lambda: case.other.log().count('"alice" connected from') == 2, "session 2")


def see_it_end(case):
    """It was the follower's. The host takes it back, since it may: as another one."""
    case.other.wait_audit(method="session.end", outcome="ok", event="end")
    case.end_spawned(case.follower)
    back_home(case)


def with_revocation_list(case):
    """A host with a list in force, and a newer one at hand."""
    made = os.path.join(case.authority.folder, "crl.pem")
    case.authority.pki("crl")
    at_another_host(case, tls={"crl": shutil.copy(made, os.path.join(case.work, "crl.pem"))})
    case.authority.pki("crl")
    shutil.copy(made, case.folder)


def as_anna(case):
    """A user without a key and a configuration."""
    home = tempfile.mkdtemp(prefix="anna", dir=case.work)
    case.own.update(HOME=home, VIRTMUX_CONFIG=os.path.join(home, "config"))


def with_annas_certificate(case):
    """She has enrolled, and the administrator sent what he signed."""
    as_anna(case)
    case.do("enroll anna")
    request = os.path.join(case.own["HOME"], "anna.csr")
    authority = virtmux_test.Authority(tempfile.mkdtemp(prefix="ca", dir=case.work))
    authority.pki("sign", request, "--user", "anna")
    shutil.copy(os.path.join(authority.folder, "users", "anna.crt"), case.folder)
    shutil.copy(authority.ca, case.folder)


def make_shell_folders(case):
    """Which a user of zsh or fish has."""
    for folder in (".zfunc", ".config/fish/completions"):
        os.makedirs(os.path.join(case.alice.home, folder), exist_ok=True)


def as_configured(case):
    """The hosts are those of the beginning."""
    write_file(case.alice.config, case.config_text)


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
    "vol-delete": ["vol-create-as default spare.img 1M"],
    "host drain": [at_another_host], "host end-session": [open_session_2],
    "host push-crl": [with_revocation_list],
    "enroll": [as_anna], "import": [with_annas_certificate],
    "session": ["session open home"], "completion": [make_shell_folders],
}
START = ["start web"]
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
    "host add": [as_configured], "host remove": [as_configured],
    "host default": [as_configured], "host rename": [as_configured],
    "host drain": [wait_drained], "host end-session": [see_it_end],
    "host push-crl": [back_home], "enroll": [back_home], "import": [back_home],
    "config set": [as_configured], "config unset": [as_configured],
    "session": ["session end all"], "web": ["session end all"],
}


def with_changes(case, line):
    """What waits for an event gets one, as soon as it listens."""
    process = case.spawn(line)

    def ended():
        for method in ("suspend", "resume"):
            case.daemon.result("alice", "domain." + method, {"domain": "web"})
        return process.poll() is not None

    wait_for(ended, line)
    out, err = process.communicate()
    return subprocess.CompletedProcess(line, process.returncode, out, err)


def until_offered(case, line):
    """Until its address is told: in text, or as JSON."""
    return case.until_ready(line, r"http://", status=0)


WAYS = {"event": with_changes, "web": until_offered}
# What libvirt's test driver can do with nothing but a refusal: (status, error, words).
REFUSED = {
    "net-dhcp-leases": (1, "unsupported", "cannot do that"),
}
# Of no other format than the guest's bytes, which the manual says under JSON.
RAW = {"virtmux replay web.cast --speed 10 --idle-limit 1s"}


class Tables(unittest.TestCase):
    def test_every_verb_has_a_page(self):
        pages = {os.path.basename(page) for page in glob.glob(os.path.join(PAGES, "*.1"))}
        self.assertEqual({os.path.basename(page_of(verb)) for verb in read_verbs()}, pages)

    def test_every_verb_has_an_example(self):
        for verb in read_verbs():
            lines = read_examples(verb)
            self.assertTrue(lines, f"{page_of(verb)} has no example: {verb} needs an EXAMPLE "
                                   "line in client/commands")
            for line in lines:
                Example(verb, line)

    def test_every_verb_has_a_schema(self):
        for verb in read_verbs():
            schema = read_schema(*verb.split())
            if schema is None:
                words = run(VIRTMUX, "schema", *verb.split()).stderr
                self.assertIn("has no --json, since", words)
            elif "anyOf" not in schema:
                self.assertIn("x-silent", schema, f"{verb} prints nothing, and does not say so")

    def test_the_tables_name_verbs(self):
        """What is told about a verb that is gone would hide that nothing runs it."""
        named = MOVES | REAL | BEFORE.keys() | AFTER.keys() | WAYS.keys() | REFUSED.keys()
        self.assertEqual(named - set(read_verbs()), set())
        self.assertEqual(RAW - {line for verb in read_verbs() for line in read_examples(verb)},
                         set())


class OnTheTestDriver(ExampleCase):
    before, after, ways, refused, raw = BEFORE, AFTER, WAYS, REFUSED, RAW

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
        for step in ("define web.xml", "define db.xml", "define saved.xml", "start web",
                     "pool-define default.xml", "pool-start default",
                     "vol-create-as default data.img 1M", "snapshot-create-as web monday",
                     "snapshot-create-as web tuesday"):
            self.do(step)

    def test_examples(self):
        self.make_world()
        self.run_examples(verb for verb in read_verbs() if verb not in REAL | MOVES)


if __name__ == "__main__":
    virtmux_test.main()
