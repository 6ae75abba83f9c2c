"""Statistics of a few measurements: median, range, and the confidence interval of the median."""

import random
import statistics

RESAMPLES = 4000
# The same figures give the same interval.
SEED = 6180


def interval(values, share=0.95):
    """Bootstrap confidence interval of the median: (low, high)."""
    dice = random.Random(SEED)
    medians = sorted(statistics.median(dice.choices(values, k=len(values))) for _ in range(RESAMPLES))
    cut = (1 - share) / 2
    return medians[int(cut * RESAMPLES)], medians[min(RESAMPLES - 1, int((1 - cut) * RESAMPLES))]


def summary(values, digits=4):
    """The summary for the JSON file: the 95 % interval is `low` to `high`, the range `least` to `most`."""
    low, high = interval(values)
    figures = {"median": statistics.median(values), "low": low, "high": high, "least": min(values),
               "most": max(values)}
    return {**{name: round(value, digits) for name, value in figures.items()}, "n": len(values)}


def percentile(values, share):
    """The least value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]
