"""Would a method help in other languages? Tests over targets: n is the number of languages, each with its mean over seeds.

The languages of a table are no random sample of all, so this says what it says of languages like these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.results.statistics.seeds import LARGEST_EXACT, Comparison, compare, holm, sign_flip

LEAST_LANGUAGES = 5
"""Of four languages Wilcoxon's test cannot go below p = .125."""


@dataclass(frozen=True)
class OverLanguages:
    """A method against the baseline over languages.

    Attributes:
        test: the paired t-test, with n languages instead of seeds.
        better: in how many languages the method's mean is higher.
        wilcoxon: two-sided p of the signed-rank test; `None` where no language differs.
        t_holm: the t-test's p after Holm over the methods compared.
        wilcoxon_holm: the signed-rank test's.
    """

    test: Comparison
    better: int
    wilcoxon: float | None
    t_holm: float | None = None
    wilcoxon_holm: float | None = None


def over_languages(methods: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[OverLanguages]:
    """Compare methods with the baseline.

    Args:
        methods: of each, its scores and the baseline's, by language in the same order.

    Raises:
        ValueError: a method and the baseline have not the same number of languages.
    """
    tests = [(compare(ours, baseline), np.asarray(ours) - np.asarray(baseline)) for ours, baseline in methods]
    signed = [wilcoxon(differences) for _, differences in tests]
    t_holm = adjusted([test.p for test, _ in tests])
    signed_holm = adjusted(signed)
    return [
        OverLanguages(test, int((differences > 1e-12).sum()), p, of_t, of_ranks)
        for (test, differences), p, of_t, of_ranks in zip(tests, signed, t_holm, signed_holm, strict=True)
    ]


def wilcoxon(differences: Sequence[float] | np.ndarray) -> float | None:
    """Return the two-sided p of Wilcoxon's signed-rank test; differences of 0 are left out, as Wilcoxon did.

    Exact up to 16 languages, ties too: all signs of the (mean) ranks are counted. Beyond that scipy's.
    """
    found = np.asarray(differences, dtype=np.float64)
    found = found[np.abs(found) > 1e-12]
    if not len(found):
        return None
    if len(found) > LARGEST_EXACT:
        return float(stats.wilcoxon(found).pvalue)
    return sign_flip(np.sign(found) * stats.rankdata(np.round(np.abs(found), 12)))


def adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust by Holm those there are; one that is undefined counts in the family as 1."""
    return [
        None if p is None else value
        for p, value in zip(p_values, holm([1.0 if p is None else p for p in p_values]), strict=True)
    ]
