"""A type slot ("list of int, optional") -> its type expression and the types in it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

TOKEN = re.compile(
    r"'[^']*'|\"[^\"]*\"|\d+-tuples?|(?:\d|[nN])-?[Dd]\b|[A-Za-z_][\w.]*(?:-[A-Za-z][\w]*)*"
    r"|\d[\w.]*|\.\.\.|[^\s\w]"
)
# Where the type ends and remarks on the value begin.
REMARK = re.compile(
    r",?\s*[(\[]?\s*\*?\b(optional(?!\s?\[)|default|defaults|keyword-only|keyword only"
    r"|required|returned when|by default|see below|see above)\b",
    re.IGNORECASE,
)
OPENING = {"(": ")", "[": "]", "{": "}"}
# Behind these, the brackets and words hold sizes and values, no types.
SIZE_WORDS = frozenset("shape shaped size length dimension dimensions dim".split())
CONNECTORS = frozenset(["or", "and", ",", "|", "/"])


@dataclass(frozen=True)
class TypeExpression:
    """Offsets of the whole expression and of each single type."""

    start: int
    end: int
    types: tuple[tuple[int, int], ...]


def parse_type(slot: str, is_class: Callable[[str], bool]) -> TypeExpression | None:
    """Read a slot; None if it holds anything but a type expression."""
    remark = REMARK.search(slot)
    head = slot[: remark.start()] if remark else slot
    head = head.rstrip(" .,;:")
    tokens = [match for match in TOKEN.finditer(head)]
    reader = _Reader(tokens, is_class)
    if not tokens or not reader.read():
        return None
    first = tokens[reader.n_articles].start()
    return TypeExpression(first, tokens[-1].end(), tuple(reader.types))


class _Reader:
    """Walks over the tokens once; `read` says whether all of them were understood."""

    def __init__(self, tokens: list[re.Match[str]], is_class: Callable[[str], bool]):
        self.tokens = tokens
        self.is_class = is_class
        self.types: list[tuple[int, int]] = []
        self.n_articles = 0
        self.has_choices = False
        self.has_type_word = False

    def read(self) -> bool:
        words = [token.group() for token in self.tokens]
        while len(words) > self.n_articles and words[self.n_articles].lower() in (
            "a",
            "an",
            "the",
        ):
            self.n_articles += 1
        if self.n_articles == len(words):
            return False
        if not self._read_range(self.n_articles, len(words), strict=False):
            return False
        last = words[-1]
        ends_well = last not in CONNECTORS and last.lower() not in ("of", "with", "a")
        starts_well = words[self.n_articles] not in CONNECTORS | {"of", "with"}
        return ends_well and starts_well and bool(self.types or self.has_choices)

    def _read_range(self, start: int, end: int, *, strict: bool) -> bool:
        # strict: inside of brackets, where only types and operators may stand
        position = start
        while position < end:
            word = self.tokens[position].group()
            if word in OPENING:
                close = self._closing(position, end)
                if close is None or not self._read_brackets(position, close):
                    return False
                position = close + 1
                continue
            if word in SIZE_WORDS:
                position = self._skip_size(position + 1, end)
                continue
            if not self._read_word(position, word, strict):
                return False
            position += 1
        return True

    def _read_word(self, position: int, word: str, strict: bool) -> bool:
        token = self.tokens[position]
        if word in CONNECTORS or word in ("...", "&"):
            return True
        if word[0] in "'\"":
            self.has_choices = True
            return self._read_quoted(token)
        if word[0].isdigit() and "tuple" not in word:
            return word in QUALIFIERS or not strict
        last = word.rsplit(".", 1)[-1]
        if last in TYPE_OPERATORS:
            return True
        if self._is_type(word):
            self.types.append(token.span())
            return True
        if strict:
            return word in ("of", "or", "any")
        return word.lower() in LINK_WORDS or word in QUALIFIERS

    def _read_quoted(self, token: re.Match[str]) -> bool:
        # A forward reference, list["Tensor"], is a type; 'same' is a value.
        inner = token.group()[1:-1]
        if self.is_class(inner.rsplit(".", 1)[-1]) and inner[:1].isalpha():
            self.types.append((token.start() + 1, token.end() - 1))
        return True

    def _read_brackets(self, opening: int, close: int) -> bool:
        bracket = self.tokens[opening].group()
        if bracket == "{":
            self.has_choices = True
            for token in self.tokens[opening + 1 : close]:
                if self._is_type(token.group()):
                    self.types.append(token.span())
            return True
        known = len(self.types)
        if self._read_range(opening + 1, close, strict=True):
            return True
        del self.types[known:]
        # "(n, m) array", "ndarray (n, m)": a shape next to a type
        return bracket == "("

    def _is_type(self, word: str) -> bool:
        last = word.rsplit(".", 1)[-1]
        if is_documented_type(last):
            return True
        return len(last) > 1 and last[0].isupper() and self.is_class(last)

    def _closing(self, position: int, end: int) -> int | None:
        depth = 0
        for index in range(position, end):
            word = self.tokens[index].group()
            depth += (word in OPENING) - (word in OPENING.values())
            if depth == 0:
                return index
        return None

    def _skip_size(self, position: int, end: int) -> int:
        # "of shape (n, m)", "of length n", "of shape (n,) or (n, m)"
        while position < end and self.tokens[position].group() in ("=", ":", "of"):
            position += 1
        if position < end and self.tokens[position].group() in OPENING:
            close = self._closing(position, end)
            return end if close is None else close + 1
        while position < end and self.tokens[position].group() not in CONNECTORS:
            position += 1
        return position


# Types built into the language, as they are written in annotations.
BUILTIN_TYPES = frozenset(
    "int float complex bool str bytes bytearray list tuple dict set frozenset object "
    "type slice range memoryview None".split()
)

# Generic types of `typing` and `collections.abc`.
GENERIC_TYPES = frozenset(
    "Any AnyStr Awaitable Callable Collection Container Coroutine Counter Dict Deque "
    "DefaultDict FrozenSet Generator Hashable Iterable Iterator List Mapping "
    "MutableMapping MutableSequence MutableSet NamedTuple NoReturn OrderedDict Pattern "
    "Sequence Set Sized SupportsFloat SupportsInt Text Tuple Type TypedDict "
    "AsyncIterator AsyncIterable AsyncGenerator ContextManager ItemsView KeysView "
    "ValuesView Self "
    "PathLike IO TextIO BinaryIO".split()
)

# What takes types and is none itself.
TYPE_OPERATORS = frozenset("Optional Union Literal Annotated Final ClassVar".split())

# Types as documentation calls them, singular; a plural "s" is understood.
DOCUMENTED_TYPES = frozenset(
    "array array_like array-like arraylike data-type dtype dtype_like ndarray scalar "
    "string integer boolean number real double char character callable function "
    "iterable iterator generator sequence mapping dictionary hashable "
    "file file-like path-like pathlike buffer enum namedtuple "
    "tensor matrix vector polynomial poly graph digraph multigraph multidigraph "
    "subgraph node edge symbol expression expr equation basic rational "
    "device module container ufunc bytestring datetime "
    "timedelta pair triple 2-tuple 3-tuple 4-tuple "
    "vertex quantity int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 "
    "float64 bfloat16 complex64 complex128 bool_ str_ bytes_ int_ float_ longdouble "
    "image token domain point line series permutation color".split()
)

# Documented types that are no English words, so they always name a type.
UNMISTAKABLE_TYPES = frozenset(
    "int str bool dict ndarray array_like bytearray frozenset tuple "
    "ints bools dicts tuples ndarrays strs".split()
)

# Words around the types of an expression.
LINK_WORDS = frozenset(
    "of or and with shape shaped size length dimension dimensions dim dims elements "
    "element type types a an the any containing each to from in by compatible "
    "valued keyed as whose values keys entries items instance instances object "
    "objects".split()
)

# Adjectives of types.
QUALIFIERS = frozenset(
    "positive negative non-negative nonnegative nested single square directed "
    "undirected weighted connected real-valued one-dimensional two-dimensional "
    "multidimensional nonempty non-empty sparse dense structured masked ordered "
    "sorted symmetric boolean-valued complex-valued integer-valued library "
    "1-D 2-D 3-D N-D n-D 1D 2D 3D 4D 1d 2d 0-d 0d symbolic unsigned "
    "numeric generic bipartite binary simple python numpy networkx sympy pytorch torch "
    "NumPy Numpy NetworkX Networkx SymPy Sympy PyTorch Python".split()
)


def is_documented_type(word: str) -> bool:
    """Whether documentation uses the word as a type, also in the plural."""
    if word in BUILTIN_TYPES or word in GENERIC_TYPES:
        return True
    lowered = word.lower()
    return any(
        form in DOCUMENTED_TYPES or form in BUILTIN_TYPES
        for form in (lowered, lowered.removesuffix("s"), _singular(lowered))
    )


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    return {"vertices": "vertex", "matrices": "matrix", "classes": "class"}.get(
        word, word
    )
