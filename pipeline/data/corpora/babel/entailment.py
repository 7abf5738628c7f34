"""What follows from a meaning: whether one event or referent tells another, contradicts it, or leaves it open.

Articles do not count, and two descriptions are of one event if they can be, as in annotated corpora of inference (Bowman
et al. 2015, Section 2.1): a claim is only contradicted where all of it but the clashing part is told.
"""

from enum import IntEnum

from pipeline.data.corpora.babel.meaning import Attribute, Event, Referent, opposite, type_of


class Match(IntEnum):
    """How a claim stands to what is told; of several parts, the greatest is that of the whole."""

    TOLD = 0
    CLASH = 1
    OPEN = 2


def match_event(told: Event, claim: Event) -> Match:
    """Compare two events, their denial aside: told if the claim says the same or less."""
    if (told.verb, told.past) != (claim.verb, claim.past):
        return Match.OPEN
    referents = {argument.role: argument.referent for argument in told.arguments}
    parts = [Match.TOLD if claim.manner in (None, told.manner) else Match.OPEN, _match_number(told.time, claim.time)]
    for argument in claim.arguments:
        found = referents.get(argument.role)
        parts.append(Match.OPEN if found is None else match_referent(found, argument.referent))
    return max(parts)


def match_referent(told: Referent, claim: Referent) -> Match:
    """Compare two referents; a question word stands for all referents of its type."""
    if claim.asked is not None:
        return Match.TOLD if type_of(told) == claim.asked else Match.OPEN
    if claim.noun not in (None, told.noun) or claim.name not in (None, told.name):
        return Match.OPEN
    parts = [_match_number(told.count, claim.count)]
    parts += [_match_quality(told.attributes, attribute) for attribute in claim.attributes]
    return max(parts)


def _match_number(told: int | None, claim: int | None) -> Match:
    """Compare two numbers, of which each may be absent."""
    if claim is None or told == claim:
        return Match.TOLD
    return Match.OPEN if told is None else Match.CLASH


def _match_quality(told: tuple[Attribute, ...], claim: Attribute) -> Match:
    """Compare a quality with all that is told."""
    degrees = frozenset(range(-2, 3))
    for attribute in told:
        if attribute.concept == claim.concept:
            degrees &= _degrees(attribute)
        elif attribute.concept == opposite(claim.concept):
            degrees &= frozenset(-degree for degree in _degrees(attribute))
    if degrees <= _degrees(claim):
        return Match.TOLD
    return Match.OPEN if degrees & _degrees(claim) else Match.CLASH


def _degrees(attribute: Attribute) -> frozenset[int]:
    """Return what a quality leaves possible on the scale from very much the opposite, -2, to very much so, 2."""
    degrees = range(2 if attribute.intensified else 1, 3)
    return frozenset(degree for degree in range(-2, 3) if (degree in degrees) != attribute.negated)
