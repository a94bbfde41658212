"""A BertEncoder -> an ONNX model of standard operators, in 32 or 8 bits.

It needs the package `onnx`, of the extra "onnx".
"""

from .encoder import INPUTS, make_onnx_model
from .files import save_onnx_model

__all__ = ["INPUTS", "make_onnx_model", "save_onnx_model"]
