"""The curve of score over data size: its form (`power_law`), and its fit with intervals (`fitting`).

A curve of another form gets a file beside `power_law`, with what `PowerLaws` has; `fitting` says which form is fitted.
"""
