"""Tables and figures by the papers' own names and numbers: `snakemake table_metaxl_2`, `figure_mgl_4`, `paper_xla_maml`.

Reads results/tables/*.csv of the tables that a paper's table is put together from, results/figures/*, and the published numbers
(published/); writes results/papers/table_<paper>_<number>.{csv,md,tex} and results/papers/<paper>.{tex,pdf}, the PDF where
pdflatex is there. Which config is read: rules/common.smk.
"""


rule printed:
    input:
        jobs.printing.printed_inputs,
    output:
        [str(paths.printed("{printed}", suffix)) for suffix in ("csv", "md", "tex")],
    log:
        "logs/printed/{printed}.log",
    benchmark:
        "logs/printed/{printed}.tsv"
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=jobs.printing.printed_spec,
        published=jobs.printing.published,
        content=jobs.printing.published_content,
        code=jobs.stage_code("printed"),
    shell:
        """
        python -m pipeline.stages.printed \
            --name {wildcards.printed:q} \
            --published {params.published:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """


rule document:
    input:
        jobs.printing.document_inputs,
    output:
        document_files("{paper}"),
    log:
        "logs/document/{paper}.log",
    benchmark:
        "logs/document/{paper}.tsv"
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=jobs.printing.document_spec,
        published=jobs.printing.published,
        content=jobs.printing.published_content,
        code=jobs.stage_code("document"),
    shell:
        """
        python -m pipeline.stages.document \
            --name {wildcards.paper:q} \
            --published {params.published:q} \
            --spec {params.spec:q} \
            >{log:q} 2>&1
        """


for target, files in jobs.printing.targets().items():

    rule:
        name:
            target
        input:
            files,
        localrule: True
