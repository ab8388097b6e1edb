import { bytesEqual, type MeterLink, type PublicKey, toHex } from "@meterseal/core";
import { COLLECTOR_NAME, enrolledCredential } from "@meterseal/links/edhoc";
import { createLinkToken } from "@meterseal/meter";
import { parseReceipt, RECEIPT_LEVEL } from "@meterseal/record";
import { systemClock } from "../../packages/node/src/clocks.ts";
import type { LinkCase } from "./link-cases.ts";
import { type BenchMeter, ChainWriter } from "./meters.ts";

/** A meter that is enrolled, and the hash of its enrolment. */
export type EnrolledMeter = { readonly meter: BenchMeter; readonly anchor: Uint8Array };

/** The server that a fleet talks to. */
export type FleetPlace = {
    readonly url: string;
    readonly network: Uint8Array;
    readonly collectorKey: PublicKey;
    readonly ca: string;
};

/** How long a connection may take, and a receipt after its record, in milliseconds. */
const WITHIN_MS = 60_000;

/** One meter, and its link while it is connected. */
export class LinkMeter {
    readonly writer: ChainWriter;
    /** Bytes of all messages that came down. */
    downBytes = 0;
    readonly #case: LinkCase;
    #link: MeterLink | null = null;
    #receivedSeq = 0;
    readonly #onTrouble: (what: string) => void;
    #onReceipt: () => void = () => undefined;
    #seq = 0;

    /** @param onTrouble - called where a record is refused or a connection fails. */
    constructor(
        each: LinkCase,
        number: number,
        { anchor, meter }: EnrolledMeter,
        onTrouble: (what: string) => void = (what) =>
            console.error(`WARNING ${each.name}: ${what}`),
    ) {
        this.#case = each;
        this.#onTrouble = onTrouble;
        this.writer = new ChainWriter(meter, number, anchor);
    }

    /** Connects; resolves when messages can be sent. */
    async connect({ ca, collectorKey, network, url }: FleetPlace): Promise<void> {
        const { meter, signer } = this.writer;
        const subjectHex = toHex(meter.subject);
        const collector = enrolledCredential(COLLECTOR_NAME, collectorKey);
        const link = this.#case.meter({
            ...{ url, subjectHex, ca, log: { info() {}, warn: this.#onTrouble } },
            token: () => createLinkToken(signer, network, meter.subject, systemClock),
            own: { ...enrolledCredential(subjectHex, signer.publicKey), signer },
            find: (id) => (bytesEqual(id, collector.id) ? collector : null),
        });
        this.#link = link;
        await within(
            new Promise<void>((up) => {
                const message = (bytes: Uint8Array): void => this.#take(bytes);
                void link.open({ up, down() {}, message });
            }),
            `${this.#case.name}: no connection`,
        );
    }

    /** Sends a record; resolves when it is acknowledged. */
    async send(record: Uint8Array): Promise<void> {
        await this.#link?.send(record);
        this.#seq++;
    }

    /** Sends a record; resolves with the times until its acknowledgement and its receipt, in ms. */
    async sendForReceipt(record: Uint8Array): Promise<{ ackMs: number; receiptMs: number }> {
        const seq = this.#seq + 1;
        const startMs = performance.now();
        let receiptMs = 0;
        const received = new Promise<void>((resolve) => {
            this.#onReceipt = () => {
                if (this.#receivedSeq < seq || receiptMs > 0) return;
                receiptMs = performance.now() - startMs;
                resolve();
            };
        });
        await this.send(record);
        const ackMs = performance.now() - startMs;
        await within(received, `${this.#case.name}: no receipt`);
        return { ackMs, receiptMs };
    }

    async close(): Promise<void> {
        await this.#link?.close();
        this.#link = null;
    }

    #take(bytes: Uint8Array): void {
        this.downBytes += bytes.length;
        const receipt = parseReceipt(bytes);
        if (!receipt.ok || receipt.value.level === RECEIPT_LEVEL.refused) {
            this.#onTrouble("a record was refused");
            return;
        }
        this.#receivedSeq = Math.max(this.#receivedSeq, receipt.value.seq);
        this.#onReceipt();
    }
}

/** Meters of one link that send at the same time. */
export class LinkFleet {
    readonly #meters: readonly LinkMeter[];
    readonly #ready: Uint8Array[][] = [];

    constructor(each: LinkCase, meters: readonly EnrolledMeter[]) {
        this.#meters = meters.map((meter, i) => new LinkMeter(each, i, meter));
    }

    async connect(place: FleetPlace): Promise<void> {
        for (const meter of this.#meters) await meter.connect(place);
    }

    /** Signs so many records of one reading for each meter. */
    async prepare(records: number): Promise<void> {
        for (const [i, { writer }] of this.#meters.entries()) {
            const ready: Uint8Array[] = [];
            while (ready.length < records) ready.push(await writer.next(1));
            this.#ready[i] = ready;
        }
    }

    /** Sends what is prepared, each meter some at a time; acknowledged messages in a second. */
    async burst(window: number): Promise<number> {
        const startMs = performance.now();
        const counts = await Promise.all(
            this.#meters.map(async (meter, i) => {
                const records = (this.#ready[i] ?? []).values();
                const lane = async (): Promise<number> => {
                    let count = 0;
                    for (const record of records) {
                        await meter.send(record);
                        count++;
                    }
                    return count;
                };
                const lanes = await Promise.all(Array.from({ length: window }, lane));
                return lanes.reduce((sum, count) => sum + count, 0);
            }),
        );
        const sent = counts.reduce((sum, count) => sum + count, 0);
        return sent / ((performance.now() - startMs) / 1000);
    }

    async close(): Promise<void> {
        await Promise.all(this.#meters.map((meter) => meter.close()));
    }
}

/** Settles as a promise does, or fails after a long time. */
async function within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(what)), WITHIN_MS);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}
