#!/usr/bin/python3
"""The coverage of each kernel, from the report of the vm tier.

    coverage_table.py --write [REPORT]   copies the report of a run to docs/coverage.json, if given, and writes
                                         docs/coverage.md and the table in README.md from docs/coverage.json
    coverage_table.py --check            fails where they differ from docs/coverage.json
"""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "docs/coverage.json")
PAGE = os.path.join(ROOT, "docs/coverage.md")
README = os.path.join(ROOT, "README.md")
BEGIN = "<!-- coverage: written by tests/vm/coverage_table.py from docs/coverage.json -->\n"
END = "<!-- end of coverage -->\n"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def sources_in_order(kernels):
    names = []
    for kernel in kernels:
        names += [source["source"] for source in kernel["sources"] if source["source"] not in names]
    return names


def find(kernel, name):
    return next((source for source in kernel["sources"] if source["source"] == name), None)


def readme_table(kernels):
    """The hook that serves each event source, and how many other hooks of it load."""
    rows = []
    for name in sources_in_order(kernels):
        row = [name]
        for kernel in kernels:
            source = find(kernel, name)
            if source is None or not source["hook"]:
                row.append("blind")
                continue
            spare = sum(tier["loads"] for tier in source["tiers"]) - 1
            row.append(f"`{source['hook']}`" + (f" (+{spare})" if spare else ""))
        rows.append(row)
    return table(["event source"] + [kernel["series"] for kernel in kernels], rows)


def page(kernels):
    text = ["# Coverage by kernel\n",
            "`tests/vm/coverage_table.py` writes this page from `docs/coverage.json`, the report of a run of the `vm`\n"
            "tier. The first table of each kernel shows how many tests ran with which tiers forced. Without a forced\n"
            "tier, the best one that loads serves an event source. The second table shows for each tier of each event\n"
            "source whether it loads and what its hook does not see. The third lists the programs as they were loaded.\n"]
    for kernel in kernels:
        text.append(f"## {kernel['series']}: {kernel['kernel']} ({kernel['package']} {kernel['version']})\n")
        text.append("Security modules: `" + kernel["security_modules"] + "`\n")
        text.append(table(["pass", "forced tiers", "tests passed", "failed"],
                          [(number + 1, entry["forced"] or "none: the best", entry["passed"], entry["failed"])
                           for number, entry in enumerate(kernel["passes"])]))
        rows = []
        for source in kernel["sources"]:
            for tier in source["tiers"]:
                state = "serves" if tier["tier"] == source["tier"] else "loads" if tier["loads"] else tier["why_not"]
                rows.append((source["source"], tier["tier"], f"`{tier['hook']}`", state.replace("|", "\\|"),
                             "; ".join(tier["misses"])))
        text.append(table(["event source", "tier", "hook", "", "does not see"], rows))
        text.append(table(["program", "source lines", "instructions", "bytes of machine code",
                           "instructions verified"],
                          [(f"`{program['name']}`", program["lines"], program["instructions"],
                            program["machine_bytes"], program["verified_instructions"] or "not reported")
                           for program in kernel["programs"]]))
    return "\n".join(text)


def with_table(readme, kernels):
    begin, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return readme[:begin] + readme_table(kernels) + readme[end:]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main(arguments):
    if not arguments or arguments[0] not in ("--check", "--write"):
        sys.exit(__doc__)
    if arguments[0] == "--write" and len(arguments) > 1:
        write(DATA, json.dumps(json.loads(read(arguments[1])), indent=1, ensure_ascii=False) + "\n")
    kernels = json.loads(read(DATA))["kernels"]
    wanted = {PAGE: page(kernels), README: with_table(read(README), kernels)}
    status = 0
    for path, text in wanted.items():
        if arguments[0] == "--write":
            write(path, text)
        elif read(path) != text:
            print(f"{os.path.relpath(path, ROOT)} differs from docs/coverage.json; run coverage_table.py --write")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
