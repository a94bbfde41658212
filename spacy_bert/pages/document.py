"""Elements -> a whole page, in the look that all pages share."""

from importlib.resources import files

from .elements import Child, tag, to_html


def make_document(
    title: str, *children: Child, style: str = "", refresh: int | None = None
) -> str:
    """style: CSS behind that of all pages. refresh: seconds after which a browser reads
    the page again."""
    shared = files(__package__).joinpath("page.css").read_text(encoding="utf8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        *([tag("meta", http_equiv="refresh", content=refresh)] if refresh else []),
        tag("title", title),
        tag("style", shared + style),
    )
    body = tag("body", tag("h1", title), *children)
    return "<!doctype html>\n" + to_html(tag("html", head, body, lang="en")) + "\n"
