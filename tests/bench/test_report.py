#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report: of the results that docs/answers.md was made from, and of such that were changed."""
import copy
import html.parser
import json
import lzma
import os
import re
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BENCH = os.path.join(ROOT, "bench")
sys.path.insert(0, BENCH)
sys.dont_write_bytecode = True

import anchors  # noqa: E402
import answers  # noqa: E402
import goals  # noqa: E402
import report  # noqa: E402

with lzma.open(os.path.join(ROOT, "docs", "answers.json.xz"), "rt") as source:
    RESULTS = json.load(source)
ANSWERED = answers.all_of(RESULTS)
REMARKS = report.read_remarks(os.path.join(BENCH, "missed.md"))
VERDICTS = (goals.verdicts(goals.read(os.path.join(BENCH, "goals.tsv")), RESULTS)
            + anchors.verdicts(RESULTS))


def changed(keys):
    """The results with some figures multiplied, neighbours by different numbers: a quotient of
    two would else be what it was."""
    out = copy.deepcopy(RESULTS)
    for i, key in enumerate(keys):
        benchmark, case, contestant, figure = key.split(" | ")
        out["benchmarks"][benchmark]["cases"][case][contestant][figure] *= 3 + i % 7
    return out


class Answers(unittest.TestCase):
    def test_eighteen_and_none_is_empty(self):
        self.assertEqual([q.name for q, _ in ANSWERED if q.asked_by], [f"Q{n}" for n in range(1, 19)])
        for question, answer in ANSWERED:
            with self.subTest(question.name):
                self.assertTrue(answer.tables, answer.sentence)
                self.assertRegex(answer.sentence, r"\d")

    def test_each_is_made_from_two_contestants_at_least(self):
        for question, answer in ANSWERED:
            with self.subTest(question.name):
                self.assertGreaterEqual(len({k.split(" | ")[2] for k in answer.keys}), 2)

    def test_each_key_is_in_the_results(self):
        for _, answer in ANSWERED:
            for key in answer.keys:
                benchmark, case, contestant, figure = key.split(" | ")
                self.assertIn(figure, RESULTS["benchmarks"][benchmark]["cases"][case][contestant])

    def test_other_figures_make_another_sentence(self):
        for question, answer in ANSWERED:
            with self.subTest(question.name):
                other = answers.all_of(changed(answer.keys))
                sentence = dict((q.name, a.sentence) for q, a in other)[question.name]
                self.assertNotEqual(sentence, answer.sentence)

    def test_what_lacks_is_named(self):
        less = copy.deepcopy(RESULTS)
        del less["benchmarks"]["lifetime"]
        found = {q.name: a for q, a in answers.all_of(less)}
        self.assertIn("for want of lifetime", found["Q16"].sentence)
        self.assertEqual(found["Q16"].tables, [])
        self.assertEqual(found["Q8"].sentence, dict((q.name, a) for q, a in ANSWERED)["Q8"].sentence)


class Words(unittest.TestCase):
    def test_an_interval_says_who_takes_less(self):
        self.assertEqual(answers.compared((0.8, 0.9), "a", "b"), "a take 10.0% to 20.0% less time than b")
        self.assertEqual(answers.compared((1.1, 1.2), "a", "b"), "a take 10.0% to 20.0% more time than b")

    def test_an_interval_with_1_in_it_says_nothing(self):
        self.assertEqual(answers.compared((0.99, 1.01), "a", "b"),
                         "a can't be told from b (0.990 to 1.010 times)")

    def test_what_twins_differ_by_is_no_share(self):
        self.assertEqual(answers.compared((0.97, 0.995), "a", "b"), "a take 0.970 to 0.995 times as long as b")

    def test_a_ratio_stands_below_its_base_alone(self):
        f = answers.Figures({"benchmarks": {"x": {"cases": {"c": {
            "a": {"base": "b", "ratio": 2.0, "low": 1.5, "high": 2.5}}}}}})
        self.assertEqual(answers.ratio_to("b")(f, "x", "c", "a"), "2.000 [1.500, 2.500]")
        with self.assertRaises(answers.Missing):
            answers.ratio_to("other")(f, "x", "c", "a")


class Remarks(unittest.TestCase):
    def test_the_first_that_fits(self):
        with tempfile.NamedTemporaryFile("w+") as f:
            f.write("# of this file\n\n## a-b c-*\nOne,\nand more.\n\n## a-*\nTwo.\n")
            f.flush()
            remarks = report.read_remarks(f.name)
        self.assertEqual([report.remark_of(n, remarks) for n in ("a-b", "c-1", "a-c", "d")],
                         ["One, and more.", "One, and more.", "Two.", None])


class BreakEven(unittest.TestCase):
    def text(self, *points):
        lookup = {f"delay {i}": {"min_ns": ns} for i, (ns, _, _) in enumerate(points)}
        ratios = {f"delay {i}": {"low": low, "high": high} for i, (_, low, high) in enumerate(points)}
        return answers.break_even_text(answers.Figures({"benchmarks": {"break-even": {"cases": {
            "one lookup": lookup, "4 KiB": ratios}}}}), "4 KiB")

    def test_between_two_points(self):
        self.assertEqual(self.text((2.0, 0.8, 0.9), (4.0, 1.0, 1.1)), "3.0 to 4.0")

    def test_from_the_first_point_on(self):
        self.assertEqual(self.text((2.0, 1.1, 1.2), (4.0, 1.2, 1.3)), "2.0 to 2.0")

    def test_perhaps_nowhere(self):
        self.assertEqual(self.text((2.0, 0.8, 0.9), (4.0, 0.9, 1.1)), "3.0 or more")

    def test_nowhere(self):
        self.assertEqual(self.text((2.0, 0.8, 0.9), (4.0, 0.8, 0.9)), "nowhere on the curve")


class Tags(html.parser.HTMLParser):
    """What opens must close."""
    VOID = {"meta", "img", "br", "p", "li", "dt", "dd"}

    def __init__(self):
        super().__init__()
        self.open = []
        self.sources = []

    def handle_starttag(self, tag, attrs):
        self.sources += [v for k, v in attrs if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = report.page(RESULTS, VERDICTS, REMARKS)
        cls.tags = Tags()
        cls.tags.feed(cls.page)

    def test_what_opens_closes(self):
        self.assertEqual(self.tags.open, [])

    def test_it_needs_no_network(self):
        self.assertEqual([s[:40] for s in self.tags.sources if not s.startswith(("#", "data:"))], [])
        self.assertNotIn("http", re.sub(r"base64,[^\"]*", "", self.page))

    def test_each_answer_is_in_it(self):
        for question, answer in ANSWERED:
            self.assertIn(f"<h2 id={question.name}>", self.page)
            self.assertIn(html.escape(answer.sentence), self.page)

    def test_pictures_are_drawn(self):
        for _, answer in ANSWERED:
            for curve in answer.curves:
                svg = report.picture(curve)
                self.assertIn("</svg>", svg)
                self.assertGreaterEqual(svg.count("gnuplot_plot_"), len(curve.series))


class Text(unittest.TestCase):
    def test_ours_is_what_its_results_say(self):
        with open(os.path.join(ROOT, "docs", "answers.md")) as f:
            self.assertEqual(f.read(), report.text(RESULTS, VERDICTS, REMARKS))

    def test_a_missed_goal_has_its_paragraph(self):
        missed = [v.name for v in VERDICTS if v.word == "missed"]
        self.assertEqual([name for name in missed if not report.remark_of(name, REMARKS)], [])


if __name__ == "__main__":
    unittest.main()
