import { mkdirSync } from "node:fs";
import { Collector } from "@meterseal/collector";
import { type Log, unwrap } from "@meterseal/core";
import { signerFromPem, VerifierPool } from "@meterseal/core/node";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { stateOfGenesis } from "@meterseal/ledger";
import { createEnrolment, parseEnrolment, ROLE, STREAM_MODE } from "@meterseal/record";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import {
    nextTurn,
    systemClock,
    systemRandom,
    systemTimers,
} from "../../packages/node/src/clocks.ts";
import { claimDirectory, PLACES } from "../../packages/node/src/files.ts";
import { loadGenesis, loadIdentity } from "../../packages/node/src/server/identity.ts";
import { CORES } from "./machine.ts";
import type { BenchMeter } from "./meters.ts";

/** Says nothing but warnings, which no benchmark should cause. */
export const QUIET_LOG: Log = {
    info() {},
    warn(message, fields) {
        console.error(`WARNING ${message}`, fields ?? "");
    },
};

/** Collector, engine and store of a server on a directory, without HTTP. */
export type Roles = {
    readonly collector: Collector;
    readonly engine: EmbeddedEngine;
    readonly store: ServerStore;
    /** Records that are final so far. */
    finalRecords(): number;
    /** Admits meters; gives the hash of each enrolment. */
    enrol(meters: readonly BenchMeter[]): Promise<Uint8Array[]>;
    /** Makes final what is stored, then closes the file. */
    close(): Promise<void>;
};

/** Opens the roles as `packages/node/src/server/server.ts` does, on the machine's clock. */
export async function openRoles(dataDir: string, log: Log = QUIET_LOG): Promise<Roles> {
    claimDirectory(dataDir);
    mkdirSync(PLACES.server(dataDir), { recursive: true });
    const store = await openServerStore(PLACES.server(dataDir));
    const identity = loadIdentity(PLACES.serverKeys(dataDir), systemRandom);
    const tools = { clock: systemClock, random: systemRandom };
    const { bytes } = await loadGenesis(store, identity, STREAM_MODE.sealed, tools);
    const verifier = new VerifierPool({ threads: CORES });
    let finalRecords = 0;
    const collector = new Collector(unwrap(stateOfGenesis(bytes)), {
        store,
        clock: systemClock,
        steadyClock: systemClock,
        timers: systemTimers,
        nextTurn,
        signer: identity.collector,
        author: identity.author,
        keyEpoch: 0,
        verify: (jobs) => verifier.verify(jobs),
        log,
        onFatal(cause) {
            console.error(cause);
            process.exit(1);
        },
    });
    const engine = await EmbeddedEngine.open({
        store,
        clock: systemClock,
        logSigner: identity.log,
        observer: {
            entryLogged: (entry, timeMs) => collector.entryLogged(entry, timeMs),
            entryFinal(entry, timeMs, finality, outcomes) {
                if (entry.kind === "vertex") finalRecords += entry.records.length;
                collector.entryFinal(entry, timeMs, finality, outcomes);
            },
        },
    });
    const admit = async (member: {
        role: number;
        id: Uint8Array;
        key: Parameters<typeof createEnrolment>[1]["key"];
        streams: Parameters<typeof createEnrolment>[1]["streams"];
    }): Promise<Uint8Array> => {
        const enrolment = await createEnrolment(identity.operator, {
            ...member,
            network: engine.state.networkId,
            timeUnix: Math.floor(systemClock.nowMs() / 1000),
            epoch: 0,
        });
        await engine.submit(enrolment, []);
        return unwrap(parseEnrolment(enrolment)).message.hash;
    };
    const { publicKey } = identity.collector;
    await admit({ role: ROLE.collector, id: identity.author, key: publicKey, streams: [] });
    await collector.start(engine);
    return {
        collector,
        engine,
        store,
        finalRecords: () => finalRecords,
        async enrol(meters) {
            const hashes: Uint8Array[] = [];
            for (const { pem, stream, subject: id } of meters) {
                const key = signerFromPem(pem).publicKey;
                hashes.push(await admit({ role: ROLE.meter, id, key, streams: [stream] }));
            }
            return hashes;
        },
        async close() {
            await collector.close();
            await verifier.close();
            await store.close();
        },
    };
}
