"""Reports to read in a browser: one HTML file with everything in it that it needs, for cubes, brains and scans."""
