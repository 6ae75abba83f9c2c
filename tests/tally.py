#!/usr/bin/python3
"""Counts the GoogleTest results in a directory of XML files: tally.py DIRECTORY CTEST_STATUS.

Prints the messages of each failed test. A program that crashed leaves no XML file (or an incomplete
one). If ctest's status then shows a failure that the files do not, one failure is added, so that a
crash can never pass.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree

MOST_LINES = 30


def main():
    directory, status = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    passed = failed = 0
    for path in sorted(directory.glob("*.xml")):
        try:
            suites = ElementTree.parse(path).getroot()
        except ElementTree.ParseError:
            continue
        for case in suites.iter("testcase"):
            # A skipped test could not run here, so it counts as failed.
            messages = case.findall("failure") + case.findall("skipped")
            if messages or case.get("result") == "skipped":
                failed += 1
                print(f"FAILED {path.stem}: {case.get('classname')}.{case.get('name')}")
                lines = "\n".join(element.get("message") or "skipped" for element in messages)
                for line in lines.splitlines()[:MOST_LINES]:
                    print(f"  {line}")
            else:
                passed += 1
    if status != 0 and failed == 0:
        failed = 1
        print(f"FAILED {directory.name}: a test program ended without a result")
    print(f"{passed} passed, {failed} failed")


if __name__ == "__main__":
    main()
