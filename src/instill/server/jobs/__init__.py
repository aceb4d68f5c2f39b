"""Long work in processes of its own: kept in the catalog, watched, stopped, and gone on with after a restart."""
