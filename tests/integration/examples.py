"""What the tests of the examples share: the examples as the manual pages print them,
the schemas as `virtmux schema` prints them, a shell in which an example is run as it is
written, and what is held against its output. Imported by test_examples*.py.

What always holds: which verbs there are is what `virtmux schema` says, and nothing about
a verb is told here that its table tells; an object with a member that the schema does
not name is as wrong as one that lacks one. What fails is told with the page, the
example, and all that it printed.
"""
import csv
import functools
import io
import json
import os
import re
import signal
import subprocess
import sys

import virtmux_test
from virtmux_test import BUILD, TIMEOUT, VIRTMUX, must_run, need, run, write_file

try:
    import jsonschema
except ImportError:  # Debian's is not where another python3 looks
    sys.path.append("/usr/lib/python3/dist-packages")
    import jsonschema

PAGES = os.path.join(BUILD, "client", "man1")
WIDE = 1000  # columns: no example is broken into two lines
INTERRUPTED = 130  # exit status

# Verbs that need a second host to move a guest to, or that such a move is for:
# test_examples_migrate.py runs their examples.
MOVES = {"migrate", "migrate-postcopy", "job cancel"}
# Verbs that need a real guest, its agent, its disks, or libvirt's other drivers:
# test_examples_qemu.py. All others: test_examples.py.
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
    "wait-serial", "wait-screen", "migrate-getmaxdowntime", "migrate-getspeed",
    "migrate-setmaxdowntime", "migrate-setspeed",
    "secret-list", "secret-define", "secret-undefine", "secret-set-value",
    "vol-resize", "vol-wipe", "vol-upload", "vol-download",
}


@functools.lru_cache(maxsize=None)
def read_verbs():
    """All of them, in the order of the tables."""
    listed = json.loads(must_run(VIRTMUX, "schema", "--json"))["verbs"]
    return [entry["verb"] for entry in listed]


def page_of(verb):
    return os.path.join(PAGES, f"virtmux-{verb.replace(' ', '-')}.1")


def read_examples(verb):
    """The lines that its manual page prints under EXAMPLES; none where there are none."""
    need("mandoc")
    bold = must_run("mandoc", "-T", "utf8", "-O", f"width={WIDE}", page_of(verb))
    shown = re.sub(".\b", "", bold)
    section = re.search(r"^EXAMPLES\n(.*?)^\S", shown, re.MULTILINE | re.DOTALL)
    return re.findall(r"^ {7}(\S.*)$", section[1], re.MULTILINE) if section else []


@functools.lru_cache(maxsize=None)
def read_schema(*words):
    """As `virtmux schema` prints it, and valid as a schema; None where there is none."""
    done = run(VIRTMUX, "schema", *words)
    if done.returncode != 0:
        return None
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def validator(schema, **more):
    """That takes no member which the schema does not name. What is only any JSON value
    (job info's result) is left as it is."""
    strict = {**schema, **more, "$defs": {
        name: {**body, "additionalProperties": False} if "properties" in body else body
        for name, body in schema.get("$defs", {}).items()}}
    return jsonschema.Draft202012Validator(
        strict, format_checker=jsonschema.FormatChecker())


def entry_validator(schema):
    """Of what a line of --format=jsonl is, where the verb lists."""
    types = [print_["$ref"].rsplit("/", 1)[1] for print_ in schema["anyOf"]]
    body = schema["$defs"][types[0]]["properties"][schema["x-list"]]
    return validator(schema, anyOf=[body["allOf"][0]["items"]])


def parse_csv(text):
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


class Example:
    """A line of a verb's manual page."""

    def __init__(self, verb, line):
        self.verb, self.line = verb, line
        own = re.search(r"\bvirtmux (?=(-\S+ \S+ )*" + verb + r"\b)", line)
        if not own:
            raise AssertionError(f"an example of {page_of(verb)} does not have the verb: {line}")
        self.head, self.tail = line[:own.end()], line[own.end():]
        # Where what the verb prints goes: to another program, or into a file.
        self.is_read = bool(re.search(r"[^|]\|[^|]", self.tail)) or self.head.endswith(
            "(virtmux ")
        into = re.search(r" >\s*(\S+)$", self.tail)
        self.file = into[1] if into else None

    def with_format(self, *words):
        """The line, with global options for the verb that it is an example of."""
        return self.head + "".join(word + " " for word in words) + self.tail


class ExampleCase(virtmux_test.Case):
    """A daemon, its client as the host "home", and a folder with the examples' files."""

    # Of the script: what is done before and after an example, and how it is run where
    # that takes more than a shell: {verb: steps}, {verb: function(case, line)}.
    # And what libvirt answers with a refusal: {verb: (status, error, words)}.
    before, after, ways, refused = {}, {}, {}, {}
    raw = set()  # lines whose output is not the client's, but a guest's

    @classmethod
    def make_client(cls):
        cls.alice = virtmux_test.Client(cls.class_folder, cls.daemon, "alice", {})
        alice = cls.daemon.authority.user("alice")
        config = virtmux_test.read_file(cls.alice.config).replace(
            "key = " + alice.key, "key = " + alice.plain_key)  # one unlocking costs 0.1 s
        _, cls.host_lines = config.split("[host test]")
        cls.config_text = (f"[defaults]\nhost = home\n[host home]{cls.host_lines}\n"
                           f"[host lab]{cls.host_lines}")
        write_file(cls.alice.config, cls.config_text)
        cls.folder = os.path.join(cls.class_folder, "files")
        cls.programs = os.path.join(cls.class_folder, "programs")
        os.mkdir(cls.folder)
        os.mkdir(cls.programs)
        cls.make_program("virtmux", f'exec {VIRTMUX} --passphrase-file '
                                    f'{cls.alice.passphrase_file} "$@"')

    @classmethod
    def make_program(cls, name, line):
        write_file(os.path.join(cls.programs, name), f"#!/bin/bash\n{line}\n", 0o755)

    def setUp(self):
        super().setUp()
        self.own = {}  # environment variables, where a step has made a place of its own

    def environment(self):
        """The client's."""
        return {**self.alice.environment, **self.own,
                "PATH": self.programs + os.pathsep + os.environ["PATH"]}

    def shell(self, line, **options):
        """LINE by bash, in the folder."""
        try:
            return run("bash", "-o", "pipefail", "-c", line, env=self.environment(),
                       cwd=self.folder, **options)
        except subprocess.TimeoutExpired as late:
            out, err = ((said or b"").decode() for said in (late.stdout, late.stderr))
            return subprocess.CompletedProcess(
                line, -signal.SIGKILL, out, f"{err}(killed after {late.timeout:.0f} s)")

    def spawn(self, line):
        """The same, and what was started is the caller's to end."""
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", line], env=self.environment(), cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True)
        self.addCleanup(self.end_spawned, process)
        return process

    def end_spawned(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def write(self, name, text):
        return write_file(os.path.join(self.folder, name), text)

    def do(self, step):
        """A step before or after an example: a function, or words of virtmux. What those
        print."""
        if callable(step):
            return step(self)
        done = self.shell("virtmux " + step)
        if done.returncode != 0:
            self.fail("a step around an example has failed" + told(step, done))
        return done.stdout

    # -- ways to run an example that does not end by itself ------------------------

    def until_ready(self, line, pattern, status=INTERRUPTED):
        """LINE until it has printed PATTERN, and then Ctrl-C, after which it must have
        STATUS. What it printed; with status 0 where all was so."""
        process = self.spawn(line)
        lines = []
        while not lines or not re.search(pattern, lines[-1]):
            lines.append(process.stdout.readline())
            if not lines[-1]:
                break
        else:
            os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        if process.returncode != status or not lines[-1]:
            err += f"(it was to print {pattern!r} and then, after Ctrl-C, to end with {status})"
            status = process.returncode or -1
        else:
            status = 0
        return subprocess.CompletedProcess(line, status, "".join(lines) + out, err)

    # -- what is held against an output ------------------------------------------

    def check_status(self, example, line, done, status=0):
        if done.returncode != status:
            self.fail(f"an example of {page_of(example.verb)} ended with status "
                      f"{done.returncode}, not {status}" + told(line, done))

    def check_json(self, verb, schema, text):
        """TEXT is what the schema says, whole."""
        if "anyOf" not in schema or (text == "" and "x-silent" in schema):
            self.assertEqual(text, "", f"{verb} prints what its table does not tell")
            return
        documents = text.splitlines() if schema["x-lines"] else [text]
        self.assertTrue(documents, f"{verb} --json prints nothing")
        for document in documents:
            self.assert_valid(verb, validator(schema), parse_json(verb, document))

    def assert_valid(self, verb, checker, value):
        errors = [f"{'/'.join(str(p) for p in e.absolute_path)}: "
                  f"{[c.message for c in e.context] or e.message}"
                  for e in checker.iter_errors(value)]
        self.assertEqual(errors, [], f"{verb} --json is not what \"virtmux schema {verb}\" "
                                     f"says: mend its PRINTS line or its type\n{value}")

    def check_error(self, example, line, done, status, code):
        """One line on standard error, as the schema of errors has it."""
        self.check_status(example, line, done, status)
        if done.stdout or not done.stderr:
            self.fail("a failure is told on standard error alone" + told(line, done))
        error = parse_json(example.verb, done.stderr.splitlines()[-1])
        self.assert_valid(example.verb, validator(read_schema("--error")), error)
        self.assertEqual((error["error"]["code"], error["error"]["status"]),
                         (code, status), told(line, done))

    def check_rows(self, example, schema, entries):
        """jsonl has the list's entries as lines, csv as rows."""
        line = example.with_format("-f", "jsonl")
        done = self.shell(line)
        self.check_status(example, line, done)
        lines = [parse_json(example.verb, text) for text in done.stdout.splitlines()]
        self.assertEqual(len(lines), len(entries), told(line, done))
        for entry in lines:
            self.assert_valid(example.verb, entry_validator(schema), entry)
        line = example.with_format("-f", "csv")
        done = self.shell(line)
        self.check_status(example, line, done)
        rows = parse_csv(done.stdout)
        self.assertEqual(len(rows), len(entries) + 1, told(line, done))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])}, told(line, done))

    # -- an example --------------------------------------------------------------

    def run_examples(self, verbs):
        """All of these verbs, each as it is written and with --json, unless another program
        reads that."""
        for verb in verbs:
            for example in [Example(verb, line) for line in read_examples(verb)]:
                if verb in self.refused:
                    with self.subTest(verb=verb, line=example.line):
                        self.run_refused(example, *self.refused[verb])
                    continue
                self.run_one(example, self.run_as_written)
                if not example.is_read and example.line not in self.raw:
                    self.run_one(example, self.run_with_json)

    def run_one(self, example, how):
        """Between the steps around it. The test ends where those behind it fail: the next
        examples would not find what they need."""
        well = False
        with self.subTest(verb=example.verb, line=example.line, how=how.__name__):
            for step in self.before.get(example.verb, ()):
                self.do(step)
            how(example)
            well = True
        if well:
            for step in self.after.get(example.verb, ()):
                self.do(step)

    def run_line(self, example, line):
        way = self.ways.get(example.verb)
        return way(self, line) if way else self.shell(line)

    def output_of(self, example, done):
        """Where the example has it."""
        if not example.file:
            return done.stdout
        path = os.path.join(self.folder, example.file.replace("~", self.environment()["HOME"]))
        return virtmux_test.read_file(path)

    def run_as_written(self, example):
        done = self.run_line(example, example.line)
        self.check_status(example, example.line, done)
        if example.file and not self.output_of(example, done):
            self.fail(f"{example.file} is empty" + told(example.line, done))

    def run_with_json(self, example):
        schema = read_schema(*example.verb.split())
        line = example.with_format("--json")
        if schema is None:
            self.check_error(example, line, self.shell(line), 2, "usage")
            return
        done = self.run_line(example, line)
        if "has no --json or other --format, since" in done.stderr:
            # A RAW() line of the table: with an option of this example it prints no text.
            self.assertIn(f'"message":"{example.verb} --', done.stderr)
            self.assertEqual(done.stdout, "", told(line, done))
            return
        self.check_status(example, line, done)
        text = self.output_of(example, done)
        self.check_json(example.verb, schema, text)
        result = parse_json(example.verb, text) if "x-list" in schema and text else {}
        if schema.get("x-list") in result:
            self.check_rows(example, schema, result[schema["x-list"]])

    def run_refused(self, example, status, code, words):
        """As written and with --json."""
        for step in self.before.get(example.verb, ()):
            self.do(step)
        done = self.shell(example.line)
        self.check_status(example, example.line, done, status)
        self.assertEqual(done.stdout, "", told(example.line, done))
        self.assertRegex(done.stderr, words)
        line = example.with_format("--json")
        self.check_error(example, line, self.shell(line), status, code)


def told(line, done):
    """For the words of a failure: what was run, and all that it said."""
    return (f":\n    {line}\nstatus {done.returncode}\n"
            f"-- standard output\n{done.stdout}\n-- standard error\n{done.stderr}")


def parse_json(verb, text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise AssertionError(f"{verb} --json prints what is not JSON: {error}\n{text}") from error
