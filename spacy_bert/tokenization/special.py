"""The special pieces, which stand for no text, and pieces that were added later."""

from dataclasses import dataclass

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
