"""Grading: what an instructor and an author of assignments run. The library never imports it."""
