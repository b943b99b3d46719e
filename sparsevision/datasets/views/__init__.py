"""Posed photographs of a scene, with masks, disparities and key points."""
