"""Sentences on a terminal."""

from __future__ import annotations

from pipelines.commands.terminal.wrapping import with_short_words, wrapped


def test_lines_break_at_words_and_names_of_files_stay_whole():
    name = "a_name-of_a_file.h5"
    said = f"{name}: no such file or folder\n\nsecond  line"
    assert wrapped(said, 12) == f"{name}:\nno such file\nor folder\n\nsecond  line"
    assert wrapped(said, 80) == said


def test_a_terminal_without_columns_gets_a_word_a_line():
    assert wrapped("no such file", 0) == "no\nsuch\nfile"


def test_what_goes_on_below_stands_in_from_where_it_began():
    log = "07:00 INFO a scan with a chain begins\n    Traceback, of a failure"
    assert wrapped(log, 20, indent=4) == (
        "07:00 INFO a scan\n    with a chain\n    begins\n    Traceback, of a\n        failure"
    )


def test_a_name_that_fills_a_line_keeps_its_beginning_and_its_end():
    assert with_short_words("looking at scan_0001_of_a_long_day.h5 now", 20) == "looking at scan_…y.h5 now"
    assert with_short_words("looking at scan_0001.h5 now", 20) == "looking at scan_0001.h5 now"
