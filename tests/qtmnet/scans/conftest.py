"""What is asked of a volunteer's scan alone is collected where there is one."""

from tests.outside import SCANS

collect_ignore = [] if SCANS.is_dir() else ["test_real_scan.py"]
