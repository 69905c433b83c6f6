"""Verdicts outside the student's reach: the kernel returns values, the grader judges them.

A course takes part by having ``checks/<assignment>.py`` (see `course_lib.checking`). Before a
notebook runs, each graded cell that calls `probe` is armed with hidden inputs; afterwards the
values it showed are judged here, the cell gets its released source back, and its outputs say the
verdict in the form that nbgrader reads.
"""
