"""Wikipedia: shards -> index -> instances, as the counts say they should be."""

import numpy as np
import pytest

from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.index.building import open_index
from spacy_bert.corpus.index.fingerprint import plan_index
from spacy_bert.pretraining.instances.plan import plan_block
from spacy_bert.pretraining.training_config import TrainingConfig
from spacy_bert.tokenization import load_tokenizer


@pytest.fixture(scope="module")
def index(shared_data, minilm_path, tmp_path_factory):
    """Two shards of 1 MB in the vocabulary of the released English models."""
    corpus = CorpusConfig(path=str(shared_data / "wiki_en" / "AA" / "wiki_0[01]"))
    plan = plan_index(corpus, tokenizer=load_tokenizer(minilm_path), splitter=None)
    return open_index(tmp_path_factory.mktemp("wiki") / "index", plan)


def test_the_index_is_about_half_as_large_as_the_text(index):
    train, held_out = splits = index.train, index.held_out
    n_documents = train.n_documents + held_out.n_documents
    assert 0.01 < held_out.n_documents / n_documents < 0.03
    assert train.document_offsets[-1] == train.n_sentences
    assert train.sentence_offsets[-1] == train.n_pieces
    assert index.unknown_ratio < 0.01
    offsets = [o for p in splits for o in (p.sentence_offsets, p.document_offsets)]
    arrays = [split.piece_ids for split in splits] + [some.stored for some in offsets]
    n_bytes = sum(array.nbytes for array in arrays)
    assert n_bytes < 0.5 * 2_100_000


def test_its_pairs_are_half_random_and_mostly_full(index):
    plan = plan_block(index.train, TrainingConfig(), epoch=0, block=0, max_length=128)
    assert abs(plan.is_random.mean() - 0.5) < 0.02
    widths = plan.ranges[:, 1::2] - plan.ranges[:, 0::2]
    lengths = widths.sum(axis=1)
    assert lengths.max() == 125
    assert np.median(lengths) > 110
