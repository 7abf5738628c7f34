"""The examples a run needs: read, chosen by size and seed, tokenised, each split once."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.common import paths
from pipeline.common.errors import UserError, nearest
from pipeline.common.files import check_keys
from pipeline.common.integrity import sha256
from pipeline.common.kinds import check_kinds
from pipeline.data.raw_text import raw_text
from pipeline.data.schema import CLASSES, LABELS, POSITIVE, read_split, split_labels
from pipeline.data.splits import Size, count_of, select
from pipeline.encoders.architectures import architecture_of
from pipeline.encoders.load import Encoder
from pipeline.encoders.normaliser import loses_marks, lost_marks
from pipeline.methods import method_names
from pipeline.methods.contract import Pool
from pipeline.tasks.examples import Examples
from pipeline.tasks.metric_names import MAIN, metric_names
from pipeline.training.tokens import Marks, tokenised


@dataclass(frozen=True)
class Reader:
    """How a run's rows become examples.

    Attributes:
        task: the task's module.
        tokenizer: the encoder's.
        tokenizer_hash: SHA-256 of its file.
        max_length: in sub-tokens.
        typed: whether the encoder tells the two texts of a pair apart by token types.
        test_max_length: the same as `max_length` of test examples; `None` where it is `max_length`.
        marks: the tokenizer's ids that are no ordinary pieces.
        longest_answer: sub-tokens of the longest answer that may be predicted; `None`: the task's own.
    """

    task: ModuleType
    tokenizer: Tokenizer
    tokenizer_hash: str
    max_length: int
    typed: bool = True
    test_max_length: int | None = None
    marks: Marks = field(default_factory=Marks)
    longest_answer: int | None = None

    @property
    def task_name(self) -> str:
        """The task's name in the config."""
        return self.task.__name__.rpartition(".")[2]


def reader_of(
    task: str,
    encoder: Encoder,
    folder: Path,
    max_length: int,
    test_max_length: int | None = None,
    longest_answer: int | None = None,
) -> Reader:
    """Return the reader of a task's rows for an encoder that was loaded from `folder`.

    Raises:
        UserError: test examples are to be longer than the encoder has positions for.
    """
    if test_max_length is not None and test_max_length > encoder.max_length:
        raise UserError(
            f"training.test_max_length: {test_max_length}, and the encoder in {folder} has positions for {encoder.max_length} "
            f"word pieces; expected at most {encoder.max_length}"
        )
    return Reader(
        importlib.import_module(f"pipeline.tasks.{task}"),
        encoder.tokenizer,
        sha256(folder / "tokenizer.json"),
        min(max_length, encoder.max_length),
        architecture_of(encoder.model).typed and getattr(encoder.model.config, "type_vocab_size", 1) > 1,
        test_max_length,
        Marks(encoder.unknown_id, encoder.special_ids),
        longest_answer,
    )


@dataclass
class RunData:
    """A run's view of its data.

    Attributes:
        reader: how rows become examples.
        spec: the run's: `dataset` and `source_dataset` say where a language's splits lie.
        data_seed: chooses rows.
        labels: the label set, in the order of the head's outputs; known after the first split.
        hashes: SHA-256 of every file read, by path.
        counts: of every split tokenised, by path: `max_length`, `pieces`, `unknown_pieces`, `words`, `truncated_words`; of test
            splits that lose accents or tone marks to the tokenizer `unmarked_words`, of `text_words`.
    """

    reader: Reader
    spec: Mapping[str, Any]
    data_seed: int
    labels: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def read(self, language: str, split: str, source: bool = False) -> pa.Table:
        """Read one split, of the sources' dataset or the targets', note its hash, check that it has the labels of the others.

        Raises:
            UserError: the split is missing or broken, its label set differs from the first one's, or it has no class that
                the task's main metric is about.
        """
        path = paths.run_split(self.spec, language, split, source)
        table = read_split(path, self.reader.task_name)
        self.hashes[str(path)] = sha256(path)
        labels = split_labels(table)
        self.labels = self.labels or labels
        if labels != self.labels:
            raise UserError(f"{path}: labels {labels}, but the run's other splits have {self.labels}")
        task = self.reader.task_name
        if MAIN[task] not in metric_names(task, labels):
            raise UserError(
                f"{path}: {task} is scored by {MAIN[task]}, and none of the classes {', '.join(labels)} is the positive one; "
                f"call it {POSITIVE[task]!r} in the dataset's `labels`"
            )
        return table

    def pool(self, pool: Pool) -> Examples:
        """Return the examples of one pool: the first `size` of the order by the run's `data_seed`, classes in their shares.

        A dev set has *at most* `size` rows: languages whose dev sets are smaller give all they have.
        """
        table = self.read(pool.language, pool.split, pool.source)
        size = pool.size
        if pool.split == "dev" and size is not None:
            size = min(count_of(table.num_rows, size), table.num_rows)
        path = paths.run_split(self.spec, pool.language, pool.split, pool.source)
        return self.examples(path, table, self.rows(path, table, size))

    def rows(self, path: Path, table: pa.Table, size: Size) -> NDArray[np.int64]:
        """Return which rows of a split are taken: the first `size` of the order by `data_seed`."""
        where = f"{path.parent.parent.name} {path.parent.name} {path.stem}"
        return select(table.num_rows, size, self.data_seed, where, strata(table, self.reader.task_name))

    def test(self, language: str) -> Examples:
        """Return all test examples of a language, in the file's order."""
        table = self.read(language, "test")
        path = paths.run_split(self.spec, language, "test")
        examples = self.examples(path, table, max_length=self.reader.test_max_length)
        if loses_marks(self.reader.tokenizer):
            texts = raw_text(self.reader.task_name, language, table)["text"].to_pylist()
            lost, words = lost_marks(self.reader.tokenizer, texts)
            if lost:
                self.counts[str(path)] |= {"unmarked_words": lost, "text_words": words}
        return examples

    def examples(
        self, path: Path, table: pa.Table, rows: NDArray[np.int64] | None = None, max_length: int | None = None
    ) -> Examples:
        """Return a split's rows as examples, all or the given ones in their order, tokenised at most once per split.

        They are cut at `max_length` sub-tokens, the reader's where it is `None`.
        """
        reader = self.reader
        length = reader.max_length if max_length is None else max_length
        made_of = {"split": self.hashes[str(path)], "tokenizer": reader.tokenizer_hash}
        found = tokenised(table, reader.task, reader.tokenizer, self.labels, length, path, made_of, reader.marks)
        self.counts[str(path)] = {"max_length": length, **found.counts, "truncated_words": found.truncated_words}
        found = replace(found, longest=reader.longest_answer, types=found.types if reader.typed else [])
        return found if rows is None else found.take_examples(rows)


def strata(table: pa.Table, task: str) -> list[str] | None:
    """Return every row's class, `None` where the task has no classes."""
    return table["label"].to_pylist() if task in CLASSES else None


SPEC_KEYS = (
    *("task", "dataset", "source_dataset", "sources", "auxiliary", "targets", "evaluate"),
    *("source_size", "auxiliary_size", "target_size", "dev_size", "data_seed"),
    *("encoder", "method", "training", "model_seed", "parent", "rates"),
)


KINDS: dict[str, Any] = {
    **dict.fromkeys(("task", "dataset", "encoder"), str),
    **dict.fromkeys(("source_dataset", "parent", "rates"), str | None),
    **dict.fromkeys(("sources", "auxiliary", "targets", "evaluate", "members"), list[str]),
    **dict.fromkeys(("source_size", "auxiliary_size", "target_size", "dev_size"), float | None),
    **dict.fromkeys(("data_seed", "model_seed"), int | None),
    **dict.fromkeys(("method", "training"), dict[str, Any]),
}
"""Of which kind the values of a run's spec are."""

TRAINING_KINDS: dict[str, Any] = {
    **dict.fromkeys(("batch_size", "max_length"), int),
    **dict.fromkeys(("test_max_length", "longest_answer", "patience", "epochs", "micro_batch"), int | None),
    **dict.fromkeys(("learning_rate", "weight_decay", "warmup"), float),
    "clip_norm": float | None,
    **dict.fromkeys(("optimizer", "schedule", "precision", "select"), str),
    **dict.fromkeys(("head", "select_metric", "class_weights"), str | None),
    "lora": dict[str, Any] | None,
    **dict.fromkeys(("activation_checkpointing", "trim"), bool),
}


def check_spec(spec: dict[str, Any]) -> None:
    """Check the keys of a run's spec, and of which kind its values are.

    Raises:
        UserError: a key is missing or unknown, or a value of another kind.
    """
    check_keys(spec, (*SPEC_KEYS, *(["members"] if "members" in spec else [])), "--spec")
    check_kinds(spec, KINDS, "--spec")
    for place, kinds in (("method", {"name": str}), ("training", TRAINING_KINDS)):
        check_kinds(spec[place], kinds, f"--spec: {place}")
    needed = {"method": ("name",), "training": ("batch_size", "max_length", "precision")}
    for place, keys in needed.items():
        if missing := [key for key in keys if key not in spec[place]]:
            raise UserError(f"--spec: {place}: {', '.join(missing)} missing")
    for what, name, known in (("task", spec["task"], LABELS), ("method", spec["method"]["name"], method_names())):
        if name not in known:
            raise UserError(f"--spec: {what}: {name!r}{nearest(name, known)}")


def setting_of(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of `Setting` from a run's spec."""
    training = spec["training"]
    return {
        "sources": tuple(spec["sources"]),
        "auxiliary": tuple(spec["auxiliary"]),
        "targets": tuple(spec["targets"]),
        **{key: spec[key] for key in ("source_size", "auxiliary_size", "target_size", "dev_size")},
        "batch_size": training["batch_size"],
        "epochs": training.get("epochs", 0),
        "select": training.get("select", "last"),
        "patience": training.get("patience"),
    }
