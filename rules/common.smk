"""What all rules share: the config in effect, checked and expanded into jobs.

Reads the config; writes the lists that jobs are handed, under .snakemake/metalingua/ (named by their content).
`jobs` answers every rule's questions by look-up: see pipeline/grid/jobs.py.
"""

from snakemake.exceptions import WorkflowError

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.grid.jobs import (
    collect_garbage_seldom,
    gpu_slots,
    read_jobs,
    use_this_python,
)

collect_garbage_seldom()
use_this_python()
try:
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
    figure="[^/]+",


ruleorder: train_parent > train_run
