"""The component `bert_ner`, on the toy encoder."""

import numpy as np
import pytest
import spacy
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam

from spacy_bert.pipeline.encoding import get_shim
from spacy_bert.tasks.ner.bio import BioTags
from spacy_bert.tasks.ner.decoding import Wanted, find_entities
from spacy_bert.tasks.ner.model import TagScores, build_token_classifier

DECODERS = ["crf", "softmax"]

# Words in brackets are entities.
TRAINING = [
    ("the cat sat on [the river bank|LOC] .", "[unaffable dog|PER] ran ."),
    ("[dog|PER] and [dog|PER] sat on [river|LOC] .", "money was in the bank"),
]
TEXTS = [text for batch in TRAINING for text in batch]


def add_ner(nlp, decoder="crf", **config):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    model = {
        "@architectures": "spacy-bert.TokenClassifier.v1",
        "decoder": decoder,
        "tok2vec": {**listener, "upstream": "bert_encoder"},
    }
    return nlp.add_pipe("bert_ner", config={"model": model, **config})


def make_doc(nlp, marked):
    """ "the [river bank|LOC]" -> a Doc with that entity."""
    text, entities = "", []
    for part in marked.replace("]", "[").split("["):
        words, _, label = part.partition("|")
        if label:
            entities.append((len(text), len(text) + len(words), label))
        text += words
    doc = nlp.make_doc(text)
    doc.ents = [
        doc.char_span(start, end, label=label) for start, end, label in entities
    ]
    return doc


def make_examples(nlp, texts=TEXTS):
    references = [make_doc(nlp, text) for text in texts]
    return [Example(nlp.make_doc(doc.text), doc) for doc in references]


def train(nlp, examples, n_steps=60, **settings):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    losses = []
    for _ in range(n_steps):
        losses.append(nlp.update(examples, sgd=optimizer, losses={}, **settings))
    return [loss["bert_ner"] for loss in losses]


def entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def params(ner):
    """The parameters of the head alone."""
    return {
        (node.name, name): node.get_param(name).copy()
        for node in ner.model.walk()
        for name in node.param_names
        if node.has_param(name)
    }


def draw_params(ner, rng):
    for node in ner.model.walk():
        for name in node.param_names:
            shape = node.get_param(name).shape
            node.set_param(name, rng.normal(size=shape).astype("f"))


def same_params(one, other):
    assert one.keys() == other.keys()
    return all((one[name] == other[name]).all() for name in one)


def initialized(nlp, decoder="crf", texts=TEXTS):
    ner = add_ner(nlp, decoder)
    examples = make_examples(nlp, texts)
    nlp.initialize(lambda: examples)
    return ner


def scores_for(tag_ids):
    """Scores of one Doc's tokens by which these tags are the best."""
    return TagScores(
        tokens=[9.0 * np.eye(5, dtype="f")[tag_ids]],
        transitions=np.zeros((5, 5), dtype="f"),
        start_transitions=np.zeros(5, dtype="f"),
    )


def zero_scores(examples):
    return TagScores(
        tokens=[np.zeros((len(eg.predicted), 5), dtype="f") for eg in examples],
        transitions=np.zeros((5, 5), dtype="f"),
        start_transitions=np.zeros(5, dtype="f"),
    )


@pytest.fixture
def trained(nlp):
    add_ner(nlp)
    train(nlp, make_examples(nlp))
    return nlp


@pytest.mark.parametrize("decoder", DECODERS)
def test_learns(nlp, decoder):
    add_ner(nlp, decoder)
    examples = make_examples(nlp)
    losses = train(nlp, examples)
    assert losses[-1] < losses[0] / 10
    assert nlp.evaluate(examples)["ents_f"] == 1.0
    doc = nlp("the cat sat on the river bank .")
    assert entities(doc) == [("the river bank", "LOC")]
    assert doc.has_annotation("ENT_IOB")


def test_learns_with_an_encoder_of_its_own(nlp):
    """replace_listeners puts a copy of the encoder into the model."""
    add_ner(nlp)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.replace_listeners("bert_encoder", "bert_ner", ["model.tok2vec"])
    shim = get_shim(nlp.get_pipe("bert_ner").model.get_ref("tok2vec"))
    before = shim.encoder.embeddings.pieces.weight.detach().clone()
    optimizer = Adam(0.01)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer, exclude=["bert_encoder"])
    assert nlp.evaluate(examples)["ents_f"] == 1.0
    assert not (shim.encoder.embeddings.pieces.weight == before).all()


def test_the_encoder_learns_from_it(nlp):
    add_ner(nlp)
    examples = make_examples(nlp)
    encoder = get_shim(nlp.get_pipe("bert_encoder").model).encoder
    before = encoder.layers[0].intermediate.weight.detach().clone()
    train(nlp, examples, n_steps=1)
    assert not (encoder.layers[0].intermediate.weight == before).all()


def test_the_crf_learns_transitions_and_softmax_has_none(nlp):
    ner = add_ner(nlp)
    train(nlp, make_examples(nlp), n_steps=2)
    tags = nlp.get_pipe("bert_ner").model.get_ref("transitions")
    assert tags.get_param("transitions")[0, 1] != 0.0
    # LOC inside PER is not allowed, so there is nothing to learn of it.
    assert tags.get_param("transitions")[3, 2] == 0.0
    nlp.remove_pipe("bert_ner")
    ner = add_ner(nlp, "softmax")
    train(nlp, make_examples(nlp), n_steps=2)
    assert ner.model.get_ref("transitions").param_names == ()


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_gradient_is_that_of_the_loss(nlp, decoder):
    ner = initialized(nlp, decoder)
    examples = make_examples(nlp)
    examples[0].reference.set_ents([], missing=[examples[0].reference[2:4]])
    rng = np.random.default_rng(0)
    tokens = [rng.normal(size=(len(eg.predicted), 5)) for eg in examples]
    transitions, start_transitions = rng.normal(size=(5, 5)), rng.normal(size=5)
    scores = TagScores(
        tokens=tokens, transitions=transitions, start_transitions=start_transitions
    )
    _, gradient = ner.get_loss(examples, scores)
    cases = [(tokens[1], gradient.tokens[1], (i, j)) for i in (0, 2) for j in (0, 4)]
    cases.append((transitions, gradient.transitions, (1, 2)))
    cases.append((start_transitions, gradient.start_transitions, (0,)))
    for array, slope, index in cases:
        array[index] += 1e-4
        higher, _ = ner.get_loss(examples, scores)
        array[index] -= 2e-4
        lower, _ = ner.get_loss(examples, scores)
        array[index] += 1e-4
        assert slope[index] == pytest.approx((higher - lower) / 2e-4, abs=1e-6)


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_loss_is_a_sum(nlp, decoder):
    ner = initialized(nlp, decoder)
    examples = make_examples(nlp)
    scores = ner.model.predict(list(nlp.pipe(eg.text for eg in examples)))
    together, _ = ner.get_loss(examples, scores)
    twice = TagScores(
        tokens=scores.tokens * 2,
        transitions=scores.transitions,
        start_transitions=scores.start_transitions,
    )
    assert ner.get_loss(examples * 2, twice)[0] == pytest.approx(2 * together, rel=1e-5)


@pytest.mark.parametrize("decoder", DECODERS)
def test_broken_paths_are_never_predicted(nlp, decoder):
    """By a head that draws its weights."""
    ner = initialized(nlp, decoder)
    rng = np.random.default_rng(0)
    n_inside = 0
    for _ in range(20):
        draw_params(ner, rng)
        doc = nlp("the cat sat on the river bank .")
        assert doc[0].ent_iob_ in "BO"
        for i in range(1, len(doc)):
            if doc[i].ent_iob_ == "I":
                n_inside += 1
                assert doc[i - 1].ent_iob_ in "BI"
                assert doc[i - 1].ent_type == doc[i].ent_type
    assert n_inside > 20


def decode(ner, scores, doc):
    wanted = Wanted(probs=True)
    return find_entities(scores, [doc], tags=BioTags(ner.labels), wanted=wanted)


def test_the_tag_of_a_token_alone_does_not_make_a_broken_path(nlp):
    """I-LOC I-LOC O, the best tags one by one, are no path. B-LOC I-LOC O is near."""
    ner = initialized(nlp)
    doc = nlp.make_doc("the cat sat")
    (found,) = decode(ner, scores_for([2, 2, 0]), doc)
    assert found.entities == [(0, 2, "LOC")]


def test_no_entity_begins_or_ends_with_white_space(nlp):
    ner = initialized(nlp)
    doc = nlp.make_doc(" \n the river \n\n bank \n ran \n")
    assert [token.is_space for token in doc] == [1, 0, 0, 1, 0, 1, 0, 1]
    scores = scores_for([1, 1, 2, 2, 2, 1, 1, 2])
    ner.set_annotations([doc], decode(ner, scores, doc))
    assert entities(doc) == [("the river \n\n bank", "LOC"), ("ran", "LOC")]


def test_gold_entities_with_white_space_at_their_ends(nlp):
    """They are learned as those without it."""
    texts = ["the \n river bank \n ran"]
    add_ner(nlp)
    examples = make_examples(nlp, texts)
    doc = examples[0].reference
    doc.set_ents([Span(doc, 1, 5, label="LOC")])
    train(nlp, examples, n_steps=30)
    assert entities(nlp(texts[0])) == [("river bank", "LOC")]


@pytest.mark.parametrize("decoder", DECODERS)
def test_missing_annotation(nlp, decoder):
    """Only what is known is learned, and the rest pulls in no direction."""
    ner = initialized(nlp, decoder)
    (example,) = make_examples(nlp, ["the cat sat on the bank"])
    reference = example.reference
    reference.set_ents([Span(reference, 1, 2, label="PER")], default="missing")
    loss, gradient = ner.get_loss([example], zero_scores([example]))
    n_tags = 5
    assert gradient.tokens[0][1, 3] < 0 and gradient.tokens[0][1, 0] > 0
    if decoder == "softmax":
        assert loss == pytest.approx(np.log(n_tags))
        assert not np.delete(gradient.tokens[0], 1, axis=0).any()
    else:
        # An entity does not continue where it is known to end.
        assert gradient.tokens[0][2, 4] > 0


@pytest.mark.parametrize("decoder", DECODERS)
def test_no_annotation_moves_nothing(nlp, decoder):
    ner = initialized(nlp, decoder)
    texts = ["cat " * 3, "the dog " * 2, "the river bank " * 3]
    unknown = [Example(nlp.make_doc(text), nlp.make_doc(text)) for text in texts]
    assert not unknown[0].reference.has_annotation("ENT_IOB")
    # By these, even rounding would show: Adam divides a gradient by its size.
    draw_params(ner, np.random.default_rng(0))
    before = params(ner)
    losses = nlp.update(unknown, sgd=Adam(0.1))
    assert losses["bert_ner"] == 0.0
    assert same_params(params(ner), before)
    # Next to another Doc, too.
    examples = [unknown[0], *make_examples(nlp, TEXTS[:1])]
    loss, gradient = ner.get_loss(examples, zero_scores(examples))
    assert loss > 0.0
    assert not gradient.tokens[0].any() and gradient.tokens[1].any()


@pytest.mark.parametrize("decoder", DECODERS)
def test_tokens_that_are_not_aligned(nlp, decoder):
    """ "cat sat" is an entity, but "sat on" one token: only "the" is known, and what
    the tokens "cat" and "sat on" are is not."""
    ner = initialized(nlp, decoder)
    reference = make_doc(nlp, "the [cat sat|PER] on")
    predicted = Doc(nlp.vocab, words=["the", "cat", "sat on"], spaces=[1, 1, 0])
    example = Example(predicted, reference)
    loss, gradient = ner.get_loss([example], zero_scores([example]))
    assert np.isfinite(loss) and loss > 0.0
    assert gradient.tokens[0][0, 0] < 0
    if decoder == "softmax":
        assert not gradient.tokens[0][1:].any()
    nlp.update([example], sgd=Adam(0.01))


def test_a_label_that_came_later(nlp):
    initialized(nlp)
    examples = make_examples(nlp, ["the [money|ORG]"])
    with pytest.raises(ValueError, match="of LOC, PER; got 'ORG'. Add it with add_l"):
        nlp.update(examples, sgd=Adam(0.01))


def test_labels_may_be_given(nlp):
    ner = add_ner(nlp)
    examples = make_examples(nlp)
    ner.initialize(lambda: examples, nlp=nlp, labels=["PER", "LOC", "ORG"])
    assert ner.labels == ner.label_data == ("PER", "LOC", "ORG")
    assert ner.model.get_dim("nO") == 7
    assert ner.add_label("PER") == 0


def test_labels_may_be_added_before_initializing(nlp):
    ner = add_ner(nlp)
    assert ner.add_label("ORG") == 1
    nlp.initialize(lambda: make_examples(nlp))
    assert ner.labels == ("ORG", "LOC", "PER")


def test_no_labels_at_all(nlp):
    add_ner(nlp)
    examples = make_examples(nlp, ["the cat"])
    with pytest.raises(ValueError, match="E143"):
        nlp.initialize(lambda: examples)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("texts", [[], [""], ["", " \n", "\n"], ["", "the cat", " "]])
def test_empty_docs(nlp, decoder, texts):
    ner = initialized(nlp, decoder)
    assert ner.predict([]) == []
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert all(token.ent_iob_ == "O" for doc in docs for token in doc if token.is_space)
    losses = nlp.update(make_examples(nlp, texts), sgd=Adam(0.01))
    assert np.isfinite(losses.get("bert_ner", 0.0))


def test_entities_that_are_there_already_are_overwritten(trained):
    doc = trained.make_doc("the cat sat on the river bank .")
    doc.ents = [Span(doc, 1, 3, label="OLD")]
    assert entities(trained(doc)) == [("the river bank", "LOC")]


def test_gradients_wait_for_an_optimizer(trained):
    trained.replace_listeners("bert_encoder", "bert_ner", ["model.tok2vec"])
    ner = trained.get_pipe("bert_ner")
    examples = make_examples(trained, ["the [cat|LOC]"])
    before = params(ner)
    for sgd in (None, False):
        ner.update(examples, sgd=sgd)
        assert same_params(params(ner), before)
    ner.finish_update(Adam(0.1))
    waited = params(ner)
    assert all((waited[name] != before[name]).any() for name in before)
    ner.update(examples, sgd=Adam(0.1))
    assert not same_params(params(ner), waited)


def test_a_bare_pipe_listens_to_a_bare_encoder():
    nlp = spacy.blank("xx")
    nlp.add_pipe("bert_encoder")
    nlp.add_pipe("bert_ner")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    assert nlp.update(examples, sgd=optimizer)["bert_ner"] > 0.0
    assert nlp.get_pipe("bert_ner").model.attrs["decoder"] == "crf"


def test_what_it_assigns_and_scores(nlp):
    add_ner(nlp)
    assert nlp.analyze_pipes()["summary"]["bert_ner"]["assigns"] == [
        "doc.ents",
        "token.ent_iob",
        "token.ent_type",
        "span._.confidence",
    ]
    assert nlp.get_pipe_meta("bert_ner").default_score_weights["ents_f"] == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decoder": "beam"}, "one of softmax, crf, got 'beam'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_token_classifier(Tok2VecListener("bert_encoder", 16), **settings)
