"""One command run for somebody who looks at it through files: ``python -m earwitness.cli.watched JOB``.

Goal: the command itself, nothing else; beside it, the job's folder learns that it runs, how far it is and how it ended.
"""

import sys
import time
from pathlib import Path

from earwitness.app.jobs import Job, Progress
from earwitness.cli import main, progress

_EVERY_SECONDS = 0.25


def run(job: Job) -> int:
    """Run the command of a job in this process; returns its exit status."""
    status = 1
    with job.held():
        last = ("", -_EVERY_SECONDS)

        def watch(doing: str, done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if doing != last[0] or done == total or now - last[1] >= _EVERY_SECONDS:
                last = (doing, now)
                job.note(Progress(doing=doing, done=done, total=total))

        progress.watchers.append(watch)
        sys.argv = ["earwitness", *job.arguments()]
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        finally:
            progress.watchers.remove(watch)
            job.end(status)
    return status


if __name__ == "__main__":
    raise SystemExit(run(Job(Path(sys.argv[1]))))
