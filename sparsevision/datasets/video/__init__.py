"""Video data: clips from files and folders, optical flow, trajectories; broken files are named and counted."""
