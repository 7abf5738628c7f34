"""The encoders that runs start from: a snapshot of the hub, a folder, pretrained here, or one of these extended or trained on.

Reads results/data/<dataset>/<language>/text.parquet of the languages an encoder is pretrained on; for one that is extended or
trained on the manifest of the one it is made from, and text.parquet or train.parquet of its languages (the others read nothing of
ours); writes resources/encoders/<encoder>/, which the other rules know by its manifest.
"""


rule encoder:
    input:
        jobs.encoder_text,
    output:
        manifest=str(paths.encoder_manifest("{encoder}")),
    log:
        "logs/encoder/{encoder}.log",
    benchmark:
        "logs/encoder/{encoder}.tsv"
    priority: 20
    conda:
        "../envs/pipeline.yaml"
    threads: 2
    resources:
        gpu=gpu_slots(),
        mem_mb=needs.encoder_mem_mb,
        runtime=needs.encoder_runtime,
    params:
        spec=jobs.encoder_spec,
        code=jobs.encoder_code,
        location=jobs.encoder_location,
    shell:
        """
        python -m pipeline.stages.encoder \
            --code {params.code:q} \
            --spec {params.spec:q} \
            --threads {threads} \
            {params.location} \
            >{log:q} 2>&1
        """
