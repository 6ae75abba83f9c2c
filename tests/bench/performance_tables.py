"""The tables of docs/performance.md."""

from performance_plots import COUNTED, MODES, SERIES, added_by

NAMES = {"exec": "exec", "tcp": "TCP connect, accept, close", "syscall": "null call", "open": "open, close",
         "udp": "UDP echo"}
# The results of a run of all measurements.
HOST_PARTS = (*MODES, "startup_ms", "full_speed", "profile", "allocations", "programs", "idle", "steady", "hops",
              "crowd")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def measured_on(host):
    about = host["machine"]
    hypervisor = "in a virtual machine, " if about["hypervisor"] else ""
    return (f"{about['system']}, Linux {about['kernel']}, {about['cpu_model']}, {about['cpus']} CPUs,"
            f" {hypervisor}{about['memory_mib'] // 1024} GiB; build `{host['build']}`; {host['pairs']} pairs;"
            f" {host['date']}; load average {host['load_average']['before']} before and"
            f" {host['load_average']['after']} after.\n")


def ratio(figures):
    return (f"{figures['median']:.3f} [{figures['low']:.3f}, {figures['high']:.3f}]"
            f" {figures['least']:.2f}–{figures['most']:.2f}")


def ratios(host):
    rows = [[NAMES[mode], f"{host[mode]['without_ns']['median']:,.0f} ns",
             *(ratio(host[mode][name]) for name in SERIES)] for mode in MODES]
    rows += [[f"{NAMES[mode]}: CPU time", "", *(ratio(host[mode][name]["cpu"]) for name in SERIES)]
             for mode in MODES]
    return table(["", "without", *SERIES.values()], rows)


def programs(host):
    rows = []
    for mode in MODES:
        for sensor, found in host["programs"].items():
            for name, each in sorted(found.get(mode, {}).items(), key=lambda item: -item[1]["ns_per_operation"]):
                rows.append([NAMES[mode], SERIES[sensor], f"`{name}`", each["runs_per_operation"],
                             f"{each['ns_per_run']:.0f}", f"{each['ns_per_operation']:.0f}"])
    return table(["operation", "sensor", "program", "runs", "ns a run", "ns an operation"], rows)


def states(host):
    rows = []
    for name, text in (("idle", "idle"), ("crowd", "50,000 processes and 50,000 sockets"),
                       ("steady", "500 programs and 500 connections a second")):
        found, memory = host[name], host[name]["memory_mib"]
        each = ", ".join(f"{who.removeprefix('hoptrail-')} {share:.3f}"
                         for who, share in found["cpu_percent_by_process"].items())
        rows.append([text, f"{found['cpu_percent']:.3f} % ({each})", found["wakeups_per_s"],
                     f"{memory['rss']} / {memory['pss']} / {memory['anonymous']}"])
    return table(["host", "of one CPU (by process)", "wake-ups/s", "memory, MiB: RSS summed / PSS / anonymous"],
                 rows)


def hops(host):
    rows = [[rate, found["hops"], *(f"{found[key].get('p50', '')} / {found[key].get('p99', '')} ({found[key]['n']})"
                                    for key in ("event_to_detection_ms", "event_to_incident_ms")),
             f"{found['cpu_percent']} %", found["wakeups_per_s"], found["lost"]]
            for rate, found in host["hops"].items()]
    return table(["hops/s", "made", "to the host's detection, ms: p50 / p99 (known)",
                  "to the collector's incident, ms: p50 / p99 (known)", "of one CPU", "wake-ups/s", "lost"], rows)


def records(host):
    return table(["record", "bytes"], [[name, size] for name, size in host["bytes_per_record"].items()])


def worst(instructions, mode, in_percent):
    """The agent's part in the kernel, on the kernel where it is largest."""
    added = []
    for found in instructions["kernels"].values():
        counts = found["instructions"][mode]
        more = added_by("in_kernel", counts)
        added.append(100 * more / counts["none"] if in_percent else more)
    return f"{max(added):+.1f} %" if in_percent else f"{round(max(added)):+,}"


def aims(host, instructions):
    rows = [
        *([f"{NAMES[mode]}, `never`, time (CPU time)", aim,
           f"{host[mode]['never']['median']:.3f} ({host[mode]['never']['cpu']['median']:.3f})"]
          for mode, aim in (("exec", "1.05"), ("tcp", "1.08"), ("syscall", "as no sensor"), ("open", "as no sensor"),
                            ("udp", "as no sensor"))),
        *([f"{NAMES[mode]}, instructions added in the kernel, most of all kernels", aim,
           worst(instructions, mode, in_percent)]
          for mode, aim, in_percent in (("exec", "+5 %", True), ("tcp", "+8 %", True), ("syscall", "+0", False),
                                        ("open", "+100", False), ("udp", "+2 %", True))),
        ["agent CPU an event, at full speed", "3 µs", f"{host['cpu_us_per_event']} µs"],
        ["lost at full speed", "0", host["lost"]],
        ["event to the host's detection, p99 at 100 hops/s", "20 ms", f"{host['event_to_detection_ms'].get('p99')} ms"],
        ["event to the collector's incident, p99 at 10 hops/s", "200 ms",
         f"{host['hops']['10']['event_to_incident_ms'].get('p99')} ms"],
        ["memory, idle (RSS summed / PSS)", "48 MiB", f"{host['rss_mib']['idle']} / {host['pss_mib']['idle']} MiB"],
        ["memory, crowded (RSS summed / PSS)", "64 MiB", f"{host['rss_mib']['crowd']} / {host['pss_mib']['crowd']} MiB"],
        ["500 programs and 500 connections a second", "1 %", f"{host['steady']['cpu_percent']:.2f} %"],
        ["idle CPU", "0.1 %", f"{host['idle']['cpu_percent']:.2f} %"],
        ["idle wake-ups", "10/s", f"{host['idle']['wakeups_per_s']}/s"],
        ["start to the first event", "1.5 s", f"{host['startup_ms']['median']} ms"],
    ]
    return table(["", "aim", "measured"], rows)


def instructions_added(instructions):
    rows = []
    for mode in MODES:
        for series, found in instructions["kernels"].items():
            counts = found["instructions"][mode]
            rows.append([NAMES[mode], series, f"{counts['none']:,.0f}", *(
                f"{round(added_by(name, counts)):+,} ({added_by(name, counts) / counts['none'] * 100:+.1f} %)"
                for name in COUNTED)])
    return table(["operation", "kernel", "without", *COUNTED.values()], rows)


def instructions_of_programs(instructions):
    """One row for each program that runs for an operation on any kernel, the most expensive first."""
    kernels = instructions["kernels"]
    rows = []
    for mode in MODES:
        names = {}
        for found in kernels.values():
            for name, each in found["programs"].get(mode, {}).items():
                whole = each["runs_per_operation"] * each["instructions_per_run"]
                names[name] = max(names.get(name, 0), whole)
        for name in sorted(names, key=lambda name: -names[name]):
            cells = []
            for found in kernels.values():
                each = found["programs"].get(mode, {}).get(name)
                cells.append(f"{each['runs_per_operation']:g} × {each['instructions_per_run']:,.0f}" if each else "")
            rows.append([NAMES[mode], f"`{name}`", *cells])
    return table(["operation", "program", *kernels], rows)


def profile(host):
    """The directories that have at least a fiftieth of all samples in one of the loads."""
    works = host["profile"]
    shares = {}
    for work, found in works.items():
        for thread, directories in found["share"].items():
            for directory, share in directories.items():
                shares.setdefault((thread, directory), {})[work] = share
    rows = [[thread, directory, *(f"{each.get(work, 0) * 100:.1f} %" for work in works)]
            for (thread, directory), each in sorted(shares.items(), key=lambda item: -max(item[1].values()))
            if max(each.values()) >= 0.02]
    return table(["thread", "directory of the innermost frame that is ours",
                  *(f"{work} ({found['samples']:,} samples)" for work, found in works.items())], rows)


def allocations(host):
    found = host["allocations"]["per_event_by_thread"]
    return table(["thread", "allocations an event"], sorted(found.items(), key=lambda each: -each[1]))


def tables(host, instructions):
    return {"machine": measured_on(host), "aims": aims(host, instructions), "ratios": ratios(host),
            "programs": programs(host), "states": states(host), "hops": hops(host), "records": records(host),
            "profile": profile(host), "allocations": allocations(host),
            "instructions of programs": instructions_of_programs(instructions),
            "instructions": f"Build `{instructions['build']}`.\n\n" + instructions_added(instructions)}
