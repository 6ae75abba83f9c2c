"""The table `expected_coverage`: the tiers that each kernel must load, and the tests that an event source concerns."""

import os

HERE = os.path.dirname(os.path.abspath(__file__))


class Row:
    """One event source: series → tiers, and the short names of test programs (empty: all of them)."""

    def __init__(self, tiers, tests):
        self.tiers = tiers
        self.tests = tests


def read(path=os.path.join(HERE, "expected_coverage")):
    """source → Row. Two or more spaces separate the columns, since sources contain single ones."""
    table = {}
    series = None
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip()
            if not line or line.startswith("# "):
                continue
            cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
            if series is None:
                series = cells[1:-1]
                continue
            if len(cells) != len(series) + 2:
                raise ValueError(f"{path}: {line}: {len(cells)} columns instead of {len(series) + 2}")
            tiers = {name: [int(tier) for tier in cell.split(",") if tier != "-"]
                     for name, cell in zip(series, cells[1:])}
            table[cells[0]] = Row(tiers, [] if cells[-1] == "all" else cells[-1].split(","))
    return table


def sources_of(program, table):
    """The event sources that concern a test program, `kernel_NAME_test`."""
    name = program.removeprefix("kernel_").removesuffix("_test")
    return [source for source, row in table.items() if not row.tests or name in row.tests]


def check(series, report):
    """One (name, fault) for each check; the fault is empty if the check passes."""
    table = read()
    checks = []
    reported = {source["source"]: source for source in report["sources"]}
    for name in sorted(set(table) | set(reported)):
        if name not in table:
            checks.append((name, "not in tests/vm/expected_coverage; these tiers of it load: "
                           + ",".join(str(tier["tier"]) for tier in reported[name]["tiers"] if tier["loads"])))
        elif name not in reported:
            checks.append((name, "missing in the sensor's coverage report"))
        else:
            checks.append((name, check_source(table[name].tiers[series], reported[name])))
    # A hook on one system call slows every system call of the host.
    last_resort = any(source["hook"].startswith("tp/syscalls/") for source in report["sources"])
    hooked = [name for name in report["tracepoints"] if name.startswith("sys_")]
    fault = f"attached: {', '.join(hooked)}, though no source needs one" if hooked and not last_resort else ""
    checks.append(("no needless hook on a system call", fault))
    return checks


def check_source(expected, source):
    loads = [tier["tier"] for tier in source["tiers"] if tier["loads"]]
    if loads != expected:
        reasons = "; ".join(f"{tier['hook']}: {tier['why_not']}" for tier in source["tiers"] if tier["why_not"])
        return f"tiers {loads} load, not {expected}; {reasons}"
    best = expected[0] if expected else 0
    return "" if source["tier"] == best else f"served by tier {source['tier']} ({source['hook']}), though {best} loads"
