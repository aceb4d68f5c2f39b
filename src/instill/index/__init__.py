"""Passages to ranking: one Lance table, a keyword and a vector leg, fusion, filters, SQL, clusters.

Public face: `instill.index.store.Index`, `instill.index.fusion` (`Fusion`, `fusion_named`), `instill.index.types`,
`instill.index.filters.compiled`, `instill.index.clusters`. Import from the modules; nothing heavy is imported here.
"""
