"""Takes the pictures of a report page that the documentation shows: its upper part, as wide as a document and as a phone.

    picture.py PAGE FOLDER     into FOLDER/report.png and FOLDER/report-phone.png. Those of docs/images are of
                               lars-train --model lenet --batch 2048 --epochs 3 --warmup-epochs 1
"""

import pathlib
import sys

import browser

END = "return document.getElementById('trust').getBoundingClientRect().bottom + scrollY"  # of the heat map


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    page, folder = map(pathlib.Path, sys.argv[1:])
    window = browser.Browser()
    try:
        for size, name in (("document", "report.png"), ("phone", "report-phone.png")):
            window.open(page, size)
            faults = window.faults()
            if faults:
                sys.exit("picture: " + "; ".join(faults))
            window.picture(folder / name, round(window.run(END)) + 16)
            print(f"{folder / name}: {(folder / name).stat().st_size} bytes")
    finally:
        window.close()


if __name__ == "__main__":
    main()
