"""Runs: one job each, one GPU slot each.

Reads Parquet splits, the encoder's manifest and, for a child or an average, its parents' models; writes results/runs/<run>/. Only what other
rules read is declared (with ten thousand runs each further file costs seconds at every start); the rest of the folder is
known by run.json. A killed run resumes from results/runs/<run>/checkpoint-<code>/: Snakemake removes only declared files.
"""


rule train_run:
    input:
        jobs.run_inputs,
    output:
        predictions=str(paths.predictions("{run}")),
    log:
        "logs/train/{run}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        gpu=gpu_slots(),
        mem_mb=needs.run_mem_mb,
        runtime=needs.run_runtime,
    params:
        spec=jobs.run_spec,
        code=jobs.run_code,
        keep=jobs.keep_model,
    shell:
        """
        python -m pipeline.stages.train \
            --code {params.code:q} \
            --run {wildcards.run:q} \
            --spec {params.spec:q} \
            --threads {threads} \
            {params.keep} \
            >{log:q} 2>&1
        """


# The same job for a run with children: it keeps its model. A run that stops being a parent is not run again.
use rule train_run as train_parent with:
    output:
        predictions=str(paths.predictions("{run}")),
        model=str(paths.run_model("{run}")),
    wildcard_constraints:
        run=jobs.parents_pattern(),
    priority: 10


# An ensemble reads what its members predicted: no GPU, no encoder, seconds.
rule ensemble:
    input:
        jobs.run_inputs,
    output:
        predictions=str(paths.predictions("{run}")),
    log:
        "logs/train/{run}.log",
    benchmark:
        "logs/train/{run}.tsv"
    wildcard_constraints:
        run=jobs.ensembles_pattern(),
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        spec=jobs.run_spec,
        code=jobs.run_code,
    shell:
        """
        python -m pipeline.stages.ensemble \
            --code {params.code:q} \
            --run {wildcards.run:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """
