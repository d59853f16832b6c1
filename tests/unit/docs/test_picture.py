"""The picture in the README shows what the display shows now, from a snapshot of a real migration; that of the page."""

from tests.unit.docs import picture
from tests.unit.docs.pages import DOCS

PICTURE = DOCS / "pictures/live.svg"


def test_the_picture_says_what_the_display_says_of_the_kept_snapshot() -> None:
    drawn = picture.drawn(picture.read(DOCS / "pictures/live.json"))
    kept = PICTURE.read_text(encoding="utf-8")
    assert picture.words_of(kept) == picture.words_of(drawn), "run: python -m tests.unit.docs --redraw"


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    text = PICTURE.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in text


def test_the_picture_of_the_page_is_one_and_small() -> None:
    page = (DOCS / "pictures/page.png").read_bytes()
    assert page.startswith(b"\x89PNG\r\n")
    assert len(page) < 150_000
