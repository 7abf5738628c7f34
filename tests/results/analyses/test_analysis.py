"""An analysis of made-up representations, every number of it worked out by hand; its texts and figures."""

import csv
import io
import json
import math

import numpy as np
import pyarrow as pa
import pytest

from pipeline.common import paths
from pipeline.common.code import represent_code
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, digest, write_json, write_parquet
from pipeline.results.analyses.analysis import Spec, analyse, read_points, read_spec
from pipeline.results.analyses.text import to_csv, to_json, to_latex, to_markdown
from pipeline.results.figures.drawing import subsample
from pipeline.results.scores.collect import SCORES, metadata, read_scores
from pipeline.results.tables.latex import WRAPPER
from pipeline.stages import analysis as stage
from pipeline.stages import figure
from pipeline.training.representations import Points, to_table
from tests.results import world

VIEW = {"split": "test", "sentences": 5, "seed": 0, "layer": "last", "units": "token"}
SPEC = {
    "experiment": "main",
    "before": "joint",
    "after": "metaxl",
    "metric": "entity_f1_strict",
    "view": VIEW,
    "pairs": [[["en"], "qu"], [["en"], "jv"], [["en"], "yo"], [["en"], "gn"]],
    "seeds": [[42, 1], [42, 2]],
}
ANGLES = {"qu": (90, 30), "jv": (60, 60), "yo": (60, 90), "gn": (80, 45)}
"""By target: degrees between the one source and the one target point, before and after (seed 2: two degrees more)."""
GAINS = {"qu": 5.0, "jv": 1.0, "yo": -2.0, "gn": 2.0}


def direction(degrees):
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


def representation(run, source, target, **changes):
    """Write a run's description and its points."""
    write_json(paths.run_record(run.name), {**record(run), **changes.pop("record", {})})
    parts = [
        Points([f"{lang}-0"] * len(points), [lang] * len(points), np.arange(len(points)), np.array(points, np.float32))
        for lang, points in ((run.spec["sources"][0], source), (run.spec["targets"][0], target))
    ]
    said = {"run": run.name, "view": VIEW, "code": represent_code("ner"), "model": f"model of {run.name}", **changes}
    write_parquet(
        paths.representations(run.name, digest(VIEW, 8)), to_table(parts), {"metalingua": canonical_json(said)}
    )


def record(run):
    empty = dict.fromkeys(("data", "encoder", "parent", "rates", "predictions"))
    return {"run": run.name, "spec": run.spec, "code": "c", "model": f"model of {run.name}", **empty}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Four languages, two seeds, two methods: runs by (method, target, seed), points and scores on disk."""
    monkeypatch.chdir(tmp_path)
    made, rows = {}, []
    for target, angles in ANGLES.items():
        for seed in (1, 2):
            for method, degrees in zip(("joint", "metaxl"), angles, strict=True):
                run = world.expected(world.spec_of(method, target, seed))
                made[method, target, seed] = run
                representation(run, [direction(0)], [direction(degrees + 2 * (seed - 1))])
                score = 0.5 + seed / 10 + (GAINS[target] / 100 if method == "metaxl" else 0)
                rows.append(score_row(run, score))
    write_scores(rows)
    return made


def score_row(run, value):
    spec = run.spec
    known = {
        **{"experiment": "main", "variant": spec["method"]["name"], "run": run.name, "sources": "en"},
        **{"target": spec["targets"][0], "language": spec["targets"][0], "split": "test", "metric": "entity_f1_strict"},
        **{"data_seed": 42, "model_seed": spec["model_seed"], "value": value, "n": 10},
    }
    return {name: known.get(name) for name in SCORES.names}


def write_scores(rows):
    columns = {name: [row[name] for row in rows] for name in SCORES.names}
    write_parquet(paths.scores(), pa.table(columns, schema=SCORES), metadata({}))


def analysed(**changes):
    return analyse("demo", Spec(**{**SPEC, **changes}), read_scores(paths.scores()))


def cosine(degrees):
    return 1 - math.cos(math.radians(degrees))


def test_distances_drops_gains_and_correlation_by_hand(runs):
    found = analysed()
    drops = {t: ((cosine(a) - cosine(b)) + (cosine(a + 2) - cosine(b + 2))) / 2 for t, (a, b) in ANGLES.items()}
    for pair in found.pairs:
        a, b = ANGLES[pair.target]
        first = pair.seeds[42, 1]
        assert (first[0].distances.hausdorff, first[1].distances.hausdorff) == pytest.approx((cosine(a), cosine(b)))
        assert pair.change(lambda m: m.distances.hausdorff).mean == pytest.approx(drops[pair.target])
        assert pair.gain.mean == pytest.approx(GAINS[pair.target] / 100)
        assert pair.gain.n == 2 and pair.gain.sd == pytest.approx(0, abs=1e-12)
        assert first[0].distances.spread == pytest.approx(
            cosine(a) / 2
        )  # two points: half of the ordered pairs are selfs
    expected = np.corrcoef([drops[t] for t in ANGLES], list(GAINS.values()))[0, 1]
    assert found.correlations["Hausdorff"].pearson == pytest.approx(expected)
    assert found.correlations["Hausdorff"].n == 4 and found.correlations["Hausdorff"].low is not None


def test_several_sources_are_one_set_and_other_languages_are_left_out(runs):
    run = runs["joint", "qu", 1]
    table = to_table(
        [
            Points(["x"] * 2, [lang] * 2, np.arange(2), np.full((2, 3), k, np.float32))
            for k, lang in enumerate(["en", "es", "qu"])
        ]
    )
    said = {"run": run.name, "view": VIEW, "code": represent_code("ner"), "model": f"model of {run.name}"}
    write_parquet(paths.representations(run.name, digest(VIEW, 8)), table, {"metalingua": canonical_json(said)})
    source, target = read_points(run.name, VIEW, ["en", "es"], "qu")
    assert source[:, 0].tolist() == [0, 0, 1, 1] and target[:, 0].tolist() == [2, 2]
    with pytest.raises(UserError, match="holds no point of de"):
        read_points(run.name, VIEW, ["de"], "qu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "old"}, "made from another model: old, now model of"),
        ({"code": "old"}, "made from another code: old"),
    ],
)
def test_stale_representations_are_refused_with_the_command(runs, changes, message):
    run = runs["joint", "qu", 1]
    representation(run, [direction(0)], [direction(1)], **changes)
    with pytest.raises(UserError, match=message) as caught:
        analysed()
    assert f"mend with: snakemake --force {paths.representations(run.name, digest(VIEW, 8))}" in str(caught.value)


def test_what_is_missing_is_named(runs):
    run = runs["metaxl", "qu", 2]
    path = paths.representations(run.name, digest(VIEW, 8))
    path.unlink()
    with pytest.raises(UserError, match=r"points\.parquet: no such file; make it with: snakemake"):
        analysed()
    representation(run, [direction(0)], [[math.nan, 1.0]])
    with pytest.raises(UserError, match=rf"run {run.name}: target: point 0 has a value that is not finite"):
        analysed()
    with pytest.raises(UserError, match="no entity_f1_strict of metaxl from en to de, model seed 1"):
        analysed(pairs=[[["en"], "de"]], before="metaxl")
    with pytest.raises(UserError, match="--spec: key 'view' is missing"):
        read_spec(json.dumps({k: v for k, v in SPEC.items() if k != "view"}))


def test_the_csv_has_a_line_a_run(runs):
    rows = list(csv.DictReader(io.StringIO(to_csv(analysed()))))
    assert len(rows) == 16
    first = rows[0]
    assert (first["target"], first["state"], first["method"], first["model_seed"]) == ("qu", "before", "joint", "1")
    assert float(first["hausdorff"]) == pytest.approx(1, abs=1e-6) and float(first["score"]) == pytest.approx(60)
    assert first["run"] == runs["joint", "qu", 1].name and first["source_points"] == "1"


def test_the_markdown_says_pairs_correlations_and_limits(runs):
    text = to_markdown(analysed())
    row = next(line for line in text.splitlines() if line.startswith("| en→qu"))
    # seeds: 1 − cos 90° = 1, 1 − cos 92° = 1.035; 1 − cos 30° = .134, 1 − cos 32° = .152; the drops .866 and .883
    assert "1.017 ± 0.025 | 0.143 ± 0.013 | +0.874 ± 0.012" in " ".join(row.split())
    assert "+5.0 ± 0.0" in row
    assert "−2.0 ± 0.0" in text
    line = next(line for line in text.splitlines() if line.startswith("| Hausdorff"))
    assert " 4 " in line and "[" in line
    assert "one odd word can set it" in text


def test_few_pairs_say_what_does_not_exist(runs):
    assert "n = 3: an interval needs 4 pairs" in to_markdown(analysed(pairs=SPEC["pairs"][:3]))
    one = to_markdown(analysed(pairs=SPEC["pairs"][:1], seeds=[[42, 1]]))
    assert "n = 1: a correlation needs 3 pairs" in one
    assert "±" not in one.replace("Mean ± standard", "")


def test_the_json_is_what_the_scatter_is_drawn_from(runs):
    found = json.loads(to_json(analysed()))
    assert [pair["pair"] for pair in found["pairs"]] == ["en→qu", "en→jv", "en→yo", "en→gn"]
    assert found["pairs"][2]["gain"] == {"mean": -2.0, "sd": pytest.approx(0, abs=1e-9), "n": 2}
    assert found["correlations"]["Hausdorff"]["n"] == 4


def test_the_latex_is_plain(runs):
    text = to_latex(analysed())
    assert r"entity\_f1\_strict" in text and r"en$\rightarrow$qu" in text
    assert (WRAPPER % text).isascii()
    assert text.count(r"\\") == 6  # two lines of heads, four of pairs


def run_stage(monkeypatch, module, *arguments):
    monkeypatch.setattr("sys.argv", [module.__name__, *arguments])
    module.main()


def test_stages_write_all_files_and_the_same_bytes_again(runs, monkeypatch, capsys):
    run_stage(monkeypatch, stage, "--name", "demo", "--spec", json.dumps(SPEC))
    written_to = paths.analysis("demo", "md").parent
    assert {path.suffix for path in written_to.glob("[!.]*")} == {".csv", ".json", ".md", ".tex"}
    both = [runs[method, "qu", 1] for method in ("joint", "metaxl")]
    for run in both:
        representation(run, *np.random.default_rng(0).normal(size=(2, 40, 3)).tolist())
    place = {"kind": "pair", "sources": ["en"], "target": "qu", "seed": [42, 1], "view": VIEW}
    pair = {**place, "labels": ["joint", "metaxl"], "runs": [run.name for run in both]}
    specs = {"clouds": pair, "scatter": {"kind": "correlation", "analysis": "demo"}}
    written = []
    for _ in range(2):
        for name, spec in specs.items():
            run_stage(monkeypatch, figure, "--name", name, "--spec", json.dumps(spec))
        written.append([paths.figure(name, suffix).read_bytes() for name in specs for suffix in ("pdf", "png")])
    assert written[0] == written[1]
    assert [content[:4] for content in written[0]] == [b"%PDF", b"\x89PNG"] * 2
    assert not any(b"CreationDate" in content for content in written[0])


def test_of_many_points_the_same_thousand_are_drawn():
    rows = subsample(3000)
    assert len(set(rows.tolist())) == 1000 and rows.max() > 2900 and rows.tolist() == sorted(rows.tolist())
    assert subsample(3000).tolist() == rows.tolist()
    assert subsample(7).tolist() == list(range(7))


def test_a_figure_of_no_kind_is_refused():
    with pytest.raises(UserError, match="--spec: kind 'pairs'; did you mean 'pair'"):
        figure.read_spec('{"kind": "pairs"}')
    with pytest.raises(UserError, match="--spec: key 'analysis' is missing"):
        figure.read_spec('{"kind": "correlation"}')
