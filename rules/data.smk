"""From a dataset's own files to Parquet splits, language by language.

Reads the mirror, the hub, the archive or your own files (a generated dataset reads nothing); writes resources/raw/<dataset>/<language>/ and
results/data/<dataset>/<language>/{train,dev,test,text}.parquet with a report beside them.
"""


rule download:
    input:
        ancient(jobs.own_files),  # any date: `content` tells what changed
        content=jobs.own_content,
    output:
        manifest=str(paths.raw_manifest("{dataset}", "{language}")),
    log:
        "logs/download/{dataset}/{language}.log",
    benchmark:
        "logs/download/{dataset}/{language}.tsv"
    retries: 0  # the stage itself tries troubled servers again; nothing else is changed by another attempt
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        spec=jobs.download_spec,
        code=jobs.download_code,
        location=jobs.download_location,
    shell:
        """
        python -m pipeline.stages.download \
            --code {params.code:q} \
            --spec {params.spec:q} \
            {params.location} \
            >{log:q} 2>&1
        """


rule preprocess:
    input:
        jobs.raw_manifest,
    output:
        splits=[
            str(paths.split("{dataset}", "{language}", name))
            for name in ("train", "dev", "test", "text")
        ],
        report=str(paths.data_report("{dataset}", "{language}")),
    log:
        "logs/preprocess/{dataset}/{language}.log",
    benchmark:
        "logs/preprocess/{dataset}/{language}.tsv"
    retries: 0
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        spec=jobs.data_spec,
        code=jobs.data_code,
    shell:
        """
        python -m pipeline.stages.preprocess \
            --code {params.code:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """
