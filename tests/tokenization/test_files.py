"""A folder's tokenizer files, each against the installed `transformers`."""

import json
import shutil

import pytest
from odd_texts import ODD_TEXTS
from other_models import (
    CONFIG,
    DATA,
    edit_json,
    make_bpe,
    make_unigram,
    write_json,
)
from transformers import AutoTokenizer, BertTokenizerFast

from spacy_bert.tokenization import (
    WordPiece,
    extend_wordpiece,
    load_tokenizer,
    restore_tokenizer,
)


@pytest.fixture(params=["uncased", "cased"])
def old(request, tmp_path):
    """A folder with vocab.txt and tokenizer_config.json."""
    shutil.copytree(DATA / request.param, tmp_path / "old")
    write_json(tmp_path / "old" / "config.json", CONFIG)
    return tmp_path / "old"


@pytest.fixture
def new(old, tmp_path):
    """The same as current versions save it, with a tokenizer.json and no vocab.txt."""
    BertTokenizerFast.from_pretrained(old).save_pretrained(tmp_path / "new")
    (tmp_path / "new" / "vocab.txt").unlink()
    write_json(tmp_path / "new" / "config.json", CONFIG)
    return tmp_path / "new"


def assert_equals_transformers(path, *more_texts, ours=None):
    """Ids and offsets, from the folder and after saving."""
    ours = ours or load_tokenizer(path)
    theirs = AutoTokenizer.from_pretrained(path)
    texts = [*ODD_TEXTS, *more_texts]
    expected = theirs(texts, add_special_tokens=False, return_offsets_mapping=True)
    for tokenizer in (ours, restore_tokenizer(ours.state())):
        spans = tokenizer.encode_batch(texts)
        assert [span.ids.tolist() for span in spans] == expected["input_ids"]
        offsets = [[tuple(o) for o in span.offsets.tolist()] for span in spans]
        assert offsets == expected["offset_mapping"]
        assert tokenizer.encode_ids(texts) == expected["input_ids"]
    whole = theirs("a b").input_ids
    assert whole == [ours.cls_id, *ours.encode("a b").ids, ours.sep_id]
    return ours


def assert_survives_saving(tokenizer, path, *more_texts):
    path.mkdir()
    tokenizer.save(path, max_length=16)
    write_json(path / "config.json", CONFIG)
    again = assert_equals_transformers(path, *more_texts)
    assert again.pieces == tokenizer.pieces and again.special == tokenizer.special
    texts = [*ODD_TEXTS, *more_texts]
    assert again.encode_ids(texts) == tokenizer.encode_ids(texts)
    ids = AutoTokenizer.from_pretrained(path)("a b " * 99, truncation=True).input_ids
    assert len(ids) == 16


def test_vocab_alone(old, tmp_path):
    (old / "tokenizer_config.json").unlink()
    tokenizer = assert_equals_transformers(old)
    assert tokenizer.settings["lowercase"]
    assert_survives_saving(tokenizer, tmp_path / "again")


def test_vocab_with_a_config(old, tmp_path):
    assert_survives_saving(assert_equals_transformers(old), tmp_path / "again")


def test_tokenizer_json_alone(new, tmp_path):
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        (new / name).unlink(missing_ok=True)
    assert_survives_saving(assert_equals_transformers(new), tmp_path / "again")


@pytest.mark.parametrize("lowercase", [True, False, None])
@pytest.mark.parametrize("strip_accents", [True, False, None])
@pytest.mark.parametrize("split_chinese", [True, False, None])
def test_settings_go_before_the_normalizer(
    new, lowercase, strip_accents, split_chinese
):
    settings = {
        "do_lower_case": lowercase,
        "strip_accents": strip_accents,
        "tokenize_chinese_chars": split_chinese,
    }
    write_json(
        new / "tokenizer_config.json",
        {name: value for name, value in settings.items() if value is not None},
    )
    tokenizer = assert_equals_transformers(new)
    assert tokenizer.settings["lowercase"] == (lowercase is not False)


def test_arguments_go_before_the_settings(new):
    asked = {"lowercase": False, "strip_accents": True, "split_chinese": False}
    tokenizer = load_tokenizer(new, **asked)
    assert tokenizer.settings == asked
    edit_json(
        new / "tokenizer_config.json",
        do_lower_case=False,
        strip_accents=True,
        tokenize_chinese_chars=False,
    )
    assert_equals_transformers(new, ours=tokenizer)


def test_tokenizer_json_goes_before_vocab(new, old, tmp_path):
    """Ids swapped, and words of 200 letters."""
    shutil.copy(old / "vocab.txt", new)
    description = json.loads((new / "tokenizer.json").read_text())
    vocab = description["model"]["vocab"]
    vocab["a"], vocab["b"] = vocab["b"], vocab["a"]
    description["model"]["max_input_chars_per_word"] = 200
    write_json(new / "tokenizer.json", description)
    tokenizer = assert_equals_transformers(new, "a b")
    assert tokenizer.unk_id not in tokenizer.encode("a" * 150).ids
    assert_survives_saving(tokenizer, tmp_path / "again")


@pytest.mark.parametrize("kind", ["PreTrainedTokenizerFast", "TokenizersBackend"])
def test_a_class_without_settings_keeps_the_normalizer(new, tmp_path, kind):
    description = json.loads((new / "tokenizer.json").read_text())
    description["normalizer"] |= {"lowercase": False, "strip_accents": True}
    write_json(new / "tokenizer.json", description)
    edit_json(new / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    expected = AutoTokenizer.from_pretrained(new)(ODD_TEXTS, add_special_tokens=False)
    # The second name is that of version 5, which the first one here does not know.
    edit_json(new / "tokenizer_config.json", tokenizer_class=kind)
    tokenizer = load_tokenizer(new)
    assert tokenizer.encode_ids(ODD_TEXTS) == expected["input_ids"]
    assert_survives_saving(tokenizer, tmp_path / "again")


def test_another_normalizer(new, tmp_path):
    description = json.loads((new / "tokenizer.json").read_text())
    description["normalizer"] = {
        "type": "Sequence",
        "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}],
    }
    write_json(new / "tokenizer.json", description)
    edit_json(new / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    tokenizer = assert_equals_transformers(new)
    assert not isinstance(tokenizer, WordPiece)
    assert_survives_saving(tokenizer, tmp_path / "again")
    with pytest.raises(ValueError, match="expected no lowercase, as this tokenizer"):
        load_tokenizer(new, lowercase=False)


ADDED = ("a covid19 [E1] <user>xcovid19y.", "[e1] COVID19 [unused1] b", "x [E1]")


def add_words(path):
    """As a user of `transformers` adds them."""
    tokenizer = BertTokenizerFast.from_pretrained(path)
    tokenizer.add_tokens(["covid19", "<user>"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["[E1]", "a"]})
    tokenizer.save_pretrained(path)
    (path / "vocab.txt").unlink()


def test_added_words(old, tmp_path):
    add_words(old)
    tokenizer = assert_equals_transformers(old, *ADDED)
    n_pieces = len((DATA / "cased" / "vocab.txt").read_text().splitlines())
    assert tokenizer.pieces[-3:] == ("covid19", "<user>", "[E1]")
    assert tokenizer.n_pieces == n_pieces + 3
    assert tokenizer.pieces.index("covid19") in tokenizer.encode("covid19").ids
    assert_survives_saving(tokenizer, tmp_path / "again", *ADDED)


def test_added_words_survive_an_extension(old, tmp_path):
    add_words(old)
    tokenizer = load_tokenizer(old)
    texts = ["remdesivirol covid19 [E1] given"] * 9
    extended = extend_wordpiece(tokenizer, texts, n_new=1).wordpiece
    assert extended.pieces == (*tokenizer.pieces, "remdesivirol")
    before, after = (t.encode_ids(ADDED) for t in (tokenizer, extended))
    assert before == after
    assert extended.encode("remdesivirol [E1]").ids.tolist() == [
        tokenizer.n_pieces,
        tokenizer.pieces.index("[E1]"),
    ]
    assert_survives_saving(extended, tmp_path / "again", *ADDED, *texts)


def test_added_words_of_old_versions(old, tmp_path):
    n_pieces = load_tokenizer(old).n_pieces
    write_json(old / "added_tokens.json", {"covid19": n_pieces, "[E1]": n_pieces + 1})
    write_json(
        old / "special_tokens_map.json",
        {"additional_special_tokens": ["[E1]", "b"], "mask_token": "[MASK]"},
    )
    tokenizer = assert_equals_transformers(old, *ADDED)
    assert tokenizer.pieces[-2:] == ("covid19", "[E1]")
    assert_survives_saving(tokenizer, tmp_path / "again", *ADDED)


def test_added_words_in_the_settings(old, tmp_path):
    n_pieces = load_tokenizer(old).n_pieces
    flags = {"lstrip": True, "rstrip": False, "single_word": True, "special": False}
    edit_json(
        old / "tokenizer_config.json",
        added_tokens_decoder={
            str(n_pieces): {"content": "covid19", "normalized": True, **flags}
        },
    )
    tokenizer = assert_equals_transformers(old, *ADDED)
    assert_survives_saving(tokenizer, tmp_path / "again", *ADDED)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + "the\n", "'the' is in the vocabulary twice. Give one"),
        (lambda text: text + "\n\nqqq\n", "'' is in the vocabulary twice. Give one"),
        (lambda text: "\ufeff" + text, "byte order mark.*Save the file without it"),
        (lambda text: text.replace("\n", " \n"), "blanks behind them, correct the fi"),
        (lambda text: text.replace("[MASK]", "<m>"), "other names.*say so in token"),
    ],
)
def test_what_is_wrong_with_a_vocabulary_is_said(old, change, message):
    text = (old / "vocab.txt").read_text(encoding="utf8")
    (old / "vocab.txt").write_text(change(text), encoding="utf8")
    with pytest.raises(ValueError, match=message):
        load_tokenizer(old)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + "\n\n",
        lambda text: text.replace("\nthe\n", "\n\nthe\n"),
        lambda text: text + "a\u2028b\n",
    ],
)
def test_lines_are_counted_as_transformers_counts_them(old, change):
    text = change((old / "vocab.txt").read_text(encoding="utf8"))
    (old / "vocab.txt").write_bytes(text.encode("utf8"))
    assert_equals_transformers(old)


def test_ids_that_disagree_are_refused(old):
    write_json(old / "added_tokens.json", {"a": 7})
    with pytest.raises(ValueError, match="for 'a' in all files, got 7"):
        load_tokenizer(old)
    write_json(old / "added_tokens.json", {"covid19": 9999})
    with pytest.raises(ValueError, match=r"added pieces of the ids \[1200\].*\[9999\]"):
        load_tokenizer(old)


def test_other_names_of_the_special_pieces(old, tmp_path):
    text = (old / "vocab.txt").read_text(encoding="utf8")
    names = {"pad": "<pad>", "unk": "<unk>", "cls": "<s>", "sep": "</s>", "mask": "<m>"}
    for name, piece in names.items():
        text = text.replace(f"[{name.upper()}]\n", f"{piece}\n")
        edit_json(old / "tokenizer_config.json", **{f"{name}_token": piece})
    (old / "vocab.txt").write_text(text, encoding="utf8")
    tokenizer = assert_equals_transformers(old)
    assert [tokenizer.pieces[i] for i in sorted(tokenizer.special_ids)] == [
        "<pad>",
        "<unk>",
        "<s>",
        "</s>",
        "<m>",
    ]
    assert_survives_saving(tokenizer, tmp_path / "again")


@pytest.mark.parametrize("prefix_space", [True, False, None])
@pytest.mark.parametrize("make", [make_unigram, make_bpe])
def test_other_models_than_wordpiece(tmp_path, make, prefix_space):
    path = make(tmp_path / "other")
    if prefix_space is not None:
        edit_json(path / "tokenizer_config.json", add_prefix_space=prefix_space)
    tokenizer = assert_equals_transformers(path)
    assert not isinstance(tokenizer, WordPiece)
    assert tokenizer.pieces[tokenizer.mask_id] == "<mask>"
    assert_survives_saving(tokenizer, tmp_path / "again")


@pytest.mark.parametrize("make", [make_unigram, make_bpe])
def test_special_pieces_of_any_name_are_text(tmp_path, make):
    tokenizer = load_tokenizer(make(tmp_path / "other"))
    written = "a <s> b </s> <mask> <pad>."
    assert not tokenizer.special_ids & {*tokenizer.encode(written).ids.tolist()} - {
        tokenizer.unk_id
    }


@pytest.mark.parametrize("make", [make_unigram, make_bpe])
def test_masks_of_any_name_are_written_in_one_way(tmp_path, make):
    path = make(tmp_path / "other")
    description = json.loads((path / "tokenizer.json").read_text())
    for added in description["added_tokens"]:
        # As RoBERTa and XLM-R have it.
        added["lstrip"] = added["content"] == "<mask>"
    write_json(path / "tokenizer.json", description)
    tokenizer = load_tokenizer(path)
    theirs = AutoTokenizer.from_pretrained(path)
    expected = theirs("The <mask> sat.", add_special_tokens=False).input_ids
    assert tokenizer.encode_masked("The [MASK] sat.") == expected
    assert "[MASK]" in tokenizer.decode(expected)


def test_a_vocabulary_without_a_mask_names_it(tmp_path):
    tokenizer = load_tokenizer(make_unigram(tmp_path / "other", mask=False))
    with pytest.raises(ValueError, match="with a piece for masks.*mask_token"):
        tokenizer.encode_masked("The [MASK] sat.")


def test_the_words_of_other_models(tmp_path):
    tokenizer = load_tokenizer(make_unigram(tmp_path / "other"))
    spans = tokenizer.encode("cats sat")
    begins = tokenizer.begins_word[spans.ids]
    starts = {int(start) for start in spans.offsets[begins, 0]}
    assert starts == {0, 4}


@pytest.mark.parametrize(
    ("file", "settings", "message"),
    [
        (
            "tokenizer_config.json",
            {
                "tokenizer_class": "BertJapaneseTokenizer",
                "word_tokenizer_type": "mecab",
            },
            "got BertJapaneseTokenizer, which splits words with mecab",
        ),
        (
            "config.json",
            {"tokenizer_class": "BertJapaneseTokenizer"},
            "got BertJapaneseTokenizer",
        ),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "XLNetTokenizer"},
            "got XLNetTokenizer",
        ),
        (
            "tokenizer_config.json",
            {"auto_map": {"AutoTokenizer": ["their_code.Tokenizer", None]}},
            "got code of its own",
        ),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "XLMRobertaTokenizer"},
            "expected tokenizer.json for its tokenizer, XLMRobertaTokenizer, found voc",
        ),
    ],
)
def test_what_only_other_software_reads_is_refused(old, file, settings, message):
    if file == "config.json":
        (old / "tokenizer_config.json").unlink()
    edit_json(old / file, **settings)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_tokenizer(old)


def test_a_sentencepiece_file_alone_is_refused(old):
    (old / "vocab.txt").rename(old / "sentencepiece.bpe.model")
    with pytest.raises(FileNotFoundError, match="found sentencepiece.*save_pretrained"):
        load_tokenizer(old)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"post_processor": None}, "expected a post_processor"),
        (
            {
                "post_processor": {
                    "type": "TemplateProcessing",
                    "single": [
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                    ],
                    "pair": [],
                    "special_tokens": {},
                }
            },
            r"got \['A', '\[SEP\]'\]",
        ),
        ({"model": {"type": "WordPiece"}}, "lacks 'vocab'"),
        ({"model": {"type": "Unigram", "vocab": [["a", "b"]]}}, "tokenizer.json"),
    ],
)
def test_a_damaged_tokenizer_json_is_named(new, change, message):
    edit_json(new / "tokenizer.json", **change)
    with pytest.raises(ValueError, match=message):
        load_tokenizer(new)


@pytest.mark.parametrize("old", ["cased"], indirect=True)
def test_capitals_that_can_never_occur_are_pointed_out(old, caplog):
    (old / "tokenizer_config.json").unlink()
    load_tokenizer(old)
    assert "pieces have capitals" in caplog.text and "lowercase = false" in caplog.text
    caplog.clear()
    load_tokenizer(old, lowercase=True)
    edit_json(old / "tokenizer_config.json", do_lower_case=True)
    load_tokenizer(old)
    assert not caplog.text


@pytest.mark.parametrize("old", ["uncased"], indirect=True)
def test_a_lower_cased_vocabulary_has_no_such_capitals(old, caplog):
    (old / "tokenizer_config.json").unlink()
    load_tokenizer(old)
    assert not caplog.text
