from talking_heads.errors import UserError


def test_a_notebook_shows_the_message_and_no_traceback():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shown = []
    shell._showtraceback = lambda _type, _value, lines: shown.extend(lines)
    shell.run_cell(
        "from talking_heads.errors import UserError\nraise UserError('Name a folder that exists.')"
    )
    assert len(shown) == 1
    assert shown[0].endswith("Name a folder that exists.")


def test_it_is_a_value_error_with_its_message():
    error = UserError("No sound in it.")
    assert isinstance(error, ValueError)
    assert str(error) == "No sound in it."
