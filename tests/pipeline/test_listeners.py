"""What heads of ours get from the encoder, and the way back."""

import numpy as np
import pytest
import torch
from heads import add_head
from spacy.tokens import DocBin, Span
from spacy.training import Corpus, Example
from thinc.api import SGD
from transformers import BertForSequenceClassification, BertTokenizerFast

from spacy_bert import add_encoder, make_pair_doc
from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.pipeline.layer_mix import build_layer_mix
from spacy_bert.pipeline.listeners import build_cls_listener, build_listener
from spacy_bert.tasks.ner.model import build_token_classifier
from spacy_bert.tasks.qa.model import build_extractive_qa
from spacy_bert.tasks.text.model import build_cls_classifier, build_regressor

PAIRS = [("the cat sat", "a dog ran"), ("un", "the bank of money"), ("was it", "!")]


def make_examples(nlp, pairs=PAIRS):
    examples = []
    for i, pair in enumerate(pairs):
        reference = make_pair_doc(nlp, *pair)
        reference.cats = {"A": float(i % 2), "B": float(1 - i % 2)}
        examples.append(Example(make_pair_doc(nlp, *pair), reference))
    return examples


def encoder_of(nlp):
    return get_shim(nlp.get_pipe("bert_encoder").model).encoder


def gradients(nlp):
    return {n: p.grad for n, p in encoder_of(nlp).named_parameters()}


def test_pairs_are_classified_as_transformers_does(nlp, checkpoint):
    """The same loss, and the same gradient of every weight, as
    BertForSequenceClassification with the same linear layer."""
    textcat = add_head(nlp, "textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    generator = np.random.default_rng(0)
    layer = textcat.model.get_ref("output_layer")
    layer.set_param("W", generator.normal(size=(2, 16)).astype("f"))
    nlp.get_pipe("bert_encoder").update(examples, drop=0.0)
    textcat.update(examples, drop=0.0)

    theirs = BertForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    theirs.train()
    theirs.classifier.weight.data = torch.tensor(layer.get_param("W"))
    theirs.classifier.bias.data.zero_()
    tokenizer = BertTokenizerFast.from_pretrained(checkpoint)
    first, second = map(list, zip(*PAIRS, strict=True))
    inputs = tokenizer(first, second, padding=True, return_tensors="pt")
    # The labels are sorted: A, B.
    output = theirs(**inputs, labels=torch.tensor([1, 0, 1]))
    # spaCy sums over Docs.
    (len(PAIRS) * output.loss).backward()

    expected = torch.softmax(output.logits, -1).detach().numpy()
    docs = nlp.pipe([example.predicted.text for example in examples])
    actual = [[doc.cats["A"], doc.cats["B"]] for doc in docs]
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    ours = encoder_of(nlp)
    torch.testing.assert_close(
        ours.pooler.weight.grad, theirs.bert.pooler.dense.weight.grad
    )
    torch.testing.assert_close(
        ours.embeddings.segments.weight.grad,
        theirs.bert.embeddings.token_type_embeddings.weight.grad,
    )
    torch.testing.assert_close(
        ours.embeddings.pieces.weight.grad.to_dense(),
        theirs.bert.embeddings.word_embeddings.weight.grad,
    )


def test_vectors_of_a_doc(nlp):
    doc = nlp("the cat sat")
    encoder = encoder_of(nlp)
    pooled = torch.tanh(encoder.pooler(torch.tensor(doc._.bert_cls)))
    np.testing.assert_allclose(doc._.bert_pooled, pooled.detach(), atol=1e-6)


@pytest.mark.parametrize("pooled", [True, False])
def test_a_classifier_learns_pairs(nlp, pooled):
    add_head(nlp, "textcat", pooled=pooled)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["cats_macro_f"] == 1.0


def test_a_factor_scales_what_reaches_the_encoder(nlp, checkpoint):
    seen = []
    optimizer = SGD(0.01, L2=0.1, L2_is_weight_decay=True)
    for factor in (1.0, 0.5, 0.0):
        one = type(nlp).from_config(nlp.config)
        get_shim(one.get_pipe("bert_encoder").model).load(checkpoint)
        textcat = add_head(one, "textcat", grad_factor=factor)
        examples = make_examples(one)
        one.initialize(lambda examples=examples: examples)
        layer = textcat.model.get_ref("output_layer")
        layer.set_param("W", np.array([[1] * 16, [-1] * 16], "f"))
        before = encoder_of(one).pooler.weight.detach().clone()
        one.get_pipe("bert_encoder").update(examples)
        textcat.update(examples)
        seen.append(encoder_of(one).pooler.weight.grad)
    assert seen[0].abs().max() > 0
    torch.testing.assert_close(seen[1], seen[0] / 2)
    assert seen[2] is None
    one.get_pipe("bert_encoder").finish_update(optimizer)
    assert torch.equal(encoder_of(one).pooler.weight, before)


def test_heads_of_three_kinds_share_an_encoder(nlp):
    add_head(nlp, "ner")
    add_head(nlp, "textcat")
    add_head(nlp, "textcat_multilabel", pooled=False)
    examples = make_examples(nlp)
    for example in examples:
        example.reference.ents = [Span(example.reference, 0, 1, label="X")]
    optimizer = nlp.initialize(lambda: examples)
    before = {n: p.clone() for n, p in encoder_of(nlp).named_parameters()}
    nlp.update(examples, sgd=optimizer)
    nlp.update(examples, sgd=optimizer)
    assert all(
        (before[n] != p).any()
        for n, p in encoder_of(nlp).named_parameters()
        # No gradient reaches what the toy Docs do not hold; keys have no bias.
        if n.startswith(("layers.0.intermediate.w", "pooler.w", "embeddings.segments"))
    )


def test_frozen_layers_leave_the_pooler_to_be_trained(checkpoint, nlp):
    nlp.remove_pipe("bert_encoder")
    add_encoder(nlp, checkpoint, pair_separator="\x1e", freeze=2)
    add_head(nlp, "textcat")
    add_head(nlp, "ner")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    pooler = encoder_of(nlp).pooler.weight.detach().clone()
    for _ in range(2):
        nlp.update(examples, sgd=optimizer)
    assert (pooler != encoder_of(nlp).pooler.weight).any()


def test_saved_and_loaded(nlp, tmp_path):
    add_head(nlp, "textcat")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(2):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(tmp_path / "pipeline")
    again = type(nlp).from_config(nlp.config).from_disk(tmp_path / "pipeline")
    bytes_again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    text = examples[0].predicted.text
    assert len(set(nlp(text).cats.values())) == 2
    for other in (again, bytes_again):
        assert other(text).cats == pytest.approx(nlp(text).cats)


def test_a_listener_replaced_by_an_encoder_of_its_own(nlp, tmp_path):
    add_head(nlp, "textcat", pooled=False)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    text = examples[0].predicted.text
    before = nlp(text).cats
    nlp.replace_listeners("bert_encoder", "textcat", ["model.tok2vec"])
    nlp.remove_pipe("bert_encoder")
    assert nlp(text).cats == pytest.approx(before)
    nlp.to_disk(tmp_path / "pipeline")
    again = type(nlp).from_config(nlp.config).from_disk(tmp_path / "pipeline")
    assert again(text).cats == pytest.approx(before)
    nlp.update(examples, sgd=optimizer)


def test_an_encoder_that_is_not_trained_must_annotate(nlp):
    textcat = add_head(nlp, "textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    with pytest.raises(ValueError, match="annotating_components"):
        textcat.update(examples)
    for example in examples:
        nlp.get_pipe("bert_encoder")(example.predicted)
    textcat.update(examples)


def test_pairs_survive_a_corpus(nlp, tmp_path):
    DocBin(docs=[eg.reference for eg in make_examples(nlp)]).to_disk(
        tmp_path / "pairs.spacy"
    )
    examples = list(Corpus(tmp_path / "pairs.spacy")(nlp))
    for example, pair in zip(examples, PAIRS, strict=True):
        expected = nlp.get_pipe("bert_encoder")(make_pair_doc(nlp, *pair))
        actual = nlp.get_pipe("bert_encoder")(example.predicted)
        np.testing.assert_array_equal(actual.tensor, expected.tensor)


def test_no_piece_reaches_over_the_border(nlp):
    joined = make_pair_doc(nlp, "un", "aff")
    nlp.get_pipe("bert_encoder")(joined)
    apart = make_pair_doc(nlp, "un ", " aff")
    nlp.get_pipe("bert_encoder")(apart)
    np.testing.assert_allclose(joined.tensor[0], apart.tensor[0], atol=1e-6)


def test_a_mix_of_layers_is_learned_through_the_encoder(checkpoint, nlp):
    nlp.remove_pipe("bert_encoder")
    layers = {"layers": [0, 1, 2], "combine": "concat"}
    add_encoder(nlp, checkpoint, pair_separator="\x1e", **layers)
    listener = {"@architectures": "spacy-bert.BertListener.v1", "width": 48}
    mix = {
        "@architectures": "spacy-bert.LayerMix.v1",
        "tok2vec": listener,
        "n_layers": 3,
    }
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": mix}
    tagger = nlp.add_pipe("tagger", config={"model": model})
    add_head(nlp, "textcat")
    examples = make_examples(nlp)
    for example in examples:
        for token in example.reference:
            token.tag_ = "A" if "a" in token.text else "B"
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    assert nlp.evaluate(make_tagged(nlp, examples))["tag_acc"] > 0.85
    weights = tagger.model.get_ref("tok2vec").get_param("weights")
    assert weights.any()
    assert nlp("the cat").tensor.shape == (2, 48)


def make_tagged(nlp, examples):
    return [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in examples]


def test_top_layers_drawn_anew(nlp, checkpoint):
    encoder = encoder_of(nlp)
    before = {n: p.detach().clone() for n, p in encoder.named_parameters()}
    pipe = nlp.get_pipe("bert_encoder")
    examples = make_examples(nlp)
    pipe.initialize(lambda: examples, reinitialize_layers=1)
    for name, parameter in encoder.named_parameters():
        is_new = name.startswith(("layers.1.", "pooler."))
        assert is_new == bool((before[name] != parameter).any()), name
    with pytest.raises(ValueError, match="reinitialize_layers must lie in"):
        pipe.initialize(lambda: examples, reinitialize_layers=3)


@pytest.mark.parametrize("factor", [-1.0, float("inf"), float("nan")])
def test_impossible_factors_are_refused(factor):
    with pytest.raises(ValueError, match="grad_factor must be a number from 0 up"):
        build_listener(16, grad_factor=factor)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: build_cls_classifier(build_listener(16), True), "ClsListener"),
        (lambda: build_regressor(build_listener(16)), "ClsListener"),
        (lambda: build_token_classifier(build_cls_listener(16)), "BertListener"),
        (lambda: build_extractive_qa(build_cls_listener(16)), "BertListener"),
        (lambda: build_layer_mix(build_cls_listener(16), 2), "BertListener"),
    ],
)
def test_a_listener_of_the_wrong_kind_is_refused(build, message):
    with pytest.raises(ValueError, match=f"to 'spacy-bert.{message}.v1'"):
        build()
