"""What the pages' comments `<!-- setup ... -->` call: toy versions of what a reader
has, made in the folder in which the blocks of the page run."""

import json
import sys
import warnings  # noqa: F401
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import spacy
from pages import ROOT
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

import spacy_bert
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.tokenization import load_tokenizer

PIECES = ROOT / "tests" / "data" / "uncased"
WIDTH = 16
TOKENS = {
    "@architectures": "spacy-bert.BertListener.v1",
    "width": WIDTH,
    "upstream": "bert_encoder",
}
CLS = {**TOKENS, "@architectures": "spacy-bert.ClsListener.v1"}
MODELS = {
    "tagger": {"@architectures": "spacy.Tagger.v2", "tok2vec": TOKENS},
    "bert_ner": {
        "@architectures": "spacy-bert.TokenClassifier.v1",
        "tok2vec": TOKENS,
    },
    "textcat": {
        "@architectures": "spacy-bert.TextCatCls.v1",
        "exclusive_classes": True,
        "tok2vec": CLS,
    },
    "extractive_qa": {
        "@architectures": "spacy-bert.ExtractiveQA.v1",
        "tok2vec": TOKENS,
    },
}
TEXTS = ["the cat sat on the bank .", "a dog ran by the river ."]


def make_checkpoint(path: str, *, hidden_width: int = WIDTH, n_layers: int = 2) -> None:
    tokenizer = load_tokenizer(PIECES)
    config = BertConfig(
        vocab_size=tokenizer.n_pieces,
        hidden_width=hidden_width,
        n_layers=n_layers,
        n_heads=4,
        intermediate_width=32,
        max_positions=64,
    )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(Path(path), BertForPretraining(config), tokenizer)


def make_docs(path: str) -> None:
    """Docs with entities."""
    docs = [_make_doc(spacy.blank("xx"), text) for text in 4 * TEXTS]
    DocBin(docs=docs).to_disk(path)


def make_pipeline(*heads: str, save: str | None = None) -> Language:
    """A toy encoder that reads pairs, with heads whose weights are random."""
    path = f"bert-for-{'-'.join(heads) or 'nothing'}"
    if not Path(path).exists():
        make_checkpoint(path)
    nlp = spacy.blank("xx")
    spacy_bert.add_encoder(nlp, path, pair_separator="\x1e")
    for head in heads:
        nlp.add_pipe(head, config={"model": MODELS[head]})
    question = "who ?\x1e" if "extractive_qa" in heads else ""
    examples = [_make_example(nlp, question + text) for text in TEXTS]
    nlp.initialize(lambda: examples)
    if save:
        Path(save).parent.mkdir(parents=True, exist_ok=True)
        nlp.to_disk(save)
    return nlp


def make_pairs(path: str, *columns: str) -> None:
    rows = [columns, ("A man sleeps.", "Nobody is asleep.", "contradiction")]
    text = "".join("\t".join(row) + "\n" for row in rows)
    Path(path).write_text(text, encoding="utf8")


def make_squad(path: str) -> None:
    answers = [{"text": "The cat", "answer_start": 0}]
    question = {"id": "1", "question": "Who sat there?", "answers": answers}
    context = {"context": "The cat sat there.", "qas": [question]}
    data = {"data": [{"title": "Cats", "paragraphs": [context]}]}
    Path(path).write_text(json.dumps(data), encoding="utf8")


def make_corpus(folder: str, *, vocabulary: str) -> None:
    """Some documents, and the pieces of the toy checkpoint."""
    Path(folder).mkdir()
    documents = ["\n".join(4 * TEXTS), "\n".join(6 * TEXTS[:1]), "\n".join(TEXTS)]
    documents += [f"{word} .\n{word} sat ." for word in ("money", "river", "dog")]
    Path(folder, "a.txt").write_text("\n\n".join(documents), encoding="utf8")
    Path(vocabulary).write_bytes((PIECES / "vocab.txt").read_bytes())


def shorten_pretraining(monkeypatch) -> None:
    """`spacy_bert.pretrain` takes one step of a toy model."""
    pretrain = spacy_bert.pretrain

    def pretrain_briefly(config, output, **options):
        training = replace(
            config.pretraining, max_steps=1, batch_size=2, n_eval_instances=2
        )
        model = {"hidden_width": WIDTH, "n_layers": 1, "intermediate_width": 32}
        config = replace(config, model=model, pretraining=training)
        return pretrain(config, output, **{**options, "n_process": 1})

    monkeypatch.setattr(spacy_bert, "pretrain", pretrain_briefly, raising=False)


def pretend_to_install(monkeypatch, name: str) -> None:
    """`spacy.load(name)` gives a toy pipeline."""
    pipelines = {name: make_pipeline("bert_ner")}
    monkeypatch.setattr(spacy, "load", pipelines.__getitem__)


class _SentenceTransformer:
    """What sentence-transformers makes of a folder without modules.json."""

    def __init__(self, path: str) -> None:
        # Takes seconds, and other pages do without.
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(path)
        self._model = AutoModel.from_pretrained(path)

    def encode(self, texts: list[str]) -> list[Any]:
        inputs = [self._tokenizer(text, return_tensors="pt") for text in texts]
        outputs = [self._model(**one).last_hidden_state for one in inputs]
        return [hidden[0].mean(0).detach().numpy() for hidden in outputs]


def pretend_to_have_sentence_transformers(monkeypatch) -> None:
    if find_spec("sentence_transformers") is None:
        module = SimpleNamespace(SentenceTransformer=_SentenceTransformer)
        monkeypatch.setitem(sys.modules, "sentence_transformers", module)


def _make_doc(nlp: Language, text: str) -> Doc:
    words = nlp.make_doc(text)
    doc = Doc(
        nlp.vocab,
        words=[token.text for token in words],
        spaces=[bool(token.whitespace_) for token in words],
        tags=["A", "N"] * (len(words) // 2) + ["A"] * (len(words) % 2),
    )
    doc.ents = [Span(doc, 1, 2, label="ANIMAL")]
    doc.spans["answers"] = [doc[-2:]]
    doc.cats = {"CAT": float("cat" in text), "DOG": float("dog" in text)}
    return doc


def _make_example(nlp: Language, text: str) -> Example:
    doc = _make_doc(nlp, text)
    return Example(nlp.make_doc(text), doc)
