"""What is reported of a scan's maps in numbers: of the whole, of tissues, of regions, and of their quality."""
