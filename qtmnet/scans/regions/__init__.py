"""Regions of a scan: atlases, their names, and where each region lies on the scan's grid."""
