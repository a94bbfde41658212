"""What long work shows: lines now and then, also without a terminal."""

import time

import pytest
import torch
from toy_corpus import make_documents, make_split, read_log

from spacy_bert.corpus import documents as corpus
from spacy_bert.corpus import progress_bar
from spacy_bert.corpus.documents import CorpusConfig, find_sources
from spacy_bert.corpus.index.building import build_shards
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.corpus.progress_bar import Bar, shown_lines, still_working
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.evaluation import unigram_log_probs
from spacy_bert.pretraining.training import initial_state, log_writer
from spacy_bert.pretraining.training.warm_start import warm_start


@pytest.fixture
def now(monkeypatch):
    """now[0]: the time, which does not pass by itself."""
    now = [0.0]
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def hasty(monkeypatch):
    """Each look at how far it is makes a line."""
    monkeypatch.setattr(progress_bar, "SECONDS_BETWEEN_LINES", -1.0)


def percents(lines):
    return [int(line.split(":")[1].split("%")[0]) for line in lines]


def test_a_line_comes_every_ten_seconds(now):
    said = []
    with Bar("Reading", 1000, write=said.append) as bar:
        for second in range(1, 26):
            now[0] = float(second)
            bar.update(20)
    assert percents(said) == [22, 44, 100]
    assert said[0].startswith("  Reading:  22%  220B of 1.00kB, 20.0B/s, 00:39 left")


def test_work_that_is_larger_than_estimated_does_not_pass_100(now):
    said = []
    with Bar("Reading", 10, write=said.append) as bar:
        for now[0] in (11.0, 22.0):
            bar.update(9)
    assert percents(said) == [90, 100, 100]


@pytest.mark.parametrize("total, shown", [(2, "2 Docs of 2 Docs"), (24_000, "24.0k")])
def test_small_numbers_have_no_decimals(total, shown):
    said = []
    with Bar("Converting", total, unit=" Docs", write=said.append):
        pass
    assert shown in said[-1]
    assert "2.0 " not in said[-1] and "2.00" not in said[-1]


def test_work_that_fails_is_not_done(now):
    said = []
    with pytest.raises(KeyError), Bar("Reading", 10, write=said.append):
        raise KeyError
    assert said == []


def test_an_empty_text_is_shown():
    said = []
    with Bar("Reading", 0, write=said.append):
        pass
    assert percents(said) == [100]


def test_lines_stay_the_same_however_often_they_are_read(hasty):
    said = []
    with shown_lines(["a", "bb", "ü"], 8, "Thinking", said.append) as lines:
        assert list(lines) == list(lines) == ["a", "bb", "ü"]
    reading = [line for line in said if "Reading" in line]
    assert percents(reading) == 2 * [25, 62, 100, 100]


def test_silent_work_says_that_it_goes_on(monkeypatch):
    monkeypatch.setattr(progress_bar, "SECONDS_BETWEEN_LINES", 0.01)
    said = []
    with still_working("Merging pieces", said.append):
        while len(said) < 2:
            time.sleep(0.01)
    assert said[0].startswith("  Merging pieces: 0 seconds")
    n = len(said)
    time.sleep(0.05)
    assert len(said) == n


@pytest.mark.parametrize("n_process", [1, 2])
def test_the_index_moves_inside_a_shard(
    tmp_path, hasty, monkeypatch, corpus_path, pieces, n_process
):
    """Not only from shard to shard, of which a text may have one."""
    monkeypatch.setattr(corpus, "SHARD_BYTES", 200_000)
    monkeypatch.setattr("spacy_bert.corpus.index.workers._SECONDS", 0.05)
    monkeypatch.setattr("spacy_bert.corpus.index.tokenized._BLOCK_CHARS", 5000)
    corpus_path.write_text(make_documents(2500))
    plan = plan_index(
        CorpusConfig(path=str(corpus_path)), tokenizer=pieces, splitter=None
    )
    said = []
    build_shards(tmp_path / "index", plan, n_process=n_process, write=said.append)
    found = percents(line for line in said if "Indexing" in line)
    assert found == sorted(found) and found[-1] == 100
    n_shards = len(plan.shards())
    assert n_process == 2 or len(set(found)) > 4 * n_shards


def test_packed_text_is_estimated(tmp_path):
    (tmp_path / "a.txt").write_text("a" * 100)
    (tmp_path / "b.txt.gz").write_bytes(b"b" * 100)
    sources = find_sources(CorpusConfig(path=str(tmp_path), reader="text"))
    assert progress_bar.text_bytes(sources) == 400


def test_the_warm_start_says_how_far_it_is(hasty, monkeypatch, pieces):
    module = "spacy_bert.pretraining.training.warm_start._BLOCK_PIECES"
    monkeypatch.setattr(module, 20)
    split = make_split([[20], [20, 20]])
    split.piece_ids[:] = split.piece_ids % 10 + 5
    config = BertConfig(vocab_size=29, hidden_width=16, n_layers=1, n_heads=2)
    model = BertForPretraining(config)
    model.initialize_weights()
    said = []
    warm_start(model, split, pieces, unigram_log_probs(split, 29), write=said.append)
    assert percents(line for line in said if "Counting" in line) == [33, 67, 100, 100]


def test_a_run_by_the_clock_logs_by_the_clock(make_config, tmp_path, monkeypatch):
    """With a step a minute, no hundred of which are done."""
    monkeypatch.setattr(log_writer, "MOST_SECONDS", 0.0)
    settings = {"log_every": 100, "save_every": 100, "eval_every": 100}
    config = make_config(pretraining={**settings, "max_steps": 4})
    pretrain(config, tmp_path / "one", write=lambda text: None)
    assert [row["step"] for row in read_log(tmp_path / "one")] == [0, 1, 2, 3, 4]
    # What is learned is the same.
    monkeypatch.setattr(log_writer, "MOST_SECONDS", 1e9)
    pretrain(config, tmp_path / "other", write=lambda text: None)
    first, *_, last = read_log(tmp_path / "one")
    assert [row["step"] for row in read_log(tmp_path / "other")] == [0, 4]
    weights = [
        tmp_path / name / "model-last/model.safetensors" for name in ("one", "other")
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_what_max_minutes_counts_is_said(make_config, tmp_path):
    limits = {"max_minutes": 0.001, "max_steps": None}
    said = []
    pretrain(make_config(pretraining=limits), tmp_path / "out", write=said.append)
    (line,) = [line for line in said if "max_minutes = " in line]
    assert "steps from here on, with evaluations and saves" in line
    # The index came before.
    assert said.index(line) > max(
        i for i, text in enumerate(said) if "Indexing" in text
    )


def test_a_step_that_reads_the_text_a_hundred_times_is_refused(make_config, tmp_path):
    config = make_config(pretraining={"batch_size": 100_000})
    with pytest.raises(
        ValueError, match="goes through it [0-9]+ times. Take a smaller"
    ):
        pretrain(config, tmp_path / "out", write=lambda text: None)
    split = make_split([[5]] * 20)
    limit = 20 * initial_state.MOST_TIMES
    initial_state.check_step_size(
        make_config(pretraining={"batch_size": limit}).pretraining, split
    )
    with pytest.raises(ValueError, match="2,001 sequences.*some 20"):
        above = make_config(pretraining={"batch_size": limit + 1})
        initial_state.check_step_size(above.pretraining, split)


def test_a_high_rate_is_warned_of_when_the_run_starts(make_config, tmp_path):
    said = []
    config = make_config(pretraining={"learn_rate": 0.2, "max_steps": 1})
    torch.manual_seed(0)
    pretrain(config, tmp_path / "out", write=said.append)
    assert [line for line in said if "Warning: [pretraining] learn_rate = 0.2" in line]


def test_a_bar_on_a_terminal_ends_at_its_total(monkeypatch):
    """More than the estimate is not shown, and less is made up for at the end."""
    for updates in ([3, 4], [8, 9]):
        shown = []
        with progress_bar.Bar("Reading", 10, write=print) as bar:
            monkeypatch.setattr(bar._tqdm, "update", shown.append)
            for n in updates:
                bar.update(n)
        assert sum(shown) == 10
