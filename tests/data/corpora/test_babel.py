import hashlib
import math
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json
from pipeline.data.corpora.babel import __main__ as document
from pipeline.data.corpora.babel import grammar, lexicon, meaning
from pipeline.data.corpora.babel import read as babel
from pipeline.data.corpora.babel.distance import distance, edit_distance, order_agreement
from pipeline.data.corpora.babel.family import DEFAULT_FAMILY, Language, parse_family
from pipeline.data.corpora.babel.grammar import Grammar
from pipeline.data.corpora.babel.lexicon import build, change, sound_changes
from pipeline.data.corpora.babel.meaning import Argument, Concept, Event, Name, Referent, Statement, resolve
from pipeline.data.corpora.babel.realise import realise
from pipeline.data.corpora.babel.streams import Stream, zipf
from pipeline.data.schema import LABELS

SIZES = {"train": 300, "dev": 60, "test": 60, "text": 400}
SPEC = {"loader": "babel", "dataset": "babel-12345678", "task": "ner", "seed": 0, "sizes": SIZES}


def spec(language="nearish", **changes):
    return SPEC | {"language": language} | changes


def rows(loaded):
    tables = {name: split.table for name, split in loaded.splits.items()} | {"text": loaded.text}
    return {name: table.to_pylist() for name, table in tables.items()}


def content_hash(**changes):
    text = "".join(
        canonical_json(rows(babel.load(spec(name, **changes)))) for name in ("hubbish", "kinnish", "glyphish")
    )
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------------------------------------------------- determinism


def test_same_content_in_every_process():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_babel; print(test_babel.content_hash())"
    seen = set()
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-c", code, str(Path(__file__).parent)]
        result = subprocess.run(
            command, env=os.environ | {"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        )
        seen.add(result.stdout.strip())
    assert seen == {content_hash()}


def test_content_of_seed_0_is_what_it_was():
    # A change here changes every Babel dataset: results stay comparable only within one version of it.
    assert content_hash()[:16] == "7d5d73caffb3cb48"


def test_seeds_differ():
    assert content_hash() != content_hash(seed=1)


def test_first_draws_of_a_stream_are_numpy_pcg64_seeded_by_sha256():
    import numpy as np

    seed = int.from_bytes(hashlib.sha256(b'[7, "a", "b"]').digest(), "big")
    expected = np.random.Generator(np.random.PCG64(seed)).random(3).tolist()
    stream = Stream(7, "a", "b")
    assert [stream.uniform() for _ in range(3)] == expected


def test_larger_splits_begin_with_the_smaller_ones():
    small, large = rows(babel.load(spec())), rows(babel.load(spec(sizes=SIZES | {"train": 500, "text": 800})))
    assert small["test"] == large["test"]
    assert small["dev"] == large["dev"]
    assert small["train"] == large["train"][:300]
    assert small["text"] == large["text"][:400]


def test_words_added_for_a_later_task_change_nothing(monkeypatch):
    before = content_hash()
    lexicon._build.cache_clear()
    lexicon._sounds.cache_clear()
    monkeypatch.setitem(meaning.INVENTORY, "praise", 40)
    monkeypatch.setattr(lexicon, "FUNCTION_WORDS", (*lexicon.FUNCTION_WORDS, "who", "what"))
    assert len(build(0, DEFAULT_FAMILY, "nearish").words["praise"]) == 40
    assert content_hash() == before
    lexicon._build.cache_clear()
    lexicon._sounds.cache_clear()


def test_other_languages_change_nothing():
    plain = rows(babel.load(spec("nearish")))
    family = {"newish": {"parent": "nearish", "change_rate": 0.3}, "middish": {"order": "VSO"}}
    assert rows(babel.load(spec("nearish", family=family))) == plain


# ------------------------------------------------------------------------------------------------------------ the data


@pytest.mark.parametrize("language", DEFAULT_FAMILY)
def test_rows_keep_the_contract(language):
    loaded = babel.load(spec(language))
    assert loaded.task == "ner"
    data = rows(loaded)
    assert {name: len(r) for name, r in data.items()} == SIZES
    assert [r["id"] for r in data["dev"]] == [f"babel-{language}-dev-{i}" for i in range(60)]
    for row in data["train"] + data["dev"] + data["test"]:
        assert row["lang"] == language
        assert 5 <= len(row["tokens"]) <= 25
        assert len(row["tags"]) == len(row["tokens"])
        for before, tag in zip(["O", *row["tags"]], row["tags"], strict=False):
            assert tag in LABELS["ner"]
            assert not tag.startswith("I-") or before[2:] == tag[2:]  # IOB2: I- continues its own type
    assert all(5 <= len(r["text"].split(" ")) <= 25 for r in data["text"])


@pytest.mark.parametrize("language", ["hubbish", "glyphish"])
def test_no_sentence_twice(language):
    data = rows(babel.load(spec(language, sizes=SIZES | {"train": 2000, "text": 2000})))
    sentences = [" ".join(r["tokens"]) for s in ("train", "dev", "test") for r in data[s]]
    sentences += [r["text"] for r in data["text"]]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("task", ["ner", "sentiment", "nli", "qa", "relevance"])
def test_parallel_rows_say_the_same_under_one_id(task):
    languages = ("hubbish", "kinnish", "glyphish")
    made = {name: babel.load(spec(name, task=task, parallel=True)) for name in languages}
    for split in ("train", "dev", "test"):
        first, *others = (made[name].splits[split].table for name in languages)
        assert first["id"].to_pylist() == [f"babel-{split}-{i}" for i in range(SIZES[split])]
        for other in others:
            assert other["id"].equals(first["id"]) and other.num_rows == first.num_rows
            for label in {"label", "relevant"} & {*first.column_names}:
                assert other[label].equals(first[label])
            if task == "ner":
                entities = [
                    [sorted(t[2:] for t in tags if t.startswith("B-")) for tags in x["tags"].to_pylist()]
                    for x in (first, other)
                ]
                assert entities[0] == entities[1]
    alone = made["hubbish"].text
    assert not set(alone["text"].to_pylist()) & {t for t in made["kinnish"].text["text"].to_pylist()}


def test_no_sentence_of_parallel_rows_is_said_twice():
    data = rows(babel.load(spec("glyphish", sizes=SIZES | {"train": 2000, "text": 2000}, parallel=True)))
    sentences = [" ".join(r["tokens"]) for s in ("train", "dev", "test") for r in data[s]]
    sentences += [r["text"] for r in data["text"]]
    assert len(set(sentences)) == len(sentences)


def test_names_are_mixed_and_partly_unseen():
    data = rows(babel.load(spec("hubbish", sizes={"train": 4000, "dev": 500, "test": 500, "text": 1})))
    stems = set(build(0, DEFAULT_FAMILY, "hubbish").words["stem"])

    def mentions(split):
        pairs = [pair for r in data[split] for pair in zip(r["tokens"], r["tags"], strict=True)]
        return [(token, tag[2:]) for token, tag in pairs if tag != "O" and token in stems]

    types = {}
    for token, kind in mentions("train"):
        types.setdefault(token, Counter())[kind] += 1
    known = [(types[token], kind) for token, kind in mentions("test") if token in types]
    guessed = sum(seen.most_common(1)[0][0] == kind for seen, kind in known) / len(known)
    assert 0.3 < guessed < 0.65  # a stem's type in training says little about its type in test
    assert 0.25 < 1 - len(known) / len(mentions("test")) < 0.6  # names never seen in training
    lengths = Counter(
        sum(1 for _ in re.finditer(r"[BI]", entity))
        for r in data["train"]
        for entity in re.findall(r"B(?: I)*", " ".join(g[0] for g in r["tags"]))
    )
    assert lengths[2] > 0.2 * lengths.total()
    assert lengths[3] > 0


def test_letters_are_lower_case():
    data = rows(babel.load(spec("hubbish")))
    assert all(r["text"] == r["text"].lower() for r in data["text"])


def test_content_words_follow_zipf():
    stream = Grammar(0, Stream(0, "test"))
    counts = Counter(stream.concept("thing").index for _ in range(20000))
    ranked = [count for _, count in counts.most_common(40)]
    x, y = [math.log(r + 1) for r in range(40)], [math.log(c) for c in ranked]
    mean_x, mean_y = sum(x) / 40, sum(y) / 40
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    assert -1.2 < slope < -0.6
    assert counts.most_common(1)[0][0] == 0  # index order is frequency order


def test_zipf_weights_by_hand():
    assert zipf(3, 1.0) == pytest.approx((1 / 2, 1 / 2 + 1 / 3, 1 / 2 + 1 / 3 + 1 / 4))


# ----------------------------------------------------------------------------------------------- meanings and sentences

VARO, MIRA = Concept("stem", 0), Concept("stem", 1)
BANK = Name("ORG", (VARO,), Concept("organisation", 0), linked=True)
MEANING = Statement(
    (
        Event(
            Concept("verb", 0),
            (
                Argument("agent", Referent(Concept("person", 0), Name("PER", (MIRA, VARO)))),
                Argument("patient", Referent(Concept("thing", 0))),
                Argument("place", Referent(name=BANK)),
            ),
            past=True,
            negated=True,
        ),
    )
)


def words(language, family=DEFAULT_FAMILY):
    return build(0, family, language)


def test_order_of_prepositional_svo():
    w = words("hubbish")
    f, root, sentence = w.functions, w.words, realise(MEANING, w)
    verb = root["verb"][0] + w.affixes["past"]
    bank = (root["organisation"][0], f["link"], root["stem"][0])
    agent = (root["person"][0], root["stem"][1], root["stem"][0])
    assert sentence.tokens == (*agent, f["not"], verb, f["a"], root["thing"][0], f["place"], *bank, ".")


def test_order_of_postpositional_sov():
    w = words("farrish")
    f, root, sentence = w.functions, w.words, realise(MEANING, w)
    verb = w.affixes["past"] + root["verb"][0]
    bank = (root["stem"][0], f["link"], root["organisation"][0])
    agent = (root["stem"][1], root["stem"][0], root["person"][0])
    patient = (root["thing"][0], f["a"], f["object"])
    assert sentence.tokens == (*agent, *bank, f["place"], *patient, f["not"], verb, ".")


@pytest.mark.parametrize("language", DEFAULT_FAMILY)
def test_spans_of_a_sentence(language):
    w = words(language)
    sentence = realise(MEANING, w)
    place = sentence.words(("events", 0, "place"))
    assert set(place) == {w.words["organisation"][0], w.functions["link"], w.words["stem"][0]}
    assert sentence.words(("events", 0, "place", "name", "noun")) == (w.words["organisation"][0],)
    assert sentence.words(("events", 0, "agent", "name")) == (w.words["stem"][1], w.words["stem"][0])
    assert sentence.words(("events", 0, "negated")) == (w.functions["not"],)
    start, stop = sentence.characters(("events", 0, "place"))
    assert sentence.text[start:stop] == " ".join(place)
    assert sentence.spans[()] == (0, len(sentence.tokens))


@pytest.mark.parametrize("language", DEFAULT_FAMILY)
def test_every_constituent_has_its_span(language):
    w = words(language)
    stream = Grammar(0, Stream(0, "test", language))
    kinds = Counter()
    for _ in range(300):
        statement = stream.statement()
        sentence = realise(statement, w)
        for path, (start, stop) in sentence.spans.items():
            found = resolve(statement, path)
            assert 0 <= start < stop <= len(sentence.tokens)
            if isinstance(found, Concept):  # a word, bare or with its affix
                assert stop == start + 1
                assert w.word(found) in sentence.tokens[start]
                kinds[found.kind] += 1
            if path:  # inside its parent
                parent = next(path[:n] for n in range(len(path) - 1, -1, -1) if path[:n] in sentence.spans)
                assert sentence.spans[parent][0] <= start
                assert stop <= sentence.spans[parent][1]
    assert set(kinds) == {*meaning.INVENTORY, "stem"} - {"number"}


def test_resolve_says_what_is_missing():
    assert resolve(MEANING, ("events", 0, "agent", "name", "stems", 1)) == VARO
    with pytest.raises(LookupError, match="no goal"):
        resolve(MEANING, ("events", 0, "goal"))
    with pytest.raises(LookupError, match="no constituent 'colour'"):
        resolve(MEANING, ("events", 0, "colour"))


def test_frames_give_names_their_types():
    stream = Grammar(0, Stream(0, "test"))
    for _ in range(300):
        for event in stream.statement().events:
            frame = grammar.verb_frames(0)[event.verb.index]
            for argument in event.arguments:
                name = argument.referent.name
                if name is not None and argument.role in frame:
                    assert name.type == frame[argument.role]
                elif name is not None:  # no verb tells its type: a noun must
                    noun = name.noun or argument.referent.noun
                    assert noun is not None
                    assert noun.kind == grammar.NOUN_OF[name.type]


# ------------------------------------------------------------------------------------------------- languages, distances


def test_sound_changes_are_regular_and_keep_words_apart():
    shifts = sound_changes(Stream(0, "test"), 0.5)
    forms = words("hubbish").sounds["stem"] + words("hubbish").sounds["thing"]
    assert len({change(f, shifts) for f in forms}) == len(set(forms))
    swap = {"first": {"p": "b"}, "inner": {"p": "f"}, "last": {"p": "v"}, "vowel": {"a": "o"}, "last vowel": {"a": "e"}}
    assert change("papap", swap) == "bofov"
    assert change("papa", swap) == "bofe"


@pytest.mark.parametrize(
    ("rate", "low", "high"), [(0.0, 0.0, 0.0), (0.2, 0.05, 0.3), (0.5, 0.3, 0.65), (1.0, 1.0, 1.0)]
)
def test_change_rate_sets_the_lexical_distance(rate, low, high):
    family = parse_family({"newish": {"parent": "hubbish", "change_rate": rate}})
    assert low <= distance(0, family, "hubbish", "newish").lexical <= high


def test_distances_are_ordered_as_documented():
    lexical = {name: distance(0, DEFAULT_FAMILY, "hubbish", name).lexical for name in DEFAULT_FAMILY}
    assert lexical["hubbish"] == 0
    assert lexical["nearish"] < 0.25 < lexical["middish"] < 0.6 < 0.8 < lexical["farrish"]
    assert distance(0, DEFAULT_FAMILY, "farrish", "kinnish").lexical < 0.25
    near, far = distance(0, DEFAULT_FAMILY, "hubbish", "nearish"), distance(0, DEFAULT_FAMILY, "hubbish", "farrish")
    assert near.order == 1
    assert far.order < 0.5
    assert near.names > 0.85
    assert near.script
    assert not distance(0, DEFAULT_FAMILY, "hubbish", "glyphish").script


def test_order_agreement_by_hand():
    one = Language("oneish", None)
    assert order_agreement(one, one) == 1
    # SVO and VSO differ in one of three pairs; one of six sides differs: 7 of 9 agree.
    assert order_agreement(one, Language("twoish", None, order="VSO", adjective="after")) == pytest.approx(7 / 9)


@pytest.mark.parametrize(
    ("a", "b", "d"), [("", "abc", 3), ("kitten", "sitting", 3), ("abc", "abc", 0), ("ab", "ba", 2)]
)
def test_edit_distance_by_hand(a, b, d):
    assert edit_distance(a, b) == d


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_shared_names_and_numbers_at_their_rate(rate):
    family = parse_family({"newish": {"parent": None, "shared_names": rate, "shared_numbers": rate}})
    hub, new = words("hubbish", family), words("newish", family)
    same = sum(a == b for a, b in zip(hub.words["stem"], new.words["stem"], strict=True)) / len(hub.words["stem"])
    assert same == pytest.approx(rate, abs=0.01)
    assert sum(w.isdigit() for w in new.words["number"]) / len(new.words["number"]) == pytest.approx(rate, abs=0.02)


@pytest.mark.parametrize("script", ["cyrillic", "georgian", "ethiopic"])
def test_a_script_is_another_block(script):
    family = {"newish": {"parent": "hubbish", "change_rate": 0.0, "script": script}}
    data = rows(babel.load(spec("newish", family=family)))
    letters = {c for r in data["text"] for c in r["text"] if c.isalpha()}
    assert len(letters) == 24
    for letter in letters:
        assert unicodedata.name(letter).startswith(script.upper())
        assert letter == letter.lower() == unicodedata.normalize("NFKD", letter)  # tokenizers leave it alone


def test_ids_are_no_iso_codes():
    for name in DEFAULT_FAMILY:
        assert len(name) > 3
        assert re.fullmatch(r"[a-z][a-z0-9]+", name)


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": "nearisch"}, "no language 'nearisch'.*did you mean 'nearish'"),
        ({"task": "nerr"}, "babel.task: no task 'nerr'.*'ner'"),
        ({"seed": -1}, "babel.seed"),
        ({"seed": True}, "babel.seed"),
        ({"sizes": 5}, "babel.sizes: expected numbers"),
        ({"sizes": SIZES | {"train": 0}}, "babel.sizes.train: expected a number of sentences, 1 or more, found 0"),
        ({"sizes": {"train": 5, "dev": 5, "test": 5}}, "babel.sizes.text.*found None"),
        ({"sizes": SIZES | {"tests": 5}}, "unknown split 'tests'.*'test'"),
        ({"sise": 1}, "unknown option 'sise'"),
        ({"family": []}, "family: expected languages"),
        ({"family": {"qu": {"parent": None}}}, "family.qu: a Babel language id"),
        ({"family": {"../up": {"parent": None}}}, "a Babel language id"),
        ({"family": {"newish": {"change_rate": 0.1}}}, "family.newish.parent"),
        ({"family": {"newish": {"parent": "hubish"}}}, "no language 'hubish'.*'hubbish'"),
        ({"family": {"hubbish": {"parent": "nearish"}}}, "circle: hubbish → nearish → hubbish"),
        ({"family": {"nearish": {"ordre": "SVO"}}}, "family.nearish.ordre: unknown parameter.*'order'"),
        ({"family": {"nearish": {"order": "SVU"}}}, "family.nearish.order.*'SVO'"),
        ({"family": {"nearish": {"order": 3}}}, "family.nearish.order"),
        ({"family": {"nearish": {"parent": 3}}}, "family.nearish.parent"),
        ({"family": {"nearish": {"change_rate": 1.5}}}, "from 0 to 1, found 1.5"),
        ({"family": {"nearish": {"script": "runes"}}}, "family.nearish.script"),
        ({"family": {"nearish": None}}, "expected parameters"),
    ],
)
def test_bad_specs_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        babel.load(spec(**changes))


def test_missing_option_is_named():
    with pytest.raises(UserError, match="'seed' is missing"):
        babel.load({k: v for k, v in spec().items() if k != "seed"})


# -------------------------------------------------------------------------------------------------------- documentation


def test_the_document_is_in_step():
    text = (Path(__file__).parents[3] / "docs/babel.md").read_text(encoding="utf-8")
    printed = document.document(0, DEFAULT_FAMILY)
    assert printed in text, "docs/babel.md is out of step: put in what `python -m pipeline.data.corpora.babel` prints"
