from pathlib import Path

import pytest

from earwitness.cli import report, verify
from earwitness.errors import EarwitnessError
from earwitness.files import file_sha256
from earwitness.report.bundle import write_bundle_hashes
from earwitness.verification.recompute import changed_files, other_page
from tests.report.samples import full_result


def test_report_writes_what_fits_and_a_result_without_log_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full_result(tracks=8).write(tmp_path / "result.json")
    report.command(tmp_path, title="T")
    printed = capsys.readouterr().out
    assert "Evidence of use" in printed
    assert f"report: {tmp_path / 'report.html'}" in printed
    assert "The log is not whole: result.json is covered by no line of attempts.jsonl" in printed
    assert file_sha256(tmp_path / "hashes.json") in printed
    assert list(changed_files(tmp_path)) == list(other_page(tmp_path)) == []
    with pytest.raises(EarwitnessError, match=r"result\.json is covered by no line of attempts\.jsonl"):
        verify.command(tmp_path)


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
