import { concatBytes, fromHex } from "@meterseal/core";
import {
    createReceipt,
    encodeReceipt,
    RECEIPT_LEVEL,
    type Receipt,
    splitSequence,
} from "@meterseal/record";
import { testSigner } from "./keys.ts";
import type { SeededRandom } from "./random.ts";
import { TestChain, type TestMeter } from "./records.ts";
import type { SimHost } from "./sim-host.ts";

const KEPT_MESSAGES = 40;

/** Everybody who means ill in a simulation: sends garbage and old messages, lies, forks a chain. */
export class SimMischief {
    readonly #world: SimHost;
    readonly #random: SeededRandom;
    /** An enrolled meter whose owner signs two histories. */
    readonly #traitor: TestMeter;
    readonly #chain: TestChain;
    readonly #overheard: { readonly from: string; readonly message: Uint8Array }[] = [];
    readonly #receipts: Uint8Array[] = [];
    #forged: Uint8Array | null = null;

    constructor(world: SimHost, random: SeededRandom, traitor: TestMeter) {
        this.#world = world;
        this.#random = random;
        this.#traitor = traitor;
        this.#chain = new TestChain(traitor);
    }

    /** Keeps a message of a meter for later. */
    overhear(from: string, message: Uint8Array): void {
        this.#overheard.push({ from, message: message.slice() });
        if (this.#overheard.length > KEPT_MESSAGES) this.#overheard.shift();
    }

    /** Something false that a meter is told beside a genuine receipt; null mostly. */
    lieTo(subjectHex: string, genuine: Uint8Array): Uint8Array | null {
        this.#receipts.push(genuine.slice());
        if (this.#receipts.length > KEPT_MESSAGES) this.#receipts.shift();
        if (!this.#world.strikes(0.1)) return null;
        this.#world.notes.counts.mischief++;
        switch (this.#random.below(5)) {
            case 0:
                return this.#random.pick(this.#receipts); // old, or another meter's
            case 1:
                return this.#flip(genuine);
            case 2:
                return this.#forged;
            case 3:
                return encodeReceipt(this.#lie(subjectHex));
            default:
                return this.#random.bytes(this.#random.below(80));
        }
    }

    /** Does one bad thing to the collector. */
    async strike(): Promise<void> {
        const { collector, notes } = this.#world;
        const { handler } = collector;
        if (handler === null) return;
        notes.counts.mischief++;
        this.#forged = await createReceipt(
            testSigner("forger", "edDsa"),
            this.#lie(this.#random.pick(this.#world.meters).subjectHex),
        );
        const victim = this.#random.pick(this.#world.meters).subjectHex;
        const old = this.#overheard.at(this.#random.below(Math.max(1, this.#overheard.length)));
        const traitor = this.#traitor.subject.toHex();
        switch (this.#random.below(7)) {
            case 0:
                return await handler.receive(victim, this.#random.bytes(this.#random.below(300)));
            case 1:
                if (old === undefined) return;
                return await handler.receive(old.from, this.#flip(old.message));
            case 2:
                if (old === undefined) return;
                return await handler.receive(victim, old.message);
            case 3:
                if (old === undefined) return;
                return await handler.receive(old.from, this.#truncate(old.message));
            case 4:
                if (old === undefined) return;
                return await handler.receive(old.from, this.#shuffle(old.message));
            case 5:
                await handler.authenticate(victim, this.#random.bytes(100));
                return;
            default:
                return await handler.receive(traitor, await this.#fork());
        }
    }

    /** Records of the traitor; now and then one beside another. */
    async #fork(): Promise<Uint8Array> {
        const at = this.#chain.fork();
        const record = await this.#chain.warning(this.#random.below(1_000));
        const twin = await at.warning("twin");
        const parts = this.#random.chance(0.3) ? [twin, record] : [record];
        return concatBytes(...parts.map(({ message }) => message.bytes));
    }

    #lie(subjectHex: string): Receipt {
        return {
            subject: fromHex(subjectHex),
            chainEpoch: 0,
            seq: 1 + this.#random.below(20),
            recordHash: this.#random.bytes(32),
            level: this.#random.pick(Object.values(RECEIPT_LEVEL)),
            code: this.#random.below(16),
            timeUnix: 0,
            leafIndex: 1,
            checkpoint: { size: 2, root: this.#random.bytes(32) },
        };
    }

    #flip(message: Uint8Array): Uint8Array {
        const out = message.slice();
        const at = this.#random.below(out.length);
        out[at] = (out[at] ?? 0) ^ (1 << this.#random.below(8));
        return out;
    }

    #truncate(message: Uint8Array): Uint8Array {
        return message.slice(0, this.#random.below(message.length));
    }

    #shuffle(message: Uint8Array): Uint8Array {
        const items = splitSequence(message, 1_000);
        return items.ok ? concatBytes(...this.#random.shuffle(items.value)) : message;
    }
}
