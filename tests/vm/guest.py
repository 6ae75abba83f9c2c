"""One guest: boots a kernel under emulation and reads the results that its second serial line has written."""

import json
import os
import re
import signal
import subprocess
import time

# The marks of result lines, see guest_init.
MARK = re.compile(r"^@@ (\w+) ?(.*)$")
RESULT = re.compile(r"\[\s+(OK|FAILED)\s+\].*?(\w[\w/]*\.\w[\w/]*)")
RAN = re.compile(r"\[==========\].*?(\d+) tests? from \d+ test suites? ran")
ESCAPE = re.compile(r"\x1b\[[0-9;]*[mK]")
BEGUN = re.compile(r"\[ RUN      \] (\w[\w/]*\.\w[\w/]*)$")
# Before each test, kernel_guest_tests writes its pass, batch and name to the kernel log.
ANNOUNCED = re.compile(r"hoptrail: (\d+) (\w+) (\w[\w/]*\.\w[\w/]*)$")
# A warning, oops or stall of the kernel, at any log level.
ALARM = re.compile(r"WARNING:|BUG:|\bOops\b|detected stall|rcu: INFO|Call Trace|general protection|hung_task|"
                   r"blocked for more than|soft lockup|hard LOCKUP|Kernel panic|corrupt|UBSAN|KASAN")
LEVEL = re.compile(r"^<(\d+)>(.*)$")
WARNING_LEVEL = 4
BEGIN = "hoptrail: the tests begin"
# Harmless kernel messages at warning level during the tests, and their causes.
HARMLESS = (
    # The first use of tracefs selects a trace clock; the emulated clock is not stable.
    re.compile(r"Unstable clock detected|If you want to keep using the local clock|\"trace_clock=local\""
               r"|on the kernel command line"),
    # A test starts a program without arguments on purpose.
    re.compile(r"launched '/bin/true' with NULL argv"),
    # A test sends UDP-Lite on purpose.
    re.compile(r"UDPLite6?: UDP-Lite is deprecated"),
    # The clock of a slow machine under emulation.
    re.compile(r"clocksource: |hrtimer: interrupt took|perf: interrupt took too long|sched: DL replenish lagged"),
)
TRACE_BEGIN, TRACE_END = "[ cut here ]", "[ end trace "
# Harmless warnings with a stack trace: all patterns of one occur in it.
HARMLESS_TRACES = (
    # Linux 7.2's deadline scheduler forwards a timer that is queued already, if the emulated CPU stood still for long.
    (re.compile(r"WARNING: kernel/time/hrtimer\.c:\d+ at hrtimer_forward\+"), re.compile(r" dl_task_timer\+")),
)


class Guest:
    """Results of one guest: `tests` are (name, pass, passed, text of the failure)."""

    # Both of the guest's CPUs take turns on one of this machine's. On two, one CPU can execute an instruction that the
    # other has changed half-way, which no real CPU does.
    # If the guest waits for a CPU while its kernel measures the time stamp counter, its clock runs ten times too fast,
    # and its tests time out too early. So the guest's clock is hpet. The kernel still uses the counter for delays, so
    # pit=off keeps it from measuring the counter by that least exact timer, and no_timer_check from concluding that its
    # timers do not work.
    MACHINE = ("-machine", "pc,pit=off", "-accel", "tcg,thread=single,tb-size=512", "-smp", "2")
    # Further kernel parameters. The kernel passes those that it does not know to the first process's environment.
    PARAMETERS = "clocksource=hpet no_timer_check"

    def __init__(self, kernel, archive, directory, bound_s, parameters="", tests_of_part=None):
        self.kernel = kernel
        self.archive = archive
        self.directory = directory
        self.bound_s = bound_s
        self.parameters = f"{self.PARAMETERS} {parameters}"
        self.tests_of_part = tests_of_part or {}  # the names in `@@ expect` → full names of tests
        self._expected = {}  # (pass, batch) → full names of the tests that must give a result
        self.tests = []
        self.release = ""
        self.modules = ""
        self.passes = {}
        self.report = None
        self.seconds = 0.0
        self.used = 0.0  # seconds of a CPU
        os.makedirs(directory, exist_ok=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self):
        """Boots, waits for power-off or the time bound, and reads the results."""
        began = time.monotonic()
        # The guest ends with this program, however that ends. The CPU lacks the fast string instructions (erms, fsrm,
        # 112: rep_good), so the kernel does not use them: emulated, they copy byte by byte.
        command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *self.MACHINE,
                   "-cpu", "max,la57=off,erms=off,fsrm=off", "-m", "1024",
                   "-nodefaults", "-display", "none", "-no-reboot",
                   "-kernel", self.kernel.image, "-initrd", self.archive,
                   "-serial", f"file:{self.path('console.log')}", "-serial", f"file:{self.path('results.log')}",
                   "-append", "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off log_buf_len=1M"
                              " printk.devkmsg=on clearcpuid=112 tsc=reliable rcupdate.rcu_expedited=1"
                              " rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60"
                              " lsm=lockdown,capability,yama,apparmor,bpf " + self.parameters]
        # A process group of its own, but this program's session: the guest keeps this program's priority, which the
        # kernel sets by session.
        with open(self.path("qemu.log"), "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        ended = False
        try:
            while not ended and time.monotonic() < began + self.bound_s:
                time.sleep(0.2)
                ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        finally:
            if not ended:
                os.kill(process.pid, signal.SIGKILL)
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0  # wait4 has reaped it: Popen must not wait for it
        self.seconds = time.monotonic() - began
        self.used = usage.ru_utime + usage.ru_stime
        self._read(ended)

    def _add(self, name, number, passed, text=""):
        self.tests.append((name, number, passed, text))

    def _read(self, ended):
        try:
            with open(self.path("results.log"), encoding="utf-8", errors="replace") as file:
                lines = [ESCAPE.sub("", line.rstrip("\r\n")) for line in file]
        except FileNotFoundError:
            lines = []
        running = []  # (pass, name)
        output = []
        log = None
        done = False
        for line in lines:
            mark = MARK.match(line)
            if mark is None:
                (output if log is None else log).append(line)
                continue
            word, rest = mark.groups()
            number, _, name = rest.partition(" ")
            if word == "kernel":
                self.release = rest
            elif word == "lsm":
                self.modules = rest
            elif word == "pass":
                self.passes[int(number)] = name
            elif word == "expect":
                batch, *parts = name.split()
                self._expected[int(number), batch] = [test for part in parts for test in self.tests_of_part[part]]
            elif word == "begin":
                running.append((int(number), name))
            elif word == "output":
                output = []
            elif word == "end":
                name, _, status = name.partition(" ")
                running.remove((int(number), name))
                self._evaluate(name, int(number), int(status), output)
            elif word == "uptime":
                self._check_clock(float(rest))
            elif word == "file":
                log = []
            elif word == "done":
                done = True
        for number, name in running:
            self._evaluate(name, number, None, self._announced(number, name))
        for number, batch in list(self._expected):
            self._evaluate(batch, number, None, [])
        if not ended:
            what = ", ".join(f"in {name} of pass {number}" for number, name in running) or "while no test ran"
            self._add("guest", 0, False, f"killed after {self.bound_s} s, {what}")
        elif not done:
            self._add("guest", 0, False, "ended before it had run its plan; see console.log and qemu.log")
        if log is not None:
            trouble = alarms(log)
            self._add("kernel log", 0, not trouble, "\n".join(trouble[:40]))
        else:
            with open(self.path("console.log"), "a+", encoding="utf-8", errors="replace") as file:
                file.seek(0)
                self._add("kernel log", 0, False, "".join(file.readlines()[-30:]))

    def _check_clock(self, uptime):
        """If the guest's clock runs fast, every test times out too early, and the results mean nothing."""
        self._add("clock", 0, uptime < self.seconds * 1.1 + 2,
                  f"{uptime:.0f} s passed in the guest, {self.seconds:.0f} s on this machine")

    def _evaluate(self, name, number, status, output):
        """Adds the results of one program, test by test; `status` is None if it did not end."""
        if name == "coverage_report":
            try:
                self.report = json.loads(output[0])
            except (ValueError, IndexError):
                self._add(name, number, False, "\n".join(output[-20:]))
            return
        expected = self._expected.pop((number, name), None)
        listed = 0
        begun = 0
        last = ""
        results = {}
        for index, line in enumerate(output):
            start = BEGUN.search(line)
            if start:
                begun, last = index, start.group(1)
            found = RESULT.search(line)
            if found and " ms)" in line and found.group(2) not in results:
                results[found.group(2)] = (found.group(1) == "OK", "\n".join(output[begun:index + 1][-25:]))
            ran = RAN.search(line)
            if ran:
                listed = int(ran.group(1))
        for test, (passed, text) in results.items():
            self._add(test, number, passed, "" if passed else text)
        how = "did not end" if status is None else f"ended with status {status}"
        missing = [test for test in expected or () if test not in results]
        for test in missing:
            if test == last:
                text = f"{name} {how} during this test:\n" + "\n".join(output[begun:][-25:])
            elif last and last not in results:
                text = f"it gave no result: {name} {how} during {last}"
            else:
                text = f"it gave no result: {name} {how} after {len(results)} tests"
            self._add(test, number, False, text)
        good = status == 0 and listed == len(results) > 0
        if not good and not missing and all(passed for passed, _ in results.values()):
            self._add(name, number, False, f"the program {how} after {len(results)} tests:\n" + "\n".join(output[-25:]))

    def _announced(self, number, batch):
        """The output of a batch that has not ended, as far as the kernel log shows it: the tests that have begun. They
        have no results."""
        with open(self.path("console.log"), encoding="utf-8", errors="replace") as file:
            found = [ANNOUNCED.search(line.rstrip()) for line in file]
        return [f"[ RUN      ] {each.group(3)}" for each in found if each and each.groups()[:2] == (str(number), batch)]


def _without_harmless_traces(lines):
    kept = []
    trace = None  # the lines since its begin
    for line in lines:
        if TRACE_BEGIN in line:
            kept += trace or []
            trace = []
        (kept if trace is None else trace).append(line)
        if trace is not None and TRACE_END in line:
            harmless = any(all(any(pattern.search(each) for each in trace) for pattern in patterns)
                           for patterns in HARMLESS_TRACES)
            kept += [] if harmless else trace
            trace = None
    return kept + (trace or [])


def alarms(lines):
    """The faults in a kernel log: every alarm, and every warning since the tests began, except those in HARMLESS and
    HARMLESS_TRACES. With the tests that ran."""
    trouble = []
    testing = False
    running = {}  # batch → test
    for line in _without_harmless_traces(lines):
        found = LEVEL.match(line)
        if not found:
            continue
        level, text = int(found.group(1)) & 7, found.group(2)
        announced = ANNOUNCED.search(text)
        if BEGIN in text:
            testing = True
        elif announced:
            running[announced.group(2)] = announced.group(3)
        elif ALARM.search(text) or (testing and level <= WARNING_LEVEL):
            if not any(pattern.search(text) for pattern in HARMLESS):
                trouble.append(text + (f" (during {', '.join(running.values())})" if running else ""))
    return trouble
