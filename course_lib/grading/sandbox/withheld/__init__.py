"""What a kernel finds in the place of a module that computes what a graded question asks for."""

raise ImportError(
    f"{__name__} is out of reach here: a question of this assignment asks you to write what it does"
)
