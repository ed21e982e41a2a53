"""The numbers of a scan: what each is called, its unit and what it says. One table that files and pages read."""

from dataclasses import dataclass

from qtmnet.quantities import ATT, PERFUSION_UNIT

HIGH_CBF = 150.0
"""mL/100g/min; hardly any tissue at rest is perfused more, so that more is mostly label in arteries, or noise."""


@dataclass(frozen=True)
class Column:
    """A number that is told of each scan.

    Attributes:
        key: column of the table.
        title: of it on a page.
        unit: as it is written; empty for a pure number.
        digits: after the point.
        description: what it is of, and how it is computed.
    """

    key: str
    title: str
    unit: str
    digits: int
    description: str

    @property
    def dictionary(self) -> dict[str, str]:
        """Of the column, as BIDS has it."""
        return {
            "LongName": self.title,
            "Description": self.description,
            **({"Units": self.unit} if self.unit else {}),
        }


_SHARE = "of the voxels of the brain mask"

COLUMNS = (
    Column("cbf_median", "Median CBF", PERFUSION_UNIT, 1, "Median perfusion in the brain mask."),
    Column("cbf_mean", "Mean CBF", PERFUSION_UNIT, 1, "Mean perfusion in the brain mask, fluid included."),
    Column("cbf_median_grey", "Median CBF, grey", PERFUSION_UNIT, 1, "Median perfusion of grey-matter voxels."),
    Column("cbf_median_white", "Median CBF, white", PERFUSION_UNIT, 1, "Median perfusion of white-matter voxels."),
    Column("grey_white_ratio", "Grey : white", "", 2, "Median perfusion of grey over that of white matter."),
    Column("att_median", "Median ATT", ATT.unit, 2, "Median arterial transit time in the brain mask."),
    Column("att_median_grey", "Median ATT, grey", ATT.unit, 2, "Median arterial transit time of grey-matter voxels."),
    Column(
        "spatial_cov",
        "Spatial CoV",
        "%",
        1,
        "Spatial coefficient of variation: standard deviation over mean of perfusion in the brain mask (Mutsaerts et "
        "al. 2017, 10.1177/0271678X16683690, who take grey matter).",
    ),
    Column(
        "spatial_cov_grey",
        "Spatial CoV, grey",
        "%",
        1,
        "Spatial coefficient of variation among grey-matter voxels (Mutsaerts et al. 2017, 10.1177/0271678X16683690).",
    ),
    Column(
        "qei",
        "QEI",
        "",
        3,
        "Quality evaluation index, 0 to 1 (Dolui et al. 2024, 10.1002/jmri.29308): cube root of the product of three "
        "factors, for structural similarity, dispersion and negative grey matter.",
    ),
    Column(
        "qei_similarity",
        "Structural similarity",
        "",
        3,
        "Of the QEI: correlation of perfusion, smoothed over 5 mm, with 2.5 times the share of grey plus that of white "
        "matter, at least 0.",
    ),
    Column(
        "qei_dispersion",
        "Dispersion",
        PERFUSION_UNIT,
        2,
        "Of the QEI: variance of smoothed perfusion within tissues over its mean in grey matter.",
    ),
    Column("qei_negative_grey", "Negative grey matter", "%", 2, "Of the QEI: grey-matter voxels below 0, smoothed."),
    Column("negative_share", "Negative", "%", 2, f"Share {_SHARE} with perfusion below 0."),
    Column(
        "high_share", f"Above {HIGH_CBF:g}", "%", 2, f"Share {_SHARE} with perfusion above {HIGH_CBF:g} mL/100g/min."
    ),
    Column(
        "tsnr",
        "tSNR",
        "",
        2,
        "Temporal signal-to-noise ratio: signal of a single difference of control and label over its standard "
        "deviation, mean over delays, in the median voxel of the brain mask.",
    ),
    Column(
        "interval_width",
        "Interval width",
        PERFUSION_UNIT,
        1,
        "Width of the 90 % interval of perfusion, median in the brain mask.",
    ),
    Column(
        "fd_mean",
        "Mean FD",
        "mm",
        3,
        "Framewise displacement between volumes that follow each other, mean (Power et al. 2012, "
        "10.1016/j.neuroimage.2011.10.018).",
    ),
    Column("fd_max", "Largest FD", "mm", 3, "Largest framewise displacement."),
    Column("brain_volume", "Brain volume", "mL", 0, "Volume of the brain mask."),
    Column(
        "brain_mass",
        "Brain mass",
        "g",
        0,
        "Mass that flow is divided by: of grey and white matter in the brain mask where tissue maps are given, else of "
        "the whole mask, at 1.05 g/mL.",
    ),
    Column(
        "flow_total",
        "Total flow",
        "mL/min",
        0,
        "Perfusion times mass, summed over the brain mask: what flows to the part of the brain that was imaged.",
    ),
    Column("flow_phase_contrast", "Flow by phase contrast", "mL/min", 0, "Flow into the brain, as it was given."),
    Column("flow_ratio", "Flow : phase contrast", "", 3, "Total flow over the flow by phase contrast."),
    Column(
        "cbf_phase_contrast",
        "CBF by phase contrast",
        PERFUSION_UNIT,
        1,
        "Flow by phase contrast over the mass of the brain.",
    ),
)
"""All numbers, in reading order."""

BY_KEY = {column.key: column for column in COLUMNS}
