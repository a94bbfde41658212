"""`spacy bert fill-mask`: what a checkpoint would put where a text has [MASK]."""

from spacy.cli._util import Arg, Opt
from wasabi import msg


def fill_mask_cli(
    checkpoint: str = Arg(..., help="Folder, or name on the Hub, of a BERT checkpoint"),
    text: str = Arg(..., help="Text with [MASK] where a piece is to be guessed"),
    top_k: int = Opt(5, "--top-k", "-k", help="Guesses for each [MASK]", min=1),
) -> None:
    """Show the likeliest pieces for each [MASK] of a text."""
    from ..checkpoint.loading import load_mlm_model
    from ..checkpoint.resolving import resolve_checkpoint
    from ..pretraining.fill_mask import fill_mask
    from .errors import shown_as_messages

    with shown_as_messages():
        model, tokenizer, _ = load_mlm_model(resolve_checkpoint(checkpoint))
        masks = fill_mask(model, tokenizer, text, top_k=top_k)
    for number, guesses in enumerate(masks, start=1):
        if len(masks) > 1:
            msg.divider(f"[MASK] {number}")
        rows = [(guess.piece, f"{100 * guess.prob:.1f} %") for guess in guesses]
        msg.table(rows, aligns=("l", "r"))
