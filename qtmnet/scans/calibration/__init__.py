"""What makes signal a concentration: M0 and labeling efficiency."""
