"""Words a second: prediction, latency, training, and the physical limit."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from spacy.language import Language
from spacy.training import Example

from spacy_bert.pipeline.alignment import align
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.windows import make_window_batches
from spacy_bert.tokenization import load_tokenizer

from ..measuring import interleaved, rates
from ..spacy_runs import minilm
from ..store import Row
from .systems import PIPELINES, TRAINABLE, WITH_HEADS, onnx_runtimes, through_pipe
from .texts import make_examples, read_texts, read_tweets, short_texts

_PRODUCTS = "GFLOP/s of matrix products"

# The fastest of some sizes that were tried for each.
_BATCH_SIZES = {"ours": 1000, "spacy-transformers": 128}
# A product of a layer: outputs, inputs.
_SHAPES = ((1152, 384), (384, 384), (1536, 384), (384, 1536))
_N_LAYERS = 6
_PIECES_AT_ONCE = 1024


def predicting(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Words a second of each system for each kind of text, and GFLOP/s of products."""
    pipelines = {name: make() for name, make in PIPELINES.items()}
    systems: dict[str, Callable[[Sequence[str]], None]] = {
        name: through_pipe(nlp, _BATCH_SIZES[re.split("[ ,]", name)[0]])
        for name, nlp in pipelines.items()
    }
    systems.update(onnx_runtimes(work))
    ours, limit = pipelines["ours"], _product_rate(n_rounds)
    rows: dict[str, Row] = {}
    for kind, texts in read_texts(data).items():
        n_words = sum(len(ours.make_doc(text)) for text in texts)
        runs = {name: partial(run, texts) for name, run in systems.items()}
        row: Row = rates("words/s", n_words, runs, n_rounds=n_rounds)
        flops_a_word = _product_flops(ours, texts) / n_words
        row["ours"][_PRODUCTS] = flops_a_word * row["ours"]["words/s"] / 1e9
        rows[kind] = {**row, "products alone": {_PRODUCTS: limit}}
    return rows


def _product_flops(nlp: Language, texts: list[str]) -> float:
    encoder: Any = nlp.get_pipe("bert_encoder")
    model = encoder.model
    tokenizer = get_shim(model).tokenizer
    batches = make_window_batches(
        align([nlp.make_doc(text) for text in texts], tokenizer),
        tokenizer,
        width=model.attrs["window_width"],
        overlap=model.attrs["window_overlap"],
        max_batch_pieces=_PIECES_AT_ONCE,
    )
    n_pieces = sum(batch.packed.n_pieces for batch in batches)
    return 2.0 * n_pieces * _N_LAYERS * sum(n * k for n, k in _SHAPES)


def _product_rate(n_rounds: int) -> float:
    """GFLOP/s of a layer's products alone, by whichever of torch's and oneDNN's kernels
    is faster."""
    batches = [_PIECES_AT_ONCE] * 20
    runs = {name: partial(run, batches) for name, run in _products(1).items()}
    seconds = min(interleaved(runs, n_rounds=n_rounds).values())
    return 2.0 * 20 * _PIECES_AT_ONCE * sum(n * k for n, k in _SHAPES) / seconds / 1e9


def _products(n_layers: int) -> dict[str, Callable[[Sequence[int]], None]]:
    """Functions that compute the layers' products for each number of pieces."""
    layers = []
    for n_out, n_in in _SHAPES * n_layers:
        weight, bias = torch.randn(n_out, n_in), torch.randn(n_out)
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight)
        layers.append((torch.randn(_PIECES_AT_ONCE, n_in), weight, laid_out, bias))

    @torch.no_grad()
    def torchs(numbers: Sequence[int]) -> None:
        for n in numbers:
            for rows, weight, _, bias in layers:
                torch.nn.functional.linear(rows[:n], weight, bias)

    @torch.no_grad()
    def one_dnns(numbers: Sequence[int]) -> None:
        for n in numbers:
            for rows, _, laid_out, bias in layers:
                torch.ops.mkldnn._linear_pointwise(
                    rows[:n], laid_out, bias, "none", [], ""
                )

    return {"torch": torchs, "oneDNN": one_dnns}


def latency(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Docs a second, one at a time, of 10 and of 100 tokens, and milliseconds a Doc."""
    systems: dict[str, Callable[[str], object]] = {
        name: make() for name, make in PIPELINES.items()
    }
    for name, session in onnx_runtimes(work).items():
        systems[name] = _one_by_one(session)
    tokenizer = load_tokenizer(minilm())
    products = _products(_N_LAYERS)["oneDNN"]
    rows: dict[str, Row] = {}
    for n_words, texts in short_texts(data).items():
        n_pieces = [len(ids) + 2 for ids in tokenizer.encode_ids(texts)]
        runs = {name: partial(_each, run, texts) for name, run in systems.items()}
        runs["products alone"] = partial(products, n_pieces)
        rows[f"{n_words} words"] = _one_at_a_time(runs, len(texts), n_rounds)
    return rows


def _one_at_a_time(
    runs: Mapping[str, Callable[[], object]], n: int, n_rounds: int
) -> Row:
    row: Row = rates("Docs/s one at a time", n, runs, n_rounds=n_rounds)
    for one in row.values():
        one["ms a Doc"] = 1000 / one["Docs/s one at a time"]
    return row


def components(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Milliseconds a Doc of 10 tokens of a pipeline with ner and textcat, and of each
    of its parts."""
    examples = make_examples(read_tweets(data)[:64], 1)
    pipelines = {name: make() for name, make in WITH_HEADS.items()}
    for nlp in pipelines.values():
        nlp.initialize(partial(examples, nlp))
    texts = short_texts(data)[10]
    runs = {name: partial(_each, nlp, texts) for name, nlp in pipelines.items()}
    rows = {"ner + textcat, 10 words": _one_at_a_time(runs, len(texts), n_rounds)}
    for part in ("tokenizer", "encoder", "ner", "textcat"):
        parts = {name: _part(nlp, part, texts) for name, nlp in pipelines.items()}
        rows[f"its {part}"] = _one_at_a_time(parts, len(texts), n_rounds)
    return rows


def _part(nlp: Language, part: str, texts: list[str]) -> Callable[[], None]:
    """The component on Docs that those before it have seen."""
    names = {"encoder": nlp.pipe_names[0]}
    if part == "tokenizer":
        return partial(_each, nlp.make_doc, texts)
    name = names.get(part, part)
    before = nlp.pipe_names[: nlp.pipe_names.index(name)]
    with nlp.select_pipes(enable=before):
        docs = [nlp(text) for text in texts]
    return partial(_each, nlp.get_pipe(name), docs)


def _one_by_one(run: Callable[[Sequence[str]], object]) -> Callable[[str], object]:
    return lambda text: run([text])


def _each(run: Callable[[Any], object], given: Sequence[Any]) -> None:
    for one in given:
        run(one)


def training(data: Path, work: Path, n_rounds: int) -> dict[str, Row]:
    """Words a second of nlp.update with ner and textcat, some 1,100 words a batch."""
    tweets = read_tweets(data)
    random.Random(0).shuffle(tweets)
    n_words = sum(len(words) for words, _ in tweets[: 64 * 3])
    rows: dict[str, Row] = {}
    for kind, n_joined in (("tweets", 1), ("paragraphs", 8)):
        make_all = make_examples(tweets[:1024], n_joined)
        steppers = {
            name: _stepper(make(), make_all, 64 // n_joined)
            for name, make in TRAINABLE.items()
        }
        rows[f"ner + textcat, {kind}"] = rates(
            "nlp.update words/s", n_words, steppers, n_rounds=n_rounds
        )
    return rows


def _stepper(
    nlp: Language, make_all: Callable[[Language], list[Example]], batch_size: int
) -> Callable[[], None]:
    """Three steps, on the same three batches each time."""
    examples = make_all(nlp)
    optimizer = nlp.initialize(lambda: examples[:100])
    optimizer.learn_rate = 1e-5
    optimizer.averages = None

    def batches() -> Iterator[list[Example]]:
        for i in range(0, 3 * batch_size, batch_size):
            yield [
                Example(eg.predicted.copy(), eg.reference)
                for eg in examples[i : i + batch_size]
            ]

    def steps() -> None:
        for batch in batches():
            nlp.update(batch, sgd=optimizer, drop=0.1)

    return steps
