"""The radiance field: where rays are sampled, what the field answers, and what a ray sees."""
