import json
from collections import Counter
from itertools import product

import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.common.names import plain
from pipeline.data.arrange import DUPLICATE, Read, arrange, load_splits, own_splits
from pipeline.data.duplicates import row_keys
from pipeline.data.schema import KEYS, LABELS, SHARED, task_table

SPLITS = ("train", "dev", "test")
CUT = {"from": "train", "fraction": 0.5, "seed": 0}

# Two rows of each task that are the same example by `KEYS`, though something else differs, and one that is another.
SAME = {
    "ner": [(["Qusqu", "llaqta"], ["B-LOC", "O"]), (["Qusqu", "llaqta"], ["B-ORG", "O"])],
    "sentiment": [("good", "positive"), ("good", "negative")],
    "classification": [("good", "mood"), ("good", "topic")],
    "nli": [("It rains.", "It is wet.", "entailment"), ("It rains.", "It is wet.", "neutral")],
    "relevance": [("red shoe", "Shoe, red", "relevant"), ("red shoe", "Shoe, red", "irrelevant")],
    "qa": [("Where?", "Lima, Peru", ["Peru"], [6]), ("Where?", "Lima, Peru", ["Lima"], [0])],
}
OTHER = {
    "ner": [(["Qusqu llaqta"], ["O"]), (["llaqta", "Qusqu"], ["O", "O"])],
    "sentiment": [("goood", "positive"), ("Good", "positive")],
    "classification": [("goood", "mood"), ("Good", "mood")],
    "nli": [("It is wet.", "It rains.", "entailment"), ("It rains.", "It is dry.", "entailment")],
    "relevance": [("Shoe, red", "red shoe", "relevant"), ("red shoe", "Boot, red", "relevant")],
    "qa": [("Where?", "Lima, in Peru", ["Peru"], [9]), ("What?", "Lima, Peru", ["Peru"], [6])],
}


def spec(language="qu", **options):
    return {"loader": "toy", "language": language, **options}


def table(task, rows, split="train", language="qu"):
    return task_table(task, language, [(f"toy-{language}-{split}-{i}", *row) for i, row in enumerate(rows)])


def texts(split, count, labels="np"):
    names = {"n": "negative", "p": "positive"}
    return table("sentiment", [(f"{split} {i}", names[labels[i % len(labels)]]) for i in range(count)], split)


def own(train=8, dev=4, test=5):
    """The dataset's own splits: some rows each, one drop and one mend that names the split, and a mend in every odd row."""
    return {
        name: Read(
            texts(name, count),
            {f"drop of {name}": 2},
            {f"file of {name}": 1},
            {"odd": np.array([i % 2 for i in range(count)], dtype=np.int64)},
        )
        for name, count in zip(SPLITS, (train, dev, test), strict=True)
        if count
    }


def ids(split):
    return split.table["id"].to_pylist()


# ------------------------------------------------------------------------------------------------------------- own splits


@pytest.mark.parametrize(
    ("options", "has", "used"),
    [
        ({}, SPLITS, SPLITS),
        ({"test": "test", "dev": None}, SPLITS, SPLITS),
        ({"dev": CUT}, SPLITS, ("train", "test")),
        ({"test": "dev", "dev": CUT}, SPLITS, ("train", "dev")),
        ({}, ("dev", "test"), ("dev", "test")),
        ({"test": "dev"}, ("dev", "test"), ("dev",)),
        ({}, ("train", "dev"), ("train", "dev")),
        ({"dev": CUT}, ("train", "dev"), ("train",)),
        ({"test": "dev", "dev": CUT}, ("train", "dev"), ("train", "dev")),
        ({"dev": CUT}, ("train", "test"), ("train", "test")),
        ({}, ("train",), ("train",)),
        ({}, ("test", "train", "dev"), SPLITS),  # in the usual order, whatever that of `has`
    ],
)
def test_the_own_splits_that_are_used(options, has, used):
    assert own_splits(spec(**options), has) == used


@pytest.mark.parametrize(
    ("options", "has", "says"),
    [
        ({"test": "tset"}, SPLITS, r"test: 'tset'; did you mean 'test'\?"),
        ({"test": None}, SPLITS, r"test: None; valid: dev, test"),
        ({"test": "train"}, SPLITS, r"test: 'train'"),
        (
            {"dev": {"from": "test"}},
            SPLITS,
            r"dev: \{'from': 'test'\}; expected \{from: train, fraction: 0.2\}, or nothing",
        ),
        ({"dev": {}}, SPLITS, r"dev: \{\}; expected \{from: train"),
        ({"dev": "train"}, SPLITS, r"dev: 'train'; expected \{from: train"),
        ({"test": "dev"}, SPLITS, r"test: dev would choose epochs on the test set; add dev: \{from: train"),
        ({"test": "dev"}, ("train", "dev"), r"test: dev would choose epochs on the test set"),
        ({"test": "dev", "dev": CUT}, ("train", "test"), r"test: dev: the dataset has no dev split to test on"),
        ({"dev": CUT}, ("dev", "test"), r"toy qu: dev cannot be cut from the training split: there is none"),
        ({"test": "dev", "dev": CUT}, ("dev", "test"), r"toy qu: dev cannot be cut from the training split"),
    ],
)
def test_impossible_wishes_are_refused_before_anything_is_fetched(options, has, says):
    with pytest.raises(UserError, match=says):
        own_splits(spec(**options), has)


# ------------------------------------------------------------------------------------------------------------- arrangement


def test_splits_as_they_are():
    found = arrange(spec(), "sentiment", own())
    assert {name: split.table.num_rows for name, split in found.items()} == {"train": 8, "dev": 4, "test": 5}
    for name, split in found.items():
        assert ids(split) == [f"toy-qu-{name}-{i}" for i in range(split.table.num_rows)]
        assert split.dropped == {f"drop of {name}": 2}
    assert found["train"].repaired == {"file of train": 1, "odd": 4}
    assert found["test"].repaired == {"file of test": 1, "odd": 2}


def test_dev_cut_from_train_with_its_mends():
    read = own()
    found = arrange(spec(dev=CUT), "sentiment", {name: read[name] for name in ("train", "test")})
    parts = {name: [int(row.rpartition("-")[2]) for row in ids(found[name])] for name in ("train", "dev")}
    assert sorted(parts["train"] + parts["dev"]) == list(range(8)) and len(parts["dev"]) == 4
    assert parts["train"] == sorted(parts["train"]) and parts["dev"] == sorted(parts["dev"])
    odd = {name: sum(row % 2 for row in rows) for name, rows in parts.items()}
    # Odd rows are positive, even ones negative: each class in its share, so two odd rows on each side.
    assert odd == {"train": 2, "dev": 2}
    assert found["train"].repaired == {"file of train": 1, "odd": 2} and found["dev"].repaired == {"odd": 2}
    assert found["train"].dropped == {"drop of train": 2} and found["dev"].dropped == {}  # drops are of the file
    assert ids(found["test"]) == [f"toy-qu-test-{i}" for i in range(5)]


def test_tested_on_dev_with_dev_cut_from_train():
    read = own()
    found = arrange(spec(test="dev", dev=CUT), "sentiment", {name: read[name] for name in ("train", "dev")})
    assert ids(found["test"]) == [f"toy-qu-dev-{i}" for i in range(4)]
    assert found["test"].dropped == {"drop of dev": 2} and found["test"].repaired == {"file of dev": 1, "odd": 2}
    assert {row.split("-")[2] for row in ids(found["train"]) + ids(found["dev"])} == {"train"}


def test_tested_on_dev_without_train():
    found = arrange(spec(test="dev"), "sentiment", {"dev": own()["dev"]})
    assert list(found) == ["test"] and ids(found["test"]) == [f"toy-qu-dev-{i}" for i in range(4)]


@pytest.mark.parametrize("has", [h for n in range(8) if (h := [s for i, s in enumerate(SPLITS) if n >> i & 1])])
@pytest.mark.parametrize(
    "options", [dict(zip(("test", "dev"), o, strict=True)) for o in product(("test", "dev"), (None, CUT))]
)
@pytest.mark.parametrize("duplicates", ["none", "train"])
def test_every_combination_gives_each_row_to_one_split(has, options, duplicates):
    """Whatever a dataset has and a config asks for: no row twice, none of a split nobody asked for, or a clear refusal."""
    wanted = spec(**options, remove_duplicates=duplicates)
    try:
        used = own_splits(wanted, has)
    except UserError:
        assert (
            (options["dev"] and "train" not in has)
            or (options["test"] == "dev" and "dev" not in has)
            or (options["test"] == "dev" and not options["dev"] and "train" in has)
        )
        return
    found = arrange(wanted, "sentiment", {name: own()[name] for name in used})
    rows = [row for split in found.values() for row in ids(split)]
    assert sorted(rows) == sorted(row for name in used for row in ids(own()[name]))
    assert ("train" in found) == ("train" in has)
    assert ("dev" in found) == bool(options["dev"] or (options["test"] == "test" and "dev" in has))
    assert ("test" in found) == (options["test"] in has)


def test_dev_cannot_be_cut_from_nothing():
    with pytest.raises(UserError, match=r"toy qu: dev cannot be cut from the training split: there is none"):
        arrange(spec(dev=CUT), "sentiment", {"test": own()["test"]})


def test_the_fraction_and_the_seed_decide_the_cut():
    rows = {"train": Read(texts("train", 50))}
    default = arrange(spec(dev={"from": "train"}), "sentiment", rows)["dev"]
    assert default.table.num_rows == 10  # a fifth
    assert ids(default) == ids(
        arrange(spec(dev={"from": "train", "fraction": 0.2, "seed": 0}), "sentiment", rows)["dev"]
    )
    assert ids(default) != ids(arrange(spec(dev={"from": "train", "seed": 1}), "sentiment", rows)["dev"])


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("sentiment", [(f"t{i}", "negative" if i < 30 else "positive") for i in range(40)]),
        ("nli", [(f"p{i}", f"h{i}", LABELS["nli"][i % 3 and 1 + (i % 9 == 1)]) for i in range(45)]),
        ("relevance", [(f"q{i}", f"t{i}", "relevant" if i % 10 == 0 else "irrelevant") for i in range(50)]),
    ],
)
def test_a_cut_keeps_the_shares_of_classes(task, rows):
    found = arrange(spec(dev={"from": "train", "fraction": 0.2, "seed": 4}), task, {"train": Read(table(task, rows))})
    whole, held = Counter(row[-1] for row in rows), Counter(found["dev"].table["label"].to_pylist())
    assert len(whole) > 1 and sum(held.values()) == round(len(rows) * 0.2)
    for label, count in whole.items():
        assert abs(held[label] - count * 0.2) < 1, label


@pytest.mark.parametrize("task", ["nli", "relevance"])
def test_rows_that_share_a_premise_or_a_query_come_to_one_side(task):
    labels = LABELS[task]
    rows = [(f"shared  {i}" if k else f"shared {i}", f"t{i} {k}", labels[k]) for i in range(30) for k in range(2)]
    found = arrange(spec(dev={"from": "train", "fraction": 0.2, "seed": 1}), task, {"train": Read(table(task, rows))})
    shared = {name: {plain(text) for text in part.table[SHARED[task]].to_pylist()} for name, part in found.items()}
    assert not shared["train"] & shared["dev"] and len(shared["dev"]) == 6
    assert Counter(found["dev"].table["label"].to_pylist()) == {labels[0]: 6, labels[1]: 6}


def questions(contexts):
    """Rows of questions on contexts: `{context: how many}`; the answer is the context's first letter."""
    return [(f"Which {k}?", context, [context[0]], [0]) for context, n in contexts.items() for k in range(n)]


@pytest.mark.parametrize("seed", range(5))
def test_all_questions_on_a_context_come_to_one_side(seed):
    contexts = {f"{i} context": 1 + i % 4 for i in range(20)}
    read = {"train": Read(table("qa", questions(contexts)))}
    found = arrange(spec(dev={"from": "train", "fraction": 0.2, "seed": seed}), "qa", read)
    sides = [set(found[name].table["context"].to_pylist()) for name in ("train", "dev")]
    assert not sides[0] & sides[1] and sides[0] | sides[1] == set(contexts)
    assert abs(found["dev"].table.num_rows - 10) <= 2  # a fifth of 50; half of the largest context may be missed


def test_questions_on_one_context_cannot_be_cut():
    with pytest.raises(UserError, match=r"all 3 rows are about one text, and rows about one text stay together"):
        arrange(spec(dev=CUT), "qa", {"train": Read(table("qa", questions({"Lima": 3})))})


def parallel(language, gone=()):
    """Rows of parallel data: ids without the language, texts in it."""
    rows = [
        (f"toy-train-{i}", f"{language} {i}", "negative" if i % 3 else "positive") for i in range(60) if i not in gone
    ]
    return Read(task_table("sentiment", language, rows))


def test_parallel_languages_are_cut_alike_even_where_a_row_was_dropped():
    cut = {"from": "train", "fraction": 0.25, "seed": 2}
    dev = {}
    for language, gone in (("jv", ()), ("su", (4,)), ("min", (0, 1, 33))):
        dev[language] = set(
            ids(arrange(spec(language, dev=cut), "sentiment", {"train": parallel(language, gone)})["dev"])
        )
    assert [len(rows) for rows in dev.values()] == [15, 15, 14]  # a quarter of 60, 59 and 57
    assert len(dev["jv"] ^ dev["su"]) <= 4 and len(dev["jv"] ^ dev["min"]) <= 8
    assert dev["jv"] == set(ids(arrange(spec("jv", dev=cut), "sentiment", {"train": parallel("jv")})["dev"]))


def test_parallel_questions_are_cut_alike_by_context():
    def read(language, gone=()):
        rows = [
            (f"toy-train-{i}", f"{language} {i}?", f"{language} text {i // 3}", [language], [0])
            for i in range(30)
            if i not in gone
        ]
        return {"train": Read(task_table("qa", language, rows))}

    cut = {"from": "train", "fraction": 0.3, "seed": 1}
    first = ids(arrange(spec("es", dev=cut), "qa", read("es"))["dev"])
    second = ids(arrange(spec("de", dev=cut), "qa", read("de", gone=(1,)))["dev"])
    assert len(first) == 9 and set(first) - {"toy-train-1"} == set(second)


# -------------------------------------------------------------------------------------------------------------- duplicates


@pytest.mark.parametrize("task", KEYS)
def test_duplicates_are_told_by_what_makes_an_example(task):
    same, other = table(task, SAME[task]), table(task, OTHER[task])
    assert row_keys(task, same)[0] == row_keys(task, same)[1]
    assert not set(row_keys(task, other)) & set(row_keys(task, same))
    assert len(set(row_keys(task, other))) == 2


@pytest.mark.parametrize("task", KEYS)
@pytest.mark.parametrize("elsewhere", ["dev", "test"])
def test_training_rows_that_stand_elsewhere_are_left_out_if_asked(task, elsewhere):
    read = {
        "train": Read(table(task, [SAME[task][0], *OTHER[task], SAME[task][0]])),
        elsewhere: Read(table(task, [SAME[task][1]], elsewhere)),
    }
    kept = arrange(spec(), task, read)["train"]
    assert kept.table.num_rows == 4 and kept.dropped == {}
    found = arrange(spec(remove_duplicates="train"), task, read)
    assert ids(found["train"]) == ["toy-qu-train-1", "toy-qu-train-2"]
    assert found["train"].dropped == {DUPLICATE: 2}
    assert found[elsewhere].table.num_rows == 1 and found[elsewhere].dropped == {}


def test_duplicates_within_train_stay():
    rows = [("a", "positive"), ("a", "positive"), ("b", "negative")]
    read = {"train": Read(table("sentiment", rows)), "test": Read(table("sentiment", [("b", "negative")], "test"))}
    found = arrange(spec(remove_duplicates="train"), "sentiment", read)["train"]
    assert found.table["text"].to_pylist() == ["a", "a"]


def test_duplicates_of_a_cut_dev_set_leave_train_and_their_mends_go_with_them():
    rows = [(f"t{i % 5}", "positive") for i in range(10)]  # each text twice
    mends = {"odd": np.arange(10, dtype=np.int64)}
    cut = {"from": "train", "fraction": 0.3, "seed": 1}
    found = arrange(
        spec(dev=cut, remove_duplicates="train"), "sentiment", {"train": Read(table("sentiment", rows), mends=mends)}
    )
    train, dev = (set(found[name].table["text"].to_pylist()) for name in ("train", "dev"))
    assert not train & dev
    left = found["train"].table.num_rows
    assert found["train"].dropped == {DUPLICATE: 10 - 3 - left}
    places = [int(row.rpartition("-")[2]) for row in ids(found["train"])]
    assert found["train"].repaired["odd"] == sum(places)


def test_a_reason_that_the_loader_gave_already_is_added_to():
    read = {
        "train": Read(table("sentiment", [("a", "positive"), ("b", "positive")]), {DUPLICATE: 3}),
        "test": Read(table("sentiment", [("a", "positive")], "test")),
    }
    assert arrange(spec(remove_duplicates="train"), "sentiment", read)["train"].dropped == {DUPLICATE: 4}


@pytest.mark.parametrize("cut", [None, {"from": "train", "fraction": 0.5, "seed": 1}])
def test_dev_rows_that_stand_in_test_leave_too_and_test_keeps_all(cut):
    """Of dev and test a row is test's, of train and either it is theirs; also where dev is cut out of train."""
    read = {
        "train": Read(table("sentiment", [(name, "positive") for name in ("a", "b", "c ", "d")])),
        "dev": Read(table("sentiment", [(name, "positive") for name in (" b", "c", "e")], "dev"), {"also in test": 1}),
        "test": Read(table("sentiment", [(name, "positive") for name in ("c", "c", "f")], "test")),
    }
    found = arrange(spec(remove_duplicates="train_and_dev", dev=cut), "sentiment", read)
    texts = {name: [text.strip() for text in split.table["text"].to_pylist()] for name, split in found.items()}
    assert texts["test"] == ["c", "c", "f"] and found["test"].dropped == {}
    assert "c" not in texts["train"] + texts["dev"] and not set(texts["train"]) & set(texts["dev"])
    if cut is None:
        assert texts["dev"] == ["b", "e"] and found["dev"].dropped == {"also in test": 2}
        assert texts["train"] == ["a", "d"] and found["train"].dropped == {DUPLICATE: 2}
        with pytest.raises(UserError, match="leaves no dev row: all 1 stand in test as well"):
            few = {
                "train": read["train"],
                "dev": Read(table("sentiment", [("c", "positive")], "dev")),
                "test": read["test"],
            }
            arrange(spec(remove_duplicates="train_and_dev"), "sentiment", few)
    else:
        assert sum(split.dropped.get(r, 0) for split in found.values() for r in (DUPLICATE, "also in test")) == 1


def test_nothing_left_to_train_on_and_unknown_choices_are_refused():
    read = {name: Read(table("sentiment", [("a", "positive")], name)) for name in ("train", "test")}
    with pytest.raises(UserError, match=r"toy qu: remove_duplicates leaves no training row"):
        arrange(spec(remove_duplicates="train"), "sentiment", read)
    with pytest.raises(UserError, match=r"remove_duplicates: 'trian'; did you mean 'train'"):
        arrange(spec(remove_duplicates="trian"), "sentiment", read)


# ------------------------------------------------------------------------------------------------------------ a toy loader


def read_files(files, language, split, given):
    """One text a line, its label before it; empty lines are dropped, a tilde is a mend, `shout` in the spec is obeyed."""
    rows, dropped, mends = [], Counter(), []
    for number, line in enumerate("".join(file.read_text() for file in files).splitlines()):
        if not line:
            dropped["empty line"] += 1
            continue
        label, _, text = line.partition(" ")
        mends.append(text.count("~"))
        text = text.replace("~", "")
        rows.append((f"toy-{language}-{split}-{number}", text.upper() if given.get("shout") else text, label))
    return Read(task_table("sentiment", language, rows), dropped, mends={"tilde": np.array(mends, dtype=np.int64)})


FILES = {
    "train": "positive One. Two.\n\nnegative three~\npositive ~four~\nnegative five\n",
    "dev": "positive six\nnegative One. Two.\n",
    "test": "\nnegative seven\n",
}


@pytest.fixture
def raw(tmp_path):
    """The manifest of a download of the toy."""
    for split, content in FILES.items():
        (tmp_path / f"{split}.txt").write_text(content)
    return manifest(tmp_path)


def manifest(folder, splits=SPLITS, **more):
    files = {split: [{"name": f"{split}.txt"}] for split in splits}
    (folder / "manifest.json").write_text(json.dumps({"files": files, "notes": ["a note"], **more}))
    return folder / "manifest.json"


def load(raw, has=SPLITS, absent=None, labels=None, **options):
    return load_splits(spec(**options), raw, "sentiment", read_files, has, absent, labels)


def test_a_loader_end_to_end(raw):
    loaded = load(raw)
    assert (loaded.task, loaded.labels, loaded.absent, loaded.notes) == ("sentiment", None, {}, ("a note",))
    train = loaded.splits["train"]
    assert train.table.to_pylist() == [
        {"id": "toy-qu-train-0", "lang": "qu", "text": "One. Two.", "label": "positive"},
        {"id": "toy-qu-train-2", "lang": "qu", "text": "three", "label": "negative"},
        {"id": "toy-qu-train-3", "lang": "qu", "text": "four", "label": "positive"},
        {"id": "toy-qu-train-4", "lang": "qu", "text": "five", "label": "negative"},
    ]
    assert train.dropped == {"empty line": 1} and train.repaired == {"tilde": 3}
    assert loaded.splits["test"].dropped == {"empty line": 1} and loaded.splits["test"].repaired == {}
    assert loaded.text["text"].to_pylist() == ["One. Two.", "three", "four", "five"]
    assert loaded.text["lang"].to_pylist() == ["qu"] * 4


def test_what_the_config_says_reaches_the_reader_and_the_label_set_the_splits(raw):
    loaded = load(raw, labels=("positive", "negative"), shout=True)
    assert loaded.splits["test"].table["text"].to_pylist() == ["SEVEN"]
    assert loaded.labels == ("positive", "negative")


def test_the_raw_text_is_that_of_what_is_trained_on(raw):
    loaded = load(raw, dev=CUT)
    assert loaded.text["id"].to_pylist() == ids(loaded.splits["train"]) and len(loaded.text) == 2
    loaded = load(raw, remove_duplicates="train")
    assert loaded.text["text"].to_pylist() == ["three", "four", "five"]
    assert loaded.splits["train"].dropped == {"empty line": 1, DUPLICATE: 1}
    assert loaded.splits["train"].repaired == {"tilde": 3}


def test_splits_that_a_dataset_has_not_are_absent_with_the_reason(raw):
    loaded = load(raw, has=("dev", "test"), absent={"train": "train on another", "test": "never asked"})
    assert loaded.absent == {"train": "train on another"}
    assert loaded.splits["train"].table.num_rows == 0
    assert loaded.splits["train"].table.schema == loaded.splits["dev"].table.schema
    assert loaded.text["text"].to_pylist() == ["six", "One. Two."]
    assert loaded.notes == ("a note", "there is no training split: the raw text is that of dev")
    loaded = load(raw, has=("train",))
    assert loaded.absent == dict.fromkeys(("dev", "test"), "the dataset has no such split")


def test_a_dev_set_that_is_the_test_set_gives_no_raw_text(raw):
    loaded = load(raw, has=("dev", "test"), absent={"dev": "it is the test set"}, test="dev")
    assert ids(loaded.splits["test"]) == ["toy-qu-dev-0", "toy-qu-dev-1"]
    assert loaded.absent == {"train": "the dataset has no such split", "dev": "it is the test set"}
    assert loaded.text.num_rows == 0 and loaded.notes == ("a note",)


def test_only_the_splits_that_are_used_are_read(raw):
    (raw.parent / "test.txt").unlink()
    assert load(raw, test="dev", dev=CUT).splits["test"].table.num_rows == 2
    (raw.parent / "dev.txt").unlink()
    with pytest.raises(FileNotFoundError):
        load(raw, dev=CUT)


def test_a_split_of_several_files_is_read_in_their_order(raw):
    files = {
        "train": [{"name": "test.txt"}, {"name": "dev.txt"}],
        "dev": [{"name": "dev.txt"}],
        "test": [{"name": "test.txt"}],
    }
    raw.write_text(json.dumps({"files": files, "notes": []}))
    assert ids(load(raw).splits["train"]) == ["toy-qu-train-1", "toy-qu-train-2", "toy-qu-train-3"]


def test_what_was_not_downloaded_is_named(raw):
    with pytest.raises(
        UserError, match=r"toy: no downloaded files are given; run `python -m pipeline.stages.download` first"
    ):
        load(None)
    manifest(raw.parent, ("train", "dev"))
    with pytest.raises(UserError, match=r"manifest.json: no test files were downloaded; download again"):
        load(raw)
    raw.write_text(json.dumps({"files": {"train": [], "dev": [], "test": []}, "notes": []}))
    with pytest.raises(UserError, match=r"manifest.json: no train files were downloaded"):
        load(raw)
    with pytest.raises(UserError, match=r"nowhere.json: no such file"):
        load(raw.parent / "nowhere.json")
