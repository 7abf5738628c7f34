"""The config's plain values: what is accepted, how it is read, and what is said when it is not.

Numbers are also read from strings, on purpose: PyYAML takes `1e-3` for a string, and Snakemake hands every value of
`--config 'training={epochs: 5}'` over as one. So `0.001`, `1.0e-3` and `1e-3` are one value, and one run.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, PlainValidator, WithJsonSchema
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pipeline.common.names import twice
from pipeline.common.paths import expanded

NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
"""What may stand in a path: letters, digits, `_`, and inside also `.` and `-`."""

METRIC = "^(accuracy|(answer_f1|exact_match)(_squad)?|(entity_)?(f1|precision|recall)_.+)$"
"""What a metric's full name looks like; which ones there are depends on the task and its labels."""

LONGEST_NAME = 40
"""Characters of a language's name: it is a label of figures."""

LARGEST = 10**18
"""No whole number of a config is so large: what computes with it has 64 bits."""

CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of what is no part of a line of text; joiners (Cf) are part of names in some scripts."""

_NULL = ("", "~", "null", "Null", "NULL")


def read_number(value: Any) -> Any:
    """Read a number, or its spelling in a string; other values are left to pydantic's message.

    Raises:
        ValueError: a truth value or a string that is no number.
    """
    if isinstance(value, bool):
        raise ValueError(f"expected a number, got the truth value {value}")
    if isinstance(value, str):
        try:
            value = float(value.replace("_", ""))
        except ValueError:
            raise ValueError(f"expected a number, got {value!r}") from None
    return value + 0.0 if isinstance(value, int | float) else value  # -0.0 becomes 0.0


def read_whole(value: Any) -> Any:
    """Read a whole number, or its spelling (`1e4`, `"500"`) in a string.

    Raises:
        ValueError: a truth value, a fraction, a number of more than 18 digits, or a string that is no number.
    """
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,18}", value):
        value = int(value)
    number = value if isinstance(value, int) and not isinstance(value, bool) else read_number(value)
    if isinstance(number, int | float) and LARGEST <= abs(number) < math.inf:
        raise ValueError(f"expected a number below {LARGEST:,}, got {value!r}")
    if isinstance(number, int):
        return number
    if isinstance(number, float):
        if not number.is_integer():
            raise ValueError(f"expected a whole number, got {value!r}")
        return int(number)
    return number


def read_null(value: Any) -> Any:
    """Read YAML's spellings of null where they come as strings."""
    return None if isinstance(value, str) and value.strip() in _NULL else value


def read_size(value: Any) -> int | float | None:
    """Read a number of examples ≥ 1, or a share of them above 0 and below 1; `all` becomes `None`.

    Raises:
        ValueError: none of these; or `1.0`, which may mean all of them as well as one.
    """
    try:
        number = read_number(value) if value != "all" else None
    except ValueError:
        number = None
    if isinstance(number, float) and 0 < number < 1:
        return number
    if number == 1 and not re.fullmatch(r"\+?0*1", str(value)):
        raise ValueError(f"{value!r} may be all examples or one; say 'all', or 1 for one example")
    return _size(value, 1, ", a share above 0 and below 1,")


def read_dev_size(value: Any) -> int | None:
    """Read a number of examples ≥ 0; `all` becomes `None`.

    Raises:
        ValueError: neither.
    """
    return _size(value, 0)


def _size(value: Any, least: int, other: str = ",") -> int | None:
    if value == "all":
        return None
    try:
        size = read_whole(value)
    except ValueError:
        size = None
    if not isinstance(size, int) or size < least:
        raise ValueError(f"expected a whole number of at least {least}{other} or 'all'; got {value!r}")
    return size


def read_placement(value: Any) -> int | str:
    """Read a layer's number, or `top`.

    Raises:
        ValueError: neither.
    """
    if value == "top":
        return "top"
    try:
        layer = read_whole(value)
    except ValueError:
        layer = None
    if not isinstance(layer, int) or layer < 0:
        raise ValueError(f"expected the number of a layer, 0 for the embeddings, or 'top'; got {value!r}")
    return layer


def read_name(value: Any) -> str:
    """Read a name that is safe in paths.

    Raises:
        ValueError: not a string, or with other characters.
    """
    if not isinstance(value, str):
        raise ValueError(f"expected a name, got {value!r}; put it in quotes if it is one")
    if not re.fullmatch(NAME, value) or len(value) > 64:
        raise ValueError(
            f"{value!r} cannot be a name: names become file names, so at most 64 of the letters A-Z a-z, the digits, "
            "'_', and inside also '.' and '-'"
        )
    return value


def read_language(value: Any) -> str:
    """Read a language's id.

    Raises:
        ValueError: not a name, or a truth value (`no` is Norwegian, and YAML's false).
    """
    if isinstance(value, bool):
        raise ValueError("YAML reads no, yes, on and off as truth values; put the language in quotes: 'no'")
    return read_name(value)


def read_language_names(value: Any) -> str | dict[str, str]:
    """Read what figures call languages: `codes`, `own`, or a name for each language.

    Raises:
        ValueError: none of these, or a name that is no text, blank, of several lines or longer than a label.
    """
    if value in ("codes", "own"):
        return str(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"expected codes, own, or names by language such as {{ar: العربية}}; got {value!r}")
    names = {read_language(language): name for language, name in value.items()}
    for language, name in names.items():
        if (
            not isinstance(name, str)
            or not name.strip()
            or len(name) > LONGEST_NAME
            or CONTROLS & set(map(category, name))
        ):
            raise ValueError(
                f"the name of {language} is {name!r}; expected a text of one line and at most {LONGEST_NAME} characters"
            )
    return {language: name.strip() for language, name in names.items()}


def read_languages(value: Any) -> list[str] | None:
    """Read a list of languages, sorted; `all` becomes `None`.

    Raises:
        ValueError: empty, a language twice, or no names.
    """
    return None if value == "all" else check_set([read_language(language) for language in as_list(value)])


def read_switch(value: Any) -> Any:
    """Read a truth value, also where a command line hands it over as a string.

    Raises:
        ValueError: none of YAML's spellings.
    """
    spelled = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in spelled:
        return spelled[value.lower()]
    raise ValueError(f"expected yes or no, got {value!r}")


def read_commit(value: Any) -> str:
    """Read a commit's full hash.

    Raises:
        ValueError: not 40 hexadecimal digits.
    """
    return _hexadecimal(value, 40, "a commit of 40 hexadecimal digits (in quotes if they are all decimal)")


def read_code(value: Any) -> str:
    """Read a code hash.

    Raises:
        ValueError: not 12 hexadecimal digits.
    """
    return _hexadecimal(value, 12, "a code hash of 12 hexadecimal digits, in quotes")


def read_sha256(value: Any) -> str | None:
    """Read a SHA-256.

    Raises:
        ValueError: not 64 hexadecimal digits.
    """
    return (
        None if value is None else _hexadecimal(value, 64, "64 hexadecimal digits (in quotes if they are all decimal)")
    )


def _hexadecimal(value: Any, digits: int, expected: str) -> str:
    if isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{digits}}}", value):
        return value
    raise ValueError(f"expected {expected}, got {value!r}")


def read_repository(value: Any) -> str:
    """Read the id of a hub repository; `{language}` in a dataset's stands for the language.

    Raises:
        ValueError: not `owner/name`.
    """
    if isinstance(value, str) and re.fullmatch(rf"{NAME}/{NAME}", value.replace("{language}", "xx")):
        return value
    raise ValueError(f"expected owner/name, got {value!r}")


def read_path(value: Any) -> Any:
    """Read the path of a file or folder, as written: `pipeline.common.paths.expanded` puts the home folder for a leading `~`.

    Raises:
        ValueError: braces, which Snakemake takes for wildcards; no such user; a variable, which nothing expands.
    """
    if not isinstance(value, str):
        return value
    if "{language}" in value:
        raise ValueError(f"{value!r}: {{language}} is filled in under `files` alone; give the folder above it here")
    if "{" in value or "}" in value:
        raise ValueError(
            f"{value!r}: a path with braces cannot be read, Snakemake takes them for a wildcard; rename it"
        )
    if re.match(r"\$\w+(/|$)", value):
        raise ValueError(f"{value!r}: variables are not expanded; write the whole path, or ~ for your home folder")
    if value.startswith("~") and expanded(value) == value:
        raise ValueError(f"{value!r}: no such user; write ./{value} if it is a name that begins so")
    return value


def as_list(value: Any) -> Any:
    """Let one value stand for the list of it."""
    return value if isinstance(value, list | tuple) else [value]


def check_set(value: list[str]) -> list[str]:
    """Sort languages that are used together: their order means nothing, so it must not make another run.

    Raises:
        ValueError: empty, or a language twice.
    """
    if not value:
        raise ValueError("expected at least one language")
    if (language := twice(value)) is not None:
        raise ValueError(f"language {language!r} stands there twice")
    return sorted(value)


T = TypeVar("T")


class _Listed:
    """Lets one value stand for the list of it, in reading and in the JSON schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(as_list, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}


def _text(kind: str, pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": kind, "pattern": f"^{pattern}$"})


def _or_all(*numbers: JsonSchemaValue) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*numbers, {"const": "all"}]})


_LANGUAGE = {"type": "string", "format": "language", "pattern": f"^{NAME}$"}
_SET = {"type": "array", "items": _LANGUAGE, "minItems": 1, "uniqueItems": True}

OneOrMore = Annotated[list[T], Field(min_length=1), _Listed()]
Several = Annotated[list[T], _Listed()]

Number = Annotated[float, BeforeValidator(read_number)]
Positive = Annotated[Number, Field(gt=0)]
PositiveOrNull = Annotated[Positive | None, BeforeValidator(read_null)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Share = Annotated[Number, Field(ge=0, le=1)]
Whole = Annotated[int, BeforeValidator(read_whole)]
Count = Annotated[Whole, Field(ge=1)]
CountOrNull = Annotated[Count | None, BeforeValidator(read_null)]
Length = Annotated[Whole, Field(ge=8)]
LengthOrNull = Annotated[Length | None, BeforeValidator(read_null)]
TextOrNull = Annotated[str | None, BeforeValidator(read_null)]
ZeroOrMore = Annotated[Whole, Field(ge=0)]
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]
Size = Annotated[
    int | float | None,
    PlainValidator(read_size),
    _or_all({"type": "integer", "minimum": 1}, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
DevSize = Annotated[int | None, PlainValidator(read_dev_size), _or_all({"type": "integer", "minimum": 0})]
Placement = Annotated[
    int | str,
    PlainValidator(read_placement),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"const": "top"}]}),
]
Switch = Annotated[bool, BeforeValidator(read_switch)]
SwitchOrNull = Annotated[Switch | None, BeforeValidator(read_null)]
Name = Annotated[str, BeforeValidator(read_name), _text("name", NAME)]
Language = Annotated[str, BeforeValidator(read_language), WithJsonSchema(_LANGUAGE)]
Commit = Annotated[str, BeforeValidator(read_commit), _text("commit", "[0-9a-f]{40}")]
CodeHash = Annotated[str, BeforeValidator(read_code), _text("code hash", "[0-9a-f]{12}")]
Sha256 = Annotated[str, BeforeValidator(read_sha256), _text("SHA-256", "[0-9a-f]{64}")]
Repository = Annotated[
    str, BeforeValidator(read_repository), _text("owner/name", f"{NAME}/({NAME}|.*\\{{language\\}}.*)")
]
FileName = Annotated[str, Field(min_length=1, json_schema_extra={"format": "path"})]
FilePath = Annotated[FileName, BeforeValidator(read_path)]
SourceSet = Annotated[
    list[Language],
    BeforeValidator(as_list),
    AfterValidator(check_set),
    WithJsonSchema({"anyOf": [_LANGUAGE, _SET]}),
]
Languages = Annotated[
    list[str] | None,
    PlainValidator(read_languages),
    WithJsonSchema({"anyOf": [{"const": "all"}, _SET]}),
]
LanguageNames = Annotated[
    str | dict[str, str],
    PlainValidator(read_language_names),
    WithJsonSchema(
        {"anyOf": [{"enum": ["codes", "own"]}, {"type": "object", "additionalProperties": {"type": "string"}}]}
    ),
]
