"""SPIn-NeRF: an object leaves a 3-D scene, by clicks in one view (Mirzaei et al., CVPR 2023)."""
