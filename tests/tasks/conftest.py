"""Fixtures of several tests of heads."""

from head_toys import make_head as make_head
