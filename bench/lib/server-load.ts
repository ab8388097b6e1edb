import { setTimeout as sleep } from "node:timers/promises";
import { concatBytes, toHex } from "@meterseal/core";
import { createLinkToken } from "@meterseal/meter";
import type { ReplayClock } from "../../packages/node/src/clocks.ts";
import { TENANT } from "../../packages/node/src/config/links.ts";
import type { ServerProcess } from "../../packages/node/src/fleet/server-process.ts";
import { viewOf } from "../../packages/node/src/localnet/member.ts";
import { LightLink } from "./light-link.ts";
import { type BenchMeter, ChainWriter } from "./meters.ts";

const LOOK_EACH_MS = 5;
/** Longest wait for what was sent. */
const FINAL_WITHIN_MS = 60_000;
/** Records of one reading in a message, far below the limit of a message. */
const RECORDS_PER_MESSAGE = 100;

/** One meter that talks to a server over MQTT, and what the server's API says of its records. */
export class ServerLoad {
    readonly writer: ChainWriter;
    readonly #link: LightLink;
    readonly #url: string;

    private constructor(writer: ChainWriter, link: LightLink, url: string) {
        this.writer = writer;
        this.#link = link;
        this.#url = url;
    }

    /** Admits the meter, and connects it. */
    static async open(
        server: ServerProcess,
        meter: BenchMeter,
        clock: ReplayClock,
    ): Promise<ServerLoad> {
        const { signer } = new ChainWriter(meter, 0, new Uint8Array(32));
        const { stream, subject } = meter;
        const request = { subject, key: signer.publicKey, streams: [stream] };
        const writer = new ChainWriter(meter, 0, await server.enrol(request));
        const { info } = server;
        const token = await createLinkToken(signer, info.networkId, subject, clock);
        const link = await LightLink.open(info.mqttUrl, toHex(subject), token, TENANT);
        return new ServerLoad(writer, link, info.httpUrl);
    }

    /** Signed records of one reading each. */
    async records(count: number): Promise<Uint8Array[]> {
        const records: Uint8Array[] = [];
        while (records.length < count) records.push(await this.writer.next(1));
        return records;
    }

    /** Sends one after the other, each when the one before is on the server's disk; ms of each. */
    async oneByOne(records: readonly Uint8Array[]): Promise<number[]> {
        const spentMs: number[] = [];
        for (const record of records) {
            const startMs = performance.now();
            await this.#link.send(record);
            spentMs.push(performance.now() - startMs);
        }
        return spentMs;
    }

    /** Sends all at once; seconds until the last of them is final. */
    async atOnce(records: readonly Uint8Array[]): Promise<number> {
        const before = (await viewOf(this.#url)).records;
        const startMs = performance.now();
        for (let i = 0; i < records.length; i += RECORDS_PER_MESSAGE) {
            await this.#link.send(concatBytes(...records.slice(i, i + RECORDS_PER_MESSAGE)));
        }
        await this.untilFinal(before + records.length);
        return (performance.now() - startMs) / 1000;
    }

    /** Resolves when the server calls so many records final. */
    async untilFinal(records: number): Promise<void> {
        const endMs = performance.now() + FINAL_WITHIN_MS;
        while ((await viewOf(this.#url)).records < records) {
            if (performance.now() > endMs) throw new Error(`${records} records are not final`);
            await sleep(LOOK_EACH_MS);
        }
    }

    close(): Promise<void> {
        return this.#link.close();
    }
}
