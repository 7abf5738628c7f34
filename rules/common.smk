"""What all rules share: the config in effect, checked and expanded into jobs.

Reads the config; writes what jobs are handed, under .snakemake/metalingua/: lists, named by their content, and the package.
`jobs` answers every rule's questions by look-up: see pipeline/grid/jobs.py.
"""

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# The Snakefile's folder leads sys.path until `libraries_first`: so this is its own package, whatever else is installed.
from pipeline.common.startup import (
    check_place,
    collect_garbage_seldom,
    libraries_first,
    safe_commands,
    use_this_python,
)

libraries_first()

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.failures import tell_mistakes_once
from pipeline.grid.jobs import gpu_slots, read_jobs

collect_garbage_seldom()
use_this_python()
shell.prefix(safe_commands())
tell_mistakes_once(logger)

# Snakemake merges config files key by key: the demo must not leak into a config of the user's own.
if not workflow.configfiles:

    configfile: str(paths.default_config())


try:
    check_place()
    jobs = read_jobs(config, workflow.configfiles)
except UserError as error:
    raise WorkflowError(f"config:\n{error}") from None


wildcard_constraints:
    dataset="[^/]+",
    language="[^/]+",
    encoder="[^/]+",
    run="[^/]+",
    table="[^/]+",
    analysis="[^/]+",
    errors="[^/]+",
    figure="[^/]+",


ruleorder: ensemble > train_parent > train_run
