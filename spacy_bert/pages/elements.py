"""HTML and SVG elements, from Python's own XML tree: text is escaped on its way out."""

from xml.etree.ElementTree import Element, tostring

Child = Element | str


def tag(name: str, /, *children: Child, **attributes: object) -> Element:
    """tag("a", "text", class_="b", text_anchor="end") ->
    <a class="b" text-anchor="end">text</a>"""
    element = Element(name)
    for key, value in attributes.items():
        element.set(key.rstrip("_").replace("_", "-"), str(value))
    add(element, *children)
    return element


def add(element: Element, *children: Child) -> None:
    """Text goes into the element, or behind the last one in it."""
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + child
        else:
            element.text = (element.text or "") + child


def to_html(element: Element) -> str:
    return tostring(element, encoding="unicode", method="html")
