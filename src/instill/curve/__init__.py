"""Data curves: how much data is needed. Scores at several data sizes, the curve through them, what follows from it.

Public face: `measure_data_curve` in `instill.curve.growing` trains on growing parts of a `Material` and asks;
`measure_curve` in `instill.curve.running` runs any score over sizes and seeds; `fit_curve` in
`instill.curve.laws.fitting`, `advise` in `instill.curve.advising`, `find_overfitting` in `instill.curve.overfitting`,
and `curve_picture` in `instill.curve.drawing`. Imports no PyTorch until something is trained.
"""
