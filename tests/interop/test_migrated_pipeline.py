"""A trained pipeline of spacy-transformers and what `migrate` makes of it."""

import numpy as np
import pytest
import spacy
import srsly
from thinc.api import Config
from transformers_toys import (
    HEADS,
    LISTENER,
    TEXTS,
    annotations,
    make_examples,
    make_old,
    transformer_config,
)
from typer.testing import CliRunner

from spacy_bert.cli.app import bert_cli
from spacy_bert.interop import migrated_pipeline
from spacy_bert.interop.export import find_bert
from spacy_bert.interop.migrated_pipeline import find_pipeline, migrate_pipeline

pytest.importorskip("spacy_transformers")

pytestmark = pytest.mark.spacy_transformers

SENT_SPANS = {"@span_getters": "spacy-transformers.sent_spans.v1"}
SETTER = "components.transformer.set_extra_annotations.@annotation_setters"
GROUPS = [
    ("ner", "textcat", "spancat"),
    ("tagger", "morphologizer", "parser"),
    ("textcat_multilabel",),
]


@pytest.fixture
def old_pipeline(random_bert_path, tmp_path):
    """old_pipeline(heads...) -> a trained pipeline as it is read, and its folder."""

    def make(*heads, **changes):
        nlp = make_old(random_bert_path, *heads, **changes)
        nlp.to_disk(tmp_path / "old")
        return spacy.load(tmp_path / "old"), tmp_path / "old"

    return make


@pytest.fixture(scope="module")
def old_ner(random_bert_path, tmp_path_factory):
    """The folder of a pipeline with `ner`, not to be changed."""
    path = tmp_path_factory.mktemp("pipelines") / "old"
    make_old(random_bert_path, "ner", n_steps=20).to_disk(path)
    return path


def change_config(folder, **changes):
    """Change keys of a saved pipeline's config, given as dotted names."""
    config = Config().from_disk(folder / "config.cfg", interpolate=False)
    for key, value in changes.items():
        *sections, last = key.split(".")
        block = config
        for section in sections:
            block = block[section]
        block[last] = value
    config.to_disk(folder / "config.cfg", interpolate=False)


@pytest.mark.parametrize("heads", GROUPS)
def test_a_migrated_pipeline_predicts_the_same(old_pipeline, tmp_path, heads):
    old, folder = old_pipeline(*heads)
    assert migrate_pipeline(folder, tmp_path / "new") == [*heads]
    new = spacy.load(tmp_path / "new")
    assert new.pipe_names == ["bert_encoder", *heads]
    found = set()
    for text in [*TEXTS, "Anna und Bob", "", " ", "Paris " * 12]:
        before, after = old(text), new(text)
        assert annotations(after) == annotations(before)
        assert after.cats == pytest.approx(before.cats, abs=1e-5)
        found.update(str(one) for one in annotations(after))
    # The heads have learned something that could differ.
    assert len(found) > 4 or after.cats


def test_heads_keep_their_parameters_and_names(old_pipeline, tmp_path):
    heads = [head for head in HEADS if head != "textcat_multilabel"]
    old, folder = old_pipeline(*heads, n_steps=1)
    migrate_pipeline(folder, tmp_path / "new")
    new = spacy.load(tmp_path / "new")
    for head in heads:
        nodes = [
            [
                (node.name, name, node.get_param(name))
                for node in nlp.get_pipe(head).model.walk(order="dfs_pre")
                for name in node.param_names
            ]
            for nlp in (old, new)
        ]
        assert len(nodes[0]) == len(nodes[1]) > 0
        for before, after in zip(*nodes, strict=True):
            # A chain's name is made of those of its layers.
            assert before[0] == after[0] or ">>" in before[0]
            assert before[1] == after[1]
            np.testing.assert_array_equal(before[2], after[2])
        assert new.get_pipe(head).labels == old.get_pipe(head).labels


def test_all_else_of_a_pipeline_is_kept(random_bert_path, tmp_path):
    nlp = make_old(random_bert_path, "ner", n_steps=1)
    nlp.add_pipe("sentencizer", first=True)
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "RIVER", "pattern": "river"}])
    nlp.tokenizer.add_special_case("gimme", [{"ORTH": "gim"}, {"ORTH": "me"}])
    nlp.vocab.set_vector("river", np.ones(3, dtype="f"))
    nlp.meta.update(name="kept", version="1.2.3", description="what it is")
    nlp.meta["performance"] = {"ents_f": 0.5}
    nlp.meta["requirements"] = ["spacy-transformers>=1.1.2,<1.4.0", "other>=1"]
    nlp.config["training"]["frozen_components"] = ["transformer"]
    nlp.config["training"]["annotating_components"] = ["transformer"]
    nlp.to_disk(tmp_path / "old")
    migrate_pipeline(tmp_path / "old", tmp_path / "new")
    new = spacy.load(tmp_path / "new")
    assert new.pipe_names == ["sentencizer", "bert_encoder", "ner", "entity_ruler"]
    doc = new("gimme the river")
    assert [token.text for token in doc][:2] == ["gim", "me"]
    assert ("river", "RIVER") in [(ent.text, ent.label_) for ent in doc.ents]
    np.testing.assert_array_equal(new.vocab.get_vector("river"), np.ones(3))
    for key, value in {
        "name": "kept",
        "version": "1.2.3",
        "description": "what it is",
        "performance": {"ents_f": 0.5},
        "requirements": ["other>=1"],
    }.items():
        assert new.meta[key] == value
    config = new.config
    assert config["training"]["frozen_components"] == []
    assert config["training"]["annotating_components"] == ["bert_encoder"]
    assert config["components"]["bert_encoder"]["model"]["freeze"] == "all"
    start = config["initialize"]["components"]["bert_encoder"]["checkpoint"]
    assert start == str(random_bert_path)


def test_layer_norm_eps_that_became_0_is_read_as_it_was(old_pipeline, tmp_path):
    old, folder = old_pipeline("ner", n_steps=1)
    module = old.get_pipe("transformer").model.transformer
    assert module.config.layer_norm_eps == 0.0
    migrate_pipeline(folder, tmp_path / "new")
    config = srsly.read_json(tmp_path / "new" / "bert_encoder" / "model/config.json")
    assert config["layer_norm_eps"] == 1e-12


def test_a_migrated_pipeline_can_be_trained_on(old_ner, tmp_path):
    migrate_pipeline(old_ner, tmp_path / "new")
    nlp = spacy.load(tmp_path / "new")
    assert nlp.get_pipe("bert_encoder").listening_components == ["ner"]
    optimizer = nlp.resume_training()
    losses = [nlp.update(make_examples(nlp), sgd=optimizer) for _ in range(3)]
    assert losses[0]["bert_encoder"] > 0
    assert losses[-1]["ner"] < losses[0]["ner"]


def test_the_grad_factor_of_a_head_is_kept(old_pipeline, tmp_path):
    _, folder = old_pipeline("tagger", n_steps=1)
    listener = {"components.tagger.model.tok2vec.grad_factor": 0.25}
    change_config(folder, **listener)
    migrate_pipeline(folder, tmp_path / "new")
    nlp = spacy.load(tmp_path / "new")
    (node,) = nlp.get_pipe("bert_encoder").listeners
    assert node.grad_factor == 0.25


def test_a_disabled_head_is_migrated_too(old_pipeline, tmp_path):
    old, folder = old_pipeline("ner", "tagger", n_steps=20)
    change_config(folder, **{"nlp.disabled": ["ner"]})
    migrate_pipeline(folder, tmp_path / "new")
    new = spacy.load(tmp_path / "new")
    assert new.disabled == ["ner"]
    new.enable_pipe("ner")
    assert [annotations(new(t)) for t in TEXTS] == [annotations(old(t)) for t in TEXTS]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"components.ner.model.tok2vec.pooling.@layers": "reduce_max.v1"},
            r"\[components.ner.model.tok2vec.pooling\]: expected .*reduce_mean.* got "
            r".*reduce_max",
        ),
        (
            {"components.transformer.model.get_spans": SENT_SPANS},
            r"get_spans\]: expected windows .* got 'spacy-transformers.sent_spans.v1'",
        ),
        (
            {"components.transformer.factory": "curated_transformer"},
            r"expected a transformer of spacy-transformers, got the 'curated_tran",
        ),
        (
            {SETTER: "x.v1"},
            r"set_extra_annotations\]: expected none, got 'x.v1'.*trf_data",
        ),
        (
            {"components.second": {"factory": "transformer"}},
            "Expected one encoder, got transformer and second",
        ),
        (
            {"components.transformer.factory": "sentencizer"},
            "Expected a component whose factory is one of tok2vec, transformer",
        ),
        (
            {
                "components.ner.model.tok2vec": {
                    **LISTENER,
                    "@architectures": "spacy-transformers.Tok2VecTransformer.v3",
                }
            },
            r"\[components.ner.model.tok2vec\]: expected .*Listener.* got "
            r"'spacy-transformers.Tok2VecTransformer.v3'",
        ),
    ],
)
def test_what_cannot_be_equal_is_refused_by_name(old_ner, tmp_path, changes, message):
    folder = tmp_path / "old"
    folder.mkdir()
    for file in ("config.cfg", "meta.json"):
        (folder / file).write_bytes((old_ner / file).read_bytes())
    for name in ("transformer", "ner", "tokenizer", "vocab"):
        (folder / name).symlink_to(old_ner / name)
    change_config(folder, **changes)
    with pytest.raises(ValueError, match=message):
        migrate_pipeline(folder, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_another_transformer_is_refused_by_name(random_bert_path, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.ElectraConfig(
        vocab_size=1200,
        hidden_size=32,
        embedding_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    path = tmp_path / "electra"
    transformers.ElectraModel(config).save_pretrained(path)
    transformers.AutoTokenizer.from_pretrained(random_bert_path).save_pretrained(path)
    make_old(path, "tagger", n_steps=1).to_disk(tmp_path / "old")
    with pytest.raises(ValueError, match="expected a BERT, got a ElectraModel"):
        migrate_pipeline(tmp_path / "old", tmp_path / "new")


def test_other_vectors_than_the_transformers_are_refused(old_pipeline, tmp_path):
    """As of a model that attends to what came before alone."""
    _, folder = old_pipeline("tagger", n_steps=1)
    change = spacy.load(folder)
    change.get_pipe("transformer").model.transformer.config.is_decoder = True
    change.get_pipe("transformer").model.transformer.config.save_pretrained(tmp_path)
    change.to_disk(tmp_path / "decoder")
    with pytest.raises(ValueError, match="decoder"):
        migrate_pipeline(tmp_path / "decoder", tmp_path / "new")


def test_a_pipeline_is_found_or_said_to_be_elsewhere(tmp_path, old_ner):
    assert find_pipeline(str(old_ner)) == old_ner
    with pytest.raises(ValueError, match="There is one in .*old"):
        find_pipeline(str(old_ner.parent))
    with pytest.raises(ValueError, match="expected .* got a folder without one"):
        find_pipeline(str(tmp_path))
    with pytest.raises(ValueError, match="expected .* got nothing"):
        find_pipeline(str(tmp_path / "absent"))


def test_a_package_is_found_by_its_name(old_ner, tmp_path, monkeypatch):
    """Its folder holds that of the pipeline."""
    (tmp_path / "en_x" / "en_x-0.0.0").mkdir(parents=True)
    for path in (tmp_path / "en_x", tmp_path / "en_x" / "en_x-0.0.0"):
        (path / "meta.json").write_bytes((old_ner / "meta.json").read_bytes())
    (tmp_path / "en_x" / "en_x-0.0.0" / "config.cfg").touch()
    monkeypatch.setattr(migrated_pipeline, "is_package", lambda name: name == "en_x")
    monkeypatch.setattr(
        migrated_pipeline, "get_package_path", lambda name: tmp_path / name
    )
    assert find_pipeline("en_x") == tmp_path / "en_x" / "en_x-0.0.0"


def test_the_command_migrates_a_pipeline(old_ner, tmp_path):
    output = tmp_path / "new"
    run = CliRunner().invoke(bert_cli, ["migrate", str(old_ner), str(output)])
    assert run.exit_code == 0, run.output
    assert "Heads on its bert_encoder: ner" in " ".join(run.output.split())
    again = CliRunner().invoke(bert_cli, ["migrate", str(old_ner), str(output)])
    assert again.exit_code == 1 and "--force" in again.output
    forced = ["migrate", str(old_ner), str(output), "--force"]
    assert CliRunner().invoke(bert_cli, forced).exit_code == 0
    useless = ["migrate", str(old_ner), str(output), "--checkpoint", "x"]
    assert CliRunner().invoke(bert_cli, useless).exit_code == 1
    assert spacy.load(output).pipe_names == ["bert_encoder", "ner"]


def test_whole_docs_as_windows_fit_one_window(random_bert_path, tmp_path):
    spans = {"@span_getters": "spacy-transformers.doc_spans.v1"}
    nlp = make_old(random_bert_path, "tagger", n_steps=1, get_spans=spans)
    nlp.to_disk(tmp_path / "old")
    migrate_pipeline(tmp_path / "old", tmp_path / "new")
    model = spacy.load(tmp_path / "new").config["components"]["bert_encoder"]["model"]
    assert model["window_width"] == model["max_positions"] == 64
    assert transformer_config("x")["model"]["get_spans"]["window"] == 128


def test_an_export_says_that_it_takes_a_migration(old_ner):
    with pytest.raises(ValueError, match="found none. 'spacy bert migrate' gives it"):
        find_bert(old_ner)
