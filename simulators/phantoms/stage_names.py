"""Names of the stages that a brain is made in, for those who need no more of them."""

from typing import Literal

StopAfter = Literal["great_vessels", "anatomy", "pial", "arterioles", "perfusion"]
"""Stages after which one may stop; after the last of them comes the label's transport."""
