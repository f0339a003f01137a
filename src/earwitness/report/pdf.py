"""The report as a PDF, printed by a browser or a typesetter that is installed already.

Goal: the whole page on paper, folds open. Conventions: the page asks for nothing, and the printer is given no network.
"""

import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from earwitness.errors import EarwitnessError
from earwitness.files import write_atomically

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
_SECONDS = 180


def write_pdf(page: Path, path: Path) -> Path:
    """Print a page as PDF with the first browser found, else with weasyprint.

    Raises
    ------
    EarwitnessError
        Where neither is installed, or the printing fails.
    """
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is not None:
        write_atomically(path, lambda partial: _by_browser(browser, page, partial))
    elif find_spec("weasyprint") is not None:
        write_atomically(path, lambda partial: _by_weasyprint(page, partial))
    else:
        raise EarwitnessError(
            f"A PDF is printed by Chromium or Chrome, or by weasyprint, and none is installed; install one "
            f"(`pip install weasyprint`), or print {page} from a browser."
        )
    return path


def _by_weasyprint(page: Path, partial: Path) -> None:
    try:
        from weasyprint import HTML
    except OSError as error:
        raise EarwitnessError(
            f"weasyprint is installed, but a library that it draws with is not ({str(error).splitlines()[0]}); install "
            f"Pango (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0) or Chromium, or print {page} from a "
            "browser."
        ) from None
    HTML(filename=str(page)).write_pdf(str(partial))


def _by_browser(browser: str, page: Path, partial: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="earwitness-") as profile:
        printed = Path(profile) / "printed.pdf"
        options = ["--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer"]
        # A container has no rights to make a sandbox; the page holds no script and may load nothing.
        command = [browser, *options, "--no-sandbox", f"--user-data-dir={profile}", f"--print-to-pdf={printed}"]
        try:
            subprocess.run([*command, page.resolve().as_uri()], capture_output=True, timeout=_SECONDS, check=True)
            shutil.copyfile(printed, partial)
        except (OSError, subprocess.SubprocessError) as error:
            raise EarwitnessError(
                f"{browser} could not print {page} ({type(error).__name__}); print it by hand."
            ) from None
