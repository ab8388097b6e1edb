import { bytesEqual, concatBytes, error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import type { StreamDescriptor } from "../enrol.ts";
import { type MeterRecord, RECORD_CLASS, usageOf } from "../record.ts";
import { channelCount } from "../usage.ts";
import type { Checkpoint } from "./compact.ts";
import type { LightReading } from "./light.ts";

/** Light readings of one meter that no signature covers yet, one boundary each. */
export class LightBook {
    readonly #width: number;
    /** By seal epoch and slot. */
    readonly #boundaries = new Map<string, LightReading>();

    constructor({ groups }: StreamDescriptor, lights: readonly LightReading[]) {
        this.#width = channelCount(groups) * 8;
        for (const light of lights)
            this.#boundaries.set(nameOf(light.sealEpoch, light.firstSlot), light);
    }

    /** By slot. */
    get all(): readonly LightReading[] {
        return [...this.#boundaries.values()].sort(
            (a, b) => a.sealEpoch - b.sealEpoch || a.firstSlot - b.firstSlot,
        );
    }

    /**
     * Adds the boundaries of a reading; what is known stays.
     * @returns MS_RESEALED where registers are others than those that are known, MS_BUSY beyond
     * {@link LIMITS.loraLightReadings}.
     */
    add({ firstSlot, flag, registers, sealEpoch }: LightReading): Result<null> {
        const count = registers.length / this.#width;
        const parts = Array.from({ length: count }, (_, i): LightReading => {
            const part = registers.slice(i * this.#width, (i + 1) * this.#width);
            const isLast = i === count - 1 && flag !== undefined;
            return {
                ...{ sealEpoch, firstSlot: firstSlot + i, registers: part },
                ...(isLast ? { flag } : {}),
            };
        });
        for (const part of parts) {
            const known = this.#boundaries.get(nameOf(sealEpoch, part.firstSlot));
            if (known !== undefined && !bytesEqual(known.registers, part.registers))
                return fail(error("MS_RESEALED", { where: `slot ${part.firstSlot}` }));
        }
        const isNew = (part: LightReading): boolean =>
            !this.#boundaries.has(nameOf(sealEpoch, part.firstSlot));
        if (this.#boundaries.size + parts.filter(isNew).length > LIMITS.loraLightReadings)
            return fail(error("MS_BUSY", { expected: "a checkpoint first" }));
        for (const part of parts) {
            const name = nameOf(sealEpoch, part.firstSlot);
            const known = this.#boundaries.get(name);
            // The first of two in a frame comes without its flag, which its own frame has.
            if (known === undefined || known.flag === undefined) this.#boundaries.set(name, part);
        }
        return ok(null);
    }

    /** Registers of all boundaries of a checkpoint; null where one is not here. */
    registersOf({ count, firstSlot, sealEpoch }: Checkpoint): Uint8Array | null {
        const parts: Uint8Array[] = [];
        for (let slot = firstSlot; slot < firstSlot + count; slot++) {
            const light = this.#boundaries.get(nameOf(sealEpoch, slot));
            if (light === undefined) return null;
            parts.push(light.registers);
        }
        return concatBytes(...parts);
    }

    /** Boundaries of a checkpoint that are not here, as runs of offset and length. */
    missingOf({ count, firstSlot, sealEpoch }: Checkpoint): [offset: number, length: number][] {
        const runs: [number, number][] = [];
        for (let offset = 0; offset < count; offset++) {
            if (this.#boundaries.has(nameOf(sealEpoch, firstSlot + offset))) continue;
            const last = runs.at(-1);
            if (last !== undefined && last[0] + last[1] === offset) last[1]++;
            else runs.push([offset, 1]);
        }
        return runs;
    }

    /** Forgets what a signed usage record holds, and what is before it. */
    cover(record: MeterRecord): void {
        if (record.recordClass !== RECORD_CLASS.usage) return;
        const usage = usageOf(record);
        if (!usage.ok) return;
        const { count, firstSlot, sealEpoch } = usage.value;
        for (const [name, light] of this.#boundaries) {
            const isLater =
                light.sealEpoch > sealEpoch ||
                (light.sealEpoch === sealEpoch && light.firstSlot >= firstSlot + count);
            if (!isLater) this.#boundaries.delete(name);
        }
    }
}

function nameOf(sealEpoch: number, slot: number): string {
    return `${sealEpoch} ${slot}`;
}
