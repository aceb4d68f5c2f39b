"""Measuring a workspace on questions: how often answers are wrong, and from which confidence on they can be trusted.

Public face: the statistics in `instill.measure.risk`, `calibrate` in `instill.measure.calibration`, and
`load_calibration` in `instill.measure.stored`.
"""
