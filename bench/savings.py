# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the conversions that a contestant makes less than its base should save, and what is
saved. Their numbers are from the counting builds, the cost of one is from the same run, of
e2e: a loop that converts takes so much longer than the same loop that only reads. Figures come
by get(benchmark, case, contestant, key)."""
import collections

# ns for a unit of the case: predicted by conversions, and measured; and the first as a share
# of what the base takes.
Saving = collections.namedtuple("Saving", "predicted measured share")

ONE = ("e2e", "one conversion")
CONVERSIONS = {"page_to_phys": "page to phys", "phys_to_page": "phys to page"}


def getter(results):
    """One that raises KeyError where a figure is not there."""
    return lambda benchmark, case, contestant, key: (
        results["benchmarks"][benchmark]["cases"][case][contestant][key])


def _saved(get, benchmark, case, contestant):
    """ns less than the base takes at its best, by the ratio that was made in each round."""
    base = get(benchmark, case, contestant, "base")
    return (get(benchmark, case, base, "min_ns")
            * (1 - get(benchmark, case, contestant, "ratio")))


def _conversion(count, contestant):
    """The case's name of a conversion under the memory model that a contestant is built with."""
    model = "SPARSEMEM" if contestant.endswith("SPARSEMEM") else "VMEMMAP"
    return f"{CONVERSIONS[count]}, {model}"


def _cost(get, count, contestant):
    """ns of one conversion."""
    return max(-_saved(get, *ONE, _conversion(count, contestant)), 0)


def _conversions(get, benchmark, case, contestant):
    """ns that all conversions of a contestant take."""
    return sum(get(benchmark, case, contestant, count) * _cost(get, count, contestant)
               for count in CONVERSIONS)


def of(get, benchmark, case, contestant):
    """The saving of a contestant against its base."""
    base = get(benchmark, case, contestant, "base")
    predicted = (_conversions(get, benchmark, case, base)
                 - _conversions(get, benchmark, case, contestant))
    return Saving(predicted, _saved(get, benchmark, case, contestant),
                  predicted / get(benchmark, case, base, "min_ns"))


def untold(get, benchmark, case, contestant):
    """Why nothing can be predicted, if the cost of a conversion that a contestant and its base
    don't make as often is not above 0 in all of its interval; else None."""
    base = get(benchmark, case, contestant, "base")
    for count in CONVERSIONS:
        if get(benchmark, case, base, count) == get(benchmark, case, contestant, count):
            continue
        one = _conversion(count, contestant)
        low, high = (get(*ONE, one, end) - 1 for end in ("low", "high"))
        if low <= 0:
            read = get(*ONE, get(*ONE, one, "base"), "min_ns")
            return (f"the cost of one conversion, {one}, can't be told from 0: {read * low:.3f} to "
                    f"{read * high:.3f} ns")
    return None
