"""BIO tags, by hand and there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.training import iob_to_biluo

from spacy_bert.tasks.ner.bio import BioTags

TAGS = BioTags(("LOC", "PER"))
NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def possible(biluo, is_space=None):
    """Names of the possible tags, "?" for all of them."""
    masks = TAGS.possible_tags(biluo, is_space or [False] * len(biluo))
    names = [[n for n, ok in zip(NAMES, mask, strict=True) if ok] for mask in masks]
    return ["?" if some == NAMES else " ".join(some) for some in names]


def test_what_may_follow_what():
    # fmt: off
    assert TAGS.allowed_transitions().int().tolist() == [
        # O  B-LOC I-LOC B-PER I-PER
        [1, 1, 0, 1, 0],  # O
        [1, 1, 1, 1, 0],  # B-LOC
        [1, 1, 1, 1, 0],  # I-LOC
        [1, 1, 0, 1, 1],  # B-PER
        [1, 1, 0, 1, 1],  # I-PER
    ]
    # fmt: on
    assert TAGS.allowed_start_transitions().int().tolist() == [1, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("biluo", "expected"),
    [
        ("O U-LOC O", "O, B-LOC, O"),
        ("B-PER I-PER L-PER", "B-PER, I-PER, I-PER"),
        ("U-LOC B-LOC L-LOC", "B-LOC, B-LOC, I-LOC"),
        ("- O -", "?, O, ?"),
        # Where an entity ends is known, so it does not continue.
        ("B-LOC L-LOC -", "B-LOC, I-LOC, O B-LOC B-PER I-PER"),
        ("U-PER -", "B-PER, O B-LOC I-LOC B-PER"),
    ],
)
def test_what_biluo_tags_say(biluo, expected):
    assert ", ".join(possible(biluo.split())) == expected


def test_none_is_not_known():
    assert possible([None, "O"]) == ["?", "O"]


@pytest.mark.parametrize(
    ("biluo", "is_space", "expected"),
    [
        ("B-PER I-PER L-PER", [1, 0, 0], ["B-PER", "I-PER"]),
        ("B-PER I-PER L-PER", [1, 1, 0], ["B-PER"]),
        ("B-PER I-PER L-PER", [0, 1, 0], ["B-PER", "I-PER"]),
        ("B-PER L-PER U-LOC", [0, 1, 0], ["B-PER", "B-LOC"]),
        ("U-PER O -", [1, 0, 0], ["O", "?"]),
        ("O O O", [1, 1, 1], []),
    ],
)
def test_white_space_has_no_tag(biluo, is_space, expected):
    assert possible(biluo.split(), [bool(i) for i in is_space]) == expected


def test_a_label_that_is_not_known():
    with pytest.raises(ValueError, match="out of LOC, PER; got 'ORG'. Add it"):
        possible(["U-ORG"])


def test_entities_continue_across_what_has_no_tag():
    assert TAGS.entities([1, 2, 3], [0, 2, 5]) == [(0, 3, "LOC"), (5, 6, "PER")]


@given(st.lists(st.sampled_from(NAMES), max_size=8))
def test_there_and_back(tags):
    """Allowed paths, made BILUO by spaCy."""
    for i, tag in enumerate(tags):
        if tag[0] == "I" and (i == 0 or tags[i - 1][1:] != tag[1:]):
            tags[i] = "B" + tag[1:]
    masks = TAGS.possible_tags(iob_to_biluo(tags), [False] * len(tags))
    assert (masks.sum(1) == 1).all()
    ids = masks.argmax(1).tolist() if tags else []
    assert [NAMES[i] for i in ids] == tags
    entities = TAGS.entities(ids, range(len(ids)))
    assert [start for start, _, _ in entities] == [
        i for i, tag in enumerate(tags) if tag[0] == "B"
    ]
    assert sum(end - start for start, end, _ in entities) == len(tags) - tags.count("O")
