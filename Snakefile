"""Metalingua: which cross-lingual method, from which source language, and is the difference real?

    snakemake                      the default config (config/config.yaml): Babel, to its table
    snakemake --configfile MINE    your own config, instead of the default one
    snakemake -n                   what would run, and why

Other targets: `prepare` (data and encoders), `train` (runs), `tables`, `analyses`, `errors`; `plan` says what is done and what is missing,
`prune` what no config names any more (deleted with `--config confirm=yes`). Targets stand before `--configfile`. A paper's table or
figure by its name, without a config: `table_metaxl_2`, `figure_mgl_4`, `paper_xla_maml` (docs/papers.md).
"""

from snakemake.utils import min_version

min_version("9.20")


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/encoders.smk"
include: "rules/training.smk"
include: "rules/results.smk"
include: "rules/analysis.smk"
include: "rules/papers.smk"


rule all:
    default_target: True
    input:
        jobs.tables(),
        jobs.decisions(),
        jobs.analyses(),
        jobs.errors(),
        jobs.kept_models(),
    localrule: True


rule prepare:
    input:
        jobs.prepared(),
    localrule: True


rule train:
    input:
        jobs.predictions(),
        jobs.kept_models(),
    localrule: True


rule tables:
    input:
        jobs.tables(),
        jobs.decisions(),
    localrule: True
