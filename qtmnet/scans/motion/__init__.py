"""Motion of the head during a scan: how each volume has moved, and volumes moved back onto the others.

Volumes are aligned by least squares: six numbers, so that a template of other volumes, moved by them, looks like the
volume. SimpleITK's registration by correlation was tried on a head that is a formula, displaced by 0.5 to 6 mm and 0.5
to 5 degrees (`benchmarks/motion.py`): as exact in mm, less so in degrees (0.2 for 0.03 without noise), at 10 to 60
times the time, and it does not tell how sure it is, which decides what is left as it is.
"""
