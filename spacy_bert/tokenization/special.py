"""The special pieces, which stand for no text, and pieces that were added later."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tokenizers import AddedToken

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_PIECES = (PAD, UNK, CLS, SEP, MASK)


@dataclass(frozen=True, kw_only=True)
class SpecialPieces:
    """Their names in a vocabulary. None: it has no such piece."""

    pad: str | None = PAD
    unk: str | None = UNK
    cls: str = CLS
    sep: str = SEP
    mask: str | None = MASK


@dataclass(frozen=True, kw_only=True)
class AddedPiece:
    """A piece that is looked for in a text before the text is split into words.

    single_word: not inside of a word. lstrip, rstrip: with the spaces around it.
    normalized: in normalized text. special: `transformers` leaves it out of what it
    decodes. in_vocabulary: whether words are split into it as well.
    """

    id: int
    text: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False
    in_vocabulary: bool = False

    def to_token(self, *, text: str | None = None) -> AddedToken:
        """text: instead of its own."""
        return AddedToken(
            self.text if text is None else text,
            single_word=self.single_word,
            lstrip=self.lstrip,
            rstrip=self.rstrip,
            normalized=self.normalized,
            special=self.special,
        )


def read_special(
    description: Mapping[str, Any], settings: Mapping[str, Any], **found: str
) -> SpecialPieces:
    """Their names: `found`, else by the settings, else what BERT calls them or
    ("<mask>") other models do, as far as the vocabulary has it."""
    vocab = description["model"]["vocab"]
    known = set(vocab) if isinstance(vocab, dict) else {piece for piece, _ in vocab}
    known |= {token["content"] for token in description.get("added_tokens", ())}
    names: dict[str, str | None] = {}
    for name, default in asdict(SpecialPieces()).items():
        token = settings.get(f"{name}_token")
        given = token.get("content") if isinstance(token, dict) else token
        usual = f"<{name}>" if found.get("cls", CLS).startswith("<") else default
        names[name] = given or (usual if usual in known else None)
    if unk := description["model"].get("unk_token"):
        names["unk"] = unk
    return SpecialPieces(**{**names, **found})  # type: ignore[arg-type]


def is_usual(piece: AddedPiece, special: SpecialPieces) -> bool:
    """A special piece that each tokenizer has among those that were added."""
    has_rules = piece.single_word or piece.lstrip or piece.rstrip
    is_special = piece.text in asdict(special).values()
    return is_special and piece.in_vocabulary and not has_rules
