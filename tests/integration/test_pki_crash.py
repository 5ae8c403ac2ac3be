#!/usr/bin/env python3
# timeout: 900
"""virtmux-pki killed at every system call of user, renew and revoke, on a full
disk, and many at once: the folder stays whole, no serial occurs twice, and the
next command goes on. VIRTMUX_BUILD names the build directory.
"""
import collections
import os
import resource
import shutil
import signal
import subprocess
import unittest

import make_certificates as make
import virtmux_test
from pki_case import Case, PROGRAM, TIMEOUT, read

# Those that read, write or take a lock; the rest leaves nothing behind.
CALLS = ("openat", "read", "write", "fsync", "fchmod", "link", "unlink", "rename",
         "close", "fcntl", "mkdir", "getdents64", "access")
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


class Whole(Case):
    """With an authority whose key is open, since questions are not the point."""

    def setUp(self):
        super().setUp()
        self.plain_authority()

    def serials(self):
        """Of the index; that they differ from each other."""
        serials = [line.split("\t")[2] for line in
                   read(self.path("index.tsv")).splitlines()
                   if not line.startswith(("#", "crl\t"))]
        self.assertEqual(len(serials), len(set(serials)))
        return serials

    def check_whole(self):
        said = self.run_pki("check")
        self.assertIn("is whole", said)
        self.assertNotIn("without the lock", said)
        self.assertEqual(os.listdir(self.path("pending")), [])
        self.assertEqual([name for name in os.listdir(self.dir)
                          if name.startswith("index.tsv.")], [])
        self.serials()
        return said

    def number(self):
        text = make.openssl("crl", "-in", self.path("crl.pem"), "-noout",
                            "-crlnumber")
        return int(text.strip().split("=")[1], 16)

    def state(self, serial):
        return [entry["state"] for entry in self.listed()
                if entry["serial"] == serial][0]

    def last_serial(self):
        return self.listed()[-1]["serial"]


class Kills(Whole):
    """SIGKILL at the Nth call of each name, for every N until it ends by itself.
    strace delivers it; what is left on the disk tells how far it had come."""

    def traced(self, words, *options):
        return self.raw(*words, env=virtmux_test.traced(os.environ), prefix=(
            "strace", "-qq", "-o", "/dev/null", *options))

    def setUp(self):
        super().setUp()
        if not shutil.which("strace") or self.traced(
                ["list"], "-e", "trace=close").returncode != 0:
            self.skipTest("strace is missing, or may not trace here")

    def kill_at(self, words, call, count):
        """Whether it was killed, at the COUNTth CALL of that name."""
        done = self.traced(words, "-e", "trace=" + call, "-e",
                           "inject=%s:signal=KILL:when=%d" % (call, count))
        self.assertIn(done.returncode, (0, *KILLED), done.stderr)
        return done.returncode in KILLED

    def how_far(self, index):
        """From what lies there, against the INDEX from before."""
        counts = read(self.path("index.tsv")) != index
        pending = os.listdir(self.path("pending"))
        if counts:
            return "counts, files to be moved" if pending else "done"
        return "files made, counts not" if pending else "nothing made"

    def kill_everywhere(self, words, prepare=None, judge=None):
        """The kills, by how far the command had come. PREPARE() goes before each;
        JUDGE(its result, whether it counts) after it."""
        kills = collections.Counter()
        for call in CALLS:
            count, killed = 1, True
            while killed:
                prepared = prepare() if prepare else None
                index = read(self.path("index.tsv"))
                killed = self.kill_at(words, call, count)
                far = self.how_far(index)
                self.check_whole()
                if judge:
                    judge(prepared, far.startswith(("counts", "done")))
                if killed:
                    kills[far] += 1
                count += 1
        print("%s: killed %d times: %s" % (words[0], sum(kills.values()),
                                           dict(kills)), flush=True)
        for far in ("nothing made", "files made, counts not",
                    "counts, files to be moved", "done"):
            self.assertGreaterEqual(kills[far], 3, kills)
        return sum(kills.values())

    def check_pair(self, name):
        crt = make.openssl("x509", "-in", self.path("hosts", name + ".crt"),
                           "-noout", "-pubkey")
        key = make.openssl("pkey", "-in", self.path("hosts", name + ".key"),
                           "-pubout")
        self.assertEqual(crt, key)

    def test_host(self):
        """The key of a host is plain, so that the pair can be compared."""
        def judge(_, __):
            if os.path.exists(self.path("hosts/victim.crt")):
                self.check_pair("victim")

        kills = self.kill_everywhere(["host", "victim", "--replace"],
                                     judge=judge)
        self.assertGreater(kills, 70)
        self.run_pki("host", "victim", "--replace")

    def test_user(self):
        def prepare():
            return len(self.serials())

        def judge(before, counts):
            self.assertEqual(len(self.serials()), before + counts)

        kills = self.kill_everywhere(
            ["user", "victim", "--replace", *self.with_passphrases("user")],
            prepare, judge)
        self.assertGreater(kills, 70)
        self.issue("user", "victim", "--replace")
        make.openssl("pkey", "-in", self.path("users/victim.key"), "-noout",
                     "-passin", "file:" + self.work + "/pass")

    def test_renew(self):
        self.run_pki("host", "victim")

        def prepare():
            return self.last_serial()

        def judge(before, counts):
            self.assertEqual(self.last_serial() != before, counts)
            self.check_pair("victim")

        kills = self.kill_everywhere(["renew", "victim"], prepare, judge)
        self.assertGreater(kills, 70)
        self.run_pki("renew", "victim")

    def test_revoke(self):
        def prepare():
            self.run_pki("host", "victim", "--replace")
            return self.last_serial(), self.number()

        def judge(before, counts):
            serial, number = before
            self.assertEqual(self.state(serial),
                             "revoked" if counts else "valid")
            self.assertEqual(self.number() > number, counts)

        kills = self.kill_everywhere(["revoke", "victim"], prepare, judge)
        self.assertGreater(kills, 70)

    def test_sign_in_the_place_of_a_key(self):
        """The old key goes if and only if the new certificate counts."""
        request, key = self.work + "/csr", self.work + "/key"
        make.make_key(key)
        make.openssl("req", "-new", "-key", key, "-subj", "/CN=x", "-out", request)
        old = self.path("hosts/victim.key")

        def prepare():
            self.run_pki("host", "victim", "--replace")

        def judge(_, counts):
            self.assertEqual(os.path.exists(old), not counts)

        self.kill_everywhere(["sign", request, "--host", "victim",
                              "--replace"], prepare, judge)


class FullDisk(Whole):
    """Where a file cannot be written, nothing has changed and it is said."""

    COMMANDS = (["host", "new"], ["renew", "web1"], ["revoke", "web1"], ["crl"])

    def setUp(self):
        super().setUp()
        self.run_pki("host", "web1")

    def test_every_size(self):
        """RLIMIT_FSIZE: the certificate, the list or the index is too large."""
        before = read(self.path("index.tsv"))
        refused = 0
        for words in self.COMMANDS:
            for size in (0, 100, 300, len(before) - 1):
                with self.subTest(words=words, size=size):
                    said = self.run_pki(*words, status=1, preexec_fn=lambda: (
                        resource.setrlimit(resource.RLIMIT_FSIZE,
                                           (size, size))))
                    self.assertIn("File too large", said)
                    self.assertEqual(read(self.path("index.tsv")), before)
                    self.check_whole()
                    refused += 1
        self.assertEqual(refused, 16)
        for words in self.COMMANDS:
            self.run_pki(*words)

    SCRIPT = """
set -e
mount -t tmpfs -o size=96k,mode=0700 tmpfs "$1"
cp -a "$2"/. "$1"
cat /dev/zero >"$1/users/filler" 2>/dev/null || true
for left in 0 1 2 3 4; do
    for words in "host new$left" "renew web1" "revoke web1"; do
        status=0
        "$3" --dir "$1" $words >/dev/null 2>"$2/said" || status=$?
        echo "$status $(cat "$2/said")"
        "$3" --dir "$1" check | grep -q "is whole" || echo broken
        [ $status != 0 ] || exit 0
    done
    truncate -s "-$((4096 * (left + 1)))" "$1/users/filler"
done
"""

    def test_full_tmpfs(self):
        mine = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-rm"]
        if not shutil.which("unshare") or subprocess.run(
                [*mine, "true"], check=False,
                stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no mount namespace of our own here")
        small = os.path.join(self.work, "small")
        os.mkdir(small)
        done = subprocess.run(
            [*mine, "sh", "-c", self.SCRIPT, "sh", small, self.dir,
             os.path.abspath(PROGRAM)], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        *refused, last = done.stdout.splitlines()
        self.assertNotIn("broken", done.stdout)
        self.assertEqual(last[:1], "0", done.stdout)
        self.assertGreaterEqual(len(refused), 3, done.stdout)
        for line in refused:
            self.assertRegex(line, r"^1 virtmux-pki: .*No space left on device")


class Many(Whole):
    """Commands that run at the same time take turns."""

    def start(self, *words):
        return subprocess.Popen([PROGRAM, "--dir", self.dir, *words],
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def statuses(self, *commands):
        running = [self.start(*words) for words in commands]
        return [process.wait(TIMEOUT) for process in running]

    def test_many_at_once(self):
        names = ["h%d" % i for i in range(16)]
        self.assertEqual(set(self.statuses(*[["host", name]
                                             for name in names])), {0})
        self.check_whole()
        self.assertEqual(sorted(entry["name"] for entry in self.listed()[1:]),
                         sorted(names))

    def test_one_name_at_once(self):
        statuses = self.statuses(*[["host", "h"]] * 8)
        self.assertEqual(sorted(statuses), [0] + [1] * 7)
        self.check_whole()

    def test_all_sorts_at_once(self):
        names = ["h%d" % i for i in range(5)]
        for name in names:
            self.run_pki("host", name)
        before = self.number()
        statuses = self.statuses(
            *[["revoke", name] for name in names[:3]],
            *[["renew", name] for name in names[3:]], *[["crl"]] * 4,
            *[["host", "new%d" % i] for i in range(4)], *[["check"]] * 4)
        self.assertEqual(set(statuses), {0})
        self.check_whole()
        states = collections.Counter(entry["state"] for entry in self.listed())
        self.assertEqual(states, {"valid": 1 + 2 + 4, "revoked": 3,
                                  "replaced": 2})
        self.assertGreaterEqual(self.number(), before + 7)

    def test_one_revocation_at_once(self):
        self.run_pki("host", "h")
        statuses = self.statuses(*[["revoke", "h"]] * 6)
        self.assertEqual(sorted(statuses), [0] + [1] * 5)
        self.check_whole()


if __name__ == "__main__":
    unittest.main()
