"""Schemes of tags, against seqeval's strict readings of them."""

import random

import pytest
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, IOE1, IOE2, Tokens

from pipeline.data.formats.tags import (
    CONVERTED,
    ORPHAN,
    contradiction,
    looks_like_tag,
    simple_tag,
    to_iob2,
    usual_spelling,
)

STRICT = {"iob1": IOB1, "iob2": IOB2, "bioes": IOBES, "bilou": BILOU, "ioe1": IOE1, "ioe2": IOE2}

Entity = tuple[str, int, int]


def entities_of(rng, length):
    """Random entities, often next to each other and of one type."""
    found, at = [], 0
    while at < length:
        size = rng.randint(1, 3)
        if rng.random() < 0.7 and at + size <= length:
            found.append((rng.choice(["PER", "LOC"]), at, at + size))
            at += size
        else:
            at += 1
    return found


def written(entities, length, scheme):
    """The tags of entities in a scheme."""
    tags = ["O"] * length
    for kind, begin, end in entities:
        before = any(other == (kind, other[1], begin) for other in entities)
        after = any(other == (kind, end, other[2]) for other in entities)
        places = ["I"] * (end - begin)
        if scheme == "iob2" or (scheme == "iob1" and before):
            places[0] = "B"
        elif scheme == "ioe2" or (scheme == "ioe1" and after):
            places[-1] = "E"
        elif scheme in ("bioes", "bilou", "bmewo"):
            places = ["M" if scheme == "bmewo" else "I"] * (end - begin)
            places[-1] = "L" if scheme == "bilou" else "E"
            places[0] = "B"
            if end - begin == 1:
                places[0] = {"bioes": "S", "bilou": "U", "bmewo": "W"}[scheme]
        tags[begin:end] = [f"{place}-{kind}" for place in places]
    return tags


def entities_in(tags, scheme):
    return [(e.tag, e.start, e.end) for e in Tokens(tags, scheme).entities]


@pytest.mark.parametrize("scheme", [*STRICT, "bmewo"])
def test_every_scheme_keeps_its_entities(scheme):
    rng = random.Random(scheme)
    for _ in range(150):
        length = rng.randint(1, 9)
        entities = entities_of(rng, length)
        tags = written(entities, length, scheme)
        converted, mends = to_iob2(tags)
        assert entities_in(converted, IOB2) == entities, tags
        assert converted == written(entities, length, "iob2")
        assert mends[CONVERTED] == sum(tag[0] in "ESLUMW" for tag in tags)
        assert not contradiction([tags])[1]
        if scheme in ("bioes", "bilou", "iob2"):  # the others are read otherwise by seqeval in corners of theirs
            assert entities_in(tags, STRICT[scheme]) == entities


def iob2(tags):
    """What files of two letters need, told without the other schemes: I-X that continues no X becomes B-X."""
    before = ["O", *tags][: len(tags)]
    orphans = [tag[0] == "I" and last[1:] != tag[1:] for last, tag in zip(before, tags, strict=True)]
    return [f"B{tag[1:]}" if orphan else tag for orphan, tag in zip(orphans, tags, strict=True)], sum(orphans)


def test_tags_of_two_letters_are_read_as_before():
    rng = random.Random(0)
    for _ in range(300):
        tags = rng.choices(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], k=rng.randint(0, 7))
        converted, mends = to_iob2(tags)
        assert (converted, mends[ORPHAN]) == iob2(tags)


def test_nothing_goes_on_after_an_end():
    assert to_iob2(["B-PER", "E-PER", "I-PER", "E-PER", "E-PER"])[0] == ["B-PER", "I-PER", "B-PER", "I-PER", "B-PER"]
    assert to_iob2(["S-PER", "I-PER"]) == (["B-PER", "B-PER"], {CONVERTED: 1, ORPHAN: 1})
    assert to_iob2(["B-PER", "L-LOC"])[0] == ["B-PER", "B-LOC"]


def test_entities_without_an_end_contradict_a_scheme_that_has_ends():
    assert contradiction([["B-PER", "I-PER", "O"], ["I-LOC"]]) == (0, 0)
    assert contradiction([["S-PER", "B-PER", "I-PER", "E-PER"]]) == (2, 0)
    assert contradiction([["S-PER", "B-PER", "I-PER", "O", "B-LOC", "E-PER", "I-LOC"]]) == (1, 5)


@pytest.mark.parametrize(
    ("tag", "usual"),
    [
        ("O", "O"), ("o", "O"), ("B-PER", "B-PER"), ("U-PER", "B-PER"), ("M-PER", "I-PER"), ("B_PER", "B-PER"),
        ("PER-B", "B-PER"), ("PER_E", "I-PER"), ("b-per", "B-PER"), ("s-loc", "B-LOC"), ("B-", None), ("PER", "I-PER"),
        ("7", None), ("I-E-mail", "I-E-mail"), ("", None),
    ],
)  # fmt: skip
def test_unusual_spellings_have_a_usual_one(tag, usual):
    assert usual_spelling(tag) == usual
    assert looks_like_tag(tag) == (tag == usual or tag[:2] in ("U-", "M-"))
    assert usual is None or simple_tag(usual) == usual
