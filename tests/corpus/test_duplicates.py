"""Copies are counted and shown, exactly for few texts and closely for many."""

import json
from random import Random

import numpy as np
import pytest

from spacy_bert.corpus.duplicates import (
    N_COUNTERS,
    N_HASHES,
    DuplicateSketch,
    hash_text,
)
from spacy_bert.corpus.index.advice import IndexUse, make_warnings
from spacy_bert.corpus.index.fingerprint import IndexPlan
from spacy_bert.corpus.index.statistics import CorpusStatistics
from spacy_bert.corpus.index.tokenized import TokenizedDocument


def test_few_texts_are_counted_exactly():
    duplicates = DuplicateSketch()
    duplicates.add(["a", "b", "a"])
    duplicates.add(["a", "c"])
    assert duplicates.n_seen == 5 and duplicates.ratio == pytest.approx(2 / 5)
    assert duplicates.examples(3) == [("a", 3)]
    assert DuplicateSketch().ratio == 0.0


def test_many_texts_are_estimated_and_the_memory_is_bounded():
    """30,000 different texts, half of them twice, and one text 10,000 times: of 55,000
    texts 24,999 came before."""
    texts = [f"text {i}" for i in range(30_000)]
    texts += [f"text {i}" for i in range(15_000)] + ["again"] * 10_000
    Random(0).shuffle(texts)
    duplicates = DuplicateSketch()
    for start in range(0, len(texts), 1000):
        duplicates.add(texts[start : start + 1000])
    assert duplicates.ratio == pytest.approx(24_999 / 55_000, abs=0.02)
    (text, n), (_, other) = duplicates.examples(2)
    assert text == "again" and 9_500 <= n <= 10_000
    assert other == 2
    assert len(duplicates.smallest) == N_HASHES
    assert len(duplicates.frequent) <= N_COUNTERS
    assert len(duplicates.beginnings) <= N_HASHES + N_COUNTERS


def test_an_estimate_by_hand():
    """The 4,096th smallest hash of 8,190 different texts is 1/2 if they are spread
    evenly: 4,095 / 0.5 (Bar-Yossef et al. 2002). Half of 16,380 texts came before."""
    smallest = {(i + 1) / 8192: 2 for i in range(N_HASHES)}
    beginnings = dict.fromkeys(smallest, "a text")
    duplicates = DuplicateSketch(16_380, smallest, beginnings=beginnings)
    assert duplicates.ratio == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_an_estimate_of_texts_without_copies_finds_none(seed):
    """Estimates of these five are up to 1.6 %."""
    duplicates = DuplicateSketch()
    duplicates.add(f"{seed}: text {i}" for i in range(10_800))
    assert len(duplicates.smallest) == N_HASHES
    assert duplicates.ratio == 0.0
    duplicates.add([f"{seed}: text {i}" for i in range(5_400)])
    assert duplicates.ratio == pytest.approx(1 / 3, abs=0.04)


def test_shards_that_are_merged_count_as_the_whole():
    texts = [f"text {i % 7000}" for i in range(20_000)]
    whole, merged = DuplicateSketch(), DuplicateSketch()
    whole.add(texts)
    for start in range(0, len(texts), 5000):
        shard = DuplicateSketch()
        shard.add(texts[start : start + 5000])
        merged.merge(DuplicateSketch.from_json(json.loads(json.dumps(shard.to_json()))))
    assert merged.ratio == whole.ratio
    assert merged.smallest == whole.smallest


def test_hashes_are_spread_evenly():
    hashes = np.sort([hash_text(str(i)) for i in range(10_000)])
    assert np.abs(hashes - np.linspace(0, 1, 10_000)).max() < 0.03


def document(text, sentences):
    return TokenizedDocument(
        lines=[text], is_held_out=False, sentences=sentences, word_starts=[]
    )


def warnings_of(documents, pieces, *, sentences="lines", **use):
    statistics = CorpusStatistics(counts=np.zeros(pieces.n_pieces, np.int64))
    statistics.add(documents)
    plan = IndexPlan(
        sources=[],
        settings={},
        tokenizer=pieces,
        splitter=None,
        held_out_ratio=0.1,
        one_a_line=sentences == "lines",
    )
    return "\n".join(make_warnings(statistics, plan, IndexUse(**use)))


def test_each_warning_has_its_cause(pieces):
    every = list(range(pieces.n_pieces)) * 50
    every = [piece for piece in every if piece != pieces.unk_id]
    short = [every[i : i + 100] for i in range(0, len(every), 100)]
    fine = [document(f"{i} {'x' * 50}", short) for i in range(60)]
    assert warnings_of(fine, pieces) == ""
    said = warnings_of([*fine, *[fine[0]] * 4], pieces)
    assert "6% of the documents are copies" in said and "(5 times)" in said
    said = warnings_of([*fine, *([document("y" * 50, short)] * 5)], pieces)
    assert "6% of the lines of 40 characters or more are copies" in said
    said = warnings_of([document("z", [[pieces.unk_id] * 50_000] * 2), *fine], pieces)
    assert "[UNK]" in said and "spacy bert vocab" in said
    said = warnings_of([document(str(i), [every]) for i in range(60)], pieces)
    assert "100% of the documents have one sentence" in said
    said = warnings_of(
        [*fine, *(document(f"b{i}", [*short, every]) for i in range(60))], pieces
    )
    assert "33% of the pieces are in sentences of more than 128" in said
    said = warnings_of([document("a", [[5, 5, 5], [6, 7]])], pieces)
    assert "100% of the vocabulary's 29 pieces occur less than 10 times" in said


def test_the_advice_fits_what_the_index_is_for(pieces):
    rare = [document("a", [[5, 5, 5], [6, 7]])]
    assert "start from a checkpoint" in warnings_of(rare, pieces)
    assert warnings_of(rare, pieces, from_checkpoint=True) == ""
    unknown = [document("a", [[pieces.unk_id], [6]])]
    said = warnings_of(unknown, pieces, from_checkpoint=True)
    assert "extend_vocab" in said and "spacy bert vocab" not in said
    single = [document("a", [[5] * 200])]
    said = warnings_of(single, pieces, from_checkpoint=True)
    assert "true pairs" in said and said.count("sentences = 'sentencizer'") == 2
    said = warnings_of(single, pieces, from_checkpoint=True, next_sentence="none")
    assert "true pairs" not in said and "more than 128" in said
    said = warnings_of(single, pieces, from_checkpoint=True, sentences="sentencizer")
    assert "'sentencizer'" not in said and said.count("spaCy pipeline") == 2
