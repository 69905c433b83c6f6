"""Grades out to Canvas, Moodle and tables; submissions and extensions in from them."""
