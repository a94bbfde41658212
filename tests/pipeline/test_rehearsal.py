"""`nlp.rehearse`: a step towards what the pipeline said when training resumed."""

import copy

import numpy as np
import pytest
import spacy
import torch
from heads import add_head
from spacy.training import Example
from thinc.api import Adam, torch2xp

from spacy_bert import add_encoder
from spacy_bert.pipeline.encoding import find_shims

TEXT = "the cat sat on the river bank"
HEADS = ["tagger", "ner", "textcat"]


def make_examples(nlp):
    reference = {"tags": list("ABABABA"), "cats": {"A": 1.0, "B": 0.0}}
    reference["entities"] = ["O", "U-Y", "O", "O", "O", "O", "O"]
    return [Example.from_dict(nlp.make_doc(TEXT), reference) for _ in range(2)]


def with_own_encoder(checkpoint, head, **settings):
    """One head, which was trained for some steps, and its encoder's shim."""
    nlp = spacy.blank("xx")
    add_encoder(nlp, checkpoint, **settings)
    add_head(nlp, head)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.05
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    nlp.replace_listeners("bert_encoder", head, ["model.tok2vec"])
    nlp.remove_pipe("bert_encoder")
    (shim,) = find_shims(nlp.get_pipe(head).model)
    return nlp, shim


def drift(nlp, shim):
    """Move the pupil away from its teacher."""
    nlp.resume_training()
    with torch.no_grad():
        for parameter in shim.encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
            torch.autograd.graph.increment_version(parameter)


@pytest.mark.parametrize("head", HEADS)
def test_rehearsal_brings_a_head_and_its_encoder_back(checkpoint, head):
    # One with which the pupil moves far away; heads draw from numpy.
    spacy.util.fix_random_seed(3)
    nlp, shim = with_own_encoder(checkpoint, head)
    drift(nlp, shim)
    sgd, losses = Adam(0.003), []
    before = shim.encoder.layers[0].intermediate.weight.detach().clone()
    for _ in range(30):
        losses.append(float(nlp.rehearse(make_examples(nlp), sgd=sgd)[head]))
    assert losses[-1] < losses[0] / 2
    assert (before != shim.encoder.layers[0].intermediate.weight).any()


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_the_step_is_the_optimizers_times_the_encoders_part(
    checkpoint, factor, monkeypatch
):
    """Against spaCy's optimizer, called by hand with the same gradients."""
    torch.manual_seed(0)
    nlp, shim = with_own_encoder(
        checkpoint, "tagger", learn_rate_factor=factor, max_learn_rate=1.0
    )
    drift(nlp, shim)
    gradients = {}
    finish_update = type(shim).finish_update

    def spy(self, optimizer):
        for name, parameter in self.encoder.named_parameters():
            if parameter.grad is not None:
                gradients[name] = parameter.grad.to_dense().clone()
        return finish_update(self, optimizer)

    monkeypatch.setattr(type(shim), "finish_update", spy)
    before = {n: p.detach().clone() for n, p in shim.encoder.named_parameters()}
    sgd = Adam(0.01, L2=0.1, L2_is_weight_decay=True, grad_clip=1.0)
    witness = copy.deepcopy(sgd)
    nlp.rehearse(make_examples(nlp), sgd=sgd)
    assert len(gradients) > 10
    for name, parameter in shim.encoder.named_parameters():
        expected = before[name]
        if name in gradients:
            weights = torch2xp(before[name].clone())
            updated, _ = witness(name, weights, torch2xp(gradients[name]))
            expected = torch.lerp(before[name], torch.tensor(updated), factor)
        torch.testing.assert_close(parameter.detach(), expected)
        assert parameter.grad is None
        assert sgd.nr_update[shim.id, name] == (name in gradients)


def test_predictions_see_the_step(checkpoint):
    """Without a layout of weights that was kept from before."""
    nlp, shim = with_own_encoder(checkpoint, "tagger")
    drift(nlp, shim)
    model = nlp.get_pipe("tagger").model
    before = model.predict([nlp(TEXT)])[0]
    nlp.rehearse(make_examples(nlp), sgd=Adam(0.01))
    after = model.predict([nlp(TEXT)])[0]
    copied = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    expected = copied.get_pipe("tagger").model.predict([nlp(TEXT)])[0]
    assert not np.allclose(before, after, atol=1e-4)
    np.testing.assert_allclose(after, expected, atol=1e-6)


def test_a_head_that_listens_says_what_rehearsal_needs(nlp):
    """Also on the batch just trained, whose vectors were there before."""
    add_head(nlp, "tagger")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    nlp.resume_training()
    for _ in range(2):
        with pytest.raises(
            ValueError, match="nlp.rehearse and .* by nlp.replace_listeners"
        ):
            nlp.rehearse(examples, sgd=optimizer)
    # One way out.
    nlp.update(examples, sgd=optimizer)
    for example in examples:
        nlp.get_pipe("bert_encoder")(example.predicted)
    assert nlp.rehearse(examples, sgd=optimizer)["tagger"] != 0.0
