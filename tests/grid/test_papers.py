"""Targets called after papers' tables: which config they take, what they keep of it, and the same grid at demo scale."""

import os
import re
from pathlib import Path

import pytest
import yaml

from pipeline.common.errors import UserError
from pipeline.config.load import parse
from pipeline.grid.demo import at_demo_scale
from pipeline.grid.jobs import read_jobs
from pipeline.grid.layout import cells, papers, read_paper
from pipeline.grid.papers import Asked, Scale, asked, chosen, narrowed, scale_of, targets_of
from pipeline.grid.printing import Printing
from pipeline.grid.runs import expand
from tests.configs import paper_config

FULL, DEMO = Scale(), Scale(demo=True)
TABLES = {
    "metaxl": range(2, 14),
    "xla_maml": range(3, 8),
    "mgl": range(1, 4),
    "meta_optimizer": range(1, 3),
}
FIGURES = {"metaxl": (1, 3), "xla_maml": (2,), "mgl": (4, 5), "meta_optimizer": ()}


@pytest.mark.parametrize("paper", TABLES)
def test_each_table_and_figure_is_a_target(paper):
    tables = [f"table_{paper}_{number}" for number in TABLES[paper]]
    assert targets_of(paper) == [*tables, *(f"figure_{paper}_{n}" for n in FIGURES[paper]), f"paper_{paper}"]


def test_a_command_line_asks_for_one_paper():
    assert asked(["-n", "table_metaxl_2", "figure_metaxl_3", "--cores", "1"]) == Asked("metaxl", ("2",), ("3",))
    assert asked(["results/tables/table-2.md", "--config", "scale=demo"]) is None
    whole = asked(["paper_meta_optimizer"])
    assert whole == Asked("meta_optimizer", ("1", "2"), (), True)
    with pytest.raises(UserError, match=r"table_metaxl_22: no such table.*did you mean 'table_metaxl_2'"):
        asked(["table_metaxl_22"])
    with pytest.raises(UserError, match=r"table_mgl_1: targets of several papers.*one paper at a time"):
        asked(["table_metaxl_2", "table_mgl_1"])


def test_what_config_says_of_such_targets_is_checked(tmp_path):
    assert scale_of({}, False) == FULL
    assert scale_of({"scale": "demo", "show": "ours,published", "without": "marc,cls10"}, True) == Scale(
        True, None, ("ours", "published"), ("marc", "cls10")
    )
    assert scale_of({"scale": "demo", "encoder": str(tmp_path)}, True).encoder == str(tmp_path)
    for given, allowed, said in (
        ({"scale": "demo"}, False, "name one, or leave it out"),
        ({"scale": "small"}, True, "expected full or demo, got 'small'"),
        ({"encoder": str(tmp_path)}, True, "scale=demo alone"),
        ({"scale": "demo", "encoder": "nowhere"}, True, "nowhere: no such folder"),
        ({"show": "ours,publishd"}, True, "did you mean 'published'"),
    ):
        with pytest.raises(UserError, match=said):
            scale_of(given, allowed)


def test_a_target_keeps_what_its_table_shows_and_its_runs_are_those_of_the_whole_config():
    config = paper_config("meta_optimizer")
    whole, part = (expand(parse(c)) for c in (config, narrowed(config, Asked("meta_optimizer", ("2",)), FULL)))
    assert set(part.runs) < set(whole.runs)
    assert list(part.tables) == ["meta_optimizer.table-2"]
    used = {method for run in part.runs.values() for _, method in run.uses}
    assert used == {"meta_optimizer", "meta_optimizer-shared", "meta_optimizer-joint"}
    assert len(part.runs) < len(whole.runs) / 2


def test_what_needs_a_dataset_that_is_not_to_be_had_is_left_out_and_says_so():
    without = Scale(without=("marc",))
    config = narrowed(paper_config("metaxl"), Asked("metaxl", ("3", "4"), ("1", "3"), True), without)
    grid = expand(parse(config))
    assert {"metaxl.table-4"} == set(grid.tables), "sentiment has English reviews of MARC in each of its experiments"
    assert "marc" not in repr([run.spec for run in grid.runs.values()])
    printing = Printing(
        without, asked(["paper_metaxl"]), frozenset((*config["tables"], *config["figures"], *config["analyses"]))
    )
    cells = [cell for row in printing.spec("table_metaxl_4")["rows"] for cell in row["cells"] if cell.get("view")]
    told = {cell["view"]: cell["not_run"] for cell in cells}
    assert told == {"metaxl.table-4": None, "metaxl.table-4-sentiment": "its data are left out (without=marc)"}
    assert [one["number"] for one in printing.document("metaxl")["figures"]] == ["3"], "Figure 1 is of sentiment"
    with pytest.raises(UserError, match="nothing that is asked for can be made without marc"):
        narrowed(paper_config("metaxl"), Asked("metaxl", ("3",)), without)
    with pytest.raises(UserError, match="the config has no dataset 'mark'; did you mean 'marc'"):
        narrowed(paper_config("metaxl"), Asked("metaxl", ("4",)), Scale(without=("mark",)))


def test_a_config_without_a_table_that_is_shown_is_refused():
    config = paper_config("meta_optimizer")
    del config["tables"]["table-2"]
    with pytest.raises(
        UserError, match=r"tables: the config has no 'table-2'.*config/papers/meta_optimizer.yaml, or none"
    ):
        narrowed(config, Asked("meta_optimizer", ("2",)), FULL)


@pytest.mark.parametrize("paper", TABLES)
def test_demo_scale_is_the_same_grid_on_babel(paper):
    what = asked([f"paper_{paper}"])
    config = chosen(paper_config(paper), what, DEMO)
    grid = expand(parse(config))
    assert {entry["loader"] for entry in config["datasets"].values()} == {"babel"}
    assert {name for name, entry in config["datasets"].items() if entry.get("parallel")} == (
        {"demo-xnli"} & set(config["datasets"])
    )
    assert {entry["from"] for entry in config["encoders"].values()} <= {"pretrain", "extend"}
    assert {run.spec["model_seed"] for run in grid.runs.values()} == {1, 2}
    assert {run.spec["training"].get("epochs", 1) for run in grid.runs.values()} <= {1, 2}
    assert {run.spec["training"].get("batch_size", 8) for run in grid.runs.values()} == {8}, "two of them fit dev data"
    numbers = [n for run in grid.runs.values() for n in run.spec["method"].values() if isinstance(n, int)]
    assert max(numbers) <= 8, "no method keeps iterations or episodes of a paper's number"
    assert all(run.name.split("-")[1] == "demo" for run in grid.runs.values()), "no run bears a real corpus' name"
    assert all(name.startswith(f"{paper}-demo.") for name in grid.tables)
    full = narrowed(paper_config(paper), what, FULL)
    for name, entry in full["experiments"].items():
        assert len(config["experiments"][name]["targets"]) == len(entry["targets"])
        assert config["experiments"][name]["methods"] == entry["methods"]


def test_sizes_stay_apart_at_demo_scale():
    config = chosen(paper_config("metaxl"), asked(["table_metaxl_13"]), DEMO)
    sizes = config["experiments"]["sentiment-te-mbert"]["source_size"]
    assert sizes == sorted(set(sizes)) and len(sizes) == 4 and sizes[-1] < 80


def test_jobs_read_what_the_target_made_of_its_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {**paper_config("meta_optimizer"), "scale": "demo"}
    main = read_jobs(given, [], ["table_meta_optimizer_2", "--config", "scale=demo"])
    handed = main.absolute_config_file
    assert list(main.printing.targets()) == ["table_meta_optimizer_2"]
    more = {**yaml.safe_load(handed.read_text()), "scale": "demo", "training": {"epochs": 7}}  # as Snakemake merges it
    job = read_jobs(more, [handed], ["--target-jobs", "train_run:run=x"])
    assert set(job.grid.runs) == set(main.grid.runs)
    assert job.printing.scale == main.printing.scale and job.printing.targets() == {}
    assert job.printing.spec("table_meta_optimizer_2-demo") == main.printing.spec("table_meta_optimizer_2-demo")
    with pytest.raises(UserError, match="made without --config scale=demo"):
        job.printing.spec("table_meta_optimizer_2")


@pytest.mark.parametrize("paper", TABLES)
def test_cells_are_of_methods_that_their_view_shows(paper):
    config = paper_config(paper)
    for number, table in read_paper(paper).tables.items():
        for _, column, cell in cells(table):
            if cell.view is None or cell.not_run:
                continue
            view = config["tables"][cell.view]
            listed = {m for name in view["experiments"] for m in config["experiments"][name]["methods"]}
            assert cell.method in (view.get("methods") or listed), f"table {number}, {column.called}"


def test_what_is_wrong_in_a_papers_tables_is_told_with_its_line(tmp_path, monkeypatch):
    folder = tmp_path / "tables"
    folder.mkdir()
    monkeypatch.setattr("pipeline.grid.layout.published_folder", lambda: tmp_path)
    text = "title: A\ntables:\n  1:\n    title: B\n    stub: [C]\n    columns: [qu]\n    rows:\n      - {labels: [x], vew: t}\n"
    (folder / "mine.yaml").write_text(text)
    assert papers() == ["mine"]
    with pytest.raises(UserError, match=re.escape("mine.yaml:8: tables.1.rows[0].vew")):
        read_paper("mine")
    with pytest.raises(UserError, match=r"'mien' is no paper.*did you mean 'mine'"):
        read_paper("mien")


def test_other_published_numbers_make_tables_anew_whatever_their_date(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.grid.printing.published_folder", lambda: tmp_path)
    for name in ("scores.csv", "contradictions.csv", "papers.yaml"):
        (tmp_path / name).write_text("a\n")
    before = Printing().published_content(None)
    facts = (tmp_path / "scores.csv").stat()
    os.utime(tmp_path / "scores.csv")
    assert Printing().published_content(None) == before  # another date, the same numbers
    (tmp_path / "scores.csv").write_text("b\n")
    os.utime(tmp_path / "scores.csv", ns=(facts.st_atime_ns, facts.st_mtime_ns - 10**12))
    assert Printing().published_content(None) != before
    rules = (Path(__file__).parents[2] / "rules/papers.smk").read_text()
    assert (
        rules.count("content=jobs.printing.published_content,")
        == rules.count("published=jobs.printing.published,")
        == 2
    )


@pytest.mark.parametrize("given", [{"show": 5.5}, {"show": [["ours"]]}, {"without": {"marc": 1}}, {"without": [None]}])
def test_what_is_no_list_of_names_is_refused(given):
    with pytest.raises(UserError, match=r"^(show|without): expected names with commas between them, got"):
        scale_of(given, True)


def test_an_encoder_in_the_home_of_nobody_is_no_folder():
    with pytest.raises(UserError, match=r"^encoder: ~nobody-at-all/x: no such folder"):
        scale_of({"scale": "demo", "encoder": "~nobody-at-all/x"}, True)


def test_nothing_can_be_left_out_of_an_empty_config():
    with pytest.raises(UserError, match=r"^without: the config has no dataset 'marc'"):
        chosen({}, Asked("metaxl", ("4",)), Scale(without=("marc",)))


def test_a_figure_of_a_table_goes_with_the_table():
    config = paper_config("metaxl")
    config["figures"] = {"f": {"kind": "forest", "table": next(iter(config["tables"]))}}
    kept = narrowed(config, Asked("metaxl", ("2",)), Scale(without=("marc",)))
    assert kept["tables"]


def test_single_values_are_taken_at_demo_scale_too():
    config = paper_config("metaxl")
    config["methods"] = {**config["methods"], "joint": {"tune": {"training.learning_rate": 0.1}}}
    config["datasets"] = {**config["datasets"], "b": {"loader": "babel"}}
    config["experiments"] = {"e": {**next(iter(config["experiments"].values())), "dataset": "b"}}
    made = at_demo_scale(config)
    assert made["methods"]["joint"]["tune"] == {"training.learning_rate": 0.1}
    assert made["datasets"]["demo-b"]["task"] == "ner"
