"""A pipeline that knows some labels -> ways of learning the others, and their F."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import spacy
from spacy.scorer import PRFScore
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus
from thinc.api import Config

from spacy_bert.tasks.extending import extend

from ..fine_tuning.datasets import prepare
from ..fine_tuning.recipe import Recipe
from ..fine_tuning.training import trained
from ..probabilities.recipes import OURS, recipe_of

# The labels that come first.
OLD = {"BC5CDR": ("Chemical",), "WNUT-17": ("person", "location")}

BEFORE, JOINT = "before", "all labels at once"
TAUGHT, AS_O, AS_UNKNOWN = "taught", "not marked is O", "not marked is unknown"
OLD_F, NEW_F = "F of old labels", "F of new labels"

_Change = Callable[[Config], object]


def forgetting_recipe(row: str, n_steps: int | None) -> Recipe:
    """Twice the steps of other trainings on these data, for half of the texts.

    n_steps: for a trial.
    """
    recipe = recipe_of(row, None)
    return replace(recipe, n_steps=n_steps or 2 * recipe.n_steps)


def measure_forgetting(
    row: str, seed: int, data: Path, work: Path, n_steps: int | None = None
) -> dict[str, dict[str, float]]:
    """System -> F in percent on the test data, and what a Stopwatch gives of its last
    training.

    Half of the training data is annotated with the old labels, and the other half with
    the new ones. All begin with the pipeline BEFORE but JOINT, which has all labels of
    the second half: so as much annotation of each label. The last step counts: on dev,
    which has all labels, the best one of a pipeline that forgets is the first.
    """
    recipe = forgetting_recipe(row, n_steps)
    corpus = work / recipe.dataset
    prepare(recipe.dataset, data, corpus)
    old = frozenset(OLD[row])
    folder = work / "runs" / f"forgetting {recipe.dataset} {seed}"
    folder.mkdir(parents=True, exist_ok=True)
    docs = _read(corpus / "train.spacy")
    Random(seed).shuffle(docs)
    labels = {ent.label_ for doc in docs for ent in doc.ents}
    new = labels - old
    first, second = docs[: len(docs) // 2], docs[len(docs) // 2 :]
    halves = {
        BEFORE: _save(folder / "old.spacy", first, old),
        AS_O: _save(folder / "new.spacy", second, new),
        AS_UNKNOWN: _save(folder / "unknown.spacy", second, new, default="missing"),
        JOINT: _save(folder / "all.spacy", second, labels),
    }
    # Nothing is chosen by it.
    dev = _save(folder / "dev.spacy", _read(corpus / "dev.spacy")[:100], labels)
    found: dict[str, dict[str, float]] = {}

    @contextmanager
    def run(system: str, change: _Change = lambda config: None) -> Iterator[Path]:
        def change_all(config: Config) -> None:
            config["corpora"]["train"]["path"] = str(halves.get(system, halves[AS_O]))
            config["corpora"]["dev"]["path"] = str(dev)
            change(config)

        with trained(
            recipe,
            *(OURS, seed),
            data=data,
            work=work,
            label=f", {system}",
            change=change_all,
        ) as (best, minutes):
            last = best.with_name("model-last")
            scores = score_old_and_new(last, corpus / "test.spacy", old, new)
            found[system] = {**minutes, **scores}
            yield last

    with ExitStack() as stack:
        before = stack.enter_context(run(BEFORE))
        extended = folder / "extended"
        nlp = spacy.load(before)
        extend(nlp, "bert_ner", sorted(new))
        nlp.to_disk(extended)
        for system in (TAUGHT, AS_O, AS_UNKNOWN):

            def change(config: Config, system: str = system) -> None:
                config["initialize"]["components"] = {}
                for name in config["components"]:
                    config["components"][name] = {"source": str(extended)}
                if system == TAUGHT:
                    config["corpora"]["train"] = {
                        "@readers": "spacy-bert.TaughtCorpus.v1",
                        "path": config["corpora"]["train"]["path"],
                        "teacher": str(before),
                        "labels": {"bert_ner": sorted(new)},
                    }

            stack.enter_context(run(system, change))
        stack.enter_context(run(JOINT))
    return found


def _read(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def _save(
    path: Path, docs: list[Doc], labels: Collection[str], *, default: str = "outside"
) -> Path:
    """Keep the entities of these labels; all else has the annotation `default`."""
    DocBin(docs=marked(docs, labels, default)).to_disk(path)
    return path


def marked(docs: list[Doc], labels: Collection[str], default: str) -> Iterator[Doc]:
    for doc in docs:
        copy = doc.copy()
        ents = [ent for ent in copy.ents if ent.label_ in labels]
        copy.set_ents(ents, default=default)
        yield copy


def score_old_and_new(
    path: Path, test: Path, old: Collection[str], new: Collection[str]
) -> dict[str, float]:
    nlp = spacy.load(path)
    scores = {OLD_F: PRFScore(), NEW_F: PRFScore()}
    examples = list(Corpus(test)(nlp))
    docs = nlp.pipe([example.predicted for example in examples])
    for example, doc in zip(examples, docs, strict=True):
        for name, labels in ((OLD_F, old), (NEW_F, new)):
            found, gold = (
                {
                    (ent.start_char, ent.end_char, ent.label_)
                    for ent in one.ents
                    if ent.label_ in labels
                }
                for one in (doc, example.reference)
            )
            scores[name].score_set(found, gold)
    return {name: 100 * score.fscore for name, score in scores.items()}
