"""Imported by the server that stages are forked from, so that none of them spends its life in imports."""

from importlib import import_module

from pipeline.common.code import run_code, stage_code
from pipeline.encoders.architectures import ARCHITECTURES, architecture_class

for stage in ("download", "preprocess", "encoder", "train", "score", "collect", "table"):
    import_module(f"pipeline.stages.{stage}")
for late in (
    *("pipeline.training.run", "pipeline.encoders.pretrain", "pipeline.encoders.continued", "pipeline.encoders.hub"),
    *(
        "pipeline.methods.metaxl",
        "pipeline.methods.fine_tune",
        "pipeline.methods.source_only",
        "pipeline.encoders.load",
    ),
    *("pipeline.data.corpora.files.read", "pipeline.data.corpora.files.fetch", "pipeline.tasks.sentiment"),
    *("pandas", "huggingface_hub", "transformers.models.bert.configuration_bert", "pipeline.data.summary"),
):
    import_module(late)
for kind in ("Model", "ForMaskedLM"):
    architecture_class(ARCHITECTURES["bert"], kind)
for stage in ("download", "encoder", "score", "collect", "table"):
    stage_code(stage)  # hashed once for all
stage_code("preprocess", "files")
for method in ("source_only", "fine_tune", "metaxl"):
    run_code(method, "sentiment")
