"""Fitting a workspace to its own documents, by questions about them whose answers are known.

Public face: `calibrate` (`calibration`) finds the threshold, `tune_search` and `keep` (`search`) the weights of the
search and the size of passages, and `train_own_encoder` (in the file of that name) trains the encoder. What they find
is kept and taken up by `kept/`. They work on whatever has the parts of a `FittedWorkspace` (`fitted_workspace`).
"""
