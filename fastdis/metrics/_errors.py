"""Why a number is not there: errors that `evaluate` reports in the row of a score instead of raising."""


class NotComputable(ValueError):
    """Raised where a score does not exist for these arrays: too few codes or samples, no factor that varies.

    It says that the arrays are well formed. A wrong shape, dtype or value is a ValueError or TypeError.
    """


class NoInterval(ValueError):
    """Raised where an interval would contain the score of the population less often than it promises."""
