"""Errors that are the user's to mend, told apart from defects of ours."""


class InputError(ValueError):
    """Bad input: one line that names the file or field, what was found, and what to do.

    The commands print the message alone and end with exit status 2. Names that cannot be printed are spelled out in it.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(message))


def printable(text: object) -> str:
    r"""A text, or the name of a file, as any console, page or table can show it: `\xff` for a byte that is no UTF-8."""
    return "".join(letter if letter.isprintable() else _spelled(letter) for letter in str(text))


def _spelled(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte of a name, as Python keeps it (PEP 383)
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return " " if letter.isspace() else repr(letter)[1:-1]
