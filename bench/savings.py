# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the conversions that a contestant of e2e makes less than its base should save, and what
is saved. Their numbers are from the counting builds, the cost of one is from the same run: a
loop that converts takes so much longer than the same loop that only reads."""
import collections

# ns for a unit of the case: predicted by conversions, and measured; and the first as a share
# of what the base takes.
Saving = collections.namedtuple("Saving", "predicted measured share")

CONVERSIONS = {"page_to_phys": "page to phys", "phys_to_page": "phys to page"}


def _saved(cases, case, contestant):
    """ns less than the base takes at its best, by the ratio that was made in each round."""
    figure = cases[case][contestant]
    return cases[case][figure["base"]]["min_ns"] * (1 - figure["ratio"])


def _conversion(count, contestant):
    """The case's name of a conversion under the memory model that a contestant is built with."""
    model = "SPARSEMEM" if contestant.endswith("SPARSEMEM") else "VMEMMAP"
    return f"{CONVERSIONS[count]}, {model}"


def _cost(cases, count, contestant):
    """ns of one conversion."""
    return max(-_saved(cases, "one conversion", _conversion(count, contestant)), 0)


def _conversions(cases, case, contestant):
    """ns that all conversions of a contestant take."""
    return sum(cases[case][contestant][count] * _cost(cases, count, contestant)
               for count in CONVERSIONS)


def of(results, case, contestant):
    """The saving of a contestant against its base; KeyError if figures are not there."""
    cases = results["benchmarks"]["e2e"]["cases"]
    base = cases[case][contestant]["base"]
    predicted = _conversions(cases, case, base) - _conversions(cases, case, contestant)
    return Saving(predicted, _saved(cases, case, contestant),
                  predicted / cases[case][base]["min_ns"])


def untold(results, case, contestant):
    """Why nothing can be predicted, if the cost of a conversion that a contestant and its base
    don't make as often is not above 0 in all of its interval; else None."""
    cases = results["benchmarks"]["e2e"]["cases"]
    base = cases[case][contestant]["base"]
    for count in CONVERSIONS:
        if cases[case][base][count] == cases[case][contestant][count]:
            continue
        figure = cases["one conversion"][_conversion(count, contestant)]
        if figure["low"] <= 1:
            read = cases["one conversion"][figure["base"]]["min_ns"]
            low, high = (read * (figure[end] - 1) for end in ("low", "high"))
            return (f"the cost of one conversion, {_conversion(count, contestant)}, can't be "
                    f"told from 0: {low:.3f} to {high:.3f} ns")
    return None
