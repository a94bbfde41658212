"""spaCy's contract for a Tok2Vec, kept by ours."""

import pickle

import numpy as np
import pytest
import spacy
from engine_option import assert_same
from heads import add_head
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam
from transformers import BertModel

from spacy_bert import add_encoder, set_similarity_hooks
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.tasks.starter_config import HEADS

TEXT = "the cat sat on the river bank"
HEAD_NAMES = ["textcat", "ner", "spancat"]


def make_examples(nlp, texts=(TEXT, "the dog ran", "", "unaffable money", "  \n ")):
    examples = []
    for text in texts:
        reference = nlp.make_doc(text)
        is_cat = float("cat" in text)
        reference.cats = {"CAT": is_cat, "OTHER": 1.0 - is_cat}
        spans = [reference.char_span(0, 3, label="DET")] if "the" in text else []
        reference.ents = spans
        reference.spans["sc"] = spans
        examples.append(Example(nlp.make_doc(text), reference))
    return examples


@pytest.fixture
def trained(nlp):
    """The encoder with three heads, after two steps."""
    for name in HEAD_NAMES:
        add_head(nlp, name)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(2):
        nlp.update(examples, sgd=optimizer)
    return nlp


def weights(nlp):
    encoder = get_shim(nlp.get_pipe("bert_encoder").model).encoder
    return {name: p.detach().clone() for name, p in encoder.named_parameters()}


def outputs(nlp, text=TEXT):
    doc = nlp(text)
    ents = [(e.start, e.end, e.label_) for e in doc.ents]
    spans = [(s.start, s.end, s.label_) for s in doc.spans.get("sc", [])]
    return doc.tensor, doc.cats, ents, spans


def assert_same_outputs(one, other):
    np.testing.assert_allclose(outputs(one)[0], outputs(other)[0], atol=1e-6)
    assert outputs(one)[1] == pytest.approx(outputs(other)[1], abs=1e-5)
    assert outputs(one)[2:] == outputs(other)[2:]


def test_bare_add_pipe_learns_a_vocabulary_and_says_it_is_random(caplog):
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp(TEXT).tensor.shape == (7, 256)
    assert "starts from random weights" in caplog.text


def test_an_encoder_without_weights_raises_when_used():
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder")
    with pytest.raises(ValueError, match="has no weights yet"):
        nlp(TEXT)


def test_a_vocabulary_for_random_weights(nlp, checkpoint, architecture):
    random = spacy.blank("xx")
    pipe = random.add_pipe("bert_encoder")
    pipe.initialize(lambda: make_examples(random), vocabulary=checkpoint / "vocab.txt")
    assert get_shim(pipe.model).tokenizer.pieces[5] == "the"


def test_the_config_loads_a_checkpoint(checkpoint, architecture, nlp):
    config = {
        "nlp": {"lang": "en", "pipeline": ["bert_encoder"]},
        "components": {
            "bert_encoder": {
                "factory": "bert_encoder",
                "model": {
                    "@architectures": "spacy-bert.BertEncoder.v1",
                    **architecture,
                },
            }
        },
        "initialize": {"components": {"bert_encoder": {"checkpoint": str(checkpoint)}}},
    }
    loaded = spacy.util.load_model_from_config(config, auto_fill=True)
    loaded.initialize()
    np.testing.assert_allclose(loaded(TEXT).tensor, nlp(TEXT).tensor, atol=1e-6)


def test_initialize_keeps_the_weights_of_add_encoder(nlp):
    before = weights(nlp)
    add_head(nlp, "ner")
    nlp.initialize(lambda: make_examples(nlp))
    assert all((before[name] == w).all() for name, w in weights(nlp).items())


def test_the_same_word_in_two_contexts_has_two_vectors(nlp):
    doc = nlp("the river bank . the money bank")
    river, money = doc[2], doc[6]
    assert river.text == money.text == "bank"
    assert not np.allclose(river.vector, money.vector, atol=1e-3)
    assert river.similarity(money) < 0.9999
    assert river.similarity(river) == pytest.approx(1.0)
    assert doc[1:3].similarity(doc[5:7]) < 1.0


@pytest.mark.parametrize("way", ["to_bytes", "n_process"])
def test_a_doc_on_its_way_keeps_its_vectors_and_can_compare_them(nlp, way):
    doc = nlp("the river bank . the money bank")
    if way == "to_bytes":
        again = Doc(nlp.vocab).from_bytes(doc.to_bytes(exclude=["user_hooks"]))
    else:
        (again,) = nlp.pipe([doc.text], n_process=2)
    np.testing.assert_allclose(again.tensor, doc.tensor, atol=1e-6)
    np.testing.assert_allclose(again[1:3].vector, doc[1:3].vector, atol=1e-6)
    assert again[2].similarity(again[6]) == 1.0
    set_similarity_hooks(again)
    expected = doc[2].similarity(doc[6])
    assert again[2].similarity(again[6]) == pytest.approx(expected, abs=1e-6)


def test_white_space_has_a_zero_vector_and_no_similarity(nlp):
    doc = nlp("cat \n\n sat")
    assert doc.tensor.shape == (3, 16)
    assert not doc.tensor[1].any()
    assert doc[1].similarity(doc[0]) == 0.0


def test_no_doc_keeps_much_more_memory_than_its_own(nlp):
    docs = list(nlp.pipe(["the cat sat on the river bank", "the dog", "the dog ran"]))
    for doc in docs:
        kept = doc.tensor if doc.tensor.base is None else doc.tensor.base
        assert kept.nbytes <= 2 * doc.tensor.nbytes


@pytest.mark.parametrize("texts", [[], [""], ["", " ", "\n"], ["", TEXT, " "]])
def test_empty_docs(trained, texts):
    docs = list(trained.pipe(texts))
    assert [doc.tensor.shape for doc in docs] == [(len(doc), 16) for doc in docs]


def test_a_doc_of_any_length(nlp):
    doc = nlp("cat " * 500)
    assert doc.tensor.shape == (500, 16)
    assert np.abs(doc.tensor).sum(axis=1).min() > 0


def test_joint_training_moves_encoder_and_heads(nlp):
    for name in HEAD_NAMES:
        add_head(nlp, name)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    before = weights(nlp)
    losses = [nlp.update(examples, sgd=optimizer, losses={}) for _ in range(30)]
    assert losses[0]["bert_encoder"] > 0
    for name in HEAD_NAMES:
        assert losses[-1][name] < losses[0][name], name
    after = weights(nlp)
    moved = [name for name in before if not (before[name] == after[name]).all()]
    assert {n.split(".")[0] for n in moved} == {"embeddings", "layers", "pooler"}


def test_the_gradient_is_the_sum_of_the_listeners(nlp):
    """Three heads at once give the encoder what they give one after the other."""
    for name in HEAD_NAMES:
        add_head(nlp, name)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    gradients = []
    for group in (HEAD_NAMES, ["textcat"], ["ner"], ["spancat"]):
        nlp.update(
            examples, sgd=False, exclude=[n for n in HEAD_NAMES if n not in group]
        )
        pipe = nlp.get_pipe("bert_encoder")
        pipe._finish_pending()
        encoder = get_shim(pipe.model).encoder
        gradients.append(encoder.layers[0].intermediate.weight.grad.clone())
        encoder.zero_grad()
    together, *alone = gradients
    np.testing.assert_allclose(together, sum(alone), atol=1e-6)


def test_update_with_an_optimizer_steps_in_the_same_call(nlp):
    add_head(nlp, "ner")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    before = weights(nlp)
    nlp.update(examples, sgd=optimizer)
    changed = [n for n, w in weights(nlp).items() if not (w == before[n]).all()]
    assert changed
    for parameter in get_shim(nlp.get_pipe("bert_encoder").model).encoder.parameters():
        assert parameter.grad is None


def test_a_frozen_last_listener_does_not_stop_training(nlp):
    for name in ("ner", "textcat"):
        add_head(nlp, name)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    before = weights(nlp)
    nlp.update(examples, sgd=False, exclude=["textcat"])
    nlp.get_pipe("bert_encoder").finish_update(optimizer)
    assert any(not (w == before[n]).all() for n, w in weights(nlp).items())


def test_predicting_sends_a_gradient_that_still_waits(nlp):
    for name in ("ner", "textcat"):
        add_head(nlp, name)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    before = weights(nlp)
    nlp.update(examples, sgd=optimizer, exclude=["textcat"])
    nlp(TEXT)
    assert any(not (w == before[n]).all() for n, w in weights(nlp).items())


def test_a_listener_of_another_width_is_refused(nlp):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    model = {
        **HEADS["ner"]["model"],
        "tok2vec": {**listener, "upstream": "bert_encoder"},
    }
    with pytest.raises(
        ValueError, match="'ner' expects vectors of width 96, .* have 16"
    ):
        nlp.add_pipe("ner", config={"model": model})


def test_any_listener_of_another_width_is_named(nlp, caplog):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    model = {**HEADS["ner"]["model"], "tok2vec": listener}
    nlp.add_pipe("ner", config={"model": model})
    assert nlp.get_pipe("bert_encoder").listening_components == []
    assert "Set its upstream to 'bert_encoder' and its width to 16" in caplog.text


def test_a_model_that_is_no_bert_is_refused():
    model = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None}
    sizes = {"width": 8, "depth": 1, "embed_size": 10, "window_size": 1}
    model |= {**sizes, "maxout_pieces": 2, "subword_features": False}
    with pytest.raises(ValueError, match="expected @architectures = 'spacy-bert"):
        spacy.blank("xx").add_pipe("bert_encoder", config={"model": model})


def test_a_failed_add_encoder_leaves_nothing_behind(nlp, checkpoint):
    (checkpoint / "model.safetensors").write_bytes(b"")
    other = spacy.blank("xx")
    with pytest.raises(ValueError, match="cannot be read"):
        add_encoder(other, checkpoint)
    assert other.pipe_names == []


def test_annotating_while_training(nlp):
    """A frozen encoder gives its vectors to the heads through doc.tensor."""
    add_head(nlp, "ner")
    examples = make_examples(nlp, [TEXT, "the dog ran"])
    optimizer = nlp.initialize(lambda: examples)
    before = weights(nlp)
    for _ in range(2):
        nlp.update(
            examples,
            sgd=optimizer,
            exclude=["bert_encoder"],
            annotates=["bert_encoder"],
        )
    assert all((before[name] == w).all() for name, w in weights(nlp).items())


def test_disk(trained, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    assert_same_outputs(trained, spacy.load(tmp_path / "pipeline"))


def test_transformers_loads_the_encoder_of_a_saved_pipeline(trained, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    folder = tmp_path / "pipeline" / "bert_encoder" / "model"
    reference = BertModel.from_pretrained(folder)
    ours = weights(trained)["embeddings.pieces.weight"]
    assert (reference.embeddings.word_embeddings.weight == ours).all()


def test_a_pipeline_can_be_saved_before_it_has_weights(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder")
    nlp.to_disk(tmp_path / "pipeline")
    with pytest.raises(ValueError, match="has no weights yet"):
        spacy.load(tmp_path / "pipeline")(TEXT)


def test_bytes(trained):
    again = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    again.from_bytes(trained.to_bytes())
    assert_same_outputs(trained, again)


def test_pickle_right_after_training(trained):
    assert_same_outputs(trained, pickle.loads(pickle.dumps(trained)))


def test_source(trained):
    other = spacy.blank("xx")
    for name in ("bert_encoder", *HEAD_NAMES):
        other.add_pipe(name, source=trained)
    assert_same_outputs(trained, other)


def test_replace_listeners(trained, tmp_path):
    expected = outputs(trained)
    trained.replace_listeners("bert_encoder", "ner", ["model.tok2vec"])
    assert trained.get_pipe("bert_encoder").listening_components == [
        "textcat",
        "spancat",
    ]
    trained.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    assert outputs(again)[2] == outputs(trained)[2] == expected[2]
    # The copy trains on its own.
    before = weights(again)
    again.update(
        make_examples(again),
        sgd=Adam(0.01),
        exclude=["bert_encoder", "textcat", "spancat"],
    )
    assert all((before[name] == w).all() for name, w in weights(again).items())


def test_several_processes(trained):
    texts = [TEXT, "the dog ran", ""] * 4
    alone = list(trained.pipe(texts))
    together = list(trained.pipe(texts, n_process=2, batch_size=3))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.tensor, other.tensor, atol=1e-5)
        assert other._.bert_cls is None
        assert one.cats == pytest.approx(other.cats, abs=1e-5)


def test_averages_of_the_optimizer_are_swapped_in(nlp):
    pipe = nlp.get_pipe("bert_encoder")
    shim = get_shim(pipe.model)
    before = nlp(TEXT).tensor
    name = "embeddings.pieces.weight"
    average = shim.encoder.get_parameter(name).detach().numpy() * 2
    with pipe.model.use_params({(shim.id, name): average}):
        assert not np.allclose(nlp(TEXT).tensor, before)
    assert_same(nlp(TEXT).tensor, before)


def test_analyze_pipes_knows_what_is_assigned(nlp):
    analysis = nlp.analyze_pipes()
    assert analysis["summary"]["bert_encoder"]["assigns"] == [
        "doc.tensor",
        "doc._.bert_cls",
        "doc._.bert_pooled",
    ]


def test_a_folder_that_is_no_checkpoint(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="expected the folder of a BERT checkpoint"
    ):
        add_encoder(spacy.blank("xx"), tmp_path)


@pytest.mark.parametrize("kind", ["tokens", "cls", "pooled"])
def test_the_model_gives_no_vectors_for_no_docs(nlp, kind):
    """A head's own encoder gets such batches without the component around it."""
    model = nlp.get_pipe("bert_encoder").model
    model.attrs["vector_kind"] = kind
    vectors = model.predict([])
    assert vectors == [] if kind == "tokens" else vectors.shape == (0, 16)
