from pathlib import Path

import pytest

from earwitness.cli import report, verify
from earwitness.errors import EarwitnessError
from earwitness.report.bundle import write_bundle_hashes
from tests.report.samples import full_result


def test_report_writes_page_and_hashes_that_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full_result(tracks=8).write(tmp_path / "result.json")
    report.command(tmp_path, title="T")
    printed = capsys.readouterr().out
    assert "Evidence of use" in printed
    assert f"report: {tmp_path / 'report.html'}" in printed
    verify.command(tmp_path)
    checked = capsys.readouterr().out
    first = checked.splitlines()[0]
    assert first.startswith("3 files match.")
    assert first.rpartition(" ")[2] in printed
    assert "The page rendered again: the same byte for byte." in checked


def test_verify_names_what_changed_and_what_to_do(tmp_path: Path) -> None:
    for name in ("plan.json", "report.html", "result.json"):
        (tmp_path / name).write_text(name)
    write_bundle_hashes(tmp_path)
    (tmp_path / "result.json").write_text("other")
    (tmp_path / "report.html").unlink()
    for number in range(7):
        (tmp_path / f"new{number}").touch()
    with pytest.raises(EarwitnessError) as caught:
        verify.command(tmp_path)
    message = str(caught.value)
    assert "changed: result.json; missing: report.html; added: new0, new1, new2, new3, new4 and 2 more" in message
    assert "\n" not in message
