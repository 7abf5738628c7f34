"""The whole config as a pydantic model: the one source of its schema, defaults and documentation.

Every key is described in its section's file (`pipeline.config.experiments`, `pipeline.config.methods`, …) and nowhere else;
`python -m pipeline.config.documentation` writes `config/schema.json`, `config/default.yaml` and `config/README.md` from it. What
sections must agree on is in `pipeline.config.rules`.
"""

from pydantic import Field

from pipeline.config.analyses import Analysis, ErrorAnalysis
from pipeline.config.datasets import Dataset
from pipeline.config.encoders import Encoder
from pipeline.config.experiments import Experiment
from pipeline.config.figures import Figure
from pipeline.config.methods import AnyMethod
from pipeline.config.results import Results
from pipeline.config.section import Section
from pipeline.config.tables import Table
from pipeline.config.training import Training
from pipeline.config.values import FilePath, LanguageNames, Name, Several, Switch


class Settings(Section):
    """The whole config."""

    datasets: dict[Name, Dataset] = Field(default={}, description="corpora, by a name of your choice")
    encoders: dict[Name, Encoder] = Field(default={}, description="pretrained models, by a name of your choice")
    methods: dict[Name, AnyMethod] = Field(
        default={}, description="variants of methods, by a name of your choice; every method is there by its own name"
    )
    training: Training = Field(default=Training(), description="training settings of all runs")
    experiments: dict[Name, Experiment] = Field(default={}, description="grids of runs, by a name of your choice")
    tables: dict[Name, Table] = Field(default={}, description="tables over experiments, by file name")
    analyses: dict[Name, Analysis] = Field(
        default={}, description="representations before and after, and how far apart they are, by file name"
    )
    errors: dict[Name, ErrorAnalysis] = Field(
        default={}, description="what models get wrong, experiment by experiment, by file name"
    )
    figures: dict[Name, Figure] = Field(default={}, description="figures over experiments, by file name")
    language_names: LanguageNames = Field(
        default="codes",
        description="what figures call languages: `codes`, as the config does; `own`, each as in itself, where that is known; "
        "or names by language",
        examples=[{"ar": "العربية", "qu": "Runasimi"}],
    )
    results: Results = Field(default=Results(), description="which results of earlier code are kept; changes no run")
    confirm: Switch = Field(
        default=False, description="`snakemake prune` deletes what it shows only with `confirm=yes`"
    )
    keep: Several[FilePath] = Field(
        default=[],
        description="other config files, each for itself: `prune` keeps what they name too",
        examples=[["config/examples/wikiann.yaml"]],
    )
