/** Tenant in all topics of the ingest suites. */
export const TENANT = "bench";
