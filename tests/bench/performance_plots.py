"""The plots of docs/performance.md."""

import svg

MODES = ("exec", "tcp", "syscall", "open", "udp")
SERIES = {"none": "no sensor", "floor": "floor", "never": "syscall_hooks: never", "auto": "syscall_hooks: auto"}
# The counts, and their names in plots and tables.
COUNTED = {"floor": "floor", "in_kernel": "agent, in the kernel", "worker": "agent, worker",
           "agent": "agent, whole, on the same CPU"}


def added_by(sensor, counts):
    return counts[sensor] if sensor == "worker" else counts[sensor] - counts["none"]


def ratios(host, of, title):
    """`of` selects the figures of a cell."""
    groups = []
    for mode in MODES:
        cells = {text: of(host[mode][name]) for name, text in SERIES.items()}
        groups.append((mode, [(text, (cell["low"], cell["median"], cell["high"])) for text, cell in cells.items()]))
    return svg.intervals(title, list(SERIES.values()), groups, "times")


def programs(host):
    sensors = {name: text for name, text in SERIES.items() if name in host.get("programs", {})}
    groups = []
    for mode in MODES:
        sums = {name: sum(each["ns_per_operation"] for each in host["programs"][name].get(mode, {}).values())
                for name in sensors}
        groups.append((mode, [(sensors[name], (ns, f"{ns:.0f} ns")) for name, ns in sums.items()]))
    return svg.bars("Time in BPF programs for one operation", list(sensors.values()), groups, "ns")


def added(instructions):
    """One group for each load and kernel."""
    groups = []
    for mode in MODES:
        if mode == "syscall":
            continue  # a sensor adds nothing to a null call
        for series, found in instructions["kernels"].items():
            counts = found["instructions"][mode]
            rows = []
            for name, text in COUNTED.items():
                more = added_by(name, counts)
                rows.append((text, (100 * more / counts["none"], f"{round(more):+,}")))
            groups.append((f"{mode}, {series}", rows))
    return svg.bars("Instructions that a sensor adds to an operation", list(COUNTED.values()), groups,
                    "% of the instructions without it")


def wakeups(host):
    threads = {}
    for state in ("idle", "steady"):
        for name, rate in host[state]["wakeups_per_s_by_thread"].items():
            threads.setdefault(name.replace("hoptrail-", ""), {})[state] = rate
    texts = {"idle": "idle", "steady": f"{host['steady']['rate']} programs and connections a second"}
    groups = [(name, [(texts[state], (min(rate, 100), f"{rate:.1f}")) for state, rate in rates.items()])
              for name, rates in sorted(threads.items(), key=lambda each: -max(each[1].values()))]
    return svg.bars("Wake-ups a second by thread (bars end at 100)", list(texts.values()), groups, "a second")


def plots(host, instructions):
    return {"ratios": ratios(host, lambda cell: cell, "Time of an operation, with over without a sensor: median, 95 %"
                                                      " interval"),
            "cpu": ratios(host, lambda cell: cell["cpu"], "CPU time of an operation, with over without a"
                                                                " sensor"),
            "programs": programs(host), "instructions": added(instructions),
            "wakeups": wakeups(host)}
