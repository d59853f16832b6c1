"""`python -m tests.unit.docs`: write the generated pages.

--redraw draws the picture of the display anew from the kept snapshot; --picture runs a migration for a new one; --page
runs one and takes a picture of the page, in a headless Chromium.
"""

import sys

from tests.unit.docs import photograph, picture
from tests.unit.docs.pages import DOCS, PAGES


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    pictures = DOCS / "pictures"
    if "--picture" in sys.argv[1:]:
        picture.keep(picture.watch(), pictures)
    elif "--page" in sys.argv[1:]:
        (pictures / "page.png").write_bytes(photograph.taken())
    elif "--redraw" in sys.argv[1:]:
        picture.keep(picture.read(pictures / "live.json"), pictures)


if __name__ == "__main__":
    main()
