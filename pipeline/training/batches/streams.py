"""Streams of batches: which rows come next, seeded and resumable.

A `covering` stream walks a random permutation of all its rows, batch by batch, then another: over many passes every example
weighs the same, the odd last batch included, and any two meet as often as any other two. Rows of a batch are of unlike lengths;
that they leave little padding is the model's business (`pipeline.tasks.packing`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.methods.contract import Pool, Stream
from pipeline.tasks.examples import Examples, collate, concatenate, weighted
from pipeline.tasks.packing import OWN_ROWS, Reads, area_of
from pipeline.tasks.transfer import sent_batch
from pipeline.training.batches.resident import resident


def seeded(*parts: object) -> np.random.Generator:
    """Return a generator that depends on `parts` alone: independent streams from one seed."""
    key = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return np.random.default_rng(np.frombuffer(key, dtype=np.uint32))


class Sampler:
    """The rows of one stream's batches, one array at a time."""

    def __init__(
        self, stream: Stream, examples: Examples, rng: np.random.Generator, labels: Sequence[str] = ()
    ) -> None:
        self.stream, self.examples, self.rng = stream, examples, rng
        if stream.whole and len(examples) < stream.batch_size:
            languages = ", ".join(dict.fromkeys(pool.language for pool in stream.pools))
            raise UserError(
                f"{languages}: a batch takes {stream.batch_size} examples, and there are only {len(examples)}; "
                f"set training.batch_size to at most {len(examples) // stream.sides}"
            )
        self.lengths = examples.lengths
        self.pass_ = np.empty(0, dtype=np.int64)  # a permutation of the rows, of which `position` are drawn
        self.position = 0
        self.latest = np.empty(0, dtype=np.int64)
        self.keys = list(zip(examples.ids, examples.languages, strict=True))
        self.by_class = self.group(range(len(examples))) if stream.sampling == "per_class" else {}
        if stream.sampling == "per_class":
            self.check_classes(labels)
        self.rows_of_id: dict[str, list[int]] = {}
        for row, id_ in enumerate(examples.ids if stream.paired_with is not None else ()):
            self.rows_of_id.setdefault(id_, []).append(row)

    @property
    def batches_per_pass(self) -> int:
        """Batches in one pass over all examples."""
        return -(-len(self.examples) // self.stream.batch_size)

    def next_rows(self, partner: "Sampler | None" = None) -> np.ndarray:
        """Return the rows of the next batch; `partner` is the stream this one is paired with, or excludes."""
        if self.stream.paired_with is not None and partner is not None:
            self.latest = self.paired_rows(partner)
        elif self.stream.sampling == "covering" and self.stream.excluding is None:
            self.latest = self.covering_rows()
        else:
            self.latest = self.random_rows(self.allowed_rows(partner))
        return self.latest

    def covering_rows(self) -> np.ndarray:
        """Walk on through the pass, starting a new one at its end; the last batch of a pass is what is left."""
        if self.position >= len(self.pass_):
            self.pass_, self.position = self.rng.permutation(len(self.examples)), 0
        start = self.position
        self.position = min(start + self.stream.batch_size, len(self.pass_))
        return self.pass_[start : self.position]

    def allowed_rows(self, partner: "Sampler | None") -> np.ndarray:
        """All rows but those whose examples are in the excluded stream's latest batch."""
        rows = np.arange(len(self.examples))
        if partner is None:
            return rows
        taken = {partner.keys[row] for row in partner.latest}
        return rows[[key not in taken for key in self.keys]]

    def random_rows(self, allowed: np.ndarray) -> np.ndarray:
        """Draw a batch without replacement; for `per_class`, `batch_size` rows of each class of each language."""
        if self.stream.sampling != "per_class":
            return self.rng.choice(allowed, min(self.stream.batch_size, len(allowed)), replace=False)
        groups = self.by_class if len(allowed) == len(self.examples) else self.group(allowed)
        for (language, label), rows in groups.items():
            if len(rows) < self.stream.batch_size:
                raise UserError(
                    f"{language}: class {label} has {len(rows)} examples, {self.stream.batch_size} are drawn"
                )
        drawn = [self.rng.choice(rows, self.stream.batch_size, replace=False) for _, rows in sorted(groups.items())]
        return np.concatenate(drawn)

    def group(self, rows: Iterable[int]) -> dict[tuple[str, int], list[int]]:
        """Return rows by language and class."""
        groups: dict[tuple[str, int], list[int]] = {}
        for row in rows:
            groups.setdefault((self.examples.languages[row], int(self.examples.classes[row])), []).append(int(row))
        return groups

    def check_classes(self, labels: Sequence[str]) -> None:
        """Every language must have enough examples of every class for a batch.

        Raises:
            UserError: one has not.
        """
        size = self.stream.batch_size
        for language in dict.fromkeys(self.examples.languages):
            counts = {label: len(self.by_class.get((language, i), ())) for i, label in enumerate(labels)}
            label = min(counts, key=lambda label: counts[label], default="")
            if not labels or counts[label] >= size:
                continue
            fewer = (
                f"set support_size to at most {counts[label]}, or give" if counts[label] else "leave it out, or give"
            )
            raise UserError(
                f"{language}: {counts[label] or 'no'} training examples of class {label!r}, and an episode's support takes "
                f"{size} of each; {fewer} {language} more examples"
            )

    def counterparts(self, partner: "Sampler", row: int) -> list[int]:
        """Return the rows with the id of a partner's row that are not the same example: those of other languages."""
        own = partner.keys[row]
        return [r for r in self.rows_of_id.get(own[0], []) if self.keys[r] != own]

    def check_parallel(self, partner: "Sampler") -> None:
        """Every example of the partner must have a counterpart here.

        Raises:
            UserError: one has none.
        """
        ids = partner.examples.ids
        missing = list(dict.fromkeys(ids[row] for row in range(len(ids)) if not self.counterparts(partner, row)))
        if missing:
            ours, theirs = ("+".join(dict.fromkeys(s.examples.languages)) for s in (self, partner))
            raise UserError(
                f"rows are not parallel: {len(missing)} of {len(set(ids))} examples of {theirs}, {missing[0]!r} first, "
                f"have no counterpart of the same id in {ours}; set parallel: no"
            )

    def paired_rows(self, partner: "Sampler") -> np.ndarray:
        """Return the counterparts of the partner's latest batch; of several languages or windows one at random."""
        return np.array([self.rng.choice(self.counterparts(partner, int(row))) for row in partner.latest])

    def state(self) -> dict[str, Any]:
        """Everything needed to continue with the same rows."""
        return {
            "rng": json.dumps(self.rng.bit_generator.state),
            "pass": torch.from_numpy(np.array(self.pass_)),
            "position": self.position,
            "latest": torch.from_numpy(np.array(self.latest)),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`."""
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.pass_ = state["pass"].numpy()
        self.position = int(state["position"])
        self.latest = state["latest"].numpy()


class Streams:
    """All streams of one phase; `draw` is what a method's step gets.

    `useful` and `processed` count sub-tokens drawn, without and with the padding that an encoder's pass over the batch has.
    """

    def __init__(
        self,
        streams: Mapping[str, Stream],
        pools: Mapping[Pool, Examples],
        languages: Sequence[str],
        pad_id: int,
        device: torch.device,
        seed: tuple[object, ...],
        labels: Sequence[str] = (),
        reads: Reads = OWN_ROWS,
        weights: Tensor | None = None,
    ) -> None:
        self.samplers = {
            name: Sampler(stream, concatenate([pools[pool] for pool in stream.pools]), seeded(*seed, name), labels)
            for name, stream in streams.items()
        }
        for sampler in self.samplers.values():
            if sampler.stream.paired_with is not None:
                sampler.check_parallel(self.samplers[sampler.stream.paired_with])
        self.languages, self.pad_id, self.device, self.reads = languages, pad_id, device, reads
        self.weights = None if weights is None else weights.to(device)
        self.resident = {name: resident(sampler.examples, pad_id, device) for name, sampler in self.samplers.items()}
        self.useful = self.processed = 0

    def draw(self, name: str) -> dict[str, Tensor]:
        """Return the next batch of the named stream, on the run's device."""
        sampler = self.samplers[name]
        partner = sampler.stream.paired_with or sampler.stream.excluding
        rows = sampler.next_rows(self.samplers[partner] if partner else None)
        lengths = sampler.lengths[rows]
        self.useful += int(lengths.sum())
        self.processed += area_of(tuple(lengths.tolist()), self.reads)
        return self.batch(name, rows)

    def batch(self, name: str, rows: np.ndarray) -> dict[str, Tensor]:
        """Return a batch of some rows of a stream, made on the run's device where its examples lie there, else sent there."""
        there = self.resident[name]
        if there is None:
            batch = sent_batch(collate(self.samplers[name].examples, rows, self.pad_id, self.languages), self.device)
        else:
            batch = there.batch(rows, self.languages)
        return batch if self.weights is None else weighted(batch, self.weights)

    def state(self) -> dict[str, Any]:
        """Everything needed to continue with the same batches."""
        return {name: sampler.state() for name, sampler in self.samplers.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`."""
        for name, sampler in self.samplers.items():
            sampler.restore(state[name])
