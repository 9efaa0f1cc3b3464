"""How long a peer may take: as long as it makes progress, and never silent for longer than the limit."""

from gadgets.outside import Pace
from gadgets.outside.pace import LEAST_BYTES_PER_S


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


def test_progress_moves_the_deadline_and_silence_does_not(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("gadgets.outside.pace.time", clock)
    pace = Pace(10.0)
    for second in range(1, 61):
        clock.now += 1.0
        assert pace.left_s(second * LEAST_BYTES_PER_S) == 10.0
    for silent in range(1, 11):
        clock.now += 1.0
        assert pace.left_s(60 * LEAST_BYTES_PER_S + silent) < 10.0 - silent + 0.1
    assert pace.left_s(60 * LEAST_BYTES_PER_S + 10) < 0.1


def test_much_at_once_allows_for_no_longer_silence(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("gadgets.outside.pace.time", clock)
    pace = Pace(10.0)
    assert pace.left_s(1 << 40) == 10.0
    clock.now += 10.0
    assert pace.left_s(1 << 40) == 0.0
    pace.begin()
    assert pace.left_s(0) == 10.0
