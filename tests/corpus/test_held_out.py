"""What is held out of any corpus, the same for the vocabulary and the index."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.corpus import documents as corpus_module
from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.held_out import choose_held_out, cut_end, split_hash
from spacy_bert.corpus.index.building import build_shards, open_index
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.corpus.vocabulary import TrainingLines
from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.checkpoint_scores import score_checkpoint


def document(number, n_sentences):
    """Sentences of the toy vocabulary; no two documents are the same."""
    words = "money river bank cat dog".split()
    return "".join(
        f"the {words[number % 5]} ran by {words[i % 5]} in a bank\n"
        for i in range(n_sentences)
    )


def write_corpus(path, n_documents, n_sentences=40):
    texts = [document(number, n_sentences) for number in range(n_documents)]
    path.write_text("\n".join(texts))
    return path


def test_the_end_by_hand():
    lines = [f"{i}" for i in range(10)]
    assert cut_end(lines, 0.3, one_a_line=True) == (lines[:7], lines[7:])
    # At least two, for two segments in order, but at most half.
    assert cut_end(lines, 0.01, one_a_line=True) == (lines[:8], lines[8:])
    assert cut_end(lines[:3], 0.01, one_a_line=True) == (lines[:2], lines[2:3])
    assert cut_end(lines[:1], 0.5, one_a_line=True) == (lines[:1], [])
    one = ["One. Two! Three? Four."]
    assert cut_end(one, 0.1, one_a_line=False) == (["One. Two!"], ["Three? Four."])
    # No sentence begins behind the last full stop.
    chinese = ["一。二。三。四。"]
    assert cut_end(chinese, 0.1, one_a_line=False) == (["一。二。"], ["三。四。"])
    assert cut_end(one, 0.1, one_a_line=True) == (one, [])
    # Lines of nothing but characters that are dropped are no sentences.
    ends = [*lines[:4], "\u200b", "\x00"]
    assert cut_end(ends, 0.01, one_a_line=True) == (lines[:2], ends[2:])
    chinese = ["\u4e00\u3002\u4e8c\u3002\u4e09\u3002"]
    expected = (["\u4e00\u3002\u4e8c\u3002"], ["\u4e09\u3002"])
    assert cut_end(chinese, 0.1, one_a_line=False) == expected


LINES = st.text(alphabet="ab.! \u3002", min_size=1, max_size=9).map(
    lambda text: text.strip() or "a"
)
DOCUMENTS = st.lists(st.lists(LINES, min_size=1, max_size=6), max_size=8)


@given(DOCUMENTS, st.sampled_from([1e-9, 0.02, 0.3, 0.5]), st.booleans())
def test_each_part_gets_text_if_there_is_more_than_one_sentence(
    documents, prob, one_a_line
):
    held_out = choose_held_out(documents, prob, one_a_line=one_a_line)
    divided = [held_out.divide(lines) for lines in documents]
    for lines, (train, rest) in zip(documents, divided, strict=True):
        squeeze = ["".join("".join(some).split()) for some in (lines, train + rest)]
        assert squeeze[0] == squeeze[1]
        if one_a_line:
            assert train + rest == lines
    trains, rests = zip(*divided, strict=True) if divided else ((), ())
    different = {tuple(lines) for lines in documents}
    can_cut = any(cut_end(lines, prob, one_a_line=one_a_line)[1] for lines in documents)
    assert any(trains) == bool(documents)
    assert any(rests) == (len(different) > 1 or can_cut)
    if len(different) >= 4 and len(different) == len(documents):
        assert sum(map(bool, trains)) >= 2 and sum(map(bool, rests)) >= 2


def test_documents_are_read_no_further_than_they_must():
    texts = iter([[f"document {i}."] for i in range(100_000)])
    assert choose_held_out(texts, 0.1, one_a_line=True).below == 0.1
    assert len(list(texts)) > 99_000


def test_documents_without_words_do_not_count():
    documents = [["one"], ["\x00"], ["two"], ["\u200b \ufffd"], ["three"]]
    held_out = choose_held_out(documents, 1e-9, one_a_line=True)
    lowest = min(split_hash([text]) for text in ("one", "two", "three"))
    assert lowest < held_out.below < lowest + 1e-9


@pytest.mark.parametrize("sentences", ["lines", "sentencizer"])
@pytest.mark.parametrize("n_documents", [1, 2, 3, 4, 7])
def test_the_vocabulary_sees_what_the_index_trains_on(
    tmp_path, pieces, n_documents, sentences
):
    path = write_corpus(tmp_path / "corpus.txt", n_documents)
    corpus = CorpusConfig(path=str(path), sentences=sentences)
    plan = plan_index(corpus, tokenizer=pieces, splitter=None)
    index = open_index(tmp_path / "index", plan, write=lambda text: None)
    lines = list(TrainingLines(corpus))
    ids = [i for some in pieces.encode_ids(lines) for i in some]
    assert index.train.piece_ids.tolist() == ids
    n_lines = len(path.read_text().split("\n\n")) * 40
    assert len(lines) + index.held_out.n_sentences == n_lines


@pytest.mark.parametrize("n_process", [1, 2])
def test_shards_hold_out_the_same(tmp_path, pieces, n_process, monkeypatch):
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(document(number, 30))
    corpus = CorpusConfig(path=str(tmp_path / "*.txt"), sentences="lines")
    plan = plan_index(corpus, tokenizer=pieces, splitter=None)
    whole = open_index(tmp_path / "whole", plan, write=lambda text: None)
    monkeypatch.setattr(corpus_module, "SHARD_BYTES", 100)
    assert len(plan.shards()) == 3
    path = tmp_path / "index"
    build_shards(path, plan, machine=(2, 3), write=lambda text: None)
    said = []
    index = open_index(path, plan, n_process=n_process, write=said.append)
    assert "missing: 0001, 0003" in "\n".join(said)
    for split in ("train", "held_out"):
        got, expected = (getattr(some, split) for some in (index, whole))
        assert got.piece_ids.tolist() == expected.piece_ids.tolist()
    assert index.held_out.n_documents == 3


def test_a_shard_that_held_out_otherwise_is_built_again(tmp_path, pieces):
    """One document at first, five when the build goes on."""
    corpus = CorpusConfig(path=str(tmp_path / "*.txt"), sentences="lines")

    def build():
        said = []
        plan = plan_index(corpus, tokenizer=pieces, splitter=None)
        first = replace(plan, sources=plan.sources[:1], held_out=plan.find_held_out())
        build_shards(tmp_path / "index", first, write=said.append)
        return said[0]

    (tmp_path / "0.txt").write_text(document(0, 30))
    assert "100%" in build()
    assert "missing: none" in build()
    for number in range(1, 5):
        (tmp_path / f"{number}.txt").write_text(document(number, 30))
    assert "100%" in build()


@pytest.mark.parametrize("task", ["nsp", "sop", "none"])
@pytest.mark.parametrize("n_documents", [1, 2, 3, 4])
def test_tiny_corpora_are_trained_on(make_config, tmp_path, n_documents, task):
    path = write_corpus(tmp_path / "corpus.txt", n_documents)
    config: PretrainingConfig = make_config(
        corpus={"path": str(path), "held_out_ratio": 0.02},
        pretraining={"max_steps": 1, "next_sentence": task},
    )
    said = []
    output = tmp_path / "out"
    if (n_documents, task) == (1, "nsp"):
        with pytest.raises(ValueError, match='blank line.*"none" or "sop"'):
            pretrain(config, output, write=said.append)
        return
    pretrain(config, output, write=said.append)
    (counts,) = [line for line in said if line.startswith("Indexed")]
    n_sentences = 40 * n_documents
    assert f"Indexed 1 file, {n_documents} document" in counts
    assert f", {n_sentences} sentences, " in counts
    assert ("as these are few" in counts) == (n_documents < 4)


@pytest.mark.parametrize("task", ["nsp", "sop", "none"])
def test_one_document_is_scored(bert_path, tmp_path, task):
    path = write_corpus(tmp_path / "corpus.txt", 1)
    corpus = CorpusConfig(path=str(path), sentences="lines")
    score = dict(splitter=None, max_length=32, next_sentence=task)
    if task == "nsp":
        with pytest.raises(ValueError, match="a split of the corpus has only 1"):
            score_checkpoint(bert_path, corpus, **score)
    else:
        result = score_checkpoint(bert_path, corpus, **score)
        assert result.n_instances > 3 and result.n_masked > 3
