"""The report on paper, read again: names in any script, pictures that are spoilt, and an old report that survives."""

from __future__ import annotations

import io
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdf
import pytest
from fontTools.ttLib import TTFont

from station.contract import DefectChanged
from station.quality import report as reports
from station.records.history import History
from station.records.store import Store
from tests.rigs.records import run_on_disk
from tests.rigs.reported_roll import long_line, recipe, record

NAMES = (
    "卷布-十二号", "緞織り ロール", "두루마리 7", "Ткань № 7", "Ρολό 12", "Łódź źdźbło", "Čeština ř", "İplik ğüş",
    "Dệt lụa", "कपड़ा रोल", "ผ้าฝ้าย", "שלום 7", "ქსოვილი", "Köper",
)  # fmt: skip

Told = Callable[[str, object], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def printed(store: Store, name: str, file: Path) -> tuple[list[str], pypdf.PdfReader]:
    """Record a roll, print its report, and return what was left out and the file."""
    record(store, name, recipe())
    left_out = reports.to_pdf(reports.report(History(store), name), file)
    return left_out, pypdf.PdfReader(file)


def words(reader: pypdf.PdfReader) -> str:
    return unicodedata.normalize("NFC", "\n".join(page.extract_text() for page in reader.pages))


def fonts(reader: pypdf.PdfReader) -> dict[str, bytes]:
    """The font files in a PDF, by the names of the fonts."""
    found = {}
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            described = inner["/FontDescriptor"]
            program = next((described[key] for key in ("/FontFile2", "/FontFile3") if key in described), None)
            assert program is not None, f"{inner['/BaseFont']} is not in the file"
            found[str(inner["/BaseFont"])] = program.get_object().get_data()
    return found


def test_pdf_holds_the_summary_and_the_pictures(store: Store, tmp_path: Path) -> None:
    left_out, reader = printed(store, "R<1>& #x *y* $z$ \\", tmp_path / "r.pdf")
    assert left_out == []
    text = words(reader)
    for line in ("Roll R<1>& #x *y* $z$ \\", "10.00 m", "camera gone", "four-point v1", "The worst defects"):
        assert line in text, line
    assert sum(len(page.images) for page in reader.pages) == 3, "the rejects; what passed is not shown"
    assert str(reader.metadata.title) == "Roll R<1>& #x *y* $z$ \\"


def test_a_long_faint_line_is_named_so_and_shown_first_where_it_exceeds_its_own_threshold_most(
    store: Store, tmp_path: Path
) -> None:
    record(store, "R1", recipe(), ended=False)
    store.write(DefectChanged(long_line(5, 95_000, 900)))
    assert store.flush()
    assert reports.to_pdf(reports.report(History(store), "R1"), tmp_path / "r.pdf") == []
    text = " ".join(words(pypdf.PdfReader(tmp_path / "r.pdf")).split()).replace("warp- wise", "warp-wise")
    assert text.count("long, faint: warp-wise line") == 2, "in the table and below its picture"
    assert text.index("no 5, long, faint") < text.index("no 3, spot")


@pytest.mark.field("f07")
def test_names_in_any_script_are_on_paper_in_fonts_of_the_file(
    store: Store, tmp_path: Path, record_property: Told
) -> None:
    for number, name in enumerate(NAMES):
        left_out, reader = printed(store, name, tmp_path / f"{number}.pdf")
        assert left_out == []
        text = words(reader)
        plain = unicodedata.normalize("NFKC", text)
        seen = [sign for sign in unicodedata.normalize("NFKC", name) if sign not in plain and not sign.isspace()]
        assert not seen, f"{seen} of {name} cannot be copied out of the PDF"
        assert fonts(reader)
    record_property(
        "now",
        f"Names in {len(NAMES)} scripts and languages, and Arabic, are on the PDF in embedded open fonts and can be "
        "copied out of it; a sign that no font has is printed as its number and told on the page and on stderr.",
    )


@pytest.mark.field("f07")
def test_arabic_letters_are_joined_and_run_from_the_right(store: Store, tmp_path: Path) -> None:
    """Three times one letter is three glyphs: as it begins, goes on and ends a word."""
    _, reader = printed(store, "ببب", tmp_path / "r.pdf")
    (arabic,) = [data for name, data in fonts(reader).items() if "Arabic" in name and "Bold" in name]
    glyphs = TTFont(io.BytesIO(arabic)).getGlyphOrder()
    assert glyphs[1:4] == ["uniFE90", "uniFE92", "uniFE91"], "drawn from the left: how it ends, goes on, begins"
    _, reader = printed(store, "لفة 12 قماش", tmp_path / "mixed.pdf")
    text = words(reader)
    assert "لفة" in text
    assert "قماش" in text


@pytest.mark.field("f07")
@pytest.mark.parametrize(
    ("sign", "number"), [("\U00010900", "U+10900"), ("\U0001e000", "U+1E000"), ("\U00013000", "U+13000")]
)
def test_a_sign_without_a_glyph_is_a_number_and_told(store: Store, tmp_path: Path, sign: str, number: str) -> None:
    left_out, reader = printed(store, f"roll {sign} 7", tmp_path / "r.pdf")
    assert [sentence for sentence in left_out if number in sentence] == left_out != []
    text = words(reader)
    assert f"Roll roll [{number}] 7" in text
    assert "No font here has the signs" in text


@pytest.mark.field("f13")
def test_a_picture_that_cannot_be_read_is_left_out_and_named(
    store: Store, tmp_path: Path, record_property: Told
) -> None:
    record(store, "R1", recipe())
    made = reports.report(History(store), "R1")
    first, second, third = [Path(str(d.crop_file)) for d in made.defect_list if d.counts]
    whole = first.read_bytes()
    for spoilt in (b"", b"no picture at all", whole[: len(whole) // 2], whole[:40] + bytes(9) + whole[49:]):
        first.write_bytes(spoilt)
        (sentence,) = reports.to_pdf(made, tmp_path / "r.pdf")
        assert "The picture of defect no 1 cannot be read and was left out" in sentence
    second.unlink()
    third.unlink()
    third.mkdir()
    left_out = reports.to_pdf(made, tmp_path / "r.pdf")
    assert [sentence.split(" and was")[0] for sentence in left_out] == [
        "The picture of defect no 3 cannot be read",
        "The picture of defect no 2 is missing",
        "The picture of defect no 1 cannot be read",
    ]
    reader = pypdf.PdfReader(tmp_path / "r.pdf")
    text = " ".join(words(reader).split())
    assert "picture is missing" in text
    assert "The picture of defect no 1 cannot be read and was left out" in text
    assert not any(page.images for page in reader.pages)
    record_property(
        "now", "A picture that is empty, cut, spoilt or missing is left out and named on the page and on stderr."
    )
    shutil.rmtree(third)


FULL_DISK = """
from station.quality import report as reports
from tests.rigs.reported_roll import recipe, record

with Store.open(home.parent / "records") as store:
    record(store, "R1", recipe())
    made = reports.report(History(store), "R1")
for name in ("r.pdf", "r.csv"):
    (home / name).write_text("the report of last week")
(home / "filler").write_bytes(bytes(2 << 20))
try:
    with (home / "rest").open("wb", buffering=0) as rest:
        while True:
            rest.write(bytes(4096))
except OSError:
    pass
for write, name in ((reports.to_pdf, "r.pdf"), (reports.to_csv, "r.csv")):
    try:
        write(made, home / name)
    except reports.ReportError as error:
        print(error)
    print((home / name).read_text())
print(sorted(path.name for path in home.iterdir()))
"""


@pytest.mark.slow
@pytest.mark.field("f14")
@pytest.mark.skipif(sys.platform != "linux", reason="makes a small disk with unshare and mount")
def test_an_old_report_survives_a_full_disk(tmp_path: Path, record_property: Told) -> None:
    outcome = run_on_disk("size=4m", FULL_DISK, tmp_path / "disk")
    assert outcome.returncode == 0, outcome.stderr
    pdf, old_pdf, csv, old_csv, left = outcome.stdout.splitlines()
    for told in (pdf, csv):
        assert "cannot be written to" in told
        assert "No space left on device" in told
    assert old_pdf == old_csv == "the report of last week"
    assert left == "['filler', 'r.csv', 'r.pdf', 'rest']"
    record_property(
        "now",
        "On a full 4 MB disk PDF and CSV are refused in a sentence, the report of last week is untouched and nothing "
        "is left beside it; so are maps, screenshots and pages of results.",
    )
