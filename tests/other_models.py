"""Folders with a tokenizer that is not WordPiece, learned from the tests' texts."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import RobertaProcessing, TemplateProcessing
from tokenizers.trainers import BpeTrainer, UnigramTrainer
from transformers import BertConfig, BertForMaskedLM, BertModel

from spacy_bert.tokenization import load_tokenizer

DATA = Path(__file__).parent / "data"
CONFIG = {"model_type": "bert"}


def write_json(path, value):
    path.write_text(json.dumps(value), encoding="utf8")


def edit_json(path, **changes):
    value = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    write_json(path, value | changes)


def make_unigram(path, *, mask=True):
    """As XLM-R's, whose pieces begin with the space before them."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    names = ["<s>", "<pad>", "</s>", "<unk>", *(["<mask>"] if mask else [])]
    lines = (DATA / "texts.txt").read_text(encoding="utf8").splitlines()
    # Some of them have special pieces written out.
    texts = [line.replace("[", " ") for line in lines]
    trainer = UnigramTrainer(
        vocab_size=1600, special_tokens=names, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    path.mkdir(exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"))
    settings = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
    settings |= {"unk_token": "<unk>", "tokenizer_class": "PreTrainedTokenizerFast"}
    write_json(path / "tokenizer_config.json", settings)
    write_json(path / "config.json", CONFIG)
    return path


def make_bpe(path):
    """As RoBERTa's, of bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    texts = (DATA / "texts.txt").read_text(encoding="utf8").splitlines()
    trainer = BpeTrainer(
        vocab_size=900,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    path.mkdir()
    tokenizer.save(str(path / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": "<mask>"}
    write_json(path / "tokenizer_config.json", settings)
    write_json(path / "config.json", CONFIG)
    return path


def make_checkpoint(path, *, make=make_unigram, heads=True):
    """A toy BERT with such a tokenizer, as `transformers` saves it."""
    make(path)
    tokenizer = load_tokenizer(path)
    settings = {
        "vocab_size": tokenizer.n_pieces,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 32,
        "max_position_embeddings": 32,
        "initializer_range": 0.25,
    }
    torch.manual_seed(0)
    cls = BertForMaskedLM if heads else BertModel
    cls(BertConfig(**settings)).save_pretrained(path)
    return path
