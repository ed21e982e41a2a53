"""A scan of any protocol as the same few numbers: coefficients of the step response, and how sure the frames are."""
