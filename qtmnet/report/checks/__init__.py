"""Quality checks of a scan's maps, one file per subject; `qtmnet.report.quality` has those that every report makes."""
