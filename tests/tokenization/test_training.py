from functools import partial

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert.tokenization import WordPiece, find_unknown, train_wordpiece

TEXTS = ["low lower lowest", "new newer newest", "wide wider widest"] * 20


def test_special_pieces_come_first():
    tokenizer = train_wordpiece(TEXTS, vocab_size=60)
    assert tokenizer.pieces[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def test_frequent_words_and_endings_become_pieces():
    tokenizer = train_wordpiece(TEXTS, vocab_size=60)
    pieces = [tokenizer.pieces[i] for i in tokenizer.encode("lowest widest").ids]
    assert pieces == ["lowest", "widest"]
    assert "##st" in tokenizer.pieces


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
    tokenizer = train_wordpiece(texts, vocab_size=100)
    assert tokenizer.unk_id not in tokenizer.encode(texts[0]).ids


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


HAN = [chr(0x4E00 + i) for i in range(300)]


def test_characters_that_are_words_count_like_words():
    """207 characters fit below the limit of half; the others take room from pieces
    of rare words."""
    latin = [f"{a}{b}{c}" for a in "bcdfgh" for b in "aeiou" for c in "lmnrst"]
    texts = ["".join(HAN)] * 10 + [" ".join(latin)] * 3
    pieces = train_wordpiece(texts, vocab_size=420).pieces
    assert set(HAN) <= {*pieces}
    assert len(pieces) <= 420
    # A word that is as frequent as they are keeps its piece.
    pieces = train_wordpiece([*texts, "bal " * 100], vocab_size=420).pieces
    assert "bal" in pieces and set(HAN) <= {*pieces}


def test_characters_that_are_rare_do_not_push_out_frequent_words():
    latin = [f"{a}{b}{c}" for a in "bcdfgh" for b in "aeiou" for c in "lmnrst"]
    texts = ["".join(HAN)] * 2 + [" ".join(latin)] * 100
    tokenizer = train_wordpiece(texts, vocab_size=420)
    alone = train_wordpiece([" ".join(latin)] * 100, vocab_size=420)
    n_pieces = sum(len(ids) for ids in alone.encode_ids(latin))
    assert sum(len(ids) for ids in tokenizer.encode_ids(latin)) < 1.2 * n_pieces


def test_characters_that_occur_too_seldom_are_no_words():
    texts = ["".join(HAN), "".join(HAN[:250])]
    pieces = train_wordpiece(texts, vocab_size=300, min_frequency=2).pieces
    # 147 characters are half of the vocabulary, whatever their frequency.
    assert {*HAN[:250]} <= {*pieces}
    assert not {*HAN[250:]} & {*pieces}


def test_chinese_that_is_not_split_is_spelled():
    texts = ["".join(HAN[i : i + 3]) for i in range(20)] * 5
    tokenizer = train_wordpiece(texts, vocab_size=200, split_chinese=False)
    assert "".join(HAN[:3]) in tokenizer.pieces
    assert f"##{HAN[0]}" in tokenizer.pieces


SCRIPTS = (
    "ab0. \u00e9\u0416\u3042\u3099\u30ab\uac00\u0e01\u0e34\u4e2d\uf900\u3002\u00b0"
)


@given(
    texts=st.lists(st.text(alphabet=SCRIPTS, max_size=12), max_size=6),
    size=st.integers(10, 60),
    settings=st.tuples(st.booleans(), st.none() | st.booleans(), st.booleans()),
)
@hypothesis.settings(deadline=None, max_examples=60)
def test_any_script_gives_one_vocabulary_of_the_size(texts, size, settings):
    lowercase, strip_accents, split_chinese = settings
    train = partial(
        train_wordpiece,
        [*texts, "a b"],
        vocab_size=size,
        lowercase=lowercase,
        strip_accents=strip_accents,
        split_chinese=split_chinese,
    )
    tokenizer = train()
    assert tokenizer.pieces == train().pieces
    assert tokenizer.n_pieces <= size
    assert not any("\ue000" <= c < "\uf900" for c in "".join(tokenizer.pieces))
    assert "\U000f0000" not in "".join(tokenizer.pieces)
    if len({*"".join(texts)}) < (size - 5) // 2 - 2:
        assert find_unknown(tokenizer, texts).n_unknown == 0


def test_unknown_words_are_counted_by_hand():
    tokenizer = WordPiece("[PAD] [UNK] [CLS] [SEP] [MASK] a b ##c .".split())
    unknown = find_unknown(tokenizer, ["A bc. \u4e2d\u4e2d", "ad \u4e2d a", "ad " * 2])
    assert unknown.n_words == 5 + 3 + 2
    assert unknown.examples == [("\u4e2d", 3), ("ad", 3)]
    assert (unknown.n_unknown, unknown.n_characters) == (6, 2)
    assert unknown.ratio == 0.6
