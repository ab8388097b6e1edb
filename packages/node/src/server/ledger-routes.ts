import type { FastifyInstance } from "fastify";
import type { LedgerStatus } from "../exchange/status.ts";

/** Where a server says how its ledger stands. */
export const LEDGER_STATUS_ROUTE = "/api/v1/ledger/status";

/** Adds the route that says how the ledger stands: role, heads, what waits, who is connected. */
export function addLedgerRoutes(app: FastifyInstance, status: () => LedgerStatus): void {
    app.get(LEDGER_STATUS_ROUTE, () => status());
}
