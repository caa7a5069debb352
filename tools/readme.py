#!/usr/bin/env python3
"""readme.py NUMABOX [--update] [FILE] -- is what README.md (or FILE) shows what the commands print?

Looks at its ```console blocks: a line "$ COMMAND" is run by sh at the project's root, the lines up
to the next "$" or the block's end must be what it prints. A line "[...]" stands for any lines.
Prints TAP; with --update rewrites the blocks that have no "[...]".
"""
import re
import subprocess
import sys
import tempfile
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(numabox, command):
    with tempfile.TemporaryDirectory() as bin_dir:
        os.symlink(os.path.abspath(numabox), os.path.join(bin_dir, "numabox"))
        env = dict(os.environ, PATH=bin_dir + ":" + os.environ["PATH"], LC_ALL="C", NO_COLOR="1")
        done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.rstrip("\n").split("\n")


def matches(shown, printed):
    pattern = "\n".join(".*" if line == "[...]" else re.escape(line.rstrip()) for line in shown)
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed), re.S) is not None


def commands(lines):
    """(line number, command, first and last line of what is shown) for each command."""
    inside = False
    start = None
    for i, line in enumerate(lines):
        if not inside and line == "```console":
            inside = True
        elif inside and (line.startswith("$ ") or line == "```"):
            if start is not None:
                yield start, lines[start][2:], start + 1, i
            start = i if line != "```" else None
            inside = line != "```"


def main(args):
    update = "--update" in args
    numabox = args[0]
    name = ([a for a in args[1:] if a != "--update"] or ["README.md"])[0]
    path = os.path.join(ROOT, name)
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    failed = count = 0
    for at, command, first, last in reversed(list(commands(lines))):
        count += 1
        printed = run(numabox, command)
        shown = lines[first:last]
        while shown and not shown[-1]:
            shown.pop()
        same = matches(shown, printed)
        if not same and update and "[...]" not in shown:
            lines[first:first + len(shown)] = [line.rstrip() for line in printed]
            same = True
        print(f"{'ok' if same else 'not ok'} {count} - {name}:{at + 1}: {command}")
        if not same:
            failed += 1
            for line in printed[:40]:
                print(f"# {line}")
    print(f"1..{count}")
    if update:
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines))
    return 1 if failed or not count else 0


sys.exit(main(sys.argv[1:]))
