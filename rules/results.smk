"""From predictions to tables, and what is there, missing or left over.

Reads results/runs/<run>/predictions.parquet of all runs; writes results/runs/<run>/scores.parquet, results/scored.json,
results/scores.parquet, results/tables/<table>.{csv,md,tex,html} and results/errors/<errors>.{csv,md,tex,pdf,png}. One job scores all
runs: what is current is skipped. Where the config adds seeds until comparisons are decided, results/decisions/<table>.json says
which are, and the next start reads it. The list
of runs with their code hashes is an input, a file named by its content: so a changed config or edited code reaches the
checks of `collect` even where Snakemake's own records are lost.
"""


rule score:
    input:
        predictions=jobs.predictions(),
        runs=jobs.runs_file,
    output:
        str(paths.scored()),
    log:
        "logs/score.log",
    benchmark:
        "logs/score.tsv"
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=jobs.stage_code("score"),
    shell:
        """
        python -m pipeline.stages.score \
            --runs {input.runs:q} \
            --threads {threads} \
            >{log:q} 2>&1
        """


rule collect:
    input:
        scored=str(paths.scored()),
        runs=jobs.runs_file,
        reports=jobs.reports(),
    output:
        str(paths.scores()),
    log:
        "logs/collect.log",
    benchmark:
        "logs/collect.tsv"
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=jobs.stage_code("collect"),
    shell:
        """
        python -m pipeline.stages.collect \
            --runs {input.runs:q} \
            >{log:q} 2>&1
        """


rule table:
    input:
        str(paths.scores()),
    output:
        [str(paths.table("{table}", suffix)) for suffix in ("csv", "md", "tex")],
        report(
            str(paths.table("{table}", "html")),
            caption="captions/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        "logs/table/{table}.log",
    benchmark:
        "logs/table/{table}.tsv"
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=jobs.table_spec,
        code=jobs.stage_code("table"),
    shell:
        """
        python -m pipeline.stages.table \
            --name {wildcards.table:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """


rule decide:
    input:
        scores=str(paths.scores()),
        scored=str(paths.scored()),
    output:
        str(paths.decisions("{table}")),
    log:
        "logs/decide/{table}.log",
    benchmark:
        "logs/decide/{table}.tsv"
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=jobs.decide_spec,
        code=jobs.stage_code("decide"),
    shell:
        """
        python -m pipeline.stages.decide \
            --name {wildcards.table:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """


rule breakdown:
    input:
        jobs.error_inputs,
        scores=str(paths.scores()),
    output:
        [
            str(paths.errors("{errors}", suffix))
            for suffix in ("csv", "md", "tex", "pdf")
        ],
        report(
            str(paths.errors("{errors}", "png")),
            caption="captions/errors.rst",
            category="Errors",
            labels={"analysis": "{errors}"},
        ),
    log:
        "logs/errors/{errors}.log",
    benchmark:
        "logs/errors/{errors}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        spec=jobs.error_spec,
        code=jobs.stage_code("errors"),
    shell:
        """
        python -m pipeline.stages.errors \
            --name {wildcards.errors:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """


rule errors:
    input:
        jobs.errors(),
    localrule: True


rule plan:
    log:
        "logs/plan.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: workflow.resource_settings.cores or 1  # `cores` refuses to be unset, as on clusters
    params:
        config=jobs.config_file,
    shell:
        """
        python -m pipeline.commands.plan \
            --configfile {params.config:q} \
            --jobs {threads} \
            2>&1 | tee {log:q}
        """


rule prune:
    log:
        "logs/prune.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        config=jobs.config_file,
        confirm=jobs.confirm,
    shell:
        """
        python -m pipeline.commands.prune \
            --configfile {params.config:q} \
            {params.confirm} \
            2>&1 | tee {log:q}
        """
