"""``pat-events catalog check``: every problem with its place, in one run."""

from pathlib import Path

from tests.support.catalogs import SHOP

FAULTY = (
    SHOP.replace("    targets:", "    target:")
    .replace("schedules:", "schedule:")
    .replace("partitions: 3", "partitions: 0")
)


def test_every_problem_is_a_line_with_its_place_and_the_end_is_1(alone, tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(FAULTY)
    result = alone("catalog", "check", file)
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        f"{file}:5: topics.orders.partitions: 0 is less than the minimum of 1",
        f"{file}:13: events.OrderPlaced.target: unknown key; did you mean 'targets'?",
        f"{file}:19: schedule: unknown key; did you mean 'schedules'?",
    ]
    assert result.stderr == f"pat-events: {file} has 3 problems\n"


def test_a_good_one_is_one_line_and_its_module_need_not_be_there(alone, tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    result = alone("catalog", "check", file)
    assert (result.returncode, result.stderr) == (0, "")
    found = "1 topic, 2 events, 0 rules, 1 group, 1 queue, 1 schedule"
    assert result.stdout == f"{file}: {found}: fine\n"


def test_without_a_name_it_is_that_of_the_environment_then_the_packaged_one(alone, tmp_path):
    assert "catalog.yaml: 2 topics, " in alone("catalog", "check").stdout
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    alone.environ["PAT_EVENTS_CATALOG"] = str(file)
    assert alone("catalog", "check").stdout.startswith(f"{file}: ")


def test_a_file_that_is_not_there_is_one_sentence(alone):
    result = alone("catalog", "check", Path("nowhere.yaml"))
    assert result.returncode == 1
    assert result.stderr.startswith("pat-events: the catalogue nowhere.yaml cannot be read: ")
    assert len(result.stderr.splitlines()) == 1
