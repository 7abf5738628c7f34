"""From kept models to distances and figures: how far source and target lie apart before and after.

Reads results/runs/<run>/model/model.safetensors of the runs that analyses name, their splits and encoders, and
results/scores.parquet; writes results/runs/<run>/representations-<view>/points.parquet,
results/analyses/<analysis>.{csv,json,md,tex} and results/figures/<figure>.{pdf,png}.
"""


rule represent:
    input:
        jobs.represent_inputs,
    output:
        str(paths.representations("{run}", "{view}")),
    log:
        "logs/represent/{run}-{view}.log",
    benchmark:
        "logs/represent/{run}-{view}.tsv"
    wildcard_constraints:
        view="[0-9a-f]{8}",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        gpu=gpu_slots(),
        mem_mb=needs.run_mem_mb,
        runtime=needs.represent_runtime,
    params:
        spec=jobs.view,
        code=jobs.represent_code,
    shell:
        """
        python -m pipeline.stages.represent \
            --run {wildcards.run:q} \
            --spec {params.spec:q} \
            --threads {threads} \
            >{log:q} 2>&1
        """


rule analysis:
    input:
        jobs.analysis_inputs,
        scores=str(paths.scores()),
    output:
        [str(paths.analysis("{analysis}", suffix)) for suffix in ("json", "md", "tex")],
        report(
            str(paths.analysis("{analysis}", "csv")),
            caption="captions/analysis.rst",
            category="Analyses",
            labels={"analysis": "{analysis}"},
        ),
    log:
        "logs/analysis/{analysis}.log",
    benchmark:
        "logs/analysis/{analysis}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        spec=jobs.analysis_spec,
        code=jobs.stage_code("analysis"),
    shell:
        """
        python -m pipeline.stages.analysis \
            --name {wildcards.analysis:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """


rule figure:
    input:
        jobs.figure_inputs,
    output:
        str(paths.figure("{figure}", "pdf")),
        report(
            str(paths.figure("{figure}", "png")),
            caption="captions/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "logs/figure/{figure}.log",
    benchmark:
        "logs/figure/{figure}.tsv"
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        spec=jobs.figure_spec,
        code=jobs.stage_code("figure"),
    shell:
        """
        python -m pipeline.stages.figure \
            --name {wildcards.figure:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """


rule analyses:
    input:
        jobs.analyses(),
    localrule: True
