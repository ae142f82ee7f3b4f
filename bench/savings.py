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


def _cost(cases, count, contestant):
    """ns of one conversion under the memory model that a contestant is built with."""
    model = "SPARSEMEM" if contestant.endswith("SPARSEMEM") else "VMEMMAP"
    return max(-_saved(cases, "one conversion", f"{CONVERSIONS[count]}, {model}"), 0)


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
