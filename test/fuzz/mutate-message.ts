import { concatBytes } from "@meterseal/core";
import { attempt, decodeCbor, encodeCbor } from "@meterseal/record";
import type { SeededRandom } from "@meterseal/testkit/random";
import { mutateBytes } from "./mutate.ts";

/** Values that sit on both sides of the limits of fields. */
const VALUES: readonly unknown[] = [
    0,
    1,
    -1,
    15,
    16,
    255,
    384,
    385,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
    -(2n ** 63n),
    "",
    "Europe/London",
    "Mars/Olympus",
    true,
    false,
    null,
    [],
    [0],
    new Map(),
    new Map([[0, 0]]),
    new Uint8Array(),
    new Uint8Array(8),
    new Uint8Array(16),
    new Uint8Array(32),
    new Uint8Array(33),
];
const TAG_SIGN1 = 0xd2;

/** A changed value of the same kind of tree: fields changed, moved, doubled, missing, added. */
export function mutateTree(random: SeededRandom, value: unknown): unknown {
    if (random.chance(0.15)) return random.pick(VALUES);
    if (value instanceof Map) return mutateMap(random, value);
    if (Array.isArray(value)) return mutateArray(random, value);
    if (value instanceof Uint8Array) return mutateString(random, value);
    if (typeof value === "number") {
        return value + random.pick([1, -1, 1, -1, 2, 96, 900, 3600, -900, 86_400]);
    }
    if (typeof value === "bigint") return value + random.pick([1n, -1n, 2n ** 20n]);
    return random.pick(VALUES);
}

function mutateMap(random: SeededRandom, value: ReadonlyMap<unknown, unknown>): unknown {
    const out = new Map(value);
    const keys = [...out.keys()];
    const key = keys.length === 0 ? 0 : random.pick(keys);
    const other = keys.length === 0 ? 0 : random.pick(keys);
    switch (random.below(6)) {
        case 0:
            out.delete(key);
            break;
        case 1:
            out.set(random.pick([...keys, 6, 7, 8, 9, 10, 11, 12, 13, -1, "v"]), out.get(other));
            break;
        case 2:
            out.set(random.below(20), random.pick(VALUES));
            break;
        default:
            out.set(key, mutateTree(random, out.get(key)));
    }
    return out;
}

function mutateArray(random: SeededRandom, value: readonly unknown[]): unknown {
    const out = [...value];
    const at = random.below(out.length + 1);
    switch (random.below(5)) {
        case 0:
            out.splice(at, 1);
            break;
        case 1:
            out.splice(at, 0, at < out.length ? out[at] : random.pick(VALUES));
            break;
        case 2:
            return random.shuffle(out);
        default:
            if (out.length > 0) {
                const place = Math.min(at, out.length - 1);
                out[place] = mutateTree(random, out[place]);
            }
    }
    return out;
}

/** Changes the CBOR in a byte string, or else its bytes, mostly without changing its length. */
function mutateString(random: SeededRandom, bytes: Uint8Array): Uint8Array {
    const inner = attempt(() => decodeCbor(bytes));
    if (inner.ok && bytes.length > 8) return encodeCbor(mutateTree(random, inner.value));
    if (random.chance(0.3)) return mutateBytes(random, bytes, [bytes]);
    const out = new Uint8Array(bytes);
    if (out.length > 0) out[random.below(out.length)] = random.below(256);
    return out;
}

/** A changed copy of one CBOR item that is still canonical; null where the input is none. */
export function mutateItem(random: SeededRandom, bytes: Uint8Array): Uint8Array | null {
    const changed = attempt(() => encodeCbor(mutateTree(random, decodeCbor(bytes))));
    return changed.ok ? changed.value : null;
}

/**
 * A changed copy of a COSE_Sign1 message whose frame is whole again, so that the change is found by
 * whoever reads the payload and not by the first length check; null where the input is none.
 */
export function mutateSign1(random: SeededRandom, bytes: Uint8Array): Uint8Array | null {
    const changed = attempt(() => {
        const frame = decodeCbor(bytes.subarray(1));
        if (bytes[0] !== TAG_SIGN1 || !Array.isArray(frame)) return null;
        const part = random.chance(0.8) ? 2 : random.below(4);
        const inner = frame[part];
        if (!(inner instanceof Uint8Array)) frame[part] = mutateTree(random, inner);
        else frame[part] = mutateItem(random, inner) ?? mutateBytes(random, inner, [inner]);
        return concatBytes(Uint8Array.of(TAG_SIGN1), encodeCbor(frame));
    });
    return changed.ok ? changed.value : null;
}
