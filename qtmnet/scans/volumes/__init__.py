"""The volumes of a scan: from controls and labels to one difference for each delay."""
