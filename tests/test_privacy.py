"""Whether a folder lies on an encrypted volume is told from what Linux tells of its disk, and never guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.privacy import on_encrypted_disk

PLAIN, CRYPT = "LVM-q7h1", "CRYPT-LUKS2-0f3a-root"


def device(devices: Path, name: str, uuid: str = "", below: tuple[Path, ...] = ()) -> Path:
    """Make a disk as Linux shows one: a mapped one has a uuid, and one that lies on others names them."""
    made = devices / name
    (made / "slaves").mkdir(parents=True)
    if uuid:
        (made / "dm").mkdir()
        (made / "dm" / "uuid").write_text(f"{uuid}\n")
    for one in below:
        (made / "slaves" / one.name).symlink_to(one)
    return made


def told(tmp_path: Path, disk: Path | None) -> bool | None:
    """Ask about a folder that does not exist yet, on this disk."""
    number = tmp_path.stat().st_dev
    if disk is not None:
        (disk.parent / f"{os.major(number)}:{os.minor(number)}").symlink_to(disk)
    return on_encrypted_disk(tmp_path / "practice" / "data", tmp_path)


def test_a_volume_of_dm_crypt_is_encrypted(tmp_path: Path) -> None:
    assert told(tmp_path, device(tmp_path, "dm-0", CRYPT)) is True


def test_a_volume_on_a_volume_of_dm_crypt_is_encrypted(tmp_path: Path) -> None:
    below = device(tmp_path, "dm-0", CRYPT)
    assert told(tmp_path, device(tmp_path, "dm-1", PLAIN, (below,))) is True


@pytest.mark.parametrize("uuid", ["", PLAIN])
def test_a_plain_disk_is_not(tmp_path: Path, uuid: str) -> None:
    assert told(tmp_path, device(tmp_path, "sda1", uuid)) is False


def test_a_volume_over_an_encrypted_and_a_plain_disk_is_not(tmp_path: Path) -> None:
    below = (device(tmp_path, "dm-0", CRYPT), device(tmp_path, "sdb1"))
    assert told(tmp_path, device(tmp_path, "dm-1", PLAIN, below)) is False


def test_a_disk_of_which_nothing_is_told_is_neither(tmp_path: Path) -> None:
    assert told(tmp_path, None) is None
