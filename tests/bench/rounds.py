"""Runs the same load alternately without and with each sensor, to measure the sensor's cost for the load."""

import statistics

import series
import usage


TIME, CPU = 0, 1  # in what a load took


class Rounds:
    """Each run with a sensor is between two runs without one, and is compared with their mean, because other work and
    drift of the machine affect all three. A run without a sensor, between two others, shows the remaining noise.
    """

    def __init__(self, loads, no_sensor, sensors, modes, log=lambda line: None):
        self._loads = loads
        self._no_sensor = no_sensor
        self._sensors = sensors
        self._modes = modes
        self._log = log
        self._runs = []  # (sensor's name, {mode: (time, CPU time) of the load}, {mode: CPU time of the sensor, ns})

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
        """Makes `pairs` runs of each sensor."""
        self._run(self._no_sensor)  # the first run warms up and is not counted
        self._runs.clear()
        self._run(self._no_sensor)
        for number in range(pairs):
            turn = number % len(self._sensors)
            for sensor in self._sensors[turn:] + self._sensors[:turn]:
                self._run(sensor)
                self._run(self._no_sensor)
            self._log(f"round {number + 1} of {pairs}: " + ", ".join(
                f"{mode} {self._without(mode, TIME)[-1]:.0f} ns" for mode in self._modes))

    def _without(self, mode, kind):
        return [took[mode][kind] for name, took, _ in self._runs if name == self._no_sensor.name]

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
        """{mode: {"none", each sensor's name, "without_ns", …}}. `cpu`: the same for the load's CPU time, which does
        not include waiting for other programs."""
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
