"""What the header says of a scan that helps to read what was found: names of receivers, and what a tick lasts.

Nothing here tells who was scanned.
"""

from __future__ import annotations

from gadgets.records import Record

TICK_S = 0.0025
"""Time stamps of Siemens count ticks of this length since midnight (ISMRMRD's converter passes them on as they are)."""

OWN_VENDOR = "despark"
"""Of a scan that never was: its time stamps count the same ticks, from its start."""

DAY_S = 86400


class ScanFacts(Record):
    """What is known of a scan beside its samples; empty where the header says nothing.

    ``coils`` holds the name of each receiver, in their order. ``tick_s`` is the length of a unit of the time stamps in
    seconds, None where nobody says; then ``is_clock`` tells whether they count from midnight. ``announced`` is how many
    k-spaces the header speaks of, None where it does not.
    """

    protocol: str = ""
    station: str = ""
    vendor: str = ""
    system: str = ""
    field_t: float | None = None
    coils: tuple[str, ...] = ()
    tick_s: float | None = None
    is_clock: bool = False
    announced: int | None = None

    def seconds_between(self, first: int, second: int) -> float | None:
        """Give the time from one time stamp to another in seconds; None where the length of a tick is not known."""
        if self.tick_s is None:
            return None
        seconds = (second - first) * self.tick_s
        # A scan may go on over midnight, where the ticks begin anew.
        return seconds + DAY_S if self.is_clock and seconds < -DAY_S / 2 else seconds

    def clock_of(self, time_stamp: int) -> str:
        """Give the time of day of a time stamp; empty where it counts from elsewhere."""
        if self.tick_s is None or not self.is_clock:
            return ""
        # Rounded before it is divided: 59.9996 s must not be told as 60.000.
        milliseconds = round(time_stamp * self.tick_s * 1000) % (DAY_S * 1000)
        minutes, rest = divmod(milliseconds, 60_000)
        return f"{minutes // 60:02}:{minutes % 60:02}:{rest / 1000:06.3f}"
