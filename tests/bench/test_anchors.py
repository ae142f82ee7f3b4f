#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The kernel's figures against the page twin's: made-up ones, whose verdict is known."""
import os
import sys
import tempfile
import unittest

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench")
sys.path.insert(0, BENCH)
sys.dont_write_bytecode = True

import anchors  # noqa: E402

ZEN4 = {"vendor": "AuthenticAMD", "family": 25, "model": 0x61}


def measured(ns, **machine):
    case = {"page, FLATMEM": {"min_ns": ns}, "phys": {"min_ns": 1.0}}
    return {**ZEN4, **machine, "benchmarks": {"anchor": {"cases": {"bio_init": case}}}}


def judged(results):
    found = anchors.verdicts(results)
    return [(v.name, v.value, v.word, v.remark) for v in found]


def row(results, **fields):
    anchor = anchors.Anchor("bio_init", "7.x", 10.0, 11.0, 20.0, 1.15)._replace(**fields)
    return anchors.rows(results, [anchor])[0]


class Machine(unittest.TestCase):
    def test_models_of_zen_4(self):
        table = [("AuthenticAMD", 25, 0x10, True), ("AuthenticAMD", 25, 0x1f, True),
                 ("AuthenticAMD", 25, 0x0f, False), ("AuthenticAMD", 25, 0x20, False),
                 ("AuthenticAMD", 25, 0x60, True), ("AuthenticAMD", 25, 0x7f, True),
                 ("AuthenticAMD", 25, 0x80, False), ("AuthenticAMD", 25, 0xa0, True),
                 ("AuthenticAMD", 25, 0xaf, True), ("AuthenticAMD", 25, 0xb0, False),
                 ("AuthenticAMD", 26, 0x11, False), ("GenuineIntel", 25, 0x11, False)]
        for vendor, family, model, is_one in table:
            m = {"vendor": vendor, "family": family, "model": model}
            self.assertEqual(anchors.is_reference(m), is_one, m)

    def test_one_that_says_nothing_of_itself_is_another(self):
        self.assertFalse(anchors.is_reference({"cpu": "AMD EPYC"}))


class Rows(unittest.TestCase):
    def test_within_the_limit_and_beyond(self):
        self.assertEqual(row(measured(23.0)).verdict, "met")
        self.assertEqual(row(measured(23.1)).verdict, "missed")

    def test_the_figure_with_lock_prefixes_counts_where_there_is_one(self):
        self.assertEqual(row(measured(5.0)).ratio, 0.25)
        self.assertEqual(row(measured(5.0), lock_min_ns=None).ratio, 0.5)

    def test_another_cpu_has_the_ratio_and_no_verdict(self):
        r = row(measured(40.0, family=26))
        self.assertEqual((r.ratio, r.verdict),
                         (2.0, "not comparable: another CPU than Zen 4"))

    def test_without_a_limit_it_is_for_information(self):
        self.assertEqual(row(measured(40.0), limit=None).verdict, "for information")

    def test_what_was_skipped_says_why(self):
        results = measured(1.0)
        results["benchmarks"]["anchor"]["cases"]["bio_init"] = {"skipped": "no memory"}
        r = row(results)
        self.assertEqual((r.measured_ns, r.ratio, r.verdict), (None, None, "skipped: no memory"))

    def test_cases_that_nobody_asked_for_are_left_out(self):
        self.assertEqual({r.case for r in anchors.rows(measured(1.0))}, {"bio_init"})
        self.assertEqual(anchors.rows({"benchmarks": {}}), [])


class Steps(unittest.TestCase):
    def rows(self, **fields):
        results = measured(20.0)
        results["benchmarks"]["anchor"]["cases"]["bio_init"]["kernel's steps"] = {"min_ns": 24.0}
        anchor = anchors.Anchor("bio_init", "7.x", 10.0, 11.0, 20.0, 1.15)._replace(**fields)
        return [(r.contestant, r.ratio, r.verdict) for r in anchors.rows(results, [anchor])]

    def test_a_slow_copy_of_them_is_missed_beside_the_twin(self):
        self.assertEqual(self.rows(), [("page, FLATMEM", 1.0, "met"),
                                       ("kernel's steps", 1.2, "missed")])

    def test_they_are_of_no_other_version(self):
        self.assertEqual(self.rows(limit=None), [("page, FLATMEM", 1.0, "for information")])

    def test_they_have_goals_of_their_own(self):
        results = measured(2.8)
        results["benchmarks"]["anchor"]["cases"]["bio_init"]["kernel's steps"] = {"min_ns": 28.0}
        self.assertEqual([(name, word) for name, _, word, _ in judged(results)],
                         [("anchor-bio-init", "met"), ("anchor-steps-bio-init", "missed")])


class Judge(unittest.TestCase):
    def test_met_missed_and_not_comparable(self):
        self.assertEqual(judged(measured(2.8)), [
            ("anchor-bio-init", 1.0, "met", "2.8 ns, the kernel 2.8")])
        self.assertEqual(judged(measured(28.0)), [
            ("anchor-bio-init", 10.0, "missed", "28.0 ns, the kernel 2.8")])
        self.assertEqual(judged(measured(28.0, model=0)), [
            ("anchor-bio-init", 10.0, "skipped",
             "not comparable: another CPU than Zen 4; 28.0 ns, the kernel 2.8")])


class File(unittest.TestCase):
    def test_each_goal_has_a_name_of_its_own(self):
        names = [anchors.goal_name(a.case, c) for a in anchors.read() if a.limit
                 for c in (anchors.CONTESTANT, anchors.STEPS)]
        self.assertEqual(len(set(names)), len(names))

    def test_who_has_a_limit(self):
        for a in anchors.read():
            pinned = "pin, dirty" in a.case or "get and put" in a.case
            ours = a.kernel == ("6.1" if a.case.startswith("map_sg 6.1") else "7.x")
            known = a.lock_min_ns is not None or not pinned
            self.assertEqual(a.limit is not None, ours and known, a)

    def test_it_says_where_the_figures_are_from(self):
        self.assertLessEqual({"cpu", "kernel", "flags", "how"}, set(anchors.facts()))

    def test_a_line_of_too_few_fields(self):
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as f:
            f.write("# x\nbio_init\t7.x\t1\n")
            f.flush()
            with self.assertRaisesRegex(SystemExit, ":2: 3 fields, not 6"):
                anchors.read(f.name)

    def test_each_anchor_is_a_case(self):
        with open(os.path.join(BENCH, "anchor.c")) as f:
            source = f.read()
        self.assertEqual([a.case for a in anchors.read() if f'"{a.case}"' not in source], [])


if __name__ == "__main__":
    unittest.main()
