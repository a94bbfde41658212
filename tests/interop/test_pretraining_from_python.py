import json

import spacy_bert


def test_spacy_finds_the_sentences(tmp_path, vocab_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("the cat sat . the dog ran !\n\na bank\n\n" * 30)
    config = spacy_bert.PretrainingConfig.from_dict(
        {
            "corpus": {"path": str(corpus), "held_out_ratio": 0.1},
            "vocabulary": {"path": str(vocab_path)},
            "model": {"hidden_width": 16, "n_layers": 1, "n_heads": 2},
            "pretraining": {"max_steps": 2, "batch_size": 2, "max_length": 16},
        }
    )
    said = []
    state = spacy_bert.pretrain(config, str(tmp_path / "out"), write=said.append)
    assert state.step == 2
    # Two sentences in the first document of each pair, one in the second.
    assert "60 documents, 90 sentences" in "\n".join(said)
    log = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["step"] == 2
