#!/usr/bin/python3
"""The check of the layer table for circles, on tables made for it."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import layers  # noqa: E402


class Circles(unittest.TestCase):
    def test_table_without_a_circle_none_is_found(self):
        self.assertEqual(layers.circles({"a": [], "b": ["a"], "c": ["a", "b", "hoptrail/v1"], "d": ["b", "c"]}), [])

    def test_two_directories_include_each_other_both_are_named(self):
        self.assertEqual(layers.circles({"a": ["b"], "b": ["a"]}), [["a", "b", "a"]])

    def test_longer_circle_that_the_first_row_leads_to_is_found(self):
        self.assertEqual(layers.circles({"a": ["b"], "b": ["c"], "c": ["d"], "d": ["b"]}), [["b", "c", "d", "b"]])

    def test_circle_through_one_header_is_found(self):
        self.assertEqual(layers.circles({"a/x": ["b/x/one.h"], "b/x": ["a/x"]}), [["a/x", "b/x", "a/x"]])

    def test_circle_through_everything_below_a_directory_is_found(self):
        self.assertEqual(layers.circles({"a": ["b/*"], "b/x/y": ["a"], "bc": ["a"]}), [["a", "b/x/y", "a"]])

    def test_directory_whose_entry_covers_itself_is_no_circle(self):
        self.assertEqual(layers.circles({"a": ["a/*"], "a/x": []}), [])


if __name__ == "__main__":
    unittest.main()
