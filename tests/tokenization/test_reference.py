"""WordPiece against the ids that `transformers` gave for the texts in `tests/data`."""

import pytest


def test_each_text_has_the_ids_and_offsets_of_transformers(reference):
    assert len(reference.texts) > 200
    spans = reference.tokenizer.encode_batch(reference.texts)
    for i, text in enumerate(reference.texts):
        got = (spans[i].ids.tolist(), spans[i].offsets.tolist())
        assert got == (reference.ids[i], reference.offsets[i]), f"line {i + 1}: {text}"


def test_ids_alone_are_the_same(reference):
    assert reference.tokenizer.encode_ids(reference.texts) == reference.ids


def test_special_pieces_that_are_written_out_are_words(reference):
    """BERT splits at brackets, so "[ MASK ]" has the pieces of "[MASK]" as words."""
    tokenizer = reference.tokenizer
    written = [
        i
        for i, text in enumerate(reference.texts)
        if any(
            piece in text for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
        )
    ]
    assert len(written) > 5
    special = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}
    for i in written:
        apart = reference.texts[i].replace("[", " [ ").replace("]", " ] ")
        assert reference.ids[i] == tokenizer.encode(apart).ids.tolist()
        assert not special & set(reference.ids[i])


@pytest.mark.parametrize("n", [99, 100, 101])
def test_words_over_100_characters_are_unknown(reference, n):
    (text,) = (t for t in reference.texts if t.endswith(f" is {n} long."))
    ids = reference.tokenizer.encode(text).ids
    assert (ids[0] == reference.tokenizer.unk_id) == (n > 100)
