"""Languages' names in figures: fonts found on a made up machine, shaping there or not, directions."""

from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from pipeline.results.figures import labels as module
from pipeline.results.figures.drawing import save
from pipeline.results.figures.labels import CODES, END, ISOLATE, MAIN, Labels, family_of, labels_of

BURMESE, THAI = "မြန်မာ", "ไทย"


def font(path: Path, family: str, text: str) -> Path:
    """A font of empty glyphs for a text's letters."""
    names = {ord(letter): f"u{ord(letter):04x}" for letter in text}
    order = [".notdef", *names.values()]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: TTGlyphPen(None).glyph() for name in order})
    builder.setupHorizontalMetrics({name: (500, 0) for name in order})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with two fonts for Burmese and a broken file; Matplotlib's list is put back afterwards."""
    files = [
        font(tmp_path / "Archaic-Regular.ttf", "Archaic", BURMESE),
        font(tmp_path / "NotoSansMyanmar-Regular.ttf", "Noto Sans Myanmar", BURMESE),
        font(tmp_path / "NotoSansMyanmar-Bold.ttf", "Noto Sans Myanmar", BURMESE + THAI),
    ]
    (tmp_path / "Broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [*map(str, files), str(tmp_path / "Broken.ttf")])
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    yield
    font_manager._findfont_cached.cache_clear() if hasattr(font_manager, "_findfont_cached") else None


def test_a_font_is_found_that_has_every_letter_and_languages_without_one_keep_their_codes(machine, monkeypatch):
    monkeypatch.setattr(module, "shapes", lambda: True)
    labels = labels_of({"de": "Deutsch", "my": BURMESE, "th": THAI})
    assert labels.families == (MAIN, "Noto Sans Myanmar"), "upright fonts of normal weight, the known ones first"
    assert [labels.of(code) for code in ("de", "my", "th", "qu")] == ["Deutsch", BURMESE, "th", "qu"]
    assert labels.note == "th by code: no font here can write their names"
    figure = Figure()
    with matplotlib.rc_context(labels.style):
        figure.text(0, 0, labels.of("my"))
    assert "Noto Sans Myanmar" in figure.texts[0].get_fontfamily()
    path = font_manager.findfont(font_manager.FontProperties("Noto Sans Myanmar"))
    assert Path(path).name == "NotoSansMyanmar-Regular.ttf"


def test_without_shaping_what_needs_it_stays_a_code(machine, monkeypatch):
    monkeypatch.delattr(module.ft2font, "__libraqm_version__", raising=False)
    labels = labels_of({"ar": "العربية", "my": BURMESE, "ru": "Русский", "vi": "Tiếng Việt"})
    assert labels.names == {"ru": "Русский", "vi": "Tiếng Việt"}
    assert labels.note == "ar, my by code: Matplotlib cannot write their names here"


def test_matplotlibs_own_font_has_greek_cyrillic_and_arabic_letters():
    assert {family_of(name) for name in ("Ελληνικά", "Русский", "Tiếng Việt", "فارسی")} == {MAIN}


def test_a_name_from_right_to_left_turns_nothing_beside_it():
    labels = Labels({"ar": "العربية", "fa": "فارسی"})
    assert labels.of("ar") == f"{ISOLATE}العربية{END}"
    assert labels.joined("ar+en") == f"{ISOLATE}العربية{END}+en"
    assert CODES.joined("ar+en") == "ar+en" and CODES.note == ""


def test_marks_of_direction_are_no_letters_of_a_pdf(tmp_path):
    """As outlines they take no room; as letters Matplotlib makes them as wide as a blank."""
    figure = Figure(figsize=(1, 1))
    figure.text(0, 0, f"{ISOLATE}العربية{END} → x")
    figure.text(0, 0.5, "plain")
    save(figure, tmp_path / "f.png")
    outlined = [bool(text.get_path_effects()) for text in figure.findobj(Text) if text.get_text()]
    assert outlined == [True, False]
