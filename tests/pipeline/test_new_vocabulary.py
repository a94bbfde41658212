"""How an encoder without a checkpoint reads text: by settings, language and pieces."""

import pytest
import spacy
from spacy.training import Example

from spacy_bert.pipeline.encoding import get_shim

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

TEXTS = ["मैं घर में हूँ", "घर में मैं था", "我在家"]


@pytest.fixture
def tokenizer():
    """The one of an encoder of a language, by settings of [initialize]."""

    def make(lang, **settings):
        nlp = spacy.blank(lang)
        encoder = nlp.add_pipe("bert_encoder")
        nlp.config["initialize"]["components"]["bert_encoder"] = settings
        examples = [Example.from_dict(nlp.make_doc(text), {}) for text in TEXTS]
        nlp.initialize(lambda: examples)
        return get_shim(encoder.model).tokenizer

    return make


def test_the_language_decides_whether_accents_are_kept(tokenizer):
    assert tokenizer("hi").words("मैं में") == ["मैं", "में"]
    assert tokenizer("en").words("मैं में") == ["म", "म"]


def test_explicit_settings_win(tokenizer):
    assert tokenizer("hi", strip_accents=True).words("मैं") == ["म"]
    assert tokenizer("en", strip_accents=False).words("MAIN मैं") == ["main", "मैं"]
    assert tokenizer("en", split_chinese=False).words("我在家") == ["我在家"]
    assert tokenizer("en").words("我在家") == ["我", "在", "家"]


def test_a_file_is_read_as_its_pieces_ask(tokenizer, tmp_path):
    (tmp_path / "vocab.txt").write_text(
        "".join(f"{piece}\n" for piece in tokenizer("hi").pieces), encoding="utf8"
    )
    path = str(tmp_path / "vocab.txt")
    assert tokenizer("en", vocabulary=path).words("मैं") == ["मैं"]
    settings = {"vocabulary": path, "strip_accents": True, "split_chinese": False}
    assert tokenizer("en", **settings).words("मैं 我在家") == ["म", "我在家"]
