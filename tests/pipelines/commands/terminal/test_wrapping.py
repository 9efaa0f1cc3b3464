"""Sentences on a terminal."""

from __future__ import annotations

from pipelines.commands.terminal.wrapping import wrapped


def test_lines_break_at_words_and_names_of_files_stay_whole():
    name = "a_name-of_a_file.h5"
    said = f"{name}: no such file or folder\n\nsecond  line"
    assert wrapped(said, 12) == f"{name}:\nno such file\nor folder\n\nsecond  line"
    assert wrapped(said, 80) == said


def test_a_terminal_without_columns_gets_a_word_a_line():
    assert wrapped("no such file", 0) == "no\nsuch\nfile"
