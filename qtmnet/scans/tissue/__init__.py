"""Grey matter, white matter and fluid on a scan's grid, as other programs have told them."""
