from __future__ import annotations

import pytest

from pat_events.core.spelling import which_are_there


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("emails", ["email", "tenant"], "; did you mean 'email'?"),
        ("x", ["tenant", "email"], "; there are email, tenant"),
        ("x", [], "; there is none"),
        (
            "x",
            [f"name-{n:02}" for n in range(12)],
            f"; there are {', '.join(f'name-{n:02}' for n in range(10))} and 2 more",
        ),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_or_with_those_there_are(name, known, said):
    assert which_are_there(name, known) == said
