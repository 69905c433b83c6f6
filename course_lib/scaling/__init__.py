"""Scaling laws: what is fitted, how sure the fit is, and how far it carries."""

from course_lib.scaling.power_law import PowerLaw, fit_power_law

__all__ = ["PowerLaw", "fit_power_law"]
