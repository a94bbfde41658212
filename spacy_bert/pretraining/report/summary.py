"""Rows of a log -> what a run came to, in a few numbers and words."""

from collections.abc import Sequence
from statistics import median
from xml.etree.ElementTree import Element

from ...pages.elements import tag
from ..log import Row
from .charts import Note
from .curves import best_row, points_of
from .numbers import format_time, shorten

# Nats over the last third of a run.
_STILL_FALLS = 0.1


def make_summary(rows: Sequence[Row]) -> list[Element]:
    facts = [*_quality(best_row(rows)), *_work(rows)]
    tiles = [
        tag(
            "div", tag("dt", name), tag("dd", value), tag("dd", remark, class_="remark")
        )
        for name, value, remark in facts
    ]
    events = [tag("li", f"Step {step:,}: {text}") for step, text in notes_of(rows)]
    return [
        tag("p", _verdict(best_row(rows)), class_="verdict"),
        tag("dl", *tiles, class_="tiles"),
        *([tag("ul", *events, class_="events")] if events else []),
    ]


def notes_of(rows: Sequence[Row]) -> list[Note]:
    return [(step, text) for row in rows for step, text in row.get("notes", ())]


def describe_machine(rows: Sequence[Row]) -> str:
    """The one that the run was last on."""
    machine = next((r["machine"] for r in reversed(rows) if "machine" in r), None)
    if machine is None:
        return ""
    rate = machine["flops_per_second"] / 1e12
    ranks = f"{machine['n_ranks']} ranks, each: " if machine["n_ranks"] > 1 else ""
    return (
        f"{ranks}{machine['name']}, {machine['n_threads']} CPU threads, torch "
        f"{machine['torch']}: {rate:.3g} TFLOP/s in matrix products of the model's "
        f"shapes in {machine['dtype']}."
    )


def make_origin(rows: Sequence[Row], output: str) -> list[Element]:
    """Where the run comes from, and what may be done next. output: its folder."""
    origin = next((r["origin"] for r in reversed(rows) if r.get("origin")), None)
    if origin is None:
        return []
    corpus = [f"{n:,} {name}" for name, n in origin["corpus"].items()]
    corpus.append(f"{origin['unknown_ratio']:.2%} of the pieces are [UNK]")
    facts = {
        "Started": origin["date"],
        "Command": origin["command"] or "from Python",
        "Text": ", ".join(corpus),
        "With": ", ".join(f"{name} {v}" for name, v in origin["versions"].items()),
    }
    table = [
        tag("tr", tag("th", name, scope="row"), tag("td", value))
        for name, value in facts.items()
    ]
    return [
        tag("h2", "Where it comes from"),
        tag("div", tag("table", *table), class_="wide"),
        tag("h2", "What to do next"),
        tag("ul", *(tag("li", *step) for step in _next_steps(rows, output))),
    ]


def _next_steps(rows: Sequence[Row], output: str) -> list[tuple[Element | str, ...]]:
    best = f"{output}/model-best"
    steps: list[tuple[Element | str, ...]] = []
    if rows[-1]["progress"] < 1.0:
        steps.append(("It is not over: the same command with --resume continues it.",))
    elif (falls := _late_fall(rows)) > _STILL_FALLS:
        steps.append(
            (
                f"The held-out loss fell by {falls:.2f} over the last third: a longer "
                "run would come further.",
            )
        )
    return [
        *steps,
        (
            "See what it is worth for your labels: ",
            tag("code", f"spacy bert probe {best} train.spacy"),
        ),
        (
            "Train a pipeline: ",
            tag("code", f"spacy bert init-config {best} config.cfg"),
        ),
    ]


def _late_fall(rows: Sequence[Row]) -> float:
    """By how much the held-out loss fell over the last third of the run."""
    losses = points_of(rows, "held_out_mlm_loss")
    step = rows[-1]["step"]
    late = [loss for at, loss in losses if at >= 2 / 3 * step]
    return late[0] - min(late) if late else 0.0


def _verdict(best: Row | None) -> str:
    if best is None:
        return "Nothing was evaluated yet."
    gain = best["held_out_unigram_loss"] - best["held_out_mlm_loss"]
    if gain > 0:
        return (
            f"At its best the model predicts masked pieces of held-out text {gain:.2f} "
            "nats better than guessing by frequency (unigram)."
        )
    return (
        "The model predicts masked pieces of held-out text no better than guessing by "
        "frequency (unigram) yet."
    )


def _quality(best: Row | None) -> list[tuple[str, str, str]]:
    if best is None:
        return []
    loss, unigram = best["held_out_mlm_loss"], best["held_out_unigram_loss"]
    facts = [
        (
            "Best MLM loss",
            f"{loss:.3f}",
            f"held-out, step {best['step']:,}; unigram {unigram:.3f}",
        ),
        (
            "MLM accuracy",
            f"{best['held_out_mlm_accuracy']:.1%}",
            f"perplexity {best['held_out_perplexity']:,.1f}",
        ),
    ]
    if "held_out_nsp_accuracy" in best:
        ratio = best["held_out_random_ratio"]
        accuracy = f"{best['held_out_nsp_accuracy']:.1%}"
        facts.append(("NSP accuracy", accuracy, f"{ratio:.0%} of the pairs are random"))
    return facts


def _work(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    last = rows[-1]
    done = f"{last['progress']:.0%} of the run, in epoch {last['epoch']}"
    facts = [
        ("Steps", f"{last['step']:,}", done),
        (
            "Time in training",
            format_time(last["seconds"]),
            "h:mm:ss, in steps alone",
        ),
    ]
    rates = [rate for _, rate in points_of(rows, "pieces_per_second")]
    utilizations = [mfu for _, mfu in points_of(rows, "mfu")]
    if rates:
        remark = f"{median(rates):,.0f} a second, median"
        facts.append(("Pieces seen", shorten(last["n_pieces"]), remark))
    if utilizations:
        remark = "of its matrix-product rate, median"
        facts.append(("MFU", f"{median(utilizations):.0%}", remark))
    return facts
