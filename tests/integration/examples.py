"""What the tests of the examples share: the EXAMPLE lines as the tables of verbs have
them, the schemas as `virtmux schema` prints them, a shell in which an example is run as
it is written, and what is held against its output. Imported by test_examples*.py.

What always holds: nothing about a verb is told here that its table tells; an object
with a member that the schema does not name is as wrong as one that lacks one.
"""
import csv
import glob
import io
import json
import os
import re
import sys

import virtmux_test
from virtmux_test import VIRTMUX, run, write_file

try:
    import jsonschema
except ImportError:  # Debian's is not where another python3 looks
    sys.path.append("/usr/lib/python3/dist-packages")
    import jsonschema

TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "client",
                      "commands", "*.def")
STRINGS = r'("(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)'
PATIENCE = 60  # seconds that an example may take


def joined(literals):
    """The value of C string literals that follow each other."""
    return "".join(json.loads(text) for text in re.findall(r'"(?:[^"\\]|\\.)*"', literals))


def read_examples():
    """{verb: [lines]} of all verbs, in the order of the tables."""
    found = {}
    for path in sorted(glob.glob(TABLES)):
        text = virtmux_test.read_file(path)
        for name, verb in re.findall(r'^COMMAND\((\w+),\s*"([^"]+)"', text, re.MULTILINE):
            lines = re.findall(rf"^EXAMPLE\({name},\s*{STRINGS}\s*,", text, re.MULTILINE)
            found[verb] = [joined(line) for line in lines]
    return found


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


class ExampleCase(virtmux_test.Case):
    """A daemon, its client as the host "home", and a folder with the examples' files."""

    config_file = None

    @classmethod
    def make_client(cls):
        cls.alice = virtmux_test.Client(cls.class_folder, cls.daemon, "alice", {})
        alice = cls.daemon.authority.user("alice")
        config = virtmux_test.read_file(cls.alice.config).replace(
            "key = " + alice.key, "key = " + alice.plain_key)  # one unlocking costs 0.1 s
        _, host = config.split("[host test]")
        write_file(cls.alice.config,
                   f"[defaults]\nhost = home\n[host home]{host}\n[host lab]{host}")
        cls.folder = os.path.join(cls.class_folder, "files")
        cls.programs = os.path.join(cls.class_folder, "programs")
        os.mkdir(cls.folder)
        os.mkdir(cls.programs)
        cls.make_program("virtmux", f'exec {VIRTMUX} --passphrase-file '
                                    f'{cls.alice.passphrase_file} "$@"')

    @classmethod
    def make_program(cls, name, line):
        write_file(os.path.join(cls.programs, name), f"#!/bin/bash\n{line}\n", 0o755)

    def environment(self):
        """The client's; with a configuration of its own where a test has made one."""
        own = {"VIRTMUX_CONFIG": self.config_file} if self.config_file else {}
        return {**self.alice.environment, **own,
                "PATH": self.programs + os.pathsep + os.environ["PATH"]}

    def shell(self, line, **options):
        """LINE by bash, in the folder."""
        return run("bash", "-o", "pipefail", "-c", line, env=self.environment(),
                   cwd=self.folder, timeout=PATIENCE, **options)

    def write(self, name, text):
        return write_file(os.path.join(self.folder, name), text)

    def do(self, step):
        """A step before or after an example: words of virtmux, or a function."""
        if callable(step):
            step(self)
            return
        done = self.shell("virtmux " + step)
        self.assertEqual(done.returncode, 0, (step, done.stdout, done.stderr))

    # -- what is held against an output ------------------------------------------

    def check_json(self, verb, schema, text):
        """TEXT is what the schema says, whole."""
        if "anyOf" not in schema or (text == "" and "x-silent" in schema):
            self.assertEqual(text, "", f"{verb} prints what its table does not tell")
            return
        documents = text.splitlines() if schema["x-lines"] else [text]
        self.assertTrue(documents, verb)
        for document in documents:
            self.assert_valid(verb, validator(schema), json.loads(document))

    def assert_valid(self, verb, checker, value):
        errors = [f"{'/'.join(str(p) for p in e.absolute_path)}: "
                  f"{[c.message for c in e.context] or e.message}"
                  for e in checker.iter_errors(value)]
        self.assertEqual(errors, [], f"{verb} --json is not what \"virtmux schema {verb}\" "
                                     f"says: mend its PRINTS line or its type\n{value}")

    def check_error(self, verb, done, status, code):
        """One line on standard error, as the schema of errors has it."""
        self.assertEqual((done.returncode, done.stdout), (status, ""), (verb, done.stderr))
        error = json.loads(done.stderr.splitlines()[-1])
        self.assert_valid(verb, validator(read_schema("--error")), error)
        self.assertEqual((error["error"]["code"], error["error"]["status"]),
                         (code, status), error)

    def check_rows(self, verb, schema, line, entries):
        """jsonl has the list's entries as lines, csv as rows."""
        done = self.shell(line.replace("virtmux ", "virtmux -f jsonl ", 1))
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(text) for text in done.stdout.splitlines()]
        self.assertEqual(len(lines), len(entries), verb)
        for entry in lines:
            self.assert_valid(verb, entry_validator(schema), entry)
        done = self.shell(line.replace("virtmux ", "virtmux -f csv ", 1))
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = parse_csv(done.stdout)
        self.assertEqual(len(rows), len(entries) + 1, (verb, rows))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])}, verb)

    # -- an example --------------------------------------------------------------

    def run_example(self, verb, line, before=(), after=()):
        """As it is written, and with --json; between the steps around it."""
        # Where another program reads the output, JSON is not what it reads.
        piped = "|" in line and not line.endswith("| display")
        for run_one in (self.run_as_written, self.run_with_json)[:1 if piped else 2]:
            for step in before:
                self.do(step)
            run_one(verb, line)
            for step in after:
                self.do(step)

    def run_as_written(self, verb, line):
        done = self.shell(line)
        self.assertEqual(done.returncode, 0, (verb, line, done.stdout, done.stderr))

    def run_with_json(self, verb, line):
        schema = read_schema(*verb.split())
        done = self.shell(line.replace("virtmux ", "virtmux --json ", 1))
        if schema is None:
            self.check_error(verb, done, 2, "usage")
            return
        self.assertEqual(done.returncode, 0, (verb, line, done.stdout, done.stderr))
        if re.search(r"[<>|]", line):
            return  # its output goes elsewhere
        self.check_json(verb, schema, done.stdout)
        result = json.loads(done.stdout) if "x-list" in schema and done.stdout else {}
        if schema.get("x-list") in result:
            self.check_rows(verb, schema, line, result[schema["x-list"]])

    def refused_as_told(self, verb, line, before, refusal):
        """As the table REFUSED of the test says: (exit status, error, words)."""
        status, code, words = refusal
        for step in before:
            self.do(step)
        done = self.shell(line)
        self.assertEqual((done.returncode, done.stdout), (status, ""), (line, done.stderr))
        self.assertRegex(done.stderr, words)
        done = self.shell(line.replace("virtmux ", "virtmux --json ", 1))
        self.check_error(verb, done, status, code)
