"""The same work without and with each sensor, by turns: what it costs the one who works."""

import statistics

import series
import usage


TIME, CPU = 0, 1  # in what a load took


class Rounds:
    """Each sensor's run stands between two runs without any, and is compared with their mean: what the machine does
    meanwhile, and what drifts, touches all three. A run without any, between two others, shows the noise that is left.
    """

    def __init__(self, loads, nobody, sensors, modes, told=lambda line: None):
        self._loads = loads
        self._nobody = nobody
        self._sensors = sensors
        self._modes = modes
        self._told = told
        self._runs = []  # (sensor's name, {mode: what it took}, {mode: CPU time of the sensor, ns})

    def _run(self, sensor):
        sensor.start()
        try:
            took, used = {}, {}
            for mode in self._modes:
                meter = usage.Meter(sensor.pids())
                took[mode] = self._loads.run(mode)
                used[mode] = meter.cpu_ns()
        finally:
            sensor.stop()
        self._runs.append((sensor.name, took, used))

    def play(self, pairs):
        """`pairs` runs of each sensor."""
        self._run(self._nobody)  # not counted: the first one warms up
        self._runs.clear()
        self._run(self._nobody)
        for number in range(pairs):
            turn = number % len(self._sensors)
            for sensor in self._sensors[turn:] + self._sensors[:turn]:
                self._run(sensor)
                self._run(self._nobody)
            self._told(f"round {number + 1} of {pairs}: " + ", ".join(
                f"{mode} {self._without(mode, TIME)[-1]:.0f} ns" for mode in self._modes))

    def _without(self, mode, kind):
        return [took[mode][kind] for name, took, _ in self._runs if name == self._nobody.name]

    def ratios(self, name, mode, kind=TIME):
        found = []
        for (_, before, _), (who, took, _), (_, after, _) in zip(self._runs, self._runs[1:], self._runs[2:]):
            if who == name:
                found.append(took[mode][kind] / statistics.mean((before[mode][kind], after[mode][kind])))
        return found

    def noise(self, mode, kind=TIME):
        values = self._without(mode, kind)
        return [values[at] / statistics.mean((values[at - 1], values[at + 1]))
                for at in range(1, len(values) - 1, 2)]

    def results(self):
        """{mode: {"none", each sensor's name, "without_ns", …}}. `cpu`: the same of the load's CPU time, which
        holds nothing of what others made it wait."""
        found = {}
        for mode in self._modes:
            found[mode] = {"without_ns": series.summary(self._without(mode, TIME), 1),
                           "none": {**series.summary(self.noise(mode)), "cpu": series.summary(self.noise(mode, CPU))}}
            for sensor in self._sensors:
                used = [cpu[mode] / 1e6 for name, _, cpu in self._runs if name == sensor.name]
                found[mode][sensor.name] = {**series.summary(self.ratios(sensor.name, mode)),
                                            "cpu": series.summary(self.ratios(sensor.name, mode, CPU)),
                                            "sensor_cpu_ms": round(statistics.median(used), 2)}
        return found
