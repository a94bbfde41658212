"""One build of an index in a process of its own.

    python -m benchmarks.pretraining.builds SYSTEM CORPUS VOCABULARY OUTPUT N_PROCESS

SYSTEM is "ours", each line a sentence as for the peer, "ours, sentencizer", or
"datasets".
"""

import sys
from itertools import chain
from pathlib import Path
from typing import Any

from ..shapes import LENGTH


def main() -> None:
    system, corpus, vocabulary, output, n_process = sys.argv[1:]
    build = _build_peer if system == "datasets" else _build_ours
    build(system, corpus, Path(vocabulary), Path(output), int(n_process))


def _build_ours(
    system: str, corpus: str, vocabulary: Path, output: Path, n_process: int
) -> None:
    from spacy_bert.corpus.documents import CorpusConfig
    from spacy_bert.corpus.index.building import open_index
    from spacy_bert.corpus.index.fingerprint import plan_index
    from spacy_bert.tokenization import WordPiece

    splitter = None
    if system == "ours, sentencizer":
        from spacy_bert.interop.sentences import make_splitter

        splitter = make_splitter("sentencizer", "en")
    plan = plan_index(
        CorpusConfig(path=corpus),
        tokenizer=WordPiece.from_file(vocabulary),
        splitter=splitter,
    )
    open_index(output / "index", plan, n_process=n_process)


def _build_peer(
    system: str, corpus: str, vocabulary: Path, output: Path, n_process: int
) -> None:
    """As transformers' run_mlm.py does it: tokenized lines, end to end, are cut into
    sequences of one length."""
    from datasets import load_dataset
    from transformers import BertTokenizerFast

    tokenizer = BertTokenizerFast(str(vocabulary))
    data = load_dataset(
        "text", data_files=f"{corpus}/*.txt", cache_dir=str(output), split="train"
    )

    def tokenize(rows: dict[str, list[str]]) -> Any:
        return tokenizer(rows["text"], return_special_tokens_mask=True)

    def group(rows: dict[str, list[list[int]]]) -> dict[str, list[list[int]]]:
        joined = {name: list(chain.from_iterable(some)) for name, some in rows.items()}
        stop = len(joined["input_ids"]) // LENGTH * LENGTH
        return {
            name: [some[i : i + LENGTH] for i in range(0, stop, LENGTH)]
            for name, some in joined.items()
        }

    tokenized = data.map(
        tokenize, batched=True, num_proc=n_process, remove_columns=["text"]
    )
    tokenized.map(group, batched=True, num_proc=n_process)


if __name__ == "__main__":
    main()
