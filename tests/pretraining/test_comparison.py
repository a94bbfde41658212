"""Several runs in one picture."""

import pytest
from test_report import charts_of, drawn, make_rows, parse
from typer.testing import CliRunner

from spacy_bert.cli import bert_cli, report
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.log import append_row
from spacy_bert.pretraining.report.comparison import make_comparison, read_runs
from spacy_bert.pretraining.report.run_record import RunRecord


def quiet(text):
    pass


def record(name, n=30, saves=(), **config):
    corpus = {"corpus": {"text": "a"}}
    rows = make_rows(n)
    return RunRecord(name=name, rows=rows, saves=saves, config={**corpus, **config})


def cells_of(table):
    return [[cell.text for cell in row.children] for row in table.all("tr")]


def test_each_run_has_its_line_by_text_and_by_time():
    runs = [record("one"), record("two", n=20)]
    charts = charts_of(make_comparison(runs))
    losses = "held_out_mlm_loss"
    for title, x in (
        ("Held-out MLM loss (nats), by pieces", lambda row: row["n_pieces"]),
        ("Held-out MLM loss (nats), by minutes", lambda row: row["seconds"] / 60),
    ):
        for run in runs:
            expected = [(x(row), row[losses]) for row in run.rows if losses in row]
            found = drawn(charts[title], run.name)
            assert [y for _, y in found] == pytest.approx(
                [y for _, y in expected], rel=1e-2
            )
            assert found[0][0] == pytest.approx(0, abs=0.02 * expected[-1][0])
    assert "Minimal pairs whose good sentence is likelier" not in charts


def test_best_losses_and_what_differs():
    saves = [
        {"step": step, "fills": [], "minimal_pairs_accuracy": 0.5 + step / 100}
        for step in (0, 10)
    ]
    same = {"batch_size": 4, "seed": 1}
    one = record("one", saves=saves, pretraining={**same, "learn_rate": 0.1})
    two = record("two", pretraining={**same, "learn_rate": 0.2})
    page = make_comparison([one, two])
    summary, differences = (cells_of(table) for table in parse(page).all("table"))
    # The last of 30 rows that was evaluated is the 28th.
    assert summary[1][:4] == [
        "one",
        f"{9.1 - 28 / 30:.3f} (step 280)",
        "87.3%",
        "60.0%",
    ]
    assert summary[2][3] == ""
    assert differences == [
        ["Setting", "one", "two"],
        ["[pretraining] learn_rate", "0.1", "0.2"],
    ]
    assert "same held-out text" in page
    assert "Minimal pairs whose good sentence is likelier" in charts_of(page)


def test_losses_of_other_texts_are_not_compared():
    runs = [record("one"), record("two", corpus={"text": "b"})]
    assert "cannot be compared" in make_comparison(runs)


def run(*arguments):
    result = CliRunner().invoke(bert_cli, ["report", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.split())


def test_the_command(tmp_path, make_config, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for rate, name in ((0.01, "one"), (0.02, "two")):
        config = make_config(pretraining={"learn_rate": rate})
        pretrain(config, tmp_path / name, write=quiet)
    code, said = run("one", "two")
    assert code == 0 and f"Wrote {tmp_path / 'comparison.html'}" in said
    page = (tmp_path / "comparison.html").read_text()
    assert "same held-out text" in page and "[pretraining] learn_rate" in page
    code, said = run("one", "two")
    assert code == 1 and "--force" in said
    assert run("one", "two", "--force")[0] == 0
    code, said = run("one", "two", "-o", "three.html", "three")
    assert code == 1 and "expected the log of a run" in said
    code, said = run(*"abcdefg", "-o", "three.html")
    assert code == 1 and "Expected 2 to 6 runs" in said
    with pytest.raises(ValueError, match="got 1"):
        read_runs([tmp_path / "one"] * 2)


def test_a_run_is_watched_to_its_end(tmp_path, monkeypatch):
    """A browser reloads its page as long as it goes on."""
    pages = []
    rows = make_rows(4)

    def sleep(seconds):
        """Meanwhile the run goes on."""
        path = tmp_path / "report.html"
        pages.append(path.read_text() if path.exists() else None)
        row = rows[len(pages)]
        append_row(tmp_path / "log.jsonl", {**row, "progress": len(pages) / 3})

    monkeypatch.setattr("time.sleep", sleep)
    code, said = run(tmp_path, "--watch")
    assert code == 0 and "Wrote" in said
    refresh = f'http-equiv="refresh" content="{report._SECONDS}"'
    # Nothing was there to be drawn, then two rows of three.
    assert pages[0] is None and all(refresh in page for page in pages[1:])
    assert len(pages) == 3 and refresh not in (tmp_path / "report.html").read_text()


def test_watching_can_be_stopped(tmp_path, monkeypatch):
    append_row(tmp_path / "log.jsonl", make_rows(3)[1])

    def stop(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", stop)
    code, said = run(tmp_path, "--watch")
    assert code == 0 and "Stopped watching" in said
    assert "refresh" not in (tmp_path / "report.html").read_text()
