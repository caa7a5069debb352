#!/usr/bin/env python3
"""Sums what `meson test` ran, over several of its junit logs: each TAP line is one test.

Prints what was skipped and what failed, and as the last line "N passed, N failed"; the status is
1 when anything failed, when a log is missing, or when nothing was run at all.
"""
import sys
import xml.etree.ElementTree as ET


def outcome(case):
    for child in case:
        if child.tag in ("failure", "error"):
            return "failed"
        if child.tag == "skipped":
            return "skipped"
    return "passed"


def main(args):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    if args[:1] == ["--broken"]:
        count["failed"] = int(args[1])
        args = args[2:]
    for path in args:
        try:
            root = ET.parse(path).getroot()
        except (OSError, ET.ParseError) as error:
            print(f"check: no results in {path}: {error}")
            count["failed"] += 1
            continue
        for suite in root.iter("testsuite"):
            before = count["failed"]
            for case in suite.iter("testcase"):
                what = outcome(case)
                count[what] += 1
                if what != "passed":
                    print(f"{what}: {suite.get('name')} / {case.get('name')}")
            # A program that died has errors of its own beside its cases.
            if count["failed"] == before:
                lost = int(suite.get("errors", 0)) + int(suite.get("failures", 0))
                if lost:
                    print(f"failed: {suite.get('name')}")
                    count["failed"] += lost
    if count["skipped"]:
        print(f"{count['skipped']} skipped")
    print(f"{count['passed']} passed, {count['failed']} failed")
    return 0 if count["failed"] == 0 and count["passed"] > 0 else 1


sys.exit(main(sys.argv[1:]))
