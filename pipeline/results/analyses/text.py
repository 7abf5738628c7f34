"""An analysis as CSV (one line a run), JSON (summaries and correlations), Markdown and LaTeX."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from pipeline.results.analyses.analysis import (
    DISTANCES,
    STATES,
    Analysis,
    Measured,
    Pair,
    hausdorff,
    modified_hausdorff,
    spread,
)
from pipeline.results.analyses.distance import decimals
from pipeline.results.statistics.correlation import Correlation
from pipeline.results.statistics.seeds import Summary
from pipeline.results.tables.characters import advice
from pipeline.results.tables.characters import escape as latex_escape
from pipeline.results.tables.render import escape as markdown_escape

CSV_COLUMNS = (
    *("analysis", "sources", "target", "data_seed", "model_seed", "state", "method", "run"),
    *("hausdorff", "modified_hausdorff", "source_to_target", "target_to_source"),
    *("mean_source_to_target", "mean_target_to_source", "spread", "source_points", "target_points", "metric", "score"),
)
UNITS = {"token": "words (first sub-tokens)", "sentence": "sentences (start tokens)"}
HEADERS = (
    *("pair", "n", "Hausdorff: before", "after", "drop", "modified: before", "after", "drop"),
    *("spread: before", "after", "score: before", "after", "gain"),
)


def to_csv(analysis: Analysis) -> str:
    """Return one line per language pair, seed and state with everything measured; scores ×100."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for pair in analysis.pairs:
        for (data_seed, model_seed), both in pair.seeds.items():
            for state, measured in zip(STATES, both, strict=True):
                place = {
                    "analysis": analysis.name,
                    "sources": "+".join(pair.sources),
                    "target": pair.target,
                    "data_seed": data_seed,
                    "model_seed": model_seed,
                    "state": state,
                    "method": analysis.spec.before if state == "before" else analysis.spec.after,
                    "metric": analysis.spec.metric,
                }
                writer.writerow({**place, **_run(measured)})
    return out.getvalue()


def _run(measured: Measured) -> dict[str, Any]:
    found = measured.distances
    numbers = {"hausdorff": found.hausdorff, "modified_hausdorff": found.modified_hausdorff, **asdict(found)}
    return {
        "run": measured.run,
        **{key: round(value, 9) for key, value in numbers.items()},
        "source_points": measured.source_points,
        "target_points": measured.target_points,
        "score": round(100 * measured.score, 6),
    }


def to_json(analysis: Analysis) -> str:
    """Return each pair's mean gain and drops, and the correlations: what the scatter figure is drawn from."""
    pairs = [
        {
            "pair": pair.label,
            "sources": list(pair.sources),
            "target": pair.target,
            "seeds": len(pair.seeds),
            "gain": _summary(pair.gain, 100),
            "drop": {kind: _summary(pair.change(value)) for kind, value in DISTANCES.items()},
        }
        for pair in analysis.pairs
    ]
    spec = analysis.spec
    value = {
        "analysis": analysis.name,
        "before": spec.before,
        "after": spec.after,
        "metric": spec.metric,
        "pairs": pairs,
        "correlations": {
            kind: {k: round(v, 9) if isinstance(v, float) else v for k, v in asdict(found).items()}
            for kind, found in analysis.correlations.items()
        },
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _summary(summary: Summary, scale: float = 1) -> dict[str, Any]:
    return {
        "mean": round(scale * summary.mean, 9),
        "sd": None if summary.sd is None else round(scale * summary.sd, 9),
        "n": summary.n,
    }


def to_markdown(analysis: Analysis) -> str:
    """Return the caption, the table of language pairs, the correlations and what to bear in mind."""
    rows = [[markdown_escape(cell) for cell in row_of(pair)] for pair in analysis.pairs]
    table = tabulate(rows, headers=HEADERS, tablefmt="pipe", disable_numparse=True, colalign=ALIGNED)
    lines = tabulate(correlation_rows(analysis), headers=CORRELATION_HEADERS, tablefmt="pipe", disable_numparse=True)
    parts = [" ".join(caption(analysis)), table, correlation_title(analysis), lines, REMARKS]
    return "\n\n".join(parts) + "\n"


ALIGNED = ("left", *["right"] * (len(HEADERS) - 1))
CORRELATION_HEADERS = ("drop of", "n", "Pearson r [95 %]", "p", "Spearman ρ", "note")
REMARKS = (
    "Hausdorff is a maximum: one odd word can set it; the modified distance is a mean of nearest distances. The spread is the "
    "mean distance of any two points: where it falls with the distance, the whole space has shrunk, not the gap between the "
    "languages. See docs/analysis.md."
)


def caption(analysis: Analysis) -> list[str]:
    """Return the sentences that say what was measured."""
    spec, view = analysis.spec, analysis.spec.view
    layer = "the last layer" if view["layer"] == "last" else f"layer {view['layer']}"
    return [
        f"{analysis.name}: {spec.before} (before) and {spec.after} (after), experiment {spec.experiment}.",
        f"Cosine distances between source and target {UNITS[view['units']]} in {layer}, at most {view['sentences']} "
        f"{view['split']} sentences per language.",
        f"Score: {spec.metric} ×100. Mean ± standard deviation over n seeds.",
    ]


def row_of(pair: Pair) -> list[str]:
    """Return a language pair's cells."""
    cells = [pair.label, str(len(pair.seeds))]
    for value in (hausdorff, modified_hausdorff):
        cells += [number(pair.summary(state, value)) for state in (0, 1)] + [number(pair.change(value), sign=True)]
    cells += [number(pair.summary(state, spread)) for state in (0, 1)]
    scores = [pair.summary(state, lambda measured: measured.score) for state in (0, 1)]
    return [*cells, *(number(score, 100, 1) for score in scores), number(pair.gain, 100, 1, sign=True)]


def number(summary: Summary, scale: float = 1, digits: int | None = None, sign: bool = False) -> str:
    """Word a mean with its deviation, `0.512 ± 0.010`; the deviation only where there is one.

    Without `digits`, those of a distance: some encoders' vectors all lean one way, and differ in the fourth digit.
    """
    mean = scale * summary.mean
    places = decimals(mean) if digits is None else digits
    text = f"{mean:{'+' if sign else ''}.{places}f}".replace("-", "−")
    return text if summary.sd is None else f"{text} ± {scale * summary.sd:.{places}f}"


def correlation_title(analysis: Analysis) -> str:
    """Say what is correlated."""
    return f"Over language pairs, the gain in {analysis.spec.metric} against the drop of the distance:"


def correlation_rows(analysis: Analysis) -> Sequence[Sequence[str]]:
    """Return a row for each distance."""
    return [[kind, str(found.n), *correlation_cells(found)] for kind, found in analysis.correlations.items()]


def correlation_cells(found: Correlation) -> list[str]:
    """Word a correlation: r with its interval, p, ρ, and why something is missing."""
    if found.pearson is None:
        return ["–", "–", "–", found.reason]
    text = pearson_text(found)
    p = "" if found.p is None else "< .001" if found.p < 0.001 else f"{found.p:.3f}".replace("0.", ".")
    rho = "–" if found.spearman is None else signed(found.spearman)
    return [text, p, rho, found.reason]


def pearson_text(found: Correlation) -> str:
    """Word Pearson's r, with its interval where there is one: `+0.40 [−0.42, +0.86]`."""
    if found.pearson is None:
        return "–"
    if found.low is None or found.high is None:
        return signed(found.pearson)
    return f"{signed(found.pearson)} [{signed(found.low)}, {signed(found.high)}]"


def signed(value: float) -> str:
    """Word a correlation with its sign, to two digits."""
    return f"{value:+.2f}".replace("-", "−")


def to_latex(analysis: Analysis) -> str:
    """Return the table of language pairs as a `table` environment with booktabs rules; the correlations in its caption."""
    heads = ("pair", "$n$", *["before", "after", "drop"] * 2, *["before", "after"] * 2, "gain")
    groups = (("Hausdorff", 3, 5), ("modified Hausdorff", 6, 8), ("spread", 9, 10), ("score", 11, 13))
    spanned = " & ".join(rf"\multicolumn{{{b - a + 1}}}{{c}}{{{name}}}" for name, a, b in groups)
    rules = "".join(rf"\cmidrule(lr){{{a}-{b}}}" for _, a, b in groups)
    rows = [" & ".join(latex_escape(cell) for cell in row_of(pair)) + r" \\" for pair in analysis.pairs]
    said = "; ".join(
        f"{kind} {pearson_text(found) if found.pearson is not None else found.reason}"
        for kind, found in analysis.correlations.items()
    )
    pairs = len(analysis.pairs)
    text = f"{' '.join(caption(analysis))} Pearson's r of gain and drop over {pairs} language pairs: {said}."
    lines = [
        r"\begin{table}",
        r"\centering\scriptsize\setlength{\tabcolsep}{2pt}",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        rf" & & {spanned} \\ {rules}",
        " & ".join(heads) + r" \\ \midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{latex_escape(text)}}}",
        r"\end{table}",
    ]
    return "\n".join([*advice("\n".join(lines)), *lines]) + "\n"
