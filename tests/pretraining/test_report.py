"""The page shows what was logged: its numbers, its texts, nothing that is not there.

It is read back by Python's own HTML parser, and points through the chart's ticks.
"""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.log import append_row, read_rows
from spacy_bert.pretraining.report import write_report
from spacy_bert.pretraining.report.numbers import (
    evenly,
    log_ticks,
    shorten,
    thin,
    ticks,
)
from spacy_bert.pretraining.report.page import make_page

VOID = {"meta", "br", "link", "input", "img"}
HOSTILE = "</script><script>alert(1)</script> \"'&amp; <b onclick=x> [MASK] z"


@dataclass
class Node:
    name: str
    attributes: dict = field(default_factory=dict)
    children: list = field(default_factory=list)

    def all(self, name: str, **attributes: str) -> list["Node"]:
        inner = [child for child in self.children if isinstance(child, Node)]
        found = [match for child in inner for match in child.all(name, **attributes)]
        is_match = self.name == name and attributes.items() <= self.attributes.items()
        return [self] * is_match + found

    @property
    def text(self) -> str:
        return "".join(c.text if isinstance(c, Node) else c for c in self.children)


class Reader(HTMLParser):
    """Every element that is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open = [Node("")]
        self.feed(page)
        self.close()
        assert len(self.open) == 1

    def handle_starttag(self, tag, attrs):
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open.pop().name == tag

    def handle_data(self, data):
        self.open[-1].children.append(data)


def parse(page: str) -> Node:
    return Reader(page).open[0]


def make_rows(n: int, *, next_sentence: bool = True) -> list[dict]:
    """Evaluated at every second row."""
    rows = []
    for i in range(n):
        row = {"epoch": 0, "step": 10 * i, "progress": i / n, "learn_rate": 1e-4 * i}
        row |= {"n_pieces": 1000 * i, "seconds": 2.0 * i}
        if i:
            row |= {"mlm_loss": 9.0 - i / n, "pieces_per_second": 500.0 + i % 7}
            row |= {"model_flops_per_second": 1e9, "mfu": 0.5 + 0.01 * (i % 7)}
            row |= {"nsp_loss": 0.7 - 0.1 * i / n} if next_sentence else {}
        if i % 2 == 0:
            row |= {"held_out_mlm_loss": 9.1 - i / n, "held_out_unigram_loss": 8.5}
            row |= {"held_out_mlm_accuracy": 0.4 * i / n}
            row |= {"held_out_perplexity": float(np.exp(9.1 - i / n))}
        if i % 2 == 0 and next_sentence:
            row |= {"held_out_nsp_accuracy": 0.5 + 0.4 * i / n}
            row |= {"held_out_random_ratio": 0.48}
        rows.append(row)
    return rows


def charts_of(page: str) -> dict[str, Node]:
    return {
        figure.all("b")[0].text: figure
        for figure in parse(page).all("figure", **{"class": "chart"})
    }


def drawn(figure: Node, name: str, *, is_log: bool = False) -> list[tuple]:
    """A line's points in the numbers of the ticks next to the chart."""
    to_number = {"k": 1e3, "M": 1e6, "%": 0.01}

    def value(text: str) -> float:
        unit = to_number.get(text[-1], 1.0)
        return float(text.rstrip("kM%")) * unit

    def scale(kind: str, axis: str, transform=float):
        labels = figure.all("text", **{"class": kind})
        ends = [(float(n.attributes[axis]), transform(value(n.text))) for n in labels]
        (a, x), *_, (b, y) = ends
        return lambda at: x + (at - a) / (b - a) * (y - x)

    (line,) = figure.all("polyline", **{"data-name": name})
    to_step, to_value = scale("x", "x"), scale("y", "y", np.log if is_log else float)
    points = [pair.split(",") for pair in line.attributes["points"].split()]
    values = [(to_step(float(x)), to_value(float(y))) for x, y in points]
    return [(x, float(np.exp(y)) if is_log else y) for x, y in values]


@pytest.mark.parametrize(
    "title, name, key",
    [
        ("MLM loss (nats)", "training", "mlm_loss"),
        ("MLM loss (nats)", "held-out", "held_out_mlm_loss"),
        ("MLM loss (nats)", "unigram", "held_out_unigram_loss"),
        ("Held-out MLM accuracy", "right", "held_out_mlm_accuracy"),
        ("Held-out MLM perplexity (log scale)", "perplexity", "held_out_perplexity"),
        ("Held-out NSP accuracy", "right", "held_out_nsp_accuracy"),
        ("Training NSP loss (nats)", "training", "nsp_loss"),
        ("Learning rate", "rate", "learn_rate"),
        ("Pieces per second", "pieces/s", "pieces_per_second"),
        ("MFU (fraction of the machine's matrix-product rate)", "MFU", "mfu"),
    ],
)
def test_what_is_drawn_is_what_was_logged(title, name, key):
    rows = make_rows(30)
    figure = charts_of(make_page(rows, {}, []))[title]
    points = drawn(figure, name, is_log="log scale" in title)
    logged = [(row["step"], row[key]) for row in rows if key in row]
    assert len(points) == len(logged)
    # Places are rounded to a hundredth of some 200 and 400.
    np.testing.assert_allclose(points, logged, rtol=1e-3, atol=1e-3 * logged[-1][1])
    hover = json.loads(figure.all("svg")[0].attributes["data-hover"])
    texts = {text.split("\n")[0]: text for _, text in hover}
    step, value = logged[-1]
    shown = texts[f"step {step:,}"].split(f"{name} ")[1].split("\n")[0]
    unit = 0.01 if shown.endswith("%") else 1.0
    number = float(shown.replace(",", "").rstrip("%")) * unit
    assert number == pytest.approx(value, rel=2e-3)


def test_the_best_step_is_marked_and_summed_up():
    rows = make_rows(9)
    rows[4]["held_out_mlm_loss"] = 8.0
    page = make_page(rows, {"pretraining": {"max_steps": 100}}, [])
    figure = charts_of(page)["MLM loss (nats)"]
    (mark,) = figure.all("circle", **{"class": "mark"})
    (line,) = figure.all("polyline", **{"data-name": "held-out"})
    point = f"{mark.attributes['cx']},{mark.attributes['cy']}"
    assert line.attributes["points"].split()[2] == point
    tiles = {t.all("dt")[0].text: t.text for t in parse(page).all("dl")[0].all("div")}
    assert "8.000held-out, step 40; unigram 8.500" in tiles["Best MLM loss"]
    assert (
        "8089% of the run" in tiles["Steps"] and "0:00:16" in tiles["Time in training"]
    )
    assert "8k502 a second" in tiles["Pieces seen"]
    assert "52%" in tiles["MFU"]
    assert "0.50 nats better" in page
    assert "no better than guessing" in make_page(make_rows(1), {}, [])


def test_without_a_next_sentence_task_nothing_is_said_of_it():
    page = make_page(make_rows(9, next_sentence=False), {}, [])
    assert len(charts_of(page)) == 6 and "NSP" not in page


@pytest.mark.parametrize(("n_ranks", "begins"), [(1, "A CPU"), (2, "2 ranks, each: ")])
def test_the_machine_is_described(n_ranks, begins):
    machine = {"name": "A CPU", "n_threads": 4, "torch": "2.9.0", "dtype": "float32"}
    rows = make_rows(1)
    rows[0]["machine"] = {**machine, "n_ranks": n_ranks, "flops_per_second": 2.5e12}
    (footer,) = parse(make_page(rows, {}, [])).all("footer")
    assert footer.text.startswith(begins) and "2.5 TFLOP/s" in footer.text


ORIGIN = {
    "date": "2026-01-01T00:00:00+00:00",
    "command": "spacy bert pretrain a.cfg out",
    "versions": {"torch": "2.9.0", "Python": "3.11.7"},
    "corpus": {"documents": 1234, "pieces": 5},
    "unknown_ratio": 0.0123,
}


def test_the_page_says_where_the_run_comes_from():
    """The last start counts."""
    rows = make_rows(4)
    rows[0]["origin"] = {**ORIGIN, "date": "earlier"}
    rows[2]["origin"] = ORIGIN
    page = parse(make_page(rows, {}, [], output="out"))
    cells = [[c.text for c in row.children] for row in page.all("tr")]
    assert cells == [
        ["Started", ORIGIN["date"]],
        ["Command", ORIGIN["command"]],
        ["Text", "1,234 documents, 5 pieces, 1.23% of the pieces are [UNK]"],
        ["With", "torch 2.9.0, Python 3.11.7"],
    ]
    rows[2]["origin"] = {**ORIGIN, "command": ""}
    assert "from Python" in make_page(rows, {}, [])
    # A log of before has none.
    assert "Where it comes from" not in make_page(make_rows(4), {}, [])


@pytest.mark.parametrize(
    "progress, late_losses, says",
    [
        (0.9, [8.0, 7.0, 6.0], "--resume"),
        (1.0, [8.0, 7.0, 6.9], "fell by 1.10 over the last third"),
        (1.0, [8.0, 7.95, 8.1], None),
    ],
)
def test_what_to_do_next(progress, late_losses, says):
    rows = make_rows(13)
    rows[0]["origin"] = ORIGIN
    rows[-1]["progress"] = progress
    # What was evaluated of the last third.
    for row, loss in zip(rows[8::2], late_losses, strict=True):
        row["held_out_mlm_loss"] = loss
    (steps,) = parse(make_page(rows, {}, [], output="out")).all("ul")
    texts = [step.text for step in steps.children]
    assert "spacy bert probe out/model-best" in texts[-2]
    assert "spacy bert init-config out/model-best" in texts[-1]
    assert len(texts) == (3 if says else 2) and (not says or says in texts[0])


def test_hostile_texts_are_shown_as_they_are():
    guesses = [[["<i>cat", 0.75], [HOSTILE, 0.25]]]
    fills = [{"text": HOSTILE, "answer": "<i>cat", "guesses": guesses}]
    rows = make_rows(3)
    rows[1]["notes"] = [[5, HOSTILE]]
    settings = {
        "pretraining": {"fill_mask_samples": [HOSTILE], "seed": 3, "warm_start": True}
    }
    page = parse(make_page(rows, settings, [{"step": 0, "fills": fills}]))
    assert len(page.all("script")) == 1 and not page.all("i")
    assert not [node for node in page.all("b") if node.attributes]
    question, answer = page.all("tbody")[0].all("tr")[0].children
    assert question.text == HOSTILE.replace("[MASK]", "<i>cat")
    assert answer.text == "<i>cat 75%"
    (hint,) = answer.all("div")
    assert hint.attributes["title"] == f"<i>cat 75.0%\n{HOSTILE} 25.0%"
    assert f"Step 5: {HOSTILE}" in [item.text for item in page.all("li")]
    (table,) = page.all("div", **{"class": "settings"})
    cells = [(r.all("th")[0].text, r.all("td")[0].text) for r in table.all("tr")]
    assert cells == [
        ("fill_mask_samples", HOSTILE),
        ("seed", "3"),
        ("warm_start", "true"),
    ]
    # Nothing comes from elsewhere.
    for node in page.all("script") + page.all("style"):
        assert "//" not in node.text.replace("// ", "") and not node.attributes
    assert not page.all("link") and not page.all("img")


def test_answers_of_the_saves_stand_beside_each_other():
    def fill(text, piece):
        return {"text": text, "answer": None, "guesses": [[[piece, 0.5]]]}

    saves = [
        {"step": step, "fills": [fill("a [MASK]", f"p{step}")]}
        for step in range(0, 1000, 10)
    ]
    # Resumed with another text next to the first one.
    saves[-1]["fills"].append(fill("[MASK] b", "new"))
    page = parse(make_page(make_rows(3), {}, saves))
    head, first, second = (row.children for row in page.all("tr"))
    steps = [int(cell.text.split()[1]) for cell in head[1:]]
    assert len(steps) == 7 and steps[0] == 0 and steps[-1] == 990
    assert [cell.text for cell in first[1:]] == [f"p{step} 50%" for step in steps]
    assert [cell.text for cell in second[1:]] == [""] * 6 + ["new 50%"]


def test_a_run_of_one_row_has_no_curves():
    rows = make_rows(1)
    page = make_page(rows, {}, [])
    assert not charts_of(page) and "9.100" in page


def test_a_long_run_is_thinned():
    rows = make_rows(10_001)
    rows[7001]["mlm_loss"] = 12.0
    page = make_page(rows, {}, [])
    assert len(page) < 500_000
    points = drawn(charts_of(page)["MLM loss (nats)"], "training")
    assert len(points) <= 402
    np.testing.assert_allclose(max(y for _, y in points), 12.0, rtol=1e-3)


def test_a_run_writes_it_and_a_resumed_one_anew(tmp_path, make_config):
    output = tmp_path / "out"
    pretrain(make_config(), output, write=lambda text: None)
    before = (output / "report.html").read_text(encoding="utf8")
    assert "resumed" not in before and "hidden_width" in before
    assert len(charts_of(before)) == 8 and "the [MASK] sat" not in before
    longer = make_config(
        pretraining={
            "max_steps": 12,
            "fill_mask_samples": ["the [MASK] sat on the river"],
        }
    )
    pretrain(longer, output, resume=True, write=lambda text: None)
    after = (output / "report.html").read_text(encoding="utf8")
    assert "Step 6: resumed" in [item.text for item in parse(after).all("li")]
    lines = charts_of(after)["MLM loss (nats)"].all("line", **{"class": "note"})
    assert [line.text for line in lines] == ["step 6: resumed"]
    questions = parse(after).all("tbody")[0].all("th")
    assert questions[0].text == "the [MASK] sat on the river"
    assert questions[1].text in before.replace("<mark>", "").replace("</mark>", "")
    assert write_report(output).read_text(encoding="utf8") == after


def test_without_a_log_there_is_no_report(tmp_path):
    with pytest.raises(ValueError, match="log.jsonl: expected the log .* no row"):
        write_report(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"epo')
    with pytest.raises(ValueError, match="found no row"):
        write_report(tmp_path)


def test_rows_come_back_but_for_one_cut_short(tmp_path):
    append_row(tmp_path / "log.jsonl", {"step": 1, "a": 0.1})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 2, "a"')
    assert read_rows(tmp_path / "log.jsonl") == [{"step": 1, "a": 0.1}]


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_ticks_are_few_and_hold_the_range(a, b):
    low, high = sorted((a, b))
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    slack = 1e-6 * (found[-1] - found[0])
    assert found[0] <= low + slack and found[-1] >= high - slack


@given(st.floats(1e-6, 1e12), st.floats(1e-6, 1e12))
def test_ticks_of_a_log_scale_hold_the_range(a, b):
    low, high = sorted((a, b))
    found = log_ticks(low, high)
    assert found[0] <= low * 1.001 and found[-1] >= high * 0.999
    assert len(found) >= 2


def test_numbers_by_hand():
    assert ticks(0.2, 9.1) == [0, 2, 4, 6, 8, 10]
    assert log_ticks(3, 40) == [2, 5, 10, 20, 50]
    # Ends that are ticks themselves get none beyond.
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert log_ticks(2, 50) == [2, 5, 10, 20, 50]
    assert [shorten(v) for v in (12_000, 7.93e6, 0.0005, 0)] == [
        "12k",
        "7.93M",
        "0.0005",
        "0",
    ]
    assert evenly(range(10), 4) == [0, 3, 6, 9]
    peak = [(i, -abs(i - 50)) for i in range(101)]
    assert thin(peak, 4) == [(0, -50), (49, -1), (50, 0), (100, -50)]
