"""What all rules share: the config in effect, checked and expanded into jobs.

Reads the config; writes what jobs are handed, under .snakemake/metalingua/: lists, named by their content, and the package.
`jobs` answers every rule's questions by look-up: see pipeline/grid/jobs.py.
"""

import sys

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# The Snakefile's folder leads sys.path until `libraries_first`: so this is its own package, whatever else is installed.
try:
    from pipeline.common import startup
except ImportError:
    said = "the package `pipeline` of these rules is neither beside them nor installed"
    raise WorkflowError(
        f"{said}: install their version (docs/clusters/module.md)"
    ) from None

startup.libraries_first()

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.failures import tell_mistakes_once
from pipeline.grid.jobs import read_jobs
from pipeline.grid.module import check_module, files_of
from pipeline.grid.papers import default_for
from pipeline.grid.printing import document_files
from pipeline.grid.resources import Needs, gpu_slots, note_evaluation, share_devices

# As a module of another workflow it has neither config files nor a command line.
alone = workflow.modifier.is_main_snakefile()
words = sys.argv[1:] if alone else []
startup.settle_snakemake()
startup.prepare_commands(shell, alone)
tell_mistakes_once(logger)
note_evaluation()
try:
    startup.check_place()
    startup.check_storage(workflow.storage_settings.default_storage_provider)
    check_module(workflow.modifier)
    share_devices(workflow.global_resources)
    default_config = default_for(words, read=alone and not workflow.configfiles)
except UserError as error:
    raise WorkflowError(str(error)) from None

# Snakemake merges config files key by key: the demo must not leak into a config of the user's own.
if alone and not workflow.configfiles:

    configfile: str(default_config)


try:
    files = workflow.configfiles if alone else files_of(config, workflow.configfiles)
    jobs = read_jobs(config, files, words)
    needs = Needs(jobs.grid, workflow.resource_settings.overwrite_resources)
except UserError as error:
    raise WorkflowError(f"config:\n{error}") from None

# Jobs are not told of targets, so they are handed what a paper's target made of its config.
if jobs.printing.targets():
    workflow.config_settings.configfiles[:] = [jobs.absolute_config_file]


wildcard_constraints:
    dataset="[^/]+",
    language="[^/]+",
    encoder="[^/]+",
    run="[^/]+",
    table="[^/]+",
    analysis="[^/]+",
    errors="[^/]+",
    figure="[^/]+",
    printed="table_[^/]+",
    paper="(?!table_)[^/]+",


ruleorder: ensemble > train_parent > train_run
