"""Work that goes on while its owner prepares what comes next."""

import threading

import pytest

from json2db_sync.workers.background import BackgroundQueue


@pytest.fixture
def ahead():
    made = BackgroundQueue()
    yield made
    made.close()


def test_work_is_done_in_order_and_finished(ahead):
    """What was started is done one after the other, all of it when it is finished."""
    done: list[int] = []
    for number in range(20):
        ahead.start(lambda number=number: done.append(number))
    ahead.finish()
    assert done == list(range(20))


def test_its_owner_goes_on_meanwhile(ahead):
    """Starting work does not wait for it."""
    go_on = threading.Event()
    ahead.start(lambda: go_on.wait(10) and None)
    go_on.set()
    ahead.finish()


def test_a_failure_is_told_and_what_follows_left_out(ahead):
    """What a piece of work raises comes out when the next is finished; those behind it are not done."""
    begin, done = threading.Event(), []

    def fail() -> None:
        begin.wait(10)
        raise ValueError("refused")

    ahead.start(fail)
    ahead.start(lambda: done.append("behind"))
    begin.set()
    with pytest.raises(ValueError, match="refused"):
        ahead.finish()
    ahead.finish()
    assert done in ([], ["behind"])  # which may have begun before it was known
    ahead.start(lambda: done.append("next"))
    ahead.finish()
    assert done[-1] == "next"


def test_abandoned_work_is_over(ahead):
    """After abandoning, nothing goes on, and failures are of no interest."""

    def fail() -> None:
        raise ValueError

    for _ in range(3):
        ahead.start(fail)
    ahead.abandon()
    ahead.finish()
