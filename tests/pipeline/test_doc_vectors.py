"""What a Doc holds of the encoder, and what is saved with it."""

import copy
import gc
import pickle
import warnings
import weakref

import numpy as np
import pytest
import spacy
from heads import add_head
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_bert import add_encoder
from spacy_bert.pipeline.doc_vectors import NAMES

TEXT = "the cat sat on the river bank"


@pytest.fixture
def saving(nlp, checkpoint):
    """As `nlp`, and told to save the vectors of [CLS]."""
    saving = spacy.blank("xx")
    add_encoder(saving, checkpoint, save_cls=True)
    return saving


def through_bytes(nlp, doc):
    return Doc(nlp.vocab).from_bytes(doc.to_bytes(exclude=["user_hooks"]))


def through_docbin(nlp, doc):
    packed = DocBin(attrs=[], store_user_data=True, docs=[doc]).to_bytes()
    (again,) = DocBin().from_bytes(packed).get_docs(nlp.vocab)
    return again


def through_pickle(nlp, doc):
    return pickle.loads(pickle.dumps(doc))


def through_workers(nlp, doc):
    (again,) = nlp.pipe([doc.text], n_process=2)
    return again


WAYS = [through_bytes, through_docbin, through_pickle, through_workers]


@pytest.mark.parametrize("way", WAYS)
def test_cls_is_saved_only_if_asked(nlp, saving, way):
    expected = nlp(TEXT)._.bert_cls
    assert expected.shape == (16,)
    assert way(nlp, nlp(TEXT)).user_data == {}
    again = way(saving, saving(TEXT))
    assert [again._.get(name) is None for name in NAMES] == [False] * 3
    np.testing.assert_allclose(again._.bert_cls, expected, atol=1e-6)


def test_the_setting_is_saved_with_the_pipeline(saving, tmp_path):
    saving.to_disk(tmp_path / "pipeline")
    assert spacy.load(tmp_path / "pipeline").get_pipe("bert_encoder").save_cls


def test_a_vector_that_was_saved_gives_way_to_a_new_one(nlp, saving):
    doc = through_docbin(nlp, saving(TEXT))
    doc._.bert_cls = np.zeros(16, "f")
    assert not doc._.bert_cls.any()
    doc = nlp.get_pipe("bert_encoder")(through_docbin(nlp, saving(TEXT)))
    assert doc.user_data == {}
    np.testing.assert_array_equal(doc._.bert_cls, nlp(TEXT)._.bert_cls)


def test_what_others_keep_in_user_data_stays(nlp):
    doc = nlp.make_doc(TEXT)
    doc.user_data["theirs"] = 1
    doc = nlp.get_pipe("bert_encoder")(doc)
    for again in (doc, through_pickle(nlp, doc), doc.copy(), through_docbin(nlp, doc)):
        assert again.user_data == {"theirs": 1}


def test_a_copy_has_its_own(nlp):
    doc = nlp(TEXT)
    copied = doc.copy()
    copied._.bert_cls[:] = 0.0
    assert doc._.bert_cls.any()
    assert copied._.bert_source == "bert_encoder"
    assert type(copy.copy(doc.user_data)) is dict


def test_docs_are_joined_and_cut_without_a_warning(nlp):
    docs = [nlp(TEXT), nlp(""), nlp("the dog")]
    joined = Doc.from_docs(docs)
    np.testing.assert_array_equal(joined.tensor[-2:], docs[2].tensor)
    some = docs[0][2:4].as_doc(copy_user_data=True)
    assert joined._.bert_cls is None
    assert some._.bert_cls is None


def test_heads_of_cls_work_on_copies_and_in_workers(nlp):
    add_head(nlp, "textcat")
    references = [nlp.make_doc(TEXT), nlp.make_doc("the dog")]
    for reference, cat in zip(references, "AB", strict=True):
        reference.cats = {"A": float(cat == "A"), "B": float(cat == "B")}
    make = lambda: [Example(nlp.make_doc(doc.text), doc) for doc in references]  # noqa: E731
    optimizer = nlp.initialize(make)
    encoder = nlp.get_pipe("bert_encoder")
    annotated = make()
    for example in annotated:
        encoder(example.predicted)
    # On copies of Docs that the encoder has annotated, and then annotating.
    losses = nlp.update(annotated, sgd=optimizer, exclude=["bert_encoder"])
    both = nlp.update(
        make(), sgd=optimizer, exclude=["bert_encoder"], annotates=["bert_encoder"]
    )
    assert 0 < both["textcat"] < losses["textcat"]
    expected = [doc.cats for doc in nlp.pipe([TEXT, "the dog"])]
    for docs in (
        nlp.pipe([TEXT, "the dog"], n_process=2),
        nlp.pipe([through_pickle(nlp, nlp(text)) for text in (TEXT, "the dog")]),
    ):
        assert [doc.cats for doc in docs] == [
            pytest.approx(cats, abs=1e-6) for cats in expected
        ]


def test_a_doc_without_the_vector_of_cls_is_refused_with_the_way_out(nlp):
    textcat = add_head(nlp, "textcat")
    docs = [nlp.make_doc(text) for text in (TEXT, "the dog")]
    for doc, cat in zip(docs, "AB", strict=True):
        doc.cats = {"A": float(cat == "A"), "B": float(cat == "B")}
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in docs])
    for doc in (nlp(TEXT)[2:4].as_doc(), through_pickle(nlp, nlp(TEXT))):
        with pytest.raises(ValueError, match=r"none of \[CLS\].* save_cls = true"):
            textcat(doc)


def test_without_hooks_nothing_warns(nlp, checkpoint):
    quiet = spacy.blank("xx")
    add_encoder(quiet, checkpoint, similarity_hooks=False)
    docs = [quiet(TEXT), quiet("")]
    assert [doc.to_bytes() for doc in docs]
    assert len(list(quiet.pipe(docs, n_process=2))) == 2
    with pytest.warns(UserWarning, match="W109"):
        nlp(TEXT).to_bytes()


def test_spacys_warning_of_hooks_comes_once(nlp):
    """As Python shows warnings, unless it is told otherwise."""
    docs = [nlp(text) for text in (TEXT, "the dog", "the cat")]
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        for doc in docs:
            doc.to_bytes()
    assert len(shown) == 1


@pytest.mark.parametrize("n_process", [1, 2])
def test_docs_without_text(nlp, n_process):
    texts = ["", TEXT, " ", "\n \n", ""]
    docs = list(nlp.pipe(texts, n_process=n_process))
    assert [doc.tensor.shape for doc in docs] == [(len(doc), 16) for doc in docs]
    if n_process == 1:
        vectors = np.stack([doc.vector for doc in docs])
        assert vectors.shape == (5, 16)
        assert [bool(vector.any()) for vector in vectors] == [False, True] + [False] * 3
        assert [docs[1].similarity(doc) for doc in docs] == pytest.approx(
            [0, 1, 0, 0, 0]
        )
        assert docs[0].similarity(docs[1]) == docs[0].similarity(docs[4]) == 0.0


def test_an_empty_doc_has_the_width_of_the_vocabularys_vectors_if_there_are_any(nlp):
    nlp.vocab.set_vector("cat", np.ones(5, "f"))
    assert nlp("").vector.shape == nlp("cat").vector.shape == (5,)


def test_no_doc_is_kept_alive(nlp):
    doc = nlp(TEXT)
    ref = weakref.ref(doc)
    del doc
    gc.collect()
    assert ref() is None


def test_a_doc_shares_the_vectors_of_its_batch_if_it_is_most_of_them(nlp):
    """Else a Doc that is kept would keep them all. Half is not most."""
    short, long = "the cat", "the dog sat on"
    halves = [*nlp.pipe([short, "a bank"])]
    assert [doc.tensor.base is None for doc in halves] == [True, True]
    parts = [*nlp.pipe([short, long])]
    assert [doc.tensor.base is None for doc in parts] == [True, False]
