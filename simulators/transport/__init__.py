"""From vessels to the step response of label: simulators that agree with each other."""
