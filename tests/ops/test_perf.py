import pytest

from pat_events.errors import ConfigError
from pat_events.ops.perf import find_checkout


def test_a_checkout_is_found_from_within(tmp_path):
    (tmp_path / "perf").mkdir()
    (tmp_path / "perf" / "__main__.py").touch()
    (tmp_path / "src" / "pat_events" / "ops").mkdir(parents=True)
    assert find_checkout(tmp_path / "src" / "pat_events" / "ops") == tmp_path


def test_outside_a_checkout_the_benchmarks_are_not_there(tmp_path):
    with pytest.raises(ConfigError, match="checkout"):
        find_checkout(tmp_path)
