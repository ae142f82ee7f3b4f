# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The maintainers' questions (2019 to 2026), and what results say to them. An answer is a sentence
made from figures, and tables and curves of those figures: nothing in here is known
beforehand, and how it looks is not decided here."""
import collections
import errno

import anchors
import savings

Answer = collections.namedtuple("Answer", "sentence tables curves", defaults=((),))
# Its first column names the row; all are texts.
Table = collections.namedtuple("Table", "title heads rows")
# A series is a name and its points; ticks are places on x that have a name instead of a number;
# of ratios what counts is where they are to 1, of all else where they are to 0.
Curve = collections.namedtuple("Curve", "title x y series logx ratios ticks",
                               defaults=(False, False, ()))
Answered = collections.namedtuple("Answered", "sentence tables curves keys")
Question = collections.namedtuple("Question", "name text asked_by benchmarks answer")


class Missing(Exception):
    """Figures that an answer needs and the results don't have."""


class Figures:
    """Results, and a record of which of them were looked at."""

    def __init__(self, results):
        self.results = results
        self.keys = {}

    def _case(self, benchmark, case):
        found = self.results["benchmarks"].get(benchmark, {}).get("cases", {}).get(case)
        if found is None:
            raise Missing(f"{benchmark}, {case}")
        if "skipped" in found:
            raise Missing(f"{benchmark}, {case}: {found['skipped']}")
        return found

    def get(self, benchmark, case, contestant, key="ratio"):
        found = self._case(benchmark, case)
        if key not in found.get(contestant, {}):
            raise Missing(f"{benchmark}, {case}, {contestant}: {key}")
        if key != "base":
            self.keys[f"{benchmark} | {case} | {contestant} | {key}"] = None
        return found[contestant][key]

    def ns(self, benchmark, case, contestant):
        return self.get(benchmark, case, contestant, "min_ns")

    def bounds(self, benchmark, case, contestant):
        return tuple(self.get(benchmark, case, contestant, k) for k in ("low", "high"))

    def cases(self, benchmark, start="", end=""):
        """What is between @start and @end in the names of the cases that were measured."""
        found = self.results["benchmarks"].get(benchmark, {}).get("cases", {})
        names = [n[len(start):len(n) - len(end)] for n, c in found.items()
                 if n.startswith(start) and n.endswith(end) and "skipped" not in c]
        if not names:
            raise Missing(f"{benchmark}: no case \"{start}...{end}\"")
        return names


# --- words and cells ---

def ns_text(ns):
    return f"{ns:.2f}" if abs(ns) < 10 else f"{ns:.1f}" if abs(ns) < 1000 else f"{ns:,.0f}"


def count_text(n):
    return f"{n:,.0f}" if n == int(n) else f"{n:.2f}"


# Nearer to 1 a share would say more than is known: the same code, linked a second time, differs
# by as much ("phys again").
TWINS_DIFFER = 0.01


def compared(bounds, who, whom):
    """A ratio's interval in words."""
    low, high = bounds
    if low > 1.5:
        return f"{who} take {low:.2f} to {high:.2f} times as long as {whom}"
    if high < 1 - TWINS_DIFFER:
        return f"{who} take {1 - high:.1%} to {1 - low:.1%} less time than {whom}"
    if low > 1 + TWINS_DIFFER:
        return f"{who} take {low - 1:.1%} to {high - 1:.1%} more time than {whom}"
    if low > 1 or high < 1:
        return f"{who} take {low:.3f} to {high:.3f} times as long as {whom}"
    return f"{who} can't be told from {whom} ({low:.3f} to {high:.3f} times)"


def span(values, form="{:.2f}"):
    """The smallest and the largest of several."""
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"


def or_dash(cell, *args):
    """A cell, or a dash if the machine or the contestant can't have it."""
    try:
        return cell(*args)
    except Missing:
        return "-"


def ns_cell(f, benchmark, case, contestant):
    return ns_text(f.ns(benchmark, case, contestant))


def ratio_text(ratio):
    return f"{ratio:.3f}" if ratio < 100 else f"{ratio:,.0f}"


def ratio_cell(f, benchmark, case, contestant):
    values = (f.get(benchmark, case, contestant), *f.bounds(benchmark, case, contestant))
    return "{} [{}, {}]".format(*map(ratio_text, values))


def ratio_to(base):
    """A cell of those whose ratio is to @base: what stands at the head is true."""
    def cell(f, benchmark, case, contestant):
        if f.get(benchmark, case, contestant, "base") != base:
            raise Missing(f"{benchmark}, {case}: {contestant} / {base}")
        return ratio_cell(f, benchmark, case, contestant)
    return cell


def count_cell(key):
    return lambda f, b, case, who: count_text(f.get(b, case, who, key))


def share_cell(key):
    return lambda f, b, case, who: f"{f.get(b, case, who, key):.1%}"


def grid(f, benchmark, title, cases, columns, start="", end=""):
    """A row for each case. A column is a head, a contestant, and what makes a cell."""
    rows = [[case] + [or_dash(cell, f, benchmark, start + case + end, who)
                      for _, who, cell in columns] for case in cases]
    return Table(title, [start.rstrip(": ,") or "case"] + [head for head, _, _ in columns], rows)


def ns_columns(whos):
    return [(who, who, ns_cell) for who in whos]


def ratio_columns(base, whos):
    return [(f"{base}, ns", base, ns_cell)] + [(f"{w} / {base}", w, ratio_to(base)) for w in whos]


# --- the whole way, which several ask about ---

def plain_shapes(f, end=": whole"):
    """Shapes of an I/O, in the hot cases that all stages have."""
    return [s for s in f.cases("e2e", end=end)
            if "depth" not in s and "cold" not in s and "segment" not in s]


WHOLE = "the whole way of an I/O: pin, add, split, map, dirty and unpin"
STAGES = ["add", "split", "merge", "map", "complete", "whole"]


def whole_table(f, *whos):
    """Of representations that have an address, all in the same rounds."""
    return grid(f, "e2e", WHOLE, plain_shapes(f), ratio_columns("phys", whos), end=": whole")


def stage_table(f, case, *whos):
    return grid(f, "e2e", f"by stage, {case}", STAGES, ratio_columns("phys", whos), case + ": ")


def stage_times(f, who):
    """What each stage of one I/O takes of the base's time."""
    ratios = {s: f.get("e2e", "1 MiB scattered: " + s, who) for s in STAGES[:-2]}
    return ", ".join(f"{s} {r:.3f}" for s, r in ratios.items()) + " times"


def widest(f, who):
    """What all intervals of the whole way are in."""
    bounds = [f.bounds("e2e", s + ": whole", who) for s in plain_shapes(f)]
    return f"{min(low for low, _ in bounds):.3f} to {max(high for _, high in bounds):.3f}"


def size_curve(f, base, whos):
    shapes = plain_shapes(f)
    return Curve(f"the whole way of an I/O: ratio to {base}", "", f"ratio to {base}",
                 [(w, [(i, f.get("e2e", s + ": whole", w)) for i, s in enumerate(shapes)])
                  for w in whos], ratios=True, ticks=list(enumerate(shapes)))


# --- the questions ---

REAL = ["page", "phys", "phys12", "phyr", "phys31"]


def entry_table(f, start, *whos):
    return grid(f, "vector", f"ns for an entry of a table, {start.rstrip(': ')}",
                f.cases("vector", start), ratio_columns("u32", whos), start)


def q1(f):
    walks = f.cases("vector", "walk: ")
    lines = grid(f, "vector", "cache lines that a bio and its entries touch", f.cases("vector", "bio: "),
                 [(w, w, count_cell("lines")) for w in REAL], "bio: ")
    loops = [entry_table(f, start, "packed") for start in ("read: ", "write: ", "walk: ")]
    loops.append(grid(f, "vector", "packed entries whose address is in two cache lines", walks[:1],
                      [("packed", "packed", share_cell("line_crossings"))], "walk: "))
    loops.append(grid(f, "vector", "bytes of the table of a bio", f.cases("vector", "bio: "),
                      [(w, w, count_cell("table_bytes")) for w in REAL], "bio: "))
    loops.append(grid(f, "vector", "the limits of a bio that is in no cache", f.cases("vector", "bio: "),
                      ratio_columns("page", ["phys", "phys12"]), "bio: "))
    return Answer(
        f"Over the whole way packed entries of 12 bytes take {widest(f, 'phys12')} times what "
        f"entries of 16 bytes take, at 1 MiB in 256 pages {stage_times(f, 'phys12')}; to walk a table takes "
        f"{span([f.get('vector', 'walk: ' + w, 'packed') for w in walks], '{:.3f}')} times as long; 256 "
        f"are {f.get('vector', 'bio: 256 entries', 'phys12', 'table_bytes'):.0f} bytes instead of "
        f"{f.get('vector', 'bio: 256 entries', 'phys', 'table_bytes'):.0f}, with their bio "
        f"{f.get('vector', 'bio: 256 entries', 'phys12', 'lines'):.0f} cache lines instead of "
        f"{f.get('vector', 'bio: 256 entries', 'phys', 'lines'):.0f}.",
        [whole_table(f, "phys12", "phys again"), stage_table(f, "128 KiB scattered", "phys12", "phys again"),
         stage_table(f, "1 MiB scattered", "phys12", "phys again"), *loops, lines],
        [size_curve(f, "phys", ["phys12", "phys again"])])


LENGTHS = ["u32", "packed", "size_t", "31 bits"]
EDGES = ["2^31-1", "2^31", "2^32-1", "2^32", "2^32+4096", "2^33"]


def q2(f):
    large, edge = "buffer: 16 GiB", "buffer: 1 GiB"
    entries, unlimited = ({w: f.get("vector", large, w, k) for w in LENGTHS}
                          for k in ("entries", "entries_unlimited"))
    tables = [
        grid(f, "vector", "a contiguous buffer", f.cases("vector", "buffer: "), [
            (f"{w}: {k}", w, count_cell(k)) for w in LENGTHS for k in ("entries", "bios")],
            "buffer: "),
        Table("a range of so many bytes is offered: what a length keeps of it if nobody asks, what an "
              "empty bio takes, in how many entries",
              ["bytes"] + [f"{w}: {k}" for w in LENGTHS for k in ("unchecked", "taken", "entries")],
              [[n] + [count_text(f.get("vector", edge, w, f"{k}_{n}")) for w in LENGTHS
                      for k in ("stored", "bytes", "entries")] for n in EDGES]),
        grid(f, "vector", "bytes of the engine's code", ["1 entry"], [
            (w, w, count_cell("text_bytes")) for w in REAL], "bio: "),
        *(entry_table(f, start, "size_t", "31 bits") for start in ("read: ", "write: ", "walk: ")),
        whole_table(f, "phyr", "phys31", "phys again"),
        stage_table(f, "1 MiB scattered", "phyr", "phys31", "phys again")]
    return Answer(
        f"Over the whole way a size_t length takes {widest(f, 'phyr')} times what a u32 takes (at 1 MiB in 256 "
        f"pages {stage_times(f, 'phyr')}), one of 31 bits and a flag {widest(f, 'phys31')} times "
        f"({stage_times(f, 'phys31')}); "
        f"16 GiB of contiguous memory are {entries['u32']:.0f} entries by u32, "
        f"{entries['size_t']:.0f} by size_t and {entries['31 bits']:.0f} by 31 bits, since a bio "
        f"ends at UINT_MAX bytes whatever its entries could hold, and would be {unlimited['u32']:.0f}, "
        f"{unlimited['size_t']:.0f} and {unlimited['31 bits']:.0f} without that.", tables)


MARKS = ["vector bit", "lookup", "page", "no P2P"]


def q3(f):
    shapes = [c[:-len(": map")] for c in f.cases("mark", "mark, ") if c.endswith(": map") and "16 peers" not in c]
    tables = [grid(f, "mark", f"{stage}: ratio to a mark on the bio", shapes,
                   ratio_columns("bio", MARKS), "mark, ", ": " + stage) for stage in ("map", "add")]
    tables.append(grid(f, "mark", "of 16 peers in one bio, which no mark on the bio can tell", ["map", "add"],
                       ratio_columns("vector bit", ["lookup"]), "mark, 256 ranges of 16 peers: "))
    for key, words in (("callgrind_instructions", "instructions"),
                       ("callgrind_branches", "conditional branches")):
        whos = [w for w in ["bio"] + MARKS if has(f, "mark", "mark, 256 ranges RAM: map", w, key)]
        if whos:
            tables.append(grid(f, "mark", f"map: {words} for a range", shapes, [
                (w, w, count_cell(key)) for w in whos], "mark, ", ": map"))
    ram, peer = "mark, 256 ranges RAM: map", "mark, 256 ranges P2P: map"
    ram_added = "mark, 256 ranges RAM: add"
    return Answer(
        "To map RAM, "
        + compared(f.bounds("mark", ram, "vector bit"), "marks in the vectors", "a mark on the bio")
        + ", " + compared(f.bounds("mark", ram, "lookup"), "lookups of each address", "it") + ", and "
        + compared(f.bounds("mark", ram, "no P2P"), "engines that know no P2P", "it")
        + "; to add RAM, where whoever adds must look up what to mark, "
        + compared(f.bounds("mark", ram_added, "vector bit"), "marks in the vectors", "a mark on the bio")
        + " and " + compared(f.bounds("mark", ram_added, "lookup"), "lookups", "it")
        + "; to map a peer's memory, "
        + compared(f.bounds("mark", peer, "vector bit"), "marks in the vectors", "a mark on the bio")
        + " and " + compared(f.bounds("mark", peer, "lookup"), "lookups", "it")
        + ". A bio's mark is told by its submitter.", tables)


def has(f, *what):
    try:
        f.get(*what)
    except Missing:
        return False
    return True


def q4(f):
    patterns = f.cases("mark", "mixing, ")
    table = grid(f, "mark", "an I/O of 256 pages, of RAM and of a peer's memory: adds that a bio refused, "
                 "merges that a request took and refused", patterns, [
        (f"{w}: {words}", w, count_cell(k)) for w in ("uniform", "mixed") for k, words in (
            ("bios", "bios"), ("requests", "requests"), ("refused", "adds refused"), ("merges", "merges"),
            ("refused_merges", "merges refused"))] + [("uniform, ns", "uniform", ns_cell)] + [
        (f"{w} / uniform", w, ratio_cell) for w in ("mixed", "mixed, vector bit")], "mixing, ")
    def times(pattern, who="mixed"):
        return f.get("mark", "mixing, " + pattern, who)

    def name(pattern):
        every = pattern.split("every ")[-1]
        return {pattern: pattern, "1": "another kind each page"}.get(every, f"another kind each {every} pages")
    said = "; ".join(f"{name(p)} (in {f.get('mark', 'mixing, ' + p, 'uniform', 'bios'):.0f}), {times(p):.2f} and "
                     f"{times(p, 'mixed, vector bit'):.2f} times" for p in patterns)
    cheaper = [name(p) for p in patterns if times(p) < 1]
    return Answer(
        "A mixed bio takes less time " + (f"with {' and '.join(cheaper)}, more with all else" if cheaper else "with none")
        + ". 256 pages in one mixed bio, where each address is looked up or where vectors have a bit, against bios of one "
        f"kind each: {said}.", [table])


MODELS = ["flatmem", "vmemmap", "sparsemem", "extreme", "radix", "range", "cache", "shared"]


def break_even_points(f, shape, key):
    """The time of a lookup, and the ratio that physical vectors are at."""
    case = f.results["benchmarks"].get("break-even", {}).get("cases", {}).get(shape, {})
    return [(f.ns("break-even", "one lookup", c), f.get("break-even", shape, c, key))
            for c in case if c.startswith("delay")]


def crossing(points):
    """Where a curve of ratios comes to 1; None: nowhere."""
    for (ns, ratio), (next_ns, next_ratio) in zip([(0, 0)] + points, points):
        if next_ratio >= 1:
            return next_ns if ratio == 0 else ns + (next_ns - ns) * (1 - ratio) / (next_ratio - ratio)
    return None


def break_even_text(f, shape):
    """ns of a lookup from which on physical vectors lose, by both ends of the interval."""
    first, last = (crossing(break_even_points(f, shape, key)) for key in ("high", "low"))
    if first is None:
        return "nowhere on the curve"
    return f"{first:.1f} or more" if last is None else f"{first:.1f} to {last:.1f}"


def q5(f):
    cases = f.cases("lookup")
    models = MODELS + ["memdesc"]
    table = grid(f, "lookup", "ns for a lookup in a chain of them, the chain's own steps too; radix as an xarray, range as "
                 "a maple tree", cases, ns_columns(models))
    misses = [m for m in models if has(f, "lookup", "random, cold", m, "cache_misses")]
    tables = [table]
    if misses:
        tables.append(grid(f, "lookup", "cache misses for a lookup", cases, [
            (m, m, count_cell("cache_misses")) for m in misses]))
    shapes = [s for s in f.cases("break-even") if s != "one lookup"]
    curve = Curve("physical vectors against page vectors, whole way: by the time of a lookup",
                  "ns of a lookup", "ratio to page",
                  [(s, [p for p in break_even_points(f, s, "ratio") if p[0] < 50]) for s in shapes],
                  ratios=True)
    evens = {s: break_even_text(f, s) for s in shapes}
    tables.append(Table("physical vectors lose from a lookup of so many ns on",
                        ["the whole way", *evens], [["ns", *evens.values()]]))
    warm = {m: f.ns("lookup", "random, warm", m) for m in MODELS}
    cold = {m: f.ns("lookup", "random, cold", m) for m in MODELS}
    return Answer(
        f"At random with warm tables a lookup that waits for the one before takes {ns_text(warm['vmemmap'])} ns under VMEMMAP, "
        f"{ns_text(warm['extreme'])} under SPARSEMEM EXTREME, {ns_text(warm['radix'])} by a radix tree "
        f"(an xarray) and {ns_text(warm['range'])} by a tree of ranges (a maple tree), with cold ones "
        f"{ns_text(cold['vmemmap'])}, {ns_text(cold['extreme'])}, {ns_text(cold['radix'])} and "
        f"{ns_text(cold['range'])}. Physical vectors that are given pages lose to page vectors under VMEMMAP from so "
        "many ns of a lookup on: " + "; ".join(f"{s}, {n}" for s, n in evens.items()) + ".",
        tables, [curve])


def q6(f):
    models = ["vmemmap", "extreme", "radix", "range"]
    each = [m + ", each page" for m in models]
    folios = f.cases("complete", "lookup: ")
    tables = [grid(f, "complete", "ns for a folio's lookups", folios, ns_columns(
                  [w for pair in zip(models, each) for w in pair]), "lookup: "),
              grid(f, "complete", "lookups for a folio", folios, [
                  ("once a segment", "vmemmap", count_cell("lookups")),
                  ("each page", "vmemmap, each page", count_cell("lookups"))], "lookup: ")]
    shapes = f.cases("resolve", end=": entry")
    curves = [Curve("lookups beside the work on the pages, at completion", "pages of an entry",
                    "% of the work", [(f"{m}, {words}", [
                        (int(s.split()[0]), 100 * f.get("resolve", f"{s}: {which}", m))
                        for s in shapes]) for m in ("vmemmap", "radix")
                        for which, words in (("entry", "once an entry"), ("page", "each page"))],
                    logx=True)]
    one = "1 MiB folio"
    return Answer(
        f"Of a {one} one lookup for the segment takes "
        f"{ns_text(f.ns('complete', 'lookup: ' + one, 'vmemmap'))} ns under VMEMMAP and "
        f"{ns_text(f.ns('complete', 'lookup: ' + one, 'radix'))} by a radix tree; one for each page, "
        f"{f.get('complete', 'lookup: ' + one, 'vmemmap, each page', 'lookups'):.0f} of them, "
        f"{ns_text(f.ns('complete', 'lookup: ' + one, 'vmemmap, each page'))} and "
        f"{ns_text(f.ns('complete', 'lookup: ' + one, 'radix, each page'))}.", tables, curves)


def saving_cells(f, benchmark, case, contestant):
    try:
        s = savings.of(f.get, benchmark, case, contestant)
    except Missing:
        return ["-"] * 3
    base = f.ns(benchmark, case, f.get(benchmark, case, contestant, "base"))
    return [ns_text(s.predicted), ns_text(s.measured), f"{s.share:.1%}, {s.measured / base:.1%}"]


def saving_table(f, benchmark, cases, whos):
    """For each of @whos what the conversions that it lacks should save."""
    return Table("what the conversions that are gone should save, and what was saved, ns",
                 ["case"] + [f"{w}: {k}" for w in whos
                             for k in ("predicted", "measured", "of its base's time")],
                 [[c] + [cell for w in whos for cell in saving_cells(f, benchmark, c, w)] for c in cases])


PAGES = "phys, page given"  # extraction hands out pages, as today's does
KEPT = "phys, page kept"  # and the bio keeps them for its end


def q7(f):
    shapes = plain_shapes(f)
    tables = [grid(f, "e2e", "conversions of an I/O, the whole way", shapes, [
        ("page: to phys", "page", count_cell("page_to_phys")),
        ("page: to page", "page", count_cell("phys_to_page")),
        ("phys: to phys", "phys", count_cell("page_to_phys")),
        ("phys: to page", "phys", count_cell("phys_to_page"))], end=": whole")]
    case = "1 MiB scattered"
    tables.append(grid(f, "e2e", f"by stage, {case}", STAGES, [
        ("page: to phys", "page", count_cell("page_to_phys")),
        ("page: to page", "page", count_cell("phys_to_page")),
        ("phys: to phys", "phys", count_cell("page_to_phys")),
        ("phys: to page", "phys", count_cell("phys_to_page")),
        ("page, ns", "page", ns_cell), ("phys / page", "phys", ratio_cell)], case + ": "))
    tables.append(saving_table(f, "e2e", [f"{s}: {stage}" for s in shapes for stage in STAGES
                                          if has(f, "e2e", f"{s}: {stage}", "phys")],
                               ["phys", "phys, SPARSEMEM"]))
    whole = case + ": whole"
    saved, sparse = (savings.of(f.get, "e2e", whole, w) for w in ("phys", "phys, SPARSEMEM"))
    return Answer(
        f"Of 1 MiB in 256 pages, page vectors convert {f.get('e2e', whole, 'page', 'page_to_phys'):.0f} "
        f"times from page to physical address and {f.get('e2e', whole, 'page', 'phys_to_page'):.0f} "
        f"back; physical ones {f.get('e2e', whole, 'phys', 'page_to_phys'):.0f} and "
        f"{f.get('e2e', whole, 'phys', 'phys_to_page'):.0f} where extraction hands out addresses, "
        f"{f.get('e2e', whole, PAGES, 'page_to_phys'):.0f} and "
        f"{f.get('e2e', whole, PAGES, 'phys_to_page'):.0f} where it hands out pages, as today: then "
        + compared(f.bounds("e2e", whole, PAGES), "they", "page vectors") + ", with addresses "
        + compared(f.bounds("e2e", whole, "phys"), "they", "these")
        + "; under SPARSEMEM with addresses "
        + compared(f.bounds("e2e", whole, "phys, SPARSEMEM"), "they", "page vectors")
        + f". With addresses they save {ns_text(saved.measured)} of {ns_text(f.ns('e2e', whole, 'page'))} ns, of which "
        f"conversions explain {ns_text(saved.predicted)}"
        + (": most of it is that an address is added with fewer questions than a page"
           if saved.measured > 2 * saved.predicted else "")
        + f". Under SPARSEMEM it is {ns_text(sparse.measured)}, and {ns_text(sparse.predicted)} of them.",
        tables, [size_curve(f, "page", ["phys", PAGES])])


def q8(f):
    shapes = [s for s in f.cases("e2e", end=": whole") if s.startswith("4 KiB")]
    columns = ratio_columns("page", ["phys", PAGES, KEPT]) + [("phys again / phys", "phys again", ratio_cell)]
    tables = [grid(f, "e2e", "the whole way of 4 KiB", shapes, columns, end=": whole"),
              grid(f, "e2e", "stages", STAGES, columns, "4 KiB, 1 page: ")]
    one, many = ("4 KiB, 1 page, depth %d: whole" % d for d in (1, 64))
    kernel = next(a for a in anchors.read() if a.kernel == "7.x"
                  and a.case == "4 KiB I/O: through submit_bio, pin, dirty, release too").lock_min_ns
    said = "; ".join(
        f"with {words} in flight, " + compared(f.bounds("e2e", case, PAGES), "physical vectors", "these")
        + ", or " + compared(f.bounds("e2e", case, "phys"), "they", "these")
        + " where extraction hands out addresses" for case, words in ((one, "one"), (many, "64")))
    return Answer(
        f"From the pin to the unpin, of a page that is dirty already, 4 KiB take "
        f"{ns_text(f.ns('e2e', one, 'page'))} ns by page vectors; {said}; where the bio keeps the page, "
        + compared(f.bounds("e2e", one, KEPT), "they", "page vectors") + " with one in flight and "
        + compared(f.bounds("e2e", many, KEPT), "they", "these")
        + " with 64. What extraction takes before it is in none of these; and shares are of this library's way: "
        f"the kernel's own, through submit_bio, takes {kernel:.0f} ns on another CPU.", tables)


PROVIDERS = ["sorted", "interval", "tree", "radix", "hash", "one-entry"]


def q9(f):
    cases = f.cases("lifetime", "provider: ")
    table = grid(f, "lifetime", "ns for a lookup", cases, ns_columns(PROVIDERS), "provider: ")
    counts = sorted(int(c.split()[-1]) for c in cases if c.startswith("random of") and "," not in c)
    at = lambda n, who: f.ns("lifetime", f"provider: random of {n}", who)  # noqa: E731
    curve = Curve("the provider of an address", "providers", "ns for a lookup",
                  [(w, [(n, at(n, w)) for n in counts]) for w in PROVIDERS], logx=True)
    most = counts[-1]
    same = f"provider: the same of {most}"
    best = min(PROVIDERS, key=lambda w: at(most, w))
    return Answer(
        f"Of {most} providers in random order, each within a section of its own, one is found in "
        f"{ns_text(at(most, best))} ns by {best}, {ns_text(at(most, 'sorted'))} in a sorted array, "
        f"{ns_text(at(most, 'tree'))} by a tree of ranges (a maple tree), {ns_text(at(most, 'interval'))} by an interval "
        f"tree and {ns_text(at(most, 'radix'))} by a radix tree (an xarray); one remembered entry takes "
        f"{ns_text(f.ns('lifetime', same, 'one-entry'))} ns where it hits, {ns_text(at(most, 'one-entry'))} where it "
        "doesn't.", [table], [curve])


CHECKS = ["range check", "end points", "first page", "every page"]


def q10(f):
    fuzz = f.cases("region", "fuzz, ")
    lengths = f.cases("region", "check, ")
    wrong = {c: sum(f.get("region", "fuzz, " + p, c, k) for p in fuzz
                    for k in ("wrongly_accepted", "wrongly_refused")) for c in CHECKS}
    tried = sum(f.get("region", "fuzz, " + p, "range check", "tried") for p in fuzz)
    tables = [grid(f, "region", "random ranges, judged against an owner for each byte", fuzz, [
        (f"{c}: {short}", c, count_cell(k)) for c in CHECKS
        for k, short in (("wrongly_accepted", "accepted"), ("wrongly_refused", "refused"))],
        "fuzz, "),
        grid(f, "region", "ns for a range", lengths, ns_columns(CHECKS), "check, ")]
    long, short = lengths[-1], lengths[0]
    took = lambda case, who: ns_text(f.ns("region", "check, " + case, who))  # noqa: E731
    return Answer(
        f"It must be refused, and a check of the range sees it: of {tried:,.0f} random ranges over memory of many "
        f"providers the range check misjudges {wrong['range check']:.0f}, a check of both end points "
        f"{wrong['end points']:,.0f}, the first page's provider {wrong['first page']:,.0f}, every page's "
        f"{wrong['every page']:.0f}. The range check takes {took(short, 'range check')} ns for {short} and "
        f"{took(long, 'range check')} for {long}, every page {took(short, 'every page')} and "
        f"{took(long, 'every page')}, the first page {took(short, 'first page')} and "
        f"{took(long, 'first page')}.", tables)


WAYS = ["per device", "one address"]
# own_bar: of those that fault, at the BAR of the device itself
ENDS = ["right", "corrupted", "faulted", "own_bar", "refused", "no_address"]


def q11(f):
    boards = f.cases("ports")
    sums = {(who, k): sum(f.get("ports", b, who, k) for b in boards)
            for who in WAYS for k in ["ios"] + ENDS}
    table = grid(f, "ports", "I/Os between all pairs of a board, through a model of its bridges", boards, [
        ("bridges", "per device", count_cell("host_bridges"))] + [
        (f"{who}: {k}", who, count_cell(k)) for who in WAYS for k in ENDS])
    xlates = ["one of 1", "one of 16", "one of 256", "one of 4096", "random of 16", "random of 256",
              "random of 4096"]
    times = grid(f, "xlate", "translation by a table of offsets, ratio to a bare loop: an addition for each "
                 "range", xlates, ratio_columns("bare", ["inline", "binary", "batch"]))
    counts = {"one": [1, 16, 256, 4096], "random": [16, 256, 4096]}
    curve = Curve("a translation by the number of windows", "windows", "ns",
                  [(f"{words}, {who}", [(n, f.ns("xlate", f"{kind} of {n}", who)) for n in counts[kind]])
                   for kind, words in (("one", "one window again and again"), ("random", "at random"))
                   for who in ("inline", "binary")], logx=True)
    lost = {who: sums[who, "faulted"] - sums[who, "own_bar"] for who in WAYS}
    said = "; ".join(
        f"{words} {sums[who, 'right']:,.0f} of {sums[who, 'ios']:,.0f} I/Os end right, "
        f"{sums[who, 'corrupted']:,.0f} in wrong bytes, {lost[who]:,.0f} in a fault, "
        f"{sums[who, 'own_bar']:,.0f} at a device's own BAR, and "
        f"{sums[who, 'refused'] + sums[who, 'no_address']:,.0f} are refused before they are sent"
        for who, words in zip(WAYS, ("by an address for each device", "by one for all")))
    return Answer(f"On the device trees of {len(boards)} boards with several bridges, {said}. Refused is what no inbound "
                  "window is told for: where a port reaches it all the same, one address for all is right.",
                  [table, times], [curve])


def q12(f):
    sizes = f.cases("map", "own BAR, ")
    own = "peer, own BAR"
    others = ["peer, bus address", "peer, host bridge", "peer, IOMMU"]
    calls = grid(f, "map", "calls of the translator for a request", sizes, [
        (f"{w}: {k}", w, count_cell(k + "_calls")) for w in [own] + others
        for k in ("map", "unmap")], "own BAR, ")
    one = "own BAR, " + sizes[0]
    less = f.get("map", one, own, "address_less_offset")
    return Answer(
        "By its offset in it" + (", " if less == 0 else f" and {less:.0f} more, ")
        + f"with {f.get('map', one, own, 'map_calls'):.0f} calls of the translator to map and "
        f"{f.get('map', one, own, 'unmap_calls'):.0f} to unmap it: {sizes[0]} of its own BAR take "
        f"{ns_text(f.ns('map', one, own))} ns; a peer's by a bus address below a common bridge take "
        f"{ratio_text(f.get('map', one, 'peer, bus address'))} times as long as that, through the host bridge "
        f"{ratio_text(f.get('map', one, 'peer, host bridge'))} times.",
        [grid(f, "map", "a request, mapped and unmapped", sizes, ratio_columns(own, others),
              "own BAR, "), calls])


def q13(f):
    ios = f.cases("iova", "ranges: ")
    tables = [grid(f, "iova", "DMA ranges of an I/O after coalescing", ios, [
        (f"{w}: {k}", w, count_cell("ranges_" + k)) for w in ("no IOMMU", "IOVA")
        for k in ("min", "median", "p99", "max")] + [
        (f"{w}: just one", w, share_cell("one_range_share")) for w in ("no IOMMU", "IOVA")],
        "ranges: "),
        grid(f, "iova", "to map and unmap an I/O", ios,
             ratio_columns("one range", ["no IOMMU", "IOVA"]), "ranges: ")]
    shares = {w: [f.get("iova", "ranges: " + i, w, "one_range_share") for i in ios]
              for w in ("no IOMMU", "IOVA")}
    worst = max(ios, key=lambda i: f.get("iova", "ranges: " + i, "no IOMMU", "ranges_max"))
    patterns = ["runs of 256", "runs of 32", "half random", "none"]
    who = ["page", "phys", "AVX-512", "AVX2"]
    curves = [Curve("arrays of 4096 vectors to segments, by fragmentation", "", "ns for a vector", [
        (w, [(i, f.ns("coalesce", p + ", 4096", w)) for i, p in enumerate(patterns)])
        for w in who if has(f, "coalesce", "none, 4096", w, "min_ns")],
        ticks=list(enumerate(patterns)))]
    alone = {w: sum(s == 1 for s in shares[w]) for w in shares}
    return Answer(
        f"Of {len(ios)} kinds of I/O {alone['no IOMMU']} are always one range without an IOMMU and "
        f"{alone['IOVA']} behind one; "
        + (f"{worst} takes up to {f.get('iova', 'ranges: ' + worst, 'no IOMMU', 'ranges_max'):.0f} "
           "without, so it must be able to hold several." if alone["no IOMMU"] < len(ios) else
           "it need not hold several.") + " Seams of these lie on the granule; where they don't see the next question.",
        tables, curves)


def q14(f):
    cases = f.cases("iova", "granule: ")
    tests = ["gap bit", "gap bit, page"]
    tables = [grid(f, "iova", "requests that are found to fit one IOVA range", cases, [
        ("each seam", "seams", share_cell("coalesced"))] + [
        (t, t, share_cell("coalesced")) for t in tests] + [
        (f"{t}: {short}", t, share_cell(key)) for t in tests
        for key, short in (("false_negatives", "missed"), ("false_positives", "wrong"))], "granule: "),
        grid(f, "iova", "the test of a request; the bit was gathered before, when bios were merged", cases,
             ratio_columns("seams", tests), "granule: ")]
    granules = sorted({c.split(",")[0] for c in cases}, key=lambda g: int(g.split()[0]))
    layouts = [c.split(", ", 1)[1] for c in cases if c.startswith(granules[0] + ",")]
    curves = [Curve("requests that fit one IOVA range", "granule of the IOMMU, KiB", "% of requests", [
        (l, [(int(g.split()[0]), 100 * f.get("iova", f"granule: {g}, {l}", "seams", "coalesced"))
             for g in granules]) for l in layouts], logx=True)]

    def fit(granule):
        shares = {l: f.get("iova", f"granule: {granule}, {l}", "seams", "coalesced") for l in layouts}
        least, most = (pick(layouts, key=shares.get) for pick in (min, max))
        return f"at a granule of {granule} from {shares[least]:.0%} ({least}) to {shares[most]:.0%} ({most})"

    def wrong(test, key):
        shares = {c: f.get("iova", "granule: " + c, test, key) for c in cases}
        worst = max(shares, key=shares.get)
        return f"{shares[worst]:.0%}" + (f" ({worst})" if shares[worst] else "")

    bits = "; ".join(f"that of {words} misses up to {wrong(t, 'false_negatives')} and is wrongly set on up to "
                     f"{wrong(t, 'false_positives')}" for t, words in zip(tests, ("physical vectors", "page vectors")))
    return Answer(
        f"It depends on how memory lies: of the requests fit, {'; '.join(map(fit, granules))}. The gap bit tells: {bits}.",
        tables, curves)


def q15(f):
    entries = f.cases("complete", "release: ")
    whos = ["page", "phys", "page, each page", "phys, each page"]
    tables = [grid(f, "complete", "to dirty and unpin the pages of a bio", entries,
                   ratio_columns("page", whos[1:]), "release: "),
              grid(f, "complete", "for a bio", entries, [
                  (f"{w}: {k}", w, count_cell(key)) for w in whos
                  for k, key in (("lookups", "phys_to_page"), ("folios", "page_folio"),
                                 ("atomics", "atomics"))], "release: ")]
    huge = "release: " + next((e for e in entries if e.startswith("order 18")), entries[-1])
    alike = f.get("complete", huge, "phys", "atomics") == f.get("complete", huge, "page", "atomics")
    return Answer(
        ("Yes, with as many atomics as page vectors" if alike else "Not with as many atomics as page vectors") + ": "
        + compared(f.bounds("complete", huge, "phys"), "physical vectors", "these")
        + " to dirty and unpin a folio of 1 GiB. Physical ones look up "
        f"{f.get('complete', huge, 'phys', 'phys_to_page'):.0f} page struct and do "
        f"{f.get('complete', huge, 'phys', 'atomics'):.0f} atomics, in "
        f"{ns_text(f.ns('complete', huge, 'phys'))} ns; a walk of each page "
        f"{f.get('complete', huge, 'phys, each page', 'phys_to_page'):,.0f} and "
        f"{f.get('complete', huge, 'phys, each page', 'atomics'):,.0f}, in "
        f"{ns_text(f.ns('complete', huge, 'phys, each page'))}.", tables)


HOLDS = ["segment", "bio", "epoch"]


def q16(f):
    shapes = f.cases("lifetime", "hold: ")
    # At its best a thread has the line for itself: of two that share one the median counts.
    key = lambda s: "median_ns" if "threads" in s else "min_ns"  # noqa: E731
    more = {(s, h): f.get("lifetime", "hold: " + s, h, key(s))
            - f.get("lifetime", "hold: " + s, "none", key(s)) for s in shapes for h in HOLDS}
    table = Table("ns for a bio, more than without; of two threads the median; pieces of 512 bytes; a reference is an atomic "
                  "of a thread's own, where the kernel's is an addition of a CPU's own", ["a bio of"] + HOLDS,
                  [[s] + [ns_text(more[s, h]) for h in HOLDS] for s in shapes])
    most, shared = "256 segments", "1 segment, 2 threads"
    return Answer(
        f"To hold a bio of {most} costs {ns_text(more[most, 'segment'])} ns by a reference for each, "
        f"{ns_text(more[most, 'bio'])} by one for the bio, whose entries are still looked up, and "
        f"{ns_text(more[most, 'epoch'])} by an epoch that is counted as SRCU's, where they are too; of {shared} that "
        f"do the same, {ns_text(more[shared, 'segment'])}, {ns_text(more[shared, 'bio'])} and {ns_text(more[shared, 'epoch'])}.", [table])


def q17(f):
    sizes = f.cases("map", "bounce, ")
    direct, bounced, refused, copy = ("peer, bus address", "peer, bounced", "peer, refused",
                                      "copy alone")
    table = grid(f, "map", "ns for a request to a peer, mapped and unmapped", sizes,
                 ns_columns([direct, bounced, copy, refused])
                 + [("bounced / direct", bounced, ratio_cell),
                    ("bytes copied", bounced, count_cell("bytes_copied"))], "bounce, ")
    reads = [s for s in sizes if s.endswith(" read")]
    few, many = ("bounce, " + s for s in (reads[0], reads[-1]))
    share = f.ns("map", many, copy) / f.ns("map", many, bounced)
    return Answer(
        f"As the policy says. To bounce a {reads[0]} through RAM takes {ns_text(f.ns('map', few, bounced))} ns, a "
        f"{reads[-1]} {ns_text(f.ns('map', many, bounced))}, of which copying there and back is {share:.0%} (of cached "
        f"RAM: a BAR is slower); what is reached is mapped in {ns_text(f.ns('map', few, direct))} and "
        f"{ns_text(f.ns('map', many, direct))}. A policy that refuses fails to map it, in "
        f"{ns_text(f.ns('map', few, refused))} ns, with "
        f"{errno.errorcode[int(f.get('map', few, refused, 'errno'))]}.",
        [table])


def q18(f):
    buffers = f.cases("complete", "section: ")
    whos = ["page, cut", "phys, cut", "phys, spans"]
    tables = [grid(f, "complete", "entries and lookups of a bio", buffers, [
        (f"{w}: {k}", w, count_cell(key)) for w in whos
        for k, key in (("entries", "entries"), ("lookups", "phys_to_page"))]
        + [("wrong by page + n", "phys, spans", count_cell("wrong_pages"))], "section: "),
        grid(f, "complete", "to dirty and unpin", buffers, ratio_columns(whos[0], whos[1:]),
             "section: ")]
    one = "section: " + buffers[0]
    per = lambda who, key: f"{f.get('complete', one, who, key):.0f}"  # noqa: E731
    return Answer(
        f"Yes, if the way back looks up again at the edge. {buffers[0]} are {per('phys, spans', 'entries')} entry and "
        f"{per('phys, spans', 'phys_to_page')} lookups where the way back looks up again at the edge, "
        f"{per('phys, cut', 'entries')} and {per('phys, cut', 'phys_to_page')} where entries end there; the "
        f"first takes {f.get('complete', one, 'phys, spans') / f.get('complete', one, 'phys, cut'):.3f} times as "
        f"long as the second; by pointer arithmetic alone {per('phys, spans', 'wrong_pages')} pages would be "
        "wrong ones.", tables)


# --- what else a reader asks ---

def twin(f):
    found = [r for r in anchors.rows(f.results) if r.ratio is not None]
    for r in found:
        f.ns("anchor", r.case, r.contestant)
        f.ns("anchor", r.case, "phys")
    judged = [r for r in found if r.limit is not None and r.contestant == anchors.CONTESTANT]
    if not judged:
        raise Missing("anchor")
    told = Table("how the kernel's figures came to be", ["", ""],
                 [[k, v] for k, v in anchors.facts().items() if k not in ("case", "limit")])
    table = Table("the kernel's own times, ns of an operation, and what page vectors under FLATMEM take, by "
                  "the engine or by the kernel's steps",
                  ["operation", "kernel", "its ns", "ours", "ns", "ours / kernel", "phys, pages given, ns", ""],
                  [[r.case, r.kernel, ns_text(r.anchor_ns), r.contestant, ns_text(r.measured_ns),
                    f"{r.ratio:.2f}", ns_text(f.ns("anchor", r.case, "phys")), r.verdict] for r in found])
    times = span([r.ratio for r in judged])
    met = sum(r.verdict == "met" for r in judged)
    if anchors.is_reference(f.results):
        return Answer(f"{met} of {len(judged)} operations take the twin at most {judged[0].limit:g} times what "
                      f"those of 7.x and 6.1 take on this CPU model ({times} times).", [table, told])
    return Answer(f"This is another CPU model than the one that the kernel's {len(judged)} figures are "
                  f"of, so nothing is proved by it: the twin takes {times} times as long here as the "
                  "kernel there, 7.x and 6.1.", [table, told])


STEPS = {"page, FLATMEM": "kernel's steps", "page": "kernel's steps, page",
         "phys": "kernel's steps, phys"}


def engine(f):
    cases = [c for c in f.cases("anchor") if has(f, "anchor", c, "kernel's steps", "min_ns")]
    ours = lambda case, who: f.ns("anchor", case, who) / f.ns("anchor", case, "kernel's steps")  # noqa: E731
    table = Table("the engine against the kernel's steps with page vectors under FLATMEM",
                  ["operation", "kernel's steps, ns", "with VMEMMAP", "with phys"]
                  + [f"engine, {w}" for w in STEPS],
                  [[c, ns_text(f.ns("anchor", c, "kernel's steps"))]
                   + [or_dash(lambda w: f"{ours(c, w):.2f}", w)  # noqa: B023
                      for w in ("kernel's steps, page", "kernel's steps, phys", *STEPS)] for c in cases])
    split = "split walk, 256 scattered vectors"
    sg = "map_sg 7.x, 256 scattered vectors"
    worst = max(cases, key=lambda c: ours(c, "phys"))
    return Answer(
        f"To walk 256 scattered vectors for a split takes the engine {ours(split, 'phys'):.2f} times "
        f"what the steps of 7.x take with page vectors, with page vectors itself "
        f"{ours(split, 'page, FLATMEM'):.2f} times; to map them to a scatterlist {ours(sg, 'phys'):.2f} and "
        f"{ours(sg, 'page, FLATMEM'):.2f} times what 7.x's steps take; the worst of {len(cases)} is \"{worst}\", "
        f"{ours(worst, 'phys'):.2f} and {ours(worst, 'page, FLATMEM'):.2f} times.", [table])


def stages(f):
    columns = ratio_columns("page", ["phys"]) + [
        ("phys12 / phys", "phys12", ratio_cell), ("phys again / phys", "phys again", ratio_cell),
        ("page, SPARSEMEM / page", "page, SPARSEMEM", ratio_cell)]
    tables = []
    for benchmark, what in (("merge", "ns for a bio that is merged or refused"),
                            ("nvme", "ns for a request that is described")):
        tables += [grid(f, benchmark, what, f.cases(benchmark), columns),
                   saving_table(f, benchmark, f.cases(benchmark), ["phys"])]

    def text(benchmark):
        ratios = {c: f.get(benchmark, c, "phys") for c in f.cases(benchmark)}
        return (f"{span(ratios.values(), '{:.3f}')} times what page vectors take, worst of all at "
                f"\"{max(ratios, key=ratios.get)}\"")

    return Answer(f"Physical vectors merge or refuse a bio in {text('merge')}; they describe a request for NVMe in "
                  f"{text('nvme')}.", tables)


def median_cell(f, benchmark, case, contestant):
    return ns_text(f.get(benchmark, case, contestant, "median_ns"))


def flat(f):
    counts = f.cases("inflight", end=" in flight")
    whos = ["page", "phys", "page, look ahead", "phys, look ahead", "bytes alone"]
    took = lambda case, who: f.get("inflight", case, who, "median_ns")  # noqa: E731
    table = grid(f, "inflight", "median ns for an I/O of 4 KiB, ended and another one submitted; bytes alone: as many cache "
                 "lines are touched, and nothing is done", f.cases("inflight"),
                 [(w, w, median_cell) for w in whos])
    curve = Curve("an I/O by how many are in flight", "I/Os in flight", "median ns for an I/O", [
        (w + words, [(int(n), took(f"{n}{end}", w)) for n in counts
                     if has(f, "inflight", f"{n}{end}", w, "median_ns")])
        for end, words in ((" in flight", ""), (" in flight, at random", ", ends at random"))
        for w in ("phys", "phys, look ahead", "bytes alone")], logx=True)
    segments = [c for c in f.cases("e2e") if "per segment of" in c]
    grown = grid(f, "e2e", "ns for a segment", segments,
                 ns_columns(["page", "phys", "page, SPARSEMEM"]))
    least, most = counts[0], counts[-1]
    at_random = f"{most} in flight, at random"
    times = lambda case, who: took(case, who) / took(f"{least} in flight", who)  # noqa: E731
    return Answer(
        f"With {int(most):,} in flight an I/O takes {times(f'{most} in flight', 'phys'):.2f} times what it takes with "
        f"{least} if they end in the order in which all of their memory lies; at random "
        f"{times(at_random, 'phys'):.1f} times, {times(at_random, 'page'):.1f} by page vectors, "
        f"{times(at_random, 'phys, look ahead'):.1f} if the driver looks ahead: all that it touches is in no cache then, and "
        f"to touch as much memory alone takes {times(at_random, 'bytes alone'):.1f} times.", [table, grown], [curve])


def bulk(f):
    cases = f.cases("coalesce")
    table = grid(f, "coalesce", "arrays to segments, ns for a vector; runs of how many vectors that touch, in arrays "
                 "of how many",
                 cases, ratio_columns("page", ["phys"])
                 + [("phys / page, SPARSEMEM", "phys, to SPARSEMEM", ratio_cell),
                    ("phys12 / phys", "phys12", ratio_cell), ("AVX2 / phys", "AVX2", ratio_cell),
                    ("AVX-512 / phys", "AVX-512", ratio_cell)])
    return Answer(
        "Of arrays of 256 vectors in runs, whose page structs page vectors ask whether they are of one kind, "
        + compared(f.bounds("coalesce", "runs of 256, 256", "phys"), "physical ones", "page vectors")
        + "; where none touch, "
        + compared(f.bounds("coalesce", "none, 256", "phys"), "they", "page vectors") + ".",
        [table])


QUESTIONS = [
    Question("Q1", "An entry of 16 bytes or a packed one of 12?", "Hellwig 2022 and 2025, Wilcox 2022",
             ["e2e", "vector"], q1),
    Question("Q2", "A length of u32, of size_t, or of 31 bits and a flag?", "Wilcox, Hellwig, Howells",
             ["e2e", "vector"], q2),
    Question("Q3", "Where does the P2P mark live: in the vector, on the bio, or in a lookup of the "
             "address?", "Howells, Jason Gunthorpe, Hellwig", ["mark", "--instructions"], q3),
    Question("Q4", "Is a bio of one kind of memory, or may its segments be mixed?",
             "Hellwig, Jason Gunthorpe", ["mark"], q4),
    Question("Q5", "What does it take from a physical address to a page struct under each memory "
             "model?", "Howells, Wilcox", ["lookup", "break-even"], q5),
    Question("Q6", "One lookup for a segment, or for each page?", "Hellwig 2019",
             ["complete", "resolve"], q6),
    Question("Q7", "How many conversions has an I/O today, and with physical vectors?", "Hellwig 2019",
             ["e2e"], q7),
    Question("Q8", "4 KiB of direct I/O, with the page kept?", "Hellwig 2019, Bart Van Assche 2023",
             ["e2e", "--filter", "'4 KiB'"], q8),
    Question("Q9", "Which structure finds the provider of a physical address?", "Jason Gunthorpe 2019",
             ["lifetime"], q9),
    Question("Q10", "What of one vector that crosses two providers?", "Logan Gunthorpe 2019; CVE-2026-46115",
             ["region"], q10),
    Question("Q11", "What if offsets differ between root ports?", "Hellwig 2019", ["ports", "xlate"], q11),
    Question("Q12", "How does a device address its own BAR?", "Hellwig 2019", ["map"], q12),
    Question("Q13", "Must the output of the mapping be a chain of ranges?", "Hellwig 2022",
             ["iova", "coalesce"], q13),
    Question("Q14", "How often does a request fit one IOVA range, and does a gap bit tell?",
             "nobody by name; it follows from the gap bits of 7.1", ["iova"], q14),
    Question("Q15", "Are large folios dirtied and unpinned without a walk of each page?",
             "nobody by name; it follows from one lookup for a segment", ["complete"], q15),
    Question("Q16", "What keeps a provider alive at hot-unplug?", "Hellwig 2025", ["lifetime"], q16),
    Question("Q17", "What if P2P is impossible: is the data bounced?", "Jason Gunthorpe 2019", ["map"], q17),
    Question("Q18", "May a vector span a SPARSEMEM section whose page structs are not adjacent?",
             "nobody by name; it follows from vectors without a page", ["complete"], q18),
]


FURTHER = [
    Question("stages", "And the stages that no question names: merging, and descriptors?", "",
             ["e2e", "merge", "nvme"], stages),
    Question("bulk", "What of whole arrays?", "", ["coalesce", "--instructions"], bulk),
    Question("flat", "Does the cost stay, however many I/Os are in flight?", "", ["inflight", "e2e"], flat),
    Question("engine", "And the time that is no conversion: what does the engine take of the kernel's steps?", "",
             ["anchor"], engine),
    Question("twin", "Is the page twin as fast as the kernel?", "", ["anchor"], twin),
]


def all_of(results):
    """Each question with its answer, or with what the results lack for one."""
    out = []
    for question in QUESTIONS + FURTHER:
        f = Figures(results)
        try:
            out.append((question, Answered(*question.answer(f), list(f.keys))))
        except (Missing, LookupError, ValueError) as e:
            out.append((question, Answered(f"These results don't answer it, for want of {e}.",
                                           [], [], [])))
    return out
