"""Tagged sentences of a user's files, in tables or CoNLL: their tags' meaning and scheme, blank tokens, broken sentences.

The map of labels speaks of tags as they are in the file. A tag that it does not list is looked up as the tag of IOB2 that it
becomes (`S-PER` as `B-PER`). A token of no characters goes, with its tag; an entity that has no other token makes its
sentence a broken one.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.common.errors import UserError, closest, nearest
from pipeline.common.names import difference, looks_like
from pipeline.data.arrange import Read, Unused
from pipeline.data.corpora.files.labels import Labels, label_text
from pipeline.data.corpora.files.rows import Chosen
from pipeline.data.formats.broken import ADVICE, DROP, Broken
from pipeline.data.formats.lines import EMPTY
from pipeline.data.formats.literals import Unread
from pipeline.data.formats.tables import Table, as_text
from pipeline.data.formats.tagged_parquet import BLANK
from pipeline.data.formats.tags import (
    ORPHAN,
    PLAIN,
    SCHEMES,
    contradiction,
    looks_like_tag,
    simple_tag,
    to_iob2,
    usual_spelling,
)
from pipeline.data.schema import task_table

LISTED = 60  # tags in a message
NO_WORDS = "entity of no characters, sentence left out"
UNEQUAL = "other number of tags than of words, sentence left out"
NO_LIST = "a cell that holds no list, sentence left out"
NO_WORD = "a word that is none, sentence left out"

Sentence = tuple[str, Sequence[str], Sequence[Any], Callable[[int], str]]
"""An id, tokens, tags as they are in the file, and the place of each token for messages."""

Meant = tuple[str, list[str], list[str], Callable[[int], str], Counter[str]]
"""An id, tokens, what their tags mean (in any scheme), places, and the mends so far."""


class Tags:
    """Tells what tags mean.

    Attributes:
        scheme: the tags' scheme as the config says; `None`: any but `io`.
    """

    def __init__(self, labels: Labels, scheme: str | None = None) -> None:
        """Take the map and the scheme.

        Raises:
            UserError: there is no such scheme.
        """
        if scheme is not None and scheme not in SCHEMES:
            raise UserError(f"scheme: {scheme!r}{nearest(scheme, SCHEMES)}")
        self.labels, self.scheme = labels, scheme
        self._letters = "".join(SCHEMES.values()) if scheme is None else SCHEMES[scheme]
        self._known: dict[str, bool] = {}  # of texts looked up already, since there are few and they come often
        self._meanings: dict[str, str | None] = {}

    def knows(self, tag: Any) -> bool:
        """Tell whether it is known what a tag means."""
        if not isinstance(tag, str):
            return self._looks_up(tag)
        if tag not in self._known:
            self._known[tag] = self._looks_up(tag)
        return self._known[tag]

    def _looks_up(self, tag: Any) -> bool:
        simple = self._simple(tag)
        return self.labels.knows(tag) or (simple != "" and self.labels.knows(simple))

    def of(self, tag: Any) -> str | None:
        """Return what a known tag means, a tag of any scheme but `io`; `None`: its sentence is to be left out."""
        if isinstance(tag, str) and tag in self._meanings:
            return self._meanings[tag]
        text, simple = label_text(tag), self._simple(tag)
        means = self.labels.of(tag if self.labels.knows(tag) else simple, "")
        if not self.labels.knows(tag) and means is not None and means[0] == simple[0] and looks_like_tag(text):
            means = text[0] + means[1:]  # an end stays one
        if isinstance(tag, str):
            self._meanings[tag] = means
        return means

    def is_plain(self, tag: Any) -> bool:
        """Tell whether a tag is a type without a prefix, which the map does not list."""
        return self.scheme == "io" and not self.labels.knows(tag) and not looks_like_tag(label_text(tag))

    def _simple(self, tag: Any) -> str:
        """Return the tag of IOB2 that a tag becomes by itself; nothing where the scheme has no such tag."""
        if isinstance(tag, list | dict):
            return ""
        text = label_text(tag)
        if looks_like_tag(text):
            return simple_tag(text) if text == "O" or text[0] in self._letters else ""
        return f"I-{text}" if self.scheme == "io" and text else ""


def tagged_rows(table: Table, names: Mapping[str, str], chosen: Chosen, broken: Broken) -> Iterable[Sentence]:
    """Yield the sentences of a table: lists of words and of tags, or text that has a blank between two.

    Raises:
        UserError: a row has not as many tags as words, or a word that is none, and may not be left out.
    """
    words, tags = table.columns[names["tokens"]], table.columns[names["tags"]]
    for row, name in chosen:
        where = table.place(row)
        if unread := next((cell for cell in (words[row], tags[row]) if isinstance(cell, Unread)), None):
            broken.found(NO_LIST, unread.why, name)
            continue
        ours, theirs = _listed(words[row], where, names["tokens"]), _listed(tags[row], where, names["tags"])
        if len(ours) != len(theirs):
            broken.found(UNEQUAL, f"{where}: {len(ours)} words and {len(theirs)} tags; expected as many", name)
            continue
        wrong = next((w for w in ours if w is None or as_text(w) is None or isinstance(w, list | dict)), ours)
        if wrong is not ours:
            broken.found(NO_WORD, f"{where}: column {names['tokens']!r} holds {wrong!r:.40}, expected words", name)
            continue
        yield name, [as_text(word) for word in ours], theirs, _always(where)


def _always(where: str) -> Callable[[int], str]:
    return lambda _: where


def _listed(value: Any, where: str, column: str) -> list[Any]:
    if isinstance(value, dict):
        raise UserError(f"{where}: column {column!r} holds an object, expected a list")
    if isinstance(value, str):
        return [part for part in value.split(" ") if part]
    return [] if value is None else value


def tagged_read(language: str, sentences: Iterable[Sentence], tags: Tags, broken: Broken) -> Read:
    """Bring sentences into the task's tags and IOB2.

    Args:
        language: the rows' language.
        sentences: as they are in the file.
        tags: what tags mean.
        broken: what is done with sentences that cannot be read, and those left out before.

    Raises:
        UserError: a tag is unknown, an entity has no word, or tags contradict their scheme.
    """
    dropped: Counter[str] = Counter()
    meant = _meant(list(sentences), tags, broken, dropped)
    if tags.scheme is None:
        _check_scheme(meant)
    rows, counts, unused = [], [], []
    for name, words, theirs, where, mends in meant:
        found, more = to_iob2(theirs)
        if mends[PLAIN]:
            del more[ORPHAN]  # types have no B- to lack
        whole = _without_blanks(words, found)
        if whole is None:
            broken.found(
                NO_WORDS, f"{where(0)}: an entity of tokens without characters, in the sentence that begins here", name
            )
        elif not whole[0]:
            dropped[EMPTY] += 1
            unused.append(Unused(name))
        else:
            more[BLANK] = len(words) - len(whole[0])  # those of entities
            rows.append((name, *whole))
            counts.append(mends + more)
    reasons = dict.fromkeys([ORPHAN, BLANK, *(reason for found in counts for reason in found)])
    mends_by_row = {reason: np.array([found[reason] for found in counts], dtype=np.int64) for reason in reasons}
    unused += [Unused(str(name)) for name in broken.left]
    return Read(task_table("ner", language, rows), dropped + broken.dropped, mends=mends_by_row, unused=unused)


def _meant(sentences: Sequence[Sentence], tags: Tags, broken: Broken, dropped: Counter[str]) -> list[Meant]:
    """Return the sentences with what their tags mean, without blank tokens outside of entities."""
    if not broken.drop:
        _check_known(sentences, tags)
    meant: list[Meant] = []
    for name, words, raw, where in sentences:
        unknown = next((i for i, tag in enumerate(raw) if not tags.knows(tag)), None)
        if unknown is not None:
            broken.found(f"unknown tag {label_text(raw[unknown])!r}, sentence left out", where(unknown), name)
            continue
        meanings = [tags.of(tag) for tag in raw]
        if None in meanings:
            dropped[f"tag {label_text(raw[meanings.index(None)])!r}, left out"] += 1
            broken.left.append(name)
            continue
        pairs = zip(words, meanings, strict=True)
        kept = [(word, tag) for word, tag in pairs if tag is not None and (word.strip(" ") or tag != "O")]
        mends = Counter({BLANK: len(words) - len(kept)})
        if tags.scheme == "io":
            mends[PLAIN] = sum(map(tags.is_plain, raw))
        meant.append((name, [word for word, _ in kept], [tag for _, tag in kept], where, mends))
    return meant


def _without_blanks(words: Sequence[str], tags: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """Take tokens of no characters out of entities, in IOB2; `None`: an entity has no others."""
    left: tuple[list[str], list[str]] = ([], [])
    headless = False  # whether the entity has begun with blank tokens alone
    for word, tag in zip(words, tags, strict=True):
        if headless and not tag.startswith("I-"):
            return None
        if not word.strip(" "):
            headless = headless or tag.startswith("B-")
            continue
        left[0].append(word)
        left[1].append(f"B-{tag[2:]}" if headless else tag)
        headless = False
    return None if headless else left


# ------------------------------------------------------------------------------------------------------- what is refused


def _check_known(sentences: Iterable[Sentence], tags: Tags) -> None:
    """Refuse unknown tags, all at once, with a map that names every one.

    Raises:
        UserError: there are some.
    """
    first: dict[str, str] = {}
    there: dict[str, None] = {}
    for _, _, raw, where in sentences:
        for i, tag in enumerate(raw):
            if isinstance(tag, str) and tag in there:
                continue
            if isinstance(tag, list | dict):
                raise UserError(f"{where(i)}: the tag is {tag!r:.60}, expected one; {ADVICE}")
            text = label_text(tag)
            there[text] = None
            if text not in first and not tags.knows(tag):
                first[text] = where(i)
    if not first:
        return
    tag, place = next(iter(first.items()))
    if not tag:
        raise UserError(f"{place}: no tag; {ADVICE}")
    others = ", ".join(map(repr, [*first][1:LISTED]))
    also = f" (also unknown: {others})" if others else ""
    raise UserError(f"{place}: unknown tag {tag!r}{_advice(tag, first, [*there], tags)}{also}; or {DROP}")


def _advice(tag: str, unknown: Mapping[str, str], there: Sequence[str], tags: Tags) -> str:
    """Say what makes unknown tags known."""
    own = tags.labels.own
    usual = {name: _usual(name, tags.labels.classes) for name in (unknown if own else there) if name}
    if not own and tags.scheme is None and all(map(Tags(tags.labels, "io").knows, there)):
        return ", a type without a prefix; say `scheme: io` if tokens of one type next to each other are one entity"
    if all(usual_spelling(name) in (None, f"I-{name}") for name in there):
        shown = ", ".join(map(repr, there[:5]))
        return (
            f": nothing there is a tag ({shown}); say which column holds the tags, columns: {{tags: …}}, or what each means "
            f"under `labels`: {{{json.dumps(tag, ensure_ascii=False)}: O, …: B-PER, …}}"
        )
    if len(tag.split()) > 1 and all(map(looks_like_tag, tag.split())):
        return (
            ", the tags of a sentence; a table with a sentence a row has the columns' names in its first line, or header: no and "
            "their numbers: columns: {tokens: 0, tags: 1}"
        )
    said = f", usually written {usual[tag]!r}" if usual[tag] else ""
    if why := difference(tag, usual[tag] or tag):
        said = f"; did you mean {usual[tag]!r}? {why}"
    elif looks_like_tag(tag) and simple_tag(tag) == usual[tag]:
        slip = closest(tag, tags.labels.classes, 0.8)
        said = f"; did you mean {slip!r}?" if slip else f"; known are {', '.join(tags.labels.classes[:LISTED])}"
    what = "list it under `labels`:" if own else "say what each means: labels:"
    if len(usual) > LISTED:
        example = f"{json.dumps(tag, ensure_ascii=False)}: {usual[tag] or '…'}"
        return f"{said}; {what} {{{example}, …}}, {len(usual)} tags in all; null leaves a tag's sentences out"
    listed = ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {spelt or '…'}" for name, spelt in usual.items())
    return f"{said}; {what} {{{listed}}}, or null to leave its sentences out"


def _usual(tag: str, classes: Sequence[str]) -> str | None:
    """Return how a tag is usually written, in the case of a known one; or the known one that looks the same."""
    alike = looks_like(tag, classes)
    usual = alike if alike and difference(tag, alike) else usual_spelling(tag)
    return next((known for known in classes if usual and known.lower() == usual.lower()), usual)


def _check_scheme(sentences: Sequence[Meant]) -> None:
    """Refuse tags of which most contradict the scheme that some of them are of.

    Raises:
        UserError: they do.
    """
    whole, others = contradiction([tags for _, _, tags, _, _ in sentences])
    if others > whole:
        where, tag = next((where, tag) for _, _, tags, where, _ in sentences for tag in tags if tag[0] in "ESLUMW")
        raise UserError(
            f"{where(0)}: {tag!r}, in the sentence that begins here, belongs to a scheme in which entities of several tokens "
            f"begin with B- and end with E- or L-; in this file {others} do not, and {whole} are whole; say which scheme it is, "
            "as `scheme: bioes`, or what each tag means under `labels`"
        )
