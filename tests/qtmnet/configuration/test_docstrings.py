"""Meanings of arguments, read from docstrings."""

from qtmnet.configuration.docstrings import described_arguments


class Pan:
    """A pan.

    Attributes:
        size, depth: in cm, which
            may be fractions: 26.5.
        lid: whether it has one.

    Raises:
        ValueError: for a pan without a bottom.
    """


class Wok(Pan):
    r"""A wok.

    More of it: it is round.

    Args:
        depth (float, optional): of the middle.
        handles: one or two.

            Two are for large ones.
        options: see `Pan`.
    """


def build_pan(size: float) -> Pan:
    """A pan.

    Args:
        size: in cm.

    Returns:
        The pan: a new one.
    """
    return Pan()


def test_entries_of_several_names_and_lines() -> None:
    assert described_arguments(f"{__name__}.Pan") == {
        "size": "in cm, which may be fractions: 26.5.",
        "depth": "in cm, which may be fractions: 26.5.",
        "lid": "whether it has one.",
    }


def test_own_entries_go_before_those_of_a_base_class() -> None:
    described = described_arguments(f"{__name__}.Wok")
    assert described["depth"] == "of the middle."
    assert described["lid"] == "whether it has one."
    assert described["handles"] == "one or two."


def test_functions_have_arguments_too() -> None:
    assert described_arguments(f"{__name__}.build_pan") == {"size": "in cm."}
