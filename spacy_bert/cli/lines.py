"""Messages of any length -> lines that fit a terminal of 80 columns."""

import textwrap

# As wasabi's, which prints the other messages.
_WIDTH = 80


def write_line(text: str) -> None:
    """Print a message, and show it at once in a file too. Rows of a table, which have
    runs of spaces, stay as they are; so do words that are too long, such as paths."""
    if len(text) > _WIDTH and "  " not in text:
        text = textwrap.fill(
            text, _WIDTH, break_long_words=False, break_on_hyphens=False
        )
    print(text, flush=True)
