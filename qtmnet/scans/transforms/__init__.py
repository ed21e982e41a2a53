"""From a scan's voxels to the subject's anatomy and to templates, by transforms that other programs have found."""
