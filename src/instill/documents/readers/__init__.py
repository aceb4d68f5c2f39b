"""One file per format family; each has functions `bytes -> Parsed`. Imported only when a file needs them."""
