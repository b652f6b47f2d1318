"""The one kind of error that a user can mend: bad input, said in one line."""


class InputError(ValueError):
    """What is wrong, the value, what is allowed, and where: one line.

    The command prints it and ends with exit code 2.
    """
