import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS, type MeterLink, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import { createHttpMeterLink } from "@meterseal/links/http";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createLinkToken, MeterAgent } from "@meterseal/meter";
import {
    type MeterStore,
    parseEnrolment,
    parseReceipt,
    parseRecord,
    RECEIPT_LEVEL,
    STREAM_MODE,
    splitSequence,
    verifySign1,
} from "@meterseal/record";
import { MemoryMeterStore } from "@meterseal/stores/memory";
import { openServerStore } from "@meterseal/stores/sqlite";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { until } from "@meterseal/testkit/link-compliance";
import { expect } from "vitest";
import { systemClock, systemTimers } from "../packages/node/src/clocks.ts";
import { TENANT } from "../packages/node/src/config/links.ts";
import { PLACES } from "../packages/node/src/files.ts";
import { type Server, startServer } from "../packages/node/src/server/server.ts";
import { verifyDirectory } from "../packages/node/src/verify/verify.ts";

/** Transports under test. */
export type LinkKind = "mqtt" | "http";

/** Waits of a meter's link, as its options name them. */
export type Waits = {
    readonly keepaliveSeconds: number;
    readonly connectTimeoutMs: number;
    readonly ackTimeoutMs: number;
};

const SLOT_SECONDS = 900;
const HISTORY_SECONDS = 30 * 86_400;
/** Longest time in which a meter recovers: its waits and pauses add up to a third; machines are busy. */
const RECOVERY_MS = 45_000;
const quiet = { info: () => {}, warn: () => {} };

/** A real server with its store on disk, and a meter whose path to it can be broken. */
export class PathBed {
    readonly path = new BreakablePath();
    readonly #dataDir: string;
    readonly #kind: LinkKind;
    readonly #subject: Uint8Array;
    /** Hash of each record by sequence number, as the meter wrote it. */
    readonly #written = new Map<number, string>();
    /** Largest number that a genuine receipt called stored. */
    #acknowledged = 0;
    #server!: Server;
    agent!: MeterAgent;
    ups = 0;
    downs = 0;
    /** Records that the meter sent again. */
    resent = 0;
    readonly #sent = new Set<string>();
    #slot = slotOfUnix(Math.floor(systemClock.nowMs() / 1000) - HISTORY_SECONDS, SLOT_SECONDS);
    #register = 0n;

    private constructor(kind: LinkKind, dataDir: string) {
        this.#kind = kind;
        this.#dataDir = dataDir;
        this.#subject = testBytes(`subject ${dataDir}`, 16);
    }

    static async open(kind: LinkKind, waits: Waits): Promise<PathBed> {
        const bed = new PathBed(kind, await mkdtemp(join(tmpdir(), "paths-")));
        await bed.path.listen();
        await bed.#start({ mqtt: 0, http: 0 });
        await bed.#openMeter(waits);
        return bed;
    }

    /** Ends the server as a proper stop does, and starts another on what is on disk. */
    async restart(): Promise<void> {
        const { httpLinkUrl, mqttUrl } = this.#server;
        const ports = {
            mqtt: Number(new URL(mqttUrl).port),
            http: Number(new URL(httpLinkUrl ?? "").port),
        };
        await this.#server.close();
        await this.#start(ports);
    }

    /** Gives the meter so many boundaries, each a record of its own. */
    async measure(count: number): Promise<void> {
        for (; count > 0; count--) {
            this.#register += 100n;
            const registers = [this.#register];
            await this.agent.add({ slot: this.#slot++, registers, flag: 0 });
        }
    }

    /** Waits until the meter has records under way. */
    async untilBusy(): Promise<void> {
        await until(() => this.agent.openRecords > 0, "a record", RECOVERY_MS);
    }

    /** Waits until the meter has noticed that its connection is none any more. */
    async untilDown(): Promise<void> {
        await until(() => this.downs > 0, "the meter to notice", RECOVERY_MS);
    }

    /** Waits until every record is final. */
    async settled(): Promise<void> {
        await until(() => this.agent.openRecords === 0, "all to be final", RECOVERY_MS);
    }

    /** Stops all, and holds the server's disk against what the meter wrote and was told. */
    async check(): Promise<void> {
        await this.agent.close();
        await this.#server.close();
        expect(this.agent.refusal).toBeNull();
        expect(this.#acknowledged).toBe(this.#written.size);
        const report = await verifyDirectory(this.#dataDir, [], () => {});
        expect(report.faults).toEqual([]);
        const store = await openServerStore(PLACES.server(this.#dataDir), { readOnly: true });
        const found: [number, string][] = [];
        for await (const { body } of store.entries(0)) {
            for (const bytes of body) {
                const { message, seq } = unwrap(parseRecord(bytes));
                found.push([seq, toHex(message.hash)]);
            }
        }
        await store.close();
        expect(found.sort(([a], [b]) => a - b)).toEqual([...this.#written]);
    }

    /** Removes everything. */
    async close(): Promise<void> {
        await this.agent.close();
        await this.#server.close();
        await this.path.close();
        rmSync(this.#dataDir, { recursive: true, force: true });
    }

    async #start(ports: Record<LinkKind, number>): Promise<void> {
        this.#server = await startServer({
            dataDir: this.#dataDir,
            host: "127.0.0.1",
            httpPort: 0,
            clock: systemClock,
            clockLabel: null,
            mode: STREAM_MODE.sealed,
            log: quiet,
            onFatal: () => {},
            mqttPort: ports.mqtt,
            httpLink: { host: "127.0.0.1", port: ports.http, tls: null },
        });
        const { httpLinkUrl, mqttUrl } = this.#server;
        const url = this.#kind === "mqtt" ? mqttUrl : (httpLinkUrl ?? "");
        this.path.target = Number(new URL(url).port);
    }

    async #openMeter(waits: Waits): Promise<void> {
        const signer = testSigner(`meter ${this.#dataDir}`, "es256");
        const { collectorKey, networkId } = this.#server;
        const stream = {
            stream: testBytes(`stream ${this.#dataDir}`, 16),
            sealEpoch: 0,
            suite: 1,
            slotSeconds: SLOT_SECONDS,
            zone: "Europe/London",
            groups: [0],
            mode: STREAM_MODE.sealed,
            scale: 0,
        };
        const subject = this.#subject;
        const { enrolment } = await this.#server.enrol({
            subject,
            key: signer.publicKey,
            streams: [stream],
        });
        const anchor = unwrap(parseEnrolment(enrolment)).message.hash;
        const subjectHex = toHex(subject);
        const token = () => createLinkToken(signer, networkId, subject, systemClock);
        const url = `${this.#kind}://127.0.0.1:${this.path.port}`;
        const link =
            this.#kind === "mqtt"
                ? createMqttMeterLink({ url, subjectHex, tenant: TENANT, token, ...waits })
                : createHttpMeterLink({ url, subjectHex, token, ...waits });
        this.agent = await MeterAgent.open({
            profile: { network: networkId, subject, chainEpoch: 0, anchor, stream, collectorKey },
            signer,
            master: testBytes("master", 32),
            store: this.#watchedStore(),
            link: this.#watchedLink(link),
            clock: systemClock,
            timers: systemTimers,
            log: quiet,
            recordBoundaries: 1,
        });
        await this.agent.connect();
        await until(() => this.ups > 0, "the meter's link", RECOVERY_MS);
    }

    #watchedStore(): MeterStore {
        const store = new MemoryMeterStore();
        const append: MeterStore["append"] = async (state, record) => {
            await store.append(state, record);
            if (record !== null) this.#written.set(record.seq, toHex(record.hash));
        };
        return new Proxy<MeterStore>(store, {
            get: (of, name) => (name === "append" ? append : Reflect.get(of, name).bind(of)),
        });
    }

    #watchedLink(link: MeterLink): MeterLink {
        return {
            open: (handler) =>
                link.open({
                    up: () => {
                        this.ups++;
                        handler.up();
                    },
                    down: () => {
                        this.downs++;
                        handler.down();
                    },
                    message: (message) => {
                        this.#note(message);
                        handler.message(message);
                    },
                }),
            send: (message) => {
                for (const bytes of unwrap(splitSequence(message, LIMITS.messageRecords))) {
                    const hash = toHex(unwrap(parseRecord(bytes)).message.hash);
                    if (this.#sent.has(hash)) this.resent++;
                    this.#sent.add(hash);
                }
                return link.send(message);
            },
            close: () => link.close(),
        };
    }

    #note(bytes: Uint8Array): void {
        const { code, level, message, seq } = unwrap(parseReceipt(bytes));
        expect(verifySign1(message, this.#server.collectorKey)).toBe(true);
        if (code === 0 && level !== RECEIPT_LEVEL.refused) {
            this.#acknowledged = Math.max(this.#acknowledged, seq);
        }
    }
}
