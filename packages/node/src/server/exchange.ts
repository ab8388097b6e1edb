import type { SignatureJob } from "@meterseal/core";
import { BranchEngine, SequencerDoor } from "@meterseal/engines/branch";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { loggedHeads } from "@meterseal/ledger";
import type { ServerStore } from "@meterseal/stores/sqlite";
import { steadyClock, systemClock } from "../clocks.ts";
import { CollectorGate } from "../exchange/gate.ts";
import { startExchange } from "../exchange/listener.ts";
import type { LedgerStatus } from "../exchange/status.ts";
import { admitCollector, type Registry } from "./enrolment.ts";
import { readTlsFiles } from "./links.ts";
import type { HttpServer } from "./listen.ts";
import type { ServerOptions } from "./server.ts";

/** What the side towards other servers works with. */
export type ExchangeParts = {
    readonly registry: Registry;
    readonly store: ServerStore;
    readonly verify: (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;
    readonly operatorToken: string;
};

/** The side of a server towards other servers of its network. */
export type ExchangeSide = {
    /** Null where it listens for none. */
    readonly http: HttpServer | null;
    readonly status: () => LedgerStatus;
};

/**
 * Opens the listener for other servers where the options ask for one, and says how the ledger stands.
 * @throws MetersealError MS_LISTEN_ADDRESS, MS_PORT_IN_USE, and what certificate or key are refused with.
 */
export async function openExchange(
    { clock, exchange = null }: Pick<ServerOptions, "clock" | "exchange">,
    { operatorToken, registry, store, verify }: ExchangeParts,
): Promise<ExchangeSide> {
    const { engine, genesis, identity } = registry;
    const door =
        engine instanceof EmbeddedEngine
            ? await SequencerDoor.open({ engine, store, clock, verify, author: identity.author })
            : null;
    const far = engine instanceof BranchEngine ? engine : door;
    const status = (): LedgerStatus => {
        if (engine instanceof BranchEngine) return { role: "branch", ...engine.status() };
        const { root, size } = engine.head();
        const log = { size, root: root.toHex(), lastEntryMs: engine.state.lastTimeMs };
        const heads = loggedHeads(engine.state).map(({ author, id, round }) => ({
            author: author.toHex(),
            round,
            id: id.toHex(),
        }));
        if (door === null) return { role: "validator", log, heads };
        const { evicted, size: orphans } = door.orphans;
        return {
            role: "sequencer",
            ...{ log, heads, orphans },
            evicted: Object.fromEntries(evicted),
            refused: Object.fromEntries(door.refused),
        };
    };
    if (exchange === null || far === null) return { http: null, status };
    const http = await startExchange({
        host: exchange.host,
        port: exchange.port,
        tls: exchange.tls === null ? null : readTlsFiles(exchange.tls),
        exchange: far,
        gate: new CollectorGate(engine.state, systemClock, steadyClock),
        ...{ genesis, operatorToken },
        admit: (request) => admitCollector(registry, request),
    });
    return { http, status };
}
