"""Words that name a type where documentation gives one, beside the classes' names."""

from __future__ import annotations

#: Types built into the language, as they are written in annotations.
BUILTIN_TYPES = frozenset(
    "int float complex bool str bytes bytearray list tuple dict set frozenset object "
    "type slice range memoryview None".split()
)

#: Generic types of `typing` and `collections.abc`.
GENERIC_TYPES = frozenset(
    "Any AnyStr Awaitable Callable Collection Container Coroutine Counter Dict Deque "
    "DefaultDict FrozenSet Generator Hashable Iterable Iterator List Mapping "
    "MutableMapping MutableSequence MutableSet NamedTuple NoReturn OrderedDict Pattern "
    "Sequence Set Sized SupportsFloat SupportsInt Text Tuple Type TypedDict "
    "AsyncIterator AsyncIterable AsyncGenerator ContextManager ItemsView KeysView "
    "ValuesView Self "
    "PathLike IO TextIO BinaryIO".split()
)

#: What takes types and is none itself.
TYPE_OPERATORS = frozenset("Optional Union Literal Annotated Final ClassVar".split())

#: Types as documentation calls them, singular; a plural "s" is understood.
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

#: Documented types that are no English words, so always a type where they stand.
UNMISTAKABLE_TYPES = frozenset(
    "int str bool dict ndarray array_like bytearray frozenset tuple "
    "ints bools dicts tuples ndarrays strs".split()
)

#: Words around the types of an expression.
LINK_WORDS = frozenset(
    "of or and with shape shaped size length dimension dimensions dim dims elements "
    "element type types a an the any containing each to from in by compatible "
    "valued keyed as whose values keys entries items instance instances object "
    "objects".split()
)

#: Adjectives of types.
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
