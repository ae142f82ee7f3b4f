# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What becomes of samples: medians, ratios and their intervals.

A benchmark is run in several processes, since one process is like itself and not like the
next: where code and data come to lie changes a loop by more than noise does. A ratio is made
in each round, from two samples of that round; its interval is a bootstrap
over processes and over the rounds of each.
"""
import collections

import numpy

RESAMPLES = 1000
LEVEL = 95  # per cent of the resamples that are in an interval


class Case:
    """The samples of one case: of each contestant a list for each process."""

    def __init__(self, name):
        self.name = name
        self.skipped = None
        self.samples = {}
        self.bases = {}
        self.values = {}
        self.counted = []
        self.absent = {}
        self.resampled = {}  # ratios of each contestant, for each process

    def add_samples(self, contestant, base, units, samples):
        self.bases[contestant] = base
        self.samples.setdefault(contestant, []).append(numpy.array(samples, float) / units)

    def add_value(self, contestant, key, value):
        self.values.setdefault(contestant, {}).setdefault(key, []).append(value)


class Run:
    """What the processes of one benchmark printed."""

    def __init__(self):
        self.title = ""
        self.notes = {}
        self.cases = {}
        self._case = None

    def line(self, line):
        """Takes a line as harness.c prints it. Returns the case that begins, if one does."""
        kind, *f = line.rstrip("\n").split("\t")
        if kind == "bench":
            self.title = f[1]
        elif kind == "note":
            self.notes[f[0]] = f[1]
        elif kind == "skip":
            self._begin(f[0]).skipped = f[1]
        elif kind == "case":
            return self._begin(f[0]).name
        elif kind == "samples":
            self._case.add_samples(f[0], f[1], float(f[2]), [int(ns) for ns in f[3].split()])
        elif kind == "value":
            self._case.add_value(f[0], f[1], float(f[2]))
        elif kind == "absent":
            self._case.absent[f[0]] = f[1]
        elif kind == "counted":
            self._case.counted.append((f[0], float(f[1])))
        else:
            raise ValueError(f"a line that no benchmark prints: {line!r}")
        return None

    def _begin(self, name):
        self._case = self.cases.setdefault(name, Case(name))
        return self._case


# Of one process its median, and the medians of its resamples.
Process = collections.namedtuple("Process", "median resampled")


def _resampled(values, number):
    """Of the process that is the @number-th, the same ones each time."""
    rng = numpy.random.default_rng(number)
    picks = rng.integers(len(values), size=(RESAMPLES, len(values)))
    return Process(numpy.median(values), numpy.median(values[picks], axis=1))


def _interval(processes):
    within = numpy.array([p.resampled for p in processes])
    picks = numpy.random.default_rng(len(processes)).integers(
        len(processes), size=(RESAMPLES, len(processes)))
    estimates = numpy.median(within[picks, numpy.arange(RESAMPLES)[:, None]], axis=1)
    low, high = numpy.percentile(estimates, [50 - LEVEL / 2, 50 + LEVEL / 2])
    return float(numpy.median([p.median for p in processes])), float(low), float(high)


def interval(values):
    """Of a list of arrays, one for each process: estimate, low and high."""
    return _interval([_resampled(v, number) for number, v in enumerate(values)])


def smallest(processes):
    return float(min(p.min() for p in processes))


def ratios(case):
    """Of each contestant its ratio in each round, and the interval. What was resampled before
    is not again when processes were added."""
    out = {}
    for name, processes in case.samples.items():
        base = case.samples[case.bases[name]]
        done = case.resampled.setdefault(name, [])
        done += [_resampled(processes[n] / base[n], n) for n in range(len(done), len(processes))]
        ratio, low, high = _interval(done)
        out[name] = {"base": case.bases[name], "ratio": ratio, "low": low, "high": high}
    return out


def figures(case):
    """The results of a case, for JSON: of each contestant a dictionary."""
    if case.skipped:
        return {"skipped": case.skipped}
    out = ratios(case)
    for name, processes in case.samples.items():
        base = case.samples[case.bases[name]]
        median, low, high = interval(processes)
        out[name] |= {
            "min_ns": smallest(processes),
            "median_ns": median,
            "median_low_ns": low,
            "median_high_ns": high,
            "min_ratio": smallest(processes) / smallest(base),
            "processes": len(processes),
            "rounds": sum(len(p) for p in processes),
        }
    for name, values in case.values.items():
        out.setdefault(name, {}).update({k: float(numpy.median(v)) for k, v in values.items()})
    out.update({name: {"skipped": why} for name, why in case.absent.items()})
    return out


def is_wide(figure, width):
    """Is an interval wider than +- @width of its ratio?"""
    return "ratio" in figure and figure["high"] - figure["low"] > 2 * width * figure["ratio"]
