"""Every kind of stored file, the reader that stages read it with, and what an altered one of it must come to.

What is refused names the file and what mends it; what is read all the same is the very thing that was written.
"""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.common import paths
from pipeline.common.checkpoint import save
from pipeline.common.errors import UserError
from pipeline.common.files import sha256_file, write_parquet, write_text
from pipeline.common.integrity import note, write_noted, write_sealed
from pipeline.common.stored import run_record
from pipeline.data.schema import read_split
from pipeline.encoders.load import load_encoder
from pipeline.grid.decisions import stored_decision
from pipeline.results.analyses.analysis import read_vectors
from pipeline.results.figures.curves import read_course
from pipeline.results.printed.views import read_views
from pipeline.results.scores.collect import SCORES, read_scores
from pipeline.results.scores.outcomes import read_outcomes, read_scored
from pipeline.stages.preprocess import _checked_raw
from pipeline.stages.represent import represent_run
from pipeline.stages.score import attempt
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.data import reader_of
from pipeline.training.kept import read_model
from pipeline.training.run import train_run
from pipeline.training.tokens import tokenised
from tests import tiny

SPEC = tiny.spec("joint", training={"epochs": 1})
RUN = tiny.name_of(SPEC)
VIEW = {"split": "test", "sentences": 5, "seed": 3, "layer": "last", "units": "token"}
RAW = {"dataset": "raw-00000000", "language": "alpha"}
TABLE = "variant,mean\njoint,63.1\nfine_tune,60.4\n"
MEND = re.compile(r"make it again with: snakemake --force \S+ |delete it with: rm \S+;|rm -r \S+")


def seal_world() -> None:
    """Describe the tiny dataset and encoder with their digests, as the stages that make real ones do."""
    for language in ("alpha", "beta"):
        found = {name: {"sha256": sha256_file(paths.split(tiny.DATASET, language, name))} for name in paths.SPLITS}
        write_sealed(paths.data_report(tiny.DATASET, language), {"splits": found, "code": "0123456789ab"})
    folder = paths.encoder_dir(tiny.ENCODER)
    files = {p.name: {"sha256": sha256_file(p)} for p in folder.iterdir() if p.name != "manifest.json"}
    write_sealed(paths.encoder_manifest(tiny.ENCODER), {"encoder": tiny.ENCODER, "files": files})


def make_stored() -> None:
    """Write a run that kept its model, and all that is made of a run, into the working directory."""
    torch.set_num_threads(1)
    tiny.make_world(Path.cwd())
    seal_world()
    train_run(RUN, SPEC, 1, True, time.monotonic())
    attempt(RUN, "ner", "code")
    represent_run(RUN, VIEW, 1)
    write_text(paths.scored(), "{}")
    note(paths.scored())
    write_parquet(paths.scores(), SCORES.empty_table())
    note(paths.scores())
    write_noted(paths.table("few", "csv"), TABLE)
    write_sealed(paths.decisions("few"), {"cells": [{"runs": {RUN: "0" * 64}, "seen": 3, "wanted": 4}]})
    manifest = paths.raw_manifest(*RAW.values())
    write_text(manifest.with_name("train.txt"), "ada sees rome\n" * 20)
    facts = {"name": "train.txt", "sha256": sha256_file(manifest.with_name("train.txt"))}
    write_sealed(manifest, {"files": {"train": [facts]}})
    save(Path("checkpoint-0123456789ab/best-0-1.pt"), {"a": torch.arange(50.0)})
    Checkpoints(Path("checkpoint-0123456789ab")).save({"epoch": 1, "w": torch.ones(50)}, {}, "0-1")


def encoder_bytes() -> Any:
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    weights = b"".join(tensor.numpy().tobytes() for tensor in encoder.model.state_dict().values())
    return weights, encoder.tokenizer.to_str(), encoder.pad_id, encoder.model.config.to_dict()


def token_bytes() -> Any:
    folder, path = paths.encoder_dir(tiny.ENCODER), paths.split(tiny.DATASET, "beta", "test")
    table = read_split(path, "ner")
    reader = reader_of("ner", load_encoder(folder), folder, 32)
    made_of = {"split": sha256_file(path), "tokenizer": reader.tokenizer_hash}
    labels = tiny.LABELS["ner"]
    found = tokenised(table, reader.task, reader.tokenizer, labels, 32, path, made_of, reader.marks)
    ids = [row.tolist() for row in found.input_ids]
    return ids, [row.tolist() for row in found.labels], list(found.gold), list(found.ids), found.counts


def checkpoint_state() -> Any:
    """The state, or nothing where it was dropped: then the run begins anew."""
    copy = Path("resumed")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree("checkpoint-0123456789ab", copy)
    state = Checkpoints(copy).load()
    if state is None:
        return "dropped"
    return state["epoch"], state["w"].tolist(), {name: tensor.tolist() for name, tensor in state["best"].items()}


@dataclass(frozen=True)
class Kind:
    """Files of a kind, the reader that is handed them, and whether it makes them again itself."""

    files: Callable[[], list[Path]]
    read: Callable[[], Any]
    repairs: bool = False


def in_folder(pattern: str) -> Callable[[], list[Path]]:
    return lambda: sorted(Path().glob(pattern))


DATA = f"results/data/{tiny.DATASET}/beta"
KINDS: dict[str, Kind] = {
    "raw file": Kind(
        in_folder("resources/raw/*/*/*"), lambda: _checked_raw(RAW).parent.joinpath("train.txt").read_bytes()
    ),
    "split": Kind(
        in_folder(f"{DATA}/test.parquet"), lambda: read_split(Path(f"{DATA}/test.parquet"), "ner").to_pylist()
    ),
    "report": Kind(
        in_folder(f"{DATA}/report.json"), lambda: read_split(Path(f"{DATA}/test.parquet"), "ner").to_pylist()
    ),
    "tokens": Kind(in_folder(f"{DATA}/tokens/test-*/*"), token_bytes, repairs=True),
    "encoder": Kind(in_folder(f"resources/encoders/{tiny.ENCODER}/*"), encoder_bytes),
    "run.json": Kind(lambda: [paths.run_record(RUN)], lambda: run_record(RUN)),
    "model": Kind(lambda: [paths.run_model(RUN)], lambda: {k: t.tolist() for k, t in read_model(RUN).items()}),
    "predictions": Kind(lambda: [paths.predictions(RUN)], lambda: raised(attempt(RUN, "ner", "other"))),
    "history": Kind(lambda: [paths.history(RUN)], lambda: read_course(RUN, "dev").tolist()),
    "outcomes": Kind(lambda: [paths.outcomes(RUN)], lambda: read_outcomes(RUN, "ner").to_pylist()),
    "outcomes scored again": Kind(lambda: [paths.outcomes(RUN)], lambda: attempt(RUN, "ner", "code")[0], repairs=True),
    "representations": Kind(
        in_folder(f"results/runs/{RUN}/representations-*/points.parquet"), lambda: read_vectors(RUN, VIEW)[1].tolist()
    ),
    "scored.json": Kind(lambda: [paths.scored()], read_scored),
    "scores": Kind(lambda: [paths.scores()], lambda: read_scores(paths.scores()).to_pylist()),
    "table": Kind(lambda: [paths.table("few", "csv")], lambda: read_views(["few"])),
    "decision": Kind(lambda: [paths.decisions("few")], lambda: stored_decision("few")["cells"]),
    "checkpoint": Kind(in_folder("checkpoint-0123456789ab/*"), checkpoint_state, repairs=True),
}


def raised(found: Any) -> Any:
    if isinstance(found, Exception):
        raise found
    return found[0]


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    place, bit = int(rng.integers(len(content))), int(rng.integers(8))
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(len(content)))]


def try_out(kind: Kind, path: Path, content: bytes, whole: Any) -> str:
    """Read an altered file by its reader and say how it went; put it back."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        found = kind.read()
    except UserError as error:
        said = str(error)
        assert path.name in said and len(said) < 2000, said
        assert MEND.search(said), said
        return "refused"
    finally:
        if path.parent.exists():
            path.write_bytes(before)
    assert found in (whole, "dropped"), f"{path}: taken for what was written"
    return "dropped" if found == "dropped" else "the same"


def faults(kind: Kind, name: str, flips: int, cuts: int = 2) -> list[str]:
    """Flip bits in a kind's files, and cut them short, and return how each went."""
    whole, rng = kind.read(), np.random.default_rng(list(name.encode()))
    out = []
    for number in range(flips + cuts):
        files = kind.files()
        assert files
        path = files[int(rng.integers(len(files)))]
        if not path.stat().st_size:
            continue  # tokens of a task without a field
        alter = flipped if number < flips else cut
        out.append(try_out(kind, path, alter(path.read_bytes(), rng), whole))
    return out
