"""What a table says under it of rows that are averages of several runs."""

from pipeline.results.tables.table import Table

OVER = {
    "seeds": "over model seeds, one for each data seed; its tests are over these",
    "sources": "over source sets, the same in every column of a target",
    "both": "over model seeds and source sets, one for each data seed, the same in every column of a target; its "
    "tests are over data seeds",
}
"""What a row averages over, and what that makes of its numbers."""


def averaged_runs(table: Table) -> list[str]:
    """Say of which runs a row is an average, and that its numbers are no further runs."""
    labels = {str(method["name"]): method for method in table.spec.methods}
    sentences = []
    for variant, average in table.spec.averages.items():
        what = "weights" if labels[variant]["method"] == "weight_average" else "probabilities"
        text = labels[variant].get("label", variant)
        sentences.append(f"{text}: the mean {what} of the runs of {average['of']} {OVER[average['over']]}.")
    return sentences
