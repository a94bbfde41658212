"""texts.txt -> two vocabularies learned from it and what `transformers` reads with
them. Run from the root of the checkout: `python tests/data/make.py`.

uncased/, cased/: vocab.txt and tokenizer_config.json, and ids.json: for each text the
ids without [CLS] and [SEP], and first and one past the last character of each piece.
"""

import json
from pathlib import Path

from transformers import BertTokenizer, BertTokenizerFast

from spacy_bert.tokenization import WordPiece, train_wordpiece

DATA = Path(__file__).parent
N_PIECES = 1200


def make(name: str, texts: list[str]) -> None:
    path = DATA / name
    path.mkdir(exist_ok=True)
    lowercase = name == "uncased"
    wordpiece = train_wordpiece(texts, vocab_size=N_PIECES, lowercase=lowercase)
    wordpiece.save(path, max_length=512)
    # All that it says is in the other two.
    (path / "tokenizer.json").unlink()
    fast = BertTokenizerFast.from_pretrained(path)
    # As words, "[MASK]" in a text is no special piece.
    encoded = fast(
        texts,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
        verbose=False,
    )
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    rows = [
        json.dumps({"ids": i, "offsets": o}, separators=(",", ":"))
        for i, o in zip(ids, offsets, strict=True)
    ]
    text = "[\n" + ",\n".join(rows) + "\n]\n"
    (path / "ids.json").write_text(text, encoding="utf8", newline="")
    say(wordpiece, texts, ids, BertTokenizer.from_pretrained(path))


def say(
    wordpiece: WordPiece, texts: list[str], ids: list[list[int]], slow: BertTokenizer
) -> None:
    """How much is unknown, and where the tokenizer in Python gives other ids: it
    composes characters first (NFC), and drops those that Unicode does not assign."""
    n_ids = sum(map(len, ids))
    n_unknown = sum(row.count(wordpiece.unk_id) for row in ids)
    print(f"{wordpiece.n_pieces} pieces; {n_unknown} of {n_ids} ids are [UNK]")
    for i, text in enumerate(texts):
        # "[ MASK]" is three words, as "[MASK]" in a text.
        others = slow.convert_tokens_to_ids(slow.tokenize(text.replace("[", "[ ")))
        if others != ids[i]:
            print(f"  line {i + 1}: BertTokenizer differs: {ascii(text)[:60]}")


if __name__ == "__main__":
    lines = (DATA / "texts.txt").read_bytes().decode("utf8").split("\n")[:-1]
    for name in ("uncased", "cased"):
        make(name, lines)
