"""Text for people, on whatever they read it: what an encoding has no sign for is spelled with those that it has."""

import codecs
import os
import sys
import unicodedata

PLAIN = {
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "×": "x",
    "·": "*",
    "→": "->",
    "←": "<-",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "∞": "inf",
    "√": "sqrt",
    "⁻": "-",
    "⟨": "<",
    "⟩": ">",
    "∇": "grad",
    "∫": "integral of",
    "‖": "||",
    "°": "deg",
    "│": "|",
    "┃": "|",
    "─": "-",
    "━": "-",
    "╸": "-",
    "╺": "-",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "λ": "lambda",  # Unicode spells it otherwise
    "µ": "u",
}
"""ASCII spellings of signs that the commands and their messages use; other Greek letters have their names."""

SPELLED = "qtmnet.spelled"
"""Name of the way to go on after a sign that cannot be written, as `errors=` takes it."""


def speak_plainly() -> None:
    """Let the standard streams take any text, whatever their encoding.

    An encoding that the system or the user (`PYTHONIOENCODING`) chose stays: whoever reads the output expects it. Signs
    that it has not are spelled out; letters and bytes of names that it has not are shown as Python writes them,
    `\\xe4`, so that a name is never mistaken for another. A stream that is closed takes anything and keeps nothing.
    """
    codecs.register_error(SPELLED, _spelled)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us, or a Windows program without a console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=SPELLED)


def shown(path: str | os.PathLike[str]) -> str:
    """A path as seen from here; as it is where there is no way from here, as to another drive."""
    try:
        return os.path.relpath(path)
    except (ValueError, OSError):  # OSError: this folder has been removed
        return str(path)


def plain(text: str) -> str:
    """The same in ASCII."""
    return "".join(map(_plain_sign, text))


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


def _plain_sign(sign: str) -> str:
    if sign in PLAIN:
        return PLAIN[sign]
    if "\udc80" <= sign <= "\udcff":  # how Python keeps a byte of a file name that is no text
        return f"\\x{ord(sign) - 0xDC00:02x}"
    kind, name = unicodedata.category(sign), unicodedata.name(sign, "")
    if kind == "No":  # ² and ₁
        return unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode("ascii") or "?"
    if name.startswith("GREEK ") and kind in ("Lu", "Ll") and " WITH " not in name:
        spelled = name.split()[-1].lower()
        return spelled.capitalize() if kind == "Lu" else spelled
    return sign.encode("ascii", "backslashreplace").decode("ascii")
