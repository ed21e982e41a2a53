"""Constants of blood and tissue at 3 T, each once, with where it comes from."""

DENSITY_G_ML = 1.05
"""Of brain tissue, g/mL (Herscovitch and Raichle 1985, J Cereb Blood Flow Metab 5:65; ICRU report 46)."""

PARTITION_COEFFICIENT = 0.9
"""λ of water between brain and blood, mL/g (Herscovitch and Raichle 1985, J Cereb Blood Flow Metab 5:65)."""

T1_BLOOD = 1.65
"""Of arterial blood at 3 T, s (Lu et al. 2004, Magn Reson Med 52:679; Alsop et al. 2015, doi:10.1002/mrm.25197)."""

T1_TISSUE = 1.2
"""Of simulated tissue, grey and white alike, s: the QTMnet paper's, between white matter's 0.83 and grey matter's 1.33
(Wansapura et al. 1999, J Magn Reson Imaging 9:531)."""

T1_GREY_MATTER = 1.3
"""Of what scans are fitted and M0 is relaxed with, s: grey matter's at 3 T, BASIL's default (Chappell et al. 2009, IEEE
Trans Signal Process 57:223). It is not `T1_TISSUE`: a simulation knows the T1 of its tissue, a scan is taken for grey
matter."""

T2_GREY_MATTER, T2_STAR_GREY_MATTER = 0.11, 0.047
"""Of grey matter at 3 T, s, of spin and gradient echoes; the latter lies between 0.042 (occipital) and 0.052 (frontal)
(Wansapura et al. 1999, J Magn Reson Imaging 9:531)."""

EXTRAVASCULAR_VOLUME = 0.9
"""Water outside of vessels, mL in a mL of tissue: what λ and the density leave beside 2 to 5 % of blood."""

ML_100G_MIN = 6000.0
"""mL/100g/min in 1 mL/g/s."""
