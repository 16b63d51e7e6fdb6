"""Goal: a checkout and a wheel both find their files. Method: ask for a folder, and for one that is not there."""

import pytest

from ticketing.resources import package_files


def test_a_checkout_has_its_folders_beside_the_package() -> None:
    assert (package_files("loadtests") / "scenarios").is_dir()
    assert (package_files("web") / "templates").is_dir()


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no 'cellar' folder"):
        package_files("cellar")
