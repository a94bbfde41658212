"""Whole runs: what they write, what they learn, what they refuse."""

import pytest
from toy_corpus import read_log
from transformers import BertForPreTraining

from spacy_bert.checkpoint.loading import load_pretraining_model
from spacy_bert.checkpoint.saving import save_checkpoint
from spacy_bert.corpus.documents import CorpusConfig
from spacy_bert.corpus.vocabulary import (
    VocabularyConfig,
    learn_vocabulary,
    load_vocabulary,
)
from spacy_bert.model import BertConfig, BertForPretraining
from spacy_bert.pretraining import pretrain
from spacy_bert.pretraining.checkpoint_scores import score_checkpoint
from spacy_bert.pretraining.fill_mask import fill_mask


def quiet(text: str) -> None:
    pass


def test_it_learns(tmp_path, make_config, corpus_path):
    config = make_config(
        pretraining={
            "max_steps": 150,
            "eval_every": 50,
            "batch_size": 32,
            "n_eval_instances": 128,
        }
    )
    said = []
    pretrain(config, tmp_path / "out", write=said.append)
    rows = read_log(tmp_path / "out")
    unigram = rows[-1]["held_out_unigram_loss"]
    assert rows[0]["held_out_mlm_loss"] > unigram
    assert rows[-1]["held_out_mlm_loss"] < 0.6 * unigram
    assert rows[-1]["held_out_mlm_accuracy"] > 0.4
    assert rows[-1]["pieces_per_second"] > 0
    assert any("HELD-OUT" in line for line in said)
    model, tokenizer = load_pretraining_model(tmp_path / "out" / "model-best")
    (guesses,) = fill_mask(model, tokenizer, "the cat sat on the river [MASK]")
    assert guesses[0].piece == "bank"
    score = score_checkpoint(
        tmp_path / "out" / "model-best",
        CorpusConfig(path=str(corpus_path)),
        splitter=None,
        max_length=32,
    )
    assert score.mlm_loss < 0.6 * score.unigram_loss


def test_the_output_is_a_folder_that_transformers_loads(tmp_path, make_config):
    pretrain(make_config(), tmp_path / "out", write=quiet)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    folders = {"index", "model-last", "model-best"}
    assert names == folders | {"log.jsonl", "fills.jsonl", "report.html"}
    for name in ("model-last", "model-best"):
        BertForPreTraining.from_pretrained(tmp_path / "out" / name)
    states = list((tmp_path / "out").glob("*/training_state*"))
    assert {path.parent.name for path in states} == {"model-last"}


def test_the_clock_ends_a_run(tmp_path, make_config):
    """One second passes between two looks at the clock, of which a step takes one."""
    seconds = iter(range(100))
    limits = {"max_steps": None, "max_minutes": 0.1, "log_every": 1}
    state = pretrain(
        make_config(pretraining=limits),
        tmp_path / "out",
        write=quiet,
        clock=lambda: float(next(seconds)),
    )
    assert (state.step, state.seconds, state.progress) == (6, 6.0, 1.0)
    rates = [row["learn_rate"] for row in read_log(tmp_path / "out")[1:]]
    # Warm after 0.3 of the run; the progress is that before each step.
    expected = [0, 1 / 6 / 0.3, (1 - 2 / 6) / 0.7, 0.5 / 0.7, 2 / 6 / 0.7, 1 / 6 / 0.7]
    assert rates == pytest.approx([0.01 * rate for rate in expected])


def test_half_an_epoch_takes_half_of_the_instances(tmp_path, make_config):
    def train(n_epochs):
        limits = {"max_steps": None, "max_epochs": n_epochs}
        config = make_config(pretraining=limits)
        return pretrain(config, tmp_path / str(n_epochs), write=quiet)

    half, whole = train(0.5), train(1.0)
    assert (half.cursor.epoch, whole.cursor.epoch) == (0, 1)
    assert abs(whole.step - 2 * half.step) <= 1


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "muon"},
        {"precision": "bf16"},
        {"recompute": True},
        pytest.param(
            {"compile": True, "precision": "bf16", "recompute": True},
            marks=pytest.mark.slow,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore::UserWarning")
def test_other_ways_to_train_learn_too(tmp_path, make_config, changes):
    config = make_config(pretraining={"max_steps": 30, "eval_every": 30, **changes})
    pretrain(config, tmp_path / "out", write=quiet)
    rows = read_log(tmp_path / "out")
    first, last = (rows[i]["held_out_mlm_loss"] for i in (0, -1))
    assert last < first - 0.3


def test_a_run_without_pairs_says_nothing_of_them(tmp_path, make_config):
    said = []
    config = make_config(pretraining={"next_sentence": "none"})
    pretrain(config, tmp_path / "out", write=said.append)
    rows = read_log(tmp_path / "out")
    assert all("mlm_loss" in row for row in rows[1:])
    assert not any("nsp" in key for row in rows for key in row)
    assert len({len(line) for line in said[-3:]}) == 1


def test_accumulation_takes_the_same_instances(tmp_path, make_config):
    losses = []
    for batch_size, n_batches in ((8, 1), (2, 4)):
        config = make_config(
            model={"hidden_dropout_prob": 0.0, "attention_dropout_prob": 0.0},
            pretraining={
                "batch_size": batch_size,
                "accumulate_gradient": n_batches,
                "learn_rate": 1e-3,
            },
        )
        output = tmp_path / str(n_batches)
        pretrain(config, output, write=quiet)
        losses.append([row["mlm_loss"] for row in read_log(output)[1:]])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_training_goes_on_from_a_checkpoint(tmp_path, settings, make_config, pieces):
    bert = BertConfig(vocab_size=29, hidden_width=8, n_layers=1, n_heads=2)
    model = BertForPretraining(bert)
    model.initialize_weights()
    save_checkpoint(tmp_path / "bert", model, pieces)
    settings["model"] = {}
    del settings["vocabulary"]
    config = make_config(
        pretraining={"checkpoint": str(tmp_path / "bert"), "learn_rate": 1e-9}
    )
    pretrain(config, tmp_path / "out", write=quiet)
    ours, tokenizer = load_pretraining_model(tmp_path / "out" / "model-last")
    assert tokenizer.pieces == pieces.pieces
    assert (ours.nsp.weight - model.nsp.weight).abs().max() < 1e-6


def test_a_checkpoint_of_another_vocabulary_is_refused(
    tmp_path, settings, make_config, pieces, vocab_path
):
    bert = BertConfig(vocab_size=29, hidden_width=8, n_layers=1, n_heads=2)
    save_checkpoint(tmp_path / "bert", BertForPretraining(bert), pieces)
    settings["model"] = {}
    vocab_path.write_text(vocab_path.read_text().replace("bank", "shore"))
    config = make_config(pretraining={"checkpoint": str(tmp_path / "bert")})
    with pytest.raises(ValueError, match="expected the vocabulary of the checkpoint"):
        pretrain(config, tmp_path / "out", write=quiet)


def test_input_that_makes_no_run(tmp_path, make_config, corpus_path, vocab_path):
    def refused(error, message):
        with pytest.raises(error, match=message):
            pretrain(make_config(), tmp_path / "out", write=quiet)
        assert not (tmp_path / "out" / "model-last").exists()

    corpus_path.write_text("the cat\nthe dog\n")
    refused(ValueError, "'nsp' takes random sentences from another document.*only 1")
    corpus_path.write_text("")
    refused(ValueError, "The corpus holds no text")
    corpus_path.write_bytes(b"the c\xe4t\n")
    refused(ValueError, "expected UTF-8 text, but byte 5 is not")
    corpus_path.unlink()
    refused(FileNotFoundError, "nothing at .*corpus.txt")
    vocab_path.unlink()
    refused(FileNotFoundError, "expected a vocabulary.*spacy bert vocab")


def test_a_vocabulary_is_learned_from_what_is_not_held_out(tmp_path):
    corpus_path = tmp_path / "corpus.txt"
    corpus_path.write_text("\n\n".join(f"word{i} " * 3 for i in range(200)))
    corpus = CorpusConfig(path=str(corpus_path), held_out_ratio=0.5)
    config = VocabularyConfig(path=str(tmp_path / "new" / "vocab.txt"), size=2000)
    learned = learn_vocabulary(corpus, config)
    assert load_vocabulary(config).pieces == learned.pieces
    whole = [f"word{i}" in learned.pieces for i in range(200)]
    assert 60 < sum(whole) < 140


def test_a_vocabulary_needs_a_file_of_its_own(tmp_path, corpus_path):
    config = VocabularyConfig(path=str(tmp_path))
    with pytest.raises(ValueError, match="expected a file to write"):
        learn_vocabulary(CorpusConfig(path=str(corpus_path)), config)


def test_a_checkpoints_vocabulary_has_its_own_settings(tmp_path, pieces):
    bert = BertConfig(vocab_size=29, hidden_width=8, n_layers=1, n_heads=2)
    save_checkpoint(tmp_path, BertForPretraining(bert), pieces)
    assert load_vocabulary(VocabularyConfig(path=str(tmp_path))).lowercase
    cased = load_vocabulary(VocabularyConfig(path=str(tmp_path), lowercase=False))
    assert not cased.lowercase
