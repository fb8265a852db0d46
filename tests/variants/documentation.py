"""docs/variants.md names the tests of the differences: each there is one, and each is there."""

import pathlib
import re
import unittest

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "variants.md"


class DocumentationTest(unittest.TestCase):
    def test_the_page_names_the_tests_of_all_differences(self) -> None:
        named = set(re.findall(r"`test_(\w+)`", PAGE.read_text()))
        sources = [(HERE / file).read_text() for file in ("differences.py", "formula_differences.py")]
        there = {name for source in sources for name in re.findall(r"def test_(\w+)\(", source)}
        self.assertEqual(named, there)
