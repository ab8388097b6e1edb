/** Load generator of the ingest suites: signs everything beforehand, then sends over real links. */
import { concatBytes, type MeterLink, toHex } from "@meterseal/core";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createLinkToken } from "@meterseal/meter";
import { systemClock } from "../../packages/node/src/clocks.ts";
import { answerCalls } from "../lib/child.ts";
import { LightLink } from "../lib/light-link.ts";
import { cpuSeconds, percentile } from "../lib/measure.ts";
import { type BenchMeter, ChainWriter, energyWh, FIRST_SLOT } from "../lib/meters.ts";
import { QUIET_LOG } from "../lib/roles.ts";
import { TENANT } from "../lib/tenant.ts";

/** One burst of messages, spread over all meters. */
export type Burst = {
    /** Messages of each meter. */
    readonly messages: number;
    readonly recordsPerMessage: number;
    readonly readingsPerRecord: number;
};

/** What a burst took, from the first message to the last acknowledgement. */
export type LoadCost = {
    readonly wallS: number;
    readonly cpuS: number;
    readonly latencyP50Ms: number;
    readonly latencyP99Ms: number;
};

/** Calls to this process. */
export type LoadCalls = {
    prepare: {
        input: {
            readonly url: string;
            readonly network: Uint8Array;
            readonly plain: boolean;
            readonly light: boolean;
            readonly meters: readonly NumberedMeter[];
            readonly bursts: readonly Burst[];
        };
        /** Bytes of a message of each burst. */
        output: readonly number[];
    };
    run: { input: Window; output: LoadCost };
    close: { input: null; output: null };
};

/** How much is under way at one time. */
export type Window = {
    /** Messages of one meter. */
    readonly window: number;
    /** Messages of all meters of one generator. */
    readonly atOnce: number;
};

/** A meter, its number in the plain rows, and the hash of its enrolment. */
export type NumberedMeter = {
    readonly meter: BenchMeter;
    readonly number: number;
    readonly anchor: Uint8Array | null;
};

/** Meters whose messages are signed and whose connection is made at one time. */
const PREPARED_AT_ONCE = 50;

type BenchLink = Pick<MeterLink, "send" | "close">;
type Sender = {
    readonly link: BenchLink;
    readonly bursts: readonly (readonly Uint8Array[])[];
};

let senders: Sender[] = [];
let nextBurst = 0;

answerCalls<LoadCalls>({
    async prepare({ bursts, light, meters, network, plain, url }) {
        senders = [];
        for (let at = 0; at < meters.length; at += PREPARED_AT_ONCE) {
            const some = meters.slice(at, at + PREPARED_AT_ONCE).map(async (numbered) => {
                const { anchor, meter, number } = numbered;
                const writer = new ChainWriter(meter, number, anchor ?? new Uint8Array(32));
                const packed: Uint8Array[][] = [];
                let slot = FIRST_SLOT;
                for (const burst of bursts) {
                    packed.push(plain ? packPlain(number, slot, burst) : await pack(writer, burst));
                    slot += burst.messages * burst.recordsPerMessage;
                }
                return { link: await openLink(writer, network, url, light), bursts: packed };
            });
            senders.push(...(await Promise.all(some)));
        }
        return bursts.map((_, i) => senders[0]?.bursts[i]?.[0]?.length ?? 0);
    },
    async close() {
        await Promise.all(senders.map(({ link }) => link.close()));
        return null;
    },
    async run({ atOnce, window }) {
        const burst = nextBurst++;
        const latenciesMs: number[] = [];
        const waiting = senders.flatMap(({ bursts, link }) => {
            const messages = (bursts[burst] ?? []).values();
            return Array.from({ length: window }, () => ({ link, messages }));
        });
        const cpu = cpuSeconds();
        const start = performance.now();
        const lanes = Array.from({ length: Math.min(atOnce, waiting.length) }, async () => {
            for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
                const { done, value } = next.messages.next();
                if (done) continue;
                const sent = performance.now();
                await next.link.send(value);
                latenciesMs.push(performance.now() - sent);
                waiting.push(next);
            }
        });
        await Promise.all(lanes);
        return {
            wallS: (performance.now() - start) / 1000,
            cpuS: cpuSeconds() - cpu,
            latencyP50Ms: percentile(latenciesMs, 0.5),
            latencyP99Ms: percentile(latenciesMs, 0.99),
        };
    },
});

async function pack(writer: ChainWriter, burst: Burst): Promise<Uint8Array[]> {
    const messages: Uint8Array[] = [];
    for (let i = 0; i < burst.messages; i++) {
        const records: Uint8Array[] = [];
        while (records.length < burst.recordsPerMessage) {
            records.push(await writer.next(burst.readingsPerRecord));
        }
        messages.push(concatBytes(...records));
    }
    return messages;
}

function packPlain(meter: number, firstSlot: number, burst: Burst): Uint8Array[] {
    return Array.from({ length: burst.messages }, (_, i) => {
        const readings = Array.from({ length: burst.recordsPerMessage }, (_, j) => {
            const slot = firstSlot + i * burst.recordsPerMessage + j;
            return { meter, slot, wh: energyWh(meter, slot, 0) };
        });
        return new TextEncoder().encode(JSON.stringify(readings));
    });
}

async function openLink(
    { meter, signer }: ChainWriter,
    network: Uint8Array,
    url: string,
    light: boolean,
): Promise<BenchLink> {
    const subjectHex = toHex(meter.subject);
    const token = (): Promise<Uint8Array> =>
        createLinkToken(signer, network, meter.subject, systemClock);
    if (light) return await LightLink.open(url, subjectHex, await token());
    const link = createMqttMeterLink({ url, subjectHex, tenant: TENANT, token, log: QUIET_LOG });
    await connect(link);
    return link;
}

function connect(link: MeterLink): Promise<void> {
    return new Promise((resolve) => {
        void link.open({
            up: resolve,
            down: () => console.error("WARNING a link went down"),
            message() {},
        });
    });
}
