"""Sides, shares and copies."""

from spacy.tokens import Doc
from spacy.vocab import Vocab

from demo_data.build import MAX_SHARE, MIN_SHARE, select, share_out
from demo_data.labels import Candidate, key_of
from demo_data.packages import side_of


def test_sides_hold_about_as_much_as_they_should():
    sides = [side_of(f"package.module{number}") for number in range(2000)]
    assert 0.77 < sides.count("train") / 2000 < 0.83
    assert 0.08 < sides.count("test") / 2000 < 0.12


def test_a_module_never_changes_its_side():
    assert [side_of(name) for name in ("numpy.linalg", "sympy.core.add")] == [
        "train",
        "train",
    ]


def test_shares_are_equal_as_far_as_they_go():
    numbers = share_out({"a": 100, "b": 5000, "c": 5000, "d": 300, "e": 5000}, 1000)
    assert numbers == {"a": 100, "b": 225, "c": 225, "d": 225, "e": 225}


def test_no_share_is_too_large_or_too_small():
    numbers = share_out({"a": 10, "b": 900, "c": 900, "d": 900, "e": 900}, 1000)
    assert numbers["a"] >= MIN_SHARE * sum(numbers.values())
    assert max(numbers.values()) <= MAX_SHARE * 200


def test_no_package_gets_more_than_a_quarter_of_what_is_wanted():
    numbers = share_out({"a": 100, "b": 5000, "c": 5000}, 1000)
    assert numbers == {"a": 100, "b": 250, "c": 250}


def test_docs_of_which_more_than_a_third_was_said_before_are_left_out():
    new, third, half = (Doc(Vocab(), words=[word]) for word in ("new", "third", "half"))
    candidates = [
        Candidate(new, ("a", "b", "c")),
        Candidate(third, ("a", "d", "e")),
        Candidate(half, ("a", "f")),
    ]
    assert select({"numpy": candidates}, 100, set()) == {"numpy": [new, third]}


def test_copies_have_one_key():
    first = key_of("Builds BertModel with 12 layers and vocab_size pieces.")
    assert first == key_of("Builds RobertaModel with 24 layers and n_words pieces!")
    assert first != key_of("Builds BertModel with 12 heads and vocab_size pieces.")
