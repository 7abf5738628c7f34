"""Where MLQA comes from: mirror, hub, original archive or folder, each checked by the counts the splits must hold.

On the hub, `google/xtreme` has it in folders `MLQA.<context>.<question>`, and `facebook/mlqa` in `mlqa.<context>.<question>`
(at a revision that was converted to Parquet).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.mlqa.read import HAS, ON_DEV, PAIRS, context_and_question, read_files
from pipeline.data.fetching import HubLayout, Places, find_named
from pipeline.data.fetching import fetch as fetch_from

ARCHIVE = "https://dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip"
HUB_SPLITS = {"dev": "validation", "test": "test"}

# Questions in dev and test by language; every question is there in English too. The paper and its README say 5,254 for es, but
# the files hold 5,253 (as the cards of google/xtreme, facebook/mlqa and TensorFlow Datasets count them).
_ALIKE = {
    "ar": (517, 5_335),
    "de": (512, 4_517),
    "en": (1_148, 11_590),
    "es": (500, 5_253),
    "hi": (507, 4_918),
    "vi": (511, 5_495),
    "zh": (504, 5_137),
}
# Questions that two languages share, whichever of them the context is in (the same cards).
_SHARED = {
    ("ar", "de"): (207, 1_649),
    ("ar", "es"): (161, 1_978),
    ("ar", "hi"): (186, 1_831),
    ("ar", "vi"): (163, 2_047),
    ("ar", "zh"): (188, 1_912),
    ("de", "es"): (196, 1_776),
    ("de", "hi"): (163, 1_430),
    ("de", "vi"): (182, 1_675),
    ("de", "zh"): (190, 1_621),
    ("es", "hi"): (187, 1_723),
    ("es", "vi"): (189, 2_018),
    ("es", "zh"): (161, 1_947),
    ("hi", "vi"): (177, 1_947),
    ("hi", "zh"): (189, 1_767),
    ("vi", "zh"): (184, 1_943),
}


def expected(language: str) -> dict[str, int]:
    """Return how many questions the splits of a language, or of a pair `<context>.<question>`, must hold."""
    context, question = context_and_question(language)
    if context == question or "en" in (context, question):
        counts = _ALIKE[context if question == "en" else question]
    else:
        counts = _SHARED[min(context, question), max(context, question)]
    return dict(zip(HAS, counts, strict=True))


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get one language's files from the first source of `spec["sources"]` that has them, whole and with answers.

    Args:
        spec: the download's spec: `language`, `sources`, `hub`, `archive`, `test`, `dev`, `expected`.
        work: folder for downloads; partial ones in it are resumed.
        mirror: a folder with this dataset's files under `mlqa/`.
        folder: the user's own copy.

    Raises:
        UserError: no such language, or no source worked; says why for each.
    """
    language = str(spec["language"])
    pair = ".".join(context_and_question(language))
    owner_and_name = str((spec.get("hub") or {}).get("repository", ""))
    above = "mlqa" if owner_and_name.rpartition("/")[2] == "mlqa" else "MLQA"
    places = Places(
        "mlqa",
        splits=own_splits(spec, HAS),
        find=find,
        count=lambda files, split: read_files(files, language, split, spec).table.num_rows,
        expected=expected(language),
        hub=HubLayout(lambda _: f"{above}.{pair}", HUB_SPLITS, by_language=False),
        archive=ARCHIVE,
    )
    return fetch_from(places, spec, work, mirror, folder)


def find(folder: Path, language: str, splits: Sequence[str], work: Path) -> sources.Files:
    """Find a language's files in a folder, in the first layout that has them.

    Raises:
        UserError: the language is not there, or lacks one of the splits.
    """
    try:
        return find_named(folder, language, splits, _names, PAIRS)
    except UserError as error:
        if "test" not in splits or not any(list(folder.glob(name)) for name in _names(language, "dev")):
            raise
        raise UserError(f"{error}{ON_DEV}") from None


def _names(language: str, split: str) -> tuple[str, ...]:
    """Return where a split's file may lie: the original layout, flat, the hub's; last, part of the test set by name."""
    if split not in HAS:
        return ()
    context, question = context_and_question(language)
    name = f"{split}-context-{context}-question-{question}"
    hub = f"{context}.{question}/{HUB_SPLITS[split]}-*.parquet"
    whole = (f"MLQA_V1/{split}/{name}.json", f"{split}/{name}.json", f"{name}.json", f"MLQA.{hub}", f"mlqa.{hub}")
    return (*whole, f"derived-{split}/{name}.subset.json", f"{name}.subset.json")
