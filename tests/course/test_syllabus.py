from talking_heads.course.figures import png_of
from talking_heads.course.notebooks import source_paths
from talking_heads.course.syllabus import LESSONS, SYSTEMS, Syllabus, course_map, is_there


def test_lessons_are_numbered_in_order():
    assert [lesson.number for lesson in LESSONS] == [f"{n:02d}" for n in range(len(LESSONS))]


def test_every_notebook_has_a_lesson():
    numbers = {lesson.number for lesson in LESSONS}
    assert set(source_paths()) <= numbers


def test_systems_are_those_of_the_course():
    for lesson in LESSONS:
        assert lesson.systems
        assert set(lesson.systems) <= set(SYSTEMS)
    for system in SYSTEMS:
        assert any(lesson.systems == (system,) or system in lesson.systems for lesson in LESSONS)


def test_the_table_says_what_is_here_and_what_is_to_come():
    table = Syllabus()._repr_markdown_().split("\n")
    assert len(table) == 2 + len(LESSONS)
    for lesson, row in zip(LESSONS, table[2:], strict=True):
        assert row.endswith("| here |" if is_there(lesson) else "| to come |")
        assert lesson.topic in row
    assert len(repr(Syllabus()).split("\n")) == len(LESSONS)


def test_the_map_says_in_words_what_it_shows():
    figure, words = course_map()
    assert len(png_of(figure)) < 20_000
    for system in SYSTEMS:
        assert f"{system} stops at" in words
    assert "StreamingTalker stops at 00, 01, 02, 03, 04, 06, 07, 10" in words
