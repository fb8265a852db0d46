"""Takes the picture of a report page that the documentation shows: its upper part, as wide as a desktop's window.

    picture.py PAGE FILE     docs/images/report.png is one of the run that scripts/train makes with LARS
"""

import pathlib
import sys

import browser

HEIGHT = 1540  # down to the end of the heat map


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    page, file = map(pathlib.Path, sys.argv[1:])
    window = browser.Browser()
    try:
        window.open(page, "desktop")
        faults = window.faults()
        if faults:
            sys.exit("picture: " + "; ".join(faults))
        window.picture(file, HEIGHT)
    finally:
        window.close()
    print(f"{file}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
