import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
    type Clock,
    LIMITS,
    type Log,
    type PublicKey,
    type SignatureJob,
    toHex,
} from "@meterseal/core";
import { VerifierPool } from "@meterseal/core/node";
import type { Policy } from "@meterseal/ledger";
import type { GrantBox, StreamDescriptor } from "@meterseal/record";
import { lockDirectory } from "@meterseal/stores";
import { openGrantBox, openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import { steadyClock, systemClock, systemRandom } from "../clocks.ts";
import type { BrokerAccess } from "../config/brokers.ts";
import type { HttpLinkConfig } from "../config/config.ts";
import type { LinkPlace } from "../config/links.ts";
import type { EnrolmentAnswer } from "../device/exchange.ts";
import type { CollectorAnswer, CollectorRequest } from "../exchange/admission.ts";
import type { LedgerStatus } from "../exchange/status.ts";
import { claimDirectory, PLACES } from "../files.ts";
import type { PartyAnswer, PartyRequest } from "../party/exchange.ts";
import { doneWithin } from "../shutdown.ts";
import type { CometOptions } from "./comet.ts";
import type { ServerEngine } from "./engine.ts";
import { admitCollector, enrolMeter, type Registry } from "./enrolment.ts";
import { openExchange } from "./exchange.ts";
import { Health } from "./health.ts";
import { type HttpOptions, startHttp } from "./http.ts";
import { listenForMeters } from "./links.ts";
import { ServerMetrics } from "./metrics.ts";
import { loadOperatorToken, publishAddress } from "./operator.ts";
import { admitParty } from "./party-admission.ts";
import { PartyGate } from "./party-gate.ts";
import { provisionalTools } from "./provisional-routes.ts";
import { type Removal, removeMember } from "./removal.ts";
import { type Roles, startRoles } from "./roles.ts";

/** Where the built pages of the portal are. */
export const PORTAL_DIRECTORY: string = join(import.meta.dirname, "../../../portal/dist");

/** What a server is started with. */
export type ServerOptions = {
    readonly dataDir: string;
    readonly host: string;
    /** 0 takes any free port. */
    readonly httpPort: number;
    /** Null is nowhere. */
    readonly mqttPort: number | null;
    /** Where meters that speak HTTP come; absent or null is nowhere. */
    readonly httpLink?: HttpLinkConfig | null;
    /** Where meters come to besides; absent is nowhere. */
    readonly links?: readonly LinkPlace[];
    /** Certificate for those that need one, where `httpLink` brings none. */
    readonly linkTls?: HttpLinkConfig["tls"];
    /** What brokers among them are entered with; absent is without a login. */
    readonly brokers?: BrokerAccess;
    /** Whether links may speak plain text beyond the loopback. */
    readonly insecure?: boolean;
    readonly clock: Clock;
    /** Text that every page shows about the clock, such as "replay of 2013"; null for real time. */
    readonly clockLabel: string | null;
    /** How the replay clock goes on; absent where time is real or stands still. */
    readonly replay?: ReplayPlan;
    /** NETWORK_MODE of a new network; null takes what is there, sealed for a new one. */
    readonly mode: number | null;
    /** Whose cosignatures make a checkpoint final; absent or null where the disk does. */
    readonly witnessPolicy?: Policy | null;
    /** Where other servers of the network ask; absent or null is nowhere. */
    readonly exchange?: HttpLinkConfig | null;
    /** Other branches that this one exchanges vertices with, by their address; absent is none. */
    readonly peers?: readonly string[];
    /** How the server takes part in a network of several organisations; absent or null in its own. */
    readonly comet?: CometOptions | null;
    readonly log: Log;
    readonly onFatal: (cause: unknown) => void;
};

/** A meter that is to be admitted. */
export type EnrolRequest = {
    readonly subject: Uint8Array;
    readonly key: PublicKey;
    readonly streams: readonly StreamDescriptor[];
    /** True where a gateway signs for a meter that cannot: its readings are observed (formats 1). */
    readonly observed?: boolean;
    /** What it meters, one of MEDIUM; absent for electricity. */
    readonly medium?: number;
    /** First chain epoch of the key; absent = 0. A later one follows an enrolled device. */
    readonly chainEpoch?: number;
    /** Street of the demo that the API names beside the meter; public, and not kept on disk. */
    readonly street?: string;
};

/** How a replay clock goes on. */
export type ReplayPlan = {
    /** Replay seconds in one real second. */
    readonly speed: number;
    /** End of the data, milliseconds since 1970: the clock stops there. */
    readonly endMs: number;
};

/** A running server: collector, ledger, store, API and portal. */
export type Server = {
    readonly httpUrl: string;
    /** Address for meters that speak MQTT; empty where it is off. */
    readonly mqttUrl: string;
    /** Address for meters that speak HTTP; null where it is off. */
    readonly httpLinkUrl: string | null;
    /** Address for other servers; null where it is off. */
    readonly exchangeUrl: string | null;
    /** Addresses of all links. */
    readonly linkUrls: readonly string[];
    readonly networkId: Uint8Array;
    readonly collectorKey: PublicKey;
    /** Admits a meter; resolves with what proves it, once that is final. Twice gives the same. */
    enrol(request: EnrolRequest): Promise<EnrolmentAnswer>;
    /** Admits a party; resolves with what proves it, once that is final. Twice gives the same. */
    admitParty(request: PartyRequest): Promise<PartyAnswer>;
    /** Admits the collector of a branch; resolves once that is final. Twice gives the same. */
    admitCollector(request: CollectorRequest): Promise<CollectorAnswer>;
    /** Removes a meter or a collector for good; resolves once that is final. Twice gives the same. */
    remove(id: Uint8Array): Promise<Removal>;
    /** How the ledger stands. */
    ledgerStatus(): LedgerStatus;
    /** Stops listening, makes final what is stored, and closes the store. */
    close(): Promise<void>;
};

/**
 * Starts a server on a data directory.
 * @throws MetersealError MS_STORE_* for the directory, MS_PORT_IN_USE, MS_LISTEN_ADDRESS, MS_GENESIS.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
    claimDirectory(options.dataDir);
    const directory = PLACES.server(options.dataDir);
    const undo: (() => Promise<void> | void)[] = [];
    const unwind = async (): Promise<void> => {
        for (const step of undo.splice(0).reverse()) await step();
    };
    try {
        const lock = lockDirectory(directory);
        undo.push(() => lock.release());
        const metrics = new ServerMetrics();
        const store = await openServerStore(directory, { hooks: metrics.storeHooks });
        undo.push(() => store.close());
        const box = await openGrantBox(directory, { hooks: metrics.storeHooks });
        undo.push(() => box.close());
        const verifier = new VerifierPool({ threads: availableParallelism() });
        undo.push(() => verifier.close());
        const roles = await startRoles(options, { store, verifier, metrics });
        const { collector, engine, facts, genesis, identity, said } = roles;
        metrics.watch({ collector, engine, facts, said, clock: options.clock });
        undo.push(() => roles.contradictions.watcher.settled());
        undo.push(() => endEngine(engine));
        undo.push(() => endCollector(roles, options));
        const { httpLinkUrl, linkUrls, mqttUrl } = await listenForMeters(options, roles);
        const streets = new Map<string, string>();
        const registry: Registry = { engine, genesis, identity, clock: options.clock };
        const enrol = (request: EnrolRequest): Promise<EnrolmentAnswer> =>
            enrolMeter(registry, request);
        const members = membersOf(registry);
        const operatorToken = loadOperatorToken(options.dataDir, systemRandom);
        const verify = (jobs: readonly SignatureJob[]) => verifier.verify(jobs);
        const exchange = await openExchange(options, { registry, store, verify, operatorToken });
        undo.push(() => exchange.http?.close());
        metrics.watchLedger(exchange.status, systemClock);
        const http = await startHttp({
            host: options.host,
            port: options.httpPort,
            reader: store.reader,
            ...{ engine, facts, genesis, heads: roles.heads, streams: roles.streams },
            contradictions: roles.contradictions.files,
            clock: options.clock,
            clockLabel: options.clockLabel,
            health: new Health({
                ...{ store, directory, engine, facts, metrics },
                clock: options.clock,
                links: linkUrls,
            }),
            portalDir: PORTAL_DIRECTORY,
            operatorToken,
            enrol,
            ...members,
            ledgerStatus: exchange.status,
            ...partySide(options, { ...roles, registry, box, operatorToken, store, metrics }),
            provisional: provisionalTools(roles.collector, options.clock),
            ...{ replay: options.replay ?? null, streets },
        });
        undo.push(() => http.close());
        undo.push(
            publishAddress(options.dataDir, {
                http: http.url,
                ...(mqttUrl === "" ? {} : { mqtt: mqttUrl }),
                ...(httpLinkUrl === null ? {} : { httpLink: httpLinkUrl }),
                ...(exchange.http === null ? {} : { exchange: exchange.http.url }),
            }),
        );
        return {
            httpUrl: http.url,
            mqttUrl,
            httpLinkUrl,
            exchangeUrl: exchange.http?.url ?? null,
            linkUrls,
            networkId: engine.state.networkId,
            collectorKey: identity.collector.publicKey,
            enrol: async (request) => {
                const answer = await enrol(request);
                if (request.street !== undefined)
                    streets.set(toHex(request.subject), request.street);
                return answer;
            },
            admitParty: (request) => admitParty(registry, request),
            ...members,
            ledgerStatus: exchange.status,
            close: unwind,
        };
    } catch (cause) {
        await unwind();
        throw cause;
    }
}

/** How the operator admits collectors, and removes members. */
function membersOf(registry: Registry): Pick<Server, "admitCollector" | "remove"> {
    return {
        admitCollector: (request) => admitCollector(registry, request),
        remove: (id) => removeMember(registry, id),
    };
}

/**
 * Waits until what was stored is in the log. Members of a shared ledger wait for one another only so long:
 * what is on its way is on disk, and goes with the next start.
 */
async function endCollector(
    { collector }: Pick<Roles, "collector">,
    { comet = null, log }: ServerOptions,
): Promise<void> {
    const closed = collector.close();
    if (comet === null) await closed;
    else if (!(await doneWithin(closed, LIMITS.sharedLogWaitMs))) {
        log.warn("no block takes what was stored last: it goes with the next start");
    }
}

/** Leaves an image for the next start, where the engine makes one. */
async function endEngine(engine: ServerEngine): Promise<void> {
    await engine.saveImage?.();
    await engine.close();
}

/** What the routes of parties and of their box work with. */
function partySide(
    { clock }: ServerOptions,
    parts: Pick<Roles, "engine" | "facts" | "said"> & {
        readonly registry: Registry;
        readonly box: GrantBox;
        readonly operatorToken: string;
        readonly store: ServerStore;
        readonly metrics: ServerMetrics;
    },
): Pick<HttpOptions, "parties" | "box"> {
    const { box, engine, facts, metrics, operatorToken, registry, said, store } = parts;
    const gate = new PartyGate(engine.state, systemClock, steadyClock);
    return {
        parties: {
            ...{ engine, facts, gate, operatorToken, said, reader: store.reader },
            admitParty: (request) => admitParty(registry, request),
        },
        box: {
            ...{ box, clock, gate, said, state: engine.state },
            onAccess: (granted) => metrics.boxAccess(granted),
        },
    };
}
