"""Small parts that many rooms use: files written whole, files checked, typed TOML, what something was made from."""
