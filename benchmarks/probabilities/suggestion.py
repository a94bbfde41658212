"""F against the number of annotated sentences, chosen by `suggest` and at random."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from thinc.api import Config

from spacy_bert.cli.pipelines import predict_examples
from spacy_bert.tasks.calibration.heads import find_head
from spacy_bert.tasks.calibration.temperature import calibrate
from spacy_bert.tasks.uncertainty import find_component, suggest

from ..fine_tuning.datasets import prepare
from ..fine_tuning.training import trained
from ..spacy_runs import evaluate
from .recipes import OURS, recipe_of

SIZES = (100, 200, 400, 800, 1600, 3000)
RANDOM, SUGGESTED = "at random", "suggested"
ROW = "WNUT-17"


def measure_suggestion(
    system: str, seed: int, data: Path, work: Path, n_steps: int | None = None
) -> dict[str, float]:
    """ "F of 100", ...: on the test data, in percent.

    Each size is trained from the same checkpoint with the same steps. It has the
    sentences of the size before, and those that the pipeline of that size chooses among
    the others; the first size is at random in both.
    """
    recipe = recipe_of(ROW, n_steps)
    prepare(recipe.dataset, data, work / recipe.dataset)
    train = work / recipe.dataset / "train.spacy"
    pool = list(DocBin().from_disk(train).get_docs(spacy.blank("en").vocab))
    Random(seed).shuffle(pool)
    chosen: list[Doc] = []
    new = pool[: SIZES[0]]
    scores = {}
    for i, size in enumerate(SIZES):
        chosen, pool = [*chosen, *new], _without(pool, new)
        label = f", {system} {size}"
        part = work / "runs" / f"chosen{label} {seed}.spacy"
        part.parent.mkdir(parents=True, exist_ok=True)
        DocBin(docs=chosen).to_disk(part)

        def change(config: Config, part: Path = part) -> None:
            config["corpora"]["train"]["path"] = str(part)

        with trained(
            recipe, OURS, seed, data=data, work=work, label=label, change=change
        ) as (path, _):
            test = work / recipe.dataset / "test.spacy"
            found = evaluate(path, test, path.with_name("scores.json"))
            scores[f"F of {size}"] = found["ents_f"]
            n = (SIZES[i + 1] if i + 1 < len(SIZES) else size) - size
            if system == RANDOM:
                new = pool[:n]
            elif n:
                nlp = spacy.load(path)
                _calibrate(nlp, work / recipe.dataset / "dev.spacy")
                new = _suggested(nlp, pool, n)
    return scores


def _calibrate(nlp: Language, dev: Path) -> None:
    """If there is something to fit: a model of few sentences may find nothing."""
    name = find_component(nlp)
    try:
        head = find_head(name, nlp.get_pipe(name), predict_examples(nlp, dev))
        assert head is not None
        calibrate(head)
    except ValueError as error:
        print(error)


def _suggested(nlp: Language, pool: Sequence[Doc], n: int) -> list[Doc]:
    """As the command does. It drops near-duplicates; if too few are left, the rest
    comes in the pool's order."""
    by_text = {doc.text: doc for doc in pool}
    found = suggest(nlp, by_text, n=n, component=find_component(nlp))
    new = [by_text[one.text] for one in found]
    return new + _without(pool, new)[: n - len(new)]


def _without(docs: Sequence[Doc], taken: Sequence[Doc]) -> list[Doc]:
    ids = {id(doc) for doc in taken}
    return [doc for doc in docs if id(doc) not in ids]
