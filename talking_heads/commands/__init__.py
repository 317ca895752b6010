"""The commands behind ``talking-heads``, by topic.

A module here adds its commands to the parser and runs them. What a command needs is imported when
it runs, so that ``talking-heads --help`` stays fast.
"""
