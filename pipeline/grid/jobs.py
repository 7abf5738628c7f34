"""What the rules ask: inputs, params and targets of every job, by look-up in the config's expanded grid.

Snakemake imports this whenever it parses the rules, on every node, so nothing heavy is imported here, and a function that
is called once a job does nothing but look up: with ten thousand runs, one file read each would triple the start.

A param whose function takes Snakemake's `output` is not recorded with the job: that is how what cannot change a result
(where a mirror lies, whether a child needs the model) stays out of what makes a job run again. What can is in the path.
"""

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pipeline.common import paths
from pipeline.common.earlier import described, in_effect
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, digest, read_json, write_text
from pipeline.config.load import load, parse
from pipeline.config.reading import check_duplicates
from pipeline.config.resolve import label_of
from pipeline.config.schema import Settings
from pipeline.data.loaders import GENERATED
from pipeline.grid.analyses import Analysis, analysis_spec, figures
from pipeline.grid.decisions import read_decisions
from pipeline.grid.errors import known_splits
from pipeline.grid.figures import analysed_languages, logged_runs, named_languages, represented
from pipeline.grid.inputs import Dataset
from pipeline.grid.known_code import represent_code, run_code, stage_code
from pipeline.grid.own_files import OwnFiles
from pipeline.grid.papers import asked, chosen, scale_of, without_own
from pipeline.grid.parameters import noted
from pipeline.grid.printing import Printing
from pipeline.grid.runs import ENSEMBLE, Grid, Run, expand, run_inputs

T = TypeVar("T")

TABLE_FORMS = ("csv", "md", "tex", "html")
"""In which a table is written."""

ERROR_FORMS = ("csv", "md", "tex", "pdf", "png")
"""In which an error analysis is written."""

JOB = "--target-jobs"
"""Stands in the command line of Snakemake in a job, and in no other."""


class Wildcards(Protocol):
    """Snakemake's wildcards of a job: one attribute each; a rule has those that its output names."""

    dataset: str
    language: str
    encoder: str
    run: str
    table: str
    view: str
    analysis: str
    errors: str
    figure: str


@noted
@dataclass(frozen=True)
class Jobs:
    """Every rule's questions about its jobs, answered from the grid.

    Methods that take `wildcards` are handed to Snakemake as they are (`input: jobs.run_inputs`).
    """

    grid: Grid
    settings: Settings
    config: Mapping[str, Any]
    printing: Printing = field(default_factory=Printing)

    # ---------------------------------------------------------------------------------------------------------- data

    def download_spec(self, wildcards: Wildcards, output: Any) -> str:
        """The description of one language's raw files, with the sources to try and the counts to find."""
        del output
        return canonical_json(self.dataset(wildcards.dataset).download_spec(wildcards.language))

    def download_location(self, wildcards: Wildcards, output: Any) -> str:
        """Flags that say where to look."""
        del output
        dataset = self.dataset(wildcards.dataset)
        places = {"--mirror": dataset.mirror, "--folder": dataset.folder}
        return shlex.join(part for flag, place in places.items() if place for part in (flag, place))

    def own_files(self, wildcards: Wildcards) -> list[str]:
        """The user's own files that a download copies: one that changed is read again. Of missing ones the stage tells."""
        named = self.dataset(wildcards.dataset).own_files(wildcards.language)
        return [str(path) for files in named.values() for path in files if path.is_file()]

    def own_content(self, wildcards: Wildcards) -> list[str]:
        """What these files hold, as a file that is new where one of them changed, even if it bears an older date than before."""
        return self._own.handed(self.dataset(wildcards.dataset), wildcards.language)

    @cached_property
    def _own(self) -> OwnFiles:
        return OwnFiles()

    def raw_manifest(self, wildcards: Wildcards) -> list[str]:
        """What preprocessing reads: the manifest of the raw files, nothing where the data is generated."""
        if self.dataset(wildcards.dataset).spec["loader"] in GENERATED:
            return []
        return [str(paths.raw_manifest(wildcards.dataset, wildcards.language))]

    def data_spec(self, wildcards: Wildcards) -> str:
        """The description of one language of a dataset."""
        return canonical_json(self.dataset(wildcards.dataset).data_spec(wildcards.language))

    def download_code(self, wildcards: Wildcards) -> str:
        """The code hash of downloading, or the accepted one that one language's files answer to; and own ones that changed."""
        manifest = paths.raw_manifest(wildcards.dataset, wildcards.language)
        code, dataset = self._in_effect(manifest, stage_code("download")), self.dataset(wildcards.dataset)
        return self._own.answered(described(manifest), code) if dataset.folder or dataset.mirror else code

    def data_code(self, wildcards: Wildcards) -> str:
        """The code hash of preprocessing one dataset, or the accepted one that one language's splits answer to."""
        today = stage_code("preprocess", self.dataset(wildcards.dataset).spec["loader"])
        return self._in_effect(paths.data_report(wildcards.dataset, wildcards.language), today)

    def dataset(self, key: str) -> Dataset:
        """Look up a dataset.

        Raises:
            UserError: the config in effect has no dataset of that key.
        """
        return found(self.grid.datasets, key, "dataset")

    # ------------------------------------------------------------------------------------------------------ encoders

    def encoder_text(self, wildcards: Wildcards) -> list[str]:
        """The text an encoder is made from, and the encoder that it extends or starts from; nothing for one from elsewhere."""
        spec = found(self.grid.encoders, wildcards.encoder, "encoder").spec
        text = [
            paths.split(part["dataset"], part["language"], part.get("split", "text")) for part in spec.get("text", [])
        ]
        made_from = [paths.encoder_manifest(spec[key]) for key in ("base", "start") if key in spec]
        return [str(path) for path in (*text, *made_from)]

    def encoder_spec(self, wildcards: Wildcards) -> str:
        """The description of an encoder."""
        encoder = found(self.grid.encoders, wildcards.encoder, "encoder")
        return canonical_json({**encoder.spec, "encoder": encoder.key})

    def encoder_code(self, wildcards: Wildcards) -> str:
        """The code hash of making encoders, or the accepted one this encoder answers to; and of yours that changed."""
        manifest = paths.encoder_manifest(wildcards.encoder)
        code = self._in_effect(manifest, stage_code("encoder"))
        encoder = found(self.grid.encoders, wildcards.encoder, "encoder")
        return self._own.answered(described(manifest), code) if encoder.folder else code

    def encoder_location(self, wildcards: Wildcards, output: Any) -> str:
        """The flag that says in which folder a model of the user's, or a mirror of the hub, lies."""
        del output
        encoder = found(self.grid.encoders, wildcards.encoder, "encoder")
        places = {"--folder": encoder.folder, "--mirror": encoder.mirror}
        return shlex.join(part for flag, place in places.items() if place for part in (flag, place))

    # ---------------------------------------------------------------------------------------------------------- runs

    def run(self, name: str) -> Run:
        """Look up a run.

        Raises:
            UserError: the config in effect has no run of that name.
        """
        return found(self.grid.runs, name, "run")

    def run_inputs(self, wildcards: Wildcards) -> list[str]:
        """What a run reads: splits, the encoder's manifest, its parents' models; an ensemble its members' predictions."""
        return run_inputs(self.run(wildcards.run))

    def run_spec(self, wildcards: Wildcards) -> str:
        """The whole description of a run, its identity."""
        return canonical_json(self.run(wildcards.run).spec)

    def run_code(self, wildcards: Wildcards) -> str:
        """The code hash of a run's method, task and loop, or the accepted one that the finished run answers to."""
        run = self.run(wildcards.run)
        return self._in_effect(paths.run_record(run.name), code_of(run))

    @cached_property
    def _earlier(self) -> bool:
        """Whether any result may answer to another hash than today's; only then are descriptions read, one a job."""
        return bool(self.grid.accepted) or paths.code_answers().exists()

    def _in_effect(self, path: Path, today: str) -> str:
        return in_effect(path, today, self.grid.accepted) if self._earlier else today

    def keep_model(self, wildcards: Wildcards, output: Any) -> str:
        """The flag that keeps the weights, for the rule that declares them as output."""
        del wildcards
        return "--keep-model" if "model" in output.keys() else ""  # noqa: SIM118 (Snakemake's output lists files)

    def parents_pattern(self) -> str:
        """A regular expression for the names of the runs that keep their model; it matches nothing where there is none."""
        return pattern(self.grid.parents | self.grid.kept)

    def ensembles_pattern(self) -> str:
        """The same for the runs that are made of others' predictions."""
        return pattern(name for name, run in self.grid.runs.items() if run.spec["method"]["name"] == ENSEMBLE)

    # ------------------------------------------------------------------------------------------------------- results

    @cached_property
    def runs_file(self) -> str:
        """The list of all runs with their code hashes and uses, for scoring and collecting; its name is its digest."""
        accepted = {"accept_code": list(self.grid.accepted)} if self.grid.accepted else {}
        rows = [
            {"name": run.name, "code": code_of(run), "uses": [list(use) for use in run.uses], "spec": run.spec}
            | accepted
            for _, run in sorted(self.grid.runs.items())
        ]
        return handed("runs", rows)

    @cached_property
    def config_file(self) -> str:
        """The config in effect, whatever files and overrides it was merged from."""
        return handed("config", self.config)

    @property
    def absolute_config_file(self) -> Path:
        """The same, from wherever it is read."""
        return Path(self.config_file).absolute()

    def reports(self) -> list[str]:
        """The reports of all data that runs are tested on: what they warn of is said under tables."""
        tested = paths.tested(run.spec for run in self.grid.runs.values())
        return [str(paths.data_report(*place)) for place in tested]

    @property
    def confirm(self) -> str:
        """The flag by which `prune` deletes."""
        return "--confirm" if self.settings.confirm else ""

    def table_spec(self, wildcards: Wildcards) -> str:
        """The description of a table."""
        return canonical_json(found(self.grid.tables, wildcards.table, "table"))

    def decide_spec(self, wildcards: Wildcards) -> str:
        """The description of what decides how many seeds the cells of a table have."""
        return canonical_json(found(self.grid.decisions, wildcards.table, "table whose seeds are added"))

    def stage_code(self, stage: str) -> str:
        """The code hash of a stage."""
        return stage_code(stage)

    # ------------------------------------------------------------------------------------------------------ analyses

    def represent_inputs(self, wildcards: Wildcards) -> list[str]:
        """What representing a run reads: its model, its languages' splits, its encoder's manifest."""
        spec, split = self.run(wildcards.run).spec, self._view(wildcards.view)["split"]
        splits = [paths.run_split(spec, language, split, source=True) for language in spec["sources"]]
        splits += [paths.run_split(spec, language, split) for language in spec["targets"]]
        return [
            str(path) for path in (paths.run_model(wildcards.run), *splits, paths.encoder_manifest(spec["encoder"]))
        ]

    def view(self, wildcards: Wildcards) -> str:
        """The description of what of a model is looked at."""
        return canonical_json(self._view(wildcards.view))

    def _view(self, key: str) -> dict[str, Any]:
        views = {a.key: a.view for a in self.grid.analyses.values()}
        return found(views | {digest(v, 8): v for _, v in represented(self.grid.figures)}, key, "view")

    def represent_code(self, wildcards: Wildcards) -> str:
        """The code hash of representing a run's sentences."""
        return represent_code(self.run(wildcards.run).spec["task"])

    def analysis(self, name: str) -> Analysis:
        """Look up an analysis.

        Raises:
            UserError: the config in effect has no analysis of that name.
        """
        return found(self.grid.analyses, name, "analysis")

    def analysis_inputs(self, wildcards: Wildcards) -> list[str]:
        """The representations an analysis compares."""
        analysis = self.analysis(wildcards.analysis)
        return [str(paths.representations(run, analysis.key)) for run in analysis.runs]

    def analysis_spec(self, wildcards: Wildcards) -> str:
        """The description of an analysis."""
        return canonical_json(analysis_spec(self.analysis(wildcards.analysis)))

    def error_inputs(self, wildcards: Wildcards) -> list[str]:
        """The splits that an error analysis looks words up in; predictions are those of the scores it reads too."""
        return [str(paths.split(*place)) for place in known_splits(found(self.grid.errors, wildcards.errors, "errors"))]

    def error_spec(self, wildcards: Wildcards) -> str:
        """The description of an error analysis."""
        return canonical_json(found(self.grid.errors, wildcards.errors, "errors"))

    @cached_property
    def figures(self) -> dict[str, dict[str, Any]]:
        """The descriptions of all figures by name."""
        analysed = {
            name: {**spec, **named_languages(analysed_languages(spec, self.settings), self.settings)}
            for name, spec in figures(self.grid.analyses, partial(label_of, self.settings)).items()
        }
        return {**analysed, **self.grid.figures}

    def figure_inputs(self, wildcards: Wildcards) -> list[str]:
        """What a figure is drawn from: runs' representations or logs, an analysis' numbers, a table's, or all scores."""
        spec = found(self.figures, wildcards.figure, "figure")
        if spec["kind"] in ("gains", "sizes", "transfer"):
            return [str(paths.scores())]
        if spec["kind"] == "forest":
            return [str(paths.table(spec["table"], "csv"))]
        if spec["kind"] in ("rates", "curves"):  # logs are no declared outputs; predictions are written after them
            return [str(paths.predictions(run)) for run in logged_runs(spec)]
        if spec["kind"] == "correlation":
            return [str(paths.analysis(spec["analysis"], "json"))]
        runs = spec["runs"] if "runs" in spec else [run for panel in spec["panels"] for run in panel["runs"]]
        return [str(paths.representations(run, digest(spec["view"], 8))) for run in runs]

    def figure_spec(self, wildcards: Wildcards) -> str:
        """The description of a figure."""
        return canonical_json(found(self.figures, wildcards.figure, "figure"))

    # ------------------------------------------------------------------------------------------------------- targets

    def prepared(self) -> list[str]:
        """All data and encoders that the runs read."""
        data = [
            str(paths.split(dataset.key, language, "train"))
            for dataset in self.grid.datasets.values()
            for language in dataset.languages
        ]
        return data + [str(paths.encoder_manifest(key)) for key in self.grid.encoders]

    def predictions(self) -> list[str]:
        """The predictions of all runs."""
        return [str(paths.predictions(name)) for name in self.grid.runs]

    def kept_models(self) -> list[str]:
        """The weights the config wants kept."""
        return [str(paths.run_model(name)) for name in sorted(self.grid.kept)]

    def tables(self) -> list[str]:
        """All tables of the config in all their forms; the scores where the config has none."""
        return [str(paths.table(name, suffix)) for name in self.grid.tables for suffix in TABLE_FORMS] or [
            str(paths.scores())
        ]

    def decisions(self) -> list[str]:
        """What decides which seeds the next start adds; nothing where the config lists its seeds."""
        return [str(paths.decisions(name)) for name in self.grid.decisions]

    def analyses(self) -> list[str]:
        """All analyses of the config in all their forms, and all their figures."""
        numbers = [
            paths.analysis(name, suffix) for name in self.grid.analyses for suffix in ("csv", "json", "md", "tex")
        ]
        drawn = [paths.figure(name, suffix) for name in self.figures for suffix in ("pdf", "png")]
        return [str(path) for path in (*numbers, *drawn)]

    def errors(self) -> list[str]:
        """All error analyses of the config in all their forms."""
        return [str(paths.errors(name, suffix)) for name in self.grid.errors for suffix in ERROR_FORMS]


def read_jobs(config: Mapping[str, Any], files: Sequence[str | Path], words: Sequence[str] = ()) -> Jobs:
    """Check Snakemake's merged config and expand it.

    Args:
        config: the merged config.
        files: the files it was merged from, to name file and line of what is wrong.
        words: Snakemake's command line, to see which targets of papers are asked for.

    Raises:
        UserError: the config is wrong, or no paper has such a target.
    """
    job, what = JOB in words, asked(words)
    scale = scale_of(config, allowed=job or what is not None)
    whole = without_own(config)
    if job and len(files) == 1 and Path(files[0]).parent.resolve() == paths.HANDED.resolve():
        whole = read_json(Path(files[0]))  # as the workflow has it; what `--config` changed is in it
    else:
        check_duplicates([Path(file) for file in files])  # a key twice, which Snakemake's reading lets pass
    try:
        settings = parse(whole)
    except UserError:
        load([Path(file) for file in files])  # the same errors, with file and line
        raise  # wrong only through `--config key=value`, which has neither
    if what is None:
        return Jobs(expand(settings, read_decisions(settings)), settings, whole, Printing(scale, None, _names(whole)))
    needed = chosen(whole, what, scale)
    settings = parse(needed)
    return Jobs(expand(settings, read_decisions(settings)), settings, needed, Printing(scale, what, _names(needed)))


def _names(config: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for section in ("tables", "figures", "analyses") for name in config.get(section) or ())


def code_of(run: Run) -> str:
    """The code hash of a run."""
    return run_code(run.spec["method"]["name"], run.spec["task"])


def pattern(names: Iterable[str]) -> str:
    """Return a regular expression for names and no others."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


def handed(what: str, value: Any) -> str:
    """Write a list for a stage under its content's digest, unless it is there whole, and return its path."""
    text = canonical_json(value)  # once: of ten thousand runs it is ten megabytes
    path, line = paths.HANDED / f"{what}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json", f"{text}\n"
    if not path.exists() or path.read_bytes() != line.encode():
        write_text(path, line)
    return str(path)


def found(known: Mapping[str, T], key: str, what: str) -> T:
    """Look up what a wildcard names.

    Raises:
        UserError: the config in effect does not name it.
    """
    try:
        return known[key]
    except KeyError:
        raise UserError(f"{what} {key}: the config in effect names no such {what}") from None
