"""Text -> the index on disk -> the same text; built again only when it must be."""

import json
import os

import catalogue
import numpy as np
import pytest

from spacy_bert.corpus.documents import CorpusConfig, Sentence, Splitter
from spacy_bert.corpus.index.building import open_index
from spacy_bert.corpus.index.files import piece_dtype
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.corpus.readers import readers
from spacy_bert.tokenization import WordPiece


@pytest.fixture
def open_it(tmp_path, corpus_path, pieces):
    """-> (the index, what was said while it was opened)"""

    def open_it(tokenizer=pieces, splitter=None, **changes):
        values = {"path": str(corpus_path), "held_out_ratio": 0.1}
        corpus = CorpusConfig(**values | changes)
        plan = plan_index(corpus, tokenizer=tokenizer, splitter=splitter)
        said = []
        index = open_index(tmp_path / "index", plan, write=said.append)
        return index, "\n".join(said)

    return open_it


def split_at_spaces(paragraphs):
    return [[Sentence(word) for word in text.split()] for text in paragraphs]


def read_back(split, tokenizer):
    sentences = [
        tokenizer.decode(split.piece_ids[a:b].tolist())
        for a, b in zip(
            split.sentence_offsets, split.sentence_offsets[1:], strict=False
        )
    ]
    return [
        sentences[a:b]
        for a, b in zip(
            split.document_offsets, split.document_offsets[1:], strict=False
        )
    ]


def test_what_is_written_is_read_back(corpus_path, open_it, pieces):
    index, _ = open_it()
    expected = [text.splitlines() for text in corpus_path.read_text().split("\n\n")]
    train, held_out = (read_back(p, pieces) for p in (index.train, index.held_out))
    decode = [[pieces.decode(ids) for ids in pieces.encode_ids(d)] for d in expected]
    assert sorted(train + held_out) == sorted(decode)
    assert not {tuple(d) for d in train} & {tuple(d) for d in held_out}
    assert index.train.piece_ids.dtype == np.uint16
    assert index.unknown_ratio == 0.0


def test_it_is_built_once(open_it, tmp_path):
    _, said = open_it()
    assert "no index" in said and "100%" in said
    before = (tmp_path / "index" / "meta.json").stat().st_ino
    _, said = open_it()
    assert said == ""
    assert (tmp_path / "index" / "meta.json").stat().st_ino == before


def test_it_is_built_again_where_something_changed(open_it, corpus_path):
    open_it()
    said = open_it(splitter=Splitter(name="words", split=split_at_spaces))[1]
    assert "sentences changed from 'lines' to 'words'" in said
    assert "held_out_ratio changed from 0.1 to 0.2" in open_it(held_out_ratio=0.2)[1]
    other = WordPiece("[PAD] [UNK] [CLS] [SEP] [MASK] the".split())
    index, said = open_it(other)
    assert "the vocabulary changed" in said
    assert index.unknown_ratio > 0.5
    open_it()
    corpus_path.write_text(corpus_path.read_text() + "\nthe cat .\n")
    assert "the corpus file corpus.txt changed" in open_it()[1]


def test_a_file_that_was_only_touched_is_as_it_was(open_it, corpus_path):
    open_it()
    os.utime(corpus_path, (1, 1))
    assert open_it()[1] == ""
    moved = corpus_path.with_name("elsewhere")
    moved.mkdir()
    corpus_path.rename(moved / "corpus.txt")
    assert open_it(path=str(moved))[1] == ""


def test_other_text_of_the_same_size_is_noticed(open_it, corpus_path):
    open_it()
    corpus_path.write_text(corpus_path.read_text().replace("dog", "cat", 1))
    os.utime(corpus_path, (1, 1))
    assert "the corpus file corpus.txt changed" in open_it()[1]


def test_other_text_of_the_same_size_and_time_is_noticed(open_it, corpus_path):
    """As cp -p and rsync -t leave it."""
    open_it()
    stat = corpus_path.stat()
    text = corpus_path.read_text()
    middle = text.index("dog", len(text) // 2)
    corpus_path.write_text(text[:middle] + "cat" + text[middle + 3 :])
    os.utime(corpus_path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert corpus_path.stat().st_mtime_ns == stat.st_mtime_ns
    assert corpus_path.stat().st_size == stat.st_size
    assert "the corpus file corpus.txt changed" in open_it()[1]


def test_an_index_of_before_is_not_built_again(open_it, corpus_path, tmp_path):
    """Its records have the time of modification."""
    os.utime(corpus_path, (1, 1))
    open_it()
    path = tmp_path / "index" / "meta.json"
    meta = json.loads(path.read_text())
    del meta["fingerprint"]["held_out"]
    for record in meta["fingerprint"]["sources"]:
        record[-2] = corpus_path.stat().st_mtime_ns
    path.write_text(json.dumps(meta))
    assert open_it()[1] == ""


def test_what_was_read_is_said(open_it, tmp_path):
    for number in range(12):
        text = "the cat sat .\nthe unaffable cat !\n\nthe dog ran\n"
        (tmp_path / f"note-{number}.txt").write_text(text + "the " * number)
    notes = str(tmp_path / "note-*.txt")
    _, said = open_it(path=notes, held_out_ratio=0.5, sentences="lines")
    counts = "12 files, 24 documents, 47 sentences, 198 words, "
    # unaffable: un ##aff ##able
    assert f"Indexed {counts}222 pieces. Held out: " in said
    assert "12 of the 12 files have blank lines inside" in said
    assert "[corpus] reader = 'files'" in said
    _, said = open_it(path=notes, reader="files", sentences="lines")
    assert f"Indexed {counts.replace('24', '12')}222 pieces" in said
    assert "blank lines inside" not in said


def test_another_reader_is_noticed(open_it, corpus_path):
    corpus_path.write_text('"the cat"\n\n"the dog"\n\n"a cat"\n\n"a dog"\n')
    open_it()
    readers.register("each_line", func=lambda source: source.lines())
    try:
        said = open_it(reader="each_line")[1]
    finally:
        catalogue._remove(("spacy_bert", "readers", "each_line"))
    assert "corpus.txt was read as 'text', now as 'each_line'" in said


def test_a_damaged_index_is_built_again(open_it, tmp_path):
    open_it()
    with (tmp_path / "index" / "train" / "pieces.bin").open("ab") as file:
        file.truncate(100)
    index, said = open_it()
    assert "pieces.bin should have" in said and "has 100" in said
    assert index.train.n_pieces > 100


@pytest.mark.parametrize("file", ["pieces.bin", "sentences.bin", "documents.bin"])
@pytest.mark.parametrize("split", ["train", "held_out"])
def test_a_flipped_bit_is_named(open_it, tmp_path, split, file):
    open_it()
    path = tmp_path / "index" / split / file
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert f"{split}/{file} is damaged" in open_it()[1]
    assert path.read_bytes() == whole


def test_damaged_offsets_are_built_again(open_it, tmp_path):
    open_it()
    path = tmp_path / "index" / "train" / "sentences.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + bytes(8))
    assert "sentences.bin is damaged: it should begin with 0 and end" in open_it()[1]
    assert path.read_bytes() == whole


def test_empty_sentences_and_documents_are_dropped(open_it, corpus_path, pieces):
    corpus_path.write_text("the cat\n\x00\nthe dog\n\n\x00\n\na\n\nin\n\nby\n")
    index, _ = open_it()
    documents = read_back(index.train, pieces) + read_back(index.held_out, pieces)
    assert sorted(documents) == [["a"], ["by"], ["in"], ["the cat", "the dog"]]


def test_two_documents_are_held_out_of_a_tiny_corpus(open_it, corpus_path):
    corpus_path.write_text("the cat\n\nthe dog\n\na cat\n\na dog\n")
    index, _ = open_it(held_out_ratio=0.0001)
    assert (index.train.n_documents, index.held_out.n_documents) == (2, 2)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "The corpus holds no text"),
        ("\n \n", "The corpus holds no text"),
        ("the cat\n", "two different sentences or more.*got 1 documents of one"),
        ("the cat\n\n" * 20, "two different sentences or more.*got 20 documents"),
    ],
)
def test_a_corpus_that_is_too_small(open_it, corpus_path, tmp_path, text, message):
    corpus_path.write_text(text)
    with pytest.raises(ValueError, match=message):
        open_it(held_out_ratio=0.0001)
    assert not list(tmp_path.glob("index*"))


def test_large_vocabularies_take_four_bytes():
    assert piece_dtype(65536) == np.uint16
    assert piece_dtype(65537) == np.uint32
