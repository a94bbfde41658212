"""WordPiece against hand-worked cases, published outputs and `transformers`."""

import json
import pickle
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from spacy_bert.tokenization import WordPiece, load_tokenizer

N_LINES = 10_000


def pieces_of(tokenizer, text):
    return [tokenizer.pieces[i] for i in tokenizer.encode(text).ids]


def test_unaffable_splits_greedily(tokenizer):
    assert pieces_of(tokenizer, "Unaffable") == ["un", "##aff", "##able"]


def test_a_word_with_no_pieces_is_unknown_as_a_whole(tokenizer):
    assert pieces_of(tokenizer, "unaffxable cat") == ["[UNK]", "cat"]


def test_offsets_count_characters_of_the_raw_text(tokenizer):
    spans = tokenizer.encode("The C\u00c1T sat.")
    assert [tokenizer.pieces[i] for i in spans.ids] == ["the", "cat", "sat", "."]
    assert spans.offsets.tolist() == [[0, 3], [4, 7], [8, 11], [11, 12]]


def test_special_pieces_in_a_text_are_text(tokenizer):
    assert tokenizer.mask_id not in tokenizer.encode("the [MASK] sat [SEP]").ids


def test_cased_keeps_case_and_accents():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    cased = WordPiece([*special, "Caf\u00e9", "cafe"], lowercase=False)
    assert pieces_of(cased, "Caf\u00e9 cafe caf\u00e9") == [
        "Caf\u00e9",
        "cafe",
        "[UNK]",
    ]


def test_ids_alone_are_the_same_ids(tokenizer):
    texts = ["the cat sat", "", "unaffable!"]
    spans = tokenizer.encode_batch(texts)
    assert tokenizer.encode_ids(texts) == [span.ids.tolist() for span in spans]


def test_survives_pickle(tokenizer):
    again = pickle.loads(pickle.dumps(tokenizer))
    assert pieces_of(again, "unaffable") == ["un", "##aff", "##able"]


@given(st.text())
def test_offsets_lie_in_the_text_in_order(text):
    # A vocabulary of letters, so that most texts have pieces and not only [UNK].
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(i) for i in range(33, 127)]
    tokenizer = WordPiece([*special, *letters, *(f"##{c}" for c in letters)])
    spans = tokenizer.encode(text)
    starts, ends = spans.offsets.T
    assert len(spans.ids) == len(starts)
    assert np.all(starts >= 0) and np.all(ends <= len(text))
    assert np.all(starts <= ends) and np.all(np.diff(starts) >= 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", r"\[MASK\] not found among 5 pieces"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\na\n", "'a' is in .* twice"),
    ],
)
def test_a_broken_vocabulary_is_refused(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    path.write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=message):
        WordPiece.from_file(path)


def test_a_vocabulary_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"[PAD]\n\xff\n")
    with pytest.raises(ValueError, match="UTF-8 text, but byte 6 is not"):
        WordPiece.from_file(path)


def test_all_reference_questions(shared_data):
    """10,570 questions with the ids that google-research/bert's tokenizer gave."""
    folder = shared_data / "wordpiece_reference"
    questions = json.loads((folder / "question_tokens.json").read_text("utf8"))
    expected = json.loads((folder / "tokenized_questions.json").read_text("utf8"))
    vocabulary = shared_data / "vocab" / "bert-base-uncased" / "vocab.txt"
    tokenizer = WordPiece.from_file(vocabulary)
    ids = tokenizer.encode_ids([question["original"] for question in questions])
    assert len(ids) == 10_570
    assert ids == expected


@pytest.mark.parametrize(
    ("corpus", "vocabulary", "lowercase"),
    [
        ("wiki_en", "bert-base-uncased", True),
        pytest.param("wiki_en", "bert-base-cased", False, marks=pytest.mark.slow),
        pytest.param("wiki_zh", "bert-base-chinese", True, marks=pytest.mark.slow),
        ("wiki_zh", "bert-base-multilingual-cased", False),
    ],
)
def test_wikipedia_equals_transformers(shared_data, corpus, vocabulary, lowercase):
    path = shared_data / "vocab" / vocabulary / "vocab.txt"
    lines = list(islice(read_lines(shared_data / corpus), N_LINES))
    assert len(lines) == N_LINES
    tokenizer = WordPiece.from_file(path, lowercase=lowercase)
    theirs = BertTokenizerFast(str(path), do_lower_case=lowercase)
    assert_equals_transformers(tokenizer, theirs, lines)


def test_own_texts_equal_the_installed_transformers(reference):
    theirs = BertTokenizerFast.from_pretrained(reference.path)
    assert_equals_transformers(reference.tokenizer, theirs, reference.texts)


def assert_equals_transformers(tokenizer, theirs, lines):
    expected = theirs(
        lines,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
        verbose=False,
    )
    spans = tokenizer.encode_batch(lines)
    assert [span.ids.tolist() for span in spans] == expected["input_ids"]
    offsets = [[tuple(pair) for pair in span.offsets.tolist()] for span in spans]
    assert offsets == expected["offset_mapping"]


def read_lines(folder):
    for path in sorted(folder.rglob("wiki_*")):
        for line in path.read_text(encoding="utf8").splitlines():
            if line.strip() and not line.startswith(("<doc ", "</doc>")):
                yield line


def test_what_is_saved_transformers_reads(tmp_path, tokenizer):
    tokenizer.save(tmp_path, max_length=32)
    theirs = BertTokenizerFast.from_pretrained(tmp_path)
    ids = tokenizer.encode("The unaffable cat.").ids.tolist()
    expected = [tokenizer.cls_id, *ids, tokenizer.sep_id]
    assert theirs("The unaffable cat.")["input_ids"] == expected
    assert theirs("the [MASK]")["input_ids"][2] == tokenizer.mask_id
    assert theirs("The unaffable cat. " * 9, truncation=True).input_ids[31:] == [
        tokenizer.sep_id
    ]
    assert load_tokenizer(tmp_path).pieces == tokenizer.pieces


def test_settings_survive_the_folder(tmp_path, tokenizer):
    cased = WordPiece(
        tokenizer.pieces, lowercase=False, strip_accents=True, split_chinese=False
    )
    cased.save(tmp_path, max_length=32)
    again = load_tokenizer(tmp_path)
    assert (again.lowercase, again.strip_accents, again.split_chinese) == (
        False,
        True,
        False,
    )
