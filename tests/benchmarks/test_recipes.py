"""The learning rates of the configs that the recipes of the tasks give."""

from itertools import islice

import pytest
from spacy.util import registry

from benchmarks.fine_tuning.recipe import make_config
from benchmarks.tasks.recipes import RECIPES


@pytest.fixture
def learn_rates(checkpoint):
    def make(system):
        """Those of BANKING77's 200 steps, and of the step after them."""
        config = make_config(RECIPES["BANKING77"], system, 0, checkpoint)
        blocks = {"learn_rate": config["training"]["optimizer"]["learn_rate"]}
        return list(islice(registry.resolve(blocks)["learn_rate"], 201))

    return make


def test_warm_up_takes_a_twelfth_of_the_steps(learn_rates):
    rates = learn_rates("ours, mean")
    assert (rates[0], rates[-1], max(rates)) == (0.0, 0.0, rates[16])


def test_heads_have_ten_times_the_rate_unless_it_is_one_for_all(learn_rates):
    heads, one_for_all = learn_rates("ours, mean"), learn_rates("ours, mean, one rate")
    assert heads[16] == pytest.approx(10 * one_for_all[16])
