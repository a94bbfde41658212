"""A small BERT of ten minutes on wiki_zh, as no Chinese one is among the data."""

from pathlib import Path

from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.vocabulary import VocabularyConfig, learn_vocabulary
from spacy_bert.interop.sentences import make_splitter
from spacy_bert.pretraining import PretrainingConfig, pretrain
from spacy_bert.pretraining.run_folder import LAST
from spacy_bert.pretraining.training.memory import keep_freed_memory
from spacy_bert.pretraining.training.state import read_state
from spacy_bert.pretraining.training_config import TrainingConfig

from ..shapes import sizes

_MINUTES = 10
_SHAPE = "L2 H128"
_N_PIECES = 8192


def chinese_bert(data: Path, work: Path) -> Path:
    """Return the checkpoint. If it is not there yet, make it, or finish it."""
    folder = work / "chinese_bert"
    last = folder / LAST
    if not last.exists() or read_state(last)[0].progress < 1.0:
        corpus = CorpusConfig(path=str(data / "wiki_zh"), sentences="sentencizer")
        vocabulary = VocabularyConfig(path=str(folder / "vocab.txt"), size=_N_PIECES)
        learn_vocabulary(corpus, vocabulary, force=True)
        config = PretrainingConfig(
            corpus=corpus,
            vocabulary=vocabulary,
            model=sizes(_SHAPE, dropout=0.0),
            pretraining=TrainingConfig(
                warm_start=True, max_minutes=_MINUTES, learn_rate=2e-3, batch_size=32
            ),
        )
        keep_freed_memory()
        splitter = make_splitter("sentencizer", "zh")
        pretrain(config, folder, splitter=splitter, resume=True, overwrite=True)
    return last
