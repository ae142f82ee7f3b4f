# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Is the page twin as fast as the kernel? Its smallest times, under FLATMEM, are held against
the kernel's own of anchors/zen4.tsv, and so are the kernel's steps, which the engine's goals
are ratios to: if our copy of them were slow, these would be easily met. They mean something on
a CPU of that model alone; elsewhere they stand beside each other, and that is all."""
import collections
import os
import re

import goals

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "anchors", "zen4.tsv")
BENCHMARK = "anchor"
CONTESTANT = "page, FLATMEM"
STEPS = "kernel's steps"

# Models of AMD's family 25 that are Zen 4.
ZEN4 = [range(0x10, 0x20), range(0x60, 0x80), range(0xa0, 0xb0)]

Anchor = collections.namedtuple("Anchor", "case kernel min_ns median_ns lock_min_ns limit")

# anchor_ns: with lock prefixes, where that is known; limit: None, nobody is judged by it;
# verdict: "met", "missed", "for information", or "not comparable" or "skipped", and why
Row = collections.namedtuple(
    "Row", "case kernel contestant measured_ns anchor_ns ratio limit verdict")


def _number(text):
    return None if text == "-" else float(text)


def read(path=PATH):
    out = []
    with open(path) as f:
        for number, line in enumerate(f, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != len(Anchor._fields):
                raise SystemExit(
                    f"{path}:{number}: {len(fields)} fields, not {len(Anchor._fields)}")
            out.append(Anchor(*fields[:2], *map(_number, fields[2:])))
    return out


def facts(path=PATH):
    """How the figures came to be: what the file's head says, by key."""
    with open(path) as f:
        return dict(re.findall(r"^# (\w[\w ]*)\t(.*)$", f.read(), re.M))


def is_reference(results):
    """Were they measured on the CPU model that the anchors are of?"""
    return (results.get("vendor") == "AuthenticAMD" and results.get("family") == 25
            and any(results.get("model", -1) in models for models in ZEN4))


def _verdict(ratio, limit, comparable):
    if limit is None:
        return "for information"
    if not comparable:
        return "not comparable: another CPU than Zen 4"
    return "met" if ratio <= limit else "missed"


def _row(anchor, case, contestant, comparable):
    theirs = anchor.min_ns if anchor.lock_min_ns is None else anchor.lock_min_ns
    ours = case.get(contestant, {}).get("min_ns")
    why = case.get("skipped", "not measured")
    ratio = None if ours is None else ours / theirs
    verdict = f"skipped: {why}" if ours is None else _verdict(ratio, anchor.limit, comparable)
    return Row(anchor.case, anchor.kernel, contestant, ours, theirs, ratio, anchor.limit, verdict)


def _contestants(anchor, case):
    """The steps are those of the version that is judged."""
    return [CONTESTANT] + [STEPS] * (STEPS in case and anchor.limit is not None)


def rows(results, anchors=None):
    """Rows for each figure of the kernel whose case was asked for, in the file's order: of the
    twin and, where a case has them, of the kernel's steps."""
    if BENCHMARK not in results["benchmarks"]:
        return []
    cases = results["benchmarks"][BENCHMARK]["cases"]
    comparable = is_reference(results)
    return [_row(a, cases[a.case], contestant, comparable)
            for a in (read() if anchors is None else anchors) if a.case in cases
            for contestant in _contestants(a, cases[a.case])]


def goal_name(case, contestant=CONTESTANT):
    prefix = "anchor-steps-" if contestant == STEPS else "anchor-"
    return prefix + re.sub(r"[^a-z0-9.]+", "-", case.lower()).strip("-")


def _goal(row):
    word = row.verdict if row.verdict in ("met", "missed") else "skipped"
    remarks = [] if row.verdict == word else [row.verdict.removeprefix("skipped: ")]
    if row.ratio is not None:
        remarks.append(f"{row.measured_ns:.1f} ns, the kernel {row.anchor_ns:.1f}")
    return goals.Verdict(goal_name(row.case, row.contestant), row.ratio, row.limit, word,
                         "; ".join(remarks))


def verdicts(results):
    """One for each row that has a limit."""
    return [_goal(r) for r in rows(results) if r.limit is not None]
