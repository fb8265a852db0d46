"""The check of lines that no test runs must find what it is there to find."""

import pathlib
import tempfile
import unittest

import check

SOURCE = """int one() {
  if (a) {
    fail(IO,
  }
  if (b) {
    fail(IO,
  }
  if (b) {
    fail(IO,
  }
}
"""


class CheckTest(unittest.TestCase):
    def problems(self, numbers: list[int], *reasons: dict) -> int:
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.cpp").write_text(SOURCE)
            lines = check.uncovered_lines({("a.cpp", number): 0 for number in numbers}, pathlib.Path(folder))
        return len(check.unexplained(lines, [{"file": "a.cpp", "reason": "", **reason} for reason in reasons]))

    def test_a_reason_is_for_the_line_after_its_neighbour(self) -> None:
        first = {"after": "if (a) {", "text": "fail(IO,"}
        second = {"after": "if (b) {", "text": "fail(IO,"}
        self.assertEqual(self.problems([3], first), 0)
        self.assertEqual(self.problems([3, 6], first), 1)  # the same text elsewhere
        self.assertEqual(self.problems([3, 6], first, second), 0)

    def test_a_reason_is_for_so_many_lines(self) -> None:
        one = {"after": "if (b) {", "text": "fail(IO,"}
        self.assertEqual(self.problems([6, 9], one), 2)
        self.assertEqual(self.problems([6, 9], {**one, "count": 2}), 0)
        self.assertEqual(self.problems([6], {**one, "count": 2}), 1)
        self.assertEqual(self.problems([], one), 1)

    def test_every_source_is_compiled_or_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src").mkdir()
            for name in ("here.cpp", "elsewhere.cpp"):
                (root / "src" / name).touch()
            report = {"files": [{"file": "src/here.cpp"}]}
            elsewhere = {"file": "src/elsewhere.cpp"}
            self.assertEqual(len(check.uncompiled(report, [], root)), 1)
            self.assertEqual(check.uncompiled(report, [elsewhere], root), [])
            self.assertEqual(len(check.uncompiled(report, [elsewhere, {"file": "src/here.cpp"}], root)), 1)
            self.assertEqual(len(check.uncompiled(report, [elsewhere, {"file": "src/gone.cpp"}], root)), 1)


if __name__ == "__main__":
    unittest.main()
