"""Metrics as pure functions on arrays: numpy, OpenCV and scipy, no framework."""
