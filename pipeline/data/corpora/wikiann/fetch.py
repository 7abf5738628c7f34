"""Where WikiAnn comes from: mirror, hub, original archive or folder, each checked by the counts the splits must hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.paths import SPLITS
from pipeline.data import fetching, sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.wikiann.layouts import HUB_SPLITS, find_files
from pipeline.data.corpora.wikiann.read import read_sentences

ARCHIVE = "https://s3.amazonaws.com/datasets.huggingface.co/wikiann/1.1.0/panx_dataset.zip"
HUB = fetching.HubLayout(folder=lambda language: language, names=HUB_SPLITS)

# Sentences in train, dev and test.
EXPECTED = (
    dict.fromkeys(("en", "es", "id", "ru", "tr", "zh"), (20_000, 10_000, 10_000))
    | {"ka": (10_000, 10_000, 10_000)}
    | dict.fromkeys(("kk", "sw", "te"), (1_000, 1_000, 1_000))
    | dict.fromkeys(("cdo", "gn", "gu", "ilo", "jv", "mhr", "mi", "my", "pa", "qu", "tk", "xmf", "yo"), (100, 100, 100))
)


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get one language's files from the first source of `spec["sources"]` that has them, whole and labelled.

    Args:
        spec: the download's spec: `language`, `sources`, `hub`, `archive`, `test`, `dev`, `expected`.
        work: folder for downloads; partial ones in it are resumed.
        mirror: a folder with this dataset's files under `wikiann/`.
        folder: the user's own copy.

    Raises:
        UserError: no source worked; says why for each.
    """
    language = str(spec["language"])

    def count(files: Sequence[Path], split: str) -> int:
        return len(read_sentences(files, language, split).rows)

    expected = dict(zip(SPLITS, EXPECTED.get(language, ()), strict=False))
    places = fetching.Places(
        "wikiann", own_splits(spec), find_files, count, expected, HUB, ARCHIVE, member="{language}.tar.gz"
    )
    return fetching.fetch(places, spec, work, mirror, folder)
