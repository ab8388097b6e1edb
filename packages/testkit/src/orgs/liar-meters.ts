import { concatBytes, toHex } from "@meterseal/core";
import { STREAM_MODE } from "@meterseal/record";
import { testSigner } from "../keys.ts";
import type { SeededRandom } from "../random.ts";
import { TestChain, type TestMeter } from "../records.ts";
import { stranger } from "./founding.ts";
import type { OrgHost } from "./host.ts";

const KEPT_MESSAGES = 60;

/** What a lying meter does. */
const LIES = [
    "equivocate",
    "backwards",
    "unknown key",
    "foreign key",
    "other chain",
    "future",
    "replay",
    "replay as another",
    "garbage",
    "changed",
] as const;

/** Enrolled meters whose owners mean ill, and whoever has overheard the others. */
export class LiarMeters {
    readonly #host: OrgHost;
    readonly #random: SeededRandom;
    readonly #chains: TestChain[];
    readonly #overheard: { readonly from: string; readonly message: Uint8Array }[] = [];

    constructor(host: OrgHost, random: SeededRandom, meters: readonly TestMeter[]) {
        this.#host = host;
        this.#random = random;
        const { startSlot, startUnix } = host;
        this.#chains = meters.map((meter) =>
            Object.assign(new TestChain(meter), { timeUnix: startUnix, nextSlot: startSlot }),
        );
    }

    /** Keeps a message of a meter for later. */
    overhear(from: string, message: Uint8Array): void {
        this.#overheard.push({ from, message: message.slice() });
        if (this.#overheard.length > KEPT_MESSAGES) this.#overheard.shift();
    }

    /** Messages of honest meters, as somebody on the way sees them. */
    get overheard(): readonly { readonly from: string; readonly message: Uint8Array }[] {
        return this.#overheard;
    }

    /** Tells one lie to one or two collectors. */
    async strike(): Promise<void> {
        const lie = this.#random.pick(LIES);
        const chain = this.#random.pick(this.#chains);
        this.#host.trace.note("lie", lie);
        const own = toHex(chain.meter.subject);
        const old = this.#overheard.at(this.#random.below(Math.max(1, this.#overheard.length)));
        switch (lie) {
            case "equivocate":
                return await this.#equivocate(chain, own);
            case "replay":
                return old && (await this.#send(old.from, old.message));
            case "replay as another":
                return old && (await this.#send(own, old.message));
            case "garbage":
                return await this.#send(own, this.#random.bytes(this.#random.below(300)));
            case "changed":
                return old && (await this.#send(old.from, this.#flip(old.message)));
            default:
                await this.#send(own, await this.#falseRecord(chain, lie));
        }
    }

    /** Two histories from one place on: each to a collector of its own, or both to one. */
    async #equivocate(chain: TestChain, own: string): Promise<void> {
        const other = chain.fork();
        const [one, twin] = [
            await chain.warning(this.#random.below(1_000)),
            await other.warning("twin"),
        ];
        const parts = [one, twin].map(({ message }) => message.bytes);
        if (this.#random.chance(0.3)) return await this.#send(own, concatBytes(...parts));
        for (const part of parts) await this.#send(own, part);
    }

    /** A record that breaks a rule; the chain itself goes on as if nothing had been. */
    async #falseRecord(chain: TestChain, lie: (typeof LIES)[number]): Promise<Uint8Array> {
        const fork = chain.fork();
        const make = async (): Promise<Uint8Array> => {
            switch (lie) {
                case "unknown key":
                    return (await fork.warning(1, { signer: stranger().signer })).message.bytes;
                case "foreign key": {
                    const signer = testSigner("meter 0 of organisations", "edDsa");
                    return (await fork.warning(1, { signer })).message.bytes;
                }
                case "other chain":
                    return (await fork.warning(1, { prev: this.#random.bytes(32) })).message.bytes;
                case "future": {
                    const timeUnix = chain.timeUnix + 40 * 86_400;
                    return (await fork.warning(1, { timeUnix })).message.bytes;
                }
                default:
                    return await this.#backwards(chain);
            }
        };
        return await make();
    }

    /** An open register that goes backwards, or a boundary that is sealed twice. */
    async #backwards(chain: TestChain): Promise<Uint8Array> {
        const { groups } = chain.meter.descriptor;
        const isOpen = chain.meter.descriptor.mode === STREAM_MODE.open;
        const registers = (wh: bigint): bigint[] => groups.map(() => wh);
        const values = (wh: bigint) =>
            isOpen
                ? { values: { mode: "open" as const, registers: registers(wh) }, count: 1 }
                : { count: 1 };
        const first = await chain.usage(values(1_000n));
        if (!isOpen) chain.nextSlot -= 1;
        const second = await chain.usage(values(1n));
        return concatBytes(first.message.bytes, second.message.bytes);
    }

    /** Gives a message to a collector that listens; what it says of it is its own business. */
    async #send(subject: string, message: Uint8Array): Promise<void> {
        const up = this.#host.nodes.filter(({ isUp }) => isUp);
        if (up.length === 0) return;
        const { handler } = this.#random.pick(up);
        await handler?.receive(subject, message).catch(() => undefined);
    }

    #flip(message: Uint8Array): Uint8Array {
        const out = message.slice();
        const at = this.#random.below(out.length);
        out[at] = (out[at] ?? 0) ^ (1 << this.#random.below(8));
        return out;
    }
}
