"""Extractive question answering: the answer is a span of the context, found by the vectors of its start and its end.

Question and context are one input, `[CLS] question [SEP] context [SEP]` for BERT; a linear layer gives each sub-token T_i a
start logit S·T_i and an end logit E·T_i, trained by cross-entropy over the sub-tokens (XLA-MAML, Appendix A; Devlin et al.
2019, Section 4.2). A context too long for one input is read in several windows that overlap (384 sub-tokens, stride 128 in
the paper). The span (i, j), j >= i, with the highest S·T_i + E·T_j over all windows is the answer; it is cut out of the context
by character offsets, never put together from sub-tokens.

Every question has an answer, as in SQuAD 1.1. A window that does not hold the answer whole is trained to point at the start
token, which no prediction can be.

Characters that no sub-token shows, as marks of writing direction that a normaliser drops, can neither be found nor missed by a
model: at the ends of a right answer they belong, for its question, to the sub-token there or do not, as the answer has them
(see `spans`). Answers that no span can give all the same are counted (`unreachable`).
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from pipeline.common.errors import UserError
from pipeline.tasks.examples import Examples
from pipeline.tasks.model import token_head
from pipeline.tasks.qa_score import ENDINGS, LONGEST, score_answers
from pipeline.tasks.spans import Prediction, answer_span, own_offsets, trimmed
from pipeline.tasks.spans import unreachable as unreachable  # what a run asks of the task

METRIC = "answer_f1"  # chooses the epoch
STRIDE = 128  # sub-tokens that a window shares with the one before it (in BERT's own script: by which it begins later)
N_BEST = 20  # spans kept of each window
BLOCK = 512  # contexts tokenised at a time: what the tokenizer returns is large
MASKED = -1e9  # the logit of padding, finite so that derivatives of any order are

Candidate = tuple[float, int, int]
"""A span of a window: score, first character, one past the last character."""


@dataclass(frozen=True)
class Pairing:
    """How the tokenizer makes one input of a pair.

    Attributes:
        before: ids of the special tokens before the question.
        between: those between question and context.
        after: those after the context.
        types: token types of the special tokens in order, with one for the question and one for the context at their places.
    """

    before: NDArray[np.int32]
    between: NDArray[np.int32]
    after: NDArray[np.int32]
    types: NDArray[np.int32]

    @property
    def special(self) -> int:
        """The number of special tokens."""
        return len(self.before) + len(self.between) + len(self.after)

    def ids_of(self, question: NDArray[np.int32], context: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the ids of an input."""
        return np.concatenate([self.before, question, self.between, context, self.after])

    def types_of(self, question: int, context: int) -> NDArray[np.int32]:
        """Return the token types of an input with so many sub-tokens of question and context."""
        counts = np.ones(len(self.types), dtype=np.int64)
        counts[len(self.before)] = question
        counts[len(self.before) + 1 + len(self.between)] = context
        return np.repeat(self.types, counts)


class Context(NamedTuple):
    """A tokenised context of n sub-tokens: ids (n,), and each one's first character and one past its last (n, 2)."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int32]


class Window(NamedTuple):
    """One input of T sub-tokens: the number of its question, and what `Examples` has of a row."""

    group: int
    input_ids: NDArray[np.int32]
    label: NDArray[np.int32]
    positions: NDArray[np.int32]
    types: NDArray[np.int32]


def encode(
    table: pa.Table, tokenizer: Tokenizer, labels: Sequence[str], max_length: int, stride: int = STRIDE
) -> Examples:
    """Tokenise a split's questions, each with its context in as many windows as it takes.

    A question keeps its first sub-tokens, at most half of the room that the special tokens leave, so that the context always
    gets the other half. Windows share `stride` sub-tokens, but never more than half of a window, and the last one ends with
    the context. A context is tokenised once, however many questions it has.

    Args:
        table: rows of the task.
        tokenizer: the encoder's.
        labels: start and end, the head's two outputs.
        max_length: sub-tokens of an input, special ones included.
        stride: sub-tokens that neighbouring windows share.

    Returns:
        A row a window, `groups` numbering the questions. `labels` (2,): first and last sub-token of the first answer that
        sub-tokens stand for, exactly if one is so, if the window holds it whole, else (0, 0). `positions` (T, 2): first
        character and one past the last of each sub-token of the context, -1 elsewhere. `gold`: the question's `context`,
        `answers`, `starts` and `language`, one object for all its windows. `truncated_words`: questions whose answer no window
        holds whole.

    Raises:
        UserError: `max_length` leaves no room for a question and its context.
    """
    del labels
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    tokenizer.no_truncation()
    questions = tokenizer.encode_batch_fast(columns["question"], add_special_tokens=False)
    number = {text: i for i, text in enumerate(dict.fromkeys(columns["context"]))}
    contexts, pairing = tokenise_contexts(list(number), questions, tokenizer)
    room = max_length - pairing.special
    if room < 2:
        needed = f"expected at least {pairing.special + 2}"
        raise UserError(f"training.max_length: {max_length} leaves no room for a question and its context; {needed}")
    made: list[Window] = []
    golds = []
    for group, row in enumerate(zip(*(columns[n] for n in ("lang", "context", "answers", "starts")), strict=True)):
        language, text, answers, starts = row
        asked = np.array(questions[group].ids[: room // 2], dtype=np.int32)
        ids, offsets = contexts[number[text]]
        context = Context(ids, own_offsets(offsets, text, answers, starts))
        answer = answer_span(context.offsets, text, answers, starts)
        made += windows(group, pairing, asked, context, answer, room, stride)
        golds.append({"context": text, "answers": answers, "starts": starts, "language": language})
    groups = np.array([window.group for window in made], dtype=np.int64)
    return Examples(
        ids=[columns["id"][group] for group in groups],
        languages=[columns["lang"][group] for group in groups],
        input_ids=[window.input_ids for window in made],
        labels=[window.label for window in made],
        positions=[window.positions for window in made],
        gold=[golds[group] for group in groups],
        truncated_words=len(golds) - len({window.group for window in made if window.label.any()}),
        types=[window.types for window in made] if pairing.types.any() else [],
        groups=groups,
    )


def tokenise_contexts(
    texts: Sequence[str], questions: Sequence[Encoding], tokenizer: Tokenizer
) -> tuple[list[Context], Pairing]:
    """Tokenise contexts without special tokens, and learn from them and the questions how the tokenizer joins a pair.

    Raises:
        UserError: the tokenizer knows nothing of any text, or makes no pairs (see `pairing_of`).
    """
    contexts: list[Context] = []
    probes = [next((q for q in questions if q.ids), None), None]
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        encodings = tokenizer.encode_batch(block, add_special_tokens=False)
        probes[1] = probes[1] or next((e for e in encodings if e.ids), None)
        contexts += [context_of(text, encoding) for text, encoding in zip(block, encodings, strict=True)]
    known = [probe for probe in probes if probe is not None]
    if texts and not known:
        raise UserError("the encoder's tokenizer makes no sub-token of any question or context")
    return contexts, pairing_of(tokenizer, known[0], known[-1]) if known else Pairing(*[np.empty(0, np.int32)] * 4)


def context_of(text: str, encoding: Encoding) -> Context:
    """Return a context's sub-tokens as arrays.

    A combining mark that the tokenizer's normaliser joins to its letter, or drops, comes to belong to the sub-token before it:
    an answer never ends inside a character.
    """
    count = len(encoding)
    ids = np.array(encoding.ids, dtype=np.int32)
    offsets = np.fromiter(chain.from_iterable(encoding.offsets), dtype=np.int32, count=2 * count).reshape(count, 2)
    following = np.append(offsets[1:, 0], len(text)) if count else np.empty(0, dtype=np.int32)
    gaps = np.flatnonzero(following > offsets[:, 1])  # sub-tokens with characters after them that none stands for
    if any(is_mark(c) for c in {text[end] for end in offsets[gaps, 1].tolist()}):
        for place in gaps.tolist():
            end = int(offsets[place, 1])
            while end < following[place] and is_mark(text[end]):
                end += 1
            offsets[place, 1] = end
    return Context(ids, offsets)


def is_mark(character: str) -> bool:
    """Whether a character combines with the one before it."""
    return unicodedata.category(character).startswith("M")


def pairing_of(tokenizer: Tokenizer, question: Encoding, context: Encoding) -> Pairing:
    """Learn how the tokenizer's post-processor joins a pair of encodings without special tokens.

    Raises:
        UserError: it does not put a start token, the question and the context in this order.
    """
    pair = tokenizer.post_process(question, context)
    ids, types = np.array(pair.ids, dtype=np.int32), np.array(pair.type_ids, dtype=np.int32)
    own = np.flatnonzero(np.array(pair.special_tokens_mask) == 0)
    before = int(own[0])
    second = int(own[len(question)])  # where the context begins
    between, after = before + len(question), second + len(context)
    if not before or ids[own].tolist() != question.ids + context.ids or own[-1] + 1 != after:
        raise UserError("the encoder's tokenizer does not join a pair as start token, first text, second text")
    kinds = np.concatenate([types[: before + 1], types[between : second + 1], types[after:]])
    return Pairing(ids[:before], ids[between:second], ids[after:], kinds)


def spread(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Return begin and end of the windows over `length` sub-tokens, each of at most `room`, the last one ending with them.

    Neighbours share `stride` sub-tokens, or half of `room` where that is less: so each begins later than the one before.
    """
    step = room - min(stride, room // 2)
    begins = range(0, max(length - room, 0) + step, step)
    return [(begin, min(begin + room, length)) for begin in begins]


def windows(
    group: int,
    pairing: Pairing,
    question: NDArray[np.int32],
    context: Context,
    answer: tuple[int, int] | None,
    room: int,
    stride: int,
) -> Iterator[Window]:
    """Yield the inputs of one question.

    Args:
        group: the question's number.
        pairing: how question and context are joined.
        question: its ids, cut already.
        context: its tokenised context.
        answer: first and last sub-token of the answer in the context.
        room: sub-tokens that question and context may have together.
        stride: context sub-tokens that neighbouring windows share.
    """
    place = len(pairing.before) + len(question) + len(pairing.between)  # of the context's first sub-token
    for begin, end in spread(len(context.ids), room - len(question), stride):
        ids = pairing.ids_of(question, context.ids[begin:end])
        positions = np.full((len(ids), 2), -1, dtype=np.int32)
        positions[place : place + end - begin] = context.offsets[begin:end]
        label = np.zeros(2, dtype=np.int32)
        if answer is not None and begin <= answer[0] and answer[1] < end:
            label[:] = place + answer[0] - begin, place + answer[1] - begin
        yield Window(group, ids, label, positions, pairing.types_of(len(question), end - begin))


def make_head(hidden_size: int, labels: Sequence[str], dropout: float) -> nn.Module:
    """Return a head for every sub-token, (B, T, hidden_size) -> (B, T, 2)."""
    return token_head(hidden_size, len(labels), dropout)


def loss(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the mean of the start's and the end's cross-entropy over a batch's sub-tokens, in float32.

    The paper's is their sum; half of it keeps losses of tasks comparable, and Adam does not see the difference.

    Args:
        logits: (B, T, 2).
        batch: `labels` (B, 2), first and last sub-token of the answer; `attention_mask` (B, T), 0 where there is padding.
    """
    padding = batch["attention_mask"][:, :, None] == 0
    return functional.cross_entropy(logits.float().masked_fill(padding, MASKED), batch["labels"])


def decode(logits: Tensor, examples: Examples, rows: Sequence[int], labels: Sequence[str]) -> list[list[Candidate]]:
    """Return the best spans of every window, the best first, at most `N_BEST`.

    All spans of 1 to `examples.longest` sub-tokens of the context compete; of equals, the one that starts and then ends first is
    better.

    Args:
        logits: (B, T, 2), of the start and the end.
        examples: that the rows are of.
        rows: B rows.
        labels: start and end.
    """
    del labels
    values = logits.detach().float().cpu().numpy()
    batch, length, _ = values.shape
    longest = examples.longest or LONGEST
    places = [np.asarray(examples.positions[row]) for row in rows]
    starts = np.full((batch, length), -np.inf, dtype=np.float32)
    ends = np.full((batch, length + longest - 1), -np.inf, dtype=np.float32)
    for b, place in enumerate(places):
        context = np.flatnonzero(place[:, 0] >= 0)
        starts[b, context], ends[b, context] = values[b, context].T
    totals = starts[:, :, None] + np.lib.stride_tricks.sliding_window_view(ends, longest, axis=1)  # (B, T, longest)
    return [n_best(total, place) for total, place in zip(totals, places, strict=True)]


def n_best(totals: NDArray[np.float32], places: NDArray[np.int32]) -> list[Candidate]:
    """Return a window's best spans.

    Args:
        totals: (T, longest): score of the span that starts at a sub-token and has so many more; -inf where there is no such span.
        places: (T, 2): each sub-token's first character and one past its last.
    """
    flat = totals.reshape(-1)
    count = min(N_BEST, len(flat))
    least = np.partition(flat, len(flat) - count)[len(flat) - count]
    found = np.flatnonzero((flat >= least) & (flat > -np.inf))
    found = found[np.argsort(-flat[found], kind="stable")][:count]
    first, more = np.divmod(found, totals.shape[1])
    return list(zip(flat[found].tolist(), places[first, 0].tolist(), places[first + more, 1].tolist(), strict=True))


def merge(examples: Examples, decoded: Sequence[list[Candidate]]) -> list[Prediction]:
    """Return every question's answer: the best span of all its windows that is not blank; of equals, the earlier window's.

    Blanks at its ends are cut off. Where there is no such span, the answer is empty.

    Args:
        examples: all rows.
        decoded: the spans of every row (see `decode`).
    """
    out = []
    for begin, end in pairwise([*examples.firsts.tolist(), len(examples)]):
        context = examples.gold[begin]["context"]
        spans = sorted(chain.from_iterable(decoded[begin:end]), key=lambda candidate: -candidate[0])
        answers = (trimmed(context, start, stop) for _, start, stop in spans)
        out.append(next((answer for answer in answers if answer[0]), ("", 0, 0)))
    return out


def score(gold: Sequence[Mapping[str, Any]], predicted: Sequence[Prediction]) -> dict[str, float]:
    """Return F1 and exact match of a set of questions, by the rules of MLQA (for the contexts' languages) and SQuAD."""
    golds, languages = [g["answers"] for g in gold], [g["language"] for g in gold]
    texts = [text for text, _, _ in predicted]
    found: dict[str, float] = {}
    for rule, ending in ENDINGS.items():
        found |= {f"{name}{ending}": value for name, value in score_answers(golds, texts, languages, rule).items()}
    return found


def stored(gold: Sequence[Mapping[str, Any]], predicted: Sequence[Prediction]) -> dict[str, list[Any]]:
    """Return the columns of stored predictions: the right answers, the predicted one and its place."""
    return {
        "gold": [g["answers"] for g in gold],
        "predicted": [text for text, _, _ in predicted],
        "start": [start for _, start, _ in predicted],
        "end": [end for _, _, end in predicted],
    }
