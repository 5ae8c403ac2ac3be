"""What the structure checks share: the source files of the tree, C text without
comments and strings, and the way in which a finding is printed. A check is a
function of the tree's root that yields findings; it is also a program of its own
(main). No check changes anything."""

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PROGRAM_ROOMS = ("common", "daemon", "client", "pki")
SOURCE_FOLDERS = PROGRAM_ROOMS + ("tests", "etc", "cmake", "doc", ".ci")


class Finding(NamedTuple):
    path: str
    line: int
    rule: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}"


def files(root, *suffixes, folders=SOURCE_FOLDERS):
    """Sorted paths, relative to the root, of the files with these suffixes; with
    "" among the folders also those at the top. A suffix "" matches scripts, which
    have none."""
    for folder in folders:
        base = root / folder
        paths = base.glob("*") if folder == "" else base.rglob("*")
        for path in sorted(paths):
            if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts:
                yield path.relative_to(root)


def is_script(root, path):
    with open(root / path, "rb") as file:
        return file.read(2) == b"#!"


def read(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


_OPAQUE = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.VERBOSE | re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def blank(text):
    """The same number of lines, each with spaces only."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """C text with comments, strings and character constants blanked out."""
    return _OPAQUE.sub(lambda m: blank(m.group()), text)


def code_only(text):
    """The same without preprocessor directives and what they define."""
    return _DIRECTIVE.sub(lambda m: blank(m.group()), without_comments(text))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def main(check):
    """Runs CHECK(root, *arguments) and exits with 1 where it finds anything."""
    findings = list(check(ROOT, *sys.argv[1:]))
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
