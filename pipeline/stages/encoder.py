"""Get one encoder: download it, copy it from a folder, pretrain it on raw text, train another one on, or extend its vocabulary.

    python -m pipeline.stages.encoder --spec '{"encoder": "mbert-1a2b3c4d", "from": "hub", "repository": …, "revision": …}'
    python -m pipeline.stages.encoder --spec '{"encoder": "mine-1a2b3c4d", "from": "folder"}' --folder models/mine
    python -m pipeline.stages.encoder --spec '{"encoder": "small-1a2b3c4d", "from": "pretrain", "layers": 4, …}' --threads 2
    python -m pipeline.stages.encoder --spec '{"encoder": "mbert-on-1a2b3c4d", "from": "pretrain", "start": "mbert-1a2b3c4d", …}'
    python -m pipeline.stages.encoder --spec '{"encoder": "mbert-qu-1a2b3c4d", "from": "extend", "base": "mbert-1a2b3c4d", …}'

A pretrained one reads `text.parquet` of each `{"dataset": …, "language": …}` of its `text`; one that has a `start` or a `base`
reads that encoder too, and where a part of the text says `"split": "train"`, `"size"` and `"data_seed"`, the training sentences a
run of that size and seed is given. Writes `config.json`, `model.safetensors`, `tokenizer.json` and, last, `manifest.json` into
`resources/encoders/<encoder>/`. Killed, a download or a pretraining resumes where it was.
"""

import argparse
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from pipeline.common import paths
from pipeline.common.code import add_code_argument, code_stamp, stage_code, stage_modules
from pipeline.common.errors import UserError, nearest, run_stage
from pipeline.common.files import digest, parse_object, read_parquet
from pipeline.common.integrity import read_sealed, sha256
from pipeline.common.kinds import check_kinds
from pipeline.common.stored import encoder_again, verified_split
from pipeline.common.temporary import temporary_folder
from pipeline.encoders.hub import from_folder, from_hub
from pipeline.encoders.normaliser import CHOICES
from pipeline.training.devices import model_device, take_gpu
from pipeline.training.progress import Progress

if TYPE_CHECKING:
    from pipeline.encoders.pretrain import Job

KINDS = {
    "hub": ("repository", "revision"),
    "folder": (),
    "pretrain": ("text",),
    "extend": ("base", "text"),
}  # what each must be given
GIVEN = {
    **dict.fromkeys(("encoder", "repository", "revision", "folder", "base", "start"), str),
    "text": list[dict[str, Any]],
    **dict.fromkeys(CHOICES, bool | None),
}
PART = {**dict.fromkeys(("dataset", "language", "split"), str), "size": float | None, "data_seed": int | None}
START = "start"  # what a pretrained one may be given besides


def main() -> None:
    """Run the stage.

    Raises:
        UserError: `--spec` is not as described, or the encoder cannot be made.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", required=True, help="the encoder's whole description, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; part of what makes bits reproducible")
    parser.add_argument("--folder", type=Path, help="where a model of yours lies (`from: folder`)")
    parser.add_argument("--mirror", type=Path, help="a folder with <owner>/<name>/ of the hub (`from: hub`)")
    add_code_argument(parser)
    arguments = parser.parse_args()
    spec = parse_spec(arguments.spec)
    os.environ.setdefault("RAYON_NUM_THREADS", str(arguments.threads))
    # Threads that spin while they wait make a machine with other jobs several times slower; read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    folder = paths.encoder_dir(spec["encoder"])
    folder.mkdir(parents=True, exist_ok=True)
    made = partial(make, spec, folder, asked=arguments.code)
    letters = {key: spec.get(key) for key in CHOICES}
    if spec["from"] == "hub":
        place = spec["repository"], spec["revision"]
        made(lambda staging: from_hub(*place, staging, arguments.mirror, letters), staging=folder / ".download")
    elif spec["from"] == "folder":
        source = arguments.folder or Path(spec.get("folder") or "")
        if source == Path():
            raise UserError("--folder: missing; expected the folder that holds the model")
        made(lambda staging: from_folder(source, staging, letters))
    elif spec["from"] == "extend":
        made(lambda staging: extend_by_text(spec, arguments.threads, staging))
    elif START in spec:
        made(lambda staging: train_on_from_text(spec, arguments.threads, folder, staging))
    else:
        made(lambda staging: pretrain_from_text(spec, arguments.threads, folder, staging))


def parse_spec(text: str) -> dict[str, Any]:
    """Return the description as a dictionary whose `from` is known and whose keys are there.

    Raises:
        UserError: it is not.
    """
    spec = parse_object(text, "--spec")
    kind = spec.get("from")
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"--spec: from: {kind!r}{nearest(str(kind), KINDS)}")
    for key in ("encoder", *KINDS[kind]):
        if not spec.get(key):
            raise UserError(f"--spec: {key} is missing")
    check_kinds(spec, GIVEN, "--spec")
    for part in spec.get("text", ()):
        if missing := [key for key in ("dataset", "language") if key not in part]:
            raise UserError(f"--spec: text: {missing[0]} is missing")
        check_kinds(part, PART, "--spec: text")
    return spec


def make(
    spec: dict[str, Any],
    folder: Path,
    fill: Callable[[Path], dict[str, Any] | None],
    staging: Path | None = None,
    asked: str | None = None,
) -> None:
    """Fill a staging folder, then move its files into `folder` and write the manifest.

    Args:
        spec: the encoder's description, recorded in the manifest.
        folder: the encoder's folder.
        fill: writes the files into the folder it is given; returns what else the manifest should say.
        staging: a folder that outlives a failure, for downloads that resume; by default a fresh one that does not.
        asked: the code hash that Snakemake remembers for the encoder.
    """
    from pipeline.encoders.manifest import install

    with temporary_folder(folder, "staging") as fresh:
        place = staging or fresh
        place.mkdir(exist_ok=True)
        facts = fill(place) or {}
        recorded = {key: value for key, value in spec.items() if key != "encoder"}
        code = code_stamp(stage_modules("encoder"), asked)
        install(place, folder, {"encoder": spec["encoder"], "spec": recorded, **code} | facts)
    if staging is not None:
        shutil.rmtree(staging)
    for checkpoint in folder.glob("checkpoint-*.pt"):
        checkpoint.unlink()


def pretrain_from_text(spec: dict[str, Any], threads: int, folder: Path, staging: Path) -> dict[str, Any]:
    """Pretrain on the text the description names; return facts for the manifest.

    Raises:
        UserError: a setting is missing, unknown or impossible, a text is missing, or the training diverges.
    """
    take_gpu()
    import torch  # after the GPU is chosen

    from pipeline.data.schema import TEXT
    from pipeline.encoders.pretrain import Settings, pretrain

    torch.set_num_threads(threads)
    settings = Settings(**given_settings(spec, Settings))
    files = {f"{t['dataset']}/{t['language']}": paths.split(t["dataset"], t["language"], "text") for t in spec["text"]}
    texts = {name: read_parquet(verified_split(path), TEXT)["text"].to_pylist() for name, path in files.items()}
    facts = {"data": {str(path): sha256(path) for path in files.values()}, "threads": threads}
    with training_job(spec, facts, settings.steps, folder) as job:
        return pretrain(settings, texts, job, staging) | facts | {"device": job.device.type}


def train_on_from_text(spec: dict[str, Any], threads: int, folder: Path, staging: Path) -> dict[str, Any]:
    """Train another encoder on, on the text the description names; return facts for the manifest.

    Raises:
        UserError: a setting is missing, unknown or impossible, the start or a text is missing, it has no masked words, or the
            training diverges.
    """
    take_gpu()
    import torch  # after the GPU is chosen

    from pipeline.encoders.continued import train_on
    from pipeline.encoders.pretrain import Training

    torch.set_num_threads(threads)
    settings = Training(**given_settings(spec, Training))
    manifest = made_before(spec["start"], "start from")
    texts: dict[str, list[str]] = {}
    parts, data = read_parts(spec["text"])
    for name, sentences in parts:
        # Listed languages' raw text may hold a target's training sentences: none is to be seen twice as often, or held out too.
        texts[name] = list(dict.fromkeys([*texts[name], *sentences])) if name in texts else sentences
    facts = {"data": data, "threads": threads, "start": sha256(manifest)}
    with training_job(spec, facts, settings.steps, folder) as job:
        found = train_on(paths.encoder_dir(spec["start"]), settings, texts, job, staging)
        found = inherited(manifest) | found | facts | {"device": job.device.type}
    print_gain(spec["encoder"], found)
    return found


@contextmanager
def training_job(spec: dict[str, Any], facts: dict[str, Any], steps: int, folder: Path) -> Iterator["Job"]:
    """Give what a training runs with: a device, progress, and a checkpoint of its own for all that its weights depend on."""
    import torch

    from pipeline.encoders.pretrain import Job

    device = model_device()
    progress = Progress(steps)
    made_of = [facts["start"]] if "start" in facts else []
    of = [spec, facts["data"], stage_code("encoder"), torch.__version__, device.type, facts["threads"], *made_of]
    yield Job(folder / f"checkpoint-{digest(of)}.pt", device, progress.update, progress.resume)
    progress.close()


def print_gain(encoder: str, facts: dict[str, Any]) -> None:
    """Say what a training on has brought on the held-out sentences of each language."""
    for name, after in facts["held_out"].items():
        before = facts["held_out_before"][name]
        changes = [f"{key} {before[key]:.3f} → {after[key]:.3f}" for key in ("loss", "accuracy")]
        print(f"{encoder}: {name}, masked words of {after['sentences']} held-out sentences: {', '.join(changes)}")
    for name in facts["languages"].keys() - facts["held_out"].keys():
        print(f"{encoder}: {name} has too few sentences to hold any out: its gain is not measured")


def extend_by_text(spec: dict[str, Any], threads: int, staging: Path) -> dict[str, Any]:
    """Extend the base by what the text the description names needs; return facts for the manifest.

    Raises:
        UserError: a setting is missing, unknown or impossible, the base or a text is missing, or it cannot be extended.
    """
    import torch

    from pipeline.encoders.extend import Settings, extend

    torch.set_num_threads(threads)
    settings = Settings(**given_settings(spec, Settings))
    manifest = made_before(spec["base"], "extend")
    parts, data = read_parts(spec["text"])
    texts = [text for _, sentences in parts for text in sentences]
    facts = extend(paths.encoder_dir(spec["base"]), texts, settings, staging)
    if not facts["pieces"]:
        print(f"{spec['encoder']}: the text needs no new piece; the encoder stays as {spec['base']} is")
    return inherited(manifest) | facts | {"data": data, "base": sha256(manifest)}


def made_before(encoder: str, to: str) -> Path:
    """Return the manifest of an encoder that another one is made from.

    Raises:
        UserError: there is none.
    """
    manifest = paths.encoder_manifest(encoder)
    if not manifest.is_file():
        raise UserError(f"{manifest}: no such file; the encoder to {to} must be made before")
    return manifest


def inherited(manifest: Path) -> dict[str, Any]:
    """Return what an encoder's manifest says of all that is made from it: the licence, what the tokenizer does to letters."""
    content = read_sealed(manifest, encoder_again(manifest.parent))
    return {key: content[key] for key in ("licence", "normaliser") if key in content}


def read_parts(text: list[dict[str, Any]]) -> tuple[list[tuple[str, list[str]]], dict[str, str]]:
    """Return the sentences of each part of a text, with `dataset/language`, and the SHA-256 of each file.

    Raises:
        UserError: a file is missing or broken, or has too few rows.
    """
    from pipeline.encoders.extend import read_text

    parts, data = [], {}
    for part in text:
        path = paths.split(part["dataset"], part["language"], part.get("split", "text"))
        what = f"{part['dataset']} {part['language']} {path.stem}"
        sentences = read_text(path, part.get("size"), part.get("data_seed"), what)
        parts.append((f"{part['dataset']}/{part['language']}", sentences))
        data[str(path)] = sha256(path)
    return parts, data


def given_settings(spec: dict[str, Any], settings: type[Any]) -> dict[str, Any]:
    """Return the description's settings, those of a dataclass: what is no place of text or weights.

    Raises:
        UserError: one is unknown, missing or of another kind.
    """
    known = [field.name for field in fields(settings)]
    kind = spec["from"]
    places = ("encoder", "from", *KINDS[kind], *([START] if kind == "pretrain" else []))
    given = {key: value for key, value in spec.items() if key not in places}
    for key in given:
        if key not in known:
            raise UserError(f"--spec: unknown key {key!r}{nearest(key, known)}")
    if missing := [key for key in known if key not in given]:
        raise UserError(f"--spec: {', '.join(missing)} missing")
    check_kinds(given, get_type_hints(settings), "--spec")
    return given


if __name__ == "__main__":
    run_stage(main)
