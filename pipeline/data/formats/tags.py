"""Tags of entities in the schemes that data go about in, brought into IOB2.

| scheme | one token | several tokens | of one type next to each other |
|---|---|---|---|
| `iob2` | `B-X` | `B-X I-X` | each begins with `B-` |
| `iob1` | `I-X` | `I-X I-X` | the second begins with `B-` |
| `bioes` | `S-X` | `B-X I-X E-X` | each begins and ends |
| `bilou` | `U-X` | `B-X I-X L-X` | |
| `bmewo` | `W-X`, or `S-X` | `B-X M-X E-X` | |
| `ioe` | `E-X` or `I-X` | `I-X E-X` or `I-X I-X` | the first ends with `E-` |
| `io` | `X` | `X X` | are one entity |

No letter means two things, so one rule converts them all: an entity begins at `B-`, at a letter of a single token, and
wherever a tag continues nothing; after a letter that ends an entity nothing is continued.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

SCHEMES: Mapping[str, str] = {
    "iob1": "BI",
    "iob2": "BI",
    "bioes": "BIES",
    "bilou": "BILU",
    "bmewo": "BIMEWS",
    "ioe": "IE",
    "io": "I",
}
"""By scheme: the letters its tags begin with."""

ORPHAN = "I- without B- before it, now B-"
CONVERTED = "tag that ends an entity or stands for a whole one (E-, S-, L-, U-, M-, W-), now IOB2"
PLAIN = "type without a prefix, now IOB2"

_LETTERS = tuple("BIESLUMW")
_SINGLE, _END = "SUW", "EL"
_TAG = re.compile(r"O|[BIESLUMW]-.+")
_SPELT = (
    re.compile(r"(?P<place>[BIESLUMWbieslumw])[-_:/.](?P<kind>.+)"),
    re.compile(r"(?P<kind>.+)[-_:/.](?P<place>[BIESLUMWbieslumw])"),
)


def looks_like_tag(text: str) -> bool:
    """Tell whether a text is written as a tag of one of the schemes, `io` excepted."""
    return _TAG.fullmatch(text) is not None


def simple_tag(tag: str) -> str:
    """Return the tag of IOB2 that a tag becomes where nothing about its neighbours says otherwise."""
    if not looks_like_tag(tag) or tag == "O":
        return tag
    return f"{'B' if tag[0] in f'B{_SINGLE}' else 'I'}-{tag[2:]}"


def usual_spelling(tag: str) -> str | None:
    """Return how a tag is usually written (`B_PER`, `PER-B` and `b-per` are `B-PER`); `None`: it is no tag.

    `PER` alone is `I-PER`: what begins with it is found by the rule of the module.
    """
    if looks_like_tag(tag) or tag == "o":
        return simple_tag(tag.upper() if tag == "o" else tag)
    for spelt in _SPELT:
        if found := spelt.fullmatch(tag):
            kind = found["kind"].upper() if found["place"].islower() else found["kind"]
            return simple_tag(f"{found['place'].upper()}-{kind}")
    if tag.upper() in _LETTERS:
        return None  # a place without a type
    return f"I-{tag}" if re.fullmatch(r"[^\W\d_]([\w. -]*\w)?", tag) else None


def to_iob2(tags: Sequence[str]) -> tuple[list[str], Counter[str]]:
    """Bring a sentence's tags, of any of the schemes, into IOB2; return them and the mends by reason.

    An `I-X` that continues no X becomes `B-X`: a lenient reader (conlleval) sees an entity begin there anyway, so lenient scores
    keep their value and strict ones count the same entities.
    """
    result: list[str] = []
    mends: Counter[str] = Counter()
    open_kind: str | None = None
    for tag in tags:
        if tag == "O":
            open_kind = None
            result.append(tag)
            continue
        place, kind = tag[0], tag[2:]
        begins = place in f"B{_SINGLE}" or kind != open_kind
        if place == "I" and begins:
            mends[ORPHAN] += 1
        elif place not in "BI":
            mends[CONVERTED] += 1
        result.append(f"{'B' if begins else 'I'}-{kind}")
        open_kind = None if place in f"{_SINGLE}{_END}" else kind
    return result, mends


def contradiction(sentences: Iterable[Sequence[str]]) -> tuple[int, int]:
    """Count entities that are whole, and that are not, in a scheme whose entities all end.

    Returns:
        Two zeros where no tag is of such a scheme (`iob1`, `iob2`), or none begins or stands alone (`ioe`).
    """
    sentences = list(sentences)
    letters = {tag[0] for tags in sentences for tag in tags if tag != "O"}
    if letters <= set("BI") or letters <= set("IE"):
        return 0, 0
    counts: Counter[bool] = Counter()
    for tags in sentences:
        open_kind: str | None = None
        for tag in [*tags, "O"]:
            place, kind = tag[0], tag[2:]
            continues = open_kind == kind and place in f"IM{_END}"
            if open_kind is not None and not continues:
                counts[False] += 1  # the one before never ended
            if tag == "O" or place in _SINGLE:
                counts[True] += tag != "O"
                open_kind = None
                continue
            if not continues and place != "B":
                counts[False] += 1  # it never began
            elif place in _END:
                counts[True] += 1
            open_kind = None if place in _END else kind
    return counts[True], counts[False]
