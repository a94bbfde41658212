"""Model FLOPs of a batch: what its matrix products take, forward and backward.

As in the "model FLOPs utilization" of Chowdhery et al. 2022 (PaLM, appendix B): what
the model needs and nothing else, so neither recomputed activations nor padding count.
"""

from collections.abc import Sequence

from ...model import BertConfig

# (n_rows, n_in, n_out): (n_rows, n_in) times (n_in, n_out), 2 FLOPs for each triple.
Product = tuple[int, int, int]

# A product's gradients with respect to each of its factors are two more of its size.
_FORWARD_AND_BACKWARD = 3


def model_flops(config: BertConfig, lengths: Sequence[int], n_masked: int) -> int:
    """Operations for sequences of these lengths with so many pieces to predict.

    Attention is quadratic in each sequence's own length; only masked pieces go through
    the MLM head, and they and [CLS] alone through what follows the last attention.
    """
    width, n_pieces = config.hidden_width, sum(lengths)
    products = layer_products(config, n_pieces) * (config.n_layers - 1)
    last_rows = [n_pieces, *3 * [n_masked + len(lengths)]]
    for n_rows, product in zip(last_rows, layer_products(config, 0), strict=True):
        products.append((n_rows, *product[1:]))
    products += mlm_products(config, n_masked)
    # The pooler and the NSP head.
    products += [(len(lengths), width, width), (len(lengths), width, 2)]
    # q k^T and its product with v, in all heads together.
    attention = 4 * width * config.n_layers * sum(length**2 for length in lengths)
    return _FORWARD_AND_BACKWARD * (sum(map(flops_of, products)) + attention)


def layer_products(config: BertConfig, n_pieces: int) -> list[Product]:
    """The dense products of one layer, forward."""
    width, inner = config.hidden_width, config.intermediate_width
    shapes = ((width, 3 * width), (width, width), (width, inner), (inner, width))
    return [(n_pieces, n_in, n_out) for n_in, n_out in shapes]


def mlm_products(config: BertConfig, n_masked: int) -> list[Product]:
    width = config.hidden_width
    return [(n_masked, width, width), (n_masked, width, config.vocab_size)]


def flops_of(product: Product) -> int:
    n_rows, n_in, n_out = product
    return 2 * n_rows * n_in * n_out
