"""The experiments: each mirrors a published effect, and says whether it was seen here."""
