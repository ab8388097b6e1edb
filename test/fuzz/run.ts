import { type SeededRandom, seededRandom } from "@meterseal/testkit/random";
import type { FuzzInput, FuzzSession, FuzzTarget } from "./target.ts";

/** An input that broke something, and how to make it again. */
export class FuzzFinding extends Error {
    readonly target: string;
    readonly seed: number;
    readonly index: number;
    readonly input: FuzzInput;

    constructor(target: string, seed: number, index: number, input: FuzzInput, cause: unknown) {
        super(`${target}: input ${index} of seed ${seed}`, { cause });
        this.target = target;
        this.seed = seed;
        this.index = index;
        this.input = input;
    }

    /** The input as bytes; text as UTF-8. */
    get bytes(): Uint8Array {
        return typeof this.input === "string" ? new TextEncoder().encode(this.input) : this.input;
    }
}

/** What a target made of its inputs. */
export type FuzzReport = {
    readonly target: string;
    readonly inputs: number;
    readonly accepted: number;
    readonly refused: number;
    readonly seconds: number;
};

/** No input may take longer, milliseconds of wall time on a machine that is busy. */
const SLOWEST_MS = 10_000;
/** What this process may hold; looked at each {@link MEMORY_EVERY} inputs. */
const MEMORY_BYTES = 1024 ** 3;
const MEMORY_EVERY = 1_000;

/**
 * Gives a target so many inputs, numbers `from` … `from + count − 1` of a seed.
 * @throws FuzzFinding at the first one that is neither taken nor refused with one of our errors.
 */
export async function fuzz(
    target: FuzzTarget,
    seed: number,
    count: number,
    from: number = 0,
): Promise<FuzzReport> {
    const startedMs = performance.now();
    const counts = { accepted: 0, refused: 0 };
    const session = await target.open();
    let index = from;
    let input: FuzzInput = "";
    const stray: unknown[] = [];
    const onStray = (cause: unknown): void => void stray.push(cause);
    process.on("unhandledRejection", onStray);
    process.on("uncaughtException", onStray);
    try {
        for (; index < from + count; index++) {
            const inputMs = performance.now();
            input = session.make(randomOf(target.name, seed, index));
            const verdict = session.take(input);
            counts[typeof verdict === "string" ? verdict : await verdict]++;
            if (stray.length > 0) throw stray[0];
            if (performance.now() - inputMs > SLOWEST_MS) throw new Error("it took too long");
            if (index % MEMORY_EVERY === 0) requireMemory();
        }
        await close(session);
        if (stray.length > 0) throw stray[0];
    } catch (cause) {
        await session.close?.().catch(() => undefined);
        throw new FuzzFinding(target.name, seed, index, input, cause);
    } finally {
        process.off("unhandledRejection", onStray);
        process.off("uncaughtException", onStray);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    return { target: target.name, inputs: count, ...counts, seconds };
}

function requireMemory(): void {
    const bytes = process.memoryUsage.rss();
    if (bytes > MEMORY_BYTES) throw new Error(`the process holds ${bytes} bytes`);
}

async function close(session: FuzzSession): Promise<void> {
    await session.close?.();
    await new Promise<void>((resolve) => setImmediate(resolve)); // stray rejections come now
}

/** Random numbers of one input alone: any input can be made again without those before it. */
function randomOf(name: string, seed: number, index: number): SeededRandom {
    let hash = seed | 0;
    for (const unit of name) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
    return seededRandom(Math.imul(hash ^ index, 0x9e3779b1) ^ (index << 7));
}
