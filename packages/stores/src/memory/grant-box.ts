import { bytesEqual, error, LIMITS, toHex } from "@meterseal/core";
import type { BoxAccess, BoxItem, BoxMessage, GrantBox } from "@meterseal/record";
import { boxFault } from "../box-full.ts";
import type { StoreHooks } from "../hooks.ts";
import { Life } from "./life.ts";

type Boxed = { readonly message: BoxMessage; item: BoxItem; accesses: BoxAccess[] };

/** Double of a grant box, with the rules of the real one and a crash. */
export class MemoryGrantBox implements GrantBox {
    readonly #life: Life;
    /** What survives a crash, by hexadecimal hash, in the order of arrival. */
    readonly #disk: Map<string, Boxed>;

    constructor(hooks: StoreHooks = {}, disk: Map<string, Boxed> = new Map()) {
        this.#life = new Life(hooks);
        this.#disk = disk;
    }

    /** Ends this box and opens another one on what was durable. */
    crash(hooks: StoreHooks = {}): MemoryGrantBox {
        this.#life.end("crashed");
        return new MemoryGrantBox(hooks, this.#disk);
    }

    async put(message: BoxMessage): Promise<boolean> {
        const name = toHex(message.hash);
        let added = false;
        await this.#life.write("put", () => {
            if (this.#disk.has(name)) return () => undefined;
            const own = [...this.#disk.values()]
                .map((boxed) => boxed.message)
                .filter(({ issuer }) => bytesEqual(issuer, message.issuer));
            const bytes = own.reduce((sum, each) => sum + each.bytes.length, 0);
            const use = { messages: own.length, bytes };
            const fault = boxFault(use, message.issuer, message.bytes.length);
            if (fault !== null) throw fault;
            const copy = { ...message, bytes: message.bytes.slice() };
            const { bytes: _, ...head } = copy;
            const size = copy.bytes.length;
            const row = this.#disk.size + 1;
            const item = { ...head, row, size, reads: 0, lastReadUnix: null, refusals: 0 };
            return () => {
                this.#disk.set(name, { message: copy, item, accesses: [] });
                added = true;
            };
        });
        return added;
    }

    message(hash: Uint8Array): Promise<BoxMessage | null> {
        return this.#life.read(() => {
            const message = this.#disk.get(toHex(hash))?.message;
            return message === undefined ? null : { ...message, bytes: message.bytes.slice() };
        });
    }

    list(party: Uint8Array, kind: number, afterRow: number, limit: number): Promise<BoxItem[]> {
        return this.#life.read(() =>
            [...this.#disk.values()]
                .map(({ item }) => item)
                .filter((item) => item.kind === kind && item.row > afterRow)
                .filter((item) => [item.issuer, item.recipient].some((id) => bytesEqual(id, party)))
                .slice(0, limit),
        );
    }

    noteAccess(hash: Uint8Array, access: BoxAccess): Promise<void> {
        return this.#life.write("noteAccess", () => {
            const boxed = this.#disk.get(toHex(hash));
            if (boxed === undefined) {
                throw error("MS_NOT_FOUND", { where: `message ${toHex(hash)}` });
            }
            const { item } = boxed;
            const counted = access.granted
                ? { ...item, reads: item.reads + 1, lastReadUnix: access.timeUnix }
                : { ...item, refusals: item.refusals + 1 };
            return () => {
                boxed.item = counted;
                const room = { granted: LIMITS.boxAccesses, refused: LIMITS.boxAccesses };
                boxed.accesses = [access, ...boxed.accesses].filter(
                    ({ granted }) => room[granted ? "granted" : "refused"]-- > 0,
                );
            };
        });
    }

    accesses(hash: Uint8Array): Promise<BoxAccess[]> {
        return this.#life.read(() => [...(this.#disk.get(toHex(hash))?.accesses ?? [])]);
    }

    /** Ends the box without losing anything: {@link crash} opens it again. */
    close(): Promise<void> {
        this.#life.end("closed");
        return Promise.resolve();
    }
}
