"""What a kernel finds in the place of a module that computes what a graded question asks for."""

if __name__ != "course_lib.grading.sandbox.withheld":  # under its own name it is only a file
    raise ImportError(
        f"{__name__} is out of reach here: a question of this assignment asks you to write what it "
        "does"
    )
