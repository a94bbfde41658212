"""The configs of `spacy init config`, with MiniLM in the place of their encoders.

    python -m benchmarks.stock_configs DATA WORK tok2vec bc5cdr --steps 150 --n-dev 60
    python -m benchmarks.stock_configs DATA WORK transformer sst2 --batch-size 100

Prints spaCy's rows. `--stock` leaves a config for `tok2vec` as it is, and puts MiniLM
into one for `transformer` by its name. With `tok2vec`, Docs of BC5CDR have eight
sentences. `--encoder` takes settings of our encoder as JSON, such as
'{"max_learn_rate": 1.0}', and `--random` leaves out the checkpoint.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import spacy
from spacy.cli.init_config import init_config
from spacy.tokens import DocBin
from spacy.training.converters import conll_ner_to_docs
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Config

from spacy_bert.pipeline.from_checkpoint import read_architecture

from .fine_tuning.datasets import prepare
from .spacy_runs import minilm


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("kind", choices=["tok2vec", "transformer"])
    parser.add_argument("dataset", choices=["bc5cdr", "wnut17", "sst2"])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--n-dev", type=int, default=300)
    parser.add_argument("--batch-size", type=int, help="padded words, of transformer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--encoder", type=json.loads, default={})
    parser.add_argument("--random", action="store_true")
    args = parser.parse_args()
    head = "textcat" if args.dataset == "sst2" else "ner"
    config = _stock_config(args.kind, head)
    if not args.stock:
        _put_ours(config, args.kind, head, args.encoder, is_random=args.random)
    elif args.kind == "transformer":
        config["components"]["transformer"]["model"]["name"] = str(minilm())
    folder = _prepare(args)
    config["paths"].update({s: str(folder / f"{s}.spacy") for s in ("train", "dev")})
    config["training"].update(max_steps=args.steps, eval_frequency=args.steps // 2)
    config["system"].update(gpu_allocator=None, seed=args.seed)
    if args.batch_size:
        config["training"]["batcher"]["size"] = args.batch_size
    train(init_nlp(config))


def _stock_config(kind: str, head: str) -> Config:
    is_gpu = kind == "transformer"
    config = init_config(lang="en", pipeline=[head], gpu=is_gpu, silent=True)
    return Config().from_str(config.to_str(), interpolate=False)


def _put_ours(
    config: Config, kind: str, head: str, settings: dict[str, Any], *, is_random: bool
) -> None:
    model = {"@architectures": "spacy-bert.BertEncoder.v1", **settings}
    if not is_random:
        model.update(read_architecture(minilm()))
        checkpoint = {"checkpoint": str(minilm())}
        config["initialize"]["components"] = {kind: checkpoint}
    config["components"][kind] = {"factory": "bert_encoder", "model": model}
    config["components"][head]["model"]["tok2vec"] = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": model.get("hidden_width", 256),
        "upstream": "*",
    }


def _prepare(args: argparse.Namespace) -> Path:
    """The folder of train.spacy and dev.spacy."""
    nlp = spacy.blank("en")
    folder: Path = args.work / f"{args.kind} {args.dataset} {args.n_dev}"
    folder.mkdir(parents=True, exist_ok=True)
    has_paragraphs = (args.kind, args.dataset) == ("tok2vec", "bc5cdr")
    if not has_paragraphs:
        prepare(args.dataset, args.data, args.work / args.dataset)
    for split, name in (("train", "train"), ("dev", "devel")):
        if has_paragraphs:
            text = (args.data / "bc5cdr" / f"{name}.tsv").read_text(encoding="utf8")
            docs = list(conll_ner_to_docs(text, n_sents=8, no_print=True))
        else:
            file = DocBin().from_disk(args.work / args.dataset / f"{split}.spacy")
            docs = list(file.get_docs(nlp.vocab))
        if split == "dev":
            step = 1 if has_paragraphs else max(1, len(docs) // args.n_dev)
            docs = docs[::step][: args.n_dev]
        DocBin(docs=docs).to_disk(folder / f"{split}.spacy")
    return folder


if __name__ == "__main__":
    main()
