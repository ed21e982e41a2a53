"""Errors that are the user's to mend, told apart from defects of ours."""


class InputError(ValueError):
    """Bad input: one line that names the file or field, what was found, and what to do.

    The commands print the message alone and end with exit status 2.
    """
