import pytest

from spacy_bert.tokenization import train_wordpiece

TEXTS = ["low lower lowest", "new newer newest", "wide wider widest"] * 20


def test_special_pieces_come_first():
    wordpiece = train_wordpiece(TEXTS, vocab_size=60)
    assert wordpiece.pieces[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def test_frequent_words_and_endings_become_pieces():
    wordpiece = train_wordpiece(TEXTS, vocab_size=60)
    pieces = [wordpiece.pieces[i] for i in wordpiece.encode("lowest widest").ids]
    assert pieces == ["lowest", "widest"]
    assert "##st" in wordpiece.pieces


def test_the_same_texts_give_the_same_vocabulary():
    # All of these tie, and the trainer below counts in hash tables.
    texts = [f"{a}{b}{c}" for a in "xyzuvw" for b in "abcdef" for c in "rstpqo"] * 2
    vocabularies = {train_wordpiece(texts, vocab_size=80).pieces for _ in range(5)}
    assert len(vocabularies) == 1


def test_texts_that_can_be_read_once_only_give_the_same():
    assert (
        train_wordpiece(iter(TEXTS), vocab_size=40).pieces
        == train_wordpiece(TEXTS, vocab_size=40).pieces
    )


def test_the_size_is_kept_with_many_characters():
    # Chinese has thousands of characters: they may not push the size over its limit.
    texts = ["".join(chr(0x4E00 + i + j) for j in range(30)) for i in range(500)]
    assert train_wordpiece(texts, vocab_size=200).n_pieces <= 200


def test_no_unknown_characters_where_there_is_room():
    texts = ["\u65e5\u672c\u8a9e \u3092 \u5b66\u3076"] * 3
    wordpiece = train_wordpiece(texts, vocab_size=100)
    assert wordpiece.unk_id not in wordpiece.encode(texts[0]).ids


@pytest.mark.parametrize(
    ("texts", "vocab_size", "message"),
    [
        ([], 100, "no words"),
        ([" ", "\n"], 100, "no words"),
        (["some text"], 7, "vocab_size must leave room"),
    ],
)
def test_nothing_to_learn_from_is_refused(texts, vocab_size, message):
    with pytest.raises(ValueError, match=message):
        train_wordpiece(texts, vocab_size=vocab_size)


def test_words_that_are_unknown_for_their_length_teach_no_pieces():
    texts = [*TEXTS, *["q" * 101] * 50, *["z" * 100] * 50]
    pieces = train_wordpiece(texts, vocab_size=200).pieces
    assert not any("qq" in piece for piece in pieces)
    assert any("zz" in piece for piece in pieces)
