"""From a meaning to a sentence of one language, with the place of every constituent.

A meaning becomes a tree of `Node`s in the language's order; reading the tree's leaves gives the tokens, and the first
and last leaf under a node give the span of its path. Every constituent is contiguous in every language.
"""

from dataclasses import dataclass

from pipeline.data.corpora.babel.lexicon import Lexicon
from pipeline.data.corpora.babel.meaning import Argument, Attribute, Concept, Event, Name, Path, Referent, Statement

QUESTION_WORDS = {"PER": "who", "ORG": "who", "LOC": "where", "thing": "what"}  # by type of the referent asked for


@dataclass(frozen=True, slots=True)
class Node:
    """A constituent: its path (None: no constituent of the meaning, a mere group) and its parts in order."""

    path: Path | None
    parts: "tuple[Node | str, ...]"


@dataclass(frozen=True)
class Sentence:
    """A realised meaning.

    Attributes:
        tokens: the words.
        spans: for the path of every constituent, its first token and the one after its last.
    """

    tokens: tuple[str, ...]
    spans: dict[Path, tuple[int, int]]

    @property
    def text(self) -> str:
        """The tokens joined by blanks."""
        return " ".join(self.tokens)

    def words(self, path: Path) -> tuple[str, ...]:
        """Return the tokens of a constituent."""
        start, stop = self.spans[path]
        return self.tokens[start:stop]

    def characters(self, path: Path) -> tuple[int, int]:
        """Return the span of a constituent in `text`: its first character and the one after its last."""
        start, stop = self.spans[path]
        first = sum(len(token) + 1 for token in self.tokens[:start])
        return first, first + len(" ".join(self.tokens[start:stop]))


def realise(statement: Statement, lexicon: Lexicon) -> Sentence:
    """Say a statement in a language."""
    parts: list[Node | str] = []
    for i, event in enumerate(statement.events):
        if i and statement.relation is not None:
            parts.append(Node(("relation",), (lexicon.functions[statement.relation],)))
        parts.append(event_node(event, ("events", i), lexicon))
    return flatten(Node((), (*parts, ".")))


def flatten(node: Node) -> Sentence:
    """Read a tree's leaves and the spans of its constituents."""
    tokens: list[str] = []
    spans: dict[Path, tuple[int, int]] = {}

    def visit(node: Node) -> None:
        start = len(tokens)
        for part in node.parts:
            if isinstance(part, str):
                tokens.append(part)
            else:
                visit(part)
        if node.path is not None:
            spans[node.path] = (start, len(tokens))

    visit(node)
    return Sentence(tuple(tokens), spans)


def event_node(event: Event, path: Path, lexicon: Lexicon) -> Node:
    """Order an event: subject, object and verb by the language's order; then where the other roles and time go."""
    order = lexicon.language.order
    by_role = {argument.role: argument for argument in event.arguments}
    object_marked = (order.index("S") < order.index("V")) == (order.index("O") < order.index("V"))
    core: dict[str, list[Node | str]] = {"S": [], "O": [], "V": [verb_node(event, path, lexicon)]}
    if "agent" in by_role:
        core["S"] = [referent_node(by_role["agent"].referent, (*path, "agent"), lexicon)]
    if "patient" in by_role:
        patient = referent_node(by_role["patient"].referent, (*path, "patient"), lexicon)
        core["O"] = [_adposition("object", patient, lexicon)] if object_marked else [patient]
    others = [oblique_node(a, path, lexicon) for a in event.arguments if a.role not in ("agent", "patient")]
    if event.time is not None:
        number = Node((*path, "time"), (lexicon.word(Concept("number", event.time)),))
        others.append(_adposition("time", number, lexicon))
    # Verb-final languages keep the verb last: obliques follow the subject; elsewhere they close the clause.
    groups = [core[letter] for letter in order]
    groups.insert(order.index("S") + 1 if order.endswith("V") else len(groups), list(others))
    return Node(path, tuple(part for group in groups for part in group))


def oblique_node(argument: Argument, path: Path, lexicon: Lexicon) -> Node:
    """Say an argument that an adposition introduces."""
    referent = referent_node(argument.referent, (*path, argument.role), lexicon)
    return _adposition(argument.role, referent, lexicon)


def _adposition(name: str, node: Node, lexicon: Lexicon) -> Node:
    """Put an adposition on its side of a phrase; it is no part of the phrase's constituent."""
    word = lexicon.functions[name]
    return Node(None, (word, node) if lexicon.language.adposition == "before" else (node, word))


def verb_node(event: Event, path: Path, lexicon: Lexicon) -> Node:
    """Say a verb with its tense, negation and manner."""
    word = lexicon.word(event.verb)
    verb: list[Node | str] = [Node((*path, "verb"), (lexicon.affixed(word, "past") if event.past else word,))]
    if event.negated:
        verb.insert(0, Node((*path, "negated"), (lexicon.functions["not"],)))
    if event.manner is not None:
        manner = Node((*path, "manner"), (lexicon.word(event.manner),))
        verb.insert(0 if lexicon.language.order.endswith("V") else len(verb), manner)
    return Node(None, tuple(verb))


def referent_node(referent: Referent, path: Path, lexicon: Lexicon) -> Node:
    """Say a referent: a noun with article, number and attributes; a name; or both; or a question word."""
    if referent.asked is not None:
        return Node(path, (lexicon.functions[QUESTION_WORDS[referent.asked]],))
    name = [] if referent.name is None else [name_node(referent.name, (*path, "name"), lexicon)]
    if referent.noun is None:
        return Node(path, tuple(name))
    word = lexicon.word(referent.noun)
    plural = referent.count is not None and referent.count > 1
    noun: list[Node | str] = [Node((*path, "noun"), (lexicon.affixed(word, "plural") if plural else word,))]
    attributes = [
        attribute_node(attribute, (*path, "attributes", i), lexicon) for i, attribute in enumerate(referent.attributes)
    ]
    phrase = [*attributes, *noun] if lexicon.language.adjective == "before" else [*noun, *attributes]
    if referent.count is not None:
        phrase.insert(0, Node((*path, "count"), (lexicon.word(Concept("number", referent.count)),)))
    if referent.name is None and lexicon.language.article != "none":
        article = lexicon.functions["the" if referent.definite else "a"]
        phrase.insert(0 if lexicon.language.article == "before" else len(phrase), article)
    return Node(path, (*phrase, *name) if lexicon.language.title == "before" else (*name, *phrase))


def attribute_node(attribute: Attribute, path: Path, lexicon: Lexicon) -> Node:
    """Say an attribute, denied or intensified."""
    marks = [lexicon.functions["not"]] * attribute.negated + [lexicon.functions["very"]] * attribute.intensified
    return Node(path, (*marks, lexicon.word(attribute.concept)))


def name_node(name: Name, path: Path, lexicon: Lexicon) -> Node:
    """Say a name; all of it, linking words included, is the name's span."""
    language = lexicon.language
    link = [lexicon.functions["link"]] if name.linked else []
    stems: list[Node | str] = [Node((*path, "stems", i), (lexicon.word(s),)) for i, s in enumerate(name.stems)]
    if name.noun is None:
        if link and len(stems) > 1:
            stems[1:1] = link
        if name.quality is not None:
            quality = Node((*path, "quality"), (lexicon.word(name.quality),))
            stems.insert(0 if language.adjective == "before" else len(stems), quality)
        return Node(path, tuple(stems))
    noun = Node((*path, "noun"), (lexicon.word(name.noun),))
    if link:  # "bank of Varo" with prepositions, "Varo of bank" with postpositions
        parts = (noun, *link, *stems) if language.adposition == "before" else (*stems, *link, noun)
    else:
        parts = (*stems, noun) if language.possessor == "before" else (noun, *stems)
    return Node(path, parts)
