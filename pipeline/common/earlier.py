"""Results of earlier code: which code made what a run rests on, and what a config must say to keep it.

Every result describes itself in JSON with the hash of the code that made it (`pipeline.common.code`). A config may accept hashes
of earlier code (`results: {accept_code: […]}`): what that code made is then taken as it is, by Snakemake, by `metalingua plan`
and by the collect stage, and every table says how many of its cells rest on it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.code import code_files, code_hash, files_that_differ, run_modules, stage_modules
from pipeline.common.files import read_object

SHOWN, FEW = 12, 3


@dataclass(frozen=True)
class Made:
    """What a result says it was made by.

    Attributes:
        code: the hash it says.
        modules: the modules that would make it today.
    """

    code: str
    modules: tuple[str, ...]

    @property
    def earlier(self) -> bool:
        """Whether it was made by other code than today's."""
        return self.code != code_hash(self.modules)


def in_effect(path: Path, today: str, accepted: Collection[str]) -> str:
    """Return the code hash that Snakemake is told of a result: the one it remembers as long as the result holds, else today's.

    A result holds that was made by today's code or by accepted code. What was made anew in the place of another is remembered
    under the hash that was in effect then, which it notes as `answers_to`.

    Args:
        path: the result's description of itself.
        today: the hash of today's code.
        accepted: hashes of earlier code.
    """
    made = described(path)
    code = made.get("code")
    remembered = str(made.get("answers_to", code))
    if code == today or code in accepted:
        return remembered
    return today if remembered != today else f"{today} anew"


def described(path: Path) -> Mapping[str, Any]:
    """Return what a result says of itself; nothing where it is not there or unreadable. Many runs rest on the same few."""
    try:
        return _described(path, path.stat().st_mtime_ns)
    except OSError:
        return {}


@cache
def _described(path: Path, _mtime: int) -> Mapping[str, Any]:
    return read_object(path) or {}


def behind(record: Mapping[str, Any]) -> Iterator[Made]:
    """Yield what a finished run rests on: itself, its parents and members, its encoder, and its data with their download.

    Args:
        record: the run's own description, its `run.json`.
    """
    spec, data, code = record.get("spec"), record.get("data"), record.get("code")
    if not isinstance(spec, dict) or not isinstance(data, dict) or not isinstance(code, str):
        return  # no description of a run
    if "method" in spec and "task" in spec:
        yield Made(code, tuple(run_modules(spec["method"]["name"], spec["task"])))
    for name in (spec.get("parent"), spec.get("rates"), *spec.get("members", ())):
        if name:
            yield from behind(described(paths.run_record(name)))
    if made := described(paths.encoder_manifest(spec.get("encoder", ""))).get("code"):
        yield Made(made, tuple(stage_modules("encoder")))
    for folder in sorted({Path(name).parent for name in data}):
        report = described(folder / "report.json")
        if "code" in report and "loader" in report.get("spec", {}):
            yield Made(report["code"], tuple(stage_modules("preprocess", report["spec"]["loader"])))
            raw = described(paths.raw_manifest(report["dataset"], report["language"]))
            if "code" in raw:
                yield Made(raw["code"], tuple(stage_modules("download")))


def earlier_codes(record: Mapping[str, Any]) -> list[str]:
    """Return the hashes of earlier code that a finished run rests on, sorted."""
    return sorted({made.code for made in behind(record) if made.earlier})


def offer(records: Iterable[Mapping[str, Any]], accepted: Collection[str]) -> str:
    """Return what to put into the config to keep runs of earlier code, and which files differ; nothing where there is none.

    Args:
        records: the descriptions of finished runs.
        accepted: what the config accepts already; it stays in the line that is offered.
    """
    found = {made for record in records for made in behind(record) if made.earlier}
    new = sorted({made.code for made in found} - set(accepted))
    if not new:
        return ""
    listed = ", ".join(f'"{code}"' for code in sorted({*accepted, *new}))
    return (
        "To keep results of earlier code as they are, having made sure that they still hold, put into the config:\n"
        f"  results: {{accept_code: [{listed}]}}\n"
        f"{differing([made for made in found if made.code in new])}"
    )


def differing(found: Iterable[Made]) -> str:
    """Name the files whose code differs from today's, as far as the results have left word of theirs."""
    names: set[str] = set()
    unknown: set[str] = set()
    for made in found:
        then = described(paths.code_record(made.code))
        if then:
            names |= set(files_that_differ({str(k): str(v) for k, v in then.items()}, code_files(made.modules)))
        else:
            unknown.add(made.code)
    shown = sorted(names)
    more = f", and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    lines = [f"Files that differ from the code of today: {', '.join(shown[:SHOWN])}{more}."] if shown else []
    if unknown:
        which = ", ".join(sorted(unknown)) if len(unknown) <= FEW else f"{len(unknown)} of these hashes"
        lines.append(f"Of {which} no list of files is left.")
    return "\n".join(lines)
