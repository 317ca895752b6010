import pytest

from talking_heads.course import masters
from talking_heads.errors import UserError

CELL = """\
def double(x):
    \"\"\"Return twice x.\"\"\"
    # Mind the brackets.
    ### BEGIN SOLUTION
    two = 2
    return two * x
    ### END SOLUTION


check("00.double", double)"""


def test_a_region_becomes_nbgraders_stub_with_the_same_indent():
    assert masters.without_solutions(CELL) == (
        'def double(x):\n    """Return twice x."""\n    # Mind the brackets.\n'
        "    # YOUR CODE HERE\n    raise NotImplementedError()\n\n\n"
        'check("00.double", double)'
    )


def test_the_solution_loses_only_its_marks():
    assert "SOLUTION" not in masters.without_marks(CELL)
    assert "    two = 2\n    return two * x" in masters.without_marks(CELL)


def test_two_regions_in_a_cell():
    cell = CELL.replace(
        "    two = 2\n", "    two = 2\n    ### END SOLUTION\n    ### BEGIN SOLUTION\n"
    )
    assert masters.without_solutions(cell).count("raise NotImplementedError()") == 2
    assert len(masters.regions(cell)) == 2


def test_a_region_becomes_what_nbgrader_makes_of_it():
    nbformat = pytest.importorskip("nbformat")
    preprocessors = pytest.importorskip("nbgrader.preprocessors")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    clear = preprocessors.ClearSolutions(enforce_metadata=False)
    cleared, _ = clear.preprocess(notebook, {})
    assert cleared.cells[0].source == masters.without_solutions(CELL)


@pytest.mark.parametrize(
    "marks",
    [
        "### BEGIN SOLUTION",
        "### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
        "### END SOLUTION\n### BEGIN SOLUTION",
    ],
)
def test_marks_without_partner_are_refused(marks):
    with pytest.raises(UserError, match="SOLUTION"):
        masters.regions(f"x = 1\n{marks}\ny = 2")


def test_the_check_line_is_split_off():
    before, exercise_id, function = masters.split_check(CELL)
    assert (exercise_id, function) == ("00.double", "double")
    assert before.endswith("### END SOLUTION")


@pytest.mark.parametrize(
    "cell",
    [
        CELL.replace("check(", "# check("),
        CELL + "\nprint(1)",
        CELL + '\ncheck("00.double", double)',
        CELL.replace("00.double", "double"),
    ],
)
def test_a_cell_without_one_final_check_line_is_refused(cell):
    with pytest.raises(UserError, match="ends in one line"):
        masters.split_check(cell)


HEADER = "Difficulty 1 of 5 · importance 5 of 5 · about 10 minutes"
HINTS = "\n".join(
    f"<details><summary>{hint}</summary>\n\n?\n\n</details>" for hint in masters.HINTS
)


def write_master(folder, cell=CELL, header=HEADER, hints=HINTS):
    def markdown(text):
        return "\n".join(f"# {line}".rstrip() for line in text.split("\n"))

    path = folder / "00_toy.py"
    path.write_text(
        f"# %% [markdown]\n{markdown('# Toy')}\n\n"
        f"# %% [markdown]\n{markdown(header)}\n#\n{markdown(hints)}\n\n# %%\n{cell}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def toy(monkeypatch):
    from talking_heads.course.checking import Exercise

    exercise = Exercise("00.double", "Double", 1, lambda answer, rng: "", ())
    monkeypatch.setattr("talking_heads.course.checks.exercises_of", lambda number: (exercise,))


def test_a_good_master_has_no_faults(tmp_path, toy):
    assert masters.lint_master(write_master(tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"header": "Difficulty 7 of 5"}, "difficulty, importance and minutes"),
        ({"hints": HINTS.replace("Hint 2", "Tip 2")}, 'folded "Hint 2: the formula" is missing'),
        ({"cell": CELL.replace("def double", "def twice")}, "does not define double"),
        ({"cell": CELL.replace("two = 2", "two = = 2")}, "is not Python"),
        ({"cell": CELL.replace("### END SOLUTION", "")}, "without ### END SOLUTION"),
        ({"cell": CELL.replace("00.double", "00.triple")}, "has the exercises"),
        ({"cell": "x = 1"}, "has the exercises []"),
    ],
)
def test_faults_are_found(tmp_path, toy, change, words):
    problems = masters.lint_master(write_master(tmp_path, **change))
    assert any(words in problem for problem in problems), problems


def test_cell_ids_are_the_same_at_every_reading(tmp_path):
    path = write_master(tmp_path)
    first, second = (masters.read_text_notebook(path) for _ in range(2))
    assert first == second
    assert first.metadata.kernelspec.name == "python3"


def test_a_missing_package_is_explained():
    with pytest.raises(UserError, match="lab extra"):
        masters.need("a_package_that_nobody_has")
