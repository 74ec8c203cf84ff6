"""Which records are picked out of what is read."""

from pat_events.core.record import Delivery
from pat_events.ops.tail import RecordFilter
from tests.support.cloud_events import STRUCTURED, structured


def test_a_type_is_picked_out_also_where_only_the_value_names_it():
    wanted, other = (
        RecordFilter(full_name=f"pat.events.v1.{name}")
        for name in ("EmailReceived", "EmailDeleted")
    )
    for headers in (STRUCTURED, []):
        delivery = Delivery("pat-emails", 0, 0, None, structured(), headers, 0)
        assert wanted.matches(delivery)
        assert not other.matches(delivery)


def test_a_record_that_only_says_it_is_structured_is_of_no_type():
    delivery = Delivery("pat-emails", 0, 0, None, b"{", STRUCTURED, 0)
    assert not RecordFilter(full_name="pat.events.v1.EmailReceived").matches(delivery)
