"""The config's `datasets`, a file for each kind: the union of all loaders' models."""

from typing import Annotated

from pydantic import Field

from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.cls10 import Cls10
from pipeline.config.datasets.files import Files
from pipeline.config.datasets.marc import Marc
from pipeline.config.datasets.mlqa import Mlqa
from pipeline.config.datasets.multinli import MultiNli
from pipeline.config.datasets.sentipers import SentiPers
from pipeline.config.datasets.sentiraama import Sentiraama
from pipeline.config.datasets.squad import Squad
from pipeline.config.datasets.wikiann import WikiAnn
from pipeline.config.datasets.xnli import Xnli

Dataset = Annotated[
    Babel | WikiAnn | Xnli | MultiNli | Mlqa | Squad | Marc | SentiPers | Sentiraama | Cls10 | Files,
    Field(discriminator="loader"),
]
