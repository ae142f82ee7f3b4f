# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The speed goals of goals.tsv, held against results. A goal is a figure of a contestant (of
several with a / between them, the first that the machine can have), or that figure divided by
the same one of another contestant, in another case perhaps. A case with a * in it is all cases
that match, each with a line of its own; a * as the other case is the same one. The figure
"shortfall" is how much of the saving that removed conversions predict is not measured."""
import collections
import re

import savings

# A predicted saving below this share of the base's time is none to be measured.
LEAST_SHARE = 0.03

Goal = collections.namedtuple("Goal", "name limit benchmark figure case contestant over")


def read(path):
    out = []
    with open(path) as f:
        for number, line in enumerate(f, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != len(Goal._fields):
                raise SystemExit(f"{path}:{number}: {len(fields)} fields, not {len(Goal._fields)}")
            out.append(Goal(*fields)._replace(limit=float(fields[1])))
    return out


def count_instructions(goals, benchmark):
    return any(g.benchmark == benchmark and g.figure == "callgrind_instructions" for g in goals)


class NotMeasured(Exception):
    """The machine can't, which it says; or nobody asked for it."""

    def __init__(self, why, excused):
        super().__init__(why)
        self.excused = excused


def _figure(results, benchmark, case, contestant, key):
    found = results["benchmarks"][benchmark]["cases"].get(case, {})
    if "skipped" in found:
        raise NotMeasured(found["skipped"], True)
    figures = [found.get(name, {}) for name in contestant.split("/")]
    for figure in figures:
        if key in figure:
            return figure
    raise NotMeasured(figures[-1].get("skipped", f"no {key} of {case}, {contestant}"),
                      all("skipped" in f for f in figures))


def _shortfall(goal, results):
    get = savings.getter(results)
    what = (goal.benchmark, goal.case, goal.contestant)
    _figure(results, *what, "min_ns")
    try:
        saving = savings.of(get, *what)
        untold = savings.untold(get, *what)
    except KeyError as e:
        raise NotMeasured(f"no {e.args[0]}", False) from e
    if untold:
        raise NotMeasured(untold, True)
    if saving.share < LEAST_SHARE:
        raise NotMeasured(f"conversions predict less than {LEAST_SHARE:.0%}", True)
    return 1 - saving.measured / saving.predicted


def _quotient_bounds(figure, other):
    """Of medians that were not taken in the same rounds: as wide as both their intervals are."""
    if "median_low_ns" not in figure:
        return None
    return (figure["median_low_ns"] / other["median_high_ns"],
            figure["median_high_ns"] / other["median_low_ns"])


def measure(goal, results):
    """Returns the measured figure and the interval of the ratio, or None: counts have none."""
    if goal.figure == "shortfall":
        return _shortfall(goal, results), None
    figure = _figure(results, goal.benchmark, goal.case, goal.contestant, goal.figure)
    if goal.over != "-":
        case, contestant = goal.over.split("|")
        other = _figure(results, goal.benchmark, case, contestant, goal.figure)
        bounds = _quotient_bounds(figure, other) if goal.figure.endswith("_ns") else None
        return figure[goal.figure] / other[goal.figure], bounds
    return figure[goal.figure], (figure["low"], figure["high"]) if "low" in figure else None


Verdict = collections.namedtuple("Verdict", "name value limit word remark")


def _verdict(goal, results):
    try:
        value, bounds = measure(goal, results)
    except NotMeasured as e:
        return Verdict(goal.name, None, goal.limit, "skipped" if e.excused else "missed", str(e))
    remark = f"median ratio {bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else ""
    return Verdict(goal.name, value, goal.limit, "met" if value <= goal.limit else "missed",
                   remark)


def _matching(goal, results):
    """A goal for each case that matches, named for what stands there for the *."""
    pattern = "(.*)".join(re.escape(part) for part in goal.case.split("*"))
    for case in results["benchmarks"][goal.benchmark]["cases"]:
        found = re.fullmatch(pattern, case)
        if found and goal.over != f"{case}|{goal.contestant}":
            name = re.sub(r"\W+", "-", "-".join([goal.name, *found.groups()])).lower()
            yield goal._replace(case=case, name=name, over=goal.over.replace("*", case))


def _each(goal, results):
    """One for each case, but one for all that are skipped for the same reason."""
    found = [_verdict(one, results) for one in _matching(goal, results)]
    if not found:
        return [Verdict(goal.name, None, goal.limit, "missed", f"no case matches {goal.case}")]
    skipped = collections.Counter(v.remark for v in found if v.word == "skipped")
    return [v for v in found if v.word != "skipped"] + [
        Verdict(goal.name, None, goal.limit, "skipped", f"{why}; cases: {nr}")
        for why, nr in skipped.items()]


def verdicts(goals, results):
    """Those of the goals whose benchmarks ran."""
    ran = [g for g in goals if g.benchmark in results["benchmarks"]]
    return [v for g in ran
            for v in (_each(g, results) if "*" in g.case else [_verdict(g, results)])]


def say(verdicts):
    """Prints a line for each. Returns 1 if one is missed."""
    for v in verdicts:
        value = "-" if v.value is None else f"{v.value:.3f}"
        remark = f" ({v.remark})" if v.remark else ""
        print(f"goal {v.name} {value} {v.limit:g} {v.word}{remark}")
    return int(any(v.word == "missed" for v in verdicts))
