"""Tests of licences.py: `python3 packaging/licences_test.py`."""

import unittest

from licences import faults, is_allowed, normal, page


def crate(name, licence, source="registry+https://github.com/rust-lang/crates.io-index"):
    return {"name": name, "version": "1.0.0", "license": licence, "source": source}


class Licences(unittest.TestCase):
    def test_expressions(self):
        allowed = {"MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"}
        for expression, met in [
            ("MIT", True),
            ("GPL-3.0-only", False),
            ("GPL-3.0-only OR MIT", True),
            ("GPL-3.0-only/MIT", True),
            ("GPL-3.0-only AND MIT", False),
            ("MIT AND (GPL-3.0-only OR ISC)", True),
            ("(MIT OR Apache-2.0) AND GPL-3.0-only", False),
            ("MIT OR GPL-3.0-only AND GPL-3.0-only", True),
            ("Apache-2.0 WITH LLVM-exception", True),
            ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ]:
            self.assertEqual(is_allowed(expression, allowed), met, expression)
        for broken in ["", "MIT OR", "(MIT", "MIT)", "AND MIT", "MIT Apache-2.0", "MIT WITH"]:
            with self.assertRaises(ValueError, msg=broken):
                is_allowed(broken, allowed)

    def test_what_is_refused_is_named(self):
        wrong = list(faults([crate("a", "MIT"), crate("b", "GPL-3.0-only"), crate("c", None), crate("d", "MIT", "git+https://example.org")]))
        self.assertEqual([text.split()[0] for text in wrong], ["b", "c", "d"])

    def test_the_page_has_each_crate_once_in_lines_that_fit(self):
        text = page([crate(f"crate-{i}", "MIT/Apache-2.0" if i % 2 else "Apache-2.0 OR MIT") for i in range(99)])
        self.assertEqual(normal("MIT/Apache-2.0"), "Apache-2.0 OR MIT")
        self.assertEqual(text.count("\n## "), 1)
        whole = " ".join(text.split())
        self.assertTrue(all(whole.count(f"crate-{i} 1.0.0") == 1 for i in range(99)))
        self.assertTrue(all(len(line) <= 110 for line in text.splitlines()))


if __name__ == "__main__":
    unittest.main()
