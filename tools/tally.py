#!/usr/bin/env python3
"""Sums what `meson test` ran, over several of its logs (testlog.json): each TAP line is one test,
a program without TAP is one.

Prints what was skipped and what failed, and as the last line "N passed, N failed"; the status is
1 when anything failed, when a log is missing, or when nothing was run at all.
"""
import json
import re
import sys

TAP = re.compile(r"^(not )?ok\b *[0-9]* *(?:- )?([^#\n]*)(#.*)?$", re.M)
DONE = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}


def lines(test):
    """(outcome, title) of every TAP line of one program."""
    for failed, title, directive in TAP.findall(test.get("stdout") or ""):
        if directive.upper().startswith("# SKIP"):
            yield "skipped", title.strip()
        else:
            yield ("failed" if failed else "passed"), title.strip()


def main(args):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    if args[:1] == ["--broken"]:
        count["failed"] = int(args[1])
        args = args[2:]

    def add(what, name):
        count[what] += 1
        if what != "passed":
            print(f"{what}: {name}")

    for path in args:
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                tests = [json.loads(line) for line in f if line.strip()]
        except (OSError, ValueError) as error:
            print(f"check: no results in {path}: {error}")
            count["failed"] += 1
            continue
        for test in tests:
            outcome = DONE.get(test["result"], "failed")
            results = list(lines(test))
            for what, title in results:
                add(what, f"{test['name']}: {title}")
            # A program without TAP, or one that died beside its lines.
            told = {what for what, _ in results}
            if not results or (outcome == "failed" and "failed" not in told):
                add(outcome, f"{test['name']} ({test['result'].lower()})")
    if count["skipped"]:
        print(f"{count['skipped']} skipped")
    print(f"{count['passed']} passed, {count['failed']} failed")
    return 0 if count["failed"] == 0 and count["passed"] > 0 else 1


sys.exit(main(sys.argv[1:]))
