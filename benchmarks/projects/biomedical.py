"""BC5CDR's training sentences -> text to go on pretraining with."""

from pathlib import Path

from ..fine_tuning.wnut17 import read_conll

# The file does not say which sentences are of one abstract. An abstract has about nine
# of them, and what is held out is chosen by document.
_N_SENTENCES = 10


def write_text(data: Path, path: Path) -> None:
    """A sentence a line, a blank line after every ten."""
    sentences = [
        " ".join(words) for words, _ in read_conll(data / "bc5cdr" / "train.tsv")
    ]
    documents = [
        "\n".join(sentences[i : i + _N_SENTENCES])
        for i in range(0, len(sentences), _N_SENTENCES)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(documents) + "\n", encoding="utf8")
