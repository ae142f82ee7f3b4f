# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report: what results say, as one HTML page that needs no network, and the same as text.
What a figure means answers.py knows; this file knows only how it looks."""
import base64
import fnmatch
import html
import subprocess

import answers

STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222;
       background: #fff; }
h1, h2 { line-height: 1.25; }
h2 { margin-top: 2.5em; border-top: 1px solid #ccc; padding-top: 1em; }
.asked { color: #666; }
.answer { font-weight: bold; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #666; padding: 1em 0 .2em; white-space: nowrap; }
th, td { padding: .15em .7em; text-align: right; border-bottom: 1px solid #e4e4e4;
         white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
dt { float: left; clear: left; width: 6em; color: #666; }
dd { margin-left: 6em; }
code, pre { font: 13px/1.4 monospace; background: #f5f5f5; }
pre { padding: .6em; overflow-x: auto; }
details { font-size: 14px; margin: .6em 0; }
img { max-width: 100%; }
.missed { color: #a00000; }
"""

COLOURS = ["#0060ad", "#c04000", "#208040", "#8040a0", "#a08000", "#008080", "#606060", "#d04080"]


# --- pictures ---

def _plot(curve):
    """What gnuplot is told."""
    lines = ["set terminal svg size 860,420 font 'sans-serif,13' background '#ffffff'",
             f"set title {_quoted(curve.title)} noenhanced",
             f"set xlabel {_quoted(curve.x)} noenhanced",
             f"set ylabel {_quoted(curve.y)} noenhanced",
             "set key outside right top noenhanced", "set grid lc rgb '#dddddd'",
             "set yrange [*<1:1<*]; set arrow from graph 0, first 1 to graph 1, first 1 nohead dt 2"
             if curve.ratios else "set yrange [0:*]",
             "set logscale x 2; set format x '%.0f'" if curve.logx else ""]
    if curve.ticks:
        lines.append("set xtics (" + ", ".join(f"{_quoted(n)} {x}" for x, n in curve.ticks)
                     + ") rotate by -40 font ',10' noenhanced")
    drawn = [(name, points) for name, points in curve.series if points]
    for i, (_, points) in enumerate(drawn):
        lines += [f"$s{i} << EOD", *(f"{x} {y}" for x, y in points), "EOD"]
    lines.append("plot " + ", ".join(
        f"$s{i} using 1:2 with linespoints lw 2 pt 7 ps 0.5 lc rgb '{COLOURS[i % len(COLOURS)]}'"
        f" title {_quoted(name)}" for i, (name, _) in enumerate(drawn)))
    return "\n".join(lines) + "\n"


def _quoted(text):
    return "'" + text.replace("'", "''") + "'"


def picture(curve):
    """A curve as SVG."""
    try:
        return subprocess.run(["gnuplot"], input=_plot(curve), check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    except FileNotFoundError:
        raise SystemExit("bench: a report needs gnuplot") from None


# --- both forms ---

def _goal_rows(verdicts):
    return answers.Table("", ["goal", "measured", "limit", "", "interval of the ratio, or why not"],
                         [[v.name, "-" if v.value is None else f"{v.value:.3f}", f"{v.limit:g}",
                           v.word, v.remark] for v in verdicts])


def _cpu(results):
    about = [f"{key} {results[key]}" for key in ("family", "model") if key in results]
    about += [f"{results['cpus']} of them"] if "cpus" in results else []
    about += ["in a virtual machine"] if results.get("virtual") else []
    return ", ".join([results["cpu"], *about])


def _machine(results):
    keys = ("kernel", "nodes", "compiler", "flags", "commit", "date")
    rows = [["cpu", _cpu(results)]] + [[k, str(results[k])] for k in keys if k in results]
    return rows + [["load before", " ".join(f"{x:.2f}" for x in results["load"])]]


def _heading(question):
    return f"{question.name}: {question.text}" if question.asked_by else question.text


def _command(question):
    return "./dev bench " + " ".join(question.benchmarks)


def _missed(verdicts, remarks):
    """Goals that are missed, together where one paragraph is written of them, and that."""
    found = {}
    for v in verdicts:
        if v.word == "missed":
            text = remark_of(v.name, remarks) or "Nobody has looked into it yet."
            found.setdefault(text, []).append(f"{v.name} ({v.value:.3f})" if v.value else v.name)
    return [(", ".join(names), text) for text, names in found.items()]


def _counted(verdicts):
    met, missed = (sum(v.word == word for v in verdicts) for word in ("met", "missed"))
    return (f"{met} are met and {missed} missed, {len(verdicts) - met - missed} can't be judged here. What is "
            "written of those that are missed is of the run in docs/answers.md.")


def read_remarks(path):
    """Paragraphs, each with the names of its goals: "## NAME NAME", with * in them, and what
    follows."""
    out = []
    with open(path) as f:
        for line in f:
            if line.startswith("## "):
                out.append((line[3:].split(), []))
            elif out and line.strip():
                out[-1][1].append(line.strip())
    return [(names, " ".join(lines)) for names, lines in out]


def remark_of(name, remarks):
    """The first paragraph that is written of a goal."""
    return next((text for names, text in remarks
                 if any(fnmatch.fnmatchcase(name, n) for n in names)), None)


INTRO = [
    "Figures are of the machine below. A ratio is made in each round, in which all contestants have a turn, in another "
    "order each time; in brackets is the interval that 95 % of its resamples are in, over several processes. ns are the "
    "smallest that were seen, unless they are called median. \"page\" are today's vectors (page, offset, length) "
    "under VMEMMAP and \"phys\" a physical address and a length, both in this library's engine; \"phys again\" is the "
    "same code, linked a second time: what it differs by means nothing. The kernel's own steps, of 7.x and of 6.1, are "
    "beside the engine at the end.",
    "Shares are of this library's way of an I/O, which is shorter than the kernel's: no tags, timers, statistics or device.",
    "\"contiguous\": single pages of huge pages, pinned and added one by one; \"scattered\": single pages no two of "
    "which touch; \"half\": every other one continues the one before; \"fragmented\": pages as the kernel hands them out between those of "
    "others; \"recorded\": in the runs of a recorded kernel's; \"THP\" and \"hugetlb\": one range of huge pages. What an NVMe "
    "command or a bio can't hold is several bios.",
]


def _notes(results):
    """What the benchmarks say of themselves."""
    for name, found in results["benchmarks"].items():
        for key, note in found.get("notes", {}).items():
            yield f"{name}, {key}: {note}"
        for case, figures in found["cases"].items():
            for who, figure in figures.items():
                if "short_sample_ns" in figure:
                    yield (f"{name}, {case}: a sample of \"{who}\" takes "
                           f"{figure['short_sample_ns']:.0f} ns, too short for the clock")


# --- HTML ---

def _html_table(table):
    out = ["<div class=wide><table>"]
    if table.title:
        out.append(f"<caption>{html.escape(table.title)}</caption>")
    out.append("<tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in table.heads) + "</tr>")
    for row in table.rows:
        mark = " class=missed" if "missed" in row else ""
        out.append(f"<tr{mark}>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>")
    return "\n".join(out + ["</table></div>"])


def _html_picture(curve):
    svg = base64.b64encode(picture(curve).encode()).decode()
    return f"<p><img alt=\"{html.escape(curve.title)}\" src=\"data:image/svg+xml;base64,{svg}\">"


def _html_answer(question, answer):
    out = [f"<h2 id={question.name}>{html.escape(_heading(question))}</h2>"]
    if question.asked_by:
        out.append(f"<p class=asked>Asked by {html.escape(question.asked_by)}</p>")
    out.append(f"<p class=answer>{html.escape(answer.sentence)}</p>")
    out += [_html_picture(c) for c in answer.curves if any(points for _, points in c.series)]
    out += [_html_table(t) for t in answer.tables]
    out.append(f"<p>Again: <code>{html.escape(_command(question))}</code></p>")
    keys = "\n".join(html.escape(k) for k in answer.keys)
    out.append(f"<details><summary>{len(answer.keys)} figures of the JSON</summary>"
               f"<pre>{keys}</pre></details>")
    return "\n".join(out)


def _html_goals(verdicts, remarks):
    out = ["<h2 id=goals>Speed goals</h2>", f"<p class=answer>{_counted(verdicts)}</p>"]
    out += [f"<p><b>{html.escape(names)}</b>: {html.escape(text)}</p>"
            for names, text in _missed(verdicts, remarks)]
    out += ["<details><summary>All of them</summary>", _html_table(_goal_rows(verdicts)), "</details>"]
    return "\n".join(out)


def page(results, verdicts, remarks):
    """One self-contained HTML page."""
    answered = answers.all_of(results)
    title = "Block I/O on physical addresses: the maintainers' questions"
    out = ["<!DOCTYPE html>", "<html lang=en><head><meta charset=utf-8>",
           "<meta name=viewport content=\"width=device-width\">",
           f"<title>{title}</title><style>{STYLE}</style></head><body>",
           f"<h1>{title}</h1>", *(f"<p>{html.escape(p)}</p>" for p in INTRO),
           "<dl>" + "".join(f"<dt>{k}<dd>{html.escape(v)}" for k, v in _machine(results)) + "</dl>",
           "<p>All of it again: <code>./dev bench --report</code></p>", "<ul>"]
    out += [f"<li><a href=#{q.name}>{q.name}</a> {html.escape(a.sentence)}</li>"
            for q, a in answered]
    out += ["</ul>", *(_html_answer(q, a) for q, a in answered), _html_goals(verdicts, remarks),
            "<h2 id=notes>What the benchmarks say of themselves</h2><ul>",
            *(f"<li>{html.escape(n)}" for n in _notes(results)), "</ul></body></html>"]
    return "\n".join(out) + "\n"


# --- text ---

def _text_row(row):
    return "| " + " | ".join(c.replace("|", "\\|") for c in row) + " |"


def _text_table(table):
    out = [f"{table.title}:", ""] if table.title else []
    out += [_text_row(table.heads), "|" + "---|" * len(table.heads)]
    return out + [_text_row(r) for r in table.rows] + [""]


def _text_keys(keys):
    """Of each case one line: BENCHMARK | CASE: CONTESTANT, ... (FIGURE, ...)."""
    cases = {}
    for k in keys:
        benchmark, case, contestant, figure = k.split(" | ")
        who, what = cases.setdefault(f"{benchmark} | {case}", ({}, {}))
        who[contestant] = what[figure] = None
    return [f"- {case}: {', '.join(who)} ({', '.join(what)})" for case, (who, what) in cases.items()]


def _text_answer(question, answer):
    out = [f"## {_heading(question)}", ""]
    if question.asked_by:
        out += [f"Asked by {question.asked_by}.", ""]
    out += [f"**{answer.sentence}**", ""]
    for table in answer.tables:
        out += _text_table(table)
    out += [f"Again: `{_command(question)}`. From the figures:", "", *_text_keys(answer.keys), ""]
    return out


def text(results, verdicts, remarks):
    """The same in Markdown, without pictures."""
    out = ["# Answers", "", *(line for p in INTRO for line in (p, "")), "Made by `./dev bench --report`.", ""]
    out += _text_table(answers.Table("", ["machine", ""], _machine(results)))
    for question, answer in answers.all_of(results):
        out += _text_answer(question, answer)
    out += ["## Speed goals", "", f"**{_counted(verdicts)}**", ""]
    for names, remark in _missed(verdicts, remarks):
        out += [f"**{names}**: {remark}", ""]
    out += _text_table(_goal_rows(verdicts))
    out += ["## What the benchmarks say of themselves", "", *(f"- {n}" for n in _notes(results))]
    return "\n".join(out).rstrip() + "\n"


def write(results, verdicts, remarks_path, base):
    """Both forms, at @base.html and @base.md. Returns their paths."""
    remarks = read_remarks(remarks_path)
    made = {base + ".html": page(results, verdicts, remarks),
            base + ".md": text(results, verdicts, remarks)}
    for path, content in made.items():
        with open(path, "w") as f:
            f.write(content)
    return list(made)
