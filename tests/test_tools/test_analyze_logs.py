"""analyze_logs.py: curves and iteration times from scalars.json."""

import json

import cv2
import pytest
from tool_runner import run_tool

TOOL = "analysis_tools/analyze_logs.py"


@pytest.fixture
def work_dir(tmp_path):
    records = [{"loss": 1 / step, "time": 9.0 if step == 1 else 0.5, "step": step} for step in range(1, 6)]
    folder = tmp_path / "run" / "20260101_000000" / "vis_data"
    folder.mkdir(parents=True)
    lines = [json.dumps(record) for record in [*records, {"mIoU": 0.5, "time": 0.1, "step": 5}]]
    (folder / "scalars.json").write_text("\n".join(lines) + "\n")
    return tmp_path / "run"


def test_plot_curve_draws(work_dir, tmp_path):
    out = tmp_path / "sub" / "curve.png"
    finished = run_tool(TOOL, "plot_curve", work_dir, "--keys", "loss", "mIoU", "--out", out)
    assert finished.code == 0, finished.err
    assert cv2.imread(str(out)).std() > 1


def test_train_time_leaves_out_warm_up_and_validation(work_dir):
    finished = run_tool(TOOL, "cal_train_time", work_dir)
    assert "mean 0.5000 s" in finished.out
    assert "(4 records)" in finished.out


def test_a_line_cut_off_by_a_kill_is_dropped(work_dir, tmp_path):
    log = next(work_dir.rglob("scalars.json"))
    log.write_text(log.read_text() + '{"loss": 0.1, "st')
    assert run_tool(TOOL, "cal_train_time", log).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plot_curve", "{run}", "--keys", "mIuO"], "Did you mean 'mIoU'"),
        (["plot_curve", "{run}", "--legend", "a", "b"], "--legend has 2 names, expected 1"),
        (["plot_curve", "{run}", "--out", "{run}/curve.xyz"], "ends with .png"),
        (["plot_curve", "{run}/nowhere"], "no scalars.json at"),
    ],
)
def test_mistakes_end_in_a_sentence(work_dir, arguments, message):
    finished = run_tool(TOOL, *[argument.format(run=work_dir) for argument in arguments])
    assert finished.code == 2
    assert message in finished.err
    assert "Traceback" not in finished.err


def test_an_empty_log_says_so(work_dir):
    log = next(work_dir.rglob("scalars.json"))
    log.write_text("")
    assert "is empty" in run_tool(TOOL, "cal_train_time", log).err
