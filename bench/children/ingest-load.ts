/** Load generator of the ingest suites: signs everything beforehand, then sends over real links. */
import { concatBytes, type MeterLink, toHex } from "@meterseal/core";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createLinkToken } from "@meterseal/meter";
import { systemClock } from "../../packages/node/src/clocks.ts";
import { answerCalls } from "../lib/child.ts";
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
            readonly meters: readonly NumberedMeter[];
            readonly bursts: readonly Burst[];
        };
        /** Bytes of a message of each burst. */
        output: readonly number[];
    };
    run: { input: { readonly window: number }; output: LoadCost };
};

/** A meter, its number in the plain rows, and the hash of its enrolment. */
export type NumberedMeter = {
    readonly meter: BenchMeter;
    readonly number: number;
    readonly anchor: Uint8Array | null;
};

type Sender = { readonly link: MeterLink; readonly bursts: readonly (readonly Uint8Array[])[] };

let senders: Sender[] = [];
let nextBurst = 0;

answerCalls<LoadCalls>({
    async prepare({ bursts, meters, network, plain, url }) {
        senders = await Promise.all(
            meters.map(async ({ anchor, meter, number }) => {
                const writer = new ChainWriter(meter, number, anchor ?? new Uint8Array(32));
                const link = createMqttMeterLink({
                    url,
                    subjectHex: toHex(meter.subject),
                    tenant: TENANT,
                    token: () =>
                        createLinkToken(writer.signer, network, meter.subject, systemClock),
                    log: QUIET_LOG,
                });
                const packed: Uint8Array[][] = [];
                let slot = FIRST_SLOT;
                for (const burst of bursts) {
                    packed.push(plain ? packPlain(number, slot, burst) : await pack(writer, burst));
                    slot += burst.messages * burst.recordsPerMessage;
                }
                await connect(link);
                return { link, bursts: packed };
            }),
        );
        return bursts.map((_, i) => senders[0]?.bursts[i]?.[0]?.length ?? 0);
    },
    async run({ window }) {
        const burst = nextBurst++;
        const latenciesMs: number[] = [];
        const cpu = cpuSeconds();
        const start = performance.now();
        await Promise.all(
            senders.map((sender) =>
                sendAll(sender.link, sender.bursts[burst] ?? [], window, latenciesMs),
            ),
        );
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

function connect(link: MeterLink): Promise<void> {
    return new Promise((resolve) => {
        void link.open({
            up: resolve,
            down: () => console.error("WARNING a link went down"),
            message() {},
        });
    });
}

/** Keeps so many messages under way until all are acknowledged. */
async function sendAll(
    link: MeterLink,
    messages: readonly Uint8Array[],
    window: number,
    latenciesMs: number[],
): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
        for (let message = messages[next++]; message !== undefined; message = messages[next++]) {
            const start = performance.now();
            await link.send(message);
            latenciesMs.push(performance.now() - start);
        }
    };
    await Promise.all(Array.from({ length: window }, lane));
}
