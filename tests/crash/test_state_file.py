"""A state file that cannot be written to stops the run, and nothing else."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsm_ghost.model.phase import Phase
from tests.crash.conftest import StageMaker
from tests.crash.stage import Stage


def assert_stopped_clearly(stage: Stage, output: str) -> None:
    assert str(stage.state_db) in output
    assert "Is the disk full" in output
    assert "Traceback" not in output
    assert stage.record.phase is Phase.COPY


def test_a_run_that_may_not_write_any_more_stops_and_can_be_resumed(make_stage: StageMaker) -> None:
    stage = make_stage(rows=3000, chunk_size=30)
    stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    stage.await_copied(run, 0.2)
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    stage.let_go()
    assert run.wait() == 1, run.output
    assert_stopped_clearly(stage, run.output)
    before = stage.chunks()
    stage.assert_migrated(stage.resume())
    stage.assert_nothing_copied_twice(before)


def fill(path: Path) -> None:
    """Write to a file until there is no room for more; OSError then."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs to mount a file system; the test of the file size limit says much the same")
    yield folder
    subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_the_run_which_goes_on_when_there_is_room_again(
    make_stage: StageMaker, small_disk: Path
) -> None:
    stage = make_stage(rows=3000, chunk_size=30)
    stage.state_db = small_disk / "state.db"
    stage.hold(Phase.COPY, 0.5)
    run = stage.start()
    stage.await_copied(run, 0.2)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    stage.let_go()
    assert run.wait() == 1, run.output
    assert_stopped_clearly(stage, run.output)
    before = stage.chunks()
    filler.unlink()
    stage.assert_migrated(stage.resume())
    stage.assert_nothing_copied_twice(before)
