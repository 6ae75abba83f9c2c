#!/usr/bin/python3
"""docs/coverage-of-ways.md: every way to cross that was tried, and how the product shows it.

    page.py --write LOGS

The rows of scenes come from a run of the tier `ways`, whose logs are in LOGS. That run also checks that the page is the
one that it would write. The rows of other tests and the known gaps are listed here.
"""

import argparse
import glob
import json
import os

PAGE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/coverage-of-ways.md"))

HEADING = """# Coverage of ways to cross

`tests/lab/ways/page.py` writes this page from a run of the tier `ways`. It answers what the product would miss.

- *proven*: the way is on the path, and every link is proven.
- *inferred*: the way is on the path with the true source; a link is inferred and shown with its probability, and other
  possible causes beside it.
- *not seen*: the path has a gap there, for the given reason.

"""
# (way, grade, the test that shows it)
ELSEWHERE = (
    ("login over ssh, also through address translation, over IPv6 and after the login has ended", "proven",
     "`story_test`"),
    ("login over ssh from a service, a container, a cron job or a timer", "proven", "`roots_test`"),
    ("shell on an unwatched port, from a program in no login", "proven", "`roots_test`"),
    ("ssh master (mux) of somebody else's login", "inferred", "`pivots_test`"),
    ("tmux of somebody else's login", "inferred", "`pivots_test`"),
    ("injected into a process of somebody else's login (ptrace)", "inferred", "`pivots_test`"),
    ("planted crontab, also over a restart of the agent", "inferred", "`pivots_test`"),
    ("host without an agent in the middle", "inferred", "`unmonitored_test`"),
)
# (way, reason)
GAPS = (
    ("shell or tunnel over UDP", "datagrams are counted by program and peer; which of them led to what is not followed"),
    ("shell or tunnel over ICMP, raw or packet sockets", "the same"),
    ("`ssh -R` whose port somebody else uses", "both halves are reported and joined in the same way as for `-L`, but no"
     " scene shows it yet"),
    ("ssh-agent of somebody else's login", "the path is right, since the session that uses it connects itself; that the"
     " identity is somebody else's is not said"),
    ("named pipes, input pushed into a terminal (`TIOCSTI`)", "there is no hook"),
    ("file dropped in a shared directory and run by another host's job", "only watched files are recorded"),
    ("database, cache or queue made to run a program", "shown as a service in one process or one that forks; no scene with"
     " a real one yet"),
    ("two hosts without an agent in a row; one that is left by another address than it was entered", "nothing says that"
     " both are one host"),
    ("one of many connections of a busy service (each is less likely than 0.2)", "all are listed as possible causes, and"
     " the path begins at the service"),
)


def rows(logs):
    found = {}
    for path in glob.glob(os.path.join(logs, "**", "ways.jsonl"), recursive=True):
        with open(path, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                found[row["way"]] = (row["grade"], row["test"])
    return found


def text(logs):
    lines = [HEADING, "| way through the host in the middle | shown | by |\n| --- | --- | --- |\n"]
    shown = [(way, grade, f"`{test}`") for way, (grade, test) in sorted(rows(logs).items())]
    lines += [f"| {way} | {grade} | {by} |\n" for way, grade, by in [*shown, *ELSEWHERE]]
    lines.append("\n| not seen | reason |\n| --- | --- |\n")
    lines += [f"| {way} | {reason} |\n" for way, reason in GAPS]
    return "".join(lines)


def check(logs):
    """An error, or an empty string if the page is true."""
    if not rows(logs):
        return "no scene has reported how it is shown"
    with open(PAGE, encoding="utf-8") as file:
        if file.read() == text(logs):
            return ""
    return f"docs/coverage-of-ways.md differs from this run: tests/lab/ways/page.py --write {logs}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", metavar="LOGS", required=True)
    written = text(parser.parse_args().write)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(written)


if __name__ == "__main__":
    main()
