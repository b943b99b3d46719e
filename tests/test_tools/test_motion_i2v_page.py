"""tools/motion_i2v_page.py: weights that are not there end in a sentence, before any page is opened."""

from tool_runner import run_tool


def test_missing_weights_are_told(tmp_path):
    finished = run_tool("motion_i2v_page.py", "--motion", tmp_path / "tracks.pth")
    assert finished.code == 2
    assert "tracks.pth" in finished.err
