#!/usr/bin/env python3
"""Fails where clang-format would change C text, or where shellcheck finds a mistake
in a script. Both tools come with etc/install-dependencies check."""

import re
import subprocess

import tree
from tree import Finding

FORMAT = re.compile(r"^(.*?):(\d+):\d+: (?:error|warning): (.*)")
SHELL = re.compile(r"^(.*?):(\d+):\d+: (.*)")


def run(root, pattern, command, paths):
    """The findings in a tool's output; a tool that fails without any is one, too."""
    if not paths:
        return
    done = subprocess.run(command + [str(path) for path in paths], cwd=root, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    matches = filter(None, map(pattern.match, done.stdout.splitlines()))
    findings = [Finding(m.group(1), int(m.group(2)), m.group(3)) for m in matches]
    yield from dict.fromkeys(findings)  # a line may be told several times
    if done.returncode != 0 and not findings:
        yield Finding(command[0], 1, done.stdout.strip() or "failed without a word")


def shell_scripts(root):
    for path in tree.files(root, "", ".sh", folders=tree.SOURCE_FOLDERS + ("",)):
        first = tree.read(root, path).split("\n", 1)[0]
        if re.match(r"#!.*\b(sh|bash|dash)\b", first):
            yield path


def check(root):
    sources = list(tree.files(root, ".c", ".h", folders=tree.PROGRAM_ROOMS + ("tests",)))
    yield from run(root, FORMAT, ["clang-format", "--dry-run", "--style=file"], sources)
    yield from run(root, SHELL, ["shellcheck", "--format=gcc"], list(shell_scripts(root)))


if __name__ == "__main__":
    tree.main(check)
