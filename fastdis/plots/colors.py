"""Colours that most colour-blind readers tell apart (Paul Tol's bright scheme)."""

COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
