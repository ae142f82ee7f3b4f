#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What becomes of a benchmark's samples: made-up ones, whose result is known."""
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench")
sys.path.insert(0, BENCH)
sys.dont_write_bytecode = True

import goals  # noqa: E402
import numpy  # noqa: E402
import results  # noqa: E402
import savings  # noqa: E402


def run_of(*lines):
    run = results.Run()
    for line in lines:
        run.line("\t".join(line) + "\n")
    return run


def case_of(*lines):
    return next(iter(run_of(*lines).cases.values()))


def noisy(ratios, rng, n=200):
    return [r * rng.normal(1, 0.01, n) for r in ratios]


class Lines(unittest.TestCase):
    def test_samples_are_for_one_unit(self):
        case = case_of(("case", "c"), ("samples", "a", "a", "4", "40 80 40 "),
                       ("samples", "b", "a", "2", "40 20 40 "))
        f = results.figures(case)
        self.assertEqual(f["a"]["min_ns"], 10)
        self.assertEqual(f["b"]["median_ns"], 20)
        self.assertEqual(f["b"]["ratio"], 2)
        self.assertEqual(f["b"]["min_ratio"], 1)
        self.assertEqual((f["b"]["processes"], f["b"]["rounds"]), (1, 3))

    def test_processes_add_up(self):
        lines = [("case", "c"), ("samples", "a", "a", "1", "10 10"), ("samples", "b", "a", "1", "20 5")]
        f = results.figures(case_of(*lines, *lines))
        self.assertEqual((f["b"]["processes"], f["b"]["rounds"]), (2, 4))
        self.assertEqual(f["b"]["min_ns"], 5)

    def test_a_ratio_is_to_its_base(self):
        f = results.figures(case_of(("case", "c"), ("samples", "a", "a", "1", "10"),
                                    ("samples", "b", "a", "1", "20"), ("samples", "c", "b", "1", "30")))
        self.assertEqual(f["c"]["ratio"], 1.5)

    def test_values_and_skips(self):
        run = run_of(("bench", "x", "title"), ("note", "key", "text"), ("skip", "s", "why"),
                     ("case", "c"), ("samples", "a", "a", "1", "10"), ("value", "a", "k", "7"),
                     ("absent", "b", "none"))
        self.assertEqual((run.title, run.notes), ("title", {"key": "text"}))
        self.assertEqual(results.figures(run.cases["s"]), {"skipped": "why"})
        self.assertEqual(results.figures(run.cases["c"])["a"]["k"], 7)
        self.assertEqual(results.figures(run.cases["c"])["b"], {"skipped": "none"})

    def test_another_line_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "no benchmark prints: 'what\\\\tever"):
            run_of(("what", "ever"))


class Intervals(unittest.TestCase):
    def test_it_has_what_is_true(self):
        rng = numpy.random.default_rng(7)
        for truth in (0.5, 1.0, 3.0):
            estimate, low, high = results.interval(noisy([truth] * 5, rng))
            self.assertTrue(low <= truth <= high, (low, truth, high))
            self.assertTrue(low <= estimate <= high)
            self.assertLess(high - low, 0.02 * truth)

    def test_processes_that_differ_make_it_wide(self):
        rng = numpy.random.default_rng(7)
        _, low, high = results.interval(noisy([1.0, 1.0, 1.3], rng))
        self.assertGreater(high - low, 0.2)

    def test_one_odd_process_does_not_move_the_estimate(self):
        rng = numpy.random.default_rng(7)
        estimate, _, _ = results.interval(noisy([1.0] * 8 + [2.0], rng))
        self.assertAlmostEqual(estimate, 1.0, delta=0.01)

    def test_the_same_samples_give_the_same(self):
        r = noisy([1.0, 1.1], numpy.random.default_rng(7))
        self.assertEqual(results.interval(r), results.interval(r))

    def test_wide_is_wider_than_asked_for(self):
        f = {"ratio": 2.0, "low": 1.97, "high": 2.02}
        self.assertTrue(results.is_wide(f, 0.01))
        self.assertFalse(results.is_wide(f, 0.02))


RESULTS = {"benchmarks": {"x": {"cases": {
    "c": {"a": {"base": "a", "ratio": 1.0, "low": 1.0, "high": 1.0, "min_ns": 2.0},
          "b": {"base": "a", "ratio": 1.5, "low": 1.4, "high": 1.6, "min_ns": 3.0,
                "callgrind_instructions": 1000.0}},
    "d": {"b": {"base": "b", "ratio": 1.0, "low": 1.0, "high": 1.0, "min_ns": 4.5}},
    "e": {"b": {"base": "b", "ratio": 1.0, "low": 1.0, "high": 1.0},
          "simd": {"skipped": "this CPU has none"}},
    "s": {"skipped": "no such CPU"}}}}}


def measured(base, min_ns, base_ns, **conversions):
    ratio = min_ns / base_ns
    return {"base": base, "min_ns": min_ns, "ratio": ratio, "low": ratio - 0.01,
            "high": ratio + 0.01, **conversions}


def page(min_ns, n):
    return measured("page", min_ns, 100.0, page_to_phys=n, phys_to_page=1)


# A conversion takes 0.5 ns, or 2 under SPARSEMEM; back 0.25.
E2E = {"benchmarks": {"e2e": {"cases": {
    "one conversion": {
        "read": measured("read", 1.0, 1.0),
        "page to phys, VMEMMAP": measured("read", 1.5, 1.0),
        "phys to page, VMEMMAP": measured("read", 1.25, 1.0),
        "page to phys, SPARSEMEM": measured("read", 3.0, 1.0),
        "phys to page, SPARSEMEM": measured("read", 1.25, 1.0)},
    "4 KiB: map": {"page": page(100.0, 1), "phys": page(101.0, 0)},
    "16 KiB: map": {
        "page": page(100.0, 10), "phys": page(95.5, 0), "page, SPARSEMEM": page(128.0, 10),
        "phys, SPARSEMEM": measured("page, SPARSEMEM", 112.0, 128.0,
                                    page_to_phys=0, phys_to_page=1)},
    "64 KiB: map": {"page": page(100.0, 20), "phys": page(95.0, 0),
                    "phys12": measured("page", 95.0, 100.0)},
    "1 MiB: map": {"skipped": "no memory"}}}}}


def judged(*rows, of=RESULTS):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as f:
        f.write("# a comment\n" + "".join("\t".join(r) + "\n" for r in rows))
        f.flush()
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = goals.say(goals.verdicts(goals.read(f.name), of))
    return code, out.getvalue()


class Goals(unittest.TestCase):
    def test_met_missed_and_skipped(self):
        code, out = judged(("g1", "1.5", "x", "ratio", "c", "b", "-"),
                           ("g2", "1.49", "x", "ratio", "c", "b", "-"),
                           ("g3", "1", "x", "ratio", "s", "b", "-"))
        self.assertEqual(code, 1)
        self.assertEqual(out.splitlines(), [
            "goal g1 1.500 1.5 met (median ratio 1.400 to 1.600)",
            "goal g2 1.500 1.49 missed (median ratio 1.400 to 1.600)",
            "goal g3 - 1 skipped (no such CPU)"])

    def test_a_figure_over_that_of_another_case(self):
        code, out = judged(("g", "1.5", "x", "min_ns", "d", "b", "c|b"))
        self.assertEqual((code, out), (0, "goal g 1.500 1.5 met\n"))

    def test_what_was_not_measured_is_not_met(self):
        code, out = judged(("g", "1", "x", "ratio", "nowhere", "b", "-"))
        self.assertEqual((code, out), (1, "goal g - 1 missed (no ratio of nowhere, b)\n"))

    def test_the_first_that_the_machine_can_have(self):
        _, out = judged(("g", "1.5", "x", "ratio", "e", "simd/b", "-"))
        self.assertEqual(out, "goal g 1.000 1.5 met (median ratio 1.000 to 1.000)\n")
        code, out = judged(("g", "1.5", "x", "ratio", "e", "simd", "-"))
        self.assertEqual((code, out), (0, "goal g - 1.5 skipped (this CPU has none)\n"))

    def test_a_line_of_too_few_fields(self):
        with self.assertRaisesRegex(SystemExit, ":2: 3 fields, not 7"):
            judged(("g", "1", "x"))

    def test_each_case_that_matches(self):
        code, out = judged(("g", "1", "e2e", "min_ns", "* KiB: map", "phys", "16 KiB: map|page"),
                           of=E2E)
        self.assertEqual((code, out.splitlines()), (1, [
            "goal g-4 1.010 1 missed", "goal g-16 0.955 1 met", "goal g-64 0.950 1 met"]))

    def test_each_case_over_itself(self):
        _, out = judged(("g", "1", "e2e", "min_ns", "* KiB: map", "phys", "*|page"), of=E2E)
        self.assertEqual(out.splitlines(), [
            "goal g-4 1.010 1 missed", "goal g-16 0.955 1 met", "goal g-64 0.950 1 met"])

    def test_no_case_that_matches(self):
        code, out = judged(("g", "1", "x", "ratio", "*: map", "b", "-"))
        self.assertEqual((code, out), (1, "goal g - 1 missed (no case matches *: map)\n"))

    def test_a_quotient_is_as_wide_as_both(self):
        of = {"benchmarks": {"x": {"cases": {c: {"a": {
            "base": "a", "ratio": 1.0, "low": 1.0, "high": 1.0, "min_ns": ns, "median_ns": ns,
            "median_low_ns": 0.9 * ns, "median_high_ns": 1.2 * ns}} for c, ns in (("c", 30.0), ("d", 20.0))}}}}
        _, out = judged(("g", "2", "x", "median_ns", "c", "a", "d|a"), of=of)
        self.assertEqual(out, "goal g 1.500 2 met (median ratio 1.125 to 2.000)\n")

    def test_a_saving_that_falls_short(self):
        code, out = judged(("g", "0.2", "e2e", "shortfall", "*: map", "phys", "-"), of=E2E)
        self.assertEqual((code, out.splitlines()), (1, [
            "goal g-16-kib 0.100 0.2 met", "goal g-64-kib 0.500 0.2 missed",
            "goal g - 0.2 skipped (conversions predict less than 3%; cases: 1)",
            "goal g - 0.2 skipped (no memory; cases: 1)"]))

    def test_a_conversion_that_costs_nothing_to_be_measured(self):
        of = json.loads(json.dumps(E2E))
        of["benchmarks"]["e2e"]["cases"]["one conversion"]["page to phys, VMEMMAP"].update(
            ratio=1.005, low=0.995, high=1.015)
        code, out = judged(("g", "0.2", "e2e", "shortfall", "64 KiB: map", "phys", "-"), of=of)
        self.assertEqual((code, out), (0, "goal g - 0.2 skipped (the cost of one conversion, page "
                                          "to phys, VMEMMAP, can't be told from 0: -0.005 to 0.015 "
                                          "ns)\n"))

    def test_what_is_converted_as_often_may_cost_nothing(self):
        of = json.loads(json.dumps(E2E))
        of["benchmarks"]["e2e"]["cases"]["one conversion"]["phys to page, VMEMMAP"].update(
            ratio=1.0, low=0.99, high=1.01)
        _, out = judged(("g", "0.2", "e2e", "shortfall", "16 KiB: map", "phys", "-"), of=of)
        self.assertEqual(out, "goal g 0.100 0.2 met\n")

    def test_a_saving_that_can_not_be_predicted(self):
        code, out = judged(("g", "0.2", "e2e", "shortfall", "64 KiB: map", "phys12", "-"), of=E2E)
        self.assertEqual((code, out), (1, "goal g - 0.2 missed (no page_to_phys)\n"))

    def test_ours_can_be_read(self):
        ours = goals.read(os.path.join(BENCH, "goals.tsv"))
        self.assertEqual(len({g.name for g in ours}), len(ours))


class Savings(unittest.TestCase):
    def expect(self, saving, predicted, measured, share):
        for is_, should in zip(saving, (predicted, measured, share)):
            self.assertAlmostEqual(is_, should)

    def test_under_both_memory_models(self):
        self.expect(savings.of(savings.getter(E2E), "e2e", "16 KiB: map", "phys"), 5, 4.5, 5 / 100)
        self.expect(savings.of(savings.getter(E2E), "e2e", "16 KiB: map", "phys, SPARSEMEM"), 20, 16, 20 / 128)

    def test_what_is_converted_by_the_contestant_alone_is_lost(self):
        of = json.loads(json.dumps(E2E))
        of["benchmarks"]["e2e"]["cases"]["4 KiB: map"]["phys"]["phys_to_page"] = 3
        self.expect(savings.of(savings.getter(of), "e2e", "4 KiB: map", "phys"), 0, -1, 0)

    def test_it_is_by_the_ratio_of_each_round(self):
        of = json.loads(json.dumps(E2E))
        of["benchmarks"]["e2e"]["cases"]["16 KiB: map"]["phys"]["min_ns"] = 50.0
        self.expect(savings.of(savings.getter(of), "e2e", "16 KiB: map", "phys"), 5, 4.5, 5 / 100)

    def test_a_figure_that_is_not_there(self):
        with self.assertRaises(KeyError):
            savings.of(savings.getter(E2E), "e2e", "64 KiB: map", "phys12")


class Compare(unittest.TestCase):
    def compare(self, change):
        new = json.loads(json.dumps(RESULTS))
        change(new["benchmarks"]["x"]["cases"]["c"]["b"])
        with tempfile.TemporaryDirectory() as tmp:
            for name, r in (("old", RESULTS), ("new", new)):
                with open(os.path.join(tmp, name), "w") as f:
                    json.dump(r, f)
            return subprocess.run([sys.executable, os.path.join(BENCH, "compare"), "old", "new"],
                                  cwd=tmp, capture_output=True, text=True, check=False)

    def test_nothing_changed(self):
        p = self.compare(lambda f: None)
        self.assertEqual((p.returncode, p.stdout),
                         (0, "1 of 1 ratios overlap in their intervals\n"))

    def test_within_the_noise(self):
        p = self.compare(lambda f: f.update(ratio=1.65, low=1.6, high=1.7))
        self.assertEqual(p.returncode, 0)

    def test_beyond_the_noise(self):
        p = self.compare(lambda f: f.update(ratio=1.7, low=1.61, high=1.8))
        self.assertEqual(p.returncode, 1)
        self.assertIn("x, c, b: ratio to a 1.500 [1.400, 1.600] -> 1.700 [1.610, 1.800]", p.stdout)

    def test_instructions(self):
        p = self.compare(lambda f: f.update(callgrind_instructions=1000.9))
        self.assertNotIn("instructions", p.stdout)
        p = self.compare(lambda f: f.update(callgrind_instructions=1002.0))
        self.assertIn("instructions 1000.0 -> 1002.0 (+0.20%)", p.stdout)

    def test_no_results(self):
        p = subprocess.run([sys.executable, os.path.join(BENCH, "compare"), "/dev/null",
                            "/dev/null"], capture_output=True, text=True, check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("/dev/null: no results", p.stderr)


if __name__ == "__main__":
    unittest.main()
