"""What a command ends with, beside 0: all was done."""

#: Something failed.
FAILED = 1
#: The command makes no sense.
USAGE = 2
#: Somebody, or the system, stopped it.
INTERRUPTED = 130
