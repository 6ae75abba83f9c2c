#!/usr/bin/python3
"""Runs the fuzz targets: run.py --programs DIRECTORY --logs DIRECTORY [--seconds N]
[--at-a-time N] [TARGET ...].

There are two tests for each target: the replay of its corpus, and N seconds of fuzzing from there.
Findings stay in the logs, in one directory for each target, and are printed. The output ends with
`N passed, N failed`.

With --keep, new inputs are merged into the corpus in the tree: the smallest set with the same
coverage.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# Seconds for one input and MiB for one process, far above the need of a busy machine.
LIMITS = ["-timeout=60", "-rss_limit_mb=2048", "-malloc_limit_mb=1024"]
LONGEST_INPUT = "-max_len=4096"


def targets(programs):
    names = re.findall(r"^hoptrail_fuzz\((\w+)", (HERE / "CMakeLists.txt").read_text(), re.M)
    missing = [name for name in names if not (programs / name).exists()]
    if not names or missing:
        sys.exit(f"not built: {', '.join(missing) or 'anything'}")
    return names


class Target:
    def __init__(self, name, programs, logs):
        self.name = name
        self.program = programs / name
        self.corpus = HERE / "corpus" / name
        self.logs = logs / name
        self.logs.mkdir(parents=True, exist_ok=True)

    def call(self, log, *arguments):
        """Runs the fuzzer with its output in the log; returns its status and its output."""
        path = self.logs / f"{log}.log"
        with tempfile.TemporaryDirectory(prefix="hoptrail-fuzz-", dir="/dev/shm") as scratch:
            environment = dict(os.environ, TMPDIR=scratch)
            dictionary = HERE / "dictionaries" / f"{self.name}.dict"
            if dictionary.exists():
                arguments = (f"-dict={dictionary}", *arguments)
            command = [self.program, *LIMITS, LONGEST_INPUT, f"-artifact_prefix={self.logs}/",
                       "-print_final_stats=1", *arguments]
            with path.open("wb") as out:
                status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out,
                                        stderr=subprocess.STDOUT, env=environment).returncode
        return status, path.read_text(errors="replace")

    def report(self, what, status, output):
        if status == 0:
            return True
        reason = re.search(r"^(broken promise: .*|SUMMARY: .*|.*runtime error: .*)$", output, re.M)
        found = re.findall(r"Test unit written to (\S+)", output)
        print(f"FAILED {self.name} ({what}): {reason.group(1) if reason else f'status {status}'}")
        print(f"  {'input: ' + found[-1] if found else output[-2000:]}", flush=True)
        return False

    def replay(self):
        inputs = len(list(self.corpus.glob("*"))) if self.corpus.is_dir() else 0
        if inputs == 0:
            print(f"FAILED {self.name} (corpus): the corpus is empty")
            return False
        return self.report("corpus", *self.call("corpus", "-runs=0", self.corpus))

    def fuzz(self, seconds, found):
        status, output = self.call("fuzz", f"-max_total_time={seconds}", found, self.corpus)
        runs = re.search(r"stat::number_of_executed_units: (\d+)", output)
        cover = re.findall(r"cov: (\d+) ft: (\d+)", output)
        if runs and cover:
            print(f"{self.name}: {runs.group(1)} runs, {cover[-1][0]} edges, "
                  f"{cover[-1][1]} features", flush=True)
        elif status == 0:
            print(f"FAILED {self.name} (fuzz): no input was run")
            return False
        return self.report("fuzz", status, output)

    def keep(self, found):
        with tempfile.TemporaryDirectory(prefix="hoptrail-fuzz-") as directory:
            least = pathlib.Path(directory)
            status, output = self.call("merge", "-merge=1", least, self.corpus, found)
            if not self.report("merge", status, output):
                return False
            seeds = {path.read_bytes() for path in self.corpus.glob("seed-*")}
            for path in self.corpus.glob("*"):
                if not path.name.startswith("seed-"):
                    path.unlink()
            for path in least.iterdir():
                if path.read_bytes() not in seeds:
                    shutil.copyfile(path, self.corpus / path.name[:16])
        return True


def run(name, arguments):
    """Runs a target's tests; returns for each whether it passed."""
    target = Target(name, arguments.programs, arguments.logs)
    with tempfile.TemporaryDirectory(prefix="hoptrail-fuzz-") as found:
        results = [target.replay()]
        if arguments.seconds > 0:
            results.append(target.fuzz(arguments.seconds, found))
        if arguments.keep and all(results):
            results.append(target.keep(found))
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--logs", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=4, help="seconds of fuzzing for each target")
    parser.add_argument("--at-a-time", type=int, default=1, help="number of targets that run in parallel")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    names = arguments.targets or targets(arguments.programs)
    with concurrent.futures.ThreadPoolExecutor(arguments.at_a_time) as pool:
        results = sum(pool.map(lambda name: run(name, arguments), names), [])
    passed, failed = results.count(True), results.count(False)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
