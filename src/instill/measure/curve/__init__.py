"""How much data is needed: scores at several data sizes, the curve through them, and what follows from it.

Public face: `measure_curve` in `instill.measure.curve.running`, `fit_curve` in `instill.measure.curve.fitting`,
`advise` in `instill.measure.curve.advising`, `find_overfitting` in `instill.measure.curve.overfitting`, and
`curve_picture` in `instill.measure.curve.drawing`. Imports no PyTorch.
"""
