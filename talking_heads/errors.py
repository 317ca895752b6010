"""The one error that is meant for the person who uses the package."""


class UserError(ValueError):
    """Input that the package cannot use.

    The message says what is wrong and what to do about it, in at most three short lines.
    The command line prints it to stderr without a traceback and exits with code 2.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines in place of a traceback: in a notebook, too, the message is
        # what the person needs.
        return [f"\x1b[31m{type(self).__name__}:\x1b[0m {self}"]
