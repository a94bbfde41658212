"""What a new run starts from: random weights, or a checkpoint and the pieces that the
corpus adds to it -> a model and its vocabulary."""

from collections.abc import Callable
from dataclasses import replace

import torch

from ...checkpoint.loading import load_checkpoint_vocabulary, load_weights
from ...checkpoint.resolving import resolve_checkpoint
from ...corpus.vocabulary import VocabularyConfig, shown_training_lines
from ...model import BertConfig, BertForPretraining
from ...tokenization import Extension, PieceTokenizer, WordPiece, extend_wordpiece
from ..config import PretrainingConfig

_N_SHOWN = 10


def make_model(
    config: PretrainingConfig,
    bert: BertConfig,
    tokenizer: PieceTokenizer,
    write: Callable[[str], None],
) -> tuple[BertForPretraining, PieceTokenizer, bool]:
    """The model, its vocabulary, and whether the checkpoint had no MLM head.

    Raises ValueError if `tokenizer` is not the checkpoint's, read as [vocabulary] says.
    """
    with torch.device("cpu"):
        model = BertForPretraining(bert)
    if config.pretraining.checkpoint is None:
        model.initialize_weights()
        return model, tokenizer, False
    path = resolve_checkpoint(config.pretraining.checkpoint)
    absent = load_weights(model, path, fill_heads=("mlm", "nsp"))
    theirs = load_checkpoint_vocabulary(path, bert, **config.vocabulary.settings)
    for name, value in _settings(theirs).items():
        # A file of pieces does not say how its text is read.
        if _settings(tokenizer)[name] != value:
            raise ValueError(
                f"[vocabulary] {name}: expected {value}, as in the checkpoint {path}, "
                f"got {_settings(tokenizer)[name]}, as {config.vocabulary.path} is "
                "read. Leave the section out to use the checkpoint's."
            )
    if (theirs.pieces, theirs.further_rules) != (
        tokenizer.pieces,
        tokenizer.further_rules,
    ):
        raise ValueError(
            f"[vocabulary] path: expected the vocabulary of the checkpoint {path} "
            f"({theirs.n_pieces} pieces), got another one of {tokenizer.n_pieces} "
            f"pieces from {config.vocabulary.path}. Leave the section out to use the "
            "checkpoint's."
        )
    if config.vocabulary.extend_vocab:
        extension = _extend(config, tokenizer, write)
        write(_describe(extension, config.vocabulary))
        model = add_pieces(model, extension.replaced, n_pieces=tokenizer.n_pieces)
        tokenizer = extension.wordpiece
    return model, tokenizer, "mlm" in absent


def add_pieces(
    model: BertForPretraining, replaced: list[list[int]], *, n_pieces: int
) -> BertForPretraining:
    """The same model with a piece more for each of `replaced`, behind its `n_pieces`.

    Its embedding, and its bias in the MLM head, is the mean of the pieces that it
    replaces, so that its logit is the mean of theirs. Rows beyond `n_pieces`, which pad
    the embeddings, go.
    """
    config = replace(model.config, vocab_size=n_pieces + len(replaced))
    with torch.device("meta"):
        extended = BertForPretraining(config)
    tensors = model.state_dict()
    for name in ("encoder.embeddings.pieces.weight", "mlm.bias"):
        kept = tensors[name][:n_pieces]
        means = [kept[ids].mean(dim=0) for ids in replaced]
        tensors[name] = torch.cat((kept, torch.stack(means))) if means else kept
    extended.load_state_dict(tensors, assign=True)
    return extended


def _settings(tokenizer: PieceTokenizer) -> dict[str, bool | None]:
    settings = tokenizer.settings
    if settings and settings["strip_accents"] is None:
        settings["strip_accents"] = settings["lowercase"]
    return settings


def _extend(
    config: PretrainingConfig, tokenizer: PieceTokenizer, write: Callable[[str], None]
) -> Extension:
    if not isinstance(tokenizer, WordPiece):
        raise ValueError(
            "[vocabulary] extend_vocab: expected 0, as the checkpoint's tokenizer is "
            f"not WordPiece, got {config.vocabulary.extend_vocab}. Pieces can be added "
            "to a WordPiece vocabulary alone."
        )
    with shown_training_lines(config.corpus, "Choosing pieces", write) as lines:
        return extend_wordpiece(
            tokenizer,
            lines,
            n_new=config.vocabulary.extend_vocab,
            min_frequency=config.vocabulary.min_frequency,
        )


def _describe(extension: Extension, config: VocabularyConfig) -> str:
    new, before, after = extension.new_pieces, extension.before, extension.after
    fewer = ""
    if len(new) < config.extend_vocab:
        fewer = f" (no others occur {config.min_frequency} times)"
    more = ", ..." if len(new) > _N_SHOWN else ""
    return (
        f"{len(new)} pieces added{fewer}: {', '.join(new[:_N_SHOWN])}{more}\n"
        f"The text takes {after.pieces_per_word:.3f} pieces a word, "
        f"{before.pieces_per_word:.3f} before; {after.unknown_ratio:.2%} of its words "
        f"are [UNK], {before.unknown_ratio:.2%} before"
    )
