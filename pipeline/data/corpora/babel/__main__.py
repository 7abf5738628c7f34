"""Print a family's distances, a meaning said in each of its languages, and examples of every task, as Markdown.

    python -m pipeline.data.corpora.babel [--seed 0] [--family '{"newish": {"parent": "hubbish", "change_rate": 0.3}}']

`docs/babel.md` holds what is printed for the default family; a test keeps it in step.
"""

import argparse
import json
from typing import Any

from pipeline.common.errors import UserError, run_stage
from pipeline.data.corpora.babel.distance import distance_table
from pipeline.data.corpora.babel.family import Family, parse_family
from pipeline.data.corpora.babel.generate import TASKS, generate
from pipeline.data.corpora.babel.lexicon import build
from pipeline.data.corpora.babel.meaning import Argument, Attribute, Concept, Event, Name, Referent, Statement
from pipeline.data.corpora.babel.ner import tags
from pipeline.data.corpora.babel.realise import realise

EXAMPLE = Statement(
    (
        Event(
            Concept("verb", 3),
            (
                Argument(
                    "agent", Referent(Concept("person", 0), Name("PER", (Concept("stem", 7), Concept("stem", 2))))
                ),
                Argument("patient", Referent(Concept("thing", 4), None, (Attribute(Concept("quality", 1)),), count=2)),
                Argument("place", Referent(name=Name("ORG", (Concept("stem", 7),), Concept("organisation", 5)))),
            ),
            past=True,
        ),
    )
)


def example(seed: int, family: Family) -> str:
    """Return the example meaning said in every language, names in brackets, as Markdown."""
    lines = []
    for language in family:
        sentence = realise(EXAMPLE, build(seed, family, language))
        words = []
        for token, tag in zip(sentence.tokens, tags(EXAMPLE, sentence), strict=True):
            words.append(f"{token}/{tag}" if tag != "O" else token)
        lines.append(f"{language:<10}{' '.join(words)}")
    return "```\n" + "\n".join(lines) + "\n```"


def document(seed: int, family: Family) -> str:
    """Return the distance table and the example."""
    return f"{distance_table(seed, family)}\n\n{example(seed, family)}"


def task_examples(seed: int, overrides: dict[str, Any], language: str) -> str:
    """Return examples of every task but named entities in one language, one of each label, as Markdown."""
    blocks = []
    for task in TASKS:
        if task == "ner":
            continue
        sizes = {"train": 30, "dev": 1, "test": 1, "text": 1}
        spec = {"language": language, "task": task, "seed": seed, "sizes": sizes, "family": overrides}
        by_label: dict[str, dict[str, Any]] = {}
        for row in generate(spec).splits["train"].table.to_pylist():
            by_label.setdefault(row.get("label", ""), row)
        blocks += [_shown(task, by_label[label]) for label in sorted(by_label)]
    return "```\n" + "\n\n".join(blocks) + "\n```"


def _shown(task: str, row: dict[str, Any]) -> str:
    """Return a row, a line a column."""
    lines = [task if "label" not in row else f"{task}: {row['label']}"]
    for name, value in row.items():
        if name not in ("id", "lang", "label", "starts"):
            lines.append(f"  {name:<12}{', '.join(value) if isinstance(value, list) else value}")
    return "\n".join(lines)


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.data.corpora.babel", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of the family")
    parser.add_argument("--family", default="{}", help="parameters of languages, as JSON")
    arguments = parser.parse_args()
    try:
        overrides = json.loads(arguments.family)
    except json.JSONDecodeError as error:
        raise UserError(f"--family: not valid JSON: {error}") from None
    family = parse_family(overrides)
    print(f"{document(arguments.seed, family)}\n\n{task_examples(arguments.seed, overrides, next(iter(family)))}")


if __name__ == "__main__":
    run_stage(main)
