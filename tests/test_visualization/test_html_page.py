"""A page of pictures and numbers."""

from sparsevision.visualization.html_page import figure, number_table, write_html_page


def test_a_page_shows_pictures_by_relative_paths_and_numbers(tmp_path):
    sections = figure(tmp_path, tmp_path / "a" / "b.png", "a <b>") + figure(tmp_path, tmp_path / "c.mp4", "moving")
    sections += number_table({"ours": {"PSNR": 20.1234}, "theirs": {"SSIM": 0.5}})
    page = write_html_page(tmp_path / "index.html", title="A & B", intro="1 < 2", sections=sections).read_text()
    assert '<img src="a/b.png" alt="a &lt;b&gt;"' in page
    assert '<video src="c.mp4"' in page
    assert "<td>20.123</td><td></td>" in page
    assert "<td></td><td>0.500</td>" in page
    assert "<title>A &amp; B</title>" in page
    assert "1 &lt; 2" in page


def test_no_numbers_no_table():
    assert number_table({}) == ""
