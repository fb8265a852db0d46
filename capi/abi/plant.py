"""Breaks the ABI for scripts/abi --break: --list prints every way: name, edits, and what must be said of it, if anything
in particular. Else makes one way's edits here."""

import json
import pathlib
import sys

if sys.argv[1] == "--list":
    for way in json.loads((pathlib.Path(__file__).parent / "breaks.json").read_text()):
        print(way["name"], json.dumps(way["edits"]), way.get("said", ""), sep="\t")
else:
    for name, text, replacement in json.loads(sys.argv[1]):
        path = pathlib.Path(name)
        content = path.read_text()
        if content.count(text) != 1:
            sys.exit(f"plant: {text!r} occurs {content.count(text)} times in {name}")
        path.write_text(content.replace(text, replacement))
