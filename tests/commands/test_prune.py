"""Prune shows what no config names, deletes it only when told, and touches nothing else."""

from pathlib import Path

import pytest
import yaml

from pipeline.commands import prune
from pipeline.commands.prune import leftovers, size_text
from pipeline.common import paths
from pipeline.common.code import run_code
from pipeline.common.errors import UserError
from pipeline.common.files import write_text
from tests.configs import changed, grid
from tests.finished import finish, listing, names, prepare


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*grids) -> dict[str, str]:
    return {str(leftover.path): leftover.why for leftover in leftovers(grids)[0]}


def run_prune(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["prune", *arguments])
    prune.main()


def write(folder: Path, name: str, *overrides: str) -> str:
    (folder / name).write_text(yaml.safe_dump(changed(*overrides)))
    return name


def checkpoint(base, run: str, code: str | None = None) -> Path:
    method = base.runs[run].spec["method"]["name"]
    path = paths.run_dir(run) / f"checkpoint-{code or run_code(method, 'ner')}"
    write_text(path / "latest.pt", "weights")
    return path


def test_nothing_is_left_over_of_a_config_in_progress():
    base = grid()
    prepare(base)
    finish(base)
    child = names(base, "zero_shot")[0]
    paths.predictions(child).unlink()
    other_child = next(n for n in names(base, "zero_shot") if base.runs[n].parent != base.runs[child].parent)
    paths.predictions(other_child).unlink()
    assert found(base) == {}
    assert found() != {}


def test_runs_and_encoders_and_datasets_of_no_config_are_shown():
    base, other = grid(), grid("experiments.few.target_size=70", "encoders.small.steps=7", "datasets.babel.seed=7")
    for one in (base, other):
        prepare(one)
        finish(one)
    (dataset,), (encoder,) = other.datasets, other.encoders
    write_text(paths.raw_manifest(dataset, "hubbish"), "{}")
    shown = found(base)
    assert {path for path, why in shown.items() if why == "no config names this run"} == {
        str(paths.run_dir(name)) for name in other.runs
    }
    assert shown[str(paths.encoder_dir(encoder))] == "no config names this encoder"
    assert shown[f"results/data/{dataset}"] == "no config names this dataset"
    assert shown[f"resources/raw/{dataset}"] == "no config names this dataset"


def test_languages_nobody_needs_are_shown():
    base = grid()
    prepare(base)
    few = grid("encoders.small.text=[{dataset: babel, languages: [hubbish]}]")
    (key,) = base.datasets
    assert {path for path, why in found(few).items() if "language" in why} == {
        f"results/data/{key}/{language}" for language in ("glyphish", "kinnish", "middish")
    }


def test_a_parents_model_is_spent_when_its_children_are_finished():
    base = grid()
    prepare(base)
    finish(base)
    models = {str(paths.run_model(name).parent) for name in base.parents}
    assert found(base) == dict.fromkeys(models, "no unfinished run starts from this model")
    more = grid("experiments.few.targets=[nearish, farrish, middish]")  # another config still waits for children
    assert found(base, more) == {}


def test_models_the_config_wants_kept_are_not_spent():
    base = grid("experiments.few.keep_model=true")
    prepare(base)
    finish(base)
    listed = {name for name, run in base.runs.items() if run.uses}
    assert base.kept == listed
    for name in listed:
        write_text(paths.run_model(name), f"weights of {name}")
    assert set(found(base)) == {str(paths.run_model(name).parent) for name in base.parents - listed}


def test_checkpoints_of_finished_runs_and_of_other_code_are_spent():
    base = grid("experiments.few.methods=[target_only]")
    prepare(base)
    first, second, third, _ = names(base, "target_only")
    finish(base, first)
    spent = [checkpoint(base, first), checkpoint(base, second, "0" * 12)]
    checkpoint(base, second)
    checkpoint(base, third)
    assert found(base) == {str(spent[0]): "the run is finished", str(spent[1]): "made by other code"}


def test_nothing_is_deleted_without_confirm(folder, monkeypatch, capsys):
    base, other = grid(), grid("experiments.few.target_size=70")
    for one in (base, other):
        prepare(one)
        finish(one)
    before = listing(folder)
    run_prune(monkeypatch, "--configfile", write(folder, "c.yaml"))
    shown = capsys.readouterr().out
    assert "Nothing was deleted; to delete it: --confirm, or snakemake prune --config confirm=yes" in shown
    gone = [name for name in other.runs if name not in base.runs]
    assert len(gone) == 4 * 4  # target_only, two joint variants, fine_tune; the others do not see the target size
    assert all(f"results/runs/{name}" in shown for name in gone)
    assert listing(folder) - {"c.yaml"} == before


def test_confirm_deletes_what_is_shown_and_nothing_else(folder, monkeypatch, capsys):
    base, other = grid(), grid("experiments.few.target_size=70")
    for one in (base, other):
        prepare(one)
        finish(one)
    waiting = [names(base, "zero_shot")[0], names(base, "zero_shot")[1]]
    for name in waiting:
        paths.predictions(name).unlink()
    before = listing(folder)
    run_prune(monkeypatch, "--configfile", write(folder, "c.yaml"), "--confirm")
    after = listing(folder) - {"c.yaml"}
    gone = {name for name in other.runs if name not in base.runs}
    assert after == {path for path in before if not any(f"runs/{name}/" in path for name in gone)}
    assert "16 folders, " in capsys.readouterr().out
    run_prune(monkeypatch, "--configfile", "c.yaml", "--confirm")
    assert "Nothing to prune." in capsys.readouterr().out


@pytest.mark.parametrize("how", ["flag", "config"])
def test_other_configs_keep_theirs(folder, monkeypatch, capsys, how):
    base, other = grid(), grid("experiments.few.target_size=70", "experiments.few.model_seeds=[3]")
    for one in (base, other):
        prepare(one)
    finish(base, *names(base, "joint"))
    finish(other, *names(other, "joint"))
    write(folder, "other.yaml", "experiments.few.target_size=70", "experiments.few.model_seeds=[3]")
    if how == "flag":
        run_prune(monkeypatch, "--configfile", write(folder, "c.yaml"), "--keep", "other.yaml")
    else:
        run_prune(monkeypatch, "--configfile", write(folder, "c.yaml", "keep=other.yaml"))
    assert capsys.readouterr().out == "Nothing to prune.\n"
    run_prune(monkeypatch, "--configfile", "c.yaml", *(["--config", "keep=[]"] if how == "config" else []))
    assert "4 folders" in capsys.readouterr().out


def test_a_broken_config_deletes_nothing(folder, monkeypatch):
    base = grid("experiments.few.target_size=70")
    prepare(base)
    finish(base)
    before = listing(folder)
    for arguments in (["--configfile", write(folder, "c.yaml", "training.epochs=0")], ["--keep", "nowhere.yaml"]):
        with pytest.raises(UserError):
            run_prune(monkeypatch, "--configfile", write(folder, "good.yaml"), *arguments, "--confirm")
    assert before < listing(folder)


def test_links_and_foreign_folders_are_left_alone(folder, monkeypatch, capsys):
    outside = folder / "outside"
    write_text(outside / "precious.txt", "mine")
    runs = folder / "results" / "runs"
    name = f"ner-x-joint-s1-{'a' * 12}"
    write_text(runs / name / "run.json", "{}")
    (runs / name / "model").symlink_to(outside, target_is_directory=True)
    (runs / f"ner-y-joint-s1-{'b' * 12}").symlink_to(outside, target_is_directory=True)
    write_text(runs / "notes" / "thoughts.txt", "mine")
    write_text(runs / "readme.txt", "mine")
    write_text(folder / "resources" / "encoders" / "handmade" / "config.json", "{}")
    data = folder / "results" / "data"
    data.mkdir()
    (data / f"linked-{'c' * 8}").symlink_to(outside, target_is_directory=True)
    run_prune(monkeypatch, "--configfile", write(folder, "c.yaml"), "--confirm")
    shown = capsys.readouterr().out
    for left in (f"results/runs/ner-y-joint-s1-{'b' * 12}", "results/runs/notes", "resources/encoders/handmade"):
        assert f"left alone, not made here: {left}" in shown
    assert not (runs / name).exists()
    assert listing(folder) == {
        "outside/precious.txt",
        f"results/runs/ner-y-joint-s1-{'b' * 12}",
        "results/runs/notes/thoughts.txt",
        "results/runs/readme.txt",
        "resources/encoders/handmade/config.json",
        f"results/data/linked-{'c' * 8}",
        "c.yaml",
    }


def test_a_link_among_a_named_runs_folders_is_left_alone(folder):
    base = grid("experiments.few.methods=[zero_shot]", "tables=")
    prepare(base)
    finish(base)
    outside = folder / "outside"
    write_text(outside / "model.safetensors", "mine")
    parent = names(base, "source_only")[0]
    model = paths.run_model(parent).parent
    for file in model.iterdir():
        file.unlink()
    model.rmdir()
    model.symlink_to(outside, target_is_directory=True)
    assert str(model) not in found(base)


def test_a_killed_deletion_is_finished_by_the_next(folder, monkeypatch, capsys):
    name = f"ner-x-joint-s1-{'a' * 12}"
    write_text(folder / "results" / "runs" / f".pruned-{name}" / "model" / "model.safetensors", "half")
    run_prune(monkeypatch, "--configfile", write(folder, "c.yaml"), "--confirm")
    assert listing(folder) == {"c.yaml"}
    assert not (folder / "results" / "runs" / f".pruned-{name}").exists()


def test_a_folder_is_renamed_before_it_is_deleted(folder, monkeypatch):
    path = folder / "results" / "runs" / f"ner-x-joint-s1-{'a' * 12}"
    write_text(path / "run.json", "{}")
    seen = []
    monkeypatch.setattr(prune.shutil, "rmtree", lambda where: seen.append((where.name, path.exists())))
    prune.delete(path)
    assert seen == [(f".pruned-{path.name}", False)]


def test_an_empty_place_has_nothing_to_prune(folder, monkeypatch, capsys):
    run_prune(monkeypatch, "--configfile", write(folder, "c.yaml"))
    assert capsys.readouterr().out == "Nothing to prune.\n"


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (2_000_000, "2.0 MB"), (3_400_000_000, "3.4 GB")]
)
def test_sizes_are_worded(size, words):
    assert size_text(size) == words


def test_sizes_count_every_file_once(folder):
    run = f"ner-x-joint-s1-{'a' * 12}"
    write_text(folder / "results" / "runs" / run / "run.json", "x" * 10)
    write_text(folder / "results" / "runs" / run / "model" / "model.safetensors", "x" * 30)
    (leftover,) = leftovers([grid()])[0]
    assert (leftover.size, leftover.path.name) == (40, run)


ANALYSIS = "analyses.one={experiment: few, before: joint, after: fine_tune}"


def represented(run: str, view: str) -> Path:
    path = paths.representations(run, view)
    write_text(path, "points")
    return path.parent


def test_models_and_representations_of_an_analysis_stay():
    base = grid(ANALYSIS)
    prepare(base)
    finish(base)
    for run in base.analyses["one"].runs:
        write_text(paths.run_model(run), "weights")
        represented(run, base.analyses["one"].key)
    spared = {str(paths.run_model(run).parent) for run in base.analyses["one"].runs}
    assert not spared & found(base).keys()
    assert not any("representations" in path for path in found(base))


def test_representations_of_no_analysis_are_shown():
    base, other = grid(ANALYSIS), grid(ANALYSIS, "analyses.one.layer=1")
    prepare(base)
    finish(base)
    run, stranger = base.analyses["one"].runs[0], names(base, "target_only")[0]
    key = other.analyses["one"].key
    assert key != base.analyses["one"].key
    wanted, unwanted, third = (
        represented(run, base.analyses["one"].key),
        represented(run, key),
        represented(stranger, key),
    )
    (unwanted.parent / "representations-mine").mkdir()
    shown = {path for path in found(base) if "representations" in path}
    assert shown == {str(unwanted), str(third)}
    assert {path for path in found(base, other) if "representations" in path} == {str(third)}
    assert str(wanted) not in found(base)


# --------------------------------------------------------------------------------------- several datasets, tokens, own files

TWO = [
    "datasets.own={loader: files, task: nli, folder: f, files: {all: '{language}.csv'}}",
    "datasets.multinli={loader: multinli, sources: [mirror], mirror: m}",
    "tables=",
    "experiments.few=",
    "experiments={two: {dataset: own, source_dataset: multinli, encoder: mbert, methods: [joint, zero_shot], "
    "sources: [en], targets: [de]}}",
]


def test_both_datasets_of_an_experiment_stay_in_their_languages():
    base = grid(*TWO)
    prepare(base)
    key = {dataset.name: key for key, dataset in base.datasets.items()}
    for name, language in (("own", "de"), ("multinli", "en")):
        write_text(paths.raw_manifest(key[name], language), "{}")
    assert found(base) == {}
    for name, language in (("own", "en"), ("multinli", "de")):  # each other's
        write_text(paths.data_report(key[name], language), "{}")
        write_text(paths.raw_manifest(key[name], language), "{}")
    why = "no config names this language of the dataset"
    assert found(base) == {
        f"{folder}/{key[name]}/{language}": why
        for folder in ("results/data", "resources/raw")
        for name, language in (("own", "en"), ("multinli", "de"))
    }
    alone = grid(*TWO, "experiments.two.source_dataset=", "experiments.two.methods=[target_only]")
    shown = found(alone)
    assert shown[f"results/data/{key['multinli']}"] == "no config names this dataset"
    assert f"results/data/{key['own']}" not in shown


def test_languages_may_be_pairs():
    pairs = [
        "datasets.mlqa={loader: mlqa, sources: archive}",
        "datasets.squad={loader: squad, sources: mirror, mirror: m}",
        "tables=",
        "experiments.few=",
        "experiments={qa: {dataset: mlqa, source_dataset: squad, encoder: mbert, methods: [zero_shot], sources: [en], "
        "targets: [de, de.es]}}",
    ]
    base = grid(*pairs)
    prepare(base)
    key = next(key for key, dataset in base.datasets.items() if dataset.name == "mlqa")
    write_text(paths.RESOURCES / "raw" / key / ".archive" / "MLQA_V1.zip", "kept beside the languages")
    found_now, foreign = leftovers([base])
    assert (found_now, foreign) == ([], [])
    fewer = grid(*pairs, "experiments.qa.targets=[de]")
    assert set(found(fewer)) == {f"results/data/{key}/de.es"} | {
        str(paths.run_dir(name)) for name in fewer.runs if paths.run_dir(name).exists()
    }


def test_tokens_belong_to_their_language(folder):
    base = grid()
    prepare(base)
    (key,) = base.datasets
    for language in ("hubbish", "glyphish"):
        write_text(paths.data_dir(key, language) / "tokens" / "train-0123456789abcdef" / "index.json", "{}")
    assert leftovers([base]) == ([], [])
    few = grid("encoders.small.text=[{dataset: babel, languages: [hubbish]}]")
    found_now, foreign = leftovers([few])
    assert foreign == []
    gone = next(leftover for leftover in found_now if leftover.path.name == "glyphish")
    assert gone.size == sum(file.stat().st_size for file in gone.path.rglob("*") if file.is_file())
    prune.delete(gone.path)
    assert not paths.data_dir(key, "glyphish").exists()
    assert (paths.data_dir(key, "hubbish") / "tokens").is_dir()


def test_own_files_are_never_touched(folder, monkeypatch, capsys):
    own = {name: folder / "f" / name for name in ("de.csv", "en.csv")}
    for file in own.values():
        write_text(file, "premise,hypothesis,label\n")
    base = grid(*TWO)
    prepare(base)
    finish(base)
    run_prune(monkeypatch, "--configfile", write(folder, "c.yaml"), "--confirm")
    assert "no config names this dataset" in capsys.readouterr().out
    assert not any((folder / "results" / "data").iterdir())
    assert all(file.is_file() for file in own.values())
