"""`ns-train spin-nerf`: what nerfstudio finds by the entry points of setup.cfg.

Only nerfstudio imports these modules, so they import nerfstudio at their top. It asks for the data parser while it is
itself half imported: `dataparser` must not need the modules that `specification` needs.
"""
