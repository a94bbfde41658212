"""[logger] in a pretraining config: spaCy's own loggers get the rows of the log."""

import json
from pathlib import Path

import pytest

from spacy_bert.interop.logger import open_logger
from spacy_bert.pretraining import PretrainingConfig

CONFIG = PretrainingConfig.from_dict(
    {
        "corpus": {"path": "text.txt"},
        "vocabulary": {"path": "vocab.txt"},
        "pretraining": {"learn_rate": 0.25, "max_steps": 500},
    }
)
ROWS = [
    {"epoch": 0, "step": 0, "seconds": 0.0, "n_pieces": 0, "machine": {"name": "a"}},
    {"epoch": 0, "step": 1, "seconds": 1.0, "n_pieces": 9, "mlm_loss": 6.5},
    {"epoch": 1, "step": 2, "seconds": 2.0, "n_pieces": 18, "held_out_mlm_loss": 6.0},
    {"epoch": 1, "step": 3, "seconds": 3.0, "n_pieces": 27, "nsp_loss": 0.5},
]


def log(section):
    with open_logger(section, CONFIG) as log_row:
        for row in ROWS:
            log_row(None)
            log_row(row)


def test_spacys_console_logger_prints_and_writes_the_score(tmp_path, capsys):
    path = tmp_path / "spacy.jsonl"
    log({"@loggers": "spacy.ConsoleLogger.v3", "output_file": str(path)})
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    # From the first evaluation on; higher is better; the last one counts on.
    assert [(row["step"], row["score"]) for row in rows] == [(2, -6.0), (3, -6.0)]
    assert "-6.00" in capsys.readouterr().out


def test_a_registered_logger_gets_spacys_protocol():
    from spacy.util import registry

    got, finalized = [], []

    def make(name: str):
        def setup(nlp, stdout, stderr):
            assert nlp.config["pretraining"]["learn_rate"] == 0.25
            # What W&B and others do with it.
            assert nlp.config.interpolate()["corpus"]["path"] == "text.txt"
            return got.append, lambda: finalized.append(name)

        return setup

    registry.loggers.register("toy.Logger.v1", func=make)
    with pytest.raises(KeyboardInterrupt):
        with open_logger({"@loggers": "toy.Logger.v1", "name": "x"}, CONFIG) as log_row:
            log_row(None)
            log_row(ROWS[2])
            log_row(ROWS[3])
            raise KeyboardInterrupt
    assert finalized == ["x"]
    nothing, first, second = got
    assert nothing is None
    assert first["losses"] == {} and first["other_scores"] == ROWS[2]
    assert (second["epoch"], second["step"], second["words"]) == (1, 3, 27)
    assert second["score"] == -6.0 and second["losses"] == {"nsp": 0.5}


def test_tensorboard_has_the_numbers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    log({"@loggers": "spacy-bert.TensorBoard.v1", "log_dir": str(tmp_path)})
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    points = [
        (event.step, event.value) for event in events.Scalars("held_out_mlm_loss")
    ]
    assert points == [(2, 6.0)]
    assert [event.step for event in events.Scalars("n_pieces")] == [2, 3]
    (text,) = events.Tensors("config/text_summary")
    assert b'"learn_rate": 0.25' in text.tensor_proto.string_val[0]


@pytest.mark.parametrize(
    "section, message",
    [
        ({"@loggers": "spacy.Nope.v1"}, "Could not find function 'spacy.Nope.v1'"),
        ({"@loggers": "spacy.WandbLogger.v5"}, "project_name"),
        ({"project_name": "x"}, r"\[logger\]: expected a line such as @loggers"),
    ],
)
def test_a_section_that_is_no_logger_is_refused(section, message):
    with pytest.raises(ValueError, match=message):
        with open_logger(section, CONFIG):
            pass


def test_what_a_logger_needs_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    section = {"@loggers": "spacy-bert.TensorBoard.v1", "log_dir": "x"}
    with pytest.raises(ValueError, match=r"\[logger\].*needs tensorboard: pip install"):
        with open_logger(section, CONFIG):
            pass
    assert not Path("x").exists()


def test_without_a_section_there_is_no_logger():
    with open_logger({}, CONFIG) as log_row:
        assert log_row is None
