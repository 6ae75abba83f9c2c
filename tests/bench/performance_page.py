#!/usr/bin/python3
"""The tables and plots of docs/performance.md, from the figures of real runs.

    performance_page.py --write [--host FILE] [--instructions FILE]   copies the given figures to docs/performance/ and
                                                                      writes tables and plots again
    performance_page.py --check                                       fails if page or plots differ from the figures
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import performance_plots  # noqa: E402
import performance_tables  # noqa: E402

PAGE = os.path.join(ROOT, "docs/performance.md")
DIRECTORY = os.path.join(ROOT, "docs/performance")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def marked(name):
    return f"<!-- {name}: written by tests/bench/performance_page.py -->\n", f"<!-- end of {name} -->\n"


def with_tables(page, tables):
    """The page with the text between each table's marks replaced."""
    for name, table in tables.items():
        begin, end = marked(name)
        if begin not in page or end not in page:
            raise SystemExit(f"{PAGE} lacks the marks {begin.strip()} and {end.strip()}")
        page = page[:page.index(begin) + len(begin)] + table + page[page.index(end):]
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--host", metavar="FILE")
    parser.add_argument("--instructions", metavar="FILE")
    options = parser.parse_args()
    if options.write == options.check:
        parser.error("give either --write or --check")
    figures = {}
    needed = {"host": performance_tables.HOST_PARTS, "instructions": ("kernels",)}
    for name in ("host", "instructions"):
        kept, given = os.path.join(DIRECTORY, f"{name}.json"), getattr(options, name)
        figures[name] = json.loads(read(given or kept))
        missing = [part for part in needed[name] if part not in figures[name]]
        if missing:
            raise SystemExit(f"{given or kept} lacks {', '.join(missing)}; run all measurements")
        if options.write and given:
            with open(kept, "w", encoding="utf-8") as file:
                json.dump(figures[name], file, indent=1)
                file.write("\n")
    wanted = {PAGE: with_tables(read(PAGE), performance_tables.tables(**figures))}
    for name, plot in performance_plots.plots(**figures).items():
        wanted[os.path.join(DIRECTORY, f"{name}.svg")] = plot
    status = 0
    for path, text in wanted.items():
        if options.write:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        elif not os.path.exists(path) or read(path) != text:
            print(f"{os.path.relpath(path, ROOT)} differs from the figures; run performance_page.py --write")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
