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
    _figure(results, goal.benchmark, goal.case, goal.contestant, "min_ns")
    try:
        saving = savings.of(results, goal.case, goal.contestant)
    except KeyError as e:
        raise NotMeasured(f"no {e.args[0]}", False) from e
    if saving.share < LEAST_SHARE:
        raise NotMeasured(f"conversions predict less than {LEAST_SHARE:.0%}", True)
    return 1 - saving.measured / saving.predicted


def measure(goal, results):
    """Returns the measured figure and the interval of the ratio, or None."""
    if goal.figure == "shortfall":
        return _shortfall(goal, results), None
    figure = _figure(results, goal.benchmark, goal.case, goal.contestant, goal.figure)
    if goal.over != "-":
        case, contestant = goal.over.split("|")
        other = _figure(results, goal.benchmark, case, contestant, goal.figure)
        return figure[goal.figure] / other[goal.figure], None
    return figure[goal.figure], (figure["low"], figure["high"]) if "low" in figure else None


def _judge(goal, results):
    """Prints a line. Returns whether it is met, or need not be."""
    try:
        value, bounds = measure(goal, results)
    except NotMeasured as e:
        print(f"goal {goal.name} - {goal.limit:g} {'skipped' if e.excused else 'missed'}: {e}")
        return e.excused
    met = value <= goal.limit
    line = f"goal {goal.name} {value:.3f} {goal.limit:g} {'met' if met else 'missed'}"
    if bounds:
        line += f" (median ratio {bounds[0]:.3f} to {bounds[1]:.3f})"
    print(line)
    return met


def _matching(goal, results):
    """A goal for each case that matches, named for what stands there for the *."""
    pattern = "(.*)".join(re.escape(part) for part in goal.case.split("*"))
    for case in results["benchmarks"][goal.benchmark]["cases"]:
        found = re.fullmatch(pattern, case)
        if found:
            name = re.sub(r"\W+", "-", "-".join([goal.name, *found.groups()])).lower()
            yield goal._replace(case=case, name=name, over=goal.over.replace("*", case))


def _excuse(goal, results):
    """Why a goal need not be measured, or None."""
    try:
        measure(goal, results)
    except NotMeasured as e:
        return str(e) if e.excused else None
    return None


def _judge_each(goal, results):
    """Prints a line for each case, but one for all that are skipped for the same reason."""
    excuses = {one: _excuse(one, results) for one in _matching(goal, results)}
    if not excuses:
        print(f"goal {goal.name} - {goal.limit:g} missed: no case matches {goal.case}")
        return False
    met = [_judge(one, results) for one, why in excuses.items() if not why]
    for why, nr in collections.Counter(filter(None, excuses.values())).items():
        print(f"goal {goal.name} - {goal.limit:g} skipped: {why} (cases: {nr})")
    return all(met)


def judge(goals, results):
    """Prints a line for each goal of the benchmarks that ran. Returns 1 if one is missed."""
    ran = [g for g in goals if g.benchmark in results["benchmarks"]]
    met = [_judge_each(g, results) if "*" in g.case else _judge(g, results) for g in ran]
    return 0 if all(met) else 1
