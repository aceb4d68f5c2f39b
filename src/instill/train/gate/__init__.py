"""The gate: the conditions that a candidate must meet before it may take the place of its base.

Public face: `load_gate` (`specification`), `gate_toml` (`template`), `judge` and `with_interpolation` (`run`),
`score` (`scoring`), and the matrix of tasks trained in sequence (`retention`). What decides is in `decision_rules`;
what each section of a gate file asks is in `conditions/`.
"""
